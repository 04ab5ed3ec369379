"""The quick reader of YAML: lines of `key: value` and `- value`, of which nearly all files are made.

It knows few forms and gives up on all others, whatever they mean: then `events` reads the text anew, with libyaml.
What it does read, it reads as libyaml does, values and places, in about a third of the time.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from privet.codec.tree import MAX_DEPTH, Node, Place, Scalar, scalar

# Every repetition is possessive or over one class of characters, so that no line is gone over twice.
_KEY = r"[A-Za-z_][A-Za-z0-9_.\-]{0,99}+:"
_PLAIN = r"(?:[^\s\-?:,\[\]{}#&*!|>'\"%@`]|-(?=[^\s\-]))[^\n:#]*+(?:(?::(?=[^ \n])|(?<=[^ \n])\#)[^\n:#]*+)*+"
_QUOTED = r"\"[^\"\\\n]*+\"|'(?:[^'\n]|'')*+'"
_LINE = re.compile(
    rf"""^(\ *+)(?:
      (-\ ++)?+                                   # an item of a list
      ({_KEY}(?:\ ++|(?=\n|\Z)))?+                # a key
      ({_PLAIN}|{_QUOTED}|[\[{{][^\n\#]*[\]}}])?  # its value, or the item's
      \ *+(?:(?<!\S)\#[^\n]*+)?+(?:\n|\Z)
    | ([^\n]++)\n?+ )""",
    re.MULTILINE | re.VERBOSE,
)
_WORD = r"\w[\w.<>/()\-]*+(?:\ ++[\w.<>/()\-]++)*+"
_FLOW = re.compile(rf" *+(?:([\[\]{{}},])|({_KEY}) ++|({_QUOTED}|{_WORD}))")
# Tabs, other control characters, line breaks other than LF, a byte order mark: rare, and each with rules of its own.
# Written as what it finds: as what it passes over, it would take ten times as long to compile.
_ODD = re.compile("[\0-\t\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


_FLOW_DEPTH = 6
_DEPTH = MAX_DEPTH - _FLOW_DEPTH - 2


class _GiveUp(ValueError):
    """The text has a form that this reader does not know."""


class _Flow(NamedTuple):
    """A list or mapping within one line. `parts`: key ("" in a list), column from its start, and value of each."""

    mapping: bool
    parts: list[tuple[str, int, Any]]


def block(text: str, file: str) -> Node | None:
    """Return the one document in `text`, None where it has a form that this reader does not know."""
    text = text.replace("\r\n", "\n")
    if _ODD.search(text):
        return None
    try:
        return _Block(file).read(text)
    except _GiveUp:
        return None


class _Block:
    """One pass over one text. INVARIANT: `columns` grow, but for a list that stands at the column of its key."""

    def __init__(self, file: str) -> None:
        self.file = file
        root: dict[str, Any] = {}
        # The mappings and lists that are open, outermost first, and their columns.
        self.boxes: list[Any] = [root]
        self.columns = [0]
        # What has no value yet: its mapping, its key, line and column of where that ends.
        self.waiting: tuple[dict[str, Any], str, int, int] | None = (root, "", 1, 1)

    def read(self, text: str) -> Node:
        values, keys, file, columns, boxes = _Values(), _Keys(), self.file, self.columns, self.boxes
        marks = 0
        for line, (indent, dash, head, said, odd) in enumerate(_LINE.findall(text), 1):
            if not head and not (dash and said):
                marks += odd == "---"
                self.skip(indent + odd if odd else dash or said, marks)
                continue
            column = len(indent) + 1
            if self.waiting is not None or columns[-1] != column or (type(boxes[-1]) is list) != bool(dash):
                self.arrive(column, line, dash)
            box = boxes[-1]
            if dash:
                column += len(dash)
                if not head:
                    box.append(_node(values[said], Place(file, line, column)))
                    continue
                inner: dict[str, Any] = {}
                box.append(Node(inner, Place(file, line, column)))
                boxes.append(inner)
                columns.append(column)
                box = inner
            key = keys[head]
            if key in box:
                raise _GiveUp
            if said:
                value, place = values[said], Place(file, line, column + len(head))
                box[key] = _node(value, place) if type(value) is _Flow else Node(value, place)
            else:
                box[key] = None  # holds its turn in the order of keys
                self.waiting = (box, key, line, column + len(key) + 1)
        return self.whole()

    def skip(self, said: str, marks: int) -> None:
        """Go past a line that is blank, a comment, or the mark of the document's start."""
        if said and (said != "---" or marks > 1 or len(self.columns) > 1):
            raise _GiveUp

    def arrive(self, column: int, line: int, dash: str) -> None:
        """Close what ends before a column, or open what begins there."""
        columns, boxes = self.columns, self.boxes
        if self.waiting is not None:
            box, key, key_line, key_column = self.waiting
            self.waiting = None
            if column > columns[-1] or (dash and column == columns[-1]):
                opened: Any = [] if dash else {}
                box[key] = Node(opened, Place(self.file, line, column))
                boxes.append(opened)
                columns.append(column)
                if len(columns) > _DEPTH:
                    raise _GiveUp
                return
            box[key] = Node(None, Place(self.file, key_line, key_column))
        while columns[-1] > column:
            columns.pop()
            boxes.pop()
        if not dash and type(boxes[-1]) is list:
            columns.pop()
            boxes.pop()
        if columns[-1] != column or (type(boxes[-1]) is list) != bool(dash):
            raise _GiveUp

    def whole(self) -> Node:
        if self.waiting is not None:
            box, key, line, column = self.waiting
            box[key] = Node(None, Place(self.file, line, column))
        root = self.boxes[0].get("")
        if root is None or root.value is None:
            raise _GiveUp
        found: Node = root
        return found


def _node(value: Scalar | _Flow, place: Place) -> Node:
    if not isinstance(value, _Flow):
        return Node(value, place)
    file, line, column = place.file, place.line, place.column
    if value.mapping:
        return Node({key: _node(inner, Place(file, line, column + at)) for key, at, inner in value.parts}, place)
    return Node([_node(inner, Place(file, line, column + at)) for _, at, inner in value.parts], place)


class _Keys(dict[str, str]):
    """Key and colon as written → the key, one object for all that are equal."""

    def __missing__(self, written: str) -> str:
        found = self[written] = written.rstrip(" ")[:-1]
        return found


class _Values(dict[str, Any]):
    """Value as written → what it stands for: most come more than once."""

    def __missing__(self, written: str) -> Any:
        text = written.rstrip(" ")
        first = text[0]
        found = _flow(text) if first in "[{" else _quoted(text) if first in "\"'" else scalar(text)
        self[written] = found
        return found


def _quoted(text: str) -> str:
    return text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1]


def _flow(text: str) -> _Flow:
    found, end = _inside(text, 0, 1)
    if end != len(text):
        raise _GiveUp
    return found


def _inside(text: str, start: int, depth: int) -> tuple[_Flow, int]:
    """Return the list or mapping whose bracket stands at `start`, and where it ends."""
    mapping, at = text[start] == "{", start + 1
    close, found, names = "}" if mapping else "]", _Flow(mapping, []), {""}
    while True:
        mark, key, said, begin, at = _token(text, at)
        if mark == close:
            return found, at
        if mapping:
            mark, another, said, begin, at = _token(text, at)
            if another or key[:-1] in names:
                raise _GiveUp
            names.add(key[:-1])
        elif key:
            raise _GiveUp
        value: Any = said
        if mark and mark in "[{" and depth < _FLOW_DEPTH:
            value, at = _inside(text, begin, depth + 1)
        elif mark:
            raise _GiveUp
        else:
            value = _quoted(said) if said[0] in "\"'" else scalar(said)
        found.parts.append((key[:-1], begin - start, value))
        mark, _, _, _, at = _token(text, at)
        if mark == close:
            return found, at
        if mark != ",":
            raise _GiveUp


def _token(text: str, at: int) -> tuple[str, str, str, int, int]:
    """Return the mark, key or value at `at`, the other two "", where it begins and where it ends."""
    found = _FLOW.match(text, at)
    if found is None or found.lastindex is None:
        raise _GiveUp
    mark, key, said = found.groups(default="")
    return mark, key, said, found.start(found.lastindex), found.end()
