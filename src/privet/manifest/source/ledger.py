"""Tables as statements make and change them, one after the other; what is left at the end is a dataset.

Names are found without regard to case, as databases find names without quotes, and kept as they are first written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from privet.codec import Place
from privet.manifest.finding import NOWHERE, Finding
from privet.manifest.source import annotate
from privet.manifest.source.code import unread
from privet.vocabulary import native
from privet.vocabulary.dataset import Collection, Dataset, Field, Link

RULE = "unread-migration"
"""The rule of notes about what migrations do that cannot be told without running them."""


@dataclass(slots=True)
class Column:
    """One column. `kind`: its type as SQL; "" where nobody said. `nullable` None: nobody said."""

    name: str
    kind: str = ""
    nullable: bool | None = None
    primary_key: bool = False
    place: Place = NOWHERE
    labels: tuple[str, ...] = ()
    identity: str = ""
    description: str = ""


@dataclass(slots=True)
class Key:
    """A foreign key. `theirs` (): the primary key of the other table."""

    ours: tuple[str, ...]
    table: str
    theirs: tuple[str, ...] = ()
    name: str = ""


@dataclass(slots=True)
class Table:
    """One table; `implied`: nobody made it here, yet somebody changed it."""

    name: str
    place: Place = NOWHERE
    columns: dict[str, Column] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    about: tuple[str, ...] = ()
    description: str = ""
    implied: bool = False

    def add(self, column: Column) -> None:
        """Put a column at the end, in place of one of the same name."""
        self.columns[column.name.casefold()] = column

    def column(self, name: str) -> Column | None:
        """Return a column by its name, or None."""
        return self.columns.get(name.casefold())

    def primary(self, names: Sequence[str]) -> None:
        """Make columns the primary key."""
        for name in names:
            column = self.column(name)
            if column is not None:
                column.primary_key, column.nullable = True, False


class Ledger:
    """All tables at a moment. `partial`: something may have been made or changed that is not here."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.findings: list[Finding] = []
        self.gone: dict[str, Place] = {}
        self.partial = False

    def note(self, at: Place, message: str, *, changes: bool = True) -> None:
        """Note what cannot be read. `changes`: it may have changed tables."""
        self.findings.append(unread(at, message, rule=RULE))
        self.partial = self.partial or changes

    def create(self, table: Table) -> None:
        """Add a table, in place of one of the same name."""
        self.tables[table.name.casefold()] = table

    def table(self, name: str, at: Place) -> Table:
        """Return a table that a statement changes; one that nobody made here is noted, and begun."""
        found = self.tables.get(name.casefold())
        if found is None:
            self.note(at, f"table `{name}` is changed, and made nowhere in what was read")
            found = Table(name, at, implied=True)
            self.create(found)
        return found

    def column(self, table: str, name: str, at: Place) -> Column:
        """Return a column that a statement changes, its place from now on that of the statement."""
        inside = self.table(table, at)
        found = inside.column(name)
        if found is None:
            if not inside.implied:
                self.note(at, f"column `{table}.{name}` is changed, and made nowhere in what was read")
            found = Column(name)
            inside.add(found)
        found.place = at
        return found

    def drop(self, name: str, at: Place) -> None:
        """Take a table away, and the foreign keys that point to it."""
        table = self.tables.pop(name.casefold(), None)
        if table is None:
            return
        self.gone[table.name] = at
        for other in self.tables.values():
            other.keys = [key for key in other.keys if key.table.casefold() != name.casefold()]

    def rename(self, old: str, new: str, at: Place) -> None:
        """Give a table another name; foreign keys follow."""
        table = self.table(old, at)
        del self.tables[table.name.casefold()]
        self.gone[table.name] = at
        table.name, table.place = new, at
        self.create(table)
        for other in self.tables.values():
            for key in other.keys:
                key.table = new if key.table.casefold() == old.casefold() else key.table

    def add_column(self, table: str, column: Column, at: Place) -> None:
        """Add a column to a table."""
        self.table(table, at).add(column)

    def drop_column(self, table: str, name: str, at: Place) -> None:
        """Take a column away, and the foreign keys that it is in."""
        inside = self.table(table, at)
        column = inside.columns.pop(name.casefold(), None)
        self.gone[f"{inside.name}.{column.name if column else name}"] = at
        inside.keys = [key for key in inside.keys if name.casefold() not in map(str.casefold, key.ours)]

    def rename_column(self, table: str, old: str, new: str, at: Place) -> None:
        """Give a column another name, at the same position; foreign keys follow."""
        self.column(table, old, at)
        inside = self.table(table, at)
        self.gone[f"{inside.name}.{old}"] = at
        columns = list(inside.columns.values())
        inside.columns.clear()
        for column in columns:
            inside.add(replace(column, name=new) if column.name.casefold() == old.casefold() else column)
        for key in inside.keys:
            key.ours = _renamed(key.ours, old, new)
        for other in self.tables.values():
            for key in other.keys:
                if key.table.casefold() == table.casefold():
                    key.theirs = _renamed(key.theirs, old, new)

    def drop_key(self, table: str, name: str, at: Place) -> None:
        """Take the foreign key of a name away; other constraints say nothing here."""
        inside = self.table(table, at)
        inside.keys = [key for key in inside.keys if key.name.casefold() != name.casefold()]

    def describe(self, table: Table, column: Column, text: str, at: Place) -> None:
        """Give a column its comment, and what an annotation in it says."""
        mark = annotate.in_text(text)
        column.description = text if mark is None else text[: text.lower().index("privacy:")].rstrip(" ;,.")
        if mark is not None:
            self.mark(table, column, mark, at)

    def mark(self, table: Table, column: Column, mark: annotate.Mark, at: Place) -> None:
        """Give a column what an annotation says."""
        self.findings += annotate.findings(mark, at, f"table {table.name}, column {column.name}")
        column.labels, column.identity = mark.labels, mark.identity
        table.about = tuple(dict.fromkeys((*table.about, *mark.subjects)))

    def dataset(self, key: str) -> Dataset:
        """Return what is there now, tables by name."""
        tables = sorted(self.tables.values(), key=lambda table: table.name)
        return Dataset(key=key, collections=tuple(self._collection(key, table) for table in tables))

    def places(self) -> dict[str, Place]:
        """Return table, and table and column with a dot, → the statement that made it so, or took it away."""
        found = dict(self.gone)
        for table in self.tables.values():
            found[table.name] = table.place
            found |= {f"{table.name}.{column.name}": column.place for column in table.columns.values()}
        return found

    def _collection(self, dataset: str, table: Table) -> Collection:
        links: dict[str, list[Link]] = {}
        for key in table.keys:
            for ours, theirs in self._pairs(key):
                link = Link(dataset, theirs, "from")
                if link not in links.setdefault(ours.casefold(), []):
                    links[ours.casefold()].append(link)
        fields = [_field(column, tuple(links.get(name, ()))) for name, column in table.columns.items()]
        return Collection(
            name=table.name, fields=tuple(fields), about=table.about, description=" ".join(table.description.split())
        )

    def _pairs(self, key: Key) -> list[tuple[str, str]]:
        other = self.tables.get(key.table.casefold())
        name = other.name if other is not None else key.table
        theirs = key.theirs
        if not theirs and other is not None:
            theirs = tuple(column.name for column in other.columns.values() if column.primary_key)
        elif other is not None:
            theirs = tuple(_as_written(other, one) for one in theirs)
        return [(ours, f"{name}.{one}") for ours, one in zip(key.ours, theirs, strict=False)]


def _as_written(table: Table, name: str) -> str:
    column = table.column(name)
    return column.name if column is not None else name


def _field(column: Column, links: tuple[Link, ...]) -> Field:
    nullable = False if column.primary_key else column.nullable
    # The type's own name depends on the database, which nobody named: it is left out, so that it is no drift.
    held = native.native(column.kind, nullable=nullable, primary_key=column.primary_key)
    if not column.kind:
        held = replace(held, data_type="")
    held = replace(held, column_type="", identity=column.identity, links=links)
    return replace(native.field(column.name, held, description=column.description), labels=column.labels)


def _renamed(names: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name.casefold() == old.casefold() else name for name in names)
