"""Records: insert, upsert, update, delete, get, list."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from privet import digest
from privet.app.services.standing import demand_vault
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Denied, InvalidInput, NotFound, PrivetError, TooLarge
from privet.policy.decide import decide
from privet.vault import records
from privet.vault.access import consents, queues
from privet.vault.access.lookup import Asking
from privet.vault.listing import page
from privet.vault.log.grounds import grounds
from privet.vault.rows import Written
from privet.vault.sight import View
from privet.vault.vault import Vault
from privet.vocabulary.access import Access, Action

MAX_BATCH = 10_000
MAX_PAGE = 1_000
_UPSERT: tuple[Action, ...] = ("insert", "update")
_ASKING: tuple[Action, ...] = ("read", "search")


class Problem(Answer, omit_defaults=True):
    """Why one item of a batch was left out."""

    code: str
    message: str
    at: str = ""
    hint: str = ""


class Stored(Answer, omit_defaults=True, kw_only=True):
    """A record that was written. `tokens`: column → token."""

    id: str = ""
    version: int = 0
    tokens: dict[str, str | None] = msgspec.field(default_factory=dict)
    error: Problem | None = None


class StoredAll(Answer):
    """One item a record, in the order they were sent."""

    records: list[Stored]


class Shown(Answer):
    """A record as the caller may see it. Times: UTC milliseconds since 1970."""

    id: str
    version: int
    created_ms: int
    updated_ms: int
    values: dict[str, Any]
    tokens: dict[str, str | None]


class ShownAll(Answer):
    """Records, and the cursor of the next page ("" at the end)."""

    records: list[Shown]
    next: str = ""


class Count(Answer):
    """How many records were changed."""

    count: int


class InsertAsk(Ask, kw_only=True):
    """Add records. `partial`: keep those that pass and report the others; else all or none."""

    vault: str = ""
    table: str = ""
    records: list[dict[str, Any]]
    partial: bool = False


class UpsertAsk(Ask, kw_only=True):
    """Insert, or update the record that holds the same values in the unique set `on`."""

    vault: str = ""
    table: str = ""
    on: list[str]
    records: list[dict[str, Any]]


class UpdateAsk(Ask, kw_only=True):
    """Change columns of one record. `version`: only if it still has this version."""

    vault: str = ""
    table: str = ""
    id: str = ""
    values: dict[str, Any]
    version: int | None = None


class DeleteAsk(Ask, kw_only=True):
    """Delete records by id."""

    vault: str = ""
    table: str = ""
    ids: list[str]


class GetAsk(Ask, kw_only=True):
    """Show one record. `columns`: comma-separated, all by default. `redaction`: show no more than this."""

    vault: str = ""
    table: str = ""
    id: str = ""
    columns: str = ""
    redaction: str = ""


class ListAsk(Ask, kw_only=True):
    """Show records in the order they were made. `limit`: 1 to 1,000. `cursor`: from the page before."""

    vault: str = ""
    table: str = ""
    columns: str = ""
    redaction: str = ""
    limit: int = 100
    cursor: str = ""


def to_problem(error: PrivetError) -> Problem:
    """Return an error as an item of a batch shows it."""
    return Problem(code=error.code, message=error.message, at=error.at, hint=error.hint)


def read_id(text: str, at: str = "id") -> bytes:
    """Return the 16 bytes of a record id. Raises InvalidInput."""
    try:
        return digest.id_bytes(text)
    except ValueError:
        raise InvalidInput("expected a record id (a UUID)", at=at) from None


def chosen(vault: Vault, table: str, columns: str) -> tuple[str, ...]:
    """Return the named columns, or every column of the table."""
    known = vault.table(table)
    if not columns:
        return known.names()
    names = tuple(name.strip() for name in columns.split(","))
    for name in names:
        known.column(name)
    return names


def permit(  # noqa: PLR0913  (the parts of one question; a bundle would only rename it)
    house: House,
    vault: Vault,
    who: Caller,
    action: Action,
    table: str,
    columns: tuple[str, ...],
    *,
    lifted: bool = False,
) -> Any:
    """Return what the policy in force permits. `lifted`: without the ceilings of types, as a second person agreed.

    Raises Denied, UnknownName.
    """
    policy, known = house.policy(vault), vault.table(table)
    principal = who.principal
    demand_vault(principal, vault.name)
    # INVARIANT: the question holds all that the decision reads.
    held = (principal.id, principal.roles, principal.purposes, principal.scopes, *principal.attributes.items())
    queued = queues.held(vault, principal.id)
    flags = consents.in_force(vault)
    asked = (action, columns, who.purpose, lifted, queued.stamp, flags)
    question = (policy.version, vault.id, vault.schema.version, known.id, held, asked)
    found = house.permits.get(question)
    if found is None or (found.until is not None and found.until <= house.now()):
        access = Access(action, table, columns, who.purpose, lifted=lifted)
        found = decide(policy, principal, access, known.collection, now=house.now(), queues=queued, flags=flags)
        house.permits.put(question, found)
    return found


def asking(house: House, vault: Vault, who: Caller, table: str) -> Asking:
    """Return what tells, once somebody needs to know, how the caller may read and search a table."""

    def found() -> Sequence[Any]:
        permits: list[Any] = []
        for action in _ASKING:
            with suppress(Denied):
                permits.append(permit(house, vault, who, action, table, vault.table(table).names()))
        return permits

    return found


def _check_batch(size: int) -> None:
    if not 1 <= size <= MAX_BATCH:
        raise TooLarge(
            f"expected 1 to {MAX_BATCH:,} records, found {size:,}" if size else "expected at least one record"
        )


def _stored(written: list[Written]) -> StoredAll:
    return StoredAll(
        records=[
            Stored(error=to_problem(item.error))
            if item.error
            else Stored(id=digest.id_text(item.id), version=item.version, tokens=dict(item.tokens))
            for item in written
        ]
    )


async def insert(house: House, who: Caller, ask: InsertAsk) -> StoredAll:
    """Add records and return their ids and tokens."""
    _check_batch(len(ask.records))
    vault = house.vault(ask.vault)
    allowed = permit(house, vault, who, "insert", ask.table, vault.table(ask.table).names())
    deed = who.deed("records.insert", house.policy(vault).version, vault.clock(), grounds(vault, [allowed]))
    asks = asking(house, vault, who, ask.table)
    return _stored(await records.insert(vault, allowed, ask.records, deed, partial=ask.partial, asking=asks))


async def upsert(house: House, who: Caller, ask: UpsertAsk) -> StoredAll:
    """Insert or update by a unique set of columns."""
    _check_batch(len(ask.records))
    vault = house.vault(ask.vault)
    names = vault.table(ask.table).names()
    allowed = tuple(permit(house, vault, who, action, ask.table, names) for action in _UPSERT)
    deed = who.deed("records.upsert", house.policy(vault).version, vault.clock(), grounds(vault, allowed))
    asks = asking(house, vault, who, ask.table)
    return _stored(await records.upsert(vault, (allowed[0], allowed[1]), ask.on, ask.records, deed, asking=asks))


async def update(house: House, who: Caller, ask: UpdateAsk) -> Stored:
    """Change columns of one record."""
    vault = house.vault(ask.vault)
    allowed = permit(house, vault, who, "update", ask.table, vault.table(ask.table).names())
    deed = who.deed("records.update", house.policy(vault).version, vault.clock(), grounds(vault, [allowed]))
    asks, record = asking(house, vault, who, ask.table), read_id(ask.id)
    written = await records.update(vault, allowed, record, ask.values, deed, version=ask.version, asking=asks)
    return _stored([written]).records[0]


async def delete(house: House, who: Caller, ask: DeleteAsk) -> Count:
    """Delete records with all that hangs on them."""
    _check_batch(len(ask.ids))
    vault = house.vault(ask.vault)
    allowed = permit(house, vault, who, "delete", ask.table, ())
    deed = who.deed("records.delete", house.policy(vault).version, vault.clock(), grounds(vault, [allowed]))
    ids = list(dict.fromkeys(read_id(text, f"ids[{at}]") for at, text in enumerate(ask.ids)))
    return Count(count=await records.delete(vault, allowed, ids, deed))


async def get(house: House, who: Caller, ask: GetAsk) -> Shown:
    """Show one record, as far as the caller may see it."""
    vault = house.vault(ask.vault)
    columns = chosen(vault, ask.table, ask.columns)
    allowed = permit(house, vault, who, "read", ask.table, columns)
    deed = who.deed("records.get", house.policy(vault).version, vault.clock(), grounds(vault, [allowed], ask.redaction))
    found = await records.get(vault, allowed, [read_id(ask.id)], View(columns, ask.redaction), deed)
    if not found:
        raise NotFound(f"no such record in `{ask.table}`")
    return shown(found[0])


async def list_(house: House, who: Caller, ask: ListAsk) -> ShownAll:
    """Show a page of records."""
    if not 1 <= ask.limit <= MAX_PAGE:
        raise InvalidInput(f"expected a limit of 1 to {MAX_PAGE:,}", at="limit")
    vault = house.vault(ask.vault)
    columns = chosen(vault, ask.table, ask.columns)
    allowed = permit(house, vault, who, "read", ask.table, columns)
    deed = who.deed(
        "records.list", house.policy(vault).version, vault.clock(), grounds(vault, [allowed], ask.redaction)
    )
    found, cursor = await page(vault, allowed, View(columns, ask.redaction), deed, limit=ask.limit, cursor=ask.cursor)
    return ShownAll(records=[shown(item) for item in found], next=cursor)


def shown(item: records.Opened) -> Shown:
    """Return a record in its wire form."""
    return Shown(
        id=digest.id_text(item.id),
        version=item.version,
        created_ms=item.created_ms,
        updated_ms=item.updated_ms,
        values=dict(item.values),
        tokens=dict(item.tokens),
    )


async def _stored_again(house: House, who: Caller, ask: Any, ids: bytes) -> StoredAll:
    vault = house.vault(ask.vault)
    permit(house, vault, who, "insert", ask.table, vault.table(ask.table).names())
    return _stored(_present(vault, who, ask.table, ids))


async def _one_again(house: House, who: Caller, ask: Any, ids: bytes) -> Stored:
    vault = house.vault(ask.vault)
    permit(house, vault, who, "update", ask.table, vault.table(ask.table).names())
    return _stored(_present(vault, who, ask.table, ids)).records[0]


def _present(vault: Vault, who: Caller, table: str, ids: bytes) -> list[Written]:
    wanted = [ids[at : at + 16] for at in range(0, len(ids), 16)]
    return records.present(vault, vault.table(table), wanted, who.principal.id)


async def _count_again(house: House, who: Caller, ask: Any, ids: bytes) -> Count:
    return Count(count=len(ids) // 16)


_TABLE = "/v1/vaults/{vault}/tables/{table}/records"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="records.insert",
        method="POST",
        path=_TABLE,
        ask=InsertAsk,
        answer=StoredAll,
        run=insert,
        about="Add records and return their ids and tokens.",
        status=201,
        batch=True,
        changes=True,
        again=_stored_again,
    ),
    Verb(
        name="records.upsert",
        method="PUT",
        path=_TABLE,
        ask=UpsertAsk,
        answer=StoredAll,
        run=upsert,
        about="Insert records, or update those that hold the same values in a unique set.",
        batch=True,
        changes=True,
        again=_stored_again,
    ),
    Verb(
        name="records.list",
        method="GET",
        path=_TABLE,
        ask=ListAsk,
        answer=ShownAll,
        run=list_,
        about="Show a page of records.",
    ),
    Verb(
        name="records.delete",
        method="POST",
        path=_TABLE + "/delete",
        ask=DeleteAsk,
        answer=Count,
        run=delete,
        about="Delete records with their tags, tokens and references.",
        batch=True,
        changes=True,
        again=_count_again,
    ),
    Verb(
        name="records.get",
        method="GET",
        path=_TABLE + "/{id}",
        ask=GetAsk,
        answer=Shown,
        run=get,
        about="Show one record.",
    ),
    Verb(
        name="records.update",
        method="PATCH",
        path=_TABLE + "/{id}",
        ask=UpdateAsk,
        answer=Stored,
        run=update,
        about="Change columns of one record.",
        changes=True,
        again=_one_again,
    ),
)
