"""Words of the language, and names: which of them exist, what is near to them, how they are written."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

from privet.errors import InvalidPolicy
from privet.vocabulary import taxonomy
from privet.vocabulary.access import ACTIONS, Action
from privet.vocabulary.datatype import TYPES
from privet.vocabulary.taxonomy import Kind

STARTERS = ("role", "allow", "deny", "require", "limit", "erase", "keep")
# A name that is one of these is written in double quotes where it stands alone.
RESERVED = frozenset({*STARTERS, "on", "with", "where", "for", "through", "budget", "until", "unsafe", "to", "about"})
ROOTS = frozenset({"user", "system"})
KEYWORDS = RESERVED | ROOTS
KEYWORDS |= {"redaction", "connection", "connections", "per", "second", "minute", "hour", "day", "use", "of", "consent"}
KEYWORDS |= {"by", "because", "years", "year", "months", "month", "days"}
KEYWORDS |= {"and", "or", "not", "in", "is", "null", "true", "false", "before", "after", "date", "caller", "queue"}
SIGNS = frozenset({"(", ")", ",", ".", ";", "*", "=", "<", ">", "<=", ">=", "!=", "<>"})

ALL: tuple[Action, ...] = tuple(action for action in ACTIONS if action not in ("manage", "audit", "request"))
# Spellings that Skyflow publishes: https://docs.skyflow.com/policy-expression-language-reference/
SYNONYMS: dict[str, Action] = {"tokenization": "tokenize", "detokenization": "detokenize", "create": "insert"}
ACTION_WORDS: dict[str, tuple[Action, ...]] = {action: (action,) for action in ACTIONS}
ACTION_WORDS |= {word: (action,) for word, action in SYNONYMS.items()} | {"all": ALL}
# Verbs that touch no column, and those for which published rules leave the tables out.
ABOUT_NO_COLUMN: frozenset[Action] = frozenset({"manage", "audit", "request"})
ON_ALL: frozenset[Action] = ABOUT_NO_COLUMN | {"tokenize", "detokenize"}

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*+")
_QUOTABLE = re.compile(r'[^".\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,63}')
_TEXT = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*")
NO_NAME = "expected a name of 1 to 63 characters without dots, quotes and line breaks"
# What the built-in types list: they need not be loaded for it. A test compares.
BUILT_IN_REDACTIONS = frozenset(
    {
        *("redacted", "masked", "plain_text", "last_four", "last_three", "last_two", "first_initial", "first_six"),
        *("decade", "domain", "subnet", "year", "zip3"),
    }
)


@cache
def labels(kind: Kind) -> frozenset[str]:
    """Return the keys of a taxonomy."""
    return frozenset(label.key for label in taxonomy.labels(kind))


@cache
def redactions() -> frozenset[str]:
    """Return every redaction that some data type lists. Loads all types."""
    return frozenset(name for kind in TYPES.all() for name in kind.redactions)


def is_redaction(name: str) -> bool:
    """Return whether some data type lists a redaction of that name."""
    return name in BUILT_IN_REDACTIONS or name in redactions()


def is_name(given: str) -> bool:
    """Return whether a name can be written in double quotes."""
    return _QUOTABLE.fullmatch(given) is not None


def name(given: str, avoid: Collection[str] = ()) -> str:
    """Return a name as the language writes it: plain, or in double quotes where it would read as something else.

    Raises InvalidPolicy for one that no text can hold.
    """
    if _PLAIN.fullmatch(given) and given.lower() not in avoid:
        return given
    if not is_name(given):
        raise InvalidPolicy(NO_NAME)
    return f'"{given}"'


def label(given: str) -> str:
    """Return a key of a taxonomy as the language writes it. Raises InvalidPolicy for one that no text can hold.

    >>> label("user.contact"), label("user.2fa")
    ('user.contact', 'user."2fa"')
    """
    first, *rest = given.split(".")
    return ".".join((name(first, RESERVED), *map(name, rest)))


def category(given: str) -> str:
    """Return a category as targets are written: by its first word it is told from a table or a dataset.

    Raises InvalidPolicy for one that stands below another word.
    """
    if given.partition(".")[0] not in ROOTS:
        raise InvalidPolicy("expected a category at or below `user` or `system` as the target, found another")
    return label(given)


def quoted(text: str) -> str:
    """Return a text literal. Raises InvalidPolicy for one that holds control characters."""
    if not _TEXT.fullmatch(text):
        raise InvalidPolicy("expected a text without control characters")
    return "'" + text.replace("'", "''") + "'"
