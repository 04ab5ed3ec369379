"""Letters to people, which wait in rows until `outbox` sends them, and codes, which are not kept at all.

A letter is a row of the control database, made in the unit of what it tells of. Whom it goes to and what it says is
sealed under a key of its own, which is destroyed once the letter is over: the request's may be gone before. Without a
mail server no letter is made.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from privet import digest
from privet.app.foreign import Foreign
from privet.app.settings import MailServer, Settings
from privet.connectors.base import Limits, Setup
from privet.connectors.post import Post, is_address, is_line
from privet.crypto.keys import KeyRing
from privet.errors import Gone, InvalidInput, PrivetError
from privet.rights.letters import LONGEST, Fact, Letter, render
from privet.rights.sealed import RequestKey, Wrapping
from privet.secret import Secret
from privet.store.port import Aggregate, Column, Delete, Insert, Select, Shape, Step, Store, Unit
from privet.vocabulary.predicate import Compare

if TYPE_CHECKING:
    from privet.app.wiring import House

log = logging.getLogger("privet.mail")

LETTERS = Shape(
    name="letters",
    columns=(
        Column("id", "text", null=False),
        Column("request", "text", null=False),
        Column("event", "text", null=False),
        Column("state", "text", null=False),
        Column("due", "int", null=False),
        Column("tries", "int", null=False),
        Column("made", "int", null=False),
        Column("changed", "int", null=False),
        Column("key", "text", null=False),
        Column("body", "blob"),
    ),
    key=("id",),
    indexes=(("state", "due"),),
    uniques=(("request", "event"),),
)
"""One letter. `id`: its once-key, in hexadecimal. `event`: its kind, and what tells it from others of that kind.
`state`: waiting, sending, sent, unknown (it may have gone out), refused (by the server, or the address is none that can
be written to), given_up. `key`: names its own key while there is a body."""

LETTER_KEYS = Shape(
    name="letter_keys",
    columns=(
        Column("key", "text", null=False),
        Column("made", "int", null=False),
        Column("wrapped", "blob", null=False),
    ),
    key=("key",),
)
"""The letters' own keys, in the store whose deleted rows leave no trace."""

CODES_AT_ONCE, CODES_WAITING = 2, 32
STOP_SECONDS = 5.0  # how long a letter that is being sent may take to end
LIMITS = Limits(connect_seconds=5, read_seconds=30)  # servers look at a letter before they take it
_WRAP = digest.sha256(b"privet letter key 1")[:16]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many letters wait, and since when the oldest does: UTC milliseconds since 1970, None for none."""

    count: int
    oldest_ms: int | None


Forgetful = tuple[Store, KeyRing, bytes]
"""A store whose deleted rows leave no trace, and a ring with a `cell` key of an owner."""


class LetterKeys:
    """The keys of letters that are not over. Any thread may call."""

    def __init__(self, store: Store, ring: KeyRing, owner: bytes) -> None:
        store.define((LETTER_KEYS,))
        self._store = store
        self._wrapping = Wrapping(ring, owner, _WRAP)

    def make(self, name: str, now_ms: int) -> RequestKey:
        """Draw a letter's key, durable on return. `name`: a UUID."""
        key, wrapped = self._wrapping.drawn(name)
        row = Insert("letter_keys", ("key", "made", "wrapped"), ((name, now_ms, wrapped),))
        self._store.write_now(Unit((row,)))
        return key

    def open(self, name: str) -> RequestKey:
        """Return a letter's key. Raises Gone, Damaged, WrongKey."""
        question = Select(table="letter_keys", columns=("wrapped",), where=Compare("key", "=", name))
        rows = self._store.select(question)
        if not rows:
            raise Gone("the letter's key is gone")
        return self._wrapping.opened(name, rows[0][0])

    def forget(self, names: Iterable[str]) -> None:
        """Destroy keys, durable on return. Idempotent."""
        rows = [(name,) for name in names]
        if rows:
            self._store.write_now(Unit((Delete("letter_keys", ("key",), rows),)))

    def held(self) -> dict[str, int]:
        """Return the names of all keys, and when each was made."""
        rows = self._store.select(Select(table="letter_keys", columns=("key", "made")))
        return {str(key): _int(made) for key, made in rows}


class Mail:
    """What a house sends letters by. `server`: None where none is configured. `store`: where they stand. `sender`: who
    writes, the facts that every letter holds. Any thread may call."""

    def __init__(self, settings: Settings, control: Store, forgetful: Callable[[], Forgetful]) -> None:
        """`forgetful`: gives where the letters' keys stand and what wraps them.

        Raises InvalidInput, Refused for settings that cannot be.
        """
        self.server = Post(_setup(settings, settings.mail)) if settings.mail else None
        self.sender = _sender(settings)
        if not all(is_line(said) and len(said) <= LONGEST for said in self.sender.values()):
            raise InvalidInput(f"expected `organization` and `contact` of `privacy` on a line of at most {LONGEST}")
        control.define((LETTERS,))
        self.store = control
        self._forgetful = forgetful
        self.turn = threading.Lock()  # of whoever sends what is due
        self.is_closed = False
        self.codes = threading.BoundedSemaphore(CODES_AT_ONCE + CODES_WAITING)
        self.pool = ThreadPoolExecutor(CODES_AT_ONCE, "privet-code")

    @cached_property
    def keys(self) -> LetterKeys:
        """Return the letters' own keys."""
        return LetterKeys(*self._forgetful())

    def close(self) -> None:
        """Begin to send nothing more, and wait a little for what is being sent. Idempotent."""
        self.is_closed = True
        self.pool.shutdown(wait=False, cancel_futures=True)
        if self.turn.acquire(timeout=STOP_SECONDS):
            self.turn.release()


# --- letters --------------------------------------------------------------------------------------------------------


def post(
    house: House, kind: str, *, request: str, to: str, language: str = "en", event: str = "", **facts: Fact
) -> tuple[Step, ...]:
    """Return the steps of the control store by which a letter about a request will be sent: with what it tells of, or
    not at all. None where no mail server is configured, or where the letter of that kind and `event` was made before.

    An address that no letter can go to is told as refused. `facts`: see `rights.letters.FACTS`, less `request`,
    `organization` and `contact`. Blocking: the letter's key is durable on return. Raises what `render` raises.
    """
    mail = house.mail
    if mail.server is None:
        return ()
    name = f"{kind}:{event}" if event else kind
    once = digest.mac(
        house.ring.raw("idempotency", house.id).reveal(),
        digest.canonical([b"privet letter 1", request.encode(), name.encode()]),
    ).hex()[:48]
    if name in posted(house, request):
        return ()
    made = render(kind, language, {**mail.sender, "request": request, **facts})
    now = house.clock()
    row: dict[str, Any] = {"id": once, "request": request, "event": name, "due": now, "made": now, "changed": now}
    row |= {"state": "refused", "tries": 0, "key": "", "body": None}
    if is_address(to):
        row |= {"state": "waiting", "key": digest.id_text(digest.random_ids(1)[0])}
        row["body"] = mail.keys.make(row["key"], now).seal_document("letter", _document(made, to))
    return (Insert("letters", tuple(row), (tuple(row.values()),)),)


def posted(house: House, request: str) -> dict[str, str]:
    """Return the letters about a request: kind, or kind:event → state."""
    question = Select(table="letters", columns=("event", "state"), where=Compare("request", "=", request))
    return {str(event): str(state) for event, state in house.mail.store.select(question)}


def waiting(house: House) -> Waiting:
    """Return the letters that wait to be sent."""
    question = Select(
        table="letters",
        where=Compare("state", "=", "waiting"),
        aggregates=(Aggregate("count"), Aggregate("min", "made")),
    )
    count, oldest = house.mail.store.select(question)[0]
    return Waiting(_int(count), None if oldest is None else _int(oldest))


def _document(letter: Letter, to: str) -> dict[str, str]:
    return {"to": to, "subject": letter.subject, "text": letter.text.reveal()}


# --- codes ------------------------------------------------------------------------------------------------------------


def send_now(house: House, *, to: str, language: str, code: str, minutes: int) -> None:
    """Send a one-time code, once, beside the caller; returns at once and never says what came of it.

    `to`: "" goes the same way, and nobody is written to. Where more than a few wait, it is dropped: whoever wants a
    code asks again.
    """
    mail = house.mail
    if mail.server is None or mail.is_closed:
        return
    if not mail.codes.acquire(blocking=False):
        log.warning("a code is not sent: too many wait")
        return
    said = (to, language, Secret(code), minutes)
    try:
        mail.pool.submit(_send_code, house, mail.server, *said)
    except RuntimeError:  # the pool was closed meanwhile
        mail.codes.release()


def _send_code(house: House, server: Post, to: str, language: str, code: Secret[str], minutes: int) -> None:
    mail = house.mail
    try:
        facts: dict[str, Fact] = {**mail.sender, "code": code.reveal(), "minutes": minutes}
        with Foreign(log, "a code is not sent"):  # else nobody would hear of it: the pool keeps it to itself
            letter = render("code", language, facts)
            if to:
                once = digest.random_bytes(16).hex()
                server.send(once, to=to, subject=letter.subject, text=letter.text.reveal())
    except PrivetError as error:
        log.warning("a code is not sent: %s", error.code)
    finally:
        mail.codes.release()


# --- private ----------------------------------------------------------------------------------------------------------


def _sender(settings: Settings) -> dict[str, str]:
    address = settings.mail.sender if settings.mail else "privacy"
    organization = settings.privacy.organization or address.rpartition("@")[2]
    return {"organization": organization, "contact": settings.privacy.contact or address}


def _setup(settings: Settings, server: MailServer) -> Setup:
    said: dict[str, str | int | bool] = {
        "host": server.host,
        "port": server.port,
        "security": server.security,
        "sender": server.sender,
        "user": server.user,
        "ca_file": str(settings.home / server.ca_file) if server.ca_file else "",
    }
    secrets = {"password": server.password} if server.password else {}
    # Whoever writes `privet.yaml` may name a server of the own network.
    return Setup(name="mail", kind="email", settings=said, secrets=secrets, private=True, limits=LIMITS)


def _int(cell: object) -> int:
    assert isinstance(cell, int)  # as the shape says
    return cell
