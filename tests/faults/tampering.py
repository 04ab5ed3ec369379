"""A vault on disk, and the ways in which somebody with the file may tamper with it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from privet import digest
from privet.crypto.keys import KeyRing
from privet.crypto.keystores.local import LocalStore
from privet.errors import Damaged, Refused
from privet.policy.decide import decide
from privet.policy.roles import BUILT_IN
from privet.secret import Secret
from privet.store.port import ENGINES, Cell, Row, Select, Step, Store, Unit, Update
from privet.vault import records, reveal
from privet.vault.holders import REFS, TOKENS
from privet.vault.log.audit import Deed
from privet.vault.log.checkpoint import Log
from privet.vault.log.history import COLUMNS
from privet.vault.log.verify import Report, verify
from privet.vault.sight import View
from privet.vault.vault import Vault, load_keys, open_vault
from privet.vocabulary.access import Access, Action, Principal

VAULT = b"vault-of-a-test!"
KEYS = LocalStore(Secret(bytes(range(32))))
TAMPERINGS = 300
SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: name
            fides_meta: {privet: {type: person.full_name, keep: sealed, index: exact}}
          - name: email
            fides_meta:
              privet: {type: contact.email, keep: sealed, index: [exact, domain], unique: true, token: stored}
          - name: card
            fides_meta: {privet: {type: card.pan, keep: sealed, token: {kind: stored, shape: card}}}
          - name: tags
            fides_meta: {privet: {type: "string[]", index: exact}}
      - name: orders
        fides_meta: {privet: {subject: via person}}
        fields:
          - name: person
            fides_meta: {privet: {type: string, references: people.id}}
          - name: amount
            fides_meta: {privet: {type: decimal, keep: sealed}}
"""
NAMES = ("Alder", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Larch", "Maple")
CARDS = ("4111111111111111", "5555555555554444", "378282246310005")


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        self.now += 1_000
        return self.now


CLOCK = Clock()


def deed(verb: str) -> Deed:
    return Deed(principal="p1", verb=verb, policy="built-in/1", at_ms=CLOCK())


def permit(vault: Vault, action: Action, table: str) -> Any:
    known = vault.table(table)
    who = Principal(id="p1", name="test", roles=("owner",))
    return decide(BUILT_IN, who, Access(action, table, known.names()), known.collection)


def a_log(vault: Vault, folder: Path) -> Log:
    return Log(store=vault.store, ring=vault.ring, owner=VAULT, path=str(folder / "checkpoint"))


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Vault, Log]]:
    """Open a copy as the house does."""
    store = ENGINES.get("sqlite").open(str(folder / "vault.db"))
    try:
        ring = KeyRing.load(KEYS, VAULT, load_keys(store))
        vault = open_vault(id=VAULT, name="t", store=store, ring=ring, clock=CLOCK)
        log = a_log(vault, folder)
        log.resume()
        yield vault, log
    finally:
        store.close()


@dataclass(frozen=True)
class World:
    """A vault and its past: `base` is as it is now, `older` as it was; both hold `vault.db` and `checkpoint`."""

    base: Path
    older: Path
    rows: dict[str, list[dict[str, Cell]]]
    past: dict[str, list[dict[str, Cell]]]


async def first_half(vault: Vault) -> list[bytes]:
    people = [
        {
            "name": f"Ann {NAMES[at % 8]}",
            "email": f"ann{at}@example.com",
            "card": CARDS[at % 3],
            "tags": ["a", f"t{at}"],
        }
        for at in range(24)
    ]
    written = await records.insert(vault, permit(vault, "insert", "people"), people, deed("insert"))
    ids = [item.id for item in written]
    orders = [{"person": digest.id_text(record), "amount": "12.50"} for record in ids[:10]]
    await records.insert(vault, permit(vault, "insert", "orders"), orders, deed("insert"))
    column = vault.table("people").column("email")
    await reveal.tokenize(vault, permit(vault, "tokenize", "people"), column, ["zoe@example.com"], deed("tokenize"))
    return ids


async def second_half(vault: Vault, ids: Sequence[bytes]) -> None:
    for at, record in enumerate(ids[:8]):
        change = {"email": f"bob{at}@example.com", "tags": ["b", f"u{at}"], "name": f"Bob {NAMES[at % 8]}"}
        await records.update(vault, permit(vault, "update", "people"), record, change, deed("update"))
    await records.delete(vault, permit(vault, "delete", "people"), ids[12:18], deed("delete"))
    view = View(vault.table("people").names())
    for record in ids[:10]:
        await records.get(vault, permit(vault, "read", "people"), [record], view, deed("get"))
    # Enough entries for a tile that is full and one that is not.
    vault.store.write_now(Unit(tuple(deed("list").seen("people", records=ids[at % 8]) for at in range(300))))


def all_rows(vault: Vault) -> dict[str, list[dict[str, Cell]]]:
    columns = {table.rows: vault.sealer(table).physical for table in vault.schema.tables}
    columns |= {"audit": COLUMNS, "tiles": ("level", "place", "hashes"), "tokens": TOKENS, "refs": REFS}
    columns |= {"uniques": ("tag", "record"), "elements": ("index_id", "tag", "record")}
    found = {}
    for table, names in columns.items():
        rows = vault.store.select(Select(table=table, columns=names, order=((names[0], True),)))
        found[table] = [dict(zip(names, row, strict=True)) for row in rows]
    return found


class Useless(Exception):
    """The draw changes nothing: draw again."""


@dataclass
class Hand:
    """What a tampering works with."""

    random: random.Random
    world: World
    folder: Path

    def row(self, table: str) -> dict[str, Cell]:
        return self.random.choice(self.world.rows[table])

    def two(self, table: str) -> tuple[dict[str, Cell], dict[str, Cell]]:
        first, second = self.random.sample(self.world.rows[table], 2)
        return first, second

    def write(self, *steps: Step) -> None:
        with raw(self.folder) as store:
            store.write_now(Unit(steps))

    def set(self, table: str, key: Sequence[str], row: dict[str, Cell], **cells: Cell) -> None:
        if all(row[name] == cell for name, cell in cells.items()):
            raise Useless
        new: Row = (*cells.values(), *(row[name] for name in key))
        self.write(Update(table, tuple(cells), tuple(key), (new,)))

    def flip(self, cell: Cell) -> Cell:
        if isinstance(cell, int):
            return cell + self.random.choice((-1, 1))
        if isinstance(cell, str):
            return cell + "x"
        if not cell:
            raise Useless
        at = self.random.randrange(len(cell))
        return cell[:at] + bytes([cell[at] ^ 1 << self.random.randrange(8)]) + cell[at + 1 :]


@contextmanager
def raw(folder: Path) -> Iterator[Store]:
    store = ENGINES.get("sqlite").open(str(folder / "vault.db"))
    try:
        yield store
    finally:
        store.close()


KEY: dict[str, tuple[str, ...]] = {
    "tokens": ("token",),
    "refs": ("token", "holder"),
    "uniques": ("tag",),
    "elements": ("index_id", "tag", "record"),
    "audit": ("seq",),
    "tiles": ("level", "place"),
}


def look_after(way: Callable[[Hand], None], seed: int, world: World) -> frozenset[str]:
    folder = world.base.parent / "copy"
    draws = random.Random(seed)
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(world.base, folder)
        try:
            way(Hand(draws, world, folder))
            break
        except Useless:
            continue
    else:
        raise AssertionError(f"{way.__name__} found nothing to change")
    try:
        report = look(folder)
    except (Damaged, Refused):
        return frozenset({"open"})
    return frozenset(fault.rule for fault in report.faults)


def look(folder: Path) -> Report:
    with opened(folder) as (vault, log):
        return verify(vault, log)
