"""Honey records: mark records that nobody has a reason to look at, or make some up. Showing one raises an alert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from privet import digest
from privet.app.services.records import permit, read_id
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import InvalidInput, NotFound
from privet.policy.decide import may
from privet.vault import records
from privet.vault.log.audit import Deed
from privet.vault.rows import live
from privet.vault.schema import Column, Table
from privet.vault.vault import Vault
from privet.vocabulary.datatype import Wire, data_type

_UNMADE = frozenset({"file", "json"})


class AddAsk(Ask, kw_only=True):
    """Mark the record `id` of `table`; with `make`, mark a new one of invented values instead."""

    vault: str = ""
    table: str
    id: str = ""
    make: bool = False


class MarkAsk(Ask, kw_only=True):
    """Name a marked record."""

    vault: str = ""
    table: str = ""
    id: str = ""


class VaultAsk(Ask, kw_only=True):
    """Name a vault."""

    vault: str = ""


class Mark(Answer):
    """A marked record."""

    table: str
    id: str


class Marks(Answer):
    """Every marked record, by table and id."""

    marks: list[Mark]


async def list_(house: House, who: Caller, ask: VaultAsk) -> Marks:
    """Show which records are marked."""
    vault = _vault(house, who, ask.vault)
    names = {table.id: table.name for table in vault.schema.tables}
    found = [(names.get(mark[:16], ""), digest.id_text(mark[16:])) for mark in vault.honey.marks()]
    await vault.note(who.deed("honey.list", house.policy(vault).version, vault.clock()), count=len(found))
    return Marks(marks=[Mark(table=table, id=record) for table, record in sorted(found)])


async def add(house: House, who: Caller, ask: AddAsk) -> Mark:
    """Mark a record."""
    if bool(ask.id) == ask.make:
        raise InvalidInput("expected the id of a record, or `make`", at="id")
    vault = _vault(house, who, ask.vault)
    table = vault.table(ask.table)
    record = await _made(house, vault, who, table) if ask.make else read_id(ask.id)
    if not live(vault, table, [record]):
        raise NotFound(f"no such record in `{table.name}`")
    deed = who.deed("honey.add", house.policy(vault).version, vault.clock())
    await _change(vault, deed, lambda marks: marks.add(table.id + record))
    return Mark(table=table.name, id=digest.id_text(record))


async def remove(house: House, who: Caller, ask: MarkAsk) -> Mark:
    """Take a mark off; the record stays."""
    vault = _vault(house, who, ask.vault)
    mark = vault.table(ask.table).id + read_id(ask.id)
    if mark not in vault.honey.marks():
        raise NotFound("the record is not marked")
    deed = who.deed("honey.remove", house.policy(vault).version, vault.clock())
    await _change(vault, deed, lambda marks: marks.discard(mark))
    return Mark(table=ask.table, id=ask.id)


def _vault(house: House, who: Caller, name: str) -> Vault:
    vault = house.vault(name)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    return vault


async def _change(vault: Vault, deed: Deed, change: Callable[[set[bytes]], None]) -> None:
    """Change the marks, one call at a time. The entry names no record: who reads the database file reads it, too."""
    async with vault.honey.changing:
        marks = set(vault.honey.marks())
        change(marks)
        await vault.write((vault.honey.step(marks), deed.seen(), *deed.settle(b"")))
        vault.honey.take(marks)


async def _made(house: House, vault: Vault, who: Caller, table: Table) -> bytes:
    """Add a record of the examples of its columns' types; in the audit it is a record like any other."""
    values = {column.name: _example(table, column) for column in table.columns}
    values = {name: value for name, value in values.items() if value is not None}
    allowed: Any = permit(house, vault, who, "insert", table.name, table.names())
    deed = who.deed("records.insert", house.policy(vault).version, vault.clock()).unsettled()
    return (await records.insert(vault, allowed, [values], deed))[0].id


def _example(table: Table, column: Column) -> Wire:
    field, kind = column.field, data_type(column.field.type)
    if field.reference is not None or kind.name in _UNMADE or not kind.example:
        if field.required:
            raise InvalidInput(
                f"`{table.name}.{column.name}` must hold something that cannot be made up",
                hint="insert an invented record and mark it by `--id`",
            )
        return None
    value = kind.present(kind.normalize(kind.example))
    return [value] if field.array else value


_PATH = "/v1/vaults/{vault}/honey"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="honey.list",
        method="GET",
        path=_PATH,
        ask=VaultAsk,
        answer=Marks,
        run=list_,
        about="Show which records raise an alert when they are shown.",
    ),
    Verb(
        name="honey.add",
        method="POST",
        path=_PATH,
        ask=AddAsk,
        answer=Mark,
        run=add,
        about="Have a record raise an alert when it is shown.",
        status=201,
        changes=True,
    ),
    Verb(
        name="honey.remove",
        method="DELETE",
        path=_PATH + "/{table}/{id}",
        ask=MarkAsk,
        answer=Mark,
        run=remove,
        about="Have a record raise no alert any more.",
        changes=True,
    ),
)
