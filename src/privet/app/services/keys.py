"""Keys: what there is, and changing them while the vault serves. Key material is never shown."""

from __future__ import annotations

import msgspec

from privet import digest
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.crypto.keys import KeyRow
from privet.errors import InvalidInput
from privet.policy.decide import may
from privet.vault.upkeep import rotation
from privet.vault.vault import Vault


class KeysAsk(Ask, kw_only=True):
    """Name a vault."""

    vault: str = ""


class RotateAsk(Ask, kw_only=True):
    """Name what gets a new key: a column of `table`; one of its indexes by `index`; its deterministic tokens by
    `tokens`; or, in place of a column, a set of columns that is `unique` or indexed together."""

    vault: str = ""
    table: str = ""
    column: str = ""
    index: str = ""
    tokens: bool = False
    unique: list[str] = msgspec.field(default_factory=list)


class KeyShown(Answer, omit_defaults=True):
    """A key. `of`: the table and column, index or unique set; empty for keys of the vault. Times: UTC milliseconds."""

    id: int
    purpose: str
    version: int
    suite: str
    state: str
    created_ms: int
    age_days: int
    of: str = ""


class KeysShown(Answer):
    """The keys of a vault. `epoch`, `epoch_days`: which window its people's keys are in, and for how long."""

    keys: list[KeyShown]
    epoch: int
    epoch_days: int
    window_due: bool


class KeysChanged(Answer):
    """How many keys were changed."""

    keys: int


async def list_(house: House, who: Caller, ask: KeysAsk) -> KeysShown:
    """Name every key that is not destroyed."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    names, now = _names(vault), vault.clock()
    epoch = vault.demand_subjects().epochs[-1]
    rows = [row for row in vault.ring.rows() if row.state != "destroyed"]
    return KeysShown(
        keys=[_shown(row, names.get(row.owner, ""), now) for row in rows],
        epoch=epoch.epoch,
        epoch_days=(now - epoch.created * 1000) // 86_400_000,
        window_due=rotation.window_due(vault),
    )


async def rewrap(house: House, who: Caller, ask: KeysAsk) -> KeysChanged:
    """Wrap every key of the vault under a new key-encryption key."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    return KeysChanged(keys=await rotation.rewrap(vault, who.deed("keys.rewrap", _policy(house, vault), vault.clock())))


async def rotate(house: House, who: Caller, ask: RotateAsk) -> KeysChanged:
    """Give one thing a new key, write anew what the old one made, and destroy the old one."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    deed = who.deed("keys.rotate", _policy(house, vault), vault.clock())
    chosen = [bool(ask.unique), bool(ask.index), ask.tokens]
    if not ask.table or bool(ask.unique) == bool(ask.column) or sum(chosen) > 1:
        raise InvalidInput(
            "expected `table` with either `column` or `unique`", hint="`index` or `tokens` may go with `column`"
        )
    if ask.unique:
        return KeysChanged(keys=await rotation.rotate_unique(vault, ask.table, ask.unique, deed))
    if ask.index:
        return KeysChanged(keys=await rotation.rotate_index(vault, ask.table, ask.column, ask.index, deed))
    if ask.tokens:
        return KeysChanged(keys=await rotation.rotate_token_tags(vault, ask.table, ask.column, deed))
    return KeysChanged(keys=await rotation.rotate_column(vault, ask.table, ask.column, deed))


async def advance(house: House, who: Caller, ask: KeysAsk) -> KeysShown:
    """Begin a new window of subject keys, so that older copies of them open nothing."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    await rotation.advance(vault, who.deed("keys.advance", _policy(house, vault), vault.clock()))
    return await list_(house, who, ask)


async def _changed_again(house: House, who: Caller, ask: KeysAsk | RotateAsk, ids: bytes) -> KeysChanged:
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    return KeysChanged(keys=0)


async def _advanced_again(house: House, who: Caller, ask: KeysAsk, ids: bytes) -> KeysShown:
    return await list_(house, who, ask)


def _policy(house: House, vault: Vault) -> str:
    return house.policy(vault).version


def _names(vault: Vault) -> dict[bytes, str]:
    """Return what each owner of keys is called."""
    found: dict[bytes, str] = {}
    for table in vault.schema.tables:
        for column in table.columns:
            name = f"{table.name}.{column.name}"
            found[column.id] = name
            found[column.token_id] = f"{name} tokens"
            found.update({index.id: f"{name} index {index.name}" for index in column.indexes})
        found.update({item.id: f"{table.name} index {', '.join(item.targets)}" for item in table.compounds})
        found.update({unique.id: f"{table.name} unique {', '.join(unique.columns)}" for unique in table.uniques})
    found.pop(b"", None)
    found.pop(digest.ZERO_ID, None)
    return found


def _shown(row: KeyRow, name: str, now_ms: int) -> KeyShown:
    created = row.created * 1000
    return KeyShown(
        id=row.key_id,
        purpose=row.purpose,
        version=row.version,
        suite=row.suite,
        state=row.state,
        created_ms=created,
        age_days=(now_ms - created) // 86_400_000,
        of=name,
    )


VERBS: tuple[Verb, ...] = (
    Verb(
        name="keys.list",
        method="GET",
        path="/v1/vaults/{vault}/keys",
        ask=KeysAsk,
        answer=KeysShown,
        run=list_,
        about="Name every key of a vault, with its age and state.",
    ),
    Verb(
        name="keys.rewrap",
        method="POST",
        path="/v1/vaults/{vault}/keys/rewrap",
        ask=KeysAsk,
        answer=KeysChanged,
        run=rewrap,
        about="Wrap every key under a new key-encryption key.",
        changes=True,
        again=_changed_again,
    ),
    Verb(
        name="keys.rotate",
        method="POST",
        path="/v1/vaults/{vault}/keys/rotate",
        ask=RotateAsk,
        answer=KeysChanged,
        run=rotate,
        about="Give a column, an index, tokens or a unique set a new key, and destroy the old one.",
        changes=True,
        again=_changed_again,
    ),
    Verb(
        name="keys.advance",
        method="POST",
        path="/v1/vaults/{vault}/keys/advance",
        ask=KeysAsk,
        answer=KeysShown,
        run=advance,
        about="Begin a new window of subject keys: older copies of them open nothing.",
        changes=True,
        again=_advanced_again,
    ),
)
