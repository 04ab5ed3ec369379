"""Export: every record of a table as a stream of JSON lines."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from privet import codec, digest
from privet.app.denials import watched
from privet.app.services import exports
from privet.app.services.records import chosen, permit
from privet.app.services.standing import Standing
from privet.app.services.stream import Stream
from privet.app.services.verb import Answer, Ask, Caller
from privet.app.wiring import House
from privet.errors import Denied
from privet.vault.listing import export
from privet.vault.log.grounds import grounds
from privet.vault.records import Opened
from privet.vault.sight import View


class ExportAsk(Ask, kw_only=True):
    """Show every record. `columns`: comma-separated, all by default. `redaction`: show no more than this. `clear`:
    without the ceilings of types, once, when a second person approved exactly that."""

    vault: str = ""
    table: str = ""
    columns: str = ""
    redaction: str = ""
    clear: bool = False


class Line(Answer, kw_only=True):
    """One record of an export."""

    id: str
    version: int
    values: dict[str, Any]
    tokens: dict[str, str | None]


async def lines(house: House, who: Caller, ask: ExportAsk) -> AsyncGenerator[list[bytes], None]:
    """Yield every record that the caller may export, each chunk audited before it leaves.

    Raises Denied, UnknownName, NotFound; Denied in the middle once another policy is in force.
    """
    vault = house.vault(ask.vault)
    columns = chosen(vault, ask.table, ask.columns)

    def allowed() -> Any:
        return permit(house, vault, who, "export", ask.table, columns, lifted=ask.clear)

    async with watched(house, who, "records.export", ask):
        first = allowed()  # what forbids the whole is told before the first chunk
    policy = house.policy(vault).version
    deed = who.deed("records.export", policy, vault.clock(), grounds(vault, [first], ask.redaction))
    if ask.clear:
        async with watched(house, who, "records.export", ask):
            await exports.spend(house, who, vault, first, columns, deed)
    standing = Standing(house, who)
    # A caller who goes away in the middle leaves nothing half-read behind.
    async with aclosing(export(vault, allowed, View(columns, ask.redaction), deed)) as chunks:
        async for chunk in chunks:
            standing.demand()
            if house.policy(vault).version != policy:
                raise Denied("the policy changed during the export", hint="start the export again")
            yield [codec.encode(_line(item)) for item in chunk]


def _line(item: Opened) -> Line:
    return Line(id=digest.id_text(item.id), version=item.version, values=dict(item.values), tokens=dict(item.tokens))


STREAMS: tuple[Stream, ...] = (
    Stream(
        name="records.export",
        path="/v1/vaults/{vault}/tables/{table}/export",
        ask=ExportAsk,
        answer=Line,
        run=lines,
        about="Show every record of a table, one JSON value a line.",
    ),
)
