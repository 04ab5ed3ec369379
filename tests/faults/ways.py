"""The ways in which somebody with a vault's files may tamper with them: each changes something, or raises Useless."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from tampering import KEY, Hand, Useless, deed

from privet import digest
from privet.store.port import Cell, Delete, Insert, Put, Step, Update
from privet.vault.holders import REFS
from privet.vault.log.history import COLUMNS

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
