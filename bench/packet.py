"""What a person is handed: an encrypted zip in every form out of the sealed spool, where its time goes, its memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench import Row, _house, most
from privet.crypto.keys import KeyRing
from privet.crypto.keystores.local import LocalStore
from privet.crypto.zipped import Zipped
from privet.rights import letters
from privet.rights.asked import Opening
from privet.rights.journal import SHAPES, Journal
from privet.rights.packet.about import Disclosure, Place, Use, Words
from privet.rights.packet.opened import batches
from privet.rights.packet.others import Left, Sieve
from privet.rights.packet.page import MOST_RECORDS, Page
from privet.rights.packet.table import Table
from privet.rights.packet.whole import LEVEL, packet, written
from privet.rights.sealed import RequestKey, RequestKeys
from privet.rights.work.course import PACKAGE
from privet.rights.work.spool import Spool
from privet.secret import Secret
from privet.store.port import ENGINES, Unit
from privet.vocabulary.dataset import Collection, Dataset, Field, Native
from privet.vocabulary.plain import plain

COUNT, TABLES = 100_000, 5
NOW = 1_800_000_000_000
OWNER = bytes(range(16))
LABELS = {"name": "user.name", "email": "user.contact.email", "street": "user.contact.address.street"}
NAMES = ("id", "name", "email", "street", "city", "ordered", "sum", "count", "note", "status")
ORDERS = Collection(
    name="orders",
    fields=tuple(
        Field(name=name, type="string", labels=(LABELS.get(name, "user.content"),), native=Native()) for name in NAMES
    ),
)
TEXTS = ("left with the neighbour", "called twice, nobody was in", "paid in advance, thank you", "wants a receipt")


def record(at: int) -> dict[str, Any]:
    """Return an order as a database gives it, of about 250 bytes as JSON."""
    return {
        "id": at,
        "name": "Ada Example",
        "email": "ada@example.com",
        "street": f"{at * 7919 % 1000} Sample Street",
        "city": "Springfield",
        "ordered": datetime.fromtimestamp(1_700_000_000 + at * 61, UTC),
        "sum": Decimal(at * 104_729 % 100_000) / 100,
        "count": at % 9,
        "note": f"{TEXTS[at % 4]} ({at * 15_485_863 % 1_000_003:x})",
        "status": "paid",
    }


@contextmanager
def gathered(count: int) -> Iterator[tuple[Journal, str, Disclosure]]:
    """Give the sealed spool of a request in a SQLite file, as a worker left it."""
    with tempfile.TemporaryDirectory() as folder:
        store = ENGINES.get("sqlite").open(str(Path(folder) / "control.db"))
        keys = ENGINES.get("sqlite").open(str(Path(folder) / "keys.db"))
        store.define(SHAPES)
        ring = KeyRing.create(LocalStore(Secret(bytes(32))), OWNER, now=1)
        ring.add("cell", OWNER, now=1)
        journal = Journal(store, RequestKeys(keys, ring, OWNER))
        asked = Opening(kind="access", identities={"email": "ada@example.com"}, by="bench", verified="bench")
        id_ = journal.open(asked, NOW).id
        key = journal.keys.open(id_)
        spool = Spool(journal.queue, key, lambda steps: store.write_now(Unit(tuple(steps))), chunk_bytes=1 << 18)
        spool.begin()
        parts = [("shop", f"orders{table}") for table in range(TABLES)]
        for at in range(count):
            spool.add(f"records:shop.orders{at * TABLES // count}", [at, "own", record(at)])
        steps = spool.steps()
        held = {"chunks": spool.chunks, "again": {}, "parts": [list(part) for part in parts]}
        note = journal.queue.note(id_, PACKAGE, key.seal_document(PACKAGE, held))
        store.write_now(Unit((*steps, note)))
        yield journal, id_, disclosure()
        store.close()
        keys.close()


def disclosure() -> Disclosure:
    """Return what is declared of the shop."""
    tables = tuple(Collection(name=f"orders{table}", fields=ORDERS.fields) for table in range(TABLES))
    use = Use(system="Shop", use="essential.service", categories=("user.contact", "user.name"), basis="Contract")
    return Disclosure(
        places={"shop": Place(title="Shop", uses=(use,))}, datasets={"shop": Dataset(key="shop", collections=tables)}
    )


def words() -> Words:
    """Return English."""
    return Words(
        language="en",
        texts=letters.words("page", "en"),
        plain=lambda kind, key: plain("use" if kind == "use" else "category", key).name,
        moment=lambda at: letters.moment(datetime.fromtimestamp(at / 1000, UTC), "en"),
    )


def whole(journal: Journal, id_: str, about: Disclosure) -> int:
    """Make the zip and let it go, as a server does; return its size."""
    return sum(len(piece) for piece in packet(journal, id_, about, words(), now_ms=NOW))


def split(journal: Journal, id_: str, about: Disclosure) -> dict[str, float]:
    """Return seconds of each part of the work, done one after another over all records."""
    key = journal.keys.open(id_)
    held = key.open_document(PACKAGE, journal.queue.notes(id_)[PACKAGE])
    taken: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        made = work()
        taken[name] = taken.get(name, 0.0) + time.process_time() - start
        return made

    page = Page(about, words())
    for dataset, name in held["parts"]:
        rows = timed("open the spool", lambda: _rows(journal, key, held, f"{dataset}.{name}"))  # noqa: B023  (called at once)
        collection = about.datasets[dataset].collection(name)
        sieve, table = (
            Sieve(about.datasets[dataset], collection, ["ada@example.com"], Left()),
            Table(collection, bonds=True),
        )
        records = [timed("look for what is others'", lambda: sieve.access(each)) for each in rows]  # noqa: B023
        texts = [timed("JSON", lambda: written(each)) for each in records]  # noqa: B023
        texts += [timed("CSV", lambda: table.lines(each)) for each in records]  # noqa: B023
        first = [one for each in records for one in each][:MOST_RECORDS]
        timed("HTML", lambda: page.add(dataset, name, first, COUNT))  # noqa: B023
        entry = Zipped(Secret("bench"), made_ms=NOW, level=LEVEL).entry("a")
        stored = timed("deflate and AES", lambda: [entry.add(each) for each in texts])  # noqa: B023
        assert stored
    return taken


def _rows(journal: Journal, key: RequestKey, held: Any, address: str) -> list[Any]:
    return list(batches(journal, key, held, address))


def measured(count: int) -> None:
    """Print what one process needs, as JSON: seconds in all and of each part, megabytes before and after, bytes."""
    with gathered(count) as (journal, id_, about):
        before = _house.peak()
        start = time.process_time()
        size = whole(journal, id_, about)
        first = time.process_time() - start
        after = _house.peak()
        again = []
        for _ in range(2):
            start = time.process_time()
            whole(journal, id_, about)
            again.append(time.process_time() - start)
        parts = split(journal, id_, about)
    print(json.dumps({"seconds": min(first, *again), "before": before, "after": after, "size": size, "parts": parts}))


def rows(quick: bool = False) -> Iterator[Row]:
    """Yield every row; the work is done in a process of its own, whose memory nothing else fills."""
    count = 10_000 if quick else COUNT
    program = f"from bench.packet import measured; measured({count})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    size = found["size"] / 1e6
    yield most(
        f"seconds: a package of {count:,} records of {len(NAMES)} fields in {TABLES} tables ({size:.1f} MB)",
        found["seconds"],
        2.0,
    )
    yield most("megabytes: how much that process grows", found["after"] - found["before"], 150)
    for name, taken in found["parts"].items():
        yield most(f"seconds: of these, {name}", taken, None)
