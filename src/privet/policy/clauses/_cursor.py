"""Where the reader of a policy stands: a position among tokens, the faults so far, the rule that is being read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import NoReturn

from privet.errors import InvalidPolicy
from privet.near import meant
from privet.policy.clauses._tokens import END, MOMENT, NUMBER, ODD, OPEN, QUOTED, TEXT, tokens
from privet.policy.clauses._words import (
    KEYWORDS,
    NO_NAME,
    RESERVED,
    SIGNS,
    STARTERS,
    is_name,
    is_redaction,
    labels,
    redactions,
)
from privet.policy.syntax import Budget, Effect, Span, Target
from privet.vocabulary.access import Action, Purpose
from privet.vocabulary.predicate import ALWAYS, Predicate
from privet.vocabulary.taxonomy import Kind

MOST_FAULTS = 1_000
_MOST_HINTS = 100  # finding what is near takes a while, and garbage has many faults
_KINDS: dict[Kind, str] = {"category": "category", "use": "purpose", "subject": "subject category"}
_NO_LABELS: Mapping[Kind, frozenset[str]] = {}
_FOUND = {
    TEXT: "a text",
    QUOTED: "a name in quotes",
    NUMBER: "a number",
    MOMENT: "a date",
    OPEN: "a quote that nothing closes on its line",
    ODD: "a sign that the language lacks",
    END: "the end",
}


@dataclass(slots=True)
class Draft:
    """A rule while it is read. `table`: the one that all targets name, "" if there is none. `column`: of targets
    `a.b.*`, the `b` that all of them name."""

    effect: Effect
    actions: tuple[Action, ...] = ()
    targets: tuple[Target, ...] = ()
    table: str = ""
    column: str = ""
    redaction: str = ""
    where: Predicate = ALWAYS
    purposes: tuple[Purpose, ...] = ()
    connection: str = ""
    budget: Budget | None = None
    until: datetime | None = None
    unsafe: bool = False
    roles: tuple[str, ...] = ()


class Cursor:
    """`keys`, `raws`, `starts`: the tokens; `at`: the one that is read next. Reading past the end stays at it. `own`:
    keys of the team's own labels, which stand beside the built-in ones."""

    __slots__ = ("_hints", "_lines", "at", "comments", "faults", "file", "keys", "own", "raws", "starts", "text")

    def __init__(self, text: str, file: str, own: Mapping[Kind, frozenset[str]] = _NO_LABELS) -> None:
        self.text = text
        self.file = file
        self.own = own
        self.keys, self.raws, self.starts, self.comments = tokens(text)
        self.at = 0
        self.faults: list[InvalidPolicy] = []
        self._hints = 0
        self._lines = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]

    # -- places and faults -------------------------------------------------------------------------------------

    def span(self, first: int, end: int) -> Span:
        """Return where tokens `first` up to before `end` stand."""
        starts, last = self.starts, end - 1
        start = starts[first]
        line = bisect_right(self._lines, start)
        return Span(start, starts[last] + len(self.raws[last]), line, start - self._lines[line - 1] + 1)

    def fault(self, message: str, hint: str = "", *, at: int | None = None) -> InvalidPolicy:
        """Return a fault of the token `at`, by default the next."""
        return self.fault_at(self.starts[self.at if at is None else at], message, hint)

    def fault_at(self, offset: int, message: str, hint: str = "") -> InvalidPolicy:
        """Return a fault of an offset."""
        line = bisect_right(self._lines, offset)
        place = f"{line}:{offset - self._lines[line - 1] + 1}"
        return InvalidPolicy(message, hint=hint, at=f"{self.file}:{place}" if self.file else place)

    def note(self, fault: InvalidPolicy) -> None:
        """Keep a fault and read on."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)

    def fail(self, expected: str, hint: str = "") -> NoReturn:
        """Raise the fault that something else stands here."""
        raise self.fault(f"expected {expected}, found {self.found()}", hint)

    def found(self) -> str:
        """Return what stands here, by words of the language alone."""
        key = self.keys[self.at]
        if key in KEYWORDS or key in SIGNS:
            return f"`{key}`"
        return _FOUND.get(key, "another word")

    def near(self, word: str, choices: Iterable[str]) -> str:
        """Return a hint with the choices nearest to a word; "" for none, and after many hints."""
        if self._hints >= _MOST_HINTS:
            return ""
        self._hints += 1
        return meant(word.lower(), choices, most=2)

    def recover(self, start: int) -> None:
        """Go on to where the next statement seems to begin: a word that begins one, first on its line or after `;`."""
        self.at = max(self.at, start + 1)
        while self.keys[self.at] != END and not self._begins():
            self.at += 1

    def _begins(self) -> bool:
        at = self.at
        if self.keys[at] not in STARTERS or self.keys[at - 1] == ".":
            return False
        return self.keys[at - 1] == ";" or "\n" in self.text[self.starts[at - 1] : self.starts[at]]

    # -- signs and words ---------------------------------------------------------------------------------------

    def skip(self, key: str) -> bool:
        """Return whether a keyword or sign stood here, which is then read."""
        if self.keys[self.at] != key:
            return False
        self.at += 1
        return True

    def expect(self, key: str, hint: str = "") -> None:
        """Read a keyword or sign. Raises InvalidPolicy for anything else."""
        if self.keys[self.at] != key:
            self.fail(f"`{key}`", hint)
        self.at += 1

    def word(self, what: str) -> str:
        """Read a name that cannot be taken for something else where it stands. Raises InvalidPolicy."""
        key = self.keys[self.at]
        raw = self.raws[self.at]
        if key == QUOTED:
            raw = raw[1:-1]
            if not is_name(raw):
                raise self.fault(NO_NAME)
        elif key < "_":  # of all keys, those of words alone begin with what ASCII has from there on
            self.fail(what)
        self.at += 1
        return raw

    def name(self, what: str) -> str:
        """Read a name that stands alone. Raises InvalidPolicy, also for a keyword that opens a statement or clause."""
        if self.keys[self.at] in RESERVED:
            self.fail(what, "a name that is also a keyword stands in double quotes")
        return self.word(what)

    def names(self, what: str) -> tuple[str, ...]:
        """Read names, with commas between them."""
        found = [self.name(what)]
        while self.skip(","):
            found.append(self.name(what))
        return tuple(found)

    def content(self, what: str) -> str:
        """Read a text literal and return what it says. Raises InvalidPolicy."""
        if self.keys[self.at] != TEXT:
            self.fail(what, "texts stand in single quotes")
        raw = self.raws[self.at]
        self.at += 1
        return raw[1:-1].replace("''", "'") if raw[0] == "'" else raw[1:-1]

    # -- names that others give --------------------------------------------------------------------------------

    def label(self, kind: Kind) -> str:
        """Read a key of the taxonomy, or one of the team's own; notes a fault for one that does not exist."""
        start, own = self.at, self.own.get(kind)
        if self.keys[start] in RESERVED or (self.keys[start] == QUOTED and not own):
            self.fail(f"a {_KINDS[kind]}")
        self.word(f"a {_KINDS[kind]}")
        while self.keys[self.at] == "." and self.keys[self.at + 1] != "*":
            self.at += 1
            self.word("the rest of a name")
        key = "".join(self.keys[start : self.at])
        known: frozenset[str] = labels(kind)
        if own:
            # Built-in keys are in lower case, however they are written; a team may have more letters in its own.
            written = "".join(raw.strip('"') for raw in self.raws[start : self.at])
            key = written if written in own else key
            known |= own
        if key not in known:
            message = f"expected a {_KINDS[kind]} of the taxonomy, found none of that name"
            self.note(self.fault(message, self.near(key, known), at=start))
        return key

    def labels(self, kind: Kind) -> tuple[str, ...]:
        """Read taxonomy keys, with commas between them."""
        found = [self.label(kind)]
        while self.skip(","):
            found.append(self.label(kind))
        return tuple(found)

    def purposes(self) -> tuple[Purpose, ...]:
        """Read data uses, with commas between them."""
        return tuple(map(Purpose, self.labels("use")))

    def redaction(self) -> str:
        """Read a redaction; notes a fault for one that no type lists."""
        start = self.at
        self.name("a redaction")
        found = self.keys[start] if self.keys[start] != QUOTED else self.raws[start][1:-1]
        found = _REDACTIONS.get(found, found)
        if not is_redaction(found):
            hint = self.near(found, redactions())
            self.note(self.fault("expected a redaction that a type lists, found none of that name", hint, at=start))
        return found


# The default redaction of a published rule is the column's own; ours is the mask of the column's type.
_REDACTIONS: dict[str, str] = {"default": "masked"}
