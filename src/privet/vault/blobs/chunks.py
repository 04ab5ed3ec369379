"""Contents of files as sealed chunks: keyed, bound and laid out. Who may read them stands in `vault.blobs.files`.

The table `chunks` holds two kinds of rows:

    head    file = SHA-256 of (column, record), cut    place 0
            cell = body (16) || column (16) || record (16) || the body's key, sealed as a cell of the column
    chunk   file = body                                place 1 to n
            cell = at most CHUNK_BYTES under the body's key

Each body has a random key of its own, so that a rotated column key or a record that moves to another person re-seals
one head and no content, and so that a forgotten person's files are dead with her key. A chunk is bound to its column,
record, body, place, and to whether it is the last: chunks that were moved, swapped, left out or cut off at the end do
not open. That is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizar: Online authenticated-encryption and its
nonce-reuse misuse-resistance, CRYPTO 2015). An older head of the same record opens, but its body then has not the hash
that the record's own column holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from privet import digest
from privet.crypto.seal import KEY_BYTES, CellKey
from privet.errors import Damaged
from privet.secret import Secret
from privet.store.port import Cell, Delete, Expect, Put, Row, Select, Step, Store, Unit
from privet.vault.schema import Column, Table
from privet.vault.sealer import Sealer
from privet.vault.vault import Vault
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import And, Compare, In, Not, Predicate

Held = tuple[bytes, bytes | None]  # a record and its subject

CHUNK_BYTES = 256 << 10
CHUNKS = ("file", "place", "cell")
HEAD_PLACE = 0
_IDS = 48  # body, column and record stand before the sealed key
_SOME = 500


@dataclass(frozen=True, slots=True)
class Body:
    """Content of one file. `bound`: 16 bytes of its column and record. `id`: UUIDv7 of when its upload began."""

    id: bytes
    bound: bytes
    key: CellKey

    def seal(self, place: int, content: bytes, *, last: bool) -> Row:
        """Return the row of one chunk. `place`: from 1."""
        return self.id, place, self.key.seal(self.bound, [self._name(place, last=last)], [content])[0]

    def open(self, place: int, cell: bytes, *, last: bool) -> bytes:
        """Return the content of one chunk. Raises Damaged for any other chunk than that of this place."""
        try:
            return self.key.open(self.bound, [self._name(place, last=last)], [cell])[0]
        except Damaged:
            raise Damaged(f"chunk {place} of a file fails its check: changed, moved, or the file is cut") from None

    def _name(self, place: int, *, last: bool) -> bytes:
        return digest.sha256(digest.canonical((self.id, place.to_bytes(8, "big"), b"\1" if last else b"\0")))[:16]


def holds_files(column: Column) -> bool:
    """Return whether the column's value is what is known of a file, so that content may hang on it."""
    kind = data_type(column.field.type)
    return not column.field.array and kind.part("hash") is not None and kind.part("mime") is not None


def count(size: int) -> int:
    """Return how many chunks a file of `size` bytes has; an empty one has one, for its last flag."""
    return max(1, -(-size // CHUNK_BYTES))


def new_body(column: Column, record: bytes, now_ms: int) -> Body:
    """Return a new body with a random key. Nothing of it is stored yet."""
    key = digest.random_bytes(KEY_BYTES["gcm"])
    return _body(column, record, digest.record_ids(1, now_ms=now_ms)[0], key)


def _body(column: Column, record: bytes, body: bytes, key: bytes) -> Body:
    bound = digest.sha256(digest.canonical((b"privet file chunk 1", column.id, record)))[:16]
    # GCM: the key is random for each body and seals some thousand chunks, some million for a file of a terabyte, so
    # random IVs do not meet (NIST SP 800-38D, section 8.3: at most 2**32).
    return Body(body, bound, CellKey(0, "gcm", Secret(key)))


def head_id(column: Column, record: bytes) -> bytes:
    """Return under which id the head of a record's file stands."""
    return digest.sha256(digest.canonical((b"privet file head 1", column.id, record)))[:16]


def head_step(sealer: Sealer, column: Column, held: Held, body: Body) -> Step:
    """Return the step that makes `body` the content of a record's file."""
    record, subject = held
    # A key of 32 random bytes travels as text, because that is what a column seals.
    text = body.key.key.reveal().hex()
    cell = _bytes(sealer.seal(column, [_key_name(body.id, record)], [text], [subject])[0])
    return Put("chunks", CHUNKS, ((head_id(column, record), HEAD_PLACE, body.id + column.id + record + cell),))


def find(store: Store, sealer: Sealer, column: Column, held: Held) -> Body | None:
    """Return the content of a record's file, None where none is stored.

    Raises Damaged for a head of another record or column, Gone for a forgotten subject.
    """
    record, subject = held
    where = And((Compare("file", "=", head_id(column, record)), Compare("place", "=", HEAD_PLACE)))
    rows = store.select(Select(table="chunks", columns=("cell",), where=where))
    if not rows:
        return None
    cell = _bytes(rows[0][0])
    body = cell[:16]
    row: list[Cell] = [None] * len(sealer.physical)
    row[sealer.place["id"]] = _key_name(body, record)
    row[sealer.place["subject"]] = subject
    row[sealer.place[column.cell]] = cell[_IDS:]
    text = sealer.open(column, [tuple(row)])[0]
    if text is None or len(text) != 2 * KEY_BYTES["gcm"]:
        raise Damaged("the head of a file fails its check")
    return _body(column, record, body, bytes.fromhex(text))


def _key_name(body: bytes, record: bytes) -> bytes:
    # Not a record id, so that a head never passes for the record's own cell, nor that cell for a head.
    return digest.sha256(digest.canonical((b"privet file key 1", body, record)))[:16]


def _bytes(cell: Cell) -> bytes:
    if not isinstance(cell, bytes):
        raise Damaged("a chunk of a file holds no bytes")
    return cell


def drop_steps(
    vault: Vault, table: Table, ids: Sequence[bytes], names: Collection[str] | None = None
) -> Iterator[Step]:
    """Yield the steps that remove the files of records. `names`: of these columns only.

    The steps clash if a file of theirs is stored or replaced in between, so that nothing is left behind.
    """
    columns = [column for column in table.columns if holds_files(column) and (names is None or column.name in names)]
    heads = [head_id(column, record) for column in columns for record in ids]
    for at in range(0, len(heads), _SOME):
        some = tuple(heads[at : at + _SOME])
        among = And((In("file", some), Compare("place", "=", HEAD_PLACE)))
        rows = vault.store.select(Select(table="chunks", columns=("file", "cell"), where=among))
        cells = tuple(_bytes(row[1]) for row in rows)
        other: Predicate = And((*among.items, Not(In("cell", cells)))) if cells else among
        yield Expect("chunks", other, False)
        if cells:
            yield Delete("chunks", ("file",), [*((row[0],) for row in rows), *((cell[:16],) for cell in cells)])


def reseal_steps(
    store: Store, before: Sealer, after: Sealer, old: Sequence[Held], new: Sequence[Held]
) -> Iterator[Step]:
    """Yield the steps that seal the heads of records' files anew; contents stay as they are.

    `before` opens and `after` seals: the same where only the column's key or the subjects change. `old`, `new`: each
    record with its subject then and now.
    """
    former = {column.id: column for column in before.table.columns}
    for column in after.table.columns:
        known = former.get(column.id)
        if known is None or not holds_files(known) or not holds_files(column):
            continue
        for held, now in zip(old, new, strict=True):
            body = find(store, before, known, held)
            if body is not None:
                yield head_step(after, column, now, body)


def collect(vault: Vault, *, before_ms: int) -> int:
    """Remove contents that no record holds: of uploads that a crash cut short, and of dropped columns and tables.

    `before_ms`: only uploads that began earlier, in UTC milliseconds; at a start, now. Returns how many went.
    """
    tables = {column.id: table for table in vault.schema.tables for column in table.columns}
    living: set[bytes] = set()
    lost: list[bytes] = []
    heads = Select(table="chunks", columns=("file", "cell"), where=Compare("place", "=", HEAD_PLACE))
    for rows in vault.store.stream(heads):
        wanted: dict[str, set[bytes]] = {}
        for _, cell in rows:
            table = tables.get(_bytes(cell)[16:32])
            if table is not None:
                wanted.setdefault(table.rows, set()).add(_bytes(cell)[32:_IDS])
        present = {name: _present(vault, name, ids) for name, ids in wanted.items()}
        for file, cell in rows:
            table = tables.get(_bytes(cell)[16:32])
            if table is not None and _bytes(cell)[32:_IDS] in present[table.rows]:
                living.add(_bytes(cell)[:16])
            else:
                lost.append(_bytes(file))
    # Every body has a chunk at place 1: it is written with the first unit of an upload.
    for rows in vault.store.stream(Select(table="chunks", columns=("file",), where=Compare("place", "=", 1))):
        bodies = [_bytes(row[0]) for row in rows]
        lost += [body for body in bodies if body not in living and int.from_bytes(body[:6], "big") < before_ms]
    for at in range(0, len(lost), _SOME):
        vault.store.write_now(Unit((Delete("chunks", ("file",), [(file,) for file in lost[at : at + _SOME]]),)))
    return len(lost)


def _present(vault: Vault, rows: str, ids: Collection[bytes]) -> set[bytes]:
    found = vault.store.select(Select(table=rows, columns=("id",), where=In("id", tuple(sorted(ids)))))
    return {_bytes(row[0]) for row in found}
