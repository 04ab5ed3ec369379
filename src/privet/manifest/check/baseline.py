"""What is known already: a file of findings that a team has seen, so that only new ones fail.

The file is JSON, for people to review: an entry a line, in order, with the rule, the file and the subject beside the
fingerprint. Lines of manifests may move without a known finding becoming new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from privet import codec
from privet.errors import InvalidInput, MalformedBody
from privet.manifest.finding import Finding

VERSION = 1
NEVER_KNOWN = frozenset({"invalid-yaml", "unreadable-file"})
"""Rules whose findings stay new: a file that nobody can read hides whatever else is wrong in it."""
_MOST_KEYS = 2_000_000


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry. `count`: how many findings look like this; several do where one thing is said twice."""

    fingerprint: str
    rule: str
    file: str
    subject: str
    count: int = 1


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    known: tuple[Known, ...]


class Outcome(NamedTuple):
    """`fresh`: findings that nobody knew. `known`: how many were set aside. `stale`: how many entries, or counts of
    entries, nothing is found for any more."""

    fresh: tuple[Finding, ...]
    known: int
    stale: int


def write(findings: Iterable[Finding]) -> str:
    """Return the file that makes all of some findings known."""
    counted = Counter(_known(finding) for finding in findings if finding.rule not in NEVER_KNOWN)
    entries = sorted(
        (msgspec.structs.replace(one, count=count) for one, count in counted.items()),
        key=lambda one: (one.file, one.rule, one.subject, one.fingerprint),
    )
    lines = ",\n".join(f"    {codec.encode(_entry(one)).decode()}" for one in entries)
    inner = f"\n{lines}\n  " if lines else ""
    return f'{{\n  "version": {VERSION},\n  "known": [{inner}]\n}}\n'


def read(text: str, file: str = "") -> tuple[Known, ...]:
    """Return the entries of a file. Raises MalformedBody, InvalidInput for one that a later Privet wrote."""
    try:
        held = codec.decode(text.encode(), _File, max_keys=_MOST_KEYS)
    except MalformedBody as error:
        place = f"{file}: {error.at}" if file and error.at else file or error.at
        raise MalformedBody(error.message, hint="--write-baseline writes it anew", at=place) from None
    if held.version != VERSION:
        raise InvalidInput(f"expected a baseline of version {VERSION}, found another", at=file)
    return held.known


def apply(findings: Iterable[Finding], text: str, file: str = "") -> Outcome:
    """Return findings without those that a file knows. Raises as `read` does."""
    left = _counted(read(text, file))
    fresh, known = [], 0
    for finding in findings:
        fingerprint = finding.fingerprint
        if left[fingerprint] > 0 and finding.rule not in NEVER_KNOWN:
            left[fingerprint] -= 1
            known += 1
        else:
            fresh.append(finding)
    return Outcome(tuple(fresh), known, sum(left.values()))


def _counted(entries: Iterable[Known]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for one in entries:
        counted[one.fingerprint] += max(0, one.count)
    return counted


def _known(finding: Finding) -> Known:
    return Known(finding.fingerprint, finding.rule, finding.at.file, finding.subject)


def _entry(one: Known) -> dict[str, str | int]:
    entry: dict[str, str | int] = msgspec.to_builtins(one)
    if one.count == 1:
        del entry["count"]
    return entry
