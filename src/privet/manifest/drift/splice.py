"""Changes to YAML text at places of its values: everything else stays byte for byte, comments and quotes too.

Not by dumping what was read: that would lay the whole file out anew. Reads and writes no file.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from privet.errors import InvalidInput


class Splice:
    """Changes to one text, gathered and then made together."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        # All that Python takes for a line break, YAML 1.1 either takes for one, too, or forbids.
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self._edits: list[tuple[int, int, int, str]] = []

    def result(self) -> str:
        """Return the text with all changes made."""
        out, at = [], 0
        for start, end, _, new in sorted(self._edits):
            if start < at:
                raise InvalidInput("two changes meet in one place")
            out += [self.text[at:start], new]
            at = end
        return "".join([*out, self.text[at:]])

    def replace(self, node: yaml.Node, text: str) -> None:
        """Put another text in place of a value of one line."""
        self._edit(self._offset(node.start_mark), self._offset(node.end_mark), text)

    def insert_lines(self, line: int, lines: Sequence[str]) -> None:
        """Put lines before the line of a number, counted from 0."""
        at = self._starts[min(line, len(self._lines))]
        gap = "" if at == 0 or self.text[at - 1] == "\n" else self.newline
        self._edit(at, at, gap + "".join(f"{one}{self.newline}" for one in lines))

    def insert_after(self, node: yaml.Node, text: str) -> None:
        """Put text right after a value."""
        at = self._offset(node.end_mark)
        self._edit(at, at, text)

    def insert_within(self, node: yaml.Node, text: str) -> None:
        """Put text right after the bracket that opens an empty list or mapping."""
        at = self._offset(node.start_mark) + 1
        self._edit(at, at, text)

    def remove_lines(self, first: int, last: int) -> None:
        """Take out the lines from `first` up to, without, `last`."""
        self._edit(self._starts[first], self._starts[min(last, len(self._lines))], "")

    def after(self, node: yaml.Node, deeper_than: int) -> int:
        """Return the number of the first line after a value and after comments that stand deeper than a column."""
        line = end_line(node)
        while line < len(self._lines):
            bare = self._lines[line].lstrip(" ")
            if not bare.startswith("#") or len(self._lines[line]) - len(bare) <= deeper_than:
                break
            line += 1
        return line

    def dash(self, sequence: yaml.SequenceNode) -> int:
        """Return the column of the dashes of a list in block style."""
        first = sequence.value[0].start_mark
        column: int = self._lines[first.line][: first.column].rfind("-")
        return column if column >= 0 else int(sequence.start_mark.column)

    def _offset(self, mark: yaml.Mark) -> int:
        return self._starts[mark.line] + int(mark.column)

    def _edit(self, start: int, end: int, text: str) -> None:
        self._edits.append((start, end, len(self._edits), text))


def end_line(node: yaml.Node) -> int:
    """Return the number of the first line after a value: the mark of a block ends at what comes next."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        if not isinstance(last, tuple):
            return end_line(last)
        key, value = last
        return max(end_line(key), end_line(value))
    mark = node.end_mark
    return int(mark.line) if mark.column == 0 and mark.line > node.start_mark.line else int(mark.line) + 1
