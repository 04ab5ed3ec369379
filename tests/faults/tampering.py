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
from privet.store.port import ENGINES, Cell, Delete, Insert, Put, Row, Select, Step, Store, Unit, Update
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


# --- tamperings: each changes something, or raises Useless ----------------------------------------------------


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
HOLDS = ("tokens", "refs")
UNPROVEN = {"created", "updated"}  # times that nothing proves; see `verify`


def change_an_entry(hand: Hand) -> None:
    row = hand.row("audit")
    name = hand.random.choice([name for name in row if name != "seq"])
    hand.set("audit", ("seq",), row, **{name: hand.flip(row[name])})


def rewrite_an_entry_with_its_hash(hand: Hand) -> None:
    row = hand.row("audit")
    body = bytes(hand.flip(row["body"]))  # type: ignore[arg-type]
    salt = row["body_salt"]
    assert isinstance(salt, bytes)
    hand.set("audit", ("seq",), row, body=body, body_hash=digest.sha256(salt + body))


def delete_an_entry(hand: Hand) -> None:
    hand.write(Delete("audit", ("seq",), ((hand.row("audit")["seq"],),)))


def swap_two_entries(hand: Hand) -> None:
    first, second = hand.two("audit")
    names = COLUMNS[1:]
    rows = [(*(row[name] for name in names), seq) for row, seq in ((first, second["seq"]), (second, first["seq"]))]
    hand.write(Update("audit", names, ("seq",), rows))


def cut_the_end_of_the_audit(hand: Hand) -> None:
    rows = hand.world.rows["audit"]
    hand.write(Delete("audit", ("seq",), [(row["seq"],) for row in rows[-hand.random.randint(1, len(rows)) :]]))


def empty_an_entry(hand: Hand) -> None:
    part = hand.random.choice(("body", "records"))
    hand.set("audit", ("seq",), hand.row("audit"), **{part: None, f"{part}_salt": None})


def change_a_tile(hand: Hand) -> None:
    row = hand.row("tiles")
    hand.set("tiles", KEY["tiles"], row, hashes=hand.flip(row["hashes"]))


def change_the_checkpoint(hand: Hand) -> None:
    path = hand.folder / "checkpoint"
    note = bytearray(path.read_bytes())
    note[hand.random.randrange(len(note))] ^= 1 << hand.random.randrange(7)
    path.write_bytes(note)


def put_an_older_database_back(hand: Hand) -> None:
    shutil.copy(hand.world.older / "vault.db", hand.folder / "vault.db")


def put_an_older_database_back_and_fill_it_up(hand: Hand) -> None:
    put_an_older_database_back(hand)
    steps = tuple(deed("get").seen() for _ in hand.world.rows["audit"])
    tiles = [tuple(row.values()) for row in hand.world.rows["tiles"]]
    hand.write(*steps, Put("tiles", ("level", "place", "hashes"), tiles))


def change_a_record(hand: Hand) -> None:
    table = hand.random.choice(("r1", "r2"))
    row = hand.row(table)
    name = hand.random.choice([name for name in row if name != "id" and name not in UNPROVEN])
    hand.set(table, ("id",), row, **{name: hand.flip(row[name])})


def empty_a_cell_or_tag(hand: Hand) -> None:
    row = hand.row("r1")
    name = hand.random.choice([name for name in row if name[0] in "cxut" and name not in UNPROVEN])
    hand.set("r1", ("id",), row, **{name: None})


def join_two_items_of_a_head(hand: Hand) -> None:
    """Give one tag the bytes of the next one too, as a head without widths would let pass."""
    row = hand.row("r1")
    names = sorted((name for name in row if name[0] in "xut" and name[1:].isdigit()), key=lambda name: int(name[1:]))
    at = hand.random.randrange(len(names) - 1)
    first, second = names[at : at + 2]
    if row[first] is None or row[second] is None:
        raise Useless
    joined = bytes(row[first]) + int(second[1:]).to_bytes(2, "big") + bytes(row[second])  # type: ignore[arg-type]
    hand.set("r1", ("id",), row, **{first: joined, second: None})


def copy_a_tag(hand: Hand) -> None:
    first, second = hand.two("r1")
    name = hand.random.choice([name for name in first if name[0] in "xut" and name[1:].isdigit()])
    hand.set("r1", ("id",), first, **{name: second[name]})


def swap_two_cells(hand: Hand) -> None:
    first, second = hand.two("r1")
    name = hand.random.choice([name for name in first if name[0] == "c" and name[1:].isdigit()])
    if first[name] == second[name]:
        raise Useless
    rows = [(first[name], second["id"]), (second[name], first["id"])]
    hand.write(Update("r1", (name,), ("id",), rows))


def swap_two_records(hand: Hand) -> None:
    first, second = hand.two("r1")
    names = tuple(name for name in first if name != "id")
    rows = [(*(row[name] for name in names), record) for row, record in ((first, second["id"]), (second, first["id"]))]
    hand.write(Update("r1", names, ("id",), rows))


def put_an_old_record_back(hand: Hand) -> None:
    now = {row["id"]: row for row in hand.world.rows["r1"]}
    old = hand.random.choice(hand.world.past["r1"])
    if old["id"] not in now:
        raise Useless
    names = {name: cell for name, cell in old.items() if name != "id"}
    hand.set("r1", ("id",), now[old["id"]], **names)
    with_bonds(hand, old["id"])


def bring_a_deleted_record_back(hand: Hand) -> None:
    now = {row["id"] for row in hand.world.rows["r1"]}
    old = hand.random.choice([row for row in hand.world.past["r1"] if row["id"] not in now])
    hand.write(Insert("r1", tuple(old), (tuple(old.values()),)))
    with_bonds(hand, old["id"])


def without_bonds(hand: Hand, record: Cell) -> set[Cell]:
    """Take away all that hangs on a record now; return the tokens that others hold."""
    now = hand.world.rows
    holds = [(row["token"], row["holder"]) for name in HOLDS for row in now[name]]
    others = {raw for raw, holder in holds if holder not in (None, record)}
    steps: list[Step] = [
        Delete("uniques", ("tag",), [(row["tag"],) for row in now["uniques"] if row["record"] == record]),
        Delete("elements", ("record",), ((record,),)),
        Delete("refs", ("holder",), ((record,),)),
        Delete("tokens", ("token",), [(raw,) for raw, holder in holds if holder == record and raw not in others]),
    ]
    own = [(None, None, r["token"]) for r in now["tokens"] if r["holder"] == record and r["token"] in others]
    hand.write(*steps, *([Update("tokens", ("holder", "subject"), ("token",), own)] if own else []))
    return others


def with_bonds(hand: Hand, record: Cell) -> None:
    """Put back all that hung on a record when it was older, and nothing of what hangs on it now."""
    others, past = without_bonds(hand, record), hand.world.past
    back, refs = [], [row for row in past["refs"] if row["holder"] == record]
    beside = {row["token"] for row in refs}
    for row in past["tokens"]:
        raw, mine = row["token"], row["holder"] == record
        if raw not in others and (mine or raw in beside):
            back.append(row if mine else {**row, "holder": None, "subject": None})
        elif mine:
            refs.append(dict(zip(REFS, (raw, record, "r1", row["subject"], None), strict=True)))
    tied = {name: [row for row in past[name] if row["record"] == record] for name in ("uniques", "elements")}
    for table, rows in {**tied, "tokens": back, "refs": refs}.items():
        for row in rows:
            hand.write(Put(table, tuple(row), (tuple(row.values()),)))


def delete_a_record_with_all_its_bonds(hand: Hand) -> None:
    table = hand.random.choice(("r1", "r2"))
    record = hand.row(table)["id"]
    hand.write(Delete(table, ("id",), ((record,),)))
    without_bonds(hand, record)


def add_a_record(hand: Hand) -> None:
    row = {**hand.row("r2"), "id": hand.random.randbytes(16)}
    hand.write(Insert("r2", tuple(row), (tuple(row.values()),)))


def change_what_hangs_on_records(hand: Hand) -> None:
    table = hand.random.choice(("tokens", "refs", "uniques", "elements"))
    row = hand.row(table)
    name = hand.random.choice([name for name in row if name not in UNPROVEN])
    if row[name] is None or (table == "refs" and row["rows"] is None):
        raise Useless  # a hold of nobody's: see `verify`
    hand.set(table, KEY[table], row, **{name: hand.flip(row[name])})


def delete_what_hangs_on_records(hand: Hand) -> None:
    table = hand.random.choice(("tokens", "refs", "uniques", "elements"))
    row = hand.row(table)
    if table == "tokens" and row["holder"] == digest.ZERO_ID:
        raise Useless  # a token of nobody's: see `verify`
    hand.write(Delete(table, KEY[table], (tuple(row[name] for name in KEY[table]),)))


def add_what_hangs_on_records(hand: Hand) -> None:
    table = hand.random.choice(("tokens", "refs", "uniques", "elements"))
    row = dict(hand.row(table))
    fresh = {"tokens": ("token", "tag"), "refs": ("holder",), "uniques": ("tag",), "elements": ("tag",)}[table]
    if table == "refs" and row["rows"] is None:
        raise Useless
    for name in fresh:
        row[name] = hand.random.randbytes(16)
    hand.write(Insert(table, tuple(row), (tuple(row.values()),)))


def swap_two_tokens(hand: Hand) -> None:
    first, second = hand.two("tokens")
    name = hand.random.choice(("cell", "text", "owner"))
    if first[name] == second[name]:
        raise Useless
    hand.write(Update("tokens", (name,), ("token",), [(first[name], second["token"]), (second[name], first["token"])]))


def held(hand: Hand, table: str) -> dict[str, Cell]:
    """Return a row that says that a record holds a token."""
    row = hand.row(table)
    if row["holder"] in (None, digest.ZERO_ID):
        raise Useless
    return row


def give_a_token_to_another_record(hand: Hand) -> None:
    table = hand.random.choice(HOLDS)
    row, other = held(hand, table), hand.row("r1")
    if (row["token"], other["id"]) in {(r["token"], r["holder"]) for n in HOLDS for r in hand.world.rows[n]}:
        raise Useless
    hand.set(table, ("token", "holder"), row, holder=other["id"], subject=other["subject"])


def name_a_holder_twice(hand: Hand) -> None:
    row = held(hand, "tokens")
    hand.write(Put("refs", REFS, ((row["token"], row["holder"], "r1", row["subject"], None),)))


def empty_the_holder_of_a_token(hand: Hand) -> None:
    nobody = hand.random.choice((None, digest.ZERO_ID))
    hand.set("tokens", KEY["tokens"], held(hand, "tokens"), holder=nobody, subject=None)


WAYS: tuple[Callable[[Hand], None], ...] = (
    change_an_entry,
    rewrite_an_entry_with_its_hash,
    delete_an_entry,
    swap_two_entries,
    cut_the_end_of_the_audit,
    empty_an_entry,
    change_a_tile,
    change_the_checkpoint,
    put_an_older_database_back,
    put_an_older_database_back_and_fill_it_up,
    change_a_record,
    empty_a_cell_or_tag,
    join_two_items_of_a_head,
    copy_a_tag,
    swap_two_cells,
    swap_two_records,
    put_an_old_record_back,
    bring_a_deleted_record_back,
    delete_a_record_with_all_its_bonds,
    add_a_record,
    change_what_hangs_on_records,
    delete_what_hangs_on_records,
    add_what_hangs_on_records,
    swap_two_tokens,
    give_a_token_to_another_record,
    name_a_holder_twice,
    empty_the_holder_of_a_token,
)


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
