"""The whole check of a manifest: rules of Fides, promises of ours, lint. Findings in order, each once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from privet.errors import UnknownName
from privet.manifest.check import fides
from privet.manifest.check import lint as linting
from privet.manifest.check.ground import Ground
from privet.manifest.finding import Finding, in_order
from privet.manifest.resources import Manifest
from privet.near import meant
from privet.vocabulary.laws import Law

RULES: Mapping[str, str] = {
    fides.RULE: "A rule of a Fides policy forbids the use.",
    fides.BROAD: linting.BROAD,
    "policy-fault": "A policy text cannot be read.",
    "deny-use": "A promise denies the use, or may deny it.",
    "require-consent": "A promise asks for consent that nobody names.",
    "limit": "A promise keeps the redaction for connections.",
    "unknown-table": "A policy names a table that no dataset has.",
    "erasure": "A promise about erasures names what is not there.",
    **{row.name: row.about for row in linting.LINTS},
}
"""What each kind of finding is about. The kinds of other rooms are theirs to tell."""


class Changed(NamedTuple):
    """Files that changed, and what reads the manifest as it was before: it, and the faults of reading it."""

    files: Collection[str]
    before: Callable[[], tuple[Manifest, Iterable[Finding]]]


def check(
    manifest: Manifest,
    faults: Iterable[Finding] = (),
    *,
    laws: Collection[Law] = (),
    only: Collection[str] = (),
    changed: Changed | None = None,
    lint: bool = True,
) -> tuple[Finding, ...]:
    """Return what is wrong with a manifest, by file, line and column.

    `faults`: what reading it found. `laws`: those that every system is under, besides those of its organization
    (`meta.privet.laws`). `only`: policies to go by, as keys of Fides policies or files of ours; () for all. `changed`:
    findings are left out whose place, whose rule and whose declaration, with the datasets that it names, stand in no
    changed file, unless they were not there before, as of a reference to what is gone. Raises UnknownName for a policy
    that is not there.
    """
    ground = Ground(manifest, laws)
    chosen = tuple(_chosen(manifest, only))
    found = [*faults, *fides.violations(ground, chosen), *_promises(ground, chosen)]
    if lint:
        found += linting.findings(ground, chosen)
    if changed is not None:
        every, found = found, list(_of_files(ground, found, frozenset(changed.files)))
        others = set(every).difference(found)
        if others:
            old, old_faults = changed.before()
            known = {finding.fingerprint for finding in check(old, old_faults, laws=laws, lint=lint)}
            found += (finding for finding in others if finding.fingerprint not in known)
    return in_order(tuple(found))


def _promises(ground: Ground, chosen: Collection[str]) -> Iterator[Finding]:
    if ground.manifest.texts:  # the language takes a while to get ready
        from privet.manifest.check import promises

        yield from promises.findings(ground, chosen)


def _chosen(manifest: Manifest, only: Collection[str]) -> Iterator[str]:
    """Yield the keys and files that are meant: a file also goes by its last name alone."""
    files = [text.file for text in manifest.texts]
    known = {policy.key: policy.key for policy in manifest.policies}
    known |= {file.rpartition("/")[2]: file for file in files} | {file: file for file in files}
    for name in only:
        if name not in known:
            raise UnknownName("there is no policy of that key or file", hint=meant(name, known, most=2))
        yield known[name]


def _of_files(ground: Ground, found: Iterable[Finding], changed: frozenset[str]) -> Iterator[Finding]:
    """Yield the findings that stand in some files, break what stands there, or are about a use of what does."""
    files: dict[str, set[str]] = {}
    for one in ground.declared:
        mine = files.setdefault(one.subject, set())
        mine.add(ground.places.declaration(one.system, one.at).file)
        mine.update(ground.places.resource("dataset", key).file for key in one.declaration.datasets)
    for finding in found:
        stands = {finding.at.file, finding.because.file} | files.get(finding.subject, set())
        if not changed.isdisjoint(stands):
            yield finding
