"""A call as HTTP carries it, and what an answer says: no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode

import msgspec

from privet import codec, digest
from privet.app.door import Order
from privet.app.http.paths import path_names
from privet.app.http.problems import error_of
from privet.app.services.files import Transfer
from privet.app.services.stream import Stream
from privet.app.services.verb import AlreadyDone, Verb
from privet.errors import InvalidInput, MalformedBody, Unavailable
from privet.vault.blobs.files import Stored
from privet.vault.blobs.media import ANYTHING

_FILE_LINES = {
    "name": "privet-file-name",
    "mime": "privet-file-type",
    "sha256": "privet-file-sha256",
    "replace": "privet-file-replace",
    "size": "content-length",
}
_ALREADY_DONE = codec.encode(AlreadyDone())


@dataclass(frozen=True, slots=True)
class Letter:
    """A call as HTTP carries it."""

    method: str
    target: str
    headers: dict[str, str]
    content: bytes | None


def letter(order: Order) -> Letter:
    """Return the request of an order. Raises InvalidInput, MalformedBody for values that HTTP cannot carry."""
    row = order.row
    method = "GET" if isinstance(row, Stream) else row.method
    target, rest = _target(order)
    headers = {"privet-purpose": order.purpose} if order.purpose else {}
    if isinstance(row, Transfer):
        return Letter(method, target, headers | _file_lines(rest), None)
    if isinstance(row, Verb) and row.changes:
        headers["idempotency-key"] = order.key or digest.id_text(digest.random_ids(1)[0])
    if not (isinstance(row, Verb) and row.takes_body):
        query = urlencode(list(_pairs(rest)))
        return Letter(method, f"{target}?{query}" if query else target, headers, None)
    headers["content-type"] = "application/json"
    return Letter(method, target, headers, body_of(rest))


def _target(order: Order) -> tuple[str, dict[str, Any]]:
    """Return (path, the values that do not stand in it)."""
    rest, target = dict(order.values), order.row.path
    for name in path_names(target):
        target = target.replace(f"{{{name}}}", _segment(name, rest.pop(name)))
    return target, rest


def _file_lines(said: Mapping[str, Any]) -> dict[str, str]:
    """Return the header lines of a transfer. Raises InvalidInput for what does not fit in one."""
    lines = {}
    content = said.get("content")
    if isinstance(content, bytes):
        said = {"size": len(content), **said}
    for name, line in _FILE_LINES.items():
        value = said.get(name)
        if value is None:
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        lines[line] = quote(text, safe="", errors="surrogatepass") if name == "name" else text
        if not (lines[line].isascii() and lines[line].isprintable()):
            raise InvalidInput("expected printable ASCII", at=name)
    return lines


def body_of(values: Mapping[str, Any]) -> bytes:
    """Return values as JSON. Raises MalformedBody for text that is not Unicode."""
    try:
        return codec.encode(values)
    except UnicodeEncodeError:
        raise MalformedBody("expected text without lone surrogates") from None


def _segment(name: str, value: object) -> str:
    text = str(value)
    # Clients and proxies resolve dots and drop empty segments: the call would go to another path.
    if text in ("", ".", ".."):
        raise InvalidInput("expected a name", at=name)
    return quote(text, safe="")


def _pairs(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None:
                yield name, str(item).lower() if isinstance(item, bool) else str(item)


def answer(order: Order, status: int, body: bytes) -> Any:
    """Return the answer in a response, AlreadyDone for a call whose answer is shown once. Raises what it tells of."""
    if 300 <= status < 400:
        raise Unavailable("the server answers with a redirect, which is not followed", hint="name its own address")
    if not 200 <= status < 300:
        raise error_of(body, status)
    if status == 204:
        return None
    if body == _ALREADY_DONE and order.row.answer is not AlreadyDone:
        return AlreadyDone()
    return decoded(body, order.row.answer)


def decoded(body: bytes, kind: type) -> Any:
    """Return the value in a body. Raises Unavailable for what is none of that kind."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _other_program() from None


def _other_program() -> Unavailable:
    return Unavailable("expected an answer of this version of Privet, found another")


def stored(headers: Mapping[str, str]) -> Stored:
    """Return what the header lines of an answer say of the file that follows."""
    name = unquote(headers.get("content-disposition", "").rpartition("''")[2])
    size = headers.get("content-length", "")
    if not name or not size.isdecimal():
        raise _other_program()
    mime = headers.get("content-type", ANYTHING)
    return Stored(name, mime, int(size), headers.get("privet-file-sha256", ""))
