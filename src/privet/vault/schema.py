"""A vault's schema: a Fides dataset whose tables, columns and indexes carry identifiers that never change.

Names are what people write; slots and UUIDs are what is stored, sealed under and audited, so a rename moves nothing.
Reading the YAML is the business of `vault.reader`, telling two schemas apart that of `vault.difference`, moving data
that of `vault.upkeep.migrate`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from privet.errors import UnknownName
from privet.store.port import Column as Physical
from privet.store.port import Shape
from privet.vault.access import tables
from privet.vocabulary.dataset import WINDOW_SECONDS, Collection, Dataset, Field
from privet.vocabulary.typed import path_type

MakeId = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Index:
    """A blind index: `name` is "exact" or a part. `bits`: how many of its tags are kept, 0 for all."""

    name: str
    id: bytes
    slot: int
    bits: int = 0


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


@dataclass(frozen=True, slots=True)
class Compound:
    """An index of several columns or parts, tagged as one value. `targets`: `state`, `born.year`."""

    targets: tuple[str, ...]
    id: bytes
    slot: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the column of each target."""
        return tuple(target.partition(".")[0] for target in self.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A collection as the vault holds it. Slots count up within the table and are never used again.

    `record_slot`: of the token that a whole record has, 0 where its records have none.
    """

    collection: Collection
    id: bytes
    slot: int
    columns: tuple[Column, ...]
    uniques: tuple[Unique, ...] = ()
    compounds: tuple[Compound, ...] = ()
    record_slot: int = 0
    next_slot: int = 1

    @property
    def name(self) -> str:
        return self.collection.name

    @property
    def rows(self) -> str:
        """Return the physical table of the records."""
        return f"r{self.slot}"

    @property
    def token(self) -> str:
        """Return the physical column of the token of a whole record."""
        return f"t{self.record_slot}"

    @property
    def of_record(self) -> tuple[Column, ...]:
        """Return the columns for which the token of their record stands."""
        return tuple(c for c in self.columns if c.field.token is not None and c.field.token.kind == "record")

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
    window_seconds: int = WINDOW_SECONDS

    def table(self, name: str) -> Table:
        """Return the table called `name`. Raises UnknownName."""
        for table in self.tables:
            if table.collection.name == name:
                return table
        raise UnknownName("the vault has no table of that name")


EMPTY = Schema(version=0, key="", suite="siv", tables=())


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
    return Schema(
        version=old.version + 1,
        key=dataset.key,
        suite=dataset.suite,
        tables=tuple(tables),
        next_slot=slot,
        window_seconds=dataset.window_seconds,
    )


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
    compounds = _merge_compounds(former, collection, make_id, slots)
    recorded = any(field.token is not None and field.token.kind == "record" for field in collection.fields)
    plain = replace(collection, was="", fields=tuple(column.field for column in columns))
    return Table(
        collection=plain,
        id=former.id,
        slot=former.slot,
        columns=tuple(columns),
        uniques=tuple(uniques),
        compounds=compounds,
        record_slot=(former.record_slot or slots.take()) if recorded else 0,
        next_slot=slots.next,
    )


def _merge_compounds(former: Table, collection: Collection, make_id: MakeId, slots: _Slots) -> tuple[Compound, ...]:
    """Return the compound indexes, each with its identity if what it is of stays."""
    before = {column.name: column.field for column in former.columns}
    was = {field.name: before.get(field.was or field.name) or before.get(field.name) for field in collection.fields}
    found = []
    for targets in collection.indexes:
        pairs = [(collection.field(name), was[name], part) for name, _, part in (t.partition(".") for t in targets)]
        then = tuple(_target(field.name, part) if field else "" for _, field, part in pairs)
        known = next((compound for compound in former.compounds if compound.targets == then), None)
        stays = all(now and old and _inside(now, part) == _inside(old, part) for now, old, part in pairs)
        kept = known is not None and stays
        found.append(replace(known, targets=targets) if kept and known else Compound(targets, make_id(), slots.take()))
    return tuple(found)


def _target(column: str, part: str) -> str:
    return f"{column}.{part}" if part else column


def _inside(field: Field, part: str) -> str:
    """Return the type at the path of a json column that an index is of, "" where it is of none."""
    return path_type(field.paths, part)


class _Slots:
    def __init__(self, first: int) -> None:
        self.next = first

    def take(self) -> int:
        self.next += 1
        return self.next - 1


def _merge_column(known: Column, field: Field, make_id: MakeId, slots: _Slots) -> Column:
    indexes, bits = [], dict(field.bits)
    for name in field.indexes:
        kept, keeps = known.index(name), bits.get(name, 0)
        stays = kept and kept.bits == keeps and _inside(known.field, name) == _inside(field, name)
        indexes.append(kept if kept and stays else Index(name, make_id(), slots.take(), keeps))
    token_id, token_slot = known.token_id, known.token_slot
    kind = field.token.kind if field.token else "none"
    if kind in ("none", "transient", "record"):
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
    if table.record_slot:
        columns.append(Physical(table.token, "blob"))
        indexes.append((table.token,))
    columns.extend(Physical(f"x{compound.slot}", "blob") for compound in table.compounds)
    indexes.extend((f"x{compound.slot}",) for compound in table.compounds)
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
            Physical("holder", "blob"),
            Physical("subject", "blob"),
        ),
        # Every index is a random place that an insert writes a page for. Looking for a column's tokens reads them all.
        key=("token",),
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
    *tables.SHAPES,
)
