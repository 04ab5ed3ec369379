"""Strict JSON: UTF-8 only, no duplicate keys, no NaN, no NUL, no lone surrogates, bounded depth and key count."""

from __future__ import annotations

import re
from itertools import chain
from typing import TypeVar

import msgspec

from privet.codec.tree import MAX_DEPTH
from privet.errors import MalformedBody, TooLarge

T = TypeVar("T")

_NESTED = frozenset({dict, list})

_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)  # possessive: never looks back
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_PATH = re.compile(r" - at `\$?(.*?)`(?: in .*)?$")
_SAFE_MESSAGE = re.compile(
    r"Expected `[a-z0-9 |_\[\], .<>=]+`(?:, got `[a-z]+`)?$|Object missing required field `\w+`$"
    r"|Object contains unknown field$|Expected `\w+` of (?:length|size|type) [<>= \d]+$"
)


def decode(body: bytes, shape: type[T], *, max_keys: int = 10_000) -> T:
    """Return JSON `body` as a `shape` (a msgspec struct or plain type).

    Raises MalformedBody (not JSON, duplicate key, wrong kind at a path) or TooLarge (depth, keys).
    """
    value = read_json(body, max_keys=max_keys)
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        message, path = _scrub(str(error))
        raise MalformedBody(message, at=path) from None


def encode(value: object) -> bytes:
    """Return a value as compact JSON."""
    return msgspec.json.encode(value)


def read_json(body: bytes, *, max_keys: int) -> object:
    """Return the value of strict JSON: no duplicate keys, NUL, lone surrogates, great depth or too many keys."""
    try:
        value = msgspec.json.decode(body)
    except RecursionError:
        raise TooLarge(f"expected JSON of depth at most {MAX_DEPTH}, found more") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MalformedBody("expected one JSON value in UTF-8", hint="see RFC 8259") from None
    found, depth = _extent(value)
    if depth > MAX_DEPTH:
        raise TooLarge(f"expected JSON of depth at most {MAX_DEPTH}, found more")
    keys = body.count(b":")
    if keys != found:  # colons within strings, or a key that came twice
        keys = _bare(body).count(b":")
    if keys > max_keys:
        raise TooLarge(f"expected at most {max_keys} keys, found more")
    if b"\\u" in body:
        _check_escapes(body, value)
    # A decoded object holds each key once, so fewer decoded keys than colons means that one came twice.
    if keys != found:
        raise MalformedBody("expected each key of an object once, found a duplicate key")
    return value


def _bare(body: bytes) -> bytes:
    """Return JSON without its strings: what colons are left stand after keys."""
    # Without escapes every second piece between quotes is a string, which is quicker to see than by a pattern.
    return _STRINGS.sub(b"", body) if b"\\" in body else b"".join(body.split(b'"')[::2])


def _extent(value: object) -> tuple[int, int]:
    """Return (keys of all objects, depth) of a decoded value."""
    keys = depth = 0
    level = [value] if type(value) in _NESTED else []
    while level:
        depth += 1
        objects = [item for item in level if isinstance(item, dict)]
        keys += sum(map(len, objects))
        inner = [*map(dict.values, objects), *(item for item in level if isinstance(item, list))]
        if _NESTED.isdisjoint(map(type, chain.from_iterable(inner))):
            break
        level = [item for item in chain.from_iterable(inner) if type(item) in _NESTED]
    return keys, depth


def _check_escapes(body: bytes, value: object) -> None:
    if b"\\u0000" in body:
        raise MalformedBody("expected JSON without NUL")
    if not _SURROGATE.search(body):
        return
    try:
        msgspec.json.encode(value).decode()
    except UnicodeError:
        raise MalformedBody("expected JSON without lone surrogates") from None


def _scrub(text: str) -> tuple[str, str]:
    """Return (message without values, path) of a msgspec message, which may quote what it found."""
    found = _PATH.search(text)
    path = found.group(1).lstrip(".") if found else ""
    message = text[: found.start()] if found else text
    if message.startswith("Object contains unknown field"):
        message = "Object contains unknown field"
    if not _SAFE_MESSAGE.fullmatch(message):
        message = "Expected another value"
    return message[0].lower() + message[1:], path
