"""A batch of values becomes what each of them becomes alone, whatever their spelling and however often they come."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.errors import InvalidValue
from privet.vocabulary.datatype import TYPES, DataType, Wire

BATCHED = [kind for kind in TYPES.all() if kind.normalize_all is not None]
SPELLINGS: dict[str, tuple[str, ...]] = {
    "address.street": ("12 Main St", "Große Straße 12", "12  Main St", "...", "x" * 201, "a\u00adb 1", "Cafe\u0301 1"),
    "card.pan": ("4111111111111111", "4111 1111 1111 1111", "4111111111111112", "0000000000000000"),
    "contact.email": (
        *("ann@example.com", "Ann.B+c@Mail.EXAMPLE.org", "info@example.com", "Info@example.com", "a@b@example.com"),
        *("a@example.test", "ann@-x.com", f"{'a' * 65}@example.com", "ann@xn--bcher-kva.example", "@example.com", "a@"),
        *(".a@example.com", "a..b@example.com", "a.@example.com", "ann@example.com\n", "jörg@example.com", "a@example"),
    ),
    "contact.phone": (
        *("+12015550123", "+442079460123", "+4930230123456", "+551191234567", "+5511912345678", "+390212345678"),
        *("+1 201 555 0123", "+10000000000", "+49", "+7", "+", "+999123456789", "+78005553535", "+12015550123\n"),
        *("+１２015550123", "+18765550123", "+447700900123", "+5401112345678", "+525512345678", "2015550123"),
    ),
    "decimal": ("12.5", "12.50", "0", "-0", "-1.5", "007", "1e3", ".5", "5.", "9" * 39, "0.0", "١٢"),
    "person.dob": ("1980-02-29", "1981-02-29", "1980-W01-1", "19800229", "1889-12-31", "2101-01-01", " 1980-01-01"),
    "person.full_name": (
        *("Ann B. Example", "Käthe Köhlmann", "Ann  Example", " Ann", "'Ann", "Ann½", "Jose\u0301 X", "山田 太郎", "-"),
        *("Ann\tExample", "Ann Example 3rd", "A" * 201, "Ann\u200bB", "نگار\u200cدخت"),
    ),
    "string": ("some words", " some words ", "", "ünïcode", "a\u202eb", "tab\there", "x" * 4097),
    "us.ssn": ("219-09-9998", "219099998", "000-12-3456", "219 09 9998", "2190-99998", "٢190 99998"),
}


def outcomes(kind: DataType, values: Sequence[Wire]) -> tuple[list[str], dict[int, str]]:
    texts, faults = [], {}
    for at, value in enumerate(values):
        try:
            texts.append(kind.normalize(value))
        except InvalidValue as error:
            texts.append("")
            faults[at] = error.rule
    return texts, faults


def test_every_type_with_a_batch_path_has_spellings_to_try() -> None:
    assert {kind.name for kind in BATCHED} <= SPELLINGS.keys()


@pytest.mark.parametrize("kind", BATCHED, ids=lambda kind: kind.name)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_batch_is_its_values_one_by_one(kind: DataType, data: st.DataObject) -> None:
    known = st.sampled_from(SPELLINGS[kind.name])
    bent = st.tuples(known, st.integers(0, 30), st.characters()).map(lambda t: t[0][: t[1]] + t[2] + t[0][t[1] + 1 :])
    other = st.one_of(st.text(max_size=8), st.none(), st.integers(), st.booleans(), st.lists(st.text(), max_size=2))
    values: list[Wire] = data.draw(st.lists(st.one_of(known, known, bent, other), min_size=16, max_size=90))
    assert kind.canonicalize(values) == outcomes(kind, values)
    texts: list[Wire] = [value for value in values if isinstance(value, str)]
    assert kind.canonicalize(texts * 5) == outcomes(kind, texts * 5)


@pytest.mark.parametrize("name", ["address.state", "boolean", "integer"])
def test_values_that_are_equal_to_python_are_not_the_same_value(name: str) -> None:
    kind = TYPES.get(name)
    values: list[Wire] = ["1", 1, True, 1.0, "true", "US-CA", "CA"] * 20
    assert kind.canonicalize(values) == outcomes(kind, values)
