"""Known answers of every data type: what it accepts, in which form, and what it refuses.

The vectors stand in `types/`, one file a type, each vector with the source of its rule. They are written without
sight of the types. Every value is invented or a published example, so failures may show it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from privet.errors import InvalidValue
from privet.vocabulary.datatype import TYPES, DataType, Part

VECTORS = Path(__file__).parent / "types"
LEAST = 20
# A shorter value can stand in a message by chance: "CA", "P<".
SHORTEST_LEAK = 4
# What a type may let slip instead of InvalidValue; named, so that an interrupt still ends the run.
CRASHES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Accepted(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A value that the type takes, and its canonical text."""

    value: Any
    canonical: str
    source: str


class Refused(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A value that the type refuses, and the rule that it breaks."""

    value: Any
    why: str
    source: str


class Vectors(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One file."""

    type: str
    valid: list[Accepted]
    invalid: list[Refused]


STEMS = sorted(path.stem for path in VECTORS.glob("*.yaml"))
each_type = pytest.mark.parametrize("stem", STEMS)


@functools.cache
def vectors_of(stem: str) -> Vectors:
    # The loader written in C refuses lone surrogates, which JSON can carry and a type must refuse.
    return msgspec.convert(yaml.load((VECTORS / f"{stem}.yaml").read_text("utf-8"), yaml.SafeLoader), Vectors)


def type_of(stem: str) -> DataType:
    return TYPES.get(vectors_of(stem).type)


def shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 160 else f"{text[:60]}… ({len(text)} characters)"


def outcome(datatype: DataType, value: Any) -> str | InvalidValue | Exception:
    """Return the canonical text, the refusal, or the crash."""
    try:
        return datatype.normalize(value)
    except InvalidValue as refusal:
        return refusal
    except CRASHES as crash:
        return crash


def letters(value: object) -> str:
    """Return what is left without separators: a value with other hyphens is still the value."""
    return "".join(char for char in str(value) if char.isalnum()).casefold()


def words_of(error: BaseException | None) -> Iterator[str]:
    """Yield every text that a traceback of `error` and of what it came from would print."""
    while error is not None:
        yield from (str(error), *(str(argument) for argument in error.args), getattr(error, "hint", ""))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def quotes(error: BaseException, value: object) -> bool:
    if not isinstance(value, str) or len(value.strip()) < SHORTEST_LEAK:
        return False
    forms = {value.strip(), ascii(value.strip())[1:-1]}
    return any(form in words for words in words_of(error) for form in forms)


def test_every_type_has_vectors() -> None:
    # Basic types, whose names have no dot, hold no personal meaning and no public rule.
    dotted = {name for name in TYPES.built_in if "." in name}
    assert dotted - {vectors_of(stem).type for stem in STEMS} == set()


@each_type
def test_file_is_named_after_its_type(stem: str) -> None:
    assert vectors_of(stem).type.replace(".", "_", 1) == stem


@each_type
def test_vectors_are_enough_and_distinct_and_have_a_source(stem: str) -> None:
    vectors = vectors_of(stem)
    faults: list[str] = []
    kinds: dict[str, list[Accepted | Refused]] = {"valid": [*vectors.valid], "invalid": [*vectors.invalid]}
    for kind, rows in kinds.items():
        # `1` and `true` are equal in Python and distinct in JSON, so the text is compared.
        distinct = {ascii(row.value) for row in rows}
        if len(distinct) < max(LEAST, len(rows)):
            faults.append(f"{kind}: {len(rows)} vectors, {len(distinct)} distinct, at least {LEAST}")
        faults += [f"{kind} {at}: no source" for at, row in enumerate(rows) if not row.source.strip()]
    faults += [f"invalid {at}: no reason" for at, row in enumerate(vectors.invalid) if not row.why.strip()]
    assert not faults, "\n".join(faults)


@each_type
def test_accepted_values_become_canonical(stem: str) -> None:
    datatype, faults = type_of(stem), []
    for at, row in enumerate(vectors_of(stem).valid):
        found = outcome(datatype, row.value)
        if found != row.canonical:
            faults.append(
                f"valid {at} {shown(row.value)}: {shown(row.canonical)} expected, {shown(found)} ({row.source})"
            )
    assert not faults, "\n".join(faults)


@each_type
def test_refused_values_raise_and_are_not_quoted(stem: str) -> None:
    datatype, faults = type_of(stem), []
    for at, row in enumerate(vectors_of(stem).invalid):
        found = outcome(datatype, row.value)
        if not isinstance(found, InvalidValue):
            faults.append(f"invalid {at} {shown(row.value)}: {row.why}, found {shown(found)} ({row.source})")
        elif quotes(found, row.value):
            faults.append(f"invalid {at} {shown(row.value)}: the error quotes the value")
    assert not faults, "\n".join(faults)


@each_type
def test_canonical_text_and_its_wire_form_come_back_as_they_are(stem: str) -> None:
    datatype, faults = type_of(stem), []
    for at, row in enumerate(vectors_of(stem).valid):
        for word, value in (("canonical", row.canonical), ("presented", datatype.present(row.canonical))):
            found = outcome(datatype, value)
            if found != row.canonical:
                faults.append(f"valid {at} {word} {shown(value)}: became {shown(found)}")
    assert not faults, "\n".join(faults)


@each_type
def test_batch_agrees_with_one_by_one(stem: str) -> None:
    datatype, vectors = type_of(stem), vectors_of(stem)
    good, bad = [row.value for row in vectors.valid], [row.value for row in vectors.invalid]
    for batch in (good, bad, [*good, *bad], [value for pair in zip(bad, good, strict=False) for value in pair], []):
        singles = [outcome(datatype, value) for value in batch]
        texts = [found if isinstance(found, str) else "" for found in singles]
        rules = {at: found.rule for at, found in enumerate(singles) if isinstance(found, InvalidValue)}
        assert datatype.canonicalize(batch) == (texts, rules)


def part_faults(part: Part, text: str) -> Iterator[str]:
    piece = part.of(text)
    if piece is None:
        return
    if part.fix(piece) != piece:
        yield f"`{part.name}` of {shown(text)}: fix makes {shown(part.fix(piece))} of {shown(piece)}"
    if part.cover is not None and piece not in part.cover(text, text):
        yield f"`{part.name}` of {shown(text)}: its own range does not cover it"


@each_type
def test_parts_answer_every_accepted_value_in_their_own_form(stem: str) -> None:
    datatype, faults = type_of(stem), []
    for row in vectors_of(stem).valid:
        for part in datatype.parts:
            try:
                faults += list(part_faults(part, row.canonical))
            except (InvalidValue, *CRASHES) as error:
                faults.append(f"`{part.name}` of {shown(row.canonical)}: {error!r}")
    assert not faults, "\n".join(faults)


@each_type
def test_order_takes_every_accepted_value(stem: str) -> None:
    order, texts = type_of(stem).order, [row.canonical for row in vectors_of(stem).valid]
    assert order is None or len([order(text) for text in texts]) == len(texts)


@each_type
def test_default_mask_hides_what_the_ceiling_forbids(stem: str) -> None:
    datatype, faults = type_of(stem), []
    for row in vectors_of(stem).valid:
        try:
            seen = datatype.masked(row.canonical)
        except (InvalidValue, *CRASHES) as error:
            faults.append(f"mask of {shown(row.canonical)}: {error!r}")
            continue
        if datatype.ceiling != "plain_text" and seen is not None and letters(seen) == letters(row.canonical):
            faults.append(f"mask of {shown(row.canonical)} shows all of it: {shown(seen)}")
    assert not faults, "\n".join(faults)
