"""Laws of masking strategies: what comes is of the same kind, fits, is another value, and the same where it must be."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from privet.crypto.strategies import STRATEGIES, Context, Setting, settled, strategy
from privet.errors import InvalidValue
from privet.secret import Secret

SETTINGS: dict[str, dict[str, Setting]] = {
    "constant": {"value": "x"},
    "string_rewrite": {"rewrite_value": "masked"},
    "truncate": {"keep": 2},
}
NAMES = [name for name in STRATEGIES.names() if name not in ("delete", "aes_encrypt")]

texts = st.one_of(
    st.text(min_size=1, max_size=40),
    st.emails().filter(lambda text: len(text) < 60),
    st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True),
    st.dates().map(date.isoformat),
    st.datetimes().map(datetime.isoformat),
    st.uuids().map(str),
)
values = st.one_of(
    texts,
    st.integers(-(2**62), 2**62),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9),
    st.dates(),
    st.datetimes() | st.datetimes(timezones=st.just(UTC)),
    st.times(),
    st.uuids(),
    st.binary(min_size=1, max_size=30),
    st.booleans(),
)
keys = st.binary(min_size=32, max_size=32).map(Secret)
lengths = st.none() | st.integers(1, 80)


def context(name: str, key: Secret[bytes], **more: Any) -> Context:
    known = settled(strategy(name), SETTINGS.get(name, {}).items())
    return Context(**{"place": "a.b.c", "key": key, "settings": known, **more})


@given(st.sampled_from(NAMES), values, keys, lengths, st.sampled_from(("", "email", "phone")))
def test_what_comes_is_null_or_of_the_same_kind_fits_and_is_another_value(
    name: str, value: object, key: Secret[bytes], length: int | None, kind: str
) -> None:
    found = strategy(name)
    try:
        (made,) = found.mask([value], context(name, key, length=length, kind=kind))
    except InvalidValue as error:
        assert error.at == "a.b.c"
        assert error.rule
        return
    if made is None:
        assert found.makes == "null"
        return
    assert type(made) is type(value)
    assert found.constant or made != value
    assert length is None or not isinstance(made, str) or len(made) <= length


@given(st.sampled_from([name for name in NAMES if strategy(name).deterministic]), values, keys)
def test_under_one_request_the_same_value_becomes_the_same_everywhere(
    name: str, value: object, key: Secret[bytes]
) -> None:
    def once(place: str) -> object:
        try:
            return strategy(name).mask([value], context(name, key, place=place))[0]
        except InvalidValue as error:
            return error.rule

    assert once("one.place.x") == once("another.place.y")


@given(texts | st.integers(-(2**62), 2**62), keys)
def test_ordinary_values_can_be_drawn_where_there_is_room(value: object, key: Secret[bytes]) -> None:
    for name in ("random", "consistent"):
        (made,) = strategy(name).mask([value], context(name, key))
        assert made not in (None, value)


@given(st.lists(st.from_regex(r"[a-z]{5,12} [0-9]{6,9}", fullmatch=True), unique=True, max_size=20), keys)
def test_longer_values_that_differ_stay_different_where_the_format_is_preserved(
    held: list[str], key: Secret[bytes]
) -> None:
    made = strategy("format_preserving").mask(held, context("format_preserving", key))
    assert len(set(made)) == len(held)


@given(st.text(min_size=1, max_size=30), keys)
def test_a_preserved_format_has_digits_for_digits_and_letters_for_letters(text: str, key: Secret[bytes]) -> None:
    assume(any(c.isalpha() or c in "0123456789" for c in text))
    (made,) = strategy("format_preserving").mask([text], context("format_preserving", key))
    assert len(made) == len(text)
    for old, new in zip(text, made, strict=True):
        if old in "0123456789":
            assert new in "0123456789"
        elif old.isalpha():
            assert new.isascii()
            assert new.isalpha()
            assert new.isupper() == old.isupper()
        else:
            assert new == old


@given(st.dates(date(100, 1, 1), date(9800, 1, 1)), keys, st.integers(1, 36_500))
def test_a_date_moves_by_so_many_days_at_most_and_never_by_none(day: date, key: Secret[bytes], most: int) -> None:
    given_days = context("date_shift", key, settings={"days": most})
    moved, again = strategy("date_shift").mask([day, day.isoformat()], given_days)
    assert 1 <= abs((moved - day).days) <= most
    assert again == moved.isoformat()


@given(keys, st.sampled_from([Decimal("12.30"), 5, "Ada", UUID(int=4)]))
def test_another_request_draws_another_value(key: Secret[bytes], value: object) -> None:
    other = Secret(bytes(byte ^ 0xFF for byte in key.reveal()))
    (made,), (again,) = (strategy("consistent").mask([value], context("consistent", one)) for one in (key, other))
    assert made != again
