"""Lint: what no rule forbids, and what is wrong, missing or doubtful all the same. One row a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from privet.manifest.check import declares, fides, holds, labelled
from privet.manifest.check.ground import Ground, Say
from privet.manifest.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Lint:
    """One kind of finding. `name`: the `rule` of its findings. `about`: one sentence on what is wrong. `find`: yields
    them all, made by the callable that it is handed."""

    name: str
    severity: Severity
    about: str
    find: Callable[[Ground, Say], Iterator[Finding]]


LINTS: tuple[Lint, ...] = (
    Lint("unknown-category", "error", "A category that the taxonomy does not have.", labelled.unknown_category),
    Lint("unknown-use", "error", "A use that the taxonomy does not have.", labelled.unknown_use),
    Lint("unknown-subject", "error", "A subject that the taxonomy does not have.", labelled.unknown_subject),
    Lint("deprecated-label", "warning", "A key of an older Fides taxonomy.", labelled.deprecated_label),
    Lint("no-subjects", "warning", "A declaration that does not say about whom.", declares.no_subjects),
    Lint("no-declarations", "warning", "A system that declares no use of data.", declares.no_declarations),
    Lint("unknown-dataset", "error", "A reference to a dataset that is not there.", declares.unknown_dataset),
    Lint("unknown-system", "warning", "A flow from or to a system that is not there.", declares.unknown_system),
    Lint("unlisted-flow", "error", "A flow of a declaration that its system lacks.", declares.unlisted_flow),
    Lint("unknown-law", "error", "A law of an organization of which nothing is known.", declares.unknown_law),
    Lint("no-legal-basis", "error", "A legal basis is missing that a law asks for.", declares.no_legal_basis),
    Lint("no-retention", "error", "A retention is missing that a law asks for.", declares.no_retention),
    Lint("no-special-basis", "warning", "Special categories of data without a basis.", declares.no_special_basis),
    Lint("no-sensitive-consent", "warning", "Sensitive data without consent.", declares.no_sensitive_consent),
    Lint("no-transfer-basis", "warning", "A transfer abroad without a basis.", declares.no_transfer_basis),
    Lint("unreferenced-dataset", "warning", "A dataset that no system refers to.", holds.unreferenced_dataset),
    Lint("unknown-reference", "error", "A reference to what is not there.", holds.unknown_reference),
    Lint("unlabelled-field", "warning", "A field that looks personal and has no category.", holds.unlabelled_field),
    Lint("unreachable-data", "warning", "Personal data that people's requests miss.", holds.unreachable_data),
    Lint("no-primary-key", "warning", "A collection where erasure cannot tell records apart.", holds.no_primary_key),
)
BROAD = "A category or a use above one that a rule forbids: it passes, and may hold it."


def findings(ground: Ground, only: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Yield what every row finds, and what Fides' rules overlook.

    `only`: keys of the Fides policies to go by, () for all.
    """
    for row in LINTS:
        yield from row.find(ground, partial(Finding, rule=row.name, severity=row.severity))
    yield from fides.doubts(ground, only)
