"""Which records hold a value that is asked for, and what they become: for systems that do not compare by themselves.

Records are mappings nested as their system nests. A dotted path goes through objects, and through every element of an
array. Values compare by their text form. Reads and writes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import UUID

from privet.connectors.base import Change, Value
from privet.errors import InvalidInput
from privet.vocabulary.dataset import Collection, Field, every_field

Steps = tuple[str, ...]
Known = Mapping[str, Field]

_ABSENT = object()
_DIGITS = 400


def text(value: Value) -> str | None:
    """Return the text form by which values compare, None for what is no single value.

    >>> text(12), text("12"), text(12.0), text(True), text(None), text({"$gt": ""})
    ('12', '12', '12', 'true', None, None)
    """
    if isinstance(value, str):
        form = value if type(value) is str else str.__str__(value)  # code of MongoDB is a str, too
        # A UUID reads the same in either case.
        return form.lower() if len(form) == 36 and form[8] == "-" == form[23] and _is_uuid(form) else form
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float | Decimal):
        return _number(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) or type(value).__name__ == "ObjectId" else None


def sayable(value: str) -> bool:
    """Say whether a text can be sent at all: lone surrogates cannot, so no system holds them."""
    return value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)


def fields_of(collection: Collection) -> dict[str, Field]:
    """Return each declared field by its dotted path. Raises InvalidInput for a name that reads as a path: it would be
    looked for where it is not, and nobody found."""
    found = list(every_field(collection.fields))
    for path, field in found:
        if "." in field.name:
            raise InvalidInput(
                f"expected names of fields without dots, found `{path}` in collection `{collection.name}`"
            )
    return dict(found)


def declared(collection: Collection, known: Known, paths: Iterable[str]) -> None:
    """Make sure that the collection declares every path. Raises InvalidInput."""
    for path in paths:
        if path not in known:
            # The name is left out: what is declared nowhere may be anything.
            raise InvalidInput(f"expected a field that collection `{collection.name}` declares, found another")


def wanted_fields(collection: Collection, known: Known, fields: Sequence[str]) -> tuple[str, ...]:
    """Return the top-level fields to give: those asked for, else all. Raises InvalidInput."""
    declared(collection, known, fields)
    tops = tuple(field.name for field in collection.fields)
    if not set(fields) <= set(tops):
        raise InvalidInput(f"expected top-level fields of collection `{collection.name}`, found a path")
    return tuple(fields) or tops


def steps(path: str) -> Steps:
    """Return the names along a dotted path."""
    return tuple(path.split("."))


def leaves(value: Value, along: Steps) -> Iterator[Value]:
    """Yield the values at a path; of an array each element, of what is not there nothing."""
    if isinstance(value, list | tuple | set | frozenset):
        for element in value:
            yield from leaves(element, along)
    elif not along:
        yield value
    elif isinstance(value, Mapping):
        inner = value.get(along[0], _ABSENT)
        if inner is not _ABSENT:
            yield from leaves(inner, along[1:])


def put(value: Value, along: Steps, new: Value) -> Value:
    """Return `value` with `new` at a path wherever that is there; `value` itself where nothing changes.

    Of an array each element becomes `new`, unless `new` is None or an array itself: then it stands for the whole.
    """
    if isinstance(value, list | tuple | set | frozenset) and (along or not isinstance(new, list | tuple | set | None)):
        made = [put(element, along, new) for element in value]
        return value if all(map(_same, made, value)) else made
    if not along:
        return value if _same(value, new) else new
    if not isinstance(value, Mapping) or along[0] not in value:
        return value
    old = value[along[0]]
    inner = put(old, along[1:], new)
    return value if inner is old else {**value, along[0]: inner}


class Wanted:
    """What a read asks for: records of which any path holds any of its values. `paths`: those with a value at all."""

    def __init__(self, collection: Collection, matches: Mapping[str, Sequence[Value]]) -> None:
        known = fields_of(collection)
        declared(collection, known, matches)
        self._tests = []
        for path, values in matches.items():
            fold = folds(known[path])
            texts = frozenset(_folded(form, fold) for form in map(text, values) if form is not None)
            if texts:
                self._tests.append((path, steps(path), texts, fold))
        self.paths = tuple(path for path, *_ in self._tests)

    def texts(self, path: str) -> frozenset[str]:
        """Return the text forms asked for at a path; without case where that does not count."""
        return next((texts for known, _, texts, _ in self._tests if known == path), frozenset())

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Say whether a record is asked for."""
        for _, along, texts, fold in self._tests:
            for leaf in leaves(values, along):
                form = text(leaf)
                if form is not None and _folded(form, fold) in texts:
                    return True
        return False


class Edits:
    """Changes to one collection, by what finds them. `keys`, `sets`: paths that find, and that are set, in any."""

    def __init__(self, collection: Collection, changes: Sequence[Change]) -> None:
        known = fields_of(collection)
        self.changes = tuple(changes)
        self._groups: dict[tuple[str, ...], dict[tuple[str | None, ...], list[int]]] = {}
        self._folds: dict[str, bool] = {}
        keys: dict[str, None] = {}
        sets: dict[str, None] = {}
        for number, change in enumerate(self.changes):
            if not change.key:
                raise InvalidInput(f"expected a key in a change to collection `{collection.name}`, found none")
            declared(collection, known, (*change.key, *(change.values or ())))
            keys.update(dict.fromkeys(change.key))
            sets.update(dict.fromkeys(change.values or ()))
            self._take(number, change, known)
        self.keys, self.sets = tuple(keys), tuple(sets)
        self._ways = [
            ([(steps(path), self._folds[path]) for path in paths], by_forms) for paths, by_forms in self._groups.items()
        ]

    def _take(self, number: int, change: Change, known: Known) -> None:
        forms: list[str | None] = []
        for path, value in change.key.items():
            self._folds[path] = folds(known[path])
            form = text(value)
            if form is None and value is not None:
                return  # no record holds what is no single value
            forms.append(form if form is None else _folded(form, self._folds[path]))
        if set(forms) == {None}:
            return  # what is absent narrows a key, and is none
        self._groups.setdefault(tuple(change.key), {}).setdefault(tuple(forms), []).append(number)

    def of(self, values: Mapping[str, Value]) -> list[int]:
        """Return the numbers of the changes whose key finds a record, ascending."""
        found: set[int] = set()
        for ways, by_forms in self._ways:
            held = [_forms(values, along, fold) for along, fold in ways]
            for forms in product(*held):
                if forms in by_forms:
                    found.update(by_forms[forms])
        return sorted(found)

    def apply(self, values: Mapping[str, Value]) -> tuple[Mapping[str, Value] | None, list[int]]:
        """Return what a record becomes, None if it goes, and which changes made a difference."""
        made: list[int] = []
        now = values
        for number in self.of(values):
            if made and number not in self.of(now):
                continue  # an earlier change made it another record
            new = self.changes[number].values
            if new is None:
                return None, [*made, number]
            before = now
            for path, value in new.items():
                now = put(now, steps(path), value)
            if now is not before:
                made.append(number)
        return now, made


def _forms(values: Mapping[str, Value], along: Steps, fold: bool) -> Sequence[str | None]:
    """Return the text forms that a record holds at a path, None alone where it holds nothing."""
    if len(along) == 1 and type(held := values.get(along[0])) is str:  # most of what there is
        form = text(held)
        return (form.casefold() if fold and form else form,)
    found = {_folded(form, fold) for form in map(text, leaves(values, along)) if form is not None}
    return tuple(found) or (None,)


def folds(field: Field) -> bool:
    """Say whether a field compares without case: e-mail addresses by which people are looked up."""
    return field.native.identity == "email"


def _folded(form: str, fold: bool) -> str:
    return form.casefold() if fold else form


def _same(left: Any, right: Any) -> bool:
    """Say whether a value would become what it is: text that reads as a number is that number, true is not one."""
    if left is right:
        return True
    if isinstance(left, str) != isinstance(right, str):
        return (form := text(left)) is not None and form == text(right)
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _number(value: float | Decimal) -> str | None:
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        # Never written out: few signs may stand for millions of digits.
        return format(value.normalize(), "f") if -_DIGITS < value.adjusted() < _DIGITS else str(value.normalize())
    if not math.isfinite(value):
        return None
    return str(int(value)) if value.is_integer() else repr(value)


def _is_uuid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True
