"""Errors as HTTP problems: class → status, and the body of RFC 9457. Shows no value and no stack.

Faults that only HTTP knows (no such route, a body that comes too slowly) stand here, below the error tree's roots.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from privet import errors
from privet.errors import PrivetError
from privet.store.port import Clash

MEDIA = b"application/problem+json"
MOST_FAULTS = 100


class NoRoute(errors.NotFound):
    """No verb stands at this path."""

    code = "no_route"


class WrongMethod(errors.InvalidInput):
    """The path is known, but not with this method. `allowed`: the methods that it takes."""

    code = "wrong_method"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(f"expected one of the methods {', '.join(allowed)}")
        self.allowed = allowed


class WrongMedia(errors.InvalidInput):
    """A body in a form that no verb takes."""

    code = "wrong_media"


class HeadersTooLarge(errors.TooLarge):
    """More header lines, or longer ones, than anybody needs."""

    code = "headers_too_large"


class TooSlow(errors.InvalidInput):
    """The request did not arrive in time."""

    code = "too_slow"


# INVARIANT: a class stands before the classes it descends from; the first match counts.
STATUSES: tuple[tuple[type[PrivetError], int], ...] = (
    (NoRoute, 404),
    (WrongMethod, 405),
    (WrongMedia, 415),
    (HeadersTooLarge, 431),
    (TooSlow, 408),
    (errors.MalformedBody, 400),
    (errors.TooLarge, 413),
    (errors.IdempotencyMismatch, 422),
    (errors.InvalidInput, 422),
    (errors.Unauthenticated, 401),
    (errors.Denied, 403),
    (errors.LimitExceeded, 429),
    (errors.NotFound, 404),
    (errors.Gone, 410),
    (errors.Conflict, 409),
    (Clash, 409),
    (errors.PolicyDamaged, 503),
    (errors.StoreFailed, 503),
    (errors.Unavailable, 503),
    (errors.Refused, 503),
    (errors.Damaged, 500),
)


class Fault(msgspec.Struct, omit_defaults=True):
    """One of several faults of a request."""

    code: str
    detail: str
    at: str = ""
    hint: str = ""


class Problem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Why a request was not carried out. `code` never changes; `at` is a place in the request, `request` its id.

    Source: RFC 9457. The type is left at `about:blank`, so the title is the status phrase and `code` tells problems
    apart.
    """

    title: str
    status: int
    code: str
    request: str
    type: str = msgspec.field(default_factory=lambda: "about:blank")
    detail: str = ""
    at: str = ""
    hint: str = ""
    faults: list[Fault] = []


def status_of(error: PrivetError) -> int:
    """Return the HTTP status of an error, 500 for a class that no row names."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def problem(error: PrivetError, request: str) -> Problem:
    """Return the problem that tells a caller of `error`."""
    status = status_of(error)
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        code=error.code,
        request=request,
        detail=error.message,
        at=error.at,
        hint=error.hint,
        faults=[
            Fault(code=fault.code, detail=fault.message, at=fault.at, hint=fault.hint)
            for fault in error.faults[:MOST_FAULTS]
        ],
    )


def unexpected(request: str) -> Problem:
    """Return the problem for whatever is not an error of Privet: no detail, since its words may quote a value."""
    return Problem(title=HTTPStatus(500).phrase, status=500, code="internal", request=request)


def headers_of(error: PrivetError) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header lines that go with an error."""
    if isinstance(error, errors.Unauthenticated):
        return ((b"www-authenticate", b"Bearer"),)
    if isinstance(error, WrongMethod):
        return ((b"allow", ", ".join(error.allowed).encode()),)
    if isinstance(error, errors.LimitExceeded):
        return ((b"retry-after", b"%d" % error.retry_seconds),)
    if isinstance(error, errors.Unavailable | errors.InFlight):
        return ((b"retry-after", b"1"),)
    return ()


def error_of(body: bytes, status: int) -> PrivetError:
    """Return the error that a problem tells of, as the class of its `code`; else the class of its status.

    The way back from `problem`, for clients. A body that is no problem gives Unavailable.
    """
    try:
        found = msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return errors.Unavailable(f"expected a problem from the server, found something else with status {status}")
    faults = tuple(made(_class_of(f.code, 422), f.detail, at=f.at, hint=f.hint) for f in found.faults)
    kind = _class_of(found.code, found.status)
    return made(kind, found.detail or found.title, at=found.at, hint=found.hint, faults=faults)


def made(kind: type[PrivetError], message: str, **rest: Any) -> PrivetError:
    """Return an error of a class with these words: some build theirs from parts, which do not travel."""
    error = kind.__new__(kind, message)
    PrivetError.__init__(error, message, **rest)
    if isinstance(error, errors.InvalidValue):
        error.rule, error.type_name = message, ""
    if isinstance(error, WrongMethod):
        error.allowed = ()
    return error


def _class_of(code: str, status: int) -> type[PrivetError]:
    found = _by_code().get(code)
    if found is not None:
        return found
    # The last row of a status is its widest class. A clash is of the store alone and never comes back as one.
    return next((kind for kind, number in reversed(STATUSES) if number == status and kind is not Clash), PrivetError)


def _by_code() -> dict[str, type[PrivetError]]:
    found: dict[str, type[PrivetError]] = {}
    waiting: list[type[PrivetError]] = [PrivetError]
    while waiting:
        kind = waiting.pop()
        if kind is not Clash:
            found[kind.code] = kind
        waiting += kind.__subclasses__()
    return found
