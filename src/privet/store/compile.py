"""From shapes, steps and questions to SQL text. Runs nothing: engines bind the values.

INVARIANT: text comes from checked names only; every value is a parameter. Names are quoted, so that a column may be
called `key`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from privet.store.check import FEW, FIRST, Change, Scope, Table, check_value
from privet.store.port import Aggregate, Column, Delete, Expect, Insert, Kind, Put, Select, Shape, Step, Update, Without
from privet.vocabulary.predicate import And, In, Not, Or, Predicate, Value

SQL_KINDS: dict[Kind, str] = {"blob": "BLOB", "int": "INTEGER", "text": "TEXT"}
# A long list travels as one JSON parameter: hex, since JSON has no bytes and texts may hold what it escapes.
LONG: dict[Kind, str] = {"blob": "unhex(value)", "int": "value", "text": "CAST(unhex(value) AS TEXT)"}
FUNCTIONS = {
    "count": "count({})",
    "count_distinct": "count(DISTINCT {})",
    "min": "min({})",
    "max": "max({})",
    "sum": "sum({})",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled question. `targets`: name and kind that each value of its predicate is compared with."""

    text: str
    targets: tuple[tuple[str, Kind], ...]
    all_blobs: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "all_blobs", {kind for _, kind in self.targets} == {"blob"})

    def bind(self, values: Sequence[Value | tuple[Value, ...]]) -> list[Value]:
        """Return the parameters for `values`, as `shape_of` lists them. Raises InvalidQuery on a wrong kind."""
        if self.all_blobs and set(map(type, values)) == {bytes}:
            return list(values)  # type: ignore[arg-type]  # bytes
        out: list[Value] = []
        for (name, kind), value in zip(self.targets, values, strict=True):
            if isinstance(value, tuple):
                _check_values(name, kind, value)
                out.extend(value if len(value) <= FEW else (_as_json(kind, value),))
                continue
            check_value(name, kind, value)
            out.append(value)
        return out


def _check_values(name: str, kind: Kind, values: tuple[Value, ...]) -> None:
    if kind == "blob" and set(map(type, values)) == {bytes}:
        return
    for item in values:
        if item is not None:
            check_value(name, kind, item)


def _as_json(kind: Kind, values: tuple[Value, ...]) -> str:
    if kind == "int":
        return json.dumps(values)
    if kind == "blob" and (width := _width(values)):
        # One call writes them all, a comma after each: most lists are of ids or of tags, which are equally long.
        return '["' + b"".join(values).hex(",", width).replace(",", '","') + '"]'  # type: ignore[arg-type]  # bytes
    write: Callable[[Value], str] = _text_hex if kind == "text" else _blob_hex
    return json.dumps([None if value is None else write(value) for value in values])


def _width(values: tuple[Value, ...]) -> int:
    """Return how long all the values are, 0 where they differ or one is null."""
    if set(map(type, values)) != {bytes}:
        return 0
    widths = set(map(len, values))  # type: ignore[arg-type]  # bytes
    return widths.pop() if len(widths) == 1 else 0


def _text_hex(value: Value) -> str:
    return str(value).encode().hex()


def _blob_hex(value: Value) -> str:
    return value.hex()  # type: ignore[union-attr]  # bytes, by check_value


def name(word: str) -> str:
    """Return a checked name, quoted."""
    return f'"{word}"'


def names(words: Sequence[str]) -> str:
    """Return checked names, quoted, with commas between."""
    return ", ".join(map(name, words))


# --- tables -----------------------------------------------------------------------------------------------


def create(shape: Shape) -> Iterator[str]:
    """Yield the statements that make a table and its indexes.

    Tables keep a rowid: measured at 10**5 records of four random tags, inserts are 1.4 times as fast as WITHOUT
    ROWID and reads by key no slower.
    """
    if shape.sequence:
        # AUTOINCREMENT, so that the number of a deleted last row is not given again. Its counter rolls back too.
        columns = [_column(c, " PRIMARY KEY AUTOINCREMENT" if c.name in shape.key else "") for c in shape.columns]
    else:
        columns = [_column(c, " NOT NULL" if c.name in shape.key else "") for c in shape.columns]
        columns.append(f"PRIMARY KEY ({names(shape.key)})")
    yield f"CREATE TABLE {name(shape.name)} ({', '.join(columns)}) STRICT"
    yield from _indexes(shape.name, shape.indexes, shape.uniques)


def alter(shape: Shape, change: Change) -> Iterator[str]:
    """Yield the statements that carry out a change. Indexes go first: SQLite drops no column that one uses."""
    for prefix, groups in (("i", change.old_indexes), ("u", change.old_uniques)):
        for group in groups:
            yield f"DROP INDEX {_index(shape.name, prefix, group)}"
    for column in change.dropped:
        yield f"ALTER TABLE {name(shape.name)} DROP COLUMN {name(column)}"
    for added in change.added:
        yield f"ALTER TABLE {name(shape.name)} ADD COLUMN {_column(added, '')}"
    yield from _indexes(shape.name, change.new_indexes, change.new_uniques)


def _column(column: Column, more: str) -> str:
    null = "" if column.null or more else " NOT NULL"
    return f"{name(column.name)} {SQL_KINDS[column.kind]}{null}{more}"


def _indexes(table: str, indexes: Sequence[tuple[str, ...]], uniques: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for group in dict.fromkeys(indexes):
        yield f"CREATE INDEX {_index(table, 'i', group)} ON {name(table)} ({names(group)})"
    for group in dict.fromkeys(uniques):
        yield f"CREATE UNIQUE INDEX {_index(table, 'u', group)} ON {name(table)} ({names(group)})"


def _index(table: str, prefix: str, group: tuple[str, ...]) -> str:
    return name(".".join((table, prefix, *group)))


# --- steps ------------------------------------------------------------------------------------------------


def step_text(step: Step, table: Table) -> str:
    """Return the statement that carries out one row of a step; of an Expect, the question whether a row matches."""
    target = name(step.table)
    if isinstance(step, Expect):
        scope = Scope({FIRST: table})
        return f"SELECT EXISTS (SELECT 1 FROM {target} AS {name(FIRST)} WHERE {_where(step.where, scope)})"
    if isinstance(step, Delete):
        return f"DELETE FROM {target} WHERE {_match(step.match)}"
    if isinstance(step, Update):
        return f"UPDATE {target} SET {', '.join(f'{name(c)} = ?' for c in step.columns)} WHERE {_match(step.match)}"
    marks = ", ".join("?" * len(step.columns))
    text = f"INSERT INTO {target} ({names(step.columns)}) VALUES ({marks})"
    if not step.columns:
        text = f"INSERT INTO {target} DEFAULT VALUES"
    if isinstance(step, Insert):
        return text
    return f"{text} ON CONFLICT ({names(table.shape.key)}) DO UPDATE SET {_replace(step, table)}"


def _match(columns: Sequence[str]) -> str:
    return " AND ".join(f"{name(column)} = ?" for column in columns)


def _replace(step: Put, table: Table) -> str:
    others = [column for column in table.kinds if column not in table.shape.key]
    named = set(step.columns)
    # A table of keys alone sets one to itself, so that every row counts as one change.
    sets = others or [table.shape.key[0]]
    return ", ".join(f"{name(c)} = {f'excluded.{name(c)}' if not others or c in named else 'NULL'}" for c in sets)


def step_plan(step: Expect, table: Table) -> Plan:
    """Return the plan of an Expect."""
    return Plan(step_text(step, table), tuple(_targets(step.where, Scope({FIRST: table}))))


# --- questions --------------------------------------------------------------------------------------------


def select_plan(question: Select, scope: Scope) -> Plan:
    """Return the plan of a checked question. After the values of its predicate, and of what must not be there, it takes
    `least`, then `limit`, where set."""
    columns = [_ref(column, scope) for column in (*question.columns, *question.group)]
    columns += [_aggregate(aggregate, scope) for aggregate in question.aggregates]
    text = [f"SELECT {', '.join(columns)} FROM {name(question.table)} AS {name(FIRST)}"]
    for join in question.joins:
        left = _ref(join.left if "." in join.left else f"{FIRST}.{join.left}", scope)
        right = _ref(f"{join.alias}.{join.right}", scope)
        text.append(f"JOIN {name(join.table)} AS {name(join.alias)} ON {right} = {left}")
    conditions = [_where(question.where, scope)] if question.where != And() else []
    targets = list(_targets(question.where, scope))
    for without, inner in zip(question.without, scope.without, strict=True):
        conditions.append(_absence(without, scope, inner))
        targets += _targets(without.where, inner)
    if conditions:
        text.append(f"WHERE {' AND '.join(conditions)}")
    if question.group:
        text.append(f"GROUP BY {', '.join(_ref(column, scope) for column in question.group)}")
    if question.least:
        text.append("HAVING count(*) >= ?")
    if question.order:
        order = (f"{_ref(column, scope)} {'ASC' if up else 'DESC'}" for column, up in question.order)
        text.append(f"ORDER BY {', '.join(order)}")
    if question.limit:
        text.append("LIMIT ?")
    return Plan(" ".join(text), tuple(targets))


def _absence(without: Without, scope: Scope, inner: Scope) -> str:
    left = _ref(without.left if "." in without.left else f"{FIRST}.{without.left}", scope)
    found = f"SELECT 1 FROM {name(without.table)} AS {name(without.alias)}"
    equal = f"{_ref(f'{without.alias}.{without.right}', inner)} = {left}"
    return f"NOT EXISTS ({found} WHERE {equal} AND {_where(without.where, inner)})"


def _aggregate(aggregate: Aggregate, scope: Scope) -> str:
    return FUNCTIONS[aggregate.function].format(_ref(aggregate.column, scope) if aggregate.column else "*")


def _ref(target: str, scope: Scope) -> str:
    alias, column, _ = scope.column(target)
    return f"{name(alias)}.{name(column)}"


def _targets(where: Predicate, scope: Scope) -> Iterator[tuple[str, Kind]]:
    """Yield what each value is compared with, in the order of `shape_of`."""
    if isinstance(where, And | Or):
        for item in where.items:
            yield from _targets(item, scope)
    elif isinstance(where, Not):
        yield from _targets(where.item, scope)
    elif isinstance(where, In) or where.value is not None:
        yield where.target, scope.column(where.target)[2]


def _where(where: Predicate, scope: Scope) -> str:
    if isinstance(where, And | Or):
        word, empty = (" AND ", "1") if isinstance(where, And) else (" OR ", "0")
        return _balance(word, [_where(item, scope) for item in where.items]) if where.items else empty
    if isinstance(where, Not):
        return f"NOT ({_where(where.item, scope)})"
    if isinstance(where, In):
        return _in(where, scope)
    if where.value is None:
        return f"{_ref(where.target, scope)} IS {'NULL' if where.op == '=' else 'NOT NULL'}"
    return f"{_ref(where.target, scope)} {where.op} ?"


def _in(where: In, scope: Scope) -> str:
    if not where.values:
        return "0"
    if len(where.values) <= FEW:
        return f"{_ref(where.target, scope)} IN ({', '.join('?' * len(where.values))})"
    return f"{_ref(where.target, scope)} IN (SELECT {LONG[scope.column(where.target)[2]]} FROM json_each(?))"


def _balance(word: str, parts: Sequence[str]) -> str:
    """Join with brackets as a balanced tree, since SQLite refuses expressions deeper than 1,000."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_balance(word, parts[:half])}{word}{_balance(word, parts[half:])})"
