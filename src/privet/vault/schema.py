"""A vault's schema: a Fides dataset whose tables, columns and indexes carry identifiers that never change.

Names are what people write; slots and UUIDs are what is stored, sealed under and audited, so a rename moves nothing.
Reading the YAML is the business of `vault.reader`, moving data that a change touches that of `vault.upkeep.migrate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from privet.errors import UnknownName
from privet.store.port import Column as Physical
from privet.store.port import Shape
from privet.vocabulary.dataset import Collection, Dataset, Field

MakeId = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Index:
    """A blind index: `name` is "exact" or a part; `unique` ones live in a table of their own."""

    name: str
    id: bytes
    slot: int


@dataclass(frozen=True, slots=True)
class Column:
    """A field as the vault holds it. `token_id`: identity of its deterministic tokens (16 bytes, b"" for none)."""

    field: Field
    id: bytes
    slot: int
    indexes: tuple[Index, ...] = ()
    token_id: bytes = b""
    token_slot: int = 0

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def cell(self) -> str:
        """Return the physical column of the sealed cell, or of the record id that a reference holds."""
        return f"f{self.slot}" if self.field.reference else f"c{self.slot}"

    @property
    def token(self) -> str:
        """Return the physical column of the stored token's id."""
        return f"t{self.token_slot}"

    def index(self, name: str) -> Index | None:
        """Return the index called `name`, or None."""
        return next((index for index in self.indexes if index.name == name), None)


@dataclass(frozen=True, slots=True)
class Unique:
    """A set of columns that never repeats together, tagged as one value."""

    columns: tuple[str, ...]
    id: bytes
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A collection as the vault holds it. Slots count up within the table and are never used again."""

    collection: Collection
    id: bytes
    slot: int
    columns: tuple[Column, ...]
    uniques: tuple[Unique, ...] = ()
    next_slot: int = 1

    @property
    def name(self) -> str:
        return self.collection.name

    @property
    def rows(self) -> str:
        """Return the physical table of the records."""
        return f"r{self.slot}"

    def column(self, name: str) -> Column:
        """Return the column called `name`. Raises UnknownName, listing nothing that is stored."""
        for column in self.columns:
            if column.field.name == name:
                return column
        raise UnknownName(f"table `{self.name}` has no column of that name", at=self.name)

    def names(self) -> tuple[str, ...]:
        """Return every column name, in the schema's order."""
        return tuple(column.field.name for column in self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Every table of one vault at one version. `dataset` is as its author wrote it."""

    version: int
    key: str
    suite: Literal["siv", "gcm"]
    tables: tuple[Table, ...]
    next_slot: int = 1

    def table(self, name: str) -> Table:
        """Return the table called `name`. Raises UnknownName."""
        for table in self.tables:
            if table.collection.name == name:
                return table
        raise UnknownName("the vault has no table of that name")


EMPTY = Schema(version=0, key="", suite="siv", tables=())


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of a plan. `moves_data`: records are rewritten; `loses_data`: values go for good."""

    at: str
    what: str
    moves_data: bool = False
    loses_data: bool = False


def merge(old: Schema, dataset: Dataset, make_id: MakeId) -> Schema:
    """Return the schema that follows `old` when `dataset` is applied: same names (or `was:`) keep their ids."""
    before = {table.name: table for table in old.tables}
    slot, tables = old.next_slot, []
    for collection in dataset.collections:
        former = before.get(collection.was or collection.name) or before.get(collection.name)
        if former is None:
            former = Table(collection=collection, id=make_id(), slot=slot, columns=())
            slot += 1
        tables.append(_merge_table(former, collection, make_id))
    return Schema(version=old.version + 1, key=dataset.key, suite=dataset.suite, tables=tuple(tables), next_slot=slot)


def _merge_table(former: Table, collection: Collection, make_id: MakeId) -> Table:
    slots = _Slots(former.next_slot)
    before = {column.name: column for column in former.columns}
    columns = []
    for field in collection.fields:
        known = before.get(field.was or field.name) or before.get(field.name)
        columns.append(_merge_column(known or Column(field, make_id(), slots.take()), field, make_id, slots))
    sets = {unique.columns: unique for unique in former.uniques}
    renamed = {column.field.was or column.name: column.name for column in columns}
    sets = {tuple(renamed.get(name, name) for name in names): unique for names, unique in sets.items()}
    uniques = []
    for names in unique_sets(collection):
        known_set = sets.get(names)
        uniques.append(replace(known_set, columns=names) if known_set else Unique(names, make_id(), slots.take()))
    plain = replace(collection, was="", fields=tuple(column.field for column in columns))
    return Table(
        collection=plain,
        id=former.id,
        slot=former.slot,
        columns=tuple(columns),
        uniques=tuple(uniques),
        next_slot=slots.next,
    )


class _Slots:
    def __init__(self, first: int) -> None:
        self.next = first

    def take(self) -> int:
        self.next += 1
        return self.next - 1


def _merge_column(known: Column, field: Field, make_id: MakeId, slots: _Slots) -> Column:
    indexes = []
    for name in field.indexes:
        kept = known.index(name)
        indexes.append(kept or Index(name, make_id(), slots.take()))
    token_id, token_slot = known.token_id, known.token_slot
    kind = field.token.kind if field.token else "none"
    if kind in ("none", "transient"):
        token_id, token_slot = b"", 0
    elif not token_id or _tokens_of(known.field) != _tokens_of(field):
        token_id, token_slot = make_id(), 0
    held = kind in ("stored", "random") and field.token is not None and field.token.scope != "consumer"
    if held and not token_slot:
        token_slot = slots.take()
    return replace(
        known, field=replace(field, was=""), indexes=tuple(indexes), token_id=token_id, token_slot=token_slot
    )


def _tokens_of(field: Field) -> tuple[str, ...]:
    """Return what tokens of two plans must share to pass for one another."""
    return (field.token.kind, field.token.shape, field.token.scope) if field.token else ()


def unique_sets(collection: Collection) -> tuple[tuple[str, ...], ...]:
    """Return every set of fields that must not repeat: those of the collection, then single fields."""
    single = tuple((field.name,) for field in collection.fields if field.unique)
    return (*collection.uniques, *(names for names in single if names not in collection.uniques))


def compare(old: Schema, new: Schema) -> tuple[Difference, ...]:
    """Return what applying `new` over `old` does, in the schema's order. Nothing: the two mean the same."""
    return tuple(_differences(old, new))


def _differences(old: Schema, new: Schema) -> Iterator[Difference]:
    before = {table.id: table for table in old.tables}
    if old.version and old.suite != new.suite:
        yield Difference("", f"cells are sealed with {new.suite}", moves_data=True)
    for table in new.tables:
        former = before.pop(table.id, None)
        if former is None:
            yield Difference(table.name, f"new table of {len(table.columns)} columns")
        else:
            yield from _table_differences(former, table)
    for table in before.values():
        yield Difference(table.name, "table is dropped with its records", loses_data=True)


def _table_differences(old: Table, new: Table) -> Iterator[Difference]:
    if old.name != new.name:
        yield Difference(new.name, f"table `{old.name}` is renamed")
    before = {column.id: column for column in old.columns}
    for column in new.columns:
        at = f"{new.name}.{column.name}"
        former = before.pop(column.id, None)
        if former is None:
            yield Difference(at, f"new column of type {column.field.type}", moves_data=column.field.default is not None)
        else:
            yield from _column_differences(at, former, column)
    for column in before.values():
        yield Difference(
            f"{new.name}.{column.name}", "column is dropped with its values", moves_data=True, loses_data=True
        )
    yield from _set_differences(old, new)
    if old.collection.ttl_seconds != new.collection.ttl_seconds:
        yield Difference(new.name, "time to live of new records changes")
    if old.collection.subject != new.collection.subject:
        yield Difference(new.name, f"subject becomes {new.collection.subject}", moves_data=True)


def _set_differences(old: Table, new: Table) -> Iterator[Difference]:
    now = {unique.id for unique in new.uniques}
    then = {unique.id for unique in old.uniques}
    for unique in new.uniques:
        if unique.id not in then:
            yield Difference(new.name, f"({', '.join(unique.columns)}) becomes unique", moves_data=True)
    for unique in old.uniques:
        if unique.id not in now:
            yield Difference(new.name, f"({', '.join(unique.columns)}) is no longer unique", moves_data=True)


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
    if old.name != new.name:
        yield Difference(at, f"column `{old.name}` is renamed")
    for words, moves in ((_REWRITES, True), (_WORDS, False)):
        for attribute, text in words.items():
            value = getattr(new.field, attribute)
            if getattr(old.field, attribute) != value:
                shown = ", ".join(value) if isinstance(value, tuple) and attribute == "labels" else value
                lost = attribute == "keep" and value == "transient"
                yield Difference(at, text.format(shown), moves_data=moves, loses_data=lost)
    for name in sorted(set(new.field.indexes) - set(old.field.indexes)):
        yield Difference(at, f"index `{name}` is built", moves_data=True)
    for name in sorted(set(old.field.indexes) - set(new.field.indexes)):
        yield Difference(at, f"index `{name}` is dropped", moves_data=True)


# --- the physical side ----------------------------------------------------------------------------------------

HEAD: tuple[Physical, ...] = (
    Physical("id", "blob", null=False),
    Physical("version", "int", null=False),
    Physical("subject", "blob"),
    Physical("expires", "int"),
    Physical("created", "int", null=False),
    Physical("updated", "int", null=False),
    Physical("mac", "blob", null=False),
)


def shape(table: Table) -> Shape:
    """Return the physical table that holds the records of `table`."""
    columns, indexes = list(HEAD), [("expires",)] if table.collection.ttl_seconds else []
    if table.collection.subject != "none":
        indexes.append(("subject",))
    for column in table.columns:
        columns.append(Physical(column.cell, "blob"))
        if column.field.reference:
            indexes.append((column.cell,))
        for index in column.indexes:
            columns.append(Physical(f"x{index.slot}", "blob"))
            if not column.field.array:
                indexes.append((f"x{index.slot}",))
        if column.token_slot:
            columns.append(Physical(column.token, "blob"))
    columns.extend(Physical(f"u{unique.slot}", "blob") for unique in table.uniques)
    return Shape(name=table.rows, columns=tuple(columns), key=("id",), indexes=tuple(indexes))


FIXED: tuple[Shape, ...] = (
    Shape(name="meta", columns=(Physical("name", "text", null=False), Physical("value", "blob")), key=("name",)),
    Shape(
        name="schemas",
        columns=(Physical("version", "int", null=False), Physical("body", "blob"), Physical("created", "int")),
        key=("version",),
    ),
    Shape(
        name="keys",
        columns=(
            Physical("key_id", "int", null=False),
            Physical("purpose", "text"),
            Physical("owner", "blob"),
            Physical("version", "int"),
            Physical("suite", "text"),
            Physical("state", "text"),
            Physical("wrapped", "blob"),
            Physical("verify", "blob"),
            Physical("created", "int"),
        ),
        key=("key_id",),
    ),
    Shape(
        name="uniques",
        columns=(Physical("tag", "blob", null=False), Physical("record", "blob", null=False)),
        key=("tag",),
    ),
    Shape(
        name="elements",
        columns=(
            Physical("index_id", "blob", null=False),
            Physical("tag", "blob", null=False),
            Physical("record", "blob", null=False),
        ),
        key=("index_id", "tag", "record"),
        indexes=(("record",),),
    ),
    Shape(
        name="tokens",
        columns=(
            Physical("token", "blob", null=False),
            Physical("tag", "blob"),
            Physical("owner", "blob", null=False),
            Physical("text", "text"),
            Physical("cell", "blob"),
            Physical("created", "int", null=False),
            Physical("consumer", "text"),
        ),
        key=("token",),
        indexes=(("owner",),),
        uniques=(("tag",),),
    ),
    Shape(
        name="refs",
        columns=(
            Physical("token", "blob", null=False),
            Physical("holder", "blob", null=False),
            Physical("rows", "text"),
            Physical("subject", "blob"),
            Physical("cell", "blob"),
        ),
        key=("token", "holder"),
        indexes=(("holder",),),
    ),
    Shape(
        name="audit",
        columns=(
            Physical("seq", "int", null=False),
            Physical("at", "int", null=False),
            Physical("kind", "int", null=False),
            Physical("body_salt", "blob"),
            Physical("body", "blob"),
            Physical("body_hash", "blob", null=False),
            Physical("records_salt", "blob"),
            Physical("records", "blob"),
            Physical("records_hash", "blob", null=False),
        ),
        key=("seq",),
        sequence=True,
    ),
    Shape(
        name="tiles",
        columns=(
            Physical("level", "int", null=False),
            Physical("place", "int", null=False),
            Physical("hashes", "blob", null=False),
        ),
        key=("level", "place"),
    ),
    Shape(
        name="idempotency",
        columns=(
            Physical("key", "blob", null=False),
            Physical("body_mac", "blob"),
            Physical("answer", "blob"),
            Physical("state", "text"),
            Physical("expires", "int"),
        ),
        key=("key",),
        indexes=(("expires",),),
    ),
    Shape(
        name="erasures",
        columns=(
            Physical("id", "blob", null=False),
            Physical("subject", "blob", null=False),
            Physical("state", "text", null=False),
            Physical("at", "int", null=False),
        ),
        key=("id",),
        indexes=(("state",), ("subject",)),
    ),
    Shape(
        name="chunks",
        columns=(
            Physical("file", "blob", null=False),
            Physical("place", "int", null=False),
            Physical("cell", "blob", null=False),
        ),
        key=("file", "place"),
    ),
)
