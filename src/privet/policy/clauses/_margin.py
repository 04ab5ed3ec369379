"""What people write around the statements of a policy, for the formatter: comments and empty lines."""

from __future__ import annotations

import re
from bisect import bisect_right

from privet.policy.clauses._cursor import Cursor
from privet.policy.syntax import NO_NOTES, Notes

_BESIDE = re.compile(r"[^\S\n]*+(#[^\n]*+)")
_BLANK = Notes(above=("",))


class Margin:
    """One pass over the gaps between statements."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.heading: tuple[str, ...] = ()
        self.done = 0  # offset after the last statement and the comment beside it

    def notes(self, start: int, end: int) -> Notes:
        """Return what stands above, within and beside the statement of tokens `start` to before `end`, which is the
        next one. Comments within it count as standing above."""
        cursor = self.cursor
        begin, last = cursor.starts[start], cursor.starts[end - 1] + len(cursor.raws[end - 1])
        gap = cursor.text[self.done : begin]
        if not cursor.comments:
            notes = _BLANK if self.done and gap.count("\n") > 1 else NO_NOTES
            self.done = last
            return notes
        above = self._lines(gap)
        if not self.done:
            above = self._headed(above)
        inside = cursor.comments[self._comment(begin) : self._comment(last)]
        beside = _BESIDE.match(cursor.text, last)
        self.done = beside.end() if beside else last
        return Notes((*above, *(text for _, text in inside)), beside[1].rstrip() if beside else "")

    def rest(self) -> Notes:
        """Return the heading of the text and what stands below its last statement."""
        return Notes(above=self.heading, below=self._lines(self.cursor.text[self.done :] + "\n"))

    def _comment(self, offset: int) -> int:
        return bisect_right(self.cursor.comments, (offset, ""))

    def _headed(self, above: tuple[str, ...]) -> tuple[str, ...]:
        """Return what belongs to the first statement: the lines down to the last empty one are the heading."""
        if "" not in above:
            return above
        last = len(above) - 1 - above[::-1].index("")
        self.heading = above[:last]
        return above[last + 1 :]

    def _lines(self, gap: str) -> tuple[str, ...]:
        """Return the lines between two statements, several empty ones as one."""
        pieces = [piece.strip() for piece in gap.split("\n")[bool(self.done) : -1]]
        kept = [piece for at, piece in enumerate(pieces) if piece or (pieces[at - 1] if at else self.done)]
        return tuple(kept)


def about(notes: Notes) -> str:
    """Return what the comment right above a statement says."""
    found: list[str] = []
    for line in reversed(notes.above):
        if not line:
            break
        found.append(line.lstrip("#").strip())
    return " ".join(reversed(found))
