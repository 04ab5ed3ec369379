"""What passes between a client and a fake, and how strictly it is read."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote

Row = dict[str, Any]
Found = list[tuple[int, Row]]


@dataclass(slots=True)
class Call:
    """One request as it came, and what it was answered. `body`: fields; a form's stay flat. `key`: idempotency key."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes
    body: Any = None
    parts: tuple[str, ...] = ()
    status: int = 0

    @property
    def key(self) -> str:
        """Return the idempotency key that was sent, or ""."""
        return self.headers.get("idempotency-key", "")

    def whole(self, name: str, default: int = 0) -> int:
        """Return a query parameter as a whole number."""
        return to_whole(self.query.get(name, default), name)


@dataclass(slots=True)
class Answer:
    """What is sent back. `body`: JSON, or None for no body."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A vendor says no. `why` is one of the words that each vendor's `refuse` puts in its own form: unauthorized,
    expired, absent, no_route, unknown_parameter, unknown_field, missing, malformed, too_many, server, conflict, or a
    word of that vendor. `what`: the parameter, field or thing."""

    def __init__(self, status: int, why: str, what: str = "", **more: Any) -> None:
        super().__init__(status, why, what)
        self.status, self.why, self.what, self.more = status, why, what, more


Handler = Callable[..., Any]
"""(running, call, *parts of the path) → Answer, or JSON for 200."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path of the API. `query`, `body`: names that are permitted; `needs`: those that must be there, in either.
    `reads`: it changes nothing though it is no GET. `open`: it needs no credentials."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    query: frozenset[str]
    body: frozenset[str] | None
    needs: tuple[str, ...]
    reads: bool
    open: bool
    kind: str


def check(headers: Mapping[str, str], route: Route, call: Call) -> None:
    """Refuse what the route does not name, and what lacks. `headers`: name → what it must look like, with `?` at the
    end where it may be left out. Reads the body."""
    for name, value in headers.items():
        sent = call.headers.get(name.lower())
        if (sent is None and not value.endswith("?")) or (sent is not None and not re.fullmatch(value[:-1], sent)):
            raise Refusal(400, "missing" if sent is None else "malformed", name)
    for name in call.query:
        if name not in route.query and name.split("[")[0] + "[]" not in route.query:
            raise Refusal(400, "unknown_parameter", name)
    call.body = _read_body(route, call)
    fields = call.body if isinstance(call.body, dict) else {}
    for name in fields:
        if name.split("[")[0] not in (route.body or ()):
            raise Refusal(400, "unknown_field", name)
    for name in route.needs:
        if name not in call.query and name not in fields and not any(one.startswith(f"{name}[") for one in fields):
            raise Refusal(400, "missing", name)


def _read_body(route: Route, call: Call) -> Any:
    if not call.raw:
        return {}
    if route.body is None:
        raise Refusal(400, "unknown_field", "body")
    sent = call.headers.get("content-type", "").split(";")[0].strip()
    if sent == "application/x-www-form-urlencoded" and route.kind in ("form", "any"):
        return dict(parse_qsl(call.raw.decode(), keep_blank_values=True))
    if not re.fullmatch(r"application/([\w.-]+\+)?json", sent) or route.kind == "form":
        raise Refusal(415, "malformed", "Content-Type")
    try:
        body = json.loads(call.raw)
    except ValueError:
        raise Refusal(400, "malformed", "body") from None
    if not isinstance(body, dict):
        raise Refusal(400, "malformed", "body")
    return body


# Small words that vendors' files share.


def to_whole(value: Any, name: str) -> int:
    """Return a whole number, or refuse."""
    if not re.fullmatch(r"-?\d{1,9}", str(value)):
        raise Refusal(400, "malformed", name)
    return int(value)


def only(body: Any, names: str, where: str = "") -> dict[str, Any]:
    """Return an object within a body, or refuse it for a field that is not among `names`."""
    if not isinstance(body, dict):
        raise Refusal(400, "malformed", where)
    for name in body:
        if name not in names.split():
            raise Refusal(400, "unknown_field", f"{where}.{name}" if where else name)
    return body


def bearer(call: Call) -> str:
    """Return the token of a bearer (RFC 6750), or ""."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def basic(call: Call) -> tuple[str, str] | None:
    """Return user and password (RFC 7617), or None."""
    scheme, _, text = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        return None
    return user, password


def write_cursor(place: int) -> str:
    """Return an opaque cursor."""
    return base64.urlsafe_b64encode(f"after:{place}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> int:
    """Return where a cursor stands, or refuse."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        raise Refusal(400, "malformed", "cursor") from None
    if not re.fullmatch(r"after:\d+", text):
        raise Refusal(400, "malformed", "cursor")
    return int(text[6:])


def same(value: Any, other: Any) -> bool:
    """Compare as most vendors compare e-mail addresses: without case."""
    return str(value).lower() == str(other).lower()


def link(path: str, query: Mapping[str, Any]) -> str:
    """Return a path with a query."""
    return path + "?" + "&".join(f"{quote(str(k), safe='')}={quote(str(v), safe='')}" for k, v in query.items())


def pick(row: Row, names: Sequence[str]) -> Row:
    """Return some fields of a record."""
    return {name: row[name] for name in names if name in row}
