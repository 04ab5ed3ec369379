"""How an erasure overwrites some data, or that it deletes the records of a collection."""

from __future__ import annotations

from collections.abc import Callable

from privet.errors import InvalidPolicy
from privet.policy.clauses._cursor import Cursor
from privet.policy.clauses._tokens import NUMBER, QUOTED, TEXT
from privet.policy.clauses._words import RESERVED, name, quoted
from privet.policy.promises import Vow
from privet.policy.promises._aims import read_aims, write_aim
from privet.policy.syntax import DELETION, Erase, Notes, Promise, Span

_DIGITS = 18


def _read(cursor: Cursor) -> Callable[[Span, Notes], Promise]:
    start = cursor.at
    targets = read_aims(cursor)
    cursor.expect("by", "a masking strategy stands after `by`, as in `by random`")
    strategy = _strategy(cursor)
    if strategy in DELETION and any(target.label for target in targets):
        hint = "deletion is about whole records: name the collection as `dataset.collection`"
        cursor.note(cursor.fault("expected collections before `by deletion`, found a category", hint, at=start))
    settings = _settings(cursor) if cursor.skip("(") else ()
    return lambda span, notes: Erase(targets=targets, strategy=strategy, settings=settings, span=span, notes=notes)


def _strategy(cursor: Cursor) -> str:
    start = cursor.at
    cursor.name("a masking strategy or `deletion`")
    return cursor.raws[start][1:-1] if cursor.keys[start] == QUOTED else cursor.keys[start]


def _settings(cursor: Cursor) -> tuple[tuple[str, str | int | bool], ...]:
    found: dict[str, str | int | bool] = {}
    while True:
        start = cursor.at
        key = cursor.word("the name of a setting")
        while cursor.skip("."):
            key += "." + cursor.word("the rest of the name")
        if key in found:
            cursor.note(cursor.fault("expected each setting once, found one twice", at=start))
        found[key] = _value(cursor)
        if not cursor.skip(","):
            break
    cursor.expect(")")
    return tuple(found.items())


def _value(cursor: Cursor) -> str | int | bool:
    key, raw = cursor.keys[cursor.at], cursor.raws[cursor.at]
    if key == TEXT:
        return cursor.content("a text")
    if key in ("true", "false"):
        cursor.at += 1
        return key == "true"
    digits = raw.lstrip("-")
    if key != NUMBER or not digits.isdecimal() or len(digits) > _DIGITS:
        cursor.fail("a text in single quotes, a whole number, `true` or `false`")
    cursor.at += 1
    return int(raw)


def _write(promise: Promise) -> str:
    if not isinstance(promise, Erase):
        return ""
    said = ", ".join(f"{_dotted(key)} {_literal(value)}" for key, value in promise.settings)
    small = promise.strategy.lower()
    strategy = name(promise.strategy, RESERVED if small == promise.strategy else (small,))
    aims = ", ".join(map(write_aim, promise.targets))
    return f"erase {aims} by {strategy}" + (f" ({said})" if said else "")


def _dotted(key: str) -> str:
    return ".".join(map(name, key.split(".")))


def _literal(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if abs(value) >= 10**_DIGITS:
        raise InvalidPolicy(f"expected a whole number of at most {_DIGITS} digits")
    return str(value)


PART = Vow(
    name="erase",
    about="an erasure overwrites the data by that masking strategy; `deletion` deletes the collection's records",
    opens=("erase", ""),
    form="erase AIM, … by STRATEGY [(SETTING LITERAL, …)]",
    read=_read,
    write=_write,
)
