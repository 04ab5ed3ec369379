"""What all fakes share: a table of routes, strict checking, state, and switches.

Every fake is stricter than some vendors: what the documents do not name (a query parameter, a field of a body, a body
where none belongs) is refused, in the form in which that vendor refuses. A vendor's file says what is real and how it
refuses; nothing here knows a vendor.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from .people import Person, people
from .server import Server
from .wire import (
    Answer,
    Call,
    Found,
    Handler,
    Refusal,
    Route,
    Row,
    basic,
    bearer,
    check,
    link,
    only,
    pick,
    read_cursor,
    same,
    to_whole,
    write_cursor,
)

__all__ = [
    "Answer",
    "Call",
    "Handler",
    "Person",
    "Refusal",
    "Row",
    "Running",
    "Vendor",
    "basic",
    "bearer",
    "demand",
    "link",
    "only",
    "pick",
    "same",
    "to_whole",
]


@dataclass(kw_only=True)
class Vendor:
    """One vendor. `refuse`: a refusal → body, and headers that go with it. `admit`: raises Refusal where credentials
    do not fit. `plant`: makes the state; `rows`: how many records of hers a collection holds."""

    name: str
    refuse: Callable[[Refusal], Answer]
    admit: Callable[[Running, Call], None]
    plant: Callable[[Running, int], None]
    secrets: Mapping[str, str]
    tokens: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = "json"
    once: bool = False
    rows: int = 5
    tidy: Callable[[str], str] = str
    routes: list[Route] = field(default_factory=list)

    def route(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: str | None = None,
        needs: str = "",
        reads: bool = False,
        open: bool = False,
        kind: str = "",
    ) -> Callable[[Handler], Handler]:
        """Put a handler into the table. `path`: `*` stands for one part, which the handler gets. `body`: fields, or
        None where no body belongs; names are parted by blanks. `kind`: json, form or any, where it is not the
        vendor's own."""
        pattern = re.compile("([^/]+)".join(re.escape(part) for part in path.split("*")))

        def put(handler: Handler) -> Handler:
            permitted = None if body is None else frozenset(body.split())
            made = Route(
                method,
                pattern,
                handler,
                frozenset(query.split()),
                permitted,
                tuple(needs.split()),
                reads,
                open,
                kind or self.body,
            )
            self.routes.append(made)
            return handler

        return put

    @contextmanager
    def start(self, email: str = "ada@example.com", rows: int | None = None) -> Iterator[Running]:
        """Serve a planted state until the block ends."""
        running = Running(self, email)
        server = Server(running.answer)
        running.host = f"127.0.0.1:{server.server_address[1]}"
        running.url = f"http://{running.host}"
        self.plant(running, self.rows if rows is None else rows)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield running
        finally:
            running.ending.set()
            server.shutdown()
            server.hang_up()
            server.server_close()
            thread.join(10)


@dataclass(slots=True)
class _Fault:
    status: int
    times: int
    retry_after: float | None
    path: str


class Running:
    """A vendor's API as it runs: its state, what was asked of it, and switches that make it behave badly."""

    def __init__(self, vendor: Vendor, email: str) -> None:
        self.vendor = vendor
        self.url = self.host = ""
        everyone = people(email)
        self.person: Person = everyone[0]
        self.others: tuple[Person, ...] = everyone[1:]
        self.secrets = dict(vendor.secrets)
        self.settings = dict(vendor.settings)
        self.memo: dict[str, str] = {}  # what cursors stand for
        self.page_size: int | None = 3
        self.offset_page_size: int | None = None
        self.rows: dict[str, dict[str, Row]] = {}
        self.hers: dict[str, list[str]] = {}
        self.calls: list[Call] = []
        self.effects: Counter[str] = Counter()
        self.deleted: list[tuple[str, str]] = []
        self.changed: list[tuple[str, str]] = []
        self.lock = threading.RLock()
        self.ending = threading.Event()
        self.tokens: set[str] = {vendor.secrets[name] for name in vendor.tokens}
        self.dead: set[str] = set()
        self._places: dict[tuple[str, str], int] = {}
        self._numbers = 500_000
        self._faults: deque[_Fault] = deque()
        self._lost = 0
        self._pause = 0.0
        self._lies = {"delete": False, "update": False}
        self._once: dict[str, tuple[tuple[str, str, bytes], Answer]] = {}
        self._key = ""
        self._delay = 0
        self._jobs: list[list[Any]] = []

    # What a test turns.

    @property
    def everyone(self) -> tuple[Person, ...]:
        """Return her and the others."""
        return (self.person, *self.others)

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Return what is hers alone, to be looked for in a dump."""
        person = self.person
        return (person.email, person.phone, person.street, person.user_id)

    def finds(self, *collections: str) -> list[str]:
        """Return which of her identifiers a dump still holds as whole values: others' values that begin with one do
        not count."""
        text = self.dump(*collections)
        return [one for one in self.identifiers if re.search(rf"(?<![\w.+@'*%-]){re.escape(one)}(?![\w@.%])", text)]

    def dump(self, *collections: str) -> str:
        """Return the state as JSON text: of the collections named, or of all."""
        with self.lock:
            chosen = {name: rows for name, rows in self.rows.items() if not collections or name in collections}
            return json.dumps(chosen, sort_keys=True, default=str, ensure_ascii=False)

    def expire_tokens(self) -> None:
        """Refuse every token and key that was good until now."""
        self.dead |= self.tokens
        self.tokens = set()

    def restore_tokens(self) -> None:
        """Accept again what the vendor gave at the beginning."""
        self.tokens = {self.secrets[name] for name in self.vendor.tokens}
        self.dead -= self.tokens

    def fail(self, status: int, times: int = 1, retry_after: float | None = None, path: str = "") -> None:
        """Answer the next calls, whose path begins with `path`, by a status and nothing else."""
        self._faults.append(_Fault(status, times, retry_after, path))

    def lose(self, times: int = 1) -> None:
        """Let the next writing calls take effect, and hang up instead of answering."""
        self._lost = times

    def lie_about_deletes(self, on: bool = True) -> None:
        """Say that things are deleted, and keep them."""
        self._lies["delete"] = on

    def lie_about_updates(self, on: bool = True) -> None:
        """Say that things are changed, and leave them."""
        self._lies["update"] = on

    def slow(self, seconds: float) -> None:
        """Wait before each answer."""
        self._pause = seconds

    def delay_jobs(self, calls: int) -> None:
        """Let jobs that the vendor does later wait for so many calls."""
        self._delay = calls

    # What a vendor's file builds on.

    def fresh(self) -> int:
        """Return a number that nothing else has."""
        self._numbers += 1
        return self._numbers

    def seed(self, collection: str, row: Row, *, id: str = "id", of: Person | None = None) -> Row:
        """Put a record of somebody's into the state; `id`: the field that tells records apart."""
        known = str(row[id])
        self.rows.setdefault(collection, {})[known] = row
        self._places[collection, known] = self.fresh()
        if of is not None and of.place == 0:
            self.hers.setdefault(collection, []).append(known)
        return row

    def find(self, collection: str, id: str) -> Row:
        """Return a record or refuse with 404."""
        row = self.rows.get(collection, {}).get(unquote(id))
        if row is None:
            raise Refusal(404, "absent", collection, id=unquote(id))
        return row

    def where(self, collection: str, keep: Callable[[Row], Any] = lambda row: True) -> Found:
        """Return records in order of making, with their places."""
        rows = self.rows.get(collection, {})
        return [(self._places[collection, id], row) for id, row in rows.items() if keep(row)]

    def place(self, collection: str, id: str) -> int:
        """Return where a record stands."""
        return self._places[collection, id]

    def remove(self, collection: str, id: str) -> None:
        """Delete a record, unless we lie."""
        if not self._lies["delete"] and self.rows.get(collection, {}).pop(id, None) is not None:
            self.effects[self._key] += 1
            self.deleted.append((collection, id))

    def change(self, collection: str, id: str, values: Mapping[str, Any], *, deletes: bool = False) -> None:
        """Change fields of a record, unless we lie. `deletes`: the change is a vendor's way of deleting."""
        row = self.rows[collection][id]
        if self._lies["delete" if deletes else "update"]:
            return
        if any(row.get(name) != value for name, value in values.items()):
            self.effects[self._key] += 1
            self.changed.append((collection, id))
        row.update(values)

    def later(self, job: Callable[[], None]) -> None:
        """Do something that the vendor does after it has answered."""
        if self._delay:
            self._jobs.append([self._delay, job])
        else:
            job()

    def page(
        self, found: Found, cursor: str, asked: int | str | None, default: int, most: int
    ) -> tuple[list[Row], str]:
        """Return one page and the cursor of the next, "" after the last."""
        after = read_cursor(cursor) if cursor else 0
        size = self.size(asked, default, most)
        rest = [(place, row) for place, row in found if place > after]
        return [row for _, row in rest[:size]], write_cursor(rest[size - 1][0]) if len(rest) > size else ""

    def size(self, asked: int | str | None, default: int, most: int) -> int:
        """Return how many a page holds. Raises Refusal outside 1 to `most`."""
        size = default if asked in (None, "") else to_whole(asked, "limit")
        if not 1 <= size <= most:
            raise Refusal(400, "malformed", "limit")
        return min(size, self.page_size or size)

    def span(self, found: Found, start: int, asked: int | str | None, default: int, most: int) -> list[Row]:
        """Return the records of one offset page."""
        size = default if asked in (None, "") else to_whole(asked, "limit")
        if not 1 <= size <= most or start < 0:
            raise Refusal(400, "malformed", "limit")
        return [row for _, row in found[start : start + min(size, self.offset_page_size or size)]]

    def grant(self, call: Call, *grants: str, bad: str = "invalid_grant") -> str:
        """Check a request of OAuth 2.0 for a token (RFC 6749) and return a new one."""
        asked = dict(call.body or {}) | call.query
        client = basic(call)
        if client:
            asked["client_id"], asked["client_secret"] = client
        if asked.get("grant_type") not in grants:
            raise Refusal(400, "oauth", "unsupported_grant_type")
        if (asked.get("client_id"), asked.get("client_secret")) != (
            self.secrets["client_id"],
            self.secrets["client_secret"],
        ):
            raise Refusal(401, "oauth", "invalid_client")
        proof = {"refresh_token": "refresh_token", "authorization_code": "code"}.get(asked["grant_type"])
        if proof and asked.get(proof) != self.secrets.get(proof):
            raise Refusal(400, "oauth", bad)
        token = f"granted-{self.fresh()}"
        self.tokens.add(token)
        return token

    # What the server asks.

    def answer(self, call: Call) -> Answer | None:
        """Return the answer to a call, None to hang up."""
        if self._pause:
            self.ending.wait(self._pause)
        with self.lock:
            self.calls.append(call)
            self._key = call.key
            try:
                made, wrote = self._handle(call)
            except Refusal as refusal:
                made, wrote = self.vendor.refuse(refusal), False
            call.status = made.status
            if wrote and self._lost:
                self._lost -= 1
                return None
            return made

    def _handle(self, call: Call) -> tuple[Answer, bool]:
        self._work()
        self._stumble(call)
        tidy = self.vendor.tidy(call.path)
        fits = [(route, match) for route in self.vendor.routes if (match := route.pattern.fullmatch(tidy))]
        if not fits:
            raise Refusal(404, "no_route", call.path)
        chosen = [(route, match) for route, match in fits if route.method == call.method]
        if not chosen:
            raise Refusal(405, "no_route", call.path)
        route, match = chosen[0]
        if not route.open:
            self.vendor.admit(self, call)
        check(self.vendor.headers, route, call)
        wrote = call.method not in ("GET", "HEAD") and not route.reads
        if not (self.vendor.once and call.key and call.method == "POST"):
            return _answer(route.handler(self, call, *map(unquote, match.groups()))), wrote
        said = (call.method, call.path, call.raw)
        before = self._once.get(call.key)
        if before is None:
            made = _answer(route.handler(self, call, *map(unquote, match.groups())))
            self._once[call.key] = (said, made)
            return made, wrote
        if before[0] != said:
            raise Refusal(400, "conflict", call.key)
        return Answer(before[1].body, before[1].status, before[1].headers | {"Idempotent-Replayed": "true"}), wrote

    def _work(self) -> None:
        for job in self._jobs:
            job[0] -= 1
            if not job[0]:
                job[1]()
        self._jobs = [job for job in self._jobs if job[0] > 0]

    def _stumble(self, call: Call) -> None:
        for fault in self._faults:
            if call.path.startswith(fault.path):
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
                why = "too_many" if fault.status == 429 else "server"
                raise Refusal(fault.status, why, "", retry_after=fault.retry_after)


def _answer(made: Any) -> Answer:
    return made if isinstance(made, Answer) else Answer(made)


def demand(running: Running, token: str) -> None:
    """Refuse a token that is not good (any more)."""
    if token not in running.tokens:
        raise Refusal(401, "expired" if token in running.dead else "unauthorized")
