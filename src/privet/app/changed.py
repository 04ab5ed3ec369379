"""Which files of a git work tree changed since a commit, so that a check can tell only of those."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from privet.errors import InvalidInput, Unavailable

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
    if commit.startswith("-") or "\0" in commit:
        raise InvalidInput("expected a branch or commit", at="--changed-since")
    top = _git(root, "rev-parse", "--show-toplevel", fault="expected a git work tree").rstrip("\n")
    hint = "a shallow clone lacks commits: fetch them first"
    words = ("merge-base", "HEAD", "--end-of-options", f"{commit}^{{commit}}")
    base = _git(root, *words, fault="expected a commit that this branch has in common", hint=hint)
    differ = _git(root, "diff", "--no-ext-diff", "--no-textconv", "--name-only", "-z", base.strip(), "--")
    unknown = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--full-name", "--", ":/")
    found = [Path(top, name) for name in (*differ.split("\0"), *unknown.split("\0")) if name]
    start = root.resolve()
    return frozenset(Path(os.path.relpath(path, start)).as_posix() for path in found)


def _git(root: Path, *words: str, fault: str = "git failed", hint: str = "") -> str:
    command = [*_GIT, *words]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=GIT_SECONDS, check=False)  # noqa: S603  # a list, no shell
    except FileNotFoundError:
        raise Unavailable("expected git on this machine") from None
    except subprocess.TimeoutExpired:
        raise Unavailable("git did not answer in time") from None
    if done.returncode:
        raise InvalidInput(fault, at="--changed-since", hint=hint)
    return done.stdout.decode(errors="surrogateescape")
