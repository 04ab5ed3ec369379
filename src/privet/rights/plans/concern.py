"""Which datasets a choice concerns: by what is declared of their use. Reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from privet.connectors.base import Choice
from privet.policy.bind import at_or_below
from privet.vocabulary.dataset import Collection, Dataset, every_field
from privet.vocabulary.system import System


def uses_of(systems: Iterable[System]) -> dict[str, frozenset[str]]:
    """Return what each dataset is used for: its key → taxonomy uses, as systems declare them."""
    found: dict[str, frozenset[str]] = {}
    for system in systems:
        flows = {flow.key for flow in (*system.ingress, *system.egress) if flow.kind == "dataset"}
        for declared in system.declarations:
            named = {*declared.datasets, *(key for key in (*declared.ingress, *declared.egress) if key in flows)}
            for key in named or {*system.datasets, *flows}:
                found[key] = found.get(key, frozenset()) | {str(declared.use)}
    return found


def concerned(
    choice: Choice, datasets: Iterable[Dataset], uses: Mapping[str, frozenset[str]], reached: Iterable[str]
) -> dict[str, bool]:
    """Return the datasets that are told a choice, and of each whether it has to be honoured there.

    A restriction is about all that holds personal data. An objection and a consent are about the datasets that are used
    for one of the choice's uses; one of which nobody declares a use is told if it can be. `uses`: see `uses_of`.
    `reached`: datasets that have a connector: another is no use to name where it need not honour anything.
    """
    there = set(reached)
    found = {}
    for dataset in datasets:
        must = _must(choice, dataset, uses.get(dataset.key))
        if must is not None and (must or dataset.key in there):
            found[dataset.key] = must
    return found


def _must(choice: Choice, dataset: Dataset, uses: frozenset[str] | None) -> bool | None:
    """Return whether a choice has to be honoured, None where it is not about the dataset."""
    if not any(map(_personal, dataset.collections)):
        return None
    if not choice.uses:
        return True
    if uses is None:
        return False
    near = any(at_or_below(use, wanted) or at_or_below(wanted, use) for use in uses for wanted in choice.uses)
    return True if near else None


def _personal(collection: Collection) -> bool:
    if collection.skipped:
        return False
    if collection.subject != "none" or any(at_or_below(label, "user") for label in collection.labels):
        return True
    return any(
        field.native.identity or any(at_or_below(label, "user") for label in field.labels)
        for _, field in every_field(collection.fields)
    )
