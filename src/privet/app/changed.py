"""Which files of a git work tree changed since a commit, and what they said, so that a check can tell only of those."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from privet.errors import InvalidInput, Unavailable
from privet.manifest.files import LARGEST_BYTES

GIT_SECONDS = 60.0
# Names as they are, whatever the user's settings; no hook, no pager and no program of a setting runs.
_GIT = (
    "git",
    "--no-optional-locks",
    "-c",
    "core.quotePath=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "diff.external=",
    "--no-pager",
)


def changed_since(commit: str, root: Path) -> frozenset[str]:
    """Return the files, as paths from `root`, that differ from where the current branch left `commit`.

    Those of the whole work tree: what stands above `root` begins with `../`. Links in `root` are followed. Changes that
    are not committed count, and files that git does not know yet. Raises InvalidInput where `root` is in
    no work tree or git does not know the commit, Unavailable where there is no git.
    """
    top, base = _left(commit, root)
    words = ("diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--name-only", "-z", base, "--")
    differ = os.fsdecode(_git(root, *words))
    unknown = os.fsdecode(_git(root, "ls-files", "--others", "--exclude-standard", "-z", "--full-name", "--", ":/"))
    found = [Path(top, name) for name in (*differ.split("\0"), *unknown.split("\0")) if name]
    start = root.resolve()
    return frozenset(Path(os.path.relpath(path, start)).as_posix() for path in found)


def texts_before(commit: str, root: Path, files: Collection[str]) -> dict[str, str]:
    """Return the texts that files had where the current branch left `commit`, by their paths from `root`.

    What was not there then, what was no file, no text or too long is left out. Raises what `changed_since` raises.
    """
    top, base = _left(commit, root)
    start = root.resolve()
    paths = {file: Path(os.path.relpath(start / file, top)).as_posix() for file in files}
    paths = {file: path for file, path in paths.items() if "\n" not in path and not path.startswith("../")}
    asked = "".join(f"{base}:{path}\n" for path in paths.values())
    told = _git(root, "cat-file", "--batch", given=os.fsencode(asked))
    texts = {}
    for file in paths:
        head, _, told = told.partition(b"\n")
        if head.endswith(b" missing"):
            continue
        _, kind, size = head.split()
        body, told = told[: int(size)], told[int(size) + 1 :]
        if kind == b"blob" and len(body) <= LARGEST_BYTES:
            with suppress(UnicodeDecodeError):
                texts[file] = body.decode("utf-8-sig")
    return texts


def _left(commit: str, root: Path) -> tuple[str, str]:
    """Return the top of the work tree, and the commit at which the current branch left `commit`."""
    if commit.startswith("-") or "\0" in commit:
        raise InvalidInput("expected a branch or commit", at="--changed-since")
    top = os.fsdecode(_git(root, "rev-parse", "--show-toplevel", fault="expected a git work tree")).rstrip("\n")
    hint = "a shallow clone lacks commits: fetch them first"
    words = ("merge-base", "HEAD", "--end-of-options", f"{commit}^{{commit}}")
    base = _git(root, *words, fault="expected a commit that this branch has in common", hint=hint)
    return top, base.decode().strip()


def _git(root: Path, *words: str, given: bytes = b"", fault: str = "git failed", hint: str = "") -> bytes:
    command = [*_GIT, *words]
    try:
        done = subprocess.run(  # noqa: S603  # a list, no shell
            command, cwd=root, input=given, capture_output=True, timeout=GIT_SECONDS, check=False
        )
    except FileNotFoundError:
        raise Unavailable("expected git on this machine") from None
    except subprocess.TimeoutExpired:
        raise Unavailable("git did not answer in time") from None
    if done.returncode:
        raise InvalidInput(fault, at="--changed-since", hint=hint)
    return done.stdout
