"""Keys of Redis and what they hold, as records: patterns of keys, and the types of values. Talks to no server."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from privet.codec import read_json
from privet.connectors.base import Value
from privet.connectors.match import sayable, text
from privet.connectors.tabular import json_after
from privet.errors import InvalidInput, MalformedBody, Refused, TooLarge

KEY = "_key"
VALUE = "value"
MOST_MEMBERS = 100_000

_TOKEN = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]{0,63})\}|\*|[{}]|[^{}*]+")

Pipe = Any
"""A pipeline of redis-py."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Keys of one collection. `parts`: (text, "") or ("", placeholder) or ("", "*")."""

    parts: tuple[tuple[str, str], ...]
    known: re.Pattern[str]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the placeholders."""
        return tuple(name for _, name in self.parts if name not in ("", "*"))

    @property
    def one(self) -> bool:
        """Say whether a value of the one placeholder gives the whole key."""
        return [name for _, name in self.parts if name] == [*self.names] and len(self.names) <= 1

    def fields(self, key: str) -> dict[str, str] | None:
        """Return what a key holds at each placeholder, None if it is of another collection."""
        found = self.known.fullmatch(key)
        return None if found is None else found.groupdict()

    def glob(self, held: Mapping[str, str]) -> str:
        """Return the pattern, as Redis reads it, of keys that hold these values."""
        return "".join(
            _escaped(literal or held[name]) if literal or name in held else "*" for literal, name in self.parts
        )

    def key(self, held: Mapping[str, str]) -> str | None:
        """Return the one key that holds these values, None where it could be several or none."""
        if not all(literal or name in held for literal, name in self.parts):
            return None
        key = "".join(literal or held[name] for literal, name in self.parts)
        return key if self.fields(key) == held and sayable(key) else None


def pattern(said: str) -> Pattern:
    """Return a pattern as an operator wrote it. Raises InvalidInput.

    >>> pattern("session:{user_id}:*").fields("session:7:a:b"), pattern("cart:{id}").key({"id": "7"})
    ({'user_id': '7'}, 'cart:7')
    """
    parts: list[tuple[str, str]] = []
    for found in _TOKEN.finditer(said):
        token, name = found[0], found[1] or ""
        if token in ("{", "}"):
            raise InvalidInput("expected placeholders as `{name}`, braces as `{{` and `}}`", at="patterns")
        if token == "*" or name:
            if parts and parts[-1][1]:
                raise InvalidInput("expected a sign between placeholders, and none beside `*`", at="patterns")
            parts.append(("", name or "*"))
            continue
        literal = token[0] if token in ("{{", "}}") else token
        if parts and parts[-1][0]:
            literal = parts.pop()[0] + literal
        parts.append((literal, ""))
    taken = (*(name for _, name in parts if name not in ("", "*")), KEY, VALUE)
    if len(set(taken)) < len(taken) or not any(literal for literal, _ in parts):
        hint = f"`{KEY}` and `{VALUE}` are taken, and a pattern holds some text"
        raise InvalidInput("expected each placeholder once", at="patterns", hint=hint)
    return Pattern(tuple(parts), re.compile("".join(_expressions(parts)), re.DOTALL))


def _expressions(parts: Sequence[tuple[str, str]]) -> Iterator[str]:
    for at, (literal, name) in enumerate(parts):
        if literal:
            yield re.escape(literal)
        elif name == "*":
            yield ".*"
        else:
            stop = f"[^{re.escape(parts[at + 1][0][0])}]" if at + 1 < len(parts) else "."
            yield f"(?P<{name}>{stop}+)"


def _escaped(literal: str) -> str:
    return re.sub(r"([*?\[\]\\^-])", r"\\\1", literal)


def fetch(pipe: Pipe, key: bytes, kind: bytes) -> Any:
    """Ask for what a key holds."""
    if kind == b"string":
        return pipe.get(key)
    if kind == b"hash":
        return pipe.hgetall(key)
    if kind == b"set":
        return pipe.smembers(key)
    if kind == b"list":
        return pipe.lrange(key, 0, -1)
    if kind == b"zset":
        return pipe.zrange(key, 0, -1, withscores=True)
    raise Refused("expected strings, hashes, sets, lists and sorted sets, found a key of another type")


def content(kind: bytes, body: Any) -> dict[str, Value]:
    """Return the fields of what a key holds."""
    if kind == b"hash":
        return {key_text(name): _value(held) for name, held in body.items()}
    if kind == b"zset":
        return {VALUE: [_value(member) for member, _ in body]}
    if kind != b"string":
        return {VALUE: [_value(member) for member in (sorted(body) if kind == b"set" else body)]}
    found = _object(body)
    return {VALUE: _value(body) or None} if found is None else found


def _object(body: bytes | None) -> dict[str, Value] | None:
    if not (body or b"").lstrip().startswith(b"{"):
        return None
    try:
        found = read_json(body or b"", max_keys=MOST_MEMBERS)
    except (MalformedBody, TooLarge) as error:
        try:
            msgspec.json.decode(body or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None  # it only begins like JSON
        # It would not be found by what it holds: a name that comes twice hides a value.
        raise Refused(f"a string is JSON that cannot be relied on: {error.message}") from None
    return found if isinstance(found, dict) else None


def record_of(key: bytes, held: Mapping[str, str], body: Mapping[str, Value]) -> dict[str, Value]:
    """Return the record of a key: what stands in it goes before what it holds under the same name."""
    return {**body, **held, KEY: key_text(key)}


def body_of(new: Mapping[str, Value], body: Mapping[str, Value], fixed: Collection[str]) -> dict[str, Value]:
    """Return what a key holds when its record becomes `new`."""
    return {name: old if name in fixed else new[name] for name, old in body.items()}


def write(pipe: Pipe, key: bytes, kind: bytes, old: Any, new: Mapping[str, Value] | None) -> None:
    """Ask for a key to become what a record became."""
    if new is None:
        pipe.unlink(key)
    elif kind == b"hash":
        for name, held in old.items():
            now = new.get(key_text(name))
            if now is None:
                pipe.hdel(key, name)
            elif now != _value(held):
                pipe.hset(key, name, _bytes(now))
    elif kind == b"string":
        held = _object(old)
        body = _bytes(new.get(VALUE)) if held is None else json_after(old, held, new)
        pipe.set(key, body, keepttl=True)
    elif new.get(VALUE) is None:
        pipe.unlink(key)
    else:
        _write_members(pipe, key, kind, old, list(new[VALUE]))


def _write_members(pipe: Pipe, key: bytes, kind: bytes, old: Any, new: list[Value]) -> None:
    members = [_bytes(member) for member in new]
    if kind == b"list":
        # From the end: a list that got shorter is cut, one that got longer is added to.
        for at, member in enumerate(members[: len(old)]):
            pipe.lset(key, at, member)
        if len(members) < len(old):
            pipe.ltrim(key, 0, len(members) - 1) if members else pipe.unlink(key)
        elif len(members) > len(old):
            pipe.rpush(key, *members[len(old) :])
        return
    was = dict(old) if kind == b"zset" else dict.fromkeys(sorted(old), 0.0)
    scores = [*was.values(), *([0.0] * len(members))]
    made = {member: was.get(member, score) for member, score in zip(members, scores, strict=False)}
    gone = [member for member in was if member not in made]
    # What is new comes first: a key that is empty for a moment loses its time to live.
    if made and kind == b"zset":
        pipe.zadd(key, made)
    elif made:
        pipe.sadd(key, *made)
    if gone:
        pipe.zrem(key, *gone) if kind == b"zset" else pipe.srem(key, *gone)


def _bytes(value: Value) -> bytes:
    if value is None or isinstance(value, bytes):
        return value or b""
    form = value if isinstance(value, str) else text(value)
    if form is None or not sayable(form):
        raise InvalidInput("expected a single value that Redis can hold")
    return form.encode()


def key_text(raw: bytes) -> str:
    """Return the text of a key, whatever bytes it is made of."""
    return raw.decode("utf-8", "surrogateescape")


def key_bytes(text: str) -> bytes:
    """Return the bytes of a key, b"" where no key reads so."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b""


def shown(value: Value) -> Value:
    """Return a value to give to others: what is no text as the bytes that it is."""
    return value if not isinstance(value, str) or sayable(value) else key_bytes(value)


def _value(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
