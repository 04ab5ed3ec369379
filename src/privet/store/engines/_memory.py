"""The memory engine's tables and questions: rows by key, groups by value, predicates over tuples."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import cast

from privet.errors import InvalidQuery
from privet.store.check import FIRST, WIDEST, Scope, Table
from privet.store.port import Aggregate, Cell, Join, Row, Select, Without
from privet.vocabulary.predicate import And, Compare, In, Not, Or, Predicate

# Typed for integers, as two cells of one kind compare alike: check_where saw to the kind.
ORDERS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Lookup = dict[Row, dict[Row, Row]]


class Taken(Exception):
    """A key or unique group belongs to another row, or no row is there to change."""


class Rows:
    """The rows of one table, by key and by each indexed or unique group. `last`: the sequence's last number."""

    def __init__(self, table: Table, rows: Iterable[Row], last: int) -> None:
        self.table = table
        self.last = last
        self.places = {name: at for at, name in enumerate(table.kinds)}
        self.by_key: dict[Row, Row] = {}
        self._key = self._picker(table.shape.key)
        self._uniques = [(self._picker(group), cast("dict[Row, Row]", {})) for group in table.shape.uniques]
        groups = dict.fromkeys((*table.shape.indexes, *table.shape.uniques))
        self._lookups: dict[tuple[str, ...], tuple[Callable[[Row], Row], Lookup]] = {
            group: (self._picker(group), {}) for group in groups
        }
        for row in rows:
            self.swap(None, row)

    def _picker(self, group: Sequence[str]) -> Callable[[Row], Row]:
        places = [self.places[name] for name in group]
        return lambda row: tuple([row[at] for at in places])

    def key_of(self, row: Row) -> Row:
        """Return the key cells of a whole row."""
        return self._key(row)

    def swap(self, old: Row | None, new: Row | None) -> None:
        """Take `old` out and put `new` in, either of which may be missing.

        Raises Taken, with nothing changed, where the key or a unique group of `new` belongs to another row.
        """
        if new is not None:
            self._demand_free(old, new)
        if old is not None:
            key = self._key(old)
            del self.by_key[key]
            for pick, held in self._uniques:
                held.pop(pick(old), None)
            for pick, lookup in self._lookups.values():
                del lookup[pick(old)][key]
        if new is not None:
            key = self._key(new)
            self.by_key[key] = new
            for pick, held in self._uniques:
                held[pick(new)] = key
            for pick, lookup in self._lookups.values():
                lookup.setdefault(pick(new), {})[key] = new

    def _demand_free(self, old: Row | None, new: Row) -> None:
        own = None if old is None else self._key(old)
        key = self._key(new)
        if key != own and key in self.by_key:
            raise Taken
        for pick, held in self._uniques:
            cells = pick(new)
            if None not in cells and held.get(cells, own) != own:
                raise Taken

    def equal(self, columns: Sequence[str], cells: Row) -> list[Row]:
        """Return the rows whose `columns` equal `cells`."""
        if tuple(columns) == self.table.shape.key:
            row = self.by_key.get(cells)
            return [] if row is None else [row]
        found = self._lookups.get(tuple(columns))
        if found is not None:
            return list(found[1].get(cells, {}).values())
        pick = self._picker(columns)
        return [row for row in self.by_key.values() if pick(row) == cells]

    def candidates(self, where: Predicate) -> Iterable[Row]:
        """Return rows among which are all that match: by a lookup where one column has one, else every row."""
        for item in where.items if isinstance(where, And) else (where,):
            if isinstance(item, Compare) and item.op == "=" and item.value is not None:
                values: tuple[object, ...] = (item.value,)
            elif isinstance(item, In):
                values = tuple(dict.fromkeys(item.values))
            else:
                continue
            column = item.target.rpartition(".")
            group = (column[2],)
            if column[0] in ("", FIRST) and (group == self.table.shape.key or group in self._lookups):
                return [row for value in values for row in self.equal(group, (cast("Cell", value),))]
        return self.by_key.values()


def matches(where: Predicate, scope: Scope, row: Row) -> bool:
    """Return whether a joined row matches: the cells of every table of the scope, in order."""
    return _holds(where, places(scope), row) is True


def places(scope: Scope) -> dict[str, int]:
    """Return where each column stands in a joined row, by `alias.name`, and by `name` for the first table."""
    out: dict[str, int] = {}
    for alias, table in scope.tables.items():
        for name in table.kinds:
            at = len(out)
            out[f"{alias}.{name}"] = at
    return out


def _at(name: str, where: Mapping[str, int]) -> int:
    return where[name if "." in name else f"{FIRST}.{name}"]


def _holds(where: Predicate, at: Mapping[str, int], row: Row) -> bool | None:
    """Return SQL's truth of a predicate; None is its unknown."""
    if isinstance(where, Not):
        inner = _holds(where.item, at, row)
        return None if inner is None else not inner
    if isinstance(where, And | Or):
        decisive = isinstance(where, Or)
        found = {_holds(item, at, row) for item in where.items}
        if decisive in found:
            return decisive
        return None if None in found else not decisive
    cell = row[_at(where.target, at)]
    if isinstance(where, In):
        return _among(cell, where)
    if where.value is None:
        return (cell is None) is (where.op == "=")
    return None if cell is None else ORDERS[where.op](cast("int", cell), cast("int", where.value))


def _among(cell: Cell, where: In) -> bool | None:
    if not where.values:
        return False
    if cell is None:
        return None
    return True if cell in where.values else (None if None in where.values else False)


def answer(question: Select, scope: Scope, rows: Mapping[str, Rows]) -> list[Row]:
    """Return every row of the answer to a checked question."""
    at = places(scope)
    found: Iterable[Row] = rows[question.table].candidates(question.where)
    for join in question.joins:
        found = _join(found, join, at, rows[join.table])
    kept = [row for row in found if _holds(question.where, at, row) is True]
    for without in question.without:
        left, held = _at(without.left, at), _present(without, rows[without.table])
        kept = [row for row in kept if row[left] is None or row[left] not in held]
    if question.group or question.aggregates:
        made = _group(question, at, kept)
        order = [(question.group.index(_same(name, question.group)), up) for name, up in question.order]
    else:
        made = kept
        order = [(_at(name, at), up) for name, up in question.order]
    for place, up in reversed(order):
        made.sort(key=_ranker(place), reverse=not up)
    if question.columns:
        pick = [_at(name, at) for name in question.columns]
        made = [tuple([row[place] for place in pick]) for row in made]
    return made[: question.limit] if question.limit else made


def _same(name: str, group: Sequence[str]) -> str:
    plain = name.removeprefix(f"{FIRST}.")
    return next(item for item in group if item.removeprefix(f"{FIRST}.") == plain)


def _ranker(place: int) -> Callable[[Row], tuple[bool, int]]:
    """Return a sort key: null before everything; texts by code point, which is the order of their UTF-8 bytes."""
    return lambda row: (row[place] is not None, 0 if row[place] is None else cast("int", row[place]))


def _join(found: Iterable[Row], join: Join, at: Mapping[str, int], right: Rows) -> Iterator[Row]:
    left = _at(join.left, at)
    by_value: dict[Cell, list[Row]] = {}
    place = right.places[join.right]
    for row in right.by_key.values():
        by_value.setdefault(row[place], []).append(row)
    for row in found:
        if row[left] is not None:
            for other in by_value.get(row[left], ()):
                yield row + other


def _present(without: Without, right: Rows) -> set[Cell]:
    at = {f"{without.alias}.{name}": place for name, place in right.places.items()}
    place = right.places[without.right]
    return {row[place] for row in right.by_key.values() if _holds(without.where, at, row) is True}


def _group(question: Select, at: Mapping[str, int], kept: Sequence[Row]) -> list[Row]:
    pick = [_at(name, at) for name in question.group]
    groups: dict[Row, list[Row]] = {} if question.group else {(): []}
    for row in kept:
        groups.setdefault(tuple([row[place] for place in pick]), []).append(row)
    return [
        (*cells, *(_aggregate(aggregate, at, rows) for aggregate in question.aggregates))
        for cells, rows in groups.items()
        if len(rows) >= question.least
    ]


def _aggregate(aggregate: Aggregate, at: Mapping[str, int], rows: Sequence[Row]) -> Cell:
    if not aggregate.column:
        return len(rows)
    place = _at(aggregate.column, at)
    cells = [row[place] for row in rows if row[place] is not None]
    if aggregate.function == "count":
        return len(cells)
    if aggregate.function == "count_distinct":
        return len(set(cells))
    if not cells:
        return None
    if aggregate.function == "sum":
        total = sum(cast("list[int]", cells))  # a sum is of integers, by check_select
        if not -WIDEST <= total < WIDEST:
            raise InvalidQuery("the question is too large, or its sum exceeds 64 bits")
        return total
    choose = min if aggregate.function == "min" else max
    return cast("Cell", choose(cast("list[int]", cells)))  # cells of one kind compare
