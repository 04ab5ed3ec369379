"""What a field seems to be, by its name, its table's name and, where they were allowed, a few of its values.

Proposals are to be read by people: each says how sure it is and why, in counts and rules. Two rules go before the
words of the vocabulary: a column cannot be what its native type has no room for (a boolean is no e-mail address), and
words such as `name` or `city` mean a person's only in a table of people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from privet.scanners.base import Proposal
from privet.scanners.sample import NONE, Samples
from privet.vocabulary import taxonomy
from privet.vocabulary.dataset import Collection, Field, every_field
from privet.vocabulary.datatype import data_type
from privet.vocabulary.guess import Guess, guess
from privet.vocabulary.header import meaning, words

LEAST = 0.25
"""Below this nothing is proposed."""

_NAME_WEIGHT = 0.85  # a name alone is no proof; as much as `guess` gives it
_MISFIT = 0.5  # the name says so, the values do not
_ALONE = 0.5  # what is left of a vague word in a table that is of no people

# Names that tables of things have as well as tables of people.
_VAGUE_TEXT = (
    "name title date code state region city country language url street address amount total price balance "
    "file website domain number serial currency fax lat lon latitude longitude time timestamp timezone"
)
_VAGUE = frozenset(_VAGUE_TEXT.split())
_PEOPLE_TEXT = (
    "person people user customer client member contact employee staff worker patient student teacher guest visitor "
    "subscriber applicant candidate lead prospect passenger driver tenant owner buyer seller author recipient "
    "participant player donor parent child beneficiary cardholder account profile citizen voter shareholder trainee "
    "consultant identity resident"
)
_PEOPLE = frozenset(_PEOPLE_TEXT.split())
# Of these types one column, surely named, shows that a table is of people.
_TELLING_TEXT = (
    "contact.email contact.phone person.given_name person.family_name person.dob person.gender us.ssn "
    "person.username secret.password"
)
_TELLING = frozenset(_TELLING_TEXT.split())
_DATED = re.compile(r"(?i)date|time")
_DATE_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SIGNS = re.compile(r"[ +().-]")


def proposals(collection: Collection, samples: Mapping[str, Samples]) -> dict[str, Proposal]:
    """Return dotted path → what the field seems to be, of fields that seem to be of people.

    `samples`: dotted path → values; paths without are judged by name alone.
    """
    of_people = _of_people(collection)
    found = {}
    for path, field in every_field(collection.fields):
        said = propose(field, samples.get(path, NONE), of_people=of_people)
        if said is not None:
            found[path] = said
    return found


def propose(field: Field, samples: Samples = NONE, *, of_people: bool = True) -> Proposal | None:
    """Return what a field seems to be, or None where nothing speaks for it. `of_people`: its table is of people."""
    if field.native.primary_key or not _has_room(field):
        return None  # what tells records apart is no category of its own
    values = samples.reveal()
    said = _by_values(field, values) if values else _by_name(field)
    if said is None:
        return None
    if not of_people and set(words(field.name)) <= _VAGUE:
        said = replace(
            said,
            confidence=round(said.confidence * _ALONE, 2),
            reason=f"{said.reason}; nothing says that the table is of people",
        )
    return said if said.confidence >= LEAST else None


def _by_values(field: Field, values: tuple[str, ...]) -> Proposal | None:
    for found in guess(field.name, values):
        if found.meant and _fits(found.meant, field):
            label = _label(found.meant)
            return _proposal(found.meant, label, _MISFIT, _said(found)) if label else None
        if _fits(found.type, field):
            label = _label(found.type)
            return _proposal(found.type, label, found.confidence, _said(found)) if label else None
    return None


def _by_name(field: Field) -> Proposal | None:
    named = {name: surely for name, surely in _meaning(field.name).items() if _label(name) and _fits(name, field)}
    if not named:
        return None
    surely = max(named.values())
    best = sorted(name for name in named if named[name] == surely)
    label = _common([_label(name) for name in best])
    if not label:
        return None
    reason = "by its name alone" if surely >= 0.9 else "by a hint of its name alone"
    return _proposal(best[0], label, surely * _NAME_WEIGHT, reason)


def _proposal(kind: str, label: str, confidence: float, reason: str) -> Proposal:
    return Proposal(type=kind, label=label, confidence=round(confidence, 2), reason=reason)


def _said(found: Guess) -> str:
    return found.reason.replace("the header", "the name")


@cache
def _meaning(name: str) -> dict[str, float]:
    # Databases repeat names; 20,000 columns have a few hundred.
    return meaning(name)


@cache
def _label(kind: str) -> str:
    """Return the category of a type, "" for one that says nothing of people by itself."""
    category = data_type(kind).category
    return "" if category == "user" else category


def _common(labels: list[str]) -> str:
    """Return the one category of several types, or the nearest one above them all below `user`, "" for none."""
    parts = [label.split(".") for label in labels]
    shared = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    found = ".".join(shared)
    return found if len(shared) > 1 and found in {label.key for label in taxonomy.labels("category")} else ""


def _of_people(collection: Collection) -> bool:
    """Return whether a table is of people, by its name or by a column that only such tables have."""
    if any(word in _PEOPLE or word.removesuffix("s") in _PEOPLE for word in words(collection.name)):
        return True
    names = (_meaning(field.name) for _, field in every_field(collection.fields))
    return any(surely >= 0.9 and kind in _TELLING for found in names for kind, surely in found.items())


def _has_room(field: Field) -> bool:
    kind = field.native.data_type.removesuffix("[]")
    return kind not in ("boolean", "object", "object_id")


def _fits(kind: str, field: Field) -> bool:
    """Return whether values of a data type go into a field's native type, by the look of the type's example."""
    example = data_type(kind).example
    native = field.native.data_type.removesuffix("[]")
    if native in ("integer", "float"):
        return _SIGNS.sub("", example).isdigit()
    if _DATED.search(field.native.column_type) and "char" not in field.native.column_type.lower():
        return _DATE_SHAPE.match(example) is not None
    return True
