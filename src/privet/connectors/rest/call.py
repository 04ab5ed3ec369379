"""One call of a declared request: paced, identified, tried again where that is safe, and its answer judged."""

from __future__ import annotations

import email.utils
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from privet import codec, digest
from privet.connectors.client import Answer, Broken, Client
from privet.connectors.rest.draft import Draft
from privet.connectors.rest.words import CLOCK, Clock, Rate, Request, Signs, at_path
from privet.errors import InvalidInput, MalformedBody, PrivetError, Refused, TooLarge, Unavailable

TRIES = 4
LONGEST_WAIT = 30.0  # seconds: who must wait longer comes again later, and holds no worker meanwhile
FIRST_WAIT = 0.25
MOST_KEYS = 200_000
Mode = Literal["ask", "once", "again"]
"""What a call does: asks and changes nothing, whatever its method; changes something; or changes it once however often
it is made, because the system takes an idempotency key."""

_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})  # RFC 9110, section 9.2.2
_TROUBLE = frozenset({500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Told:
    """What a system told. `absent`: it says that there is nothing. `value`: JSON, None for an empty answer."""

    status: int
    headers: Mapping[str, str]
    value: Any
    absent: bool = False


class Pace:
    """Keeps calls within rates."""

    def __init__(self, rates: tuple[Rate, ...], clock: Clock) -> None:
        self._rates = rates
        self._clock = clock
        self._past: deque[float] = deque(maxlen=max((rate.count for rate in rates), default=1))

    def wait(self) -> None:
        """Return when a call may be made. Raises Unavailable where that is long from now."""
        due = self._clock.now()
        for rate in self._rates:
            if len(self._past) >= rate.count:
                due = max(due, self._past[-rate.count] + rate.seconds)
        pause = due - self._clock.now()
        if pause > LONGEST_WAIT:
            raise Unavailable("the system's rate of calls is used up", hint=f"come back in {int(pause) + 1} seconds")
        if pause > 0:
            self._clock.sleep(pause)
        self._past.append(self._clock.now())


class Who(Protocol):
    """Who we are to a system."""

    def apply(self, made: Draft) -> Draft:
        """Return a request that says so."""

    def renew(self) -> bool:
        """Forget what the system does not take. Return whether there may be something else."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom calls go to. `base`: scheme, host and port."""

    client: Client
    base: str
    identity: Who
    rates: tuple[Rate, ...] = ()
    signs: Signs | None = None


class Caller:
    """Calls one host as one identity."""

    def __init__(self, peer: Peer, clock: Clock = CLOCK) -> None:
        self._peer = peer
        self._clock = clock
        self._paces: dict[tuple[Rate, ...], Pace] = {}

    def call(self, request: Request, made: Draft, *, name: str, mode: Mode = "once", gone: bool = False) -> Told:
        """Return what the system tells.

        `name`: what errors call the request. `gone`: that there is no such thing is an answer. Raises Unavailable,
        Refused, InvalidInput.
        """
        pace = self._pace(request)
        safe = request.method in _IDEMPOTENT or mode != "once"
        renewed = False
        for attempt in range(TRIES):
            pace.wait()
            last = attempt == TRIES - 1
            try:
                answer = self._peer.client.send(self._peer.identity.apply(made).ask(self._peer.base))
            except Broken as error:
                if last or (error.sent and not safe):
                    raise Unavailable(f"`{name}`: {error.message}") from None
                self._pause(attempt, None)
                continue
            except PrivetError as error:
                raise _named(error, name) from None
            word = self._word(request, answer)
            status = self._status(answer.status, word, request)
            if status == 401 and not renewed and self._peer.identity.renew():
                renewed = True
                continue
            if not last and (status == 429 or (status in _TROUBLE and safe)) and not _ignores(request, status):
                self._pause(attempt, _retry_after(answer))
                continue
            if 200 <= status < 300:
                return Told(status, answer.headers, _value(answer, name, strict=mode == "ask"))
            return self._judged(request, answer, status, name, gone=gone)
        raise Refused(f"`{name}`: the system does not take the token that it gave")

    def _pace(self, request: Request) -> Pace:
        rates = self._peer.rates if request.rates is None else request.rates
        found = self._paces.get(rates)
        if found is None:
            found = self._paces[rates] = Pace(rates, self._clock)
        return found

    def _pause(self, attempt: int, asked: float | None) -> None:
        """Wait before the next try: as long as the system asks, else twice as long each time, with some jitter."""
        jitter = digest.random_bytes(1)[0] / 255
        pause = FIRST_WAIT * 2**attempt * (0.5 + jitter) if asked is None else asked + jitter * 0.05
        if pause > LONGEST_WAIT:
            raise Unavailable("the system asks to wait", hint=f"come back in {int(pause) + 1} seconds")
        self._clock.sleep(pause)

    def _word(self, request: Request, answer: Answer) -> str:
        """Return the word by which an answer of status 200 says that it is an error, "" where it is none."""
        signs = request.signs or self._peer.signs
        if signs is None or not 200 <= answer.status < 300 or not answer.body.strip():
            return ""
        try:
            found = at_path(codec.read_json(answer.body, max_keys=MOST_KEYS), signs.path)
        except InvalidInput:
            return ""
        return found if isinstance(found, str) else ""

    def _status(self, status: int, word: str, request: Request) -> int:
        signs = request.signs or self._peer.signs
        if not word or signs is None:
            return status
        if word in signs.expired:
            return 401
        if word in signs.limited:
            return 429
        return 404 if word in signs.absent else 400

    def _judged(self, request: Request, answer: Answer, status: int, name: str, *, gone: bool) -> Told:
        """Return that there is nothing, or raise what an answer that is no success means."""
        if _ignores(request, status):
            return Told(status, answer.headers, None, absent=True)
        absent_word = status != answer.status and status == 404
        if (status in (404, 410) and gone) or absent_word:
            return Told(status, answer.headers, None, absent=True)
        raise _fault(status, name)


def _fault(status: int, name: str) -> PrivetError:
    if 300 <= status < 400:
        return Refused(
            f"`{name}`: the system answers {status}, and redirects are not followed", hint="set its own host"
        )
    if status in (401, 403):
        return Refused(f"`{name}`: the system does not let us in (status {status})", hint="see the connector's secrets")
    if status == 429 or status >= 500:
        return Unavailable(f"`{name}`: the system answers status {status}")
    if status in (404, 405, 410):
        return InvalidInput(f"`{name}`: the system has no such request (status {status})")
    return Refused(f"`{name}`: the system does not do what was asked (status {status})")


def _named(error: PrivetError, name: str) -> PrivetError:
    """Return an error that says of which request it is."""
    kind = type(error) if type(error) in (Refused, Unavailable, InvalidInput, TooLarge) else InvalidInput
    return kind(f"`{name}`: {error.message}", hint=error.hint)


def _ignores(request: Request, status: int) -> bool:
    """Return whether a status counts as nothing there. Of a file that ignores every error, only those that are about
    what was asked: a system that is down or lets nobody in says nothing of what it holds."""
    if request.ignore is None:
        return 400 <= status < 500 and status not in (401, 407, 408, 425, 429)
    return status in request.ignore


def _value(answer: Answer, name: str, *, strict: bool) -> Any:
    """Return the JSON of an answer, None where there is none. `strict`: it must be JSON."""
    if not answer.body.strip():
        return None
    try:
        return codec.read_json(answer.body, max_keys=MOST_KEYS)
    except MalformedBody:
        if not strict and "json" not in answer.headers.get("content-type", ""):
            return None  # a page or a word, where the status says all
        raise Unavailable(f"`{name}`: expected JSON from the system") from None
    except TooLarge as error:
        raise Unavailable(f"`{name}`: {error.message}", hint="ask for smaller pages") from None


def _retry_after(answer: Answer) -> float | None:
    """Return how many seconds the system asks to wait, None where it does not say. Source: RFC 9110, section 10.2.3."""
    said = answer.headers.get("retry-after", "").strip()
    if not said:
        return None
    if said.isascii() and said.replace(".", "", 1).isdigit() and len(said) < 12:
        return float(said)
    try:
        at = email.utils.parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, at.timestamp() - time.time())
