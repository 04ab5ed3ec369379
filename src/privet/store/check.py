"""Names, kinds and shapes: what shapes, units and questions must satisfy before an engine acts on them.

Knows no SQL and holds no data. An error names tables and columns, never a cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from privet.errors import InvalidInput, InvalidQuery, InvalidSchema, PrivetError, UnknownName
from privet.near import meant
from privet.store.port import (
    Column,
    Delete,
    Expect,
    Insert,
    Join,
    Kind,
    Put,
    Select,
    Shape,
    Step,
    Unit,
    Update,
    Without,
)
from privet.vocabulary.predicate import And, Compare, In, Not, Or, Predicate, Value

FIRST = "a"  # the alias of a question's first table
KINDS: dict[Kind, type] = {"blob": bytes, "int": int, "text": str}
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
RESERVED = ("sqlite_", "privet_")
WIDEST = 2**63
MOST_FORMS = 1_000
FEW = 16  # values of an `In` that a statement names one by one
BY_ROW = 16  # rows of a step below which each is looked at by itself


@dataclass(frozen=True, slots=True)
class Form:
    """What the rows of a step look like: each column with its kind, and whether a cell may be null.

    `good`: the types of rows that were found right, `seen` the same by column. `careful`: places of integers and
    texts, whose cells may be of the right type and yet not fit, and what says whether one does.
    """

    columns: tuple[tuple[str, Kind, bool], ...]
    careful: tuple[tuple[int, Callable[[object], bool]], ...]
    good: set[tuple[type, ...]]
    seen: tuple[set[type], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A shape with its questions answered. `required`: columns that every new row names with a cell.

    `forms`: the forms of steps that came before, by their class and columns.
    """

    shape: Shape
    kinds: Mapping[str, Kind]
    never_null: frozenset[str]
    required: frozenset[str]
    forms: dict[object, Form] = field(default_factory=dict)


Tables = Mapping[str, Table]


def table_of(shape: Shape) -> Table:
    """Return the table that `shape` describes; it has passed `check_shape`."""
    never_null = frozenset(c.name for c in shape.columns if not c.null) | frozenset(shape.key)
    return Table(
        shape=shape,
        kinds={column.name: column.kind for column in shape.columns},
        never_null=never_null,
        required=never_null - frozenset(shape.key) if shape.sequence else never_null,
    )


def check_shape(shape: Shape) -> None:
    """Raise InvalidSchema, with every fault, unless an engine can make `shape`."""
    faults: list[PrivetError] = [InvalidSchema(text, at=shape.name) for text in _shape_faults(shape)]
    if faults:
        raise InvalidSchema(f"shape `{shape.name}` cannot be made: {faults[0]}", faults=tuple(faults))


def _shape_faults(shape: Shape) -> Iterator[str]:
    names = [column.name for column in shape.columns]
    for name in (shape.name, *names):
        if not NAME.fullmatch(name) or name.startswith(RESERVED):
            yield f"`{name}` is not a name of up to 63 small letters, digits and underscores"
    for group in (tuple(names), shape.key, *shape.indexes, *shape.uniques):
        if not group or len(set(group)) < len(group):
            yield "a group of columns is empty or repeats a column"
        for name in set(group).difference(names):
            yield f"`{name}` is in a group and not a column"
    if shape.sequence:
        kinds = [column.kind for column in shape.columns if column.name in shape.key]
        if kinds != ["int"]:
            yield "the key of a sequence is one column of kind `int`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What turns a table of one shape into another."""

    added: tuple[Column, ...]
    dropped: tuple[str, ...]
    new_indexes: tuple[tuple[str, ...], ...]
    new_uniques: tuple[tuple[str, ...], ...]
    old_indexes: tuple[tuple[str, ...], ...]
    old_uniques: tuple[tuple[str, ...], ...]


def change(old: Shape, new: Shape) -> Change:
    """Return what to do. Raises InvalidSchema where the key or a kept column changes."""
    before, after = {c.name: c for c in old.columns}, {c.name: c for c in new.columns}
    if old.key != new.key or old.sequence != new.sequence:
        raise InvalidSchema(f"the key of `{new.name}` cannot change", hint="define a new table and copy the rows")
    for name in before.keys() & after.keys():
        same_null = before[name].null == after[name].null or name in new.key
        if before[name].kind != after[name].kind or not same_null:
            raise InvalidSchema(f"column `{new.name}.{name}` cannot change its kind or take nulls away or on")
    return Change(
        added=tuple(column for column in new.columns if column.name not in before),
        dropped=tuple(name for name in before if name not in after),
        new_indexes=_minus(new.indexes, old.indexes),
        new_uniques=_minus(new.uniques, old.uniques),
        old_indexes=_minus(old.indexes, new.indexes),
        old_uniques=_minus(old.uniques, new.uniques),
    )


def _minus(left: Iterable[tuple[str, ...]], right: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    return tuple(group for group in dict.fromkeys(left) if group not in set(right))


def known(tables: Tables, name: str) -> Table:
    """Return the table called `name`. Raises UnknownName."""
    table = tables.get(name)
    if table is None:
        raise UnknownName(f"there is no table `{name}`", hint=meant(name, tables))
    return table


# --- units ------------------------------------------------------------------------------------------------


def check_unit(unit: Unit, tables: Tables) -> int:
    """Return how many rows the unit touches at most. Raises UnknownName or InvalidInput."""
    return sum(_check_step(step, known(tables, step.table)) for step in unit.steps)


def _check_step(step: Step, table: Table) -> int:
    if isinstance(step, Expect):
        check_where(step.where, Scope({FIRST: table}))
        return 0
    key = (type(step), getattr(step, "columns", ()), getattr(step, "match", ()))
    form = table.forms.get(key)
    if form is None:
        form = _form(step, table)
        if len(table.forms) >= MOST_FORMS:
            table.forms.clear()
        table.forms[key] = form
    if len(step.rows) < BY_ROW:
        _check_each(step, form)
    else:
        _check_all(step, form)
    return len(step.rows)


def _check_each(step: Insert | Put | Update | Delete, form: Form) -> None:
    for row in step.rows:
        types = tuple(map(type, row))
        if types not in form.good:
            _learn(form, step.table, {types})
        for place, fits in form.careful:
            if row[place] is not None and not fits(row[place]):
                raise _misfit(step.table, form, place)


def _check_all(step: Insert | Put | Update | Delete, form: Form) -> None:
    """Check rows by column: half the time of a look at each row."""
    try:
        columns = list(zip(*step.rows, strict=True))
    except ValueError:  # rows of other lengths
        columns = []
    if len(columns) != len(form.seen) or not all(
        seen.issuperset(map(type, cells)) for seen, cells in zip(form.seen, columns, strict=True)
    ):
        _learn(form, step.table, {tuple(map(type, row)) for row in step.rows} - form.good)
    for place, _ in form.careful:
        if not storable(form.columns[place][1], set(columns[place])):
            raise _misfit(step.table, form, place)


def _learn(form: Form, table: str, found: set[tuple[type, ...]]) -> None:
    """Remember the types of rows as right. Raises InvalidInput where they are not."""
    _check_types(form, table, found)
    form.good.update(found)
    for types in found:
        for seen, given in zip(form.seen, types, strict=True):
            seen.add(given)


def _misfit(table: str, form: Form, place: int) -> InvalidInput:
    name, kind, _ = form.columns[place]
    return InvalidInput(f"`{table}.{name}` takes cells of kind `{kind}`")


def _form(step: Insert | Put | Update | Delete, table: Table) -> Form:
    if isinstance(step, Insert | Put):
        _check_new(step, table)
        names = [(name, name not in table.never_null) for name in step.columns]
    else:
        if not step.match:
            raise InvalidInput(f"a step on `{step.table}` matches no columns")
        names = [(name, False) for name in step.match]
        if isinstance(step, Update):
            _check_set(step, table)
            names = [*((name, name not in table.never_null) for name in step.columns), *names]
    for name, _ in names:
        if name not in table.kinds:
            raise _no_column(step.table, name, table)
    columns = tuple((name, table.kinds[name], null) for name, null in names)
    careful = tuple((at, _FITS[kind]) for at, (_, kind, _) in enumerate(columns) if kind != "blob")
    return Form(columns, careful, set(), tuple(set() for _ in columns))


def _check_new(step: Insert | Put, table: Table) -> None:
    if table.shape.sequence and (isinstance(step, Put) or table.shape.key[0] in step.columns):
        raise InvalidInput(f"the engine assigns the key of `{step.table}`", hint="insert without the key column")
    missing = table.required.difference(step.columns)
    if missing:
        raise InvalidInput(f"a new row of `{step.table}` needs `{min(missing)}`")
    if len(set(step.columns)) < len(step.columns):
        raise InvalidInput(f"a step on `{step.table}` names a column twice")


def _check_set(step: Update, table: Table) -> None:
    if not step.columns or len(set(step.columns)) < len(step.columns):
        raise InvalidInput(f"an update of `{step.table}` sets no column, or one twice")
    if table.shape.sequence and table.shape.key[0] in step.columns:
        raise InvalidInput(f"the engine assigns the key of `{step.table}`")


def _check_types(form: Form, table: str, found: Iterable[tuple[type, ...]]) -> None:
    for types in found:
        if len(types) != len(form.columns):
            raise InvalidInput(f"expected {len(form.columns)} cells for `{table}`, found {len(types)}")
        for (name, kind, null), given in zip(form.columns, types, strict=True):
            if given is type(None):
                if not null:
                    raise InvalidInput(f"`{table}.{name}` takes no null")
            elif given is not KINDS[kind] and not (kind == "int" and given is bool):
                raise InvalidInput(f"`{table}.{name}` takes cells of kind `{kind}`")


def storable(kind: Kind, cells: Iterable[object]) -> bool:
    """Return whether a 64-bit integer, or UTF-8, can hold every cell that is not null."""
    if kind == "int":
        return all(cell is None or -WIDEST <= cell < WIDEST for cell in cells)  # type: ignore[operator]  # ints
    try:
        "".join(cell for cell in cells if cell is not None).encode()  # type: ignore[misc]  # texts
    except UnicodeEncodeError:
        return False
    return True


def _fits_int(cell: object) -> bool:
    return -WIDEST <= cell < WIDEST  # type: ignore[operator]  # an int, as its type was looked at


def _fits_text(cell: object) -> bool:
    return cell.isascii() or storable("text", (cell,))  # type: ignore[attr-defined]  # a text, likewise


_FITS: Mapping[Kind, Callable[[object], bool]] = {"int": _fits_int, "text": _fits_text}


def _no_column(name: str, column: str, table: Table) -> UnknownName:
    return UnknownName(f"`{name}` has no column `{column}`", hint=meant(column, table.kinds))


# --- questions --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Scope:
    """The tables that a question reads, by alias, in order. `without`: the scopes of what must not be there."""

    tables: dict[str, Table] = field(default_factory=dict)
    without: list[Scope] = field(default_factory=list)

    def column(self, name: str) -> tuple[str, str, Kind]:
        """Return alias, column and kind of `name`. Raises UnknownName, or InvalidQuery where the alias is missing."""
        alias, dot, column = name.rpartition(".")
        if not dot:
            if len(self.tables) > 1:
                raise InvalidQuery(f"`{name}` needs an alias, as the question has joins")
            alias = FIRST
        table = self.tables.get(alias)
        if table is None:
            raise UnknownName(f"there is no alias `{alias}` in the question")
        kind = table.kinds.get(column)
        if kind is None:
            raise _no_column(table.shape.name, column, table)
        return alias, column, kind


def check_select(question: Select, tables: Tables) -> Scope:
    """Return the scope of a question that keeps the rules. Raises UnknownName or InvalidQuery."""
    scope = Scope({FIRST: known(tables, question.table)})
    for join in question.joins:
        inner = _meeting(join, scope, tables)
        scope.tables |= inner.tables
    for without in question.without:
        inner = _meeting(without, scope, tables)
        check_where(without.where, inner)
        scope.without.append(inner)
    grouped = bool(question.group or question.aggregates)
    if grouped == bool(question.columns):
        raise InvalidQuery("a question has either columns, or groups and aggregates")
    if question.limit < 0 or question.least < 0 or (question.least and not grouped):
        raise InvalidQuery("`limit` and `least` are not negative, and `least` needs groups or aggregates")
    for name in (*question.columns, *question.group):
        scope.column(name)
    _check_order(question, scope, grouped)
    for aggregate in question.aggregates:
        if not aggregate.column and aggregate.function != "count":
            raise InvalidQuery(f"`{aggregate.function}` needs a column")
        if aggregate.column and scope.column(aggregate.column)[2] != "int" and aggregate.function == "sum":
            raise InvalidQuery(f"`{aggregate.column}` is not of kind `int`, so it has no sum")
    check_where(question.where, scope)
    return scope


def _meeting(other: Join | Without, scope: Scope, tables: Tables) -> Scope:
    """Return the scope of a table that meets those of a question: its own alone."""
    if not NAME.fullmatch(other.alias) or other.alias in scope.tables:
        raise InvalidQuery(f"alias `{other.alias}` is taken or not a name")
    left = scope.column(other.left if "." in other.left else f"{FIRST}.{other.left}")
    inner = Scope({other.alias: known(tables, other.table)})
    if inner.column(f"{other.alias}.{other.right}")[2] != left[2]:
        raise InvalidQuery(f"`{other.left}` and `{other.right}` are of two kinds")
    return inner


def _check_order(question: Select, scope: Scope, grouped: bool) -> None:
    group = {scope.column(name) for name in question.group}
    for name, _ in question.order:
        if scope.column(name) not in group and grouped:
            raise InvalidQuery(f"`{name}` orders groups and is not in `group`")


def check_where(where: Predicate, scope: Scope) -> None:
    """Raise unless every target is a column and every value is of its kind."""
    if isinstance(where, And | Or):
        for item in where.items:
            check_where(item, scope)
    elif isinstance(where, Not):
        check_where(where.item, scope)
    elif isinstance(where, In):
        kind = scope.column(where.target)[2]
        for value in where.values:
            if value is not None:
                check_value(where.target, kind, value)
    else:
        kind = scope.column(where.target)[2]
        if where.value is not None:
            check_value(where.target, kind, where.value)
        elif where.op not in ("=", "!="):
            raise InvalidQuery(f"`{where.target}` has no order against null")


def check_value(target: str, kind: Kind, value: Value) -> None:
    """Raise InvalidQuery unless `value` can be compared with a column of `kind`."""
    if not isinstance(value, KINDS[kind]) or (kind != "blob" and not storable(kind, (value,))):
        raise InvalidQuery(f"`{target}` is compared with a value that is not of kind `{kind}`")


def shape_of(where: Predicate, values: list[Value | tuple[Value, ...]]) -> object:
    """Return the predicate without its values, hashable, and append them to `values` in reading order.

    An `In` gives one item, the tuple of its values, and counts as long or by its length up to FEW.
    """
    kind = type(where)
    if kind is Compare:
        value = where.value  # type: ignore[union-attr]  # a Compare, by its type
        if value is not None:
            values.append(value)
        return where.op, where.target, value is None  # type: ignore[union-attr]
    if kind is In:
        values.append(where.values)  # type: ignore[union-attr]  # an In, by its type
        return where.target, min(len(where.values), FEW + 1)  # type: ignore[union-attr]
    if kind is Not:
        return "not", shape_of(where.item, values)  # type: ignore[union-attr]  # a Not, by its type
    return kind, tuple([shape_of(item, values) for item in where.items])  # type: ignore[union-attr]  # And or Or
