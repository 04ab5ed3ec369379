"""Files that changed since a commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from privet.app.changed import changed_since, texts_before
from privet.errors import InvalidInput
from privet.manifest.files import LARGEST_BYTES


def _git(where: Path, *words: str) -> None:
    said = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *said, *words], cwd=where, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree whose branch left `main` after its first commit, while `main` went on."""
    _git(tmp_path, "init", "-q", "-b", "main")
    for name in ("kept.yml", "edited.yml", "below/deep.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one\n")
    _git(tmp_path, "add", "-A")
    _git(tmp_path, "commit", "-qm", "first")
    _git(tmp_path, "checkout", "-qb", "work")
    _git(tmp_path, "checkout", "-q", "main")
    (tmp_path / "kept.yml").write_text("main went on\n")
    _git(tmp_path, "commit", "-qam", "main")
    _git(tmp_path, "checkout", "-q", "work")
    return tmp_path


def test_committed_uncommitted_and_unknown_changes_count_and_those_of_the_other_branch_do_not(tree: Path) -> None:
    assert changed_since("main", tree) == frozenset()
    (tree / "edited.yml").write_text("two\n")
    _git(tree, "commit", "-qam", "second")
    (tree / "below" / "deep.yml").write_text("two\n")
    (tree / "né w.yml").write_text("new\n")
    assert changed_since("main", tree) == {"edited.yml", "below/deep.yml", "né w.yml"}


def test_what_files_said_before_is_read_from_where_the_branch_left(tree: Path) -> None:
    (tree / "edited.yml").write_text("two\n")
    (tree / "kept.yml").unlink()
    (tree / "new.yml").write_text("new\n")
    _git(tree, "commit", "-qam", "second")
    asked = ["../edited.yml", "../kept.yml", "deep.yml", "../new.yml", "../below", "../../far.yml", "a\nb.yml"]
    assert texts_before("main", tree / "below", asked) == {
        "../edited.yml": "one\n",
        "../kept.yml": "one\n",
        "deep.yml": "one\n",
    }
    assert texts_before("main", tree, []) == {}


def test_a_file_that_moved_is_gone_from_where_it_was(tree: Path) -> None:
    _git(tree, "mv", "edited.yml", "moved.yml")
    assert changed_since("main", tree) == {"edited.yml", "moved.yml"}


def test_what_was_no_text_or_is_too_long_is_left_out(tree: Path) -> None:
    (tree / "bytes.yml").write_bytes(b"\xff\xfe")
    (tree / "long.yml").write_bytes(b"#" * (LARGEST_BYTES + 1))
    (tree / "marked.yml").write_bytes(b"\xef\xbb\xbfone\n")
    _git(tree, "add", "-A")
    _git(tree, "commit", "-qm", "second")
    assert texts_before("HEAD", tree, ["bytes.yml", "long.yml", "marked.yml"]) == {"marked.yml": "one\n"}


def test_paths_are_from_the_folder_that_is_checked(tree: Path) -> None:
    (tree / "below" / "deep.yml").write_text("two\n")
    (tree / "edited.yml").write_text("two\n")
    assert changed_since("main", tree / "below") == {"deep.yml", "../edited.yml"}


@pytest.mark.parametrize("commit", ["--output=stolen", "no-such-branch", ""])
def test_what_is_no_commit_is_refused_and_never_taken_for_an_option(tree: Path, commit: str) -> None:
    with pytest.raises(InvalidInput):
        changed_since(commit, tree)
    assert not (tree / "stolen").exists()


def test_a_folder_outside_of_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="git work tree"):
        changed_since("main", tmp_path)


def test_no_program_that_the_tree_names_runs(tree: Path) -> None:
    (tree / "evil.sh").write_text(f"#!/bin/sh\ntouch {tree}/ran\n")
    (tree / "evil.sh").chmod(0o755)
    _git(tree, "config", "diff.external", str(tree / "evil.sh"))
    _git(tree, "config", "core.fsmonitor", str(tree / "evil.sh"))
    (tree / ".gitattributes").write_text("*.yml diff=evil\n")
    _git(tree, "config", "diff.evil.textconv", str(tree / "evil.sh"))
    (tree / "edited.yml").write_text("two\n")
    (tree / "ran").unlink(missing_ok=True)
    assert "edited.yml" in changed_since("main", tree)
    assert not (tree / "ran").exists()
