"""What applying one schema over another does, in the lines of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from privet.vault.schema import Column, Index, Schema, Table


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of a plan. `moves_data`: records are rewritten; `loses_data`: values go for good. `ends`: the columns,
    as `table.column` of the old schema, that are there no more under that name."""

    at: str
    what: str
    moves_data: bool = False
    loses_data: bool = False
    ends: tuple[str, ...] = ()


def compare(old: Schema, new: Schema) -> tuple[Difference, ...]:
    """Return what applying `new` over `old` does, in the schema's order. Nothing: the two mean the same."""
    return tuple(_differences(old, new))


def _differences(old: Schema, new: Schema) -> Iterator[Difference]:
    before = {table.id: table for table in old.tables}
    if old.version and old.suite != new.suite:
        yield Difference("", f"cells are sealed with {new.suite}", moves_data=True)
    if old.version and old.window_seconds != new.window_seconds:
        yield Difference("", f"a window of subject keys lasts {new.window_seconds:,} seconds")
    for table in new.tables:
        former = before.pop(table.id, None)
        if former is None:
            yield Difference(table.name, f"new table of {len(table.columns)} columns")
        else:
            yield from _table_differences(former, table)
    for table in before.values():
        yield Difference(table.name, "table is dropped with its records", loses_data=True, ends=_names(table))


def _table_differences(old: Table, new: Table) -> Iterator[Difference]:
    if old.name != new.name:
        yield Difference(new.name, f"table `{old.name}` is renamed", ends=_names(old))
    before = {column.id: column for column in old.columns}
    for column in new.columns:
        at = f"{new.name}.{column.name}"
        former = before.pop(column.id, None)
        if former is None:
            yield Difference(at, f"new column of type {column.field.type}", moves_data=column.field.default is not None)
        else:
            if column.name != former.name:
                yield Difference(at, f"column `{former.name}` is renamed", ends=(f"{old.name}.{former.name}",))
            yield from _column_differences(at, former, column)
    for column in before.values():
        yield Difference(
            f"{new.name}.{column.name}",
            "column is dropped with its values",
            moves_data=True,
            loses_data=True,
            ends=(f"{old.name}.{column.name}",),
        )
    yield from _set_differences(old, new)
    if old.collection.ttl_seconds != new.collection.ttl_seconds:
        yield Difference(new.name, "time to live of new records changes")
    if old.collection.subject != new.collection.subject:
        yield Difference(new.name, f"subject becomes {new.collection.subject}", moves_data=True)
    if old.collection.about != new.collection.about:
        yield Difference(new.name, f"records are about {', '.join(new.collection.about) or 'nobody who is named'}")


def _names(table: Table) -> tuple[str, ...]:
    return tuple(f"{table.name}.{column.name}" for column in table.columns)


def _set_differences(old: Table, new: Table) -> Iterator[Difference]:
    now = {unique.id for unique in new.uniques}
    then = {unique.id for unique in old.uniques}
    for unique in new.uniques:
        if unique.id not in then:
            yield Difference(new.name, f"({', '.join(unique.columns)}) becomes unique", moves_data=True)
    for unique in old.uniques:
        if unique.id not in now:
            yield Difference(new.name, f"({', '.join(unique.columns)}) is no longer unique", moves_data=True)
    yield from _index_differences(
        new.name,
        {compound.id: f"({', '.join(compound.targets)})" for compound in old.compounds},
        {compound.id: f"({', '.join(compound.targets)})" for compound in new.compounds},
    )


def _index_differences(at: str, old: Mapping[bytes, str], new: Mapping[bytes, str]) -> Iterator[Difference]:
    """Yield what becomes of indexes. `old`, `new`: id → name."""
    for name in sorted(name for identity, name in new.items() if identity not in old):
        yield Difference(at, f"index {name} is built", moves_data=True)
    for name in sorted(name for identity, name in old.items() if identity not in new):
        yield Difference(at, f"index {name} is dropped", moves_data=True)


_REWRITES: Mapping[str, str] = {
    "type": "type becomes {}",
    "array": "holds arrays: {}",
    "keep": "is kept {}",
    "reference": "reference becomes {}",
    "token": "tokens change",
}
_WORDS: Mapping[str, str] = {
    "labels": "labels become {}",
    "required": "required: {}",
    "default": "default for new records changes",
    "description": "description changes",
    "paths": "typed paths change",
    "leak": "leak declaration changes",
}


def _column_differences(at: str, old: Column, new: Column) -> Iterator[Difference]:
    for words, moves in ((_REWRITES, True), (_WORDS, False)):
        for attribute, text in words.items():
            value = getattr(new.field, attribute)
            if getattr(old.field, attribute) != value:
                shown = ", ".join(value) if isinstance(value, tuple) and attribute == "labels" else value
                lost = attribute == "keep" and value == "transient"
                yield Difference(at, text.format(shown), moves_data=moves, loses_data=lost)
    yield from _index_differences(
        at, {index.id: _named(index) for index in old.indexes}, {index.id: _named(index) for index in new.indexes}
    )


def _named(index: Index) -> str:
    return f"`{index.name}`" + (f" of {index.bits} bits" if index.bits else "")
