"""What promises and manifests say of erasures: of categories, collections, fields. Every fault is kept with its place.

Which of several that are about one field counts is the business of `fates`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from privet.crypto.strategies import Setting, Strategy, settled, strategy
from privet.errors import InvalidInput, UnknownName
from privet.policy.review.aims import Aimed, aimed, misaimed, within
from privet.policy.syntax import DELETION, Erase, Keep, Policy, Span
from privet.rights.fates.holds import Hold
from privet.rights.words import Address
from privet.vocabulary.dataset import Dataset, Masking

MANIFEST = "manifest"

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Said:
    """A strategy with all its settings, and who says it: `file:line:column` of a promise, or MANIFEST."""

    strategy: Strategy
    settings: Mapping[str, Setting]
    rule: str

    def same(self, other: Said) -> bool:
        """Return whether another one masks alike."""
        if self.strategy.makes == other.strategy.makes == "null":
            return self.strategy.deletes == other.strategy.deletes
        return self.strategy.name == other.strategy.name and dict(self.settings) == dict(other.settings)

    @property
    def words(self) -> str:
        """Return what a promise says after `by`."""
        given = [
            f"{key} {_literal(value)}"
            for key, value in self.settings.items()
            if value is not None and value != next(w.default for w in self.strategy.settings if w.name == key)
        ]
        return f"{self.strategy.name} ({', '.join(given)})" if given else self.strategy.name


@dataclass(slots=True)
class Sayings:
    """All that is said. `fields`: collection and path ("" for all that is personal in it) → how it is overwritten.
    `deleted`: collections whose records go as a whole → who says so."""

    categories: dict[str, Said] = field(default_factory=dict)
    fields: dict[tuple[Address, str], Said] = field(default_factory=dict)
    deleted: dict[Address, str] = field(default_factory=dict)
    holds: dict[Address, list[Hold]] = field(default_factory=dict)
    kept_labels: list[tuple[str, Hold]] = field(default_factory=list)
    faults: list[InvalidInput] = field(default_factory=list)

    def fault(self, message: str, *, at: str, hint: str = "") -> None:
        """Keep a fault."""
        self.faults.append(InvalidInput(message, at=at, hint=hint))

    def masking(self, masking: Masking, at: str) -> Said | None:
        """Return what a manifest says of a field or collection; None, with a fault kept, where it cannot be."""
        return self.strategy(masking.strategy, masking.configuration, MANIFEST, at)

    def strategy(self, name: str, settings: Iterable[tuple[str, Setting]], rule: str, at: str) -> Said | None:
        """Return a strategy by name; None, with a fault kept, where there is none such."""
        try:
            found = strategy(name)
            return Said(found, settled(found, settings), rule)
        except (InvalidInput, UnknownName) as error:
            self.fault(error.message, at=at, hint=error.hint)
            return None


def sayings(policies: Mapping[str, Policy], datasets: Mapping[str, Dataset]) -> Sayings:
    """Return what promises say. `policies`: by file. `datasets`: by key."""
    found = Sayings()
    reader = _Reader(found, datasets)
    for file, policy in policies.items():
        for promise in policy.promises:
            if isinstance(promise, Erase):
                reader.erase(promise, file)
            elif isinstance(promise, Keep):
                reader.keep(promise, file)
    return found


class _Reader:
    """Reads promises one after the other."""

    def __init__(self, found: Sayings, datasets: Mapping[str, Dataset]) -> None:
        self.found = found
        self.datasets = datasets

    def erase(self, promise: Erase, file: str) -> None:
        at = _at(file, promise.span)
        said = self.found.strategy(promise.strategy, promise.settings, at, at)
        if not self._sound(promise, file) or said is None:
            return
        for aim in promise.targets:
            if aim.label:
                self._once(self.found.categories, aim.label, said, str(aim))
                continue
            place = aimed(aim, self.datasets)
            if promise.strategy in DELETION:
                self.found.deleted.setdefault(_address(place), at)
            else:
                self._once(self.found.fields, (_address(place), place.field), said, str(aim))

    def keep(self, promise: Keep, file: str) -> None:
        if not self._sound(promise, file):
            return
        term = promise.term
        for aim in promise.targets:
            hold = Hold(reason=promise.reason, rule=_at(file, promise.span))
            if aim.label:
                self.found.kept_labels.append((aim.label, hold))
                continue
            place = aimed(aim, self.datasets)
            where = within(promise.where, place)
            assert where is not None  # INVARIANT: the promise is sound.
            hold = replace(hold, path=place.field, where=where)
            if term is not None:
                hold = replace(hold, count=term.count, unit=term.unit, after=aimed(term.after, self.datasets).field)
            self.found.holds.setdefault(_address(place), []).append(hold)

    def _sound(self, promise: Erase | Keep, file: str) -> bool:
        """Return whether all that a promise names is there, with a fault kept for each that is not."""
        wrong = list(misaimed(promise, self.datasets))
        for fault in wrong:
            self.found.fault(fault.message, at=_at(file, fault.span), hint=fault.hint)
        return not wrong

    def _once(self, held: dict[_Key, Said], key: _Key, said: Said, name: str) -> None:
        first = held.setdefault(key, said)
        if not first.same(said):
            self.found.fault(
                f"`{name}` is erased in another way by {first.rule}", at=said.rule, hint="leave one of them"
            )


def _at(file: str, span: Span) -> str:
    return f"{file}:{span.line}:{span.column}"


def _address(place: Aimed) -> Address:
    return Address(place.dataset.key, place.collection.name)


def _literal(value: Setting) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
