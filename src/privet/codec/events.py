"""The whole reader of YAML, over libyaml's events. It collects faults; what is no YAML at all ends the reading."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from privet.codec.tree import MAX_DEPTH, Fault, Node, Place, scalar

_UNPRINTABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")

# What libyaml says of the faults that people make most often → what to do about it.
_HINTS = {
    "mapping values are not allowed": "a value that holds `: ` needs quotes; a key stands on a line of its own",
    "could not find expected ':'": "a `:` is missing after a key, in this line or the one above",
    "did not find expected key": "see that the line is indented as its neighbours are, and that quotes are closed",
    "did not find expected '-'": "see that the line is indented as its neighbours are",
    "did not find expected ','": "a `,` or the closing bracket is missing",
    "found character that cannot start any token": "indent by spaces; a value that begins with @, ` or % needs quotes",
    "while scanning a quoted scalar": "the closing quote is missing",
}


class _Deadly(ValueError):
    """A fault after which nothing can be read; it is told already."""


@dataclass(slots=True)
class _Open:
    """A list or mapping that is not closed yet. `key`: what its next value belongs to, None where a key is due.
    `before`: how many values came before it, to count what it holds. `merged`: what `<<` adds to it."""

    box: list[Node] | dict[str, Node]
    place: Place
    anchor: str | None
    before: int
    key: str | None = None
    plain_key: bool = False
    merged: list[Node] = field(default_factory=list)


class Composer:
    """One pass over one text. `aliases`: how many values aliases and merges may add, 0 to refuse them."""

    def __init__(self, file: str, aliases: int) -> None:
        self.file = file
        self.left = aliases
        self.aliases = aliases > 0
        self.faults: list[Fault] = []
        self.open: list[_Open] = []
        self.root: Node | None = None
        self.count = 0
        # Anchor → its value and how many values that holds, itself included.
        self.anchors: dict[str, tuple[Node, int]] = {}

    def read(self, text: str) -> tuple[Node, tuple[Fault, ...]]:
        """Return the document as far as it could be read, and its faults."""
        import yaml

        try:
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
            try:
                self.run(loader)
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file, 1, 1)
            said = f"{error.problem} {error.context}"
            hint = next((hint for words, hint in _HINTS.items() if words in said), "")
            self.fault(place, "expected YAML", hint)
        except (yaml.YAMLError, UnicodeError):
            self.fault(_unprintable(text, self.file), "expected YAML of printable characters in UTF-8")
        except _Deadly:
            pass
        return self.root or Node(None, Place(self.file, 1, 1)), tuple(self.faults)

    def run(self, loader: Any) -> None:
        documents = 0
        while (event := loader.get_event()) is not None:
            kind = type(event).__name__
            if kind == "ScalarEvent":
                self.scalar(event)
            elif kind in ("MappingEndEvent", "SequenceEndEvent"):
                self.close()
            elif kind in ("MappingStartEvent", "SequenceStartEvent"):
                self.begin(event, {} if kind == "MappingStartEvent" else [])
            elif kind == "AliasEvent":
                self.alias(event)
            elif kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    self.die(self.place(event), "expected one document, found another", "put it into a file of its own")

    def fault(self, place: Place, message: str, hint: str = "") -> None:
        self.faults.append(Fault(message, place, hint))

    def die(self, place: Place, message: str, hint: str = "") -> None:
        self.fault(place, message, hint)
        raise _Deadly

    def place(self, event: Any) -> Place:
        return Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def scalar(self, event: Any) -> None:
        place, plain, text = self.place(event), event.implicit[0], event.value
        if event.tag is not None:
            self.tagged(place)
        top = self.open[-1] if self.open else None
        if top is not None and isinstance(top.box, dict) and top.key is None:
            if text in top.box:
                self.fault(place, f"key `{text}` stands twice" if len(text) <= 80 else "a key stands twice")
            top.key, top.plain_key = text, plain
            return
        self.put(Node(scalar(text) if plain and event.tag is None else text, place), event.anchor, 1)

    def tagged(self, place: Place) -> None:
        self.fault(place, "expected YAML without tags", "leave the word with `!` out; put quotes around what is text")

    def begin(self, event: Any, box: list[Node] | dict[str, Node]) -> None:
        place = self.place(event)
        if event.tag is not None:
            self.tagged(place)
        top = self.open[-1] if self.open else None
        if top is not None and isinstance(top.box, dict) and top.key is None:
            self.die(place, "expected a plain key")
        if len(self.open) >= MAX_DEPTH:
            self.die(place, f"expected YAML of depth at most {MAX_DEPTH}, found more")
        self.open.append(_Open(box, place, event.anchor, self.count))

    def close(self) -> None:
        done = self.open.pop()
        box = done.box
        if done.merged and isinstance(box, dict):
            # Explicit keys stand over merged ones, earlier merged mappings over later ones.
            below = {key: value for node in reversed(done.merged) for key, value in node.items()}
            box = {**below, **box}
        self.put(Node(box, done.place), done.anchor, self.count - done.before + 1)

    def put(self, node: Node, anchor: str | None, size: int) -> None:
        """Give a value to whom it belongs. `size`: how many values it holds, itself included."""
        self.count += 1
        if anchor is not None:
            self.anchors[anchor] = (node, size)
        if not self.open:
            self.root = node
            return
        top = self.open[-1]
        if isinstance(top.box, list):
            top.box.append(node)
            return
        key, top.key = top.key, None
        if key == "<<" and top.plain_key and self.aliases:
            self.merge(top, node)
        elif key is not None:
            top.box.setdefault(key, node)

    def merge(self, top: _Open, node: Node) -> None:
        found = node.value if isinstance(node.value, list) else [node]
        for item in found:
            if not isinstance(item.value, dict):
                self.fault(item.place, "expected `<<` to name a mapping, or a list of mappings")
                return
            self.spend(len(item.value), item.place)
        top.merged += found

    def alias(self, event: Any) -> None:
        place = self.place(event)
        top = self.open[-1] if self.open else None
        if top is not None and isinstance(top.box, dict) and top.key is None:
            self.die(place, "expected a plain key")
        node, size = self.anchors.get(event.anchor, (None, 0))
        if not self.aliases:
            self.fault(place, "expected YAML without aliases", "write the value out")
        elif node is None:
            self.fault(place, "expected an alias of an anchor above it, found one of none")
        else:
            self.spend(size, place)
            self.count += size - 1
        self.put(node if self.aliases and node else Node(None, place), None, 1)

    def spend(self, size: int, place: Place) -> None:
        self.left -= size
        if self.left < 0:
            self.die(
                place, "alias bomb: aliases stand for more values than a manifest can need", "write the values out"
            )


def _unprintable(text: str, file: str) -> Place:
    found = _UNPRINTABLE.search(text)
    at = found.start() if found else 0
    return Place(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
