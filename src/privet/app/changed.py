"""Which files of a git work tree changed since a commit, so that a check can tell only of those."""

from __future__ import annotations

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
    """Return the files below `root`, as paths from there, that differ from where the current branch left `commit`.

    Changes that are not committed count, and files that git does not know yet. Raises InvalidInput where `root` is in
    no work tree or git does not know the commit, Unavailable where there is no git.
    """
    if commit.startswith("-") or "\0" in commit:
        raise InvalidInput("expected a branch or commit", at="--changed-since")
    top = _git(root, "rev-parse", "--show-toplevel", fault="expected a git work tree").rstrip("\n")
    base = _git(root, "merge-base", "HEAD", "--end-of-options", f"{commit}^{{commit}}", fault="expected a commit")
    differ = _git(root, "diff", "--no-ext-diff", "--no-textconv", "--name-only", "-z", base.strip(), "--")
    unknown = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--full-name", "--", ":/")
    found = [Path(top, name) for name in (*differ.split("\0"), *unknown.split("\0")) if name]
    below = root.resolve()
    return frozenset(path.relative_to(below).as_posix() for path in found if path.is_relative_to(below))


def _git(root: Path, *words: str, fault: str = "git failed") -> str:
    command = [*_GIT, *words]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=GIT_SECONDS, check=False)  # noqa: S603  # a list, no shell
    except FileNotFoundError:
        raise Unavailable("expected git on this machine") from None
    except subprocess.TimeoutExpired:
        raise Unavailable("git did not answer in time") from None
    if done.returncode:
        raise InvalidInput(fault, at="--changed-since", hint="a shallow clone lacks commits: fetch them first")
    return done.stdout.decode(errors="surrogateescape")
