"""Values behind tokens that no record decides about, held against the people whom flags hold back from a caller.

A computed token says nothing of who has its value, and a stored one may be nobody's. So the value is looked for among
the records of those people, or, where they are too many to list, among the records that its exact index finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from privet.errors import Gone
from privet.store.port import Cell, Row, Select
from privet.vault import locate
from privet.vault.access import consents
from privet.vault.locate import Located
from privet.vault.schema import Column, Table
from privet.vault.vault import Vault
from privet.vocabulary.flag import marks
from privet.vocabulary.predicate import And, Compare, In, Predicate

FEW = 64  # people whose records are opened at once for all tokens of a call
MOST_HOLDERS = 1_000  # records that are looked at for one value

Texts = Sequence[str | None]


class Withheld:
    """What one call has to know of the people whom flags hold back. `refs`: token → reference, as `locate` has it."""

    def __init__(self, vault: Vault, refs: Mapping[Cell, Row]) -> None:
        self._vault = vault
        self._refs = refs
        self._known: dict[tuple[bytes, tuple[str, ...]], Texts | None] = {}

    def spares(self, where: Predicate, subject: Cell) -> bool:
        """Return whether a person is known, and has none of the flags that a condition names."""
        return isinstance(subject, bytes) and not consents.withheld(self._vault, marks(where), {subject})

    def holds(self, where: Predicate, item: Located) -> bool:
        """Return whether a token that no record decides about, or its value, is of somebody with a flag that a
        condition names. Raises Damaged."""
        keys = marks(where)
        if not keys:
            return False
        if item.column.field.keep == "transient":
            held = self._vault.held(item.text)
            return held is None or (held.subject is not None and not self.spares(where, held.subject))
        subjects = self._subjects(item) if item.row else set()
        if consents.withheld(self._vault, keys, subjects):
            return True
        try:
            text = locate.values(self._vault, [item], self._refs)[0]
            texts = self._texts(keys, item.table, item.column, text)
        except Gone:
            return True  # somebody is being erased: the next call knows more
        return texts is None or text in texts

    def _subjects(self, item: Located) -> set[bytes]:
        """Return the people who hold a stored token without a record."""
        where = And((Compare("token", "=", item.row[0]), Compare("rows", "=", None)))
        rows = self._vault.store.select(Select(table="refs", columns=("subject",), where=where))
        return {row[0] for row in rows if isinstance(row[0], bytes)}

    def _texts(self, keys: tuple[str, ...], table: Table, column: Column, text: str) -> Texts | None:
        """Return the texts among which a value is if somebody with a flag has it, None where nobody can say."""
        listed = self._listed(keys)
        tags = self._tags(table, column, text)
        if listed is not None and (len(listed) <= FEW or not tags):
            if (column.id, keys) not in self._known:
                self._known[column.id, keys] = self._among(keys, table, column, _of(listed), limit=0)
            return self._known[column.id, keys]
        if not tags:
            return None
        where = _tagged(tags) if listed is None else And((_tagged(tags), _of(listed)))
        return self._among(keys, table, column, where, limit=MOST_HOLDERS)

    def _listed(self, keys: tuple[str, ...]) -> Set[bytes] | None:
        found: set[bytes] = set()
        for key in keys:
            some = consents.listed(self._vault, key)
            if some is None:
                return None
            found |= some
        return found

    def _tags(self, table: Table, column: Column, text: str) -> list[tuple[str, bytes]]:
        """Return (physical column, tag) under each living key by which the exact index finds a text."""
        index = column.index("exact")
        if index is None:
            return []
        name = f"x{index.slot}"
        taggers = next(tag.taggers for tag in self._vault.sealer(table).tags[column.name] if tag.name == name)
        return [(name, found) for tagger in taggers for found in tagger.tags([text.encode()])]

    def _among(
        self, keys: tuple[str, ...], table: Table, column: Column, where: Predicate, *, limit: int
    ) -> Texts | None:
        sealer = self._vault.sealer(table)
        rows = self._vault.store.select(Select(table=table.rows, columns=sealer.physical, where=where, limit=limit))
        if limit and len(rows) >= limit:
            return None
        at = sealer.place["subject"]
        theirs = consents.withheld(self._vault, keys, {row[at] for row in rows if isinstance(row[at], bytes)})  # type: ignore[misc]  # bytes
        rows = [row for row in rows if row[at] in theirs]
        sealer.verify(rows)
        return sealer.open(column, rows)


def _of(people: Set[bytes]) -> Predicate:
    return In("subject", tuple(sorted(people)))


def _tagged(tags: Sequence[tuple[str, bytes]]) -> Predicate:
    return In(tags[0][0], tuple(tag for _, tag in tags))
