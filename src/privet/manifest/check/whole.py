"""The whole check of a manifest: rules of Fides, promises of ours, lint. Findings in order, each once."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping

from privet.errors import UnknownName
from privet.manifest.check import fides
from privet.manifest.check import lint as linting
from privet.manifest.check.ground import Ground
from privet.manifest.finding import Finding, in_order
from privet.manifest.resources import Manifest
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


def check(
    manifest: Manifest,
    faults: Iterable[Finding] = (),
    *,
    laws: Collection[Law] = (),
    only: Collection[str] = (),
    changed: Collection[str] | None = None,
    lint: bool = True,
) -> tuple[Finding, ...]:
    """Return what is wrong with a manifest, by file, line and column.

    `faults`: what reading it found. `laws`: those that every system is under, besides those of its organization
    (`meta.privet.laws`). `only`: policies to go by, as keys of Fides policies or files of ours; () for all. `changed`:
    files; findings are left out whose place, whose rule and whose declaration, with the datasets that it names, stand
    in none of them. Raises UnknownName for a policy that is not there.
    """
    ground = Ground(manifest, laws)
    chosen = tuple(_chosen(manifest, only))
    found = [*faults, *fides.violations(ground, chosen), *_promises(ground, chosen)]
    if lint:
        found += linting.findings(ground, chosen)
    if changed is not None:
        found = list(_of_files(ground, found, frozenset(changed)))
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
            near = difflib.get_close_matches(name, known, n=2)
            hint = "did you mean " + " or ".join(f"`{one}`" for one in near) + "?" if near else ""
            raise UnknownName("there is no policy of that key or file", hint=hint)
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
