"""A company of two systems in memory, a journal and a worker, for tests of requests."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from privet.connectors.base import Batch, Choice, Connector, Halted, Read, Record
from privet.connectors.profile import Profile
from privet.crypto.keys import KeyRing
from privet.crypto.keystores.local import LocalStore
from privet.errors import InvalidInput, Refused, Unavailable
from privet.policy.parse import parse
from privet.policy.syntax import Policy
from privet.rights import journal as journals
from privet.rights.asked import Opening, Request
from privet.rights.fates.correction import corrected
from privet.rights.fates.decision import Decider, decisions
from privet.rights.journal import Journal
from privet.rights.outcome import SystemResult
from privet.rights.plans.whole import plan
from privet.rights.proof.package import package
from privet.rights.run import Ground, Pace, Runner
from privet.rights.sealed import RequestKeys
from privet.rights.words import TELLING
from privet.secret import Secret
from privet.store.engines.memory import MemoryStore
from privet.store.port import Step, Store
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Native

NOW = 1_800_000_000_000
OWNER = bytes(range(16))
ADA = {"email": "ada@example.com"}
POLICY = """\
erase shop.sessions by deletion
erase user.contact by null
erase user.name by constant (value 'gone')
keep shop.orders where shop.orders.status = 'open' because 'it is unpaid'
"""


def column(name: str, *labels: str, type_: str = "string", **native: Any) -> Field:
    """Return a declared field."""
    return Field(name=name, type="string", labels=labels, native=Native(data_type=type_, **native))


SHOP = Dataset(
    key="shop",
    collections=(
        Collection(
            name="customers",
            fields=(
                column("id", type_="integer", primary_key=True),
                column("email", "user.contact.email", identity="email"),
                column("name", "user.name"),
            ),
        ),
        Collection(
            name="orders",
            fields=(
                column("id", type_="integer", primary_key=True),
                column("customer_id", type_="integer", links=(Link("shop", "customers.id", "from"),)),
                column("address", "user.contact.address.street"),
                column("status"),
            ),
        ),
        Collection(
            name="sessions",
            fields=(
                column("id", type_="integer", primary_key=True),
                column("customer_id", type_="integer", links=(Link("shop", "customers.id", "from"),)),
                column("ip", "user.device.ip_address"),
            ),
        ),
    ),
)
CRM = Dataset(
    key="crm",
    collections=(
        Collection(
            name="contacts",
            fields=(
                column("id", primary_key=True),
                column("customer", type_="integer", links=(Link("shop", "customers.id", "from"),)),
                column("phone", "user.contact.phone_number"),
            ),
        ),
    ),
)
DATASETS = {"shop": SHOP, "crm": CRM}
ROWS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "shop": {
        "customers": [
            {"id": 1, "email": "ada@example.com", "name": "Ada Example"},
            {"id": 2, "email": "bob@example.com", "name": "Bob Example"},
        ],
        "orders": [
            {"id": 10, "customer_id": 1, "address": "1 Lane", "status": "paid"},
            {"id": 11, "customer_id": 2, "address": "2 Lane", "status": "paid"},
            {"id": 12, "customer_id": 1, "address": "3 Lane", "status": "paid"},
        ],
        "sessions": [{"id": 20, "customer_id": 1, "ip": "192.0.2.1"}, {"id": 21, "customer_id": 2, "ip": "192.0.2.2"}],
    },
    "crm": {
        "contacts": [
            {"id": "c1", "customer": 1, "phone": "555-0101"},
            {"id": "c2", "customer": 2, "phone": "555-0102"},
        ]
    },
}
PROFILE = Profile(
    tried="fake",
    against="memory",
    atomic=True,
    deletes=True,
    masks=True,
    streams=True,
    reads_back=True,
    effect="transaction",
)


class System:
    """Records in memory, and how the system behaves. `down`: how many calls find it silent. `hangs`: calls wait for it.
    `erased`: idempotency key → how often it was asked for and carried out. `chosen`: what it was told, by idempotency
    key; `deaf`: it cannot be told."""

    def __init__(self, rows: Mapping[str, list[dict[str, Any]]], profile: Profile = PROFILE) -> None:
        self.rows = copy.deepcopy(dict(rows))
        self.profile = profile
        self.down = 0
        self.lies = False
        self.refuses = ""
        self.cuts_at = 0
        self.stops_after = -1
        self.hangs: threading.Event | None = None
        self.page = 2
        self.calls: list[str] = []
        self.erased: dict[str, int] = {}
        self.chosen: dict[str, tuple[Choice, dict[str, list[Any]]]] = {}
        self.deaf = False
        self.most_at_once = self._at_once = 0
        self._lock = threading.Lock()

    def open(self) -> Connector:
        self._fail()
        return _Connector(self) if self.deaf else _Teller(self)

    def _fail(self) -> None:
        if self.hangs is not None:
            self.hangs.wait(5)
        if self.down:
            self.down -= 1
            raise Unavailable("the system does not answer")

    def busy(self, by: int) -> None:
        with self._lock:
            self._at_once += by
            self.most_at_once = max(self.most_at_once, self._at_once)


class _Connector:
    def __init__(self, system: System) -> None:
        self._system = system

    def probe(self) -> None:
        self._system._fail()

    def describe(self) -> Dataset:
        raise Refused("no")

    def read(self, ask: Read) -> Iterator[list[Record]]:
        system = self._system
        system.busy(1)
        try:
            system.calls.append(f"read {ask.collection.name}")
            system._fail()
            if not system.profile.by_any and not {"email", "customer", "customer_id"} & set(ask.matches):
                raise InvalidInput("the system cannot be asked by that")
            wanted = {path: {str(value) for value in values} for path, values in ask.matches.items()}
            rows = [
                row
                for row in system.rows[ask.collection.name]
                if any(str(row.get(path)) in values for path, values in wanted.items())
            ]
            for at in range(0, len(rows), system.page):
                yield [Record(copy.deepcopy(row)) for row in rows[at : at + system.page]]
        finally:
            system.busy(-1)

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        system = self._system
        system.calls.append("erase")
        system._fail()
        if system.refuses:
            raise Refused(system.refuses)
        done: list[int] = []
        for batch in batches:
            done.append(0)
            for change in batch.changes:
                if sum(done) == system.stops_after:
                    system.stops_after = -1
                    raise Halted(done, Unavailable("the system does not answer"))
                done[-1] += self._change(batch, change)
        return done

    def _change(self, batch: Batch, change: Any) -> int:
        system = self._system
        rows = system.rows[batch.collection.name]
        hit = [row for row in rows if all(str(row.get(path)) == str(value) for path, value in change.key.items())]
        if system.profile.effect == "key" and change.once in system.erased:
            return 0
        system.erased[change.once] = system.erased.get(change.once, 0) + 1
        if system.lies:
            return len(hit)
        for row in hit:
            if change.values is None:
                rows.remove(row)
            else:
                cut = system.cuts_at
                row.update({k: v[:cut] if cut and isinstance(v, str) else v for k, v in change.values.items()})
        return len(hit)

    def close(self) -> None:
        self._system.calls.append("close")


class _Teller(_Connector):
    def tell(self, dataset: Dataset, choice: Choice, identities: Mapping[str, Sequence[Any]], once: str) -> int:
        system = self._system
        system.calls.append("tell")
        system._fail()
        if system.refuses:
            raise Refused(system.refuses)
        system.chosen[once] = (choice, {kind: list(values) for kind, values in identities.items()})
        emails = set(identities.get("email", ()))
        return sum(row.get("email") in emails for rows in system.rows.values() for row in rows)


def ring() -> KeyRing:
    """Return a ring with the key that wraps requests' keys."""
    found = KeyRing.create(LocalStore(Secret(bytes(32))), OWNER, now=1)
    found.add("cell", OWNER, now=1)
    return found


class Place:
    """A journal, systems and a worker at a time that tests set. `told`: what the audit was told."""

    def __init__(self, *, store: Store | None = None, policy: str = POLICY, **pace: Any) -> None:
        self.now = NOW
        self.store = store or MemoryStore()
        self.store.define(journals.SHAPES)
        self.keys = RequestKeys(MemoryStore(), ring(), OWNER)
        self.journal = Journal(self.store, self.keys)
        self.systems = {name: System(rows) for name, rows in ROWS.items()}
        self.datasets: dict[str, Dataset] = dict(DATASETS)
        self.opener: Callable[[str], tuple[Any, Profile]] = self.open_system
        self.concerned = dict.fromkeys(DATASETS, True)
        self.newest_ms = 0
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.slept: list[float] = []
        self._policy: Mapping[str, Policy] = {"org.policy": parse(policy, file="org.policy")}
        pace = {"clock": lambda: self.now, "sleep": self.slept.append, "jitter": lambda: 0.5} | pace
        self.runner = Runner(self.journal, lambda name: self.opener(name), self.ground, self.note, pace=Pace(**pace))

    def open_system(self, name: str) -> tuple[Connector, Profile]:
        return self.systems[name].open(), self.systems[name].profile

    def ground(self, request: Request, identities: Mapping[str, Any], secret: Secret[bytes]) -> Ground:
        datasets = list(self.datasets.values())
        made = plan(request.kind, datasets, identities)
        if request.kind in TELLING:
            choice = self.journal.choice(request.id)
            return Ground(
                datasets=self.datasets,
                plan=made,
                choice=choice,
                concerned=self.concerned,
                counts=lambda: choice is not None and choice.at_ms >= self.newest_ms,
            )
        return Ground(datasets=self.datasets, plan=made, decider=self._decider(request, secret))

    def _decider(self, request: Request, secret: Secret[bytes]) -> Decider | None:
        datasets = list(self.datasets.values())
        if request.kind == "rectification":
            return corrected(self.journal.corrections(request.id), datasets, secret)
        return decisions(self._policy, datasets, secret) if request.kind == "erasure" else None

    def note(self, event: str, facts: Mapping[str, Any]) -> Sequence[Step]:
        self.told.append((event, dict(facts)))
        return ()

    def open(self, kind: Any = "access", **more: Any) -> Request:
        """Open and approve a request."""
        asked = {"identities": ADA, "by": "alice", "verified": "seen at the desk"} | more
        request = self.journal.open(Opening(kind=kind, **asked), self.now)
        return self.journal.approve(request.id, "bob", self.now) if request.state == "received" else request

    def run(self) -> Request:
        """Let a worker carry whatever is due, once."""
        found = self.runner.run_once("worker")
        assert found is not None
        return found

    def over(self, request: Request) -> Request:
        """Let workers carry a request until it is over, at later and later times."""
        for _ in range(20):
            if self.journal.get(request.id).state not in ("approved", "running", "waiting"):
                break
            self.now += 3_600_000
            self.runner.run_once("worker")
        return self.journal.get(request.id)

    def behaving(self, name: str, **profile: Any) -> System:
        """Return a system whose profile is changed."""
        system = self.systems[name]
        system.profile = replace(system.profile, **profile)
        return system


def request_id(number: int) -> str:
    """Return an id for tests of what has no journal."""
    return f"01a3185c-5000-7000-8000-{number:012d}"


def packed(place: Place, id_: str) -> dict[str, Any]:
    """Return the systems of a request's package."""
    found: dict[str, Any] = json.loads(b"".join(package(place.journal, id_)))
    return found["systems"]  # type: ignore[no-any-return]


def system(place: Place, id_: str, name: str) -> SystemResult:
    """Return what came of a request in a system."""
    result = place.journal.get(id_).result
    assert result is not None
    return next(each for each in result.systems if each.dataset == name)
