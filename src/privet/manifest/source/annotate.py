"""The grammar of annotations: how code says the category of a column. One grammar for every reader.

As text: `privacy: user.contact.email`, several categories with commas between them, then words of its own after
semicolons: `privacy: user.contact.email, user.name; subject: customer; identity: email; use: essential.service`.
As a value (`info={"privacy": …}`, `meta: {privacy: …}`): that text without `privacy:`, a list of categories, or a
mapping with `category` (a text or a list), `subject`, `identity` and `use`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from privet.codec import Place
from privet.manifest.finding import Finding
from privet.manifest.source.code import Value

RULE = "annotation"
WORDS = ("category", "subject", "identity", "use")

_TEXT = re.compile(r"(?i)\bprivacy:[ \t]*(.*)", re.DOTALL)
_KEY = re.compile(r"[A-Za-z0-9_.<>-]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What an annotation says. `labels`: categories. `subjects`: whom the whole table is about. `identity`: the kind of
    identity that people are looked up by. `uses`: what it is for, which a dataset cannot say. `faults`: what is wrong.
    """

    labels: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    identity: str = ""
    uses: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def in_text(text: str) -> Mark | None:
    """Return what a comment says after `privacy:`, None where it says nothing of it.

    >>> in_text("where we write to; privacy: user.contact.email; subject: customer").labels
    ('user.contact.email',)
    """
    found = _TEXT.search(text)
    return of_text(found[1].splitlines()[0] if found[1] else "") if found else None


def of_text(text: str) -> Mark:
    """Return what a text of the grammar says, `privacy:` left out."""
    first, *more = text.split(";")
    said: dict[str, Value] = {"category": _split(first)}
    faults = []
    for part in more:
        word, colon, rest = part.partition(":")
        if not part.strip():
            continue
        if colon and word.strip() in WORDS[1:]:
            said[word.strip()] = _split(rest)
        else:
            faults.append(f"expected one of {_words(WORDS[1:])} after `;`")
    return _mark(said, faults)


def of_value(value: Value) -> Mark:
    """Return what the value under `privacy` says."""
    if isinstance(value, str):
        return of_text(value)
    if isinstance(value, list):
        return _mark({"category": value}, [])
    if isinstance(value, dict):
        unknown = [key for key in value if key not in WORDS]
        faults = [f"expected {_words(WORDS)}, found another key"] if unknown else []
        return _mark({key: given for key, given in value.items() if key in WORDS}, faults)
    return Mark(faults=("expected a category, a list of them or a mapping",))


def findings(mark: Mark, at: Place, subject: str) -> tuple[Finding, ...]:
    """Return what is to be said of an annotation at its place. `subject`: as findings name the field."""
    found = [
        Finding(rule=RULE, severity="error", subject=subject, message=f"annotation: {fault}", at=at)
        for fault in mark.faults
    ]
    if mark.uses:
        uses = ", ".join(f"`{use}`" for use in mark.uses)
        found.append(
            Finding(
                rule=RULE,
                severity="note",
                subject=subject,
                message=f"annotation: its use {uses} is not written down, for a dataset says no uses",
                at=at,
                hint="declare it in a system: `privacy_declarations` with this dataset as a reference",
            )
        )
    return tuple(found)


def _split(text: str) -> list[Value]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _mark(said: dict[str, Value], faults: list[str]) -> Mark:
    found: dict[str, tuple[str, ...]] = {}
    for word in WORDS:
        given = said.get(word, [])
        items = given if isinstance(given, list) else [given]
        keys = tuple(item for item in items if isinstance(item, str) and _KEY.fullmatch(item))
        if len(keys) != len(items):
            faults.append(f"expected a key as {word}, as in `user.contact.email`")
        found[word] = keys
    if not found["category"] and not faults:
        faults.append("expected a category after `privacy`")
    return Mark(
        labels=found["category"],
        subjects=found["subject"],
        identity=next(iter(found["identity"]), ""),
        uses=found["use"],
        faults=tuple(faults),
    )


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)
