"""A request with its placeholders filled, before it is who we are and goes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from privet import codec
from privet.connectors.client import Ask
from privet.connectors.rest.template import (
    Filling,
    Missing,
    filled,
    form,
    header_text,
    path_text,
    plain_text,
    query_text,
)
from privet.connectors.rest.words import Pair, Request
from privet.errors import InvalidInput

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class _Nothing:
    pass


NOTHING = _Nothing()
"""No body at all; None is the body `null`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A request to be sent. `path`: encoded, with what query it holds itself. `body`: a value of JSON, text that goes
    as it is, or NOTHING."""

    method: str
    path: str = field(repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: Any = field(default=NOTHING, repr=False)
    media: str = ""

    def with_query(self, name: str, value: str) -> Draft:
        """Return it with a query parameter set anew, in the place where it stood."""
        if any(key == name for key, _ in self.query):
            return replace(self, query=tuple((key, value if key == name else old) for key, old in self.query))
        return replace(self, query=(*self.query, (name, value)))

    def with_header(self, name: str, value: str) -> Draft:
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return replace(self, headers=(*kept, (name, value)))

    def ask(self, base: str) -> Ask:
        """Return what goes over the wire. `base`: scheme, host and port."""
        query = urlencode(self.query, quote_via=quote, safe="")
        joined = f"{self.path}{'&' if '?' in self.path else '?'}{query}" if query else self.path
        headers = {name: value for name, value in self.headers if name.lower() != "content-type"}
        headers.setdefault("accept", JSON)
        media = self.media.partition(";")[0].strip().lower()
        if self.body is NOTHING:
            if media:
                headers["content-type"] = self.media
            return Ask(method=self.method, url=base + joined, headers=headers)
        headers["content-type"] = self.media or JSON
        if media == FORM:
            body = urlencode(form(self.body)).encode()
        elif isinstance(self.body, str) and media == "text/plain":
            body = self.body.encode()
        else:
            body = codec.encode(self.body)
        return Ask(method=self.method, url=base + joined, headers=headers, body=body)


def draft(request: Request, filling: Filling) -> Draft:
    """Return a request with its placeholders filled. Headers and query parameters whose placeholders nobody fills are
    left out; of path and body, that is Missing.

    Raises Missing, Unfit, InvalidInput.
    """
    if request.path is None:
        raise InvalidInput("expected a request with a path", at=request.at)
    made = Draft(
        method=request.method,
        path=path_text(request.path, filling) or "/",
        query=tuple(_pairs(request.query, filling, query_text)),
        headers=tuple(_pairs(request.headers, filling, header_text)),
        media=request.media,
    )
    if not made.path.startswith("/") or made.path.startswith("//"):
        raise InvalidInput("expected a path that begins with one `/`", at=request.at)
    if request.raw is not None:
        return replace(made, body=plain_text(request.raw, filling))
    if request.body is not None:
        return replace(made, body=filled(request.body, filling))
    return made


def _pairs(pairs: Iterable[Pair], filling: Filling, write: Any) -> Iterable[tuple[str, str]]:
    for pair in pairs:
        try:
            yield pair.name, write(pair.value, filling)
        except Missing:
            continue
