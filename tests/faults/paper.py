"""Small audits as an outsider holds them (entries, tiles, checkpoint, witness), and the ways to tamper with those.

Nothing of a vault is here: who has only this can read and write all of it, and has no key.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tampering import KEYS, VAULT, Useless, deed

from privet import digest
from privet.app.settings import WitnessPlace
from privet.app.wiring import new_ring
from privet.app.witness import Witness, newest
from privet.crypto.merkle import TILE_HEIGHT, TILE_WIDTH, Frontier, parse_checkpoint
from privet.store.port import ENGINES, Select, Step, Store, Unit, Update
from privet.vault.log import history
from privet.vault.log.audit import BODY, RECORDS
from privet.vault.log.checkpoint import Log, Tiler
from privet.vault.log.history import Entry
from privet.vault.log.runs import packed
from privet.vault.schema import FIXED

SIZES = (3, 7, 12, 20, 33, 47, 64, 300)  # the last has a tile that is full
TAIL = 3  # entries after the last that the witness has seen
NOW_MS = 1_800_000_000_000
BYTES = ("body_salt", "body", "body_hash", "records_salt", "records", "records_hash")


@dataclass
class Paper:
    """One state of a log. `note`: the signed checkpoint that lies beside it."""

    entries: list[Entry]
    tiles: dict[tuple[int, int], bytes]
    note: str

    def copy(self) -> Paper:
        return Paper(list(self.entries), dict(self.tiles), self.note)


@dataclass
class Past:
    """A log as it is now, as it was, and what the witness has of it. `size`: what the witness proves."""

    now: Paper
    older: list[Paper] = field(default_factory=list)
    key: str = ""
    kept: str = ""
    size: int = 0


def pasts(folder: Path) -> list[Past]:
    """Return a log of each size, grown in four steps that the witness saw, and a tail that it did not."""
    place = WitnessPlace("file", folder / "witness")
    return [_past(folder / f"checkpoint{at}", place, at, size) for at, size in enumerate(SIZES)]


def _past(path: Path, place: WitnessPlace, at: int, size: int) -> Past:
    store, owner = ENGINES.get("memory").open(""), bytes([at]) + VAULT[1:]
    store.define([shape for shape in FIXED if shape.name in ("audit", "tiles")])
    log = Log(store=store, ring=new_ring(KEYS, owner, NOW_MS), owner=owner, path=str(path))
    log.begin()
    found, witness, draws = Past(_paper(store, log), key=log.verifier), Witness(place), random.Random(at)
    for step in range(1, 5):
        count = size * step // 4 - log.count()
        store.write_now(Unit(tuple(_deeds(draws, count))))
        if step == 3:
            _expire(store, draws)
        log.advance()
        witness.keep([log])
        found.older.append(_paper(store, log))
    found.kept = newest(place.path, log.origin)
    found.size = parse_checkpoint(found.kept.rpartition("\n\n")[0] + "\n").size
    store.write_now(Unit(tuple(_deeds(draws, TAIL))))
    log.advance()
    found.now = _paper(store, log)
    found.older.pop()  # a copy of the day that the witness saw last is no older one
    return found


def _deeds(draws: random.Random, count: int) -> Iterator[Step]:
    for _ in range(count):
        one = draws.choice((deed("get").seen, deed("update").entry))
        wide = 16 if one.__name__ == "seen" else 36
        yield one("people", ("name", "email")[: draws.randint(0, 2)], records=draws.randbytes(wide), count=1)


def _expire(store: Store, draws: random.Random) -> None:
    """Empty an entry as `history.expire` does."""
    seq = draws.randint(1, 2)
    empty = Update(
        "audit", ("body", "body_salt", "records", "records_salt"), ("seq",), ((None, None, None, None, seq),)
    )
    runs = packed(BODY, [(seq, seq)]) + packed(RECORDS, [(seq, seq)])
    store.write_now(Unit((empty, deed("expire").expired(runs, count=1))))


def _paper(store: Store, log: Log) -> Paper:
    rows = store.select(Select(table="tiles", columns=("level", "place", "hashes")))
    tiles: dict[Any, Any] = {(level, place): hashes for level, place, hashes in rows}
    return Paper([entry for batch in history.read(store) for entry in batch], tiles, log.note)


# --- tamperings: each returns what it did, so that no two are the same ------------------------------------------


@dataclass
class Pen:
    """What a tampering works with: a copy to write on, and the past that it may draw from."""

    draws: random.Random
    past: Past
    others: Sequence[Past]
    paper: Paper

    def place(self) -> int:
        """Return the place of an entry that the witness proves."""
        return self.draws.randrange(self.past.size)

    def flip(self, cell: bytes) -> bytes:
        if not cell:
            return b"\0"
        at, bit = self.draws.randrange(len(cell)), 1 << self.draws.randrange(8)
        return cell[:at] + bytes([cell[at] ^ bit]) + cell[at + 1 :]


Way = Callable[[Pen], Hashable]


def change_a_cell(pen: Pen) -> Hashable:
    at = pen.place()
    entry, name = pen.paper.entries[at], pen.draws.choice(("seq", "at_ms", "kind", *BYTES))
    old = getattr(entry, name)
    new: Any = old + pen.draws.choice((-1, 1, 256)) if isinstance(old, int) else pen.flip(old or b"")
    if isinstance(old, bytes) and pen.draws.random() < 0.2:
        new = pen.draws.choice((b"", old[:-1], old + b"\0"))
    if new == old:
        raise Useless
    pen.paper.entries[at] = replace(entry, **{name: new})
    return entry.seq, name, new


def rewrite_an_entry_with_its_hash(pen: Pen) -> Hashable:
    at, part = pen.place(), pen.draws.choice(("body", "records"))
    entry = pen.paper.entries[at]
    salt, text = getattr(entry, f"{part}_salt"), getattr(entry, part)
    if text is None:
        raise Useless
    new = pen.flip(text)
    pen.paper.entries[at] = replace(entry, **{part: new, f"{part}_hash": digest.sha256(salt + new)})
    return entry.seq, part, new


def rewrite_an_entry_and_every_tile(pen: Pen) -> Hashable:
    done = rewrite_an_entry_with_its_hash(pen)
    tiler = Tiler()
    for level, place, hashes in tiler.take(Frontier().append([entry.leaf() for entry in pen.paper.entries])):
        pen.paper.tiles[level, place] = hashes
    return done


def empty_a_part(pen: Pen) -> Hashable:
    at, part = pen.place(), pen.draws.choice(("body", "records"))
    entry = pen.paper.entries[at]
    if getattr(entry, part) is None:
        raise Useless
    pen.paper.entries[at] = replace(entry, **{part: None, f"{part}_salt": None})
    return entry.seq, part


def empty_a_part_and_say_that_it_expired(pen: Pen) -> Hashable:
    done = empty_a_part(pen)
    at = next(at for at, entry in enumerate(pen.paper.entries) if entry.kind == history.EXPIRED)
    entry = pen.paper.entries[at]
    assert isinstance(done, tuple)
    runs = (entry.records or b"") + packed({"body": BODY, "records": RECORDS}[done[1]], [(done[0], done[0])])
    hashed = digest.sha256((entry.records_salt or b"") + runs)
    pen.paper.entries[at] = replace(entry, records=runs, records_hash=hashed)
    return done


def delete_entries(pen: Pen) -> Hashable:
    at, count = pen.place(), pen.draws.choice((1, 1, 2, 5))
    del pen.paper.entries[at : at + count]
    return at, min(count, pen.past.size - at)


def delete_an_entry_and_close_the_gap(pen: Pen) -> Hashable:
    at = pen.place()
    del pen.paper.entries[at]
    renumber(pen)
    return at


def renumber(pen: Pen) -> None:
    pen.paper.entries[:] = [replace(entry, seq=seq) for seq, entry in enumerate(pen.paper.entries, 1)]


def swap_two_entries(pen: Pen) -> Hashable:
    first, second, numbered = pen.place(), pen.draws.randrange(len(pen.paper.entries)), pen.draws.random() < 0.5
    if first == second:
        raise Useless
    entries = pen.paper.entries
    entries[first], entries[second] = entries[second], entries[first]
    if numbered:
        renumber(pen)
    return frozenset((first, second)), numbered


def move_an_entry(pen: Pen) -> Hashable:
    start, end = pen.place(), pen.place()
    if start == end:
        raise Useless
    pen.paper.entries.insert(end, pen.paper.entries.pop(start))
    renumber(pen)
    return start, end


def put_an_entry_in(pen: Pen) -> Hashable:
    at, numbered = pen.place(), pen.draws.random() < 0.5
    known = pen.draws.choice((pen.draws.choice(pen.others), pen.past)).now.entries
    source = pen.draws.choice(known)
    pen.paper.entries.insert(at, replace(source, seq=at + 1))
    if numbered:
        renumber(pen)
    return at, source.body_hash, numbered


def put_an_entry_of_another_log_in_its_place(pen: Pen) -> Hashable:
    at, other = pen.place(), pen.draws.choice(pen.others)
    source = pen.draws.choice(other.now.entries)
    if source.body_hash == pen.paper.entries[at].body_hash:
        raise Useless
    pen.paper.entries[at] = replace(source, seq=at + 1)
    return at, source.body_hash


def cut_the_end(pen: Pen) -> Hashable:
    at = pen.place()
    del pen.paper.entries[at:]
    return at


def put_an_older_state_back(pen: Pen) -> Hashable:
    at, tiles, note = pen.draws.randrange(len(pen.past.older)), pen.draws.random() < 0.5, pen.draws.random() < 0.5
    older = pen.past.older[at]
    if len(older.entries) >= pen.past.size:
        raise Useless
    pen.paper.entries = list(older.entries)
    pen.paper.tiles = dict(older.tiles) if tiles else pen.paper.tiles
    pen.paper.note = older.note if note else pen.paper.note
    return at, tiles, note


def put_an_older_state_back_and_fill_it_up(pen: Pen) -> Hashable:
    older = pen.draws.choice(pen.past.older)
    pen.paper.entries = list(older.entries)
    source = pen.draws.choice(pen.others).now.entries
    more = pen.draws.choices(source, k=len(pen.past.now.entries) - len(older.entries))
    if len(older.entries) >= pen.past.size:
        raise Useless
    pen.paper.entries += more
    renumber(pen)
    return len(older.entries), tuple(entry.body_hash for entry in more)


def change_a_tile(pen: Pen) -> Hashable:
    tile = pen.draws.choice(sorted(pen.paper.tiles))
    held = (pen.past.size >> TILE_HEIGHT * tile[0]) - tile[1] * TILE_WIDTH
    proven = 32 * min(held, TILE_WIDTH)
    if proven <= 0:
        raise Useless
    hashes = pen.paper.tiles[tile]
    cut = pen.draws.randrange(proven)
    new = pen.flip(hashes[:proven]) + hashes[proven:] if pen.draws.random() < 0.7 else hashes[:cut]
    pen.paper.tiles[tile] = new
    return tile, new


def swap_two_hashes_of_a_tile(pen: Pen) -> Hashable:
    first, second = (
        pen.draws.randrange(min(pen.past.size, TILE_WIDTH)),
        pen.draws.randrange(min(pen.past.size, TILE_WIDTH)),
    )
    if first == second:
        raise Useless
    hashes = [pen.paper.tiles[0, 0][at : at + 32] for at in range(0, len(pen.paper.tiles[0, 0]), 32)]
    hashes[first], hashes[second] = hashes[second], hashes[first]
    pen.paper.tiles[0, 0] = b"".join(hashes)
    return frozenset((first, second))


def change_the_checkpoint(pen: Pen) -> Hashable:
    pen.paper.note = pen.flip(pen.paper.note.encode()).decode(errors="replace")
    return pen.paper.note


def put_another_checkpoint_in_its_place(pen: Pen) -> Hashable:
    notes = [older.note for older in pen.past.older] + [other.now.note for other in pen.others]
    note = pen.draws.choice(notes)
    if note == pen.past.kept:
        raise Useless
    pen.paper.note = note
    return note


WAYS: tuple[Way, ...] = (
    change_a_cell,
    rewrite_an_entry_with_its_hash,
    rewrite_an_entry_and_every_tile,
    empty_a_part,
    empty_a_part_and_say_that_it_expired,
    delete_entries,
    delete_an_entry_and_close_the_gap,
    swap_two_entries,
    move_an_entry,
    put_an_entry_in,
    put_an_entry_of_another_log_in_its_place,
    cut_the_end,
    put_an_older_state_back,
    put_an_older_state_back_and_fill_it_up,
    change_a_tile,
    swap_two_hashes_of_a_tile,
    change_the_checkpoint,
    put_another_checkpoint_in_its_place,
)
MORE = (change_a_cell, rewrite_an_entry_with_its_hash, put_an_entry_in, change_a_tile, change_the_checkpoint)
"""Ways that are carried out more often, because they can be in many ways."""
