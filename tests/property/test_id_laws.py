"""Laws of the numbers and codes that name persons and bodies: batches, spellings, agreement with another library."""

from __future__ import annotations

import importlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.errors import InvalidValue
from privet.vocabulary.datatype import TYPES, Wire
from privet.vocabulary.types.us_ssn import PART, normalize, normalize_all

DIGITS = "0123456789"

digits_9 = st.text(DIGITS, min_size=9, max_size=9)
hyphenated = digits_9.map(lambda text: f"{text[:3]}-{text[3:5]}-{text[5:]}")
# Numbers at the edges of the rules are rare among random digits, so they are asked for by name.
edges = st.sampled_from(
    ["000123456", "666-12-3456", "900-12-3456", "899123456", "001-01-0001", "123001234", "123-45-0000", "078051120"]
)
odd = st.one_of(
    st.sampled_from(["85-6456789", "856 45 6789", "856-45 6789", "85645678٩", "８56456789", "856456789 ", "", "-"]),
    st.text("0189- x\u2013", max_size=12),
    st.none(),
    st.integers(0, 999_999_999),
    st.just([]),
)

# Prefixes whose last character is swept, and the module of python-stdnum that judges the same number.
SWEPT = {
    "ca.sin": ("ca.sin", "[1-79][0-9]{7}", DIGITS),
    "gb.nhs": ("gb.nhs", "[1-9][0-9]{8}", DIGITS),
    "in.aadhaar": ("in_.aadhaar", "[0-9]{11}", DIGITS),
    "es.dni": ("es.dni", "[0-9]{8}", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "es.nie": ("es.nie", "[XYZ][0-9]{7}", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "nl.bsn": ("nl.bsn", "[1-9][0-9]{7}", DIGITS),
    "au.tfn": ("au.tfn", "[1-9][0-9]{7}", DIGITS),
    "pl.pesel": ("pl.pesel", "[0-9]{2}[0-9][1-9][0-3][0-9][0-9]{4}", DIGITS),
    "za.idnr": ("za.idnr", "[0-9]{2}[01][0-9][0-3][0-9][0-9]{4}[0-2]8", DIGITS),
    "it.codicefiscale": (
        "it.codicefiscale",
        "[A-Z]{6}[0-9L-N]{2}[ABCDEHLMPRST][0-7][0-9][A-MZ][1-9][0-9]{2}",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    ),
    "kr.rrn": ("kr.rrn", "[0-9]{2}[01][0-9][0-3][0-9][12][0-9]{5}", DIGITS),
}


def verdict(name: str, text: str) -> bool:
    try:
        return TYPES.get(name).normalize(text) == text
    except InvalidValue:
        return False


@given(st.lists(st.one_of(digits_9, hyphenated, edges, odd), max_size=12))
def test_batch_of_social_security_numbers_agrees_with_one_by_one(values: list[Wire]) -> None:
    texts, faults = [], {}
    for at, value in enumerate(values):
        try:
            texts.append(normalize(value))
        except InvalidValue as error:
            texts.append("")
            faults[at] = error.rule
    assert normalize_all(values) == (texts, faults)


@given(st.lists(st.one_of(digits_9, edges.map(lambda text: text.replace("-", ""))), min_size=1, max_size=40))
def test_batch_of_one_spelling_agrees_with_one_by_one(values: list[str]) -> None:
    texts, faults = normalize_all(values)
    assert [bool(text) for text in texts] == [verdict("us.ssn", value) for value in values]
    assert set(faults) == {at for at, text in enumerate(texts) if not text}
    assert PART.canonicalize(tuple(values)) == (texts, faults)


@pytest.mark.parametrize("name", SWEPT)
@settings(max_examples=60)
@given(data=st.data())
def test_last_character_is_judged_as_python_stdnum_does(name: str, data: st.DataObject) -> None:
    module, shape, alphabet = SWEPT[name]
    judge = importlib.import_module(f"stdnum.{module}")
    prefix = data.draw(st.from_regex(shape, fullmatch=True))
    ours = [letter for letter in alphabet if verdict(name, prefix + letter)]
    theirs = [letter for letter in alphabet if judge.is_valid(prefix + letter)]
    assert ours == theirs


@pytest.mark.parametrize("name", ["br.cpf", "br.cnpj", "fr.nir", "be.nn", "org.lei"])
def test_one_changed_digit_never_passes_two_check_digits(name: str) -> None:
    row = TYPES.get(name)
    text = row.normalize(row.example)
    passed = [
        (place, digit)
        for place, letter in enumerate(text)
        for digit in DIGITS
        if letter.isdigit() and digit != letter and verdict(name, text[:place] + digit + text[place + 1 :])
    ]
    assert passed == []


@pytest.mark.parametrize("name", sorted(SWEPT))
@given(data=st.data())
def test_text_that_is_accepted_comes_back_as_it_is(name: str, data: st.DataObject) -> None:
    row = TYPES.get(name)
    spaced = data.draw(st.lists(st.sampled_from(["", "", " ", "-"]), min_size=20, max_size=20))
    bare = row.normalize(row.example)
    text = bare[0] + "".join(gap + letter for gap, letter in zip(spaced, bare[1:], strict=False))
    assert row.normalize(text) == bare == row.normalize(bare)
