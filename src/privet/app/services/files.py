"""Files of records: put one, get one. Both are streams of bytes, so a row of `TRANSFERS` stands beside the verbs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal

from privet import digest
from privet.app.denials import watched
from privet.app.services.records import permit, read_id
from privet.app.services.verb import Answer, Ask, Caller
from privet.app.wiring import House
from privet.vault.access import consents
from privet.vault.blobs import files
from privet.vault.blobs.files import Download, Stored, Upload
from privet.vault.blobs.media import ANYTHING
from privet.vault.log.grounds import grounds
from privet.vocabulary.flag import marks

PATH = "/v1/vaults/{vault}/tables/{table}/records/{id}/files/{column}"


class PutAsk(Ask, kw_only=True):
    """Make what arrives the file of a record's column. `size`, `sha256`: refuse anything else. `replace` false: refuse
    where there is a file already."""

    vault: str = ""
    table: str = ""
    id: str = ""
    column: str = ""
    name: str = ""
    mime: str = ANYTHING
    size: int | None = None
    sha256: str = ""
    replace: bool = True


class GetAsk(Ask, kw_only=True):
    """Name the file of a record's column."""

    vault: str = ""
    table: str = ""
    id: str = ""
    column: str = ""


class FileShown(Answer):
    """A file as its record names it. `version`: of the record. `sha256`: hexadecimal."""

    id: str
    version: int
    name: str
    mime: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A verb that takes (PUT) or gives (GET) the bytes of a file. What is said beside its path travels in header
    lines, because a file's name may name a person, and paths and queries end up in other people's logs."""

    name: str
    method: Literal["GET", "PUT"]
    path: str
    ask: type[Ask]
    answer: type
    about: str

    @property
    def gives(self) -> bool:
        """Return whether the bytes come out."""
        return self.method == "GET"


async def put(house: House, who: Caller, ask: PutAsk, content: AsyncIterable[bytes]) -> FileShown:
    """Store a file, in place of the one before. Nothing of it shows before all of it is durable."""
    async with watched(house, who, "files.put", ask):
        return await _put(house, who, ask, content)


async def _put(house: House, who: Caller, ask: PutAsk, content: AsyncIterable[bytes]) -> FileShown:
    vault = house.vault(ask.vault)
    allowed = permit(house, vault, who, "update", ask.table, (ask.column,))
    deed = who.deed("files.put", house.policy(vault).version, vault.clock(), grounds(vault, [allowed]))
    sent = Upload(
        content=content,
        name=ask.name,
        mime=ask.mime,
        size=ask.size,
        sha256=ask.sha256,
        replace=ask.replace,
        limit_bytes=house.settings.max_file_bytes,
    )
    written, stored = await files.store(vault, allowed, read_id(ask.id), ask.column, sent, deed)
    return FileShown(
        id=digest.id_text(written.id),
        version=written.version,
        name=stored.name,
        mime=stored.mime,
        size=stored.size,
        sha256=stored.sha256,
    )


async def get(house: House, who: Caller, ask: GetAsk) -> Download:
    """Return a file, to those who see its column in plain text. Audited before it returns."""
    async with watched(house, who, "files.get", ask):
        return await _get(house, who, ask)


async def _get(house: House, who: Caller, ask: GetAsk) -> Download:
    vault = house.vault(ask.vault)

    def allowed() -> Any:
        return permit(house, vault, who, "read", ask.table, (ask.column,))

    first, record = allowed(), read_id(ask.id)
    flags = marks(first.rows)
    turn = consents.turn(vault, flags)
    deed = who.deed("files.get", house.policy(vault).version, vault.clock(), grounds(vault, [first]))
    found = await files.read(vault, first, record, ask.column, deed)

    async def content() -> AsyncGenerator[bytes, None]:
        async with aclosing(found.content) as pieces:
            async for piece in pieces:
                now = allowed()
                if now != first or consents.turn(vault, flags) != turn:
                    files.readable(vault, now, record, ask.column)
                yield piece

    return replace(found, content=content())


PUT = Transfer(
    name="files.put",
    method="PUT",
    path=PATH,
    ask=PutAsk,
    answer=FileShown,
    about="Store a file in a record, as it arrives.",
)
GET = Transfer(
    name="files.get",
    method="GET",
    path=PATH,
    ask=GetAsk,
    answer=Stored,
    about="Show the file of a record, piece by piece.",
)
TRANSFERS: tuple[Transfer, ...] = (PUT, GET)
