"""Vaults: make, list, show and change their schema."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import msgspec

from privet.app.atlas import depending
from privet.app.services.manifests import may_look
from privet.app.services.policies import stands
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Denied, PrivetError
from privet.policy.decide import may, may_anything
from privet.vault.access import policies
from privet.vault.difference import Difference
from privet.vault.log.audit import Deed
from privet.vault.reader import read_schema
from privet.vault.schema import Column, Table
from privet.vault.templates import template_policy, template_text
from privet.vault.upkeep import migrate
from privet.vault.vault import Vault
from privet.vocabulary.dataset import Dataset


class CreateAsk(Ask, kw_only=True):
    """Make a vault. `schema`: a dataset file's text, or `template`: the name of one that ships."""

    name: str
    schema: str = ""
    template: str = ""


class NoAsk(Ask, kw_only=True):
    """Nothing to say."""


class VaultAsk(Ask, kw_only=True):
    """Name a vault."""

    vault: str = ""


class SchemaAsk(Ask, kw_only=True):
    """A new schema. `file`: its name in messages. `allow_loss`: drop columns and tables that hold values.
    `keep_others`: tables that it does not name stay as they are.
    """

    vault: str = ""
    schema: str
    file: str = "schema.yml"
    allow_loss: bool = False
    keep_others: bool = False


class ColumnShown(Answer, omit_defaults=True):
    """A column: how it is held and what may be asked of it."""

    name: str
    type: str
    keep: str
    labels: list[str]
    indexes: list[str] = msgspec.field(default_factory=list)
    array: bool = False
    unique: bool = False
    required: bool = False
    token: str = ""
    references: str = ""


class TableShown(Answer):
    """A table and its columns. `indexes`: columns and parts that are indexed together."""

    name: str
    subject: str
    columns: list[ColumnShown]
    uniques: list[list[str]]
    ttl_seconds: int = 0
    indexes: list[list[str]] = msgspec.field(default_factory=list)


class VaultShown(Answer):
    """A vault and its schema. `window_seconds`: how long a copy of its people's keys stays useful."""

    name: str
    version: int
    suite: str
    tables: list[TableShown]
    window_seconds: int


class VaultNames(Answer):
    """Names of vaults."""

    vaults: list[str]


class Change(Answer):
    """One thing that a schema changes."""

    at: str
    what: str
    moves_data: bool
    loses_data: bool


class Touched(Answer, kw_only=True):
    """One thing that depends on a column that is dropped or renamed. `sure`: False where it may. `at`: file, line and
    column of a manifest or policy."""

    column: str
    kind: str
    what: str
    how: str
    sure: bool
    at: str


class Changes(Answer, omit_defaults=True):
    """What a schema changes; empty: nothing. `touches`: what depends on columns that would be dropped or renamed, by
    the manifests that were pushed last and by the vault's policy; shown to who manages or audits the house."""

    version: int
    changes: list[Change]
    touches: list[Touched] = msgspec.field(default_factory=list)


async def create(house: House, who: Caller, ask: CreateAsk) -> VaultShown:
    """Make a vault, empty or with a schema."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    dataset = _dataset(ask)
    deed = who.deed("vaults.create", house.policy().version, house.clock())
    vault = house.create_vault(ask.name, deed)
    await _promise(house, vault, deed)
    await _fill(house, who, vault, dataset)
    await _ready(house, vault, ask.template, deed)
    return show_vault(vault)


async def _ready(house: House, vault: Vault, template: str, deed: Deed) -> None:
    """Put the ready roles of a template into force in a vault that has no policy yet."""
    if template and not policies.stored(vault):
        name = f"template {template}"
        saved = await policies.save(
            vault, template_policy(template), name, replace(deed, verb="policies.save").unsettled()
        )
        due = replace(deed, verb="policies.activate").unsettled()
        await policies.activate(
            vault, saved.version, house.promises.newest(), due, lambda principal: stands(house, principal)
        )


async def _promise(house: House, vault: Vault, deed: Deed) -> None:
    """Put the organization's promises into force in a new vault."""
    promises = house.promises.newest()
    if promises is not None and not policies.in_force(vault).activation.seq:
        await policies.activate(vault, 0, promises, deed.unsettled(), lambda principal: stands(house, principal))


def _dataset(ask: CreateAsk) -> Dataset | None:
    if ask.template:
        return read_schema(template_text(ask.template), f"template {ask.template}")
    return read_schema(ask.schema) if ask.schema else None


async def _fill(house: House, who: Caller, vault: Vault, dataset: Dataset | None) -> None:
    """Give a new vault its first schema; one that has a schema stays as it is."""
    if dataset is None or vault.schema.version:
        return
    with vault.maintenance("schema change"):
        async with vault.pause():
            deed = who.deed("vaults.apply", house.policy().version, house.clock()).unsettled()
            migrate.apply(vault, dataset, deed)


async def list_(house: House, who: Caller, ask: NoAsk) -> VaultNames:
    """Name the vaults in which the caller may do anything: all of them, for who has a role of the house."""
    names = house.vault_names()
    try:
        may_anything(house.policy(), who.principal, who.purpose, now=house.now())
    except Denied:
        names = [name for name in names if _may_enter(house, who, name)]
        if not names:
            raise
    return VaultNames(vaults=names)


def _may_enter(house: House, who: Caller, name: str) -> bool:
    with suppress(PrivetError):  # a vault that does not open lets nobody in
        may_anything(house.policy(house.vault(name)), who.principal, who.purpose, now=house.now())
        return True
    return False


async def get(house: House, who: Caller, ask: VaultAsk) -> VaultShown:
    """Show a vault's schema."""
    vault = house.vault(ask.vault)
    may_anything(house.policy(vault), who.principal, who.purpose, now=house.now())
    return show_vault(vault)


async def plan(house: House, who: Caller, ask: SchemaAsk) -> Changes:
    """Show what applying a schema would change."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    found = migrate.plan(vault, _wanted(vault, ask))
    return msgspec.structs.replace(_changes(vault, found), touches=_touches(house, who, vault, found))


async def apply(house: House, who: Caller, ask: SchemaAsk) -> Changes:
    """Apply a schema, moving the records that it touches."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    deed = who.deed("vaults.apply", house.policy(vault).version, vault.clock())
    # A write that was made ready under the old schema must not land under the new one.
    with vault.maintenance("schema change"):
        async with vault.pause():
            dataset = _wanted(vault, ask)
            return _changes(vault, migrate.apply(vault, dataset, deed, allow_loss=ask.allow_loss))


def _touches(house: House, who: Caller, vault: Vault, found: tuple[Difference, ...]) -> list[Touched]:
    """Return what depends on the columns that go; nothing for a caller who may not look at manifests."""
    ends = tuple(dict.fromkeys(column for each in found for column in each.ends))
    if not ends:
        return []
    try:
        may_look(house, who)
    except Denied:
        return []
    return [
        Touched(column=column, kind=t.kind, what=t.what, how=t.how, sure=t.sure, at=str(t.at) if t.at.file else "")
        for column, touches in depending(house, vault, ends).items()
        for t in touches
    ]


def _wanted(vault: Vault, ask: SchemaAsk) -> Dataset:
    """Return what the whole schema is to be."""
    dataset = read_schema(ask.schema, ask.file)
    if not ask.keep_others or not vault.schema.version:
        return dataset
    named = {name for collection in dataset.collections for name in (collection.name, collection.was)}
    kept = tuple(table.collection for table in vault.schema.tables if table.name not in named)
    whole, known = (*kept, *dataset.collections), vault.schema
    return replace(dataset, collections=whole, suite=known.suite, window_seconds=known.window_seconds)


async def _shown_again(house: House, who: Caller, ask: CreateAsk, ids: bytes) -> VaultShown:
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    vault = house.vault(ask.name)
    # The vault is listed before it has its schema: a crash in between leaves it empty.
    await _promise(house, vault, who.deed("vaults.create", house.policy().version, house.clock()))
    await _fill(house, who, vault, _dataset(ask))
    await _ready(house, vault, ask.template, who.deed("vaults.create", house.policy().version, house.clock()))
    return show_vault(vault)


async def _applied_again(house: House, who: Caller, ask: SchemaAsk, ids: bytes) -> Changes:
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    return _changes(vault, ())


def _changes(vault: Vault, found: tuple[Difference, ...]) -> Changes:
    changes = [Change(at=c.at, what=c.what, moves_data=c.moves_data, loses_data=c.loses_data) for c in found]
    return Changes(version=vault.schema.version, changes=changes)


def show_vault(vault: Vault) -> VaultShown:
    """Return a vault's schema in its wire form."""
    schema = vault.schema
    tables = [_table(table) for table in schema.tables]
    return VaultShown(
        name=vault.name,
        version=schema.version,
        suite=schema.suite,
        tables=tables,
        window_seconds=schema.window_seconds,
    )


def _table(table: Table) -> TableShown:
    return TableShown(
        name=table.name,
        subject=table.collection.subject,
        columns=[_column(column) for column in table.columns],
        uniques=[list(unique.columns) for unique in table.uniques],
        ttl_seconds=table.collection.ttl_seconds,
        indexes=[list(compound.targets) for compound in table.compounds],
    )


def _column(column: Column) -> ColumnShown:
    field = column.field
    shape = f" {field.token.shape}" if field.token and field.token.shape else ""
    return ColumnShown(
        name=field.name,
        type=field.type,
        keep=field.keep,
        labels=list(field.labels),
        indexes=list(field.indexes),
        array=field.array,
        unique=field.unique,
        required=field.required,
        token=f"{field.token.kind}{shape}" if field.token else "",
        references=field.reference.collection if field.reference else "",
    )


VERBS: tuple[Verb, ...] = (
    Verb(
        name="vaults.create",
        method="POST",
        path="/v1/vaults",
        ask=CreateAsk,
        answer=VaultShown,
        run=create,
        about="Make a vault, empty, from a schema or from a template.",
        status=201,
        changes=True,
        again=_shown_again,
    ),
    Verb(
        name="vaults.list",
        method="GET",
        path="/v1/vaults",
        ask=NoAsk,
        answer=VaultNames,
        run=list_,
        about="Name the vaults in which the caller may do anything.",
    ),
    Verb(
        name="vaults.get",
        method="GET",
        path="/v1/vaults/{vault}",
        ask=VaultAsk,
        answer=VaultShown,
        run=get,
        about="Show a vault's schema.",
    ),
    Verb(
        name="vaults.plan",
        method="POST",
        path="/v1/vaults/{vault}/schema/plan",
        ask=SchemaAsk,
        answer=Changes,
        run=plan,
        about="Show what applying a schema would change.",
    ),
    Verb(
        name="vaults.apply",
        method="PUT",
        path="/v1/vaults/{vault}/schema",
        ask=SchemaAsk,
        answer=Changes,
        run=apply,
        about="Apply a schema, moving the records that it touches.",
        changes=True,
        again=_applied_again,
    ),
)
