"""What a rectification does with a record: the fields that are named get what is right, and all else stays. No I/O.

A field is named by its address, or by its category. One that is labelled below the category that was named holds a part
of what it is about (a given name, of a name), so it is set right only where what stands there now is said, too. Keys,
and what refers to them, stay, so that records still meet; promises that keep records do not stand in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import partial

from privet.connectors.base import Value
from privet.crypto.strategies import Context
from privet.errors import InvalidInput, InvalidValue, UnknownName
from privet.policy.bind import at_or_below
from privet.rights.asked import Correction
from privet.rights.fates.decision import Decider
from privet.rights.fates.fate import Fate, Fates, Judged, Put, raised
from privet.rights.fates.leaves import Leaf, Node, leaves_of
from privet.rights.plans.graph import refers
from privet.rights.plans.match import many, text
from privet.rights.words import Address
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset
from privet.vocabulary.datatype import data_type

Said = str | int | float | bool | None
_Make = Callable[[Said], Value]


def corrected(
    corrections: Sequence[Correction], datasets: Iterable[Dataset], key: Secret[bytes], *, vaults: Container[str] = ()
) -> Decider:
    """Return what decides over the records of datasets.

    `key`: the request's own, at least 16 bytes. `vaults`: keys of the datasets that are vaults, whose types take
    values in one form alone. Raises InvalidInput, whose `faults` hold each correction that names nothing.
    """
    known = tuple(datasets)
    chosen = _Chosen(corrections, known)
    faults = [_nothing(at) for at in range(len(corrections)) if at not in chosen.used]
    if not corrections:
        faults = [InvalidInput("expected at least one correction", at="corrections")]
    if faults:
        raise raised(faults)
    fates = {
        address: _fates(address, collection, chosen, address.dataset in vaults)
        for address, collection in chosen.collections.items()
    }
    return Decider(Judged(fates, ()), key)


def _nothing(at: int) -> InvalidInput:
    # What it names instead is a person's own words, and the reason of a request is kept when she is forgotten.
    return InvalidInput(
        "no field is called so, or is of that category",
        hint="name a category of the taxonomy, or a field as `dataset.collection.field`",
        at=f"corrections[{at}].what",
    )


class _Chosen:
    """Which corrections are about which field. `used`: places of those that name a field at all."""

    def __init__(self, corrections: Sequence[Correction], datasets: Sequence[Dataset]) -> None:
        self.collections: dict[Address, Collection] = {}
        self.leaves: dict[Node, Leaf] = {}
        self.of: dict[Node, tuple[Correction, ...]] = {}
        self.used: set[int] = set()
        for dataset in datasets:
            for collection in dataset.collections:
                if not collection.skipped:
                    self._take(Address(dataset.key, collection.name), collection, corrections)
        self._units = _units(datasets)

    def _take(self, address: Address, collection: Collection, corrections: Sequence[Correction]) -> None:
        self.collections[address] = collection
        for leaf in leaves_of(address, collection.fields):
            self.leaves[leaf.node] = leaf
            named = [at for at, each in enumerate(corrections) if _names(each, leaf)]
            self.used.update(named)
            if named:
                self.of[leaf.node] = tuple(corrections[at] for at in named)

    def refused(self, leaf: Leaf) -> str:
        """Return why a field cannot be changed, "" where it can."""
        if leaf.key:
            return "it is a primary key, which is not changed"
        if leaf.read_only:
            return "the system lets nobody write it"
        unit = self._units.get(leaf.node, ())
        if any(node not in self.leaves or self.leaves[node].key for node in unit):
            return "it refers to a key, which is not changed"
        apart = sorted(self.leaves[node].name for node in unit if self.of.get(node) != self.of[leaf.node])
        if apart:
            return f"records meet by it and `{apart[0]}`: correct both, by their category"
        return ""


def _names(correction: Correction, leaf: Leaf) -> bool:
    if correction.what == leaf.name or correction.what in leaf.labels:
        return True
    return correction.was is not None and any(at_or_below(label, correction.what) for label in leaf.labels)


def _units(datasets: Sequence[Dataset]) -> dict[Node, frozenset[Node]]:
    """Return the fields that hold the same values, because some refer to others: field → all of them."""
    held: dict[Node, frozenset[Node]] = {}
    for refer in refers(datasets):
        one, other = (refer.source, refer.field), (refer.target, refer.target_field)
        both = held.get(one, frozenset((one,))) | held.get(other, frozenset((other,)))
        held.update(dict.fromkeys(both, both))
    return held


def _fates(address: Address, collection: Collection, chosen: _Chosen, is_vault: bool) -> Fates:
    leaves = list(leaves_of(address, collection.fields))
    return Fates(
        address=address,
        collection=collection,
        fields=tuple(_fate(leaf, chosen, is_vault) for leaf in leaves if leaf.node in chosen.of),
        holds=(),
        deleted="",
        key=tuple(leaf.path for leaf in leaves if leaf.key),
    )


def _fate(leaf: Leaf, chosen: _Chosen, is_vault: bool) -> Fate:
    said = chosen.of[leaf.node]
    rule = _Rule(leaf=leaf, said=said, refused=chosen.refused(leaf), is_vault=is_vault)
    return Fate(
        path=leaf.path,
        said=None,
        context=Context(place=leaf.name, key=Secret(b"")),
        personal=leaf.personal,
        nullable=leaf.nullable,
        wholly=leaf.wholly,
        put=Put(partial(_put, rule), all(each.was is not None for each in said)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What is said of one field. `refused`: why it cannot be changed, "" where it can."""

    leaf: Leaf
    said: tuple[Correction, ...]
    refused: str
    is_vault: bool


def _put(rule: _Rule, held: Value) -> Value:
    """Return what is to stand in the place of a value. Raises InvalidValue, which names no value."""
    # The nearest counts: the field itself before its category, a deeper category before another.
    for each in sorted(rule.said, key=lambda each: (each.what != rule.leaf.name, -len(each.what))):
        if each.was is not None and not _alike(each.was, held):
            continue
        if text(each.value) == text(held):
            return held
        if rule.refused:
            raise InvalidValue(rule.refused)
        return _fitted(rule, each.value, held)
    return held


def _alike(was: Said, held: Value) -> bool:
    one, other = text(was), text(held)
    return one is not None and other is not None and one.strip().casefold() == other.strip().casefold()


# --- what fits ------------------------------------------------------------------------------------------------


def _fitted(rule: _Rule, value: Said, held: Value) -> Value:
    leaf = rule.leaf
    if value is None:
        if not leaf.nullable:
            raise InvalidValue("it may not be empty")
        return None
    if isinstance(held, Mapping) or many(held) or leaf.base in ("object", "object_id"):
        raise InvalidValue("it holds more than one value: name the field within")
    if rule.is_vault:
        return _canonical(leaf, value)
    made = _typed(leaf.base, value, held)
    length = leaf.field.native.length
    if length is not None and isinstance(made, str) and len(made) > length:
        raise InvalidValue(f"what is right does not fit its length of {length}")
    return made


def _canonical(leaf: Leaf, value: Said) -> Value:
    try:
        kind = data_type(leaf.field.type)
    except UnknownName:
        return value
    found, faults = kind.canonicalize([value])
    if faults:
        raise InvalidValue(next(iter(faults.values())), type_name=leaf.field.type)
    return kind.present(found[0])


def _typed(base: str, value: Said, held: Value) -> Value:
    """Return what is right in the type of what stands there; where nothing does, of the field."""
    for kind, make in _HELD:
        if isinstance(held, kind):
            return _made(make, value)
    if held is None and base in _DECLARED:
        return _made(_DECLARED[base], value)
    return str(value) if isinstance(held, str) and not isinstance(value, str) else value


def _made(make: _Make, value: Said) -> Value:
    try:
        return make(value)
    except (ValueError, InvalidOperation):
        raise InvalidValue(f"what is right is no {_WORDS[make]}, which the field holds") from None


def _flag(value: Said) -> bool:
    found = {"true": True, "false": False}.get(str(value).lower())
    if found is None:
        raise ValueError
    return found


def _whole(value: Said) -> int:
    if isinstance(value, bool):
        raise ValueError
    return int(str(value))


def _number(value: Said) -> float:
    if isinstance(value, bool):
        raise ValueError
    return float(str(value))


def _decimal(value: Said) -> Decimal:
    return Decimal(str(value))


def _date(value: Said) -> date:
    return date.fromisoformat(str(value))


def _moment(value: Said) -> datetime:
    return datetime.fromisoformat(str(value))


def _time(value: Said) -> time:
    return time.fromisoformat(str(value))


_HELD: Sequence[tuple[type, _Make]] = (
    (bool, _flag),  # before int, which it is, too
    (int, _whole),
    (float, _number),
    (Decimal, _decimal),
    (datetime, _moment),  # before date, which it is, too
    (date, _date),
    (time, _time),
)
_DECLARED: Mapping[str, _Make] = {"boolean": _flag, "integer": _whole, "float": _number, "string": str}
_WORDS: Mapping[_Make, str] = {
    _flag: "`true` or `false`",
    _whole: "whole number",
    _number: "number",
    _decimal: "number",
    _date: "date such as `2020-01-31`",
    _moment: "moment such as `2020-01-31T08:00:00`",
    _time: "time such as `08:00:00`",
}
