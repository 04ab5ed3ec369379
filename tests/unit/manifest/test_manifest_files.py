"""Which files are read: found below folders or named, each once, and nothing that could hang or drown the reader."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from privet.manifest.files import LARGEST_BYTES, Source, read
from privet.manifest.finding import Finding
from privet.manifest.load import load
from privet.manifest.resources import PolicyText

DATASET = "dataset:\n  - fides_key: {key}\n    collections: []\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def keys(folder: Path, *named: str) -> list[str]:
    manifest, findings = load([folder / name for name in named] or [folder], root=folder)
    assert not findings
    return [dataset.key for dataset in manifest.datasets]


def told(folder: Path, *named: str) -> list[tuple[str, str, str]]:
    _, findings = load([folder / name for name in named] or [folder], root=folder)
    return [(each.severity, each.rule, str(each.at)) for each in findings]


def test_both_suffixes_are_found_at_any_depth_and_in_hidden_folders(tmp_path: Path) -> None:
    for at, name in enumerate(("a.yml", "deep/er/b.yaml", ".fides/c.yml", "d.yml.bak", "e.json")):
        write(tmp_path / name, DATASET.format(key=f"k{at}"))
    assert keys(tmp_path) == ["k0", "k2", "k1"]


def test_folders_of_tools_are_passed_over_unless_they_are_named(tmp_path: Path) -> None:
    write(tmp_path / "node_modules/a.yml", DATASET.format(key="a"))
    write(tmp_path / ".git/b.yml", DATASET.format(key="b"))
    assert keys(tmp_path) == [] and keys(tmp_path, "node_modules") == ["a"]


def test_a_file_is_read_once_however_often_it_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", DATASET.format(key="a"))
    (tmp_path / "b.yml").symlink_to(tmp_path / "a.yml")
    assert keys(tmp_path, ".", "a.yml", "b.yml") == ["a"]


def test_links_that_lead_in_circles_end(tmp_path: Path) -> None:
    write(tmp_path / "a/a.yml", DATASET.format(key="a"))
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "a/gone.yml").symlink_to(tmp_path / "nothing")
    assert told(tmp_path) == [("error", "unreadable-file", "a/gone.yml:1:1")]


def test_policies_of_ours_are_texts(tmp_path: Path) -> None:
    write(tmp_path / "p.policy", "allow read on people.*\n")
    manifest, findings = load([tmp_path], root=tmp_path)
    assert not findings and manifest.texts == (PolicyText("p.policy", "allow read on people.*\n"),)


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  web:\n    image: x\n",
        "on: push\njobs: {}\n",
        "{{ template }}: [\n",
        "a: 1\n---\nb: 2\n",
        "- 1\n",
        "",
    ],
    ids=["compose", "workflow", "template", "documents", "list", "empty"],
)
def test_a_file_below_a_folder_that_is_no_manifest_is_passed_over(tmp_path: Path, text: str) -> None:
    write(tmp_path / "x.yml", text)
    assert told(tmp_path) == []
    assert told(tmp_path, "x.yml") != []


def test_a_file_below_a_folder_that_looks_like_a_manifest_is_told_of(tmp_path: Path) -> None:
    write(tmp_path / "x.yml", "datasets:\n  - fides_key: a\n")
    assert told(tmp_path) == [("warning", "unknown-resource", "x.yml:1:1")]


def test_a_fault_ends_the_reading_of_its_own_file_only(tmp_path: Path) -> None:
    write(tmp_path / "a.yml", "dataset: [\n")
    write(tmp_path / "b.yml", DATASET.format(key="b"))
    manifest, findings = load([tmp_path], root=tmp_path)
    assert [dataset.key for dataset in manifest.datasets] == ["b"]
    assert [finding.rule for finding in findings] == ["invalid-yaml"]


def test_a_resource_in_two_files_is_told_of_with_both_places(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        write(tmp_path / name, DATASET.format(key="same"))
    _, findings = load([tmp_path], root=tmp_path)
    assert [(str(each.at), str(each.because)) for each in findings] == [("b.yml:2:16", "a.yml:2:16")]


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.yml").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    assert told(tmp_path) == [("error", "unreadable-file", "a.yml:1:1")]


def test_bytes_that_are_no_text_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"dataset:\n  - \xff\n")
    assert told(tmp_path) == [("error", "unreadable-file", "a.yml:2:5")]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_bytes(b"\xef\xbb\xbf" + DATASET.format(key="a").encode())
    assert keys(tmp_path) == ["a"]


def test_what_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")
    assert told(tmp_path) == []
    assert told(tmp_path, "pipe.yml", "nothing.yml") == [
        ("error", "unreadable-file", "nothing.yml:1:1"),
        ("error", "unreadable-file", "pipe.yml:1:1"),
    ]


def test_names_start_from_the_root(tmp_path: Path) -> None:
    write(tmp_path / "team/a.yml", "dataset: 1\n")
    _, findings = load([tmp_path / "team"], root=tmp_path)
    assert findings[0].at.file == "team/a.yml"


def test_a_name_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff.yml")).write_text(DATASET.format(key="a"))
    _, (found,) = load([tmp_path], root=tmp_path)
    assert (found.rule, found.at.file, found.message) == ("unreadable-file", "bad?.yml", "expected a path in UTF-8")
    assert found.fingerprint


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")
    found = read(Source(tmp_path / "pipe.yml", "pipe.yml", named=True))
    assert isinstance(found, Finding) and found.message == "expected a file"


def test_a_folder_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """Root opens closed folders as well, so this one's path is longer than the system takes."""
    write(tmp_path / "a.yml", DATASET.format(key="a"))
    before = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(20):
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
        found = told(tmp_path)
    finally:
        os.chdir(before)
    ((severity, rule, place),) = found
    assert (severity, rule) == ("error", "unreadable-file")
    assert place.startswith("d" * 250 + "/" + "d" * 250)
