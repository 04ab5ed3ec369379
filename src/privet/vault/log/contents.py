"""Whether the contents of files are what records name: every chunk there, every chunk opened, and no other.

A record may name a file whose content was never stored, so a content that is gone without a trace is no fault here.
Chunks that no record names are one, unless an upload that is under way is bringing them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from privet import digest
from privet.errors import Damaged, Gone
from privet.store.port import Cell, Row, Select
from privet.vault.blobs import chunks
from privet.vault.blobs.chunks import Body
from privet.vault.blobs.files import Stored, under_way
from privet.vault.bonds import Found, Pass, place_of
from privet.vault.log.history import Fault
from privet.vault.schema import Column
from privet.vault.sealer import Sealer
from privet.vault.vault import Vault
from privet.vocabulary.predicate import And, Compare, In

_UNIT = 4  # chunks that are held at once
_HEAD_BYTES = 48  # body, column and record


class Contents:
    """The contents of one vault's files. `count`: how many were opened whole."""

    def __init__(self, vault: Vault) -> None:
        self.count = 0
        self._vault = vault
        self._columns = {
            column.id: (vault.sealer(table), column)
            for table in vault.schema.tables
            for column in table.columns
            if chunks.holds_files(column)
        }
        self._living: set[Cell] = set()
        # Uploads that are under way now may end, or be given up, before their chunks are looked at.
        self._began, self._arriving = vault.clock(), under_way(vault)

    def passes(self) -> tuple[Pass, ...]:
        """Return the looks at the chunks that no record leads to: heads first."""
        key = ("file", "place")
        heads = Select(table="chunks", columns=(*key, "cell"), where=Compare("place", "=", 0), order=(("file", True),))
        bodies = Select(table="chunks", columns=key, where=Compare("place", "!=", 0), order=(("file", True),))
        return Pass(heads, key, self._heads), Pass(bodies, key, self._bodies)

    # --- from a record to its files ---------------------------------------------------------------------------

    def of_records(self, sealer: Sealer, rows: Sequence[Row]) -> Found:
        """Find files of verified rows of a table whose content is not the one that its record names."""
        for owner, column in self._columns.values():
            if owner.table.id != sealer.table.id:
                continue
            for i, row in enumerate(rows):
                what = self._fault(sealer, column, row) if row[sealer.place[column.cell]] is not None else ""
                if what:
                    yield i, Fault("file", f"`{column.name}` of {place_of(sealer.table, row[0])}", what)

    def _fault(self, sealer: Sealer, column: Column, row: Row) -> str:
        try:
            text = sealer.open(column, [row])[0] or ""
        except (Damaged, Gone):
            return ""  # told of the record's own cell
        held: chunks.Held = (row[0], row[sealer.place["subject"]])  # type: ignore[assignment]  # ids, as HEAD says
        try:
            body = chunks.find(self._vault.store, sealer, column, held)
            what = self._content(body, msgspec.json.decode(text, type=Stored)) if body else ""
        except (Damaged, Gone):
            return "the head of its content does not open"
        self.count += body is not None and not what
        return what

    def _content(self, body: Body, stored: Stored) -> str:
        total, done, whole = chunks.count(stored.size), 0, hashlib.sha256()
        for place, cell in self._chunks(body):
            done += 1
            if place != done or done > total:
                return "a chunk of its content is missing" if done <= total else "its content has a chunk too many"
            try:
                whole.update(body.open(done, cell if isinstance(cell, bytes) else b"", last=done == total))
            except Damaged:
                return f"chunk {done} of its content does not open"
        if done < total:
            return "a chunk of its content is missing"
        return "" if whole.hexdigest() == stored.sha256 else "its content is not the one that it names"

    def _chunks(self, body: Body) -> Iterator[Row]:
        after: Cell = 0
        while True:
            where = And((Compare("file", "=", body.id), Compare("place", ">", after)))
            order = (("place", True),)
            question = Select(table="chunks", columns=("place", "cell"), where=where, order=order, limit=_UNIT)
            rows = self._vault.store.select(question)
            yield from rows
            if len(rows) < _UNIT:
                return
            after = rows[-1][0]

    # --- from chunks to records -------------------------------------------------------------------------------

    def _heads(self, rows: Sequence[Row]) -> Found:
        named = self._named(rows)
        for i, (file, _, cell) in enumerate(rows):
            if file in named:
                self._living.add(cell[:16])  # type: ignore[index]  # a blob, or no record would be named
            else:
                yield i, Fault("file.head", _named(file), "it is of no file of a record")

    def _named(self, rows: Sequence[Row]) -> set[Cell]:
        """Return the heads that a record's file has."""
        wanted: dict[bytes, dict[Cell, Cell]] = {}
        for file, _, cell in rows:
            column, record = (cell[16:32], cell[32:_HEAD_BYTES]) if isinstance(cell, bytes) else (b"", b"")
            if column in self._columns and chunks.head_id(self._columns[column][1], record) == file:
                wanted.setdefault(column, {})[record] = file
        found: set[Cell] = set()
        for identity, heads in wanted.items():
            sealer, column_ = self._columns[identity]
            where = And((In("id", tuple(heads)), Compare(column_.cell, "!=", None)))
            present = self._vault.store.select(Select(table=sealer.table.rows, columns=("id",), where=where))
            found.update(heads[row[0]] for row in present)
        return found

    def _bodies(self, rows: Sequence[Row]) -> Found:
        arriving = self._arriving | under_way(self._vault)
        old = [i for i, row in enumerate(rows) if row[0] not in arriving and self._stood(row[0])]
        if any(rows[i][0] not in self._living for i in old):
            for some in self._vault.store.stream(self.passes()[0].question):
                self._living.update(row[2][:16] for row in some if isinstance(row[2], bytes))
        for i in old:
            if rows[i][0] not in self._living:
                yield i, Fault("file.chunk", f"chunk {rows[i][1]!r} of {_named(rows[i][0])}", "no record's file has it")

    def _stood(self, body: Cell) -> bool:
        """Return whether an upload did not begin during this look: the id of its content is a UUIDv7."""
        began = int.from_bytes(body[:6], "big") if isinstance(body, bytes) else 0
        return not self._began <= began <= self._vault.clock()


def _named(file: Cell) -> str:
    return f"content {digest.id_text(file)}" if isinstance(file, bytes) and len(file) == 16 else "content"
