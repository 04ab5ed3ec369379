"""The whole product over HTTP, durable and audited, against OpenBao in the same run.

`privet serve` runs as a process of its own on a new home that holds 100,000 records; another process sends the
requests, one at a time on each connection. A figure is the best of several rounds; ours and the peer's alternate, so
that both see the same machine. The peer keeps everything in memory and has no audit.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import apsw
import msgspec

from bench import Row, least
from bench._server import Server, Spent, bao_path, folder, make_home, openbao, privet
from bench._values import cards, person, persons, schema

RECORDS_PATH = "/v1/vaults/{vault}/tables/persons/records"
BATCH, PEER_BATCH = 1_000, 100
BATCH_CONNECTIONS = 4
TABLES = (("r1", BATCH), ("tokens", 2 * BATCH), ("audit", 1))  # and their rows in a batch
# As the engine has them: see `privet.store.engines`.
PAGE_BYTES, CACHE_KIB, CHECKPOINT_PAGES = 4096, 16_000, 16_000
KINDS = {"sealed": "sealed by column keys", "shreddable": "shreddable"}

BOUNDS = {
    "http: single insert, sealed": (
        "About a third is HTTP (parser, tasks, guard, writing the answer); two fifths make the record "
        "(six values are checked, sealed and tagged one by one, two tokens are drawn); the rest is SQLite, the more of "
        "it the more records there are. The engine by itself takes a quarter of what the goal allows: 8 entries go to "
        "random places of indexes, four tags and two for each token, whose pages a commit writes whole for few records."
    ),
    "http: single insert, shreddable": (
        "As above, and the person's key is drawn, wrapped and made durable in a file of its own before the record is: "
        "a second commit, in a journal that is cut and synced each time."
    ),
    "http: detokenize one": (
        "Half is HTTP, an eighth alone the system call that sends the answer. The token, its holder and its value are "
        "one read of SQLite, a tenth; to open the value is a sixteenth. Its audit entry is durable before the value "
        "leaves, so every read is a write as well, an eighth. The peer reads from memory and writes nothing down."
    ),
    "http: stored tokens/s": (
        "SQLite is half: a stored token is looked for by its tag, and has two indexes, both at random places. The "
        "ciphers are less than a tenth. The peer stores nothing: the row below is the one to compare it with."
    ),
    "http: sealed tokens/s": (
        "To write the tokens out as text and to send them is two fifths of it, the ciphers an eighth."
    ),
    "http: records/s by the clock, inserts": (
        "A third is SQLite, a quarter checks six columns, a fifth seals them and makes tokens, a tenth reads JSON. "
        "The bare engine is the limit: a record puts 8 entries at random places of indexes, so that a batch changes "
        "nearly every page of them, 16 kB of log a record, and writes much of it again at the next checkpoint."
    ),
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much work a run is. `records`: loaded before anything else is measured, in `rounds` rounds."""

    records: int
    rounds: int
    singles: int
    batches: int


FULL = Sizes(records=100_000, rounds=5, singles=2_000, batches=10)
QUICK = Sizes(records=2_000, rounds=1, singles=100, batches=2)


class Numbers:
    """Numbers of persons and cards that were not used yet."""

    def __init__(self) -> None:
        self._next = 0

    def take(self, count: int) -> int:
        """Return the first of `count` new numbers."""
        self._next += count
        return self._next - count


def rows(quick: bool = False) -> Iterator[Row]:
    """Yield every figure of the server."""
    sizes = QUICK if quick else FULL
    program = bao_path()
    with folder() as name, ExitStack() as servers:
        place = Path(name)
        home = make_home(place)
        ours = servers.enter_context(privet(home))
        peer = servers.enter_context(openbao(program, place)) if program and not quick else None
        batches = []
        for kind in KINDS:
            made = _Vault(ours, peer, kind, sizes)
            made.create()
            spent = made.fill()
            yield made.inserts()
            yield made.reads()
            batches.append((kind, spent))
        tokens = _Vault(ours, peer, "sealed", sizes)
        yield tokens.tokenize("stored", "cards", 50_000)
        yield tokens.tokenize("sealed", "joins", 300_000)
        servers.close()
        for kind, spent in batches:
            # What shreddable adds to the rows lies in other files, so one comparison says it for both.
            vault = home / "vaults" / kind / "vault.db"
            yield _batch_row(kind, spent, bare(vault, place / "bare.db", sizes.records) if kind == "sealed" else None)


def best(rounds: Sequence[Spent]) -> Spent:
    """Return the round that took the least CPU time a request."""
    return max(rounds, key=lambda spent: spent.by_cpu)


class _Vault:
    """One vault of the server under measurement, and what is asked of it."""

    def __init__(self, ours: Server, peer: Server | None, kind: str, sizes: Sizes) -> None:
        self.ours = ours
        self.peer = peer
        self.kind = kind
        self.sizes = sizes
        self.numbers = Numbers()
        self.tokens: list[str] = []
        self.path = RECORDS_PATH.format(vault=kind)

    def create(self) -> None:
        """Make the vault."""
        self.ours.ask("POST", "/v1/vaults", {"name": self.kind, "schema": schema(self.kind)}, status=201)

    def fill(self) -> list[Spent]:
        """Load the records by batches, keep their tokens, and return what the second half of the rounds cost."""
        rounds = []
        each = self.sizes.records // BATCH // self.sizes.rounds // 2
        for _ in range(2 * self.sizes.rounds):
            bodies = [{"records": persons(self.numbers.take(BATCH), BATCH)} for _ in range(max(each, 1))]
            requests = [self.ours.request("POST", self.path, body) for body in bodies]
            spent = self.ours.load(requests, connections=BATCH_CONNECTIONS, status=201)
            rounds.append(spent)
            for answer in spent.answers:
                self.tokens += [item["tokens"]["email"] for item in msgspec.json.decode(answer)["records"]]
        return rounds[self.sizes.rounds :]

    def inserts(self) -> Row:
        """Measure single inserts against writes of the peer's key-value store."""
        count = self.sizes.singles

        def ours() -> Spent:
            start = self.numbers.take(count)
            requests = [self.ours.request("POST", self.path, {"records": [p]}) for p in persons(start, count)]
            return self.ours.load(requests, status=201)

        def theirs(peer: Server) -> Spent:
            start = self.numbers.take(count)
            requests = [
                peer.request("POST", f"/v1/secret/data/p{number}", {"data": person(number)})
                for number in range(start, start + count)
            ]
            return peer.load(requests)

        work = f"http: single insert, {KINDS[self.kind]}, at {self.sizes.records:,} records (peer: OpenBao KV v2 write)"
        return self._row(work, ours, theirs, 2_500)

    def reads(self) -> Row:
        """Measure reads by token against reads of the peer's key-value store."""
        count = self.sizes.singles
        path = f"/v1/vaults/{self.kind}/detokenize"
        rng = random.Random(1)

        def ours() -> Spent:
            chosen = rng.sample(self.tokens, count)
            return self.ours.load([self.ours.request("POST", path, {"tokens": [token]}) for token in chosen])

        def theirs(peer: Server) -> Spent:
            if not written:
                written.extend(f"/v1/secret/data/r{number}" for number in range(count))
                peer.load([peer.request("POST", at, {"data": person(1)}) for at in written])
            return peer.load([peer.request("GET", at) for at in written])

        written: list[str] = []
        work = f"http: detokenize one, {KINDS[self.kind]}, at {self.sizes.records:,} records (peer: OpenBao KV v2 read)"
        return self._row(work, ours, theirs, 5_000)

    def _row(self, work: str, ours: Callable[[], Spent], theirs: Callable[[Server], Spent], goal: float) -> Row:
        mine, peers = self._rounds(ours, theirs)
        found, other = best(mine), best(peers) if peers else None
        also = {"by the clock": found.by_wall}
        if other is not None:
            also["peer by the clock"] = other.by_wall
        return least(f"{work}, a server CPU second", found.by_cpu, other.by_cpu if other else None, goal, also)

    def _rounds(self, ours: Callable[[], Spent], theirs: Callable[[Server], Spent]) -> tuple[list[Spent], list[Spent]]:
        mine, peers = [], []
        for _ in range(self.sizes.rounds):
            mine.append(ours())
            if self.peer is not None:
                peers.append(theirs(self.peer))
        return mine, peers

    def tokenize(self, token: str, table: str, goal: float) -> Row:
        """Measure tokens of new values, in batches, against the peer's convergent encryption."""
        path = f"/v1/vaults/{self.kind}/tables/{table}/tokenize"
        if self.peer is not None and not self._transit:
            self._enable_transit(self.peer)

        def ours() -> Spent:
            starts = [self.numbers.take(BATCH) for _ in range(self.sizes.batches)]
            bodies = [{"column": "pan", "values": list(cards(start, BATCH))} for start in starts]
            return self.ours.load([self.ours.request("POST", path, body) for body in bodies], connections=4)

        def theirs(peer: Server) -> Spent:
            starts = [self.numbers.take(PEER_BATCH) for _ in range(10 * self.sizes.batches)]
            return peer.load([_transit_request(peer, start) for start in starts], connections=4)

        mine, peers = self._rounds(ours, theirs)
        found = max(mine, key=lambda spent: spent.by_wall)
        other = max(peers, key=lambda spent: spent.by_wall) if peers else None
        work = f"http: {token} tokens/s by the clock, batches of {BATCH} cards (peer: OpenBao transit, of {PEER_BATCH})"
        also = {"a server CPU second": best(mine).by_cpu * BATCH}
        if other is not None:
            also["peer a server CPU second"] = best(peers).by_cpu * PEER_BATCH
        return least(work, found.by_wall * BATCH, other.by_wall * PEER_BATCH if other else None, goal, also)

    _transit = False

    def _enable_transit(self, peer: Server) -> None:
        peer.ask("POST", "/v1/sys/mounts/transit", {"type": "transit"}, status=204)
        key = {"type": "aes256-gcm96", "derived": True, "convergent_encryption": True}
        peer.ask("POST", "/v1/transit/keys/cards", key)
        self._transit = True


def _transit_request(peer: Server, start: int) -> bytes:
    context = base64.b64encode(b"cards").decode()
    items = [
        {"plaintext": base64.b64encode(card.encode()).decode(), "context": context} for card in cards(start, PEER_BATCH)
    ]
    return peer.request("POST", "/v1/transit/encrypt/cards", {"batch_input": items})


# --- the bare engine ----------------------------------------------------------------------------------------


def _batch_row(kind: str, spent: Sequence[Spent], plain: Bare | None) -> Row:
    found = max(spent, key=lambda each: each.by_wall)
    also = {"a server CPU second": best(spent).by_cpu * BATCH}
    work = f"http: records/s by the clock, inserts of {BATCH}, {KINDS[kind]}"
    if plain is None:
        return least(work, found.by_wall * BATCH, None, 8_000, also)
    also |= {"bare SQLite a CPU second": BATCH / plain.cpu, "bytes of its log a record": plain.log_bytes / BATCH}
    return least(f"{work} (peer: bare SQLite, the same rows)", found.by_wall * BATCH, BATCH / plain.wall, 8_000, also)


@dataclass(frozen=True, slots=True)
class Bare:
    """What a batch costs with nothing but SQLite: seconds by the clock, CPU seconds, bytes of the write-ahead log."""

    wall: float
    cpu: float
    log_bytes: float


def bare(source: Path, target: Path, records: int) -> Bare:
    """Write the first `records` of a vault again with nothing but SQLite, by batches at the same durability.

    The figures are the least of the second half of the batches.
    """
    read, write = apsw.Connection(str(source)), apsw.Connection(str(target))
    write.pragma("journal_mode", "WAL")
    write.pragma("synchronous", "FULL")
    write.pragma("cache_size", -CACHE_KIB)
    write.wal_autocheckpoint(CHECKPOINT_PAGES)
    flows = [_Flow(read, write, name, a_batch) for name, a_batch in TABLES]
    spent: list[Bare] = []
    for _ in range(records // BATCH):
        work = [(flow.text, flow.take()) for flow in flows]
        write.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE, True)  # begins to count anew
        start, start_cpu = time.perf_counter(), time.process_time()
        with write:
            for text, batch in work:
                write.executemany(text, batch)
        wall, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        pages = write.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE, True)[0]
        spent.append(Bare(wall, cpu, pages * PAGE_BYTES))
    read.close()
    write.close()
    half = spent[len(spent) // 2 :]
    return Bare(min(s.wall for s in half), min(s.cpu for s in half), sum(s.log_bytes for s in half) / len(half))


class _Flow:
    """The rows of one table in the order they were written, and the same table, empty, in another file."""

    def __init__(self, read: apsw.Connection, write: apsw.Connection, name: str, a_batch: int) -> None:
        texts = read.execute("SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND sql NOT NULL", (name,))
        for (text,) in texts:
            write.execute(str(text))
        width = len(list(read.execute(f'SELECT name FROM pragma_table_info("{name}")')))
        self._rows = iter(read.execute(f'SELECT * FROM "{name}" ORDER BY rowid'))
        self._a_batch = a_batch
        self.text = f'INSERT INTO "{name}" VALUES ({", ".join("?" * width)})'

    def take(self) -> list[tuple[apsw.SQLiteValue, ...]]:
        return list(islice(self._rows, self._a_batch))
