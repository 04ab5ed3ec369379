"""SQL as each database writes it: names, and the three statements that Privet sends. Runs none of them.

Names come from a database's own catalog and are quoted; values are bound, never written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from privet.connectors.base import Change, Value
from privet.connectors.sql.values import NO, Kind, forms, kind_of, turn
from privet.errors import InvalidInput, Refused

Span = Literal["call", "batch", "change"]
"""How much of an erasure is one transaction."""

Statement = tuple[str, tuple[Value, ...]]

Sent = tuple[str, list[tuple[Value, ...]]]
"""One statement, and the rows of values with which it is sent."""

_ELEMENT = re.compile(r"(?i)ARRAY<(.*)>$|(.*?)(?:\[[0-9]*\]| ARRAY)$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs between databases.

    `quotes`: around a name; the closing one is doubled within. `mark`: of a bound value, `{}` for its number from 1.
    `most`: values bound in one statement. `longest`: bytes of a text that can be compared, 0 without bound. `session`:
    said on a new connection. `begin_read`, `begin_write`: begin a transaction. `commit`, `rollback`: "" where the
    driver does it. `probe`: asks for nothing.

    `columns`: asks for table, column and type of the columns of one table; `columns_with`: what it binds, of `schema`,
    `table` and `whole` (both, quoted); `{schema}` in it is the schema, quoted, and a dot.

    `as_text`: the text of a column. `element`: how an array is asked for one of its elements, `nested`: a dot leads
    into an object; "" and False where nobody can. `kinds`: types that hold something else here than by their name;
    `holds`: kinds that are others here. `exact`: a column's text with nothing left out of a comparison, "" where
    databases compare so anyway. `settle`: said after a change that is kept, as well as it goes. `span`: how much of an
    erasure is one transaction. `many`: the driver sends many of one statement fast, and counts.
    """

    name: str
    quotes: tuple[str, str] = ('"', '"')
    mark: str = "?"
    most: int = 1000
    longest: int = 0
    session: tuple[str, ...] = ()
    begin_read: tuple[str, ...] = ()
    begin_write: tuple[str, ...] = ()
    commit: str = "COMMIT"
    rollback: str = "ROLLBACK"
    probe: str = "SELECT 1"
    columns: str = ""
    columns_with: tuple[Literal["schema", "table", "whole"], ...] = ("schema", "table")
    as_text: str = "CAST({} AS VARCHAR(4000))"
    element: str = ""
    nested: bool = False
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    holds: Mapping[Kind, Kind] = field(default_factory=dict)
    exact: str = ""
    settle: tuple[str, ...] = ()
    span: Span = "call"
    many: bool = False

    def quoted(self, name: str) -> str:
        """Return a name as it stands in a statement. Raises InvalidInput for one that no database has."""
        if not name or _CONTROL.search(name) or not name.isprintable():
            raise InvalidInput("expected the name of a table or column, found one that holds signs no name has")
        begin, end = self.quotes
        if end == "`" and "\\" in name:
            raise InvalidInput("expected a name without `\\`")  # BigQuery reads escapes in quoted names
        text = f"{begin}{name.replace(end, end * 2)}{end}"
        return text.replace("%", "%%") if self.mark == "%s" else text

    def kind(self, column_type: str) -> Kind:
        """Return what a column of a type holds."""
        text = column_type.strip()
        own = self.kinds.get(text.lower()) or self.kinds.get(text.lower().partition("(")[0].strip())
        found = own if own is not None else kind_of(text)
        return self.holds.get(found, found)

    def kept(self, column_type: str) -> tuple[Kind, Kind]:
        """Return what a column holds, and what its elements hold where that is an array."""
        kind = self.kind(column_type)
        found = _ELEMENT.match(column_type.strip()) if kind == "array" else None
        return kind, self.kind(found[1] or found[2]) if found else "other"


@dataclass(frozen=True, slots=True)
class Column:
    """One column as it is there. `name`: quoted."""

    name: str
    kind: Kind
    element: Kind = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table as it is there: `name` quoted, `columns` by the dotted paths that a dataset declares. `called`: the
    collection's name. `inner`: paths inside objects, of which this database cannot be asked."""

    name: str
    called: str
    columns: Mapping[str, Column]
    inner: frozenset[str] = frozenset()

    def column(self, path: str) -> Column:
        """Return the column of a declared path. Raises InvalidInput."""
        found = self.columns.get(path)
        if found is not None:
            return found
        if path in self.inner:
            raise InvalidInput(
                f"`{self.called}.{path}` is inside of an object, which this database takes only whole",
                hint="name the whole column in the manifest",
            )
        raise InvalidInput(f"`{self.called}` declares no field of that name", hint="use names of the manifest")


def asked(dialect: Dialect, column: Column, values: Iterable[Value]) -> list[Any]:
    """Return the values that a column can be asked for, each once, in order."""
    kind = column.element if column.kind == "array" else column.kind
    if column.kind == "array" and not dialect.element:
        raise InvalidInput(f"{column.name} is an array, of which this database cannot be asked for an element")
    found: dict[tuple[type, Any], Any] = {}
    for value in values:
        for one in forms(kind, value):
            if not (dialect.longest and isinstance(one, str) and len(one.encode()) > dialect.longest):
                found[type(one), one] = one
    return list(found.values())


def new(table: Table, path: str, value: Value) -> Any:
    """Return a new value as a column holds it. Raises Refused where it cannot be there, with the field's name."""
    column = table.column(path)
    if value is None:
        return None
    if column.kind == "array" and isinstance(value, list | tuple):
        made = [turn(column.element, one) if one is not None else None for one in value]
        found: Any = NO if NO in made else made
    elif column.kind == "json" or (column.kind == "any" and isinstance(value, dict | list)):
        found = json.dumps(value) if isinstance(value, dict | list | str | int | float | bool) else NO
    else:
        found = turn(column.kind, value) if column.kind != "array" else NO
    if found is NO:
        kind = {"any": "plain", "other": "plain"}.get(column.kind, column.kind)
        raise Refused(f"the new value of `{table.called}.{path}` is no {kind} value, which is what the field holds")
    return found


def select(
    dialect: Dialect, table: Table, fields: Sequence[str], matches: Mapping[str, Sequence[Value]]
) -> list[Statement]:
    """Return statements that together give the records of which any field holds any of its values; [] for none."""
    names = ", ".join(table.column(path).name for path in fields)
    statements = []
    for group in _packed(dialect, [(c := table.column(path), asked(dialect, c, matches[path])) for path in matches]):
        bound = _Bound(dialect)
        where = " OR ".join(_any_of(dialect, column, values, bound) for column, values in group)
        statements.append((f"SELECT {names} FROM {table.name} WHERE {where}", tuple(bound.values)))
    return statements


def _packed(
    dialect: Dialect, wanted: list[tuple[Column, list[Any]]], most: int = 0
) -> Iterator[list[tuple[Column, list[Any]]]]:
    """Yield groups of what is wanted, of at most as many values as a statement binds."""
    group: list[tuple[Column, list[Any]]] = []
    most = most or dialect.most
    room = most
    for column, values in wanted:
        while values:
            group.append((column, values[:room]))
            taken, values = len(values[:room]), values[room:]
            room -= taken
            if not room:
                yield group
                group, room = [], most
    if group:
        yield group


def changes(dialect: Dialect, table: Table, asked_for: Sequence[Change]) -> Iterator[Sent]:
    """Yield statements with the rows of values that each is sent with, in order. Raises InvalidInput, Refused."""
    for change in asked_for:
        if not change.key:
            raise InvalidInput(f"expected a key in each change of `{table.called}`, found none")
        for path in (*change.key, *(change.values or ())):
            table.column(path)
    for run in _runs(asked_for):
        first = run[0]
        if first.values is not None and not first.values:
            continue
        (path, *more) = first.key
        alike = all(_same(one.values, first.values) for one in run)
        if more or not alike or None in [one.key[path] for one in run]:
            yield from _singly(dialect, table, run)
            continue
        column = table.column(path)
        values = asked(dialect, column, [one.key[path] for one in run])
        for group in _packed(dialect, [(column, values)], dialect.most // 4):
            bound = _Bound(dialect)
            head = _head(table, first, bound)
            where = _exactly(dialect, column, group[0][1], bound)
            yield f"{head} WHERE {where}", [tuple(bound.values)]


def _runs(asked_for: Sequence[Change]) -> Iterator[list[Change]]:
    """Yield neighbours of one shape: the same key fields, the same new fields, absent in the same places."""
    run: list[Change] = []
    shape: object = None
    for change in asked_for:
        values = change.values
        here = (tuple(change.key), None if values is None else tuple((k, v is None) for k, v in values.items()))
        if run and here != shape:
            yield run
            run = []
        shape = here
        run.append(change)
    if run:
        yield run


def _same(left: Mapping[str, Value] | None, right: Mapping[str, Value] | None) -> bool:
    if left is None or right is None or left is right:
        return left is right
    return all(type(left[path]) is type(right[path]) and left[path] == right[path] for path in left)


def _singly(dialect: Dialect, table: Table, run: list[Change]) -> Iterator[Sent]:
    """Yield the changes of a run one by one, together where they come to the same statement."""
    text = ""
    rows: list[tuple[Value, ...]] = []
    for change in run:
        bound = _Bound(dialect)
        head = _head(table, change, bound)
        parts = [_equal(dialect, table.column(path), value, bound) for path, value in change.key.items()]
        if "" in parts or all(value is None for value in change.key.values()):
            continue  # no record holds that
        here = f"{head} WHERE {' AND '.join(parts)}"
        if rows and here != text:
            yield text, rows
            rows = []
        text = here
        rows.append(tuple(bound.values))
    if rows:
        yield text, rows


def _head(table: Table, change: Change, bound: _Bound) -> str:
    if change.values is None:
        return f"DELETE FROM {table.name}"
    made = [(table.column(path).name, new(table, path, value)) for path, value in change.values.items()]
    parts = ", ".join(f"{name} = {'NULL' if value is None else bound.mark(value)}" for name, value in made)
    return f"UPDATE {table.name} SET {parts}"


def _equal(dialect: Dialect, column: Column, value: Value, bound: _Bound) -> str:
    """Return the condition that a column holds one value, "" where it cannot."""
    if value is None:
        return f"{column.name} IS NULL"
    found = asked(dialect, column, [value])
    return _exactly(dialect, column, found, bound) if found else ""


def _exactly(dialect: Dialect, column: Column, values: Sequence[Any], bound: _Bound) -> str:
    """Return the condition that a column holds one of the values and not merely one that the database compares as
    equal: a collation may take `ada` for `Áda`, who is somebody else."""
    where = _any_of(dialect, column, values, bound)
    if column.kind in ("text", "any") and dialect.exact:
        marks = ", ".join(map(bound.mark, values))
        return f"({where}) AND {dialect.exact.format(column.name)} IN ({marks})"
    return f"({where})"


def _any_of(dialect: Dialect, column: Column, values: Sequence[Any], bound: _Bound) -> str:
    if column.kind == "array":
        return " OR ".join(dialect.element.format(value=bound.mark(value), column=column.name) for value in values)
    name = dialect.as_text.format(column.name) if column.kind in ("other", "json") else column.name
    marks = ", ".join(map(bound.mark, values))
    return f"{name} = {marks}" if len(values) == 1 else f"{name} IN ({marks})"


class _Bound:
    """The values of a statement, in the order of their marks."""

    def __init__(self, dialect: Dialect) -> None:
        self._mark = dialect.mark
        self._numbered = "{}" in dialect.mark
        self.values: list[Any] = []

    def mark(self, value: Any) -> str:
        self.values.append(value)
        return self._mark.format(len(self.values)) if self._numbered else self._mark
