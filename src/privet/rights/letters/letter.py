"""Letters to people: which there are, what each must be told, and how it reads in a language. No I/O.

A letter holds no value of anybody's data, and its subject nothing about the person. No logic stands in the texts.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from string import Template
from types import MappingProxyType

from privet.errors import InvalidInput, UnknownName
from privet.rights.letters.tongue import day, moment, nearest, read, word
from privet.secret import Secret

Fact = str | int | date | datetime
Kinds = Mapping[str, type]

_ALL: Kinds = {"organization": str, "contact": str}
_REQUEST: Kinds = {**_ALL, "request": str, "asked": str}
FACTS: Mapping[str, Kinds] = MappingProxyType(
    {
        "code": {**_ALL, "code": str, "minutes": int},
        "received": {**_REQUEST, "received": date, "due": date},
        "ready": {**_REQUEST, "until": datetime, "downloads": int},
        "done": _REQUEST,
        "partial": _REQUEST,
        "denied": {**_REQUEST, "reason": str},
        "extended": {**_REQUEST, "reason": str, "due": date},
        "told": _REQUEST,
        "acknowledge": {**_REQUEST, "received": date, "due": date},
        "warning": {**_REQUEST, "received": date, "due": date, "days": int},
        "overdue": {**_REQUEST, "received": date, "due": date},
    }
)
"""Kind of letter → what it must be told. `asked`: the kind of the request; `reason`: a code; `due`, `received`: days
where the organization is; `until`: with its zone; `days`: that are left."""

LONGEST = 200
"""Characters of a fact that is a text."""

_REASONS = {"denied": "denials", "extended": "extensions"}
_WIDTH = 76


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter without its address. `text` may hold a code that opens a door."""

    subject: str
    text: Secret[str]


def render(kind: str, language: str, facts: Mapping[str, Fact]) -> Letter:
    """Return a letter in the nearest language to a tag.

    Raises UnknownName for a kind that is not in FACTS or a code without words; InvalidInput where a fact is missing,
    unknown, of another type, longer than 200 characters, or would be more than one line.
    """
    if kind not in FACTS:
        raise UnknownName("there is no letter of that kind", hint="there are " + ", ".join(FACTS))
    language = nearest(language)
    said = read(language)
    shown = {name: _shown(kind, name, value, language) for name, value in _checked(kind, facts).items()}
    held = said["letters"][kind]
    lines = [said["hello"], *held["text"].splitlines(), said["bye"], "  $organization", "  $contact"]
    text = "".join(_set(Template(line).substitute(shown) for line in lines if line.strip()))
    return Letter(Template(held["subject"]).substitute(shown), Secret(text))


def _checked(kind: str, facts: Mapping[str, Fact]) -> Mapping[str, Fact]:
    wanted = FACTS[kind]
    for name in sorted(wanted.keys() ^ facts.keys()):
        what = "lacks" if name in wanted else "has no place for"
        raise InvalidInput(f"a letter `{kind}` {what} the fact `{name}`")
    for name, value in facts.items():
        # A datetime is a date, and True a number: neither says what is wanted.
        if type(value) is not wanted[name] or (isinstance(value, datetime) and value.tzinfo is None):
            raise InvalidInput(f"expected the fact `{name}` of a letter as {wanted[name].__name__}")
        if isinstance(value, str) and not (value.strip() and value.isprintable() and len(value) <= LONGEST):
            raise InvalidInput(f"expected the fact `{name}` of a letter on one line of 1 to {LONGEST} characters")
    return facts


def _shown(kind: str, name: str, value: Fact, language: str) -> str:
    if isinstance(value, datetime):
        return moment(value, language)
    if isinstance(value, date):
        return day(value, language)
    if name == "asked":
        return word("asked", str(value), language)
    return word(_REASONS[kind], str(value), language) if name == "reason" else str(value)


def _set(lines: Iterator[str]) -> Iterator[str]:
    """Yield lines set to a width: one a paragraph, but for indented ones that follow each other."""
    together = None
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()))
        if together is not None:
            yield "\n" if together and indent else "\n\n"
        together = bool(indent)
        yield textwrap.fill(
            line.strip(),
            _WIDTH,
            initial_indent=indent,
            subsequent_indent=indent + "  " if indent else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
    yield "\n"
