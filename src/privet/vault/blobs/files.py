"""Files of records: stored as sealed chunks while they arrive, shown chunk by chunk. Sealing: `vault.blobs.chunks`."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from dataclasses import dataclass

import msgspec

from privet.errors import (
    Conflict,
    Damaged,
    Denied,
    Gone,
    InvalidInput,
    InvalidValue,
    NotFound,
    PrivetError,
    TooLarge,
)
from privet.policy.permit import Permit
from privet.store.port import Delete, Insert, Row, Select, Step
from privet.vault.access.budgets import Seen
from privet.vault.blobs import chunks, media
from privet.vault.blobs.chunks import CHUNK_BYTES, Body
from privet.vault.candidates import among
from privet.vault.change import update_steps
from privet.vault.log.audit import Deed
from privet.vault.rows import Written, fetch
from privet.vault.schema import Column, Table
from privet.vault.sight import View, visible
from privet.vault.vault import Vault
from privet.vocabulary.datatype import Wire, data_type
from privet.vocabulary.predicate import And, Compare

LIMIT_BYTES = 4 << 30
UNIT = 4  # chunks that are written, or read, at once: what bounds the memory of a transfer
_KEPT = "uploads"
_NO_HASH = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that arrives. `size` and `sha256` (hexadecimal): what the sender says of it; None and "" say nothing.

    `replace`: it may take the place of another one. `limit_bytes`: the most that is taken.
    """

    content: AsyncIterable[bytes]
    name: str
    mime: str
    size: int | None = None
    sha256: str = ""
    replace: bool = True
    limit_bytes: int = LIMIT_BYTES


class Stored(msgspec.Struct, frozen=True):
    """What a record's column holds of its file."""

    name: str
    mime: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file that leaves: what is known of it, and its content, each piece verified."""

    stored: Stored
    content: AsyncGenerator[bytes, None]


# --- storing --------------------------------------------------------------------------------------------------


async def store(
    vault: Vault, permit: Permit, record: bytes, column: str, upload: Upload, deed: Deed
) -> tuple[Written, Stored]:
    """Make what arrives the file of a record's column, in place of the one before.

    Nothing of it shows before all of it is durable; one that fails half way leaves nothing. Raises Denied, NotFound,
    TooLarge, InvalidValue (name or media type), InvalidInput (not what the sender said, or not of the kind that it
    claims), Conflict (there is a file that is not to be replaced), Gone.
    """
    table = vault.table(permit.table)
    held = _column(table, column)
    if not permit.allows(column):
        raise Denied(f"no role of the caller allows `{permit.action}` on `{table.name}.{column}`")
    _check_claims(held, upload)
    row = _row(vault, permit, record, column)
    subject = row[vault.sealer(table).place["subject"]]
    if held.field.keep == "shreddable" and subject is None:
        raise Conflict(f"a record of `{table.name}` that is about nobody holds no file")
    _check_place(vault, table, held, row, upload)
    body = chunks.new_body(held, record, vault.clock())
    arriving = _arriving(vault)
    arriving.add(body.id)
    try:
        stored = await _take(vault, body, upload)
        return await _finish(vault, permit, (table, held), (record, body, stored, upload), deed), stored
    except BaseException:
        # What cannot be removed now, because the store fails too, is collected at the next start.
        with contextlib.suppress(PrivetError):
            await vault.write((Delete("chunks", ("file",), ((body.id,),)),))
        raise
    finally:
        arriving.discard(body.id)


def under_way(vault: Vault) -> frozenset[bytes]:
    """Return the contents that are arriving now, which no record names yet: all, as one process holds a vault."""
    return frozenset(_arriving(vault).copy())  # in one step: another thread may ask


def _arriving(vault: Vault) -> set[bytes]:
    found = vault.kept.setdefault(_KEPT, set())
    assert isinstance(found, set)  # nobody else keeps anything under that name
    return found


def _column(table: Table, name: str) -> Column:
    column = table.column(name)
    if not chunks.holds_files(column):
        raise InvalidInput(f"column `{name}` holds no files", hint="give it the type `file`")
    return column


def _row(vault: Vault, permit: Permit, record: bytes, column: str) -> Row:
    """Return the verified row of a record. Raises NotFound unless the permit covers the column on it."""
    table = vault.table(permit.table)
    rows = fetch(vault, table, [record], among(vault, permit))
    kept, shown = visible(vault.sealer(table), permit, rows, View((column,)))
    if not kept or column not in shown[0]:
        raise NotFound(f"no such record in `{table.name}`")
    return kept[0]


def _check_claims(column: Column, upload: Upload) -> None:
    """Refuse by what the sender says alone, before anything is read."""
    if upload.size is not None and upload.size > upload.limit_bytes:
        raise _too_large(upload.limit_bytes)
    _text(column, Stored(upload.name, upload.mime, 0, _NO_HASH))
    if upload.sha256:
        _text(column, Stored(upload.name, upload.mime, 0, upload.sha256))


def _check_place(vault: Vault, table: Table, column: Column, row: Row, upload: Upload) -> None:
    if not upload.replace and row[vault.sealer(table).place[column.cell]] is not None:
        raise Conflict(
            f"`{table.name}.{column.name}` of this record holds a file already",
            hint="`replace` puts another in its place; --yes on the command line",
        )


def _text(column: Column, stored: Stored) -> str:
    kind = data_type(column.field.type)
    wire: dict[str, Wire] = msgspec.to_builtins(stored)
    try:
        return kind.normalize(wire)
    except InvalidValue as error:
        raise InvalidValue(error.rule, type_name=kind.name, at=column.name) from None


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"expected a file of at most {limit_bytes:,} bytes, found more")


async def _take(vault: Vault, body: Body, upload: Upload) -> Stored:
    """Seal and write content as it arrives; return what it turned out to be."""
    taken = _Taken(body, upload.mime.strip().lower(), upload.limit_bytes)
    async for piece in upload.content:
        # A piece may be of any size: it is cut, so that no more than a unit of it is copied.
        for at in range(0, len(piece), CHUNK_BYTES):
            taken.add(piece[at : at + CHUNK_BYTES])
            if len(taken.rows) >= UNIT:
                await _write(vault, taken)
    taken.finish()
    await _write(vault, taken)
    found = taken.hash.hexdigest()
    if upload.size not in (None, taken.size):
        raise InvalidInput("expected as many bytes as the sender said, found another number", at="size")
    if upload.sha256 and upload.sha256.strip().lower() != found:
        raise InvalidInput("expected the SHA-256 that the sender said, found another", at="sha256")
    return Stored(upload.name, upload.mime, taken.size, found)


async def _write(vault: Vault, taken: _Taken) -> None:
    rows, taken.rows = taken.rows, []
    await vault.write((Insert("chunks", chunks.CHUNKS, rows),))


class _Taken:
    """Content on its way from pieces to chunks. `rows`: chunks that are sealed and not yet written."""

    def __init__(self, body: Body, mime: str, limit_bytes: int = LIMIT_BYTES) -> None:
        self.rows: list[Row] = []
        self.size = 0
        self.hash = hashlib.sha256()
        self._body = body
        self._mime = mime
        self._limit_bytes = limit_bytes
        self._rest = bytearray()
        self._place = 1

    def add(self, piece: bytes) -> None:
        """Take some content. Raises TooLarge, InvalidInput (its first bytes contradict its media type)."""
        self.size += len(piece)
        if self.size > self._limit_bytes:
            raise _too_large(self._limit_bytes)
        self.hash.update(piece)
        self._rest += piece
        # A full chunk waits for the next byte, because the last chunk is sealed as the last.
        while len(self._rest) > CHUNK_BYTES:
            self._seal(bytes(self._rest[:CHUNK_BYTES]), last=False)
            del self._rest[:CHUNK_BYTES]

    def finish(self) -> None:
        """Seal what is left as the last chunk."""
        self._seal(bytes(self._rest), last=True)

    def _seal(self, content: bytes, *, last: bool) -> None:
        if self._place == 1 and media.contradicts(self._mime, content[: media.HEAD_BYTES]):
            raise InvalidInput(f"expected a file of type `{self._mime}`, found another kind of file", at="mime")
        self.rows.append(self._body.seal(self._place, content, last=last))
        self._place += 1


async def _finish(
    vault: Vault,
    permit: Permit,
    place: tuple[Table, Column],
    made: tuple[bytes, Body, Stored, Upload],
    deed: Deed,
) -> Written:
    """Put the body under the record and what is known of it into its column, in one unit. `place`: as it was when the
    file began to arrive."""
    table, column = place
    record, body, stored, upload = made
    text = _text(column, stored)

    def prepare() -> tuple[Written, Sequence[Step]]:
        vault.demand_current(table)
        sealer = vault.sealer(table)
        row = _row(vault, permit, record, column.name)
        _check_place(vault, table, column, row, upload)
        subject = row[sealer.place["subject"]]
        assert subject is None or isinstance(subject, bytes)
        written, steps = update_steps(vault, table, [record], {column.name: [text]}, [None], deed)
        return written[0], [*steps, chunks.head_step(sealer, column, (record, subject), body)]

    return await vault.attempt(prepare)


# --- showing --------------------------------------------------------------------------------------------------


async def read(vault: Vault, permit: Permit, record: bytes, column: str, deed: Deed) -> Download:
    """Return the file of a record's column. Audited before it returns.

    Raises Denied unless the caller sees the column as `plain_text` on this record, NotFound (no such record, or no
    content), Gone (a forgotten subject). The content raises Damaged at the first piece that fails its check, and Gone
    once the file is replaced, deleted or erased; its last piece comes only after the hash of the whole was checked.
    """
    table = vault.table(permit.table)
    held, sealer = _column(table, column), vault.sealer(table)
    seen = Seen(table, permit)
    row, text = readable(vault, permit, record, column, seen)
    subject = row[sealer.place["subject"]]
    assert subject is None or isinstance(subject, bytes)
    body = chunks.find(vault.store, sealer, held, (record, subject))
    if text is None or body is None:
        raise NotFound(f"no content is stored for `{table.name}.{column}` of this record")
    stored = msgspec.json.decode(text, type=Stored)
    await vault.note(deed, table=table.name, columns=(column,), records=record, count=1, seen=(seen,))
    return Download(stored, _content(vault, body, stored, chunks.head_id(held, record)))


def readable(
    vault: Vault, permit: Permit, record: bytes, column: str, seen: Seen | None = None
) -> tuple[Row, str | None]:
    """Return (the row of a record, what its column says of the file) to those who see it as `plain_text`.

    `seen`: is told of it, for a caller who shows it. Raises Denied, NotFound, Gone.
    """
    table = vault.table(permit.table)
    held, sealer = _column(table, column), vault.sealer(table)
    if not permit.allows(column):
        raise Denied(f"no role of the caller allows `{permit.action}` on `{table.name}.{column}`")
    row = _row(vault, permit, record, column)
    text, shown = sealer.open(held, [row])[0], visible(sealer, permit, [row], View((column,)), seen)[1][0]
    if text is not None and shown.get(column) != data_type(held.field.type).present(text):
        raise Denied(f"no role of the caller shows `{table.name}.{column}` in plain text", hint="content has no masks")
    return row, text


async def _content(vault: Vault, body: Body, stored: Stored, head: bytes) -> AsyncGenerator[bytes, None]:
    whole, total = hashlib.sha256(), chunks.count(stored.size)
    size, done = 0, 0
    while done < total:
        rows = _chunk_rows(vault, body, done)
        if not rows:
            raise _missing(vault, body, head)
        for place, cell in rows:
            if place != done + 1 or not isinstance(cell, bytes):
                raise Damaged(f"chunk {done + 1} of a file is missing")
            done += 1
            piece = body.open(done, cell, last=done == total)
            whole.update(piece)
            size += len(piece)
            if done == total and (size, whole.hexdigest()) != (stored.size, stored.sha256):
                raise Damaged("a file is not the one that its record names")
            if piece:
                yield piece


def _chunk_rows(vault: Vault, body: Body, done: int) -> list[Row]:
    where = And((Compare("file", "=", body.id), Compare("place", ">", done), Compare("place", "<=", done + UNIT)))
    question = Select(table="chunks", columns=("place", "cell"), where=where, order=(("place", True),), limit=UNIT)
    return vault.store.select(question)


def _missing(vault: Vault, body: Body, head: bytes) -> PrivetError:
    where = And((Compare("file", "=", head), Compare("place", "=", chunks.HEAD_PLACE)))
    rows = vault.store.select(Select(table="chunks", columns=("cell",), where=where))
    if rows and isinstance(rows[0][0], bytes) and rows[0][0][:16] == body.id:
        return Damaged("a chunk of a file is missing")
    return Gone("the file was replaced, deleted or erased while it was read")
