"""Placeholders `<name>` in paths, headers, query parameters and bodies. No logic, and no value can become more than
the value that it is: each place has its own way of writing one, and what cannot be written there is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from privet import codec
from privet.errors import InvalidInput, MalformedBody

MEMBERS = frozenset({"masked_object_fields", "all_object_fields"})
"""Placeholders that stand for members of an object, without its braces."""

LONGEST_VALUE = 2_000  # characters in a path, a header or a query; in UTF-8 the line stays well under what servers take

_HOLE = re.compile(r"<([A-Za-z_][A-Za-z0-9_.\-]*)(\?)?>")
_KEPT = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~")
_ODD = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# What may stand in a longer text without quotes around it: nothing that a query language could read as its own.
_PLAIN = re.compile(r"[\w.@+#$%&/=?^|~!-]+")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|<[A-Za-z_][A-Za-z0-9_.\-]*\??>|[{}\[\],:]|[^"<{}\[\],:]+|.', re.DOTALL)
# Marks that JSON text cannot hold: control characters stand in it escaped, and ours are told by that they come whole.
_MARK = "\ue000hole:"


class Missing(InvalidInput):
    """Nobody says what a placeholder stands for."""

    code = "missing_value"


class Unfit(InvalidInput):
    """A value that cannot stand where its placeholder does, and that no system which is asked this way can hold."""

    code = "unfit_value"


@dataclass(frozen=True, slots=True)
class Filling:
    """What placeholders stand for. `trusted`: names whose values an operator or the file gave, not a person or another
    system. `escaped`: names whose quotes and backslashes are escaped wherever they stand in a longer text."""

    values: Mapping[str, Any]
    trusted: frozenset[str] = frozenset()
    escaped: frozenset[str] = frozenset()

    def get(self, hole: Hole) -> Any:
        """Return a value, None for an optional one that nobody gives. Raises Missing."""
        found: Any = self.values
        if hole.name in self.values:
            found = self.values[hole.name]
        else:
            for part in hole.name.split("."):
                found = found.get(part) if isinstance(found, Mapping) else None
        if found is None and not hole.optional:
            raise Missing(f"nothing is known that could stand for `<{hole.name}>`")
        return found


@dataclass(frozen=True, slots=True)
class Hole:
    """A placeholder. `quote`: the quote that it stands within, "" for none."""

    name: str
    optional: bool = False
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text with placeholders."""

    parts: tuple[str | Hole, ...]

    @property
    def holes(self) -> tuple[Hole, ...]:
        return tuple(part for part in self.parts if isinstance(part, Hole))

    @property
    def whole(self) -> bool:
        """Return whether it is one placeholder and nothing else."""
        return len(self.parts) == 1 and isinstance(self.parts[0], Hole)


def text(source: str) -> Text:
    """Return a text with its placeholders found.

    >>> [hole.quote for hole in text("Email = '<email>' AND Id = <id>").holes]
    ["'", '']
    """
    parts: list[str | Hole] = []
    at, quote = 0, ""
    for found in _HOLE.finditer(source):
        before = source[at : found.start()]
        if before:
            parts.append(before)
            quote = _quote_after(before, quote)
        parts.append(Hole(found[1], found[2] is not None, quote))
        at = found.end()
    if at < len(source):
        parts.append(source[at:])
    return Text(tuple(parts))


def _quote_after(said: str, quote: str) -> str:
    """Return the quote that is open after some text, "" for none."""
    skip = False
    for sign in said:
        if skip:
            skip = False
        elif sign == "\\":
            skip = bool(quote)
        elif quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
    return quote


def spelled(value: Any) -> str:
    """Return a value as text. Raises Unfit for bytes."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | bytearray | memoryview):
        raise Unfit("expected text for a placeholder, found bytes")
    if isinstance(value, Mapping | list | tuple):
        return codec.encode(value).decode()
    return str(value)


def plain_text(source: Text, filling: Filling) -> str:
    """Return a text with its placeholders filled: by whole values as they are, within longer text by such as cannot
    mean more there than themselves. Raises Missing, Unfit (control characters), InvalidInput (needs quotes)."""
    if source.whole:
        return _checked(source.holes[0], filling)
    return "".join(part if isinstance(part, str) else _within(part, filling) for part in source.parts)


def _checked(hole: Hole, filling: Filling) -> str:
    value = filling.get(hole)
    if value is None:
        return ""
    said = spelled(value)
    if _ODD.search(said):
        raise Unfit(f"expected printable text for `<{hole.name}>`")
    return said


def _within(hole: Hole, filling: Filling) -> str:
    said = _checked(hole, filling)
    if hole.name in filling.escaped:
        return re.sub(r"([\\'\"])", r"\\\1", said)
    if hole.name in filling.trusted:
        return said
    if hole.quote:
        return said.replace("\\", "\\\\").replace(hole.quote, "\\" + hole.quote)
    if said and not _PLAIN.fullmatch(said):
        raise InvalidInput(
            f"expected a plain value for `<{hole.name}>`, which stands without quotes in a longer text",
            hint=f"put quotes around `<{hole.name}>` in the connector's file, if the system takes quotes there",
        )
    return said


def path_text(source: Text, filling: Filling) -> str:
    """Return a path with its placeholders filled, every sign of theirs encoded that is no letter or digit.

    Raises Missing; Unfit for values that are empty, dots alone (a server may take them for its folders), too long, or
    hold control characters.
    """
    return "".join(part if isinstance(part, str) else _segment(part, filling) for part in source.parts)


def _segment(hole: Hole, filling: Filling) -> str:
    said = _checked(hole, filling)
    if not said.strip(". ") or len(said) > LONGEST_VALUE:
        raise Unfit(f"expected a value for `<{hole.name}>` that can stand in a path")
    return encoded(said)


def encoded(said: str) -> str:
    """Return text percent-encoded, dots and slashes too. Source: RFC 3986, section 2.1."""
    return "".join(chr(byte) if byte in _KEPT else f"%{byte:02X}" for byte in said.encode())


def header_text(source: Text, filling: Filling) -> str:
    """Return a header's value. Raises Missing, Unfit for what is no printable ASCII: a line break would begin another
    header."""
    said = "".join(part if isinstance(part, str) else _checked(part, filling) for part in source.parts).strip()
    if not said.isascii() or not said.isprintable() or len(said) > 4 * LONGEST_VALUE:
        raise Unfit("expected printable ASCII for a header")
    return said


def query_text(source: Text, filling: Filling) -> str:
    """Return the value of a query parameter, before it is encoded. Raises as `plain_text`, Unfit where it is too
    long."""
    said = plain_text(source, filling)
    if len(said) > 2 * LONGEST_VALUE:
        raise Unfit("expected a shorter value for a query")
    return said


# --- bodies ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A JSON body: plain values, lists, dicts, Text for strings with placeholders, Hole for bare ones. `Members` as a
    key of a dict: what it names comes in its place."""

    value: Any
    holes: tuple[Hole, ...]
    texts: tuple[Text, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Members:
    """A key of an object in whose place members come."""

    hole: Hole


def body(source: str) -> Body:
    """Return a body that was written as JSON text with placeholders. A comma before a closing bracket is passed over.

    Raises MalformedBody where it is not JSON.
    """
    value = _tree(json_text(source))
    found = list(_walk(value))
    texts = tuple(item for item in found if isinstance(item, Text))
    holes = [hole for item in found for hole in (item.holes if isinstance(item, Text) else (item,))]
    return Body(value, tuple(holes), texts)


def json_text(source: str) -> str:
    """Return strict JSON: bare placeholders as marked strings, and as marked members where members are due."""
    out: list[str] = []
    open_: list[str] = []
    due_key = False
    for token in _TOKEN.findall(source):
        if token in "{[":
            open_.append(token)
            due_key = token == "{"
        elif token in "}]":
            if open_:
                open_.pop()
            _drop_comma(out)
            due_key = False
        elif token == ",":
            due_key = bool(open_) and open_[-1] == "{"
        elif _HOLE.fullmatch(token):
            token = json.dumps(_MARK + token) + (":null" if due_key else "")
            due_key = False
        elif token.strip():
            due_key = False
        out.append(token)
    return "".join(out)


def _drop_comma(out: list[str]) -> None:
    for at in range(len(out) - 1, -1, -1):
        if out[at].strip():
            if out[at] == ",":
                del out[at]
            return


def _tree(source: str) -> Any:
    if len(source) > 1 << 20:
        raise MalformedBody("expected a shorter body")
    return _marked(codec.read_json(source.encode(), max_keys=10_000))


def _marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _marked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_marked(inner) for inner in value]
    if isinstance(value, str):
        if value.startswith(_MARK):
            return text(value[len(_MARK) :]).holes[0]
        found = text(value)
        return found if found.holes else value
    return value


def _key(key: str) -> str | Members:
    return Members(text(key[len(_MARK) :]).holes[0]) if key.startswith(_MARK) else key


def _walk(value: Any) -> Iterator[Text | Hole]:
    if isinstance(value, Text | Hole):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(key, Members):
                yield key.hole
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


class _Gone:
    """In place of an optional placeholder that nobody gives: the member that holds it is left out."""


_GONE = _Gone()


def filled(source: Body, filling: Filling) -> Any:
    """Return a body's value with its placeholders filled: bare ones keep their type, within strings they are text, in
    longer strings as in `plain_text`. A member whose bare optional placeholder nobody gives is left out.

    Raises Missing, Unfit, InvalidInput.
    """
    made = _made(source.value, filling)
    return None if made is _GONE else made


def _made(value: Any, filling: Filling) -> Any:
    if isinstance(value, Hole):
        found = filling.get(value)
        return _GONE if found is None else _jsonable(found)
    if isinstance(value, Text):
        return _string(value, filling)
    if isinstance(value, dict):
        return _object(value, filling)
    if isinstance(value, list):
        return [made for inner in value if (made := _made(inner, filling)) is not _GONE]
    return value


def _string(value: Text, filling: Filling) -> Any:
    if value.whole:
        found = filling.get(value.holes[0])
        return _GONE if found is None else spelled(found)
    return plain_text(value, filling)


def _object(value: dict[str | Members, Any], filling: Filling) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(key, Members):
            found = filling.get(key.hole)
            if found is not None and not isinstance(found, Mapping):
                raise InvalidInput(f"expected `<{key.hole.name}>` to stand for members of an object")
            out.update(_jsonable(found or {}))
            continue
        made = _made(inner, filling)
        if made is not _GONE:
            out[key] = made
    return out


def _jsonable(value: Any) -> Any:
    """Return a value as JSON has it: what JSON has no kind for is text."""
    if isinstance(value, Mapping):
        return {str(key): _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return spelled(value)


def form(value: Any) -> list[tuple[str, str]]:
    """Return an object as the pairs of a form: what is nested under its key in brackets, null as empty.

    >>> form({"name": None, "metadata": {"kept": True}, "tags": ["a", "b"]})
    [('name', ''), ('metadata[kept]', 'true'), ('tags[0]', 'a'), ('tags[1]', 'b')]
    """
    if not isinstance(value, Mapping):
        raise InvalidInput("expected an object as the body of a form")
    return [pair for key, inner in value.items() for pair in _pairs(str(key), inner)]


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _pairs(f"{name}[{key}]", inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _pairs(f"{name}[{number}]", inner)
    else:
        yield name, "" if value is None else spelled(value)
