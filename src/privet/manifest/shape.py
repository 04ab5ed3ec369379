"""Mappings held against the table of keys: what fits comes out as plain values, what does not as findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from privet.codec import Node, Place
from privet.manifest.finding import Finding, Severity
from privet.manifest.keys import SHAPES, Key
from privet.near import meant

_FIDES_KEY = re.compile(r"[a-zA-Z0-9_.<>-]+")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_FLAGS = {"true": True, "t": True, "yes": True, "y": True, "on": True, "1": True}
_FLAGS |= {"false": False, "f": False, "no": False, "n": False, "off": False, "0": False}

Values = dict[str, Any]
Maker = Callable[["Reader", Node, Values], Any]

_MOST_SOUGHT, _FARTHEST, _LONGEST = 500, 200, 2_000  # findings, lines back, characters of a line
_META = frozenset({"fides_meta", "fidesops_meta"})

# Shapes whose name says in a finding what it is about.
_NAMED = {"collection": "collection", "field": "field", "declaration": "declaration", "rule": "rule"}
_KEY_RULE = "expected letters, digits and `.`, `_`, `-`, `<`, `>`"


@dataclass(frozen=True, slots=True)
class Table:
    """A shape as the reader needs it. `names`: key → the key it is known by. `required`: keys that must be there.
    `free`: keys of which any text will do. `plain`: the others, save those that are outdated or can be empty."""

    keys: Mapping[str, Key]
    names: Mapping[str, str]
    required: frozenset[str]
    free: frozenset[str]
    plain: Mapping[str, Key]


@cache
def table(shape: str) -> Table:
    """Return a shape of the table of keys, made ready."""
    keys = SHAPES[shape]
    names = {name: key.stands_for or name for name, key in keys.items()}
    required = frozenset(name for name, key in keys.items() if key.required)
    current = {name: key for name, key in keys.items() if not (key.gone or key.stands_for)}
    free = frozenset(name for name, key in current.items() if key.kind == "text" and not key.words)
    plain = {name: key for name, key in current.items() if name not in _META}
    return Table(keys, names, required, free, plain)


def key_place(lines: list[str], mapping: Node, key: str) -> Place:
    """Return where a key of a mapping stands, its value's place where that cannot be told. `lines`: of its file."""
    value = mapping.value[key] if isinstance(mapping.value, dict) else mapping
    written = re.compile(rf"(?<![\w.-])[\"']?{re.escape(key)}[\"']?\s*:")
    last = min(value.place.line, len(lines))
    for line in range(last, max(mapping.place.line, last - _FARTHEST) - 1, -1):
        text = lines[line - 1][:_LONGEST]
        end = value.place.column - 1 if line == value.place.line else len(text)
        begin = mapping.place.column - 1 if line == mapping.place.line else 0
        found = [match for match in written.finditer(text, begin) if match.start() <= end]
        if found:
            return Place(value.place.file, line, found[-1].start() + 1)
    return value.place


class Reader:
    """Reads the mappings of one file. `makers`: shape → what makes a word of its values; the values themselves where
    there is none. `path`: kind of what is being read, and its name or what says it, outermost first."""

    def __init__(self, text: str, makers: Mapping[str, Maker]) -> None:
        self.text = text
        self.makers = makers
        self.lines: list[str] | None = None
        self.path: list[tuple[str, str | Node]] = []
        self.findings: list[Finding] = []
        # Fides keys that were found to be well formed: most come more than once.
        self.formed: set[str] = set()
        self.kinds: dict[str, Callable[[Node, Key], Any]] = {
            "text": self.as_text,
            "key": self.as_key,
            "path": self.as_path,
            "flag": self.as_flag,
            "number": self.as_number,
            "texts": self.as_texts,
            "keys": self.as_keys,
            "paths": self.as_paths,
            "mapping": self.as_mapping,
            "mappings": self.as_mappings,
            "any": self.as_any,
            "one": self.as_one,
            "many": self.as_many,
        }

    def tell(
        self, severity: Severity, rule: str, node: Node | Place, message: str, hint: str = "", length: int = 0
    ) -> None:
        at = node.place if isinstance(node, Node) else node
        if not length and isinstance(node, Node) and isinstance(node.value, str):
            length = len(node.value)
        self.findings.append(
            Finding(
                rule=rule,
                severity=severity,
                subject=_subject(self.path),
                message=message,
                at=at,
                length=length,
                hint=hint,
            )
        )

    def at_key(self, mapping: Node, key: str) -> Place:
        """Return where a key stands."""
        if self.lines is None:
            self.lines = self.text.split("\n")
        # So that a file of nothing but faults takes no longer than others, later ones are shown at their values.
        if len(self.findings) > _MOST_SOUGHT:
            return mapping.value[key].place if isinstance(mapping.value, dict) else mapping.place
        return key_place(self.lines, mapping, key)

    def near(self, name: str, known: Collection[str]) -> str:
        """Return `did you mean …?`, "" where none is near, or too many were sought already."""
        return meant(name, known) if len(self.findings) <= _MOST_SOUGHT else ""

    def take(self, node: Node, shape: str) -> Values | None:
        """Return the values of a mapping under the keys they are known by, those that fit; None for no mapping.

        A value of null counts as absent, as it does in Fides; of `fides_meta`, all that is empty.
        """
        if not isinstance(node.value, dict):
            self.tell("error", "wrong-type", node, "expected a mapping of keys")
            return None
        ready = table(shape)
        free, plain, kinds = ready.free, ready.plain, self.kinds
        found: Values = {}
        faulty: set[str] = set()
        for name, inner in node.value.items():
            if name in free and type(inner.value) is str:
                found[name] = inner.value
                continue
            known, key = name, plain.get(name)
            if key is not None:
                value = kinds[key.kind](inner, key) if inner.value is not None else None
            else:
                known, value = self.other(node, name, inner, ready)
            if value is not None:
                found[known] = value
            elif inner.value is not None:
                faulty.add(known)
        if not ready.required <= found.keys():
            self.missing(node, ready.required - found.keys() - faulty)
        return found

    def other(self, node: Node, name: str, inner: Node, ready: Table) -> tuple[str, Any]:
        """Return the key that a key is known by, and what stands there, of one that is unknown, outdated or can be
        empty. None after a fault, or where the key that replaced it stands beside it."""
        key = ready.keys.get(name)
        if key is None:
            self.unknown(node, name, ready.keys)
            return name, None
        if key.gone:
            self.outdated(node, name, key)
        if not _is_said(inner, name):
            return name, None
        if key.stands_for and isinstance(node.value, dict) and _is_said(node.value.get(key.stands_for), key.stands_for):
            if name not in _META:
                self.kinds[key.kind](inner, key)
            return name, None
        return ready.names[name], self.kinds[key.kind](inner, key)

    def unknown(self, node: Node, name: str, keys: Mapping[str, Key]) -> None:
        hint = self.near(name, [known for known, key in keys.items() if not key.gone])
        shown = quotable(name)
        self.tell("warning", "unknown-key", self.at_key(node, name), f"unknown key `{shown}`", hint, len(name))

    def outdated(self, mapping: Node, name: str, key: Key) -> None:
        message = f"`{name}` is a key of older releases"
        self.tell("note", "deprecated-key", self.at_key(mapping, name), message, key.gone, len(name))

    def missing(self, node: Node, names: frozenset[str]) -> None:
        for name in sorted(names):
            self.tell("error", "missing-key", node.place, f"expected the key `{name}`")

    # --- kinds of values: each returns None after a fault ---------------------------------------------------------

    def wrong(self, node: Node, expected: str, hint: str = "") -> None:
        self.tell("error", "wrong-type", node, f"expected {expected}, found {_kind_of(node)}", hint)

    def as_text(self, node: Node, key: Key) -> str | None:
        value = node.value
        if type(value) is not str:
            if isinstance(value, bool) or not isinstance(value, int | float):
                self.wrong(node, "text", "put it in quotes" if isinstance(value, bool) else "")
                return None
            value = str(value)
        if key.words and value not in key.words:
            listed = ", ".join(f"`{word}`" for word in key.words)
            self.tell("error", "unknown-word", node, f"expected one of {listed}", self.near(value, key.words))
            return None
        return value

    def as_key(self, node: Node, key: Key) -> str | None:
        value = self.as_text(node, key)
        if value is not None and value not in self.formed:
            if not _FIDES_KEY.fullmatch(value):
                self.tell("error", "malformed-key", node, _KEY_RULE)
                return None
            self.formed.add(value)
        return value

    def as_path(self, node: Node, key: Key) -> str | None:
        value = self.as_text(node, key)
        if value is not None:
            parts = value.split(".")
            if len(parts) != 2 or not all(map(_FIDES_KEY.fullmatch, parts)):
                self.tell("error", "malformed-key", node, "expected `dataset.collection`")
                return None
        return value

    def as_flag(self, node: Node, key: Key) -> bool | None:
        value = node.value
        if isinstance(value, bool):
            return value
        found = _FLAGS.get(str(value).lower()) if isinstance(value, str | int) else None
        if found is None:
            self.wrong(node, "true or false")
        return found

    def as_number(self, node: Node, key: Key) -> int | None:
        value = node.value
        if (isinstance(value, float) and value.is_integer()) or (isinstance(value, str) and _WHOLE.fullmatch(value)):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong(node, "a whole number")
            return None
        if key.least is not None and value < key.least:
            self.tell("error", "wrong-type", node, f"expected a whole number from {key.least} on")
            return None
        return value

    def listed(self, node: Node) -> list[Node] | None:
        if isinstance(node.value, list):
            return node.value
        self.wrong(node, "a list", "put it in brackets" if not isinstance(node.value, dict) else "put `- ` before it")
        return None

    def as_texts(self, node: Node, key: Key) -> tuple[str, ...] | None:
        return self.each(node, key, self.as_text)

    def as_keys(self, node: Node, key: Key) -> tuple[str, ...] | None:
        if type(node.value) is list and len(node.value) == 1:  # as nearly all fields have it
            found = node.value[0].value
            if type(found) is str and found in self.formed:
                return (found,)
        return self.each(node, key, self.as_key)

    def as_paths(self, node: Node, key: Key) -> tuple[str, ...] | None:
        return self.each(node, key, self.as_path)

    def each(self, node: Node, key: Key, read: Callable[[Node, Key], str | None]) -> tuple[str, ...] | None:
        listed = self.listed(node)
        if listed is None:
            return None
        found = [read(item, key) for item in listed]
        return tuple(text for text in found if text is not None)

    def as_mapping(self, node: Node, key: Key) -> dict[str, Any] | None:
        if not isinstance(node.value, dict):
            self.wrong(node, "a mapping")
            return None
        found: dict[str, Any] = node.plain()
        return found

    def as_mappings(self, node: Node, key: Key) -> Any:
        listed = node.value if isinstance(node.value, list) else [node]
        found = [self.as_mapping(item, key) for item in listed]
        return None if None in found else node.plain()

    def as_any(self, node: Node, key: Key) -> Any:
        return node.plain()

    def as_one(self, node: Node, key: Key) -> Any:
        return self.made(node, key.shape)

    def as_many(self, node: Node, key: Key) -> list[Any] | None:
        listed = self.listed(node)
        if listed is None:
            return None
        found = [self.made(item, key.shape) for item in listed]
        return [word for word in found if word is not None]

    def made(self, node: Node, shape: str) -> Any:
        """Return what a mapping says in words of the vocabulary, None where it is no mapping."""
        named = _NAMED.get(shape)
        if named is not None:
            self.path.append((named, node))
        values = self.take(node, shape)
        maker = self.makers.get(shape)
        word = values if maker is None or values is None else maker(self, node, values)
        if named is not None:
            self.path.pop()
        return word

    def distinct(self, mapping: Node, key: str, word: str, severity: Severity) -> None:
        """Tell of names that come twice in a list of mappings."""
        listed = mapping.value.get(key) if isinstance(mapping.value, dict) else None
        seen: set[str] = set()
        for item in listed.value if listed and isinstance(listed.value, list) else ():
            if not isinstance(item.value, dict) or "name" not in item.value:
                continue
            name = name_of(item)
            if name in seen:
                self.tell(severity, "duplicate-name", item.place, f"{word} `{name}` stands twice")
            seen.add(name)


def _is_said(node: Node | None, name: str) -> bool:
    """Return whether a key says anything: null does not, nor does a `fides_meta` that is empty.

    What Fides falls back to, `fidesops_meta`, must be a mapping even where it is empty.
    """
    return node is not None and node.value is not None and (name != "fides_meta" or bool(node.value))


def quotable(name: str) -> str:
    """Return a key or name as findings quote it: not one that is long, or an address of a person.

    >>> quotable("crm_db"), quotable("ann@example.com")
    ('crm_db', '…')
    """
    return name if len(name) <= 80 and "@" not in name else "…"


def name_of(node: Node, key: str = "name") -> str:
    """Return what a mapping says it is called, "" for none."""
    found = node.value.get(key) if isinstance(node.value, dict) else None
    return str(found.value) if found is not None and isinstance(found.value, str | int | float) else ""


def _subject(path: list[tuple[str, str | Node]]) -> str:
    """Return what is being read: `dataset shop, field users.address.city`."""
    parts: list[str] = []
    for kind, named in path:
        name = name_of(named) if isinstance(named, Node) else named
        shown = quotable(name) or "without a name"
        if kind == "field" and len(parts) > 1:
            _, _, within = parts.pop().partition(" ")
            shown = f"{within}.{shown}"
        parts.append(f"{kind} {shown}")
    return ", ".join(parts)


def _kind_of(node: Node) -> str:
    value = node.value
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    kinds = ((dict, "a mapping"), (list, "a list"), (int | float, "a number"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "nothing")
