"""One caller of a vault, and what the slow reading of the rules says that she may get."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from random import Random
from typing import Any

from rulebook import Case, Row, best, held_back, visible
from walked import Answered, Home

from privet.vault.query.question import shows
from privet.vocabulary.access import Action
from privet.vocabulary.dataset import Field
from privet.vocabulary.datatype import data_type

Faults = Iterator[str]
# By type: of each pair the first shows something that the second, though it stands higher, hides.
APART = {
    "card.pan": {("last_four", "first_six")},
    "contact.email": {("first_initial", "domain"), ("first_initial", "masked")},
    "string": {(less, more) for less in ("first_initial", "masked", "last_two") for more in ("last_two", "last_four")},
}


class Walk:
    """One caller's way through every path. `cells`: how many were compared."""

    def __init__(self, home: Home, seed: int) -> None:
        self.home = home
        self.r = Random(seed)
        self.case = home.enter(seed)
        self.cells = 0
        self._cases: dict[tuple[str, Action], Case] = {}
        self._names: dict[tuple[str, Action, bytes, str], frozenset[str]] = {}

    # -- the rules -------------------------------------------------------------------------------------------------

    def rules(self, table: str, action: Action) -> Case:
        found = self._cases.get((table, action))
        if found is None:
            found = self._cases[table, action] = self.home.of(self.case, table, action)
        return found

    def fields(self, table: str) -> tuple[Field, ...]:
        return self.rules(table, "read").table.fields

    def names(self, table: str, action: Action, row: Row, column: str) -> frozenset[str]:
        """Return every redaction by which the rules show a cell."""
        key = (table, action, row.id, column)
        if key not in self._names:
            made = self.rules(table, action)
            field = made.table.field(column)
            assert field is not None
            self._names[key] = frozenset(visible(made, row, field))
        return self._names[key]

    def shown(self, table: str, action: Action, row: Row, column: str, asked: str = "") -> list[Any]:
        """Return what a cell may look like: nothing where it is not shown at all."""
        field = self.rules(table, action).table.field(column)
        assert field is not None
        held = best(field, set(self.names(table, action, row, column)))
        return [self.home.cell(table, row, column, capped(field, name, asked)) for name in sorted(held)]

    def any_of(self, table: str, row: Row, *actions: Action) -> bool:
        return any(self.names(table, action, row, f.name) for action in actions for f in self.fields(table))

    def may_ask(self, table: str, row: Row, place: str) -> bool:
        """Return whether the caller may ask about a place (`column`, `column.part` or `column?` for null) of a row."""
        column, _, part = place.rstrip("?").partition(".")
        if column == "id":
            return self.any_of(table, row, "read", "search")
        field = self.rules(table, "read").table.field(column)
        assert field is not None
        kind = data_type(field.type)
        read, search = (self.names(table, action, row, column) for action in ("read", "search"))
        if place.endswith("?"):
            return bool(search) or any(name in kind.redactions and name != "redacted" for name in read)
        indexed = kind.ceiling != "redacted" or (part or "exact") in kind.indexes
        return any(indexed and shows(kind, n, part) for n in search) or any(shows(kind, n, part) for n in read)

    def held_back(self, table: str, row: Row) -> bool:
        """Return whether a flag hides a record from whoever reads, searches or detokenizes."""
        return held_back(self.rules(table, "read"), row)

    def told(self, table: str, place: str, *, flags: bool = True) -> bool:
        """Return whether the caller may ask about a place of every row there is; `flags`: of those held back, too."""
        rows = [row for row in self.rows(table) if flags or not self.held_back(table, row)]
        return all(self.may_ask(table, row, place) for row in rows)

    def forget(self) -> None:
        """Read the rules anew, after a record changed."""
        self._cases.clear()
        self._names.clear()

    # -- words -----------------------------------------------------------------------------------------------------

    def compare(
        self,
        table: str,
        action: Action,
        row: Row,
        values: dict[str, Any],
        asked: str = "",
        columns: Collection[str] = (),
    ) -> Faults:
        """Yield what of a record's values is not as the rules say. `columns`: those that were asked for, () for all."""
        for field in self.fields(table):
            self.cells += 1
            wanted = not columns or field.name in columns
            expected = [] if not wanted else self.shown(table, action, row, field.name, asked)
            if field.name == "doc":
                expected = [values[field.name]] if expected and field.name in values else expected
            if bool(expected) is not (field.name in values):
                yield f"{table}.{field.name} is {'not ' if expected else ''}shown"
            elif expected and values[field.name] not in expected:
                yield f"{table}.{field.name} is shown otherwise"

    def rows(self, table: str) -> list[Row]:
        return self.home.rows[table]

    def visible_rows(self, table: str, action: Action) -> list[Row]:
        return [row for row in self.rows(table) if self.any_of(table, row, action)]

    def query(self, sql: str, **more: Any) -> Answered:
        return self.home.ask("POST", "/query", {"sql": sql, **more})


def capped(field: Field, name: str, asked: str) -> str:
    """Return what is left of a redaction where no more than another is asked for."""
    kind = data_type(field.type)

    def worth(redaction: str) -> float:
        return kind.redactions.index(redaction) if redaction in kind.redactions else 0

    if not asked or asked == name or worth(asked) > worth(name):
        return name
    return asked if asked in kind.redactions and (asked, name) not in APART.get(kind.name, ()) else "redacted"
