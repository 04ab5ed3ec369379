"""What each masking strategy writes, and what it says where it cannot."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from privet.crypto.derive import subkey
from privet.crypto.strategies import STRATEGIES, Context, Setting, settled, strategy, stream, usable
from privet.errors import InvalidInput, InvalidValue, UnknownName
from privet.secret import Secret

KEY = Secret(b"the key of one request, invented")


def context(name: str, settings: dict[str, Setting] | None = None, **more: Any) -> Context:
    known = settled(strategy(name), (settings or {}).items())
    return Context(**{"place": "shop.people.x", "key": KEY, "settings": known, "source": stream(bytes(32)), **more})


def mask(name: str, value: Any, settings: dict[str, Setting] | None = None, **more: Any) -> Any:
    (made,) = strategy(name).mask([value], context(name, settings, **more))
    return made


def refusal(name: str, value: Any, settings: dict[str, Setting] | None = None, **more: Any) -> str:
    with pytest.raises(InvalidValue) as caught:
        mask(name, value, settings, **more)
    assert caught.value.at == "shop.people.x"
    return caught.value.rule


# --- what stands there afterwards -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["null", "null_rewrite"])
@pytest.mark.parametrize("value", ["Ada", 7, True, b"x", {"a": 1}, ["x"]])
def test_null_is_null_whatever_was_there(name: str, value: object) -> None:
    assert mask(name, value) is None


@pytest.mark.parametrize("name", [name for name in STRATEGIES.names() if name not in ("delete", "aes_encrypt")])
def test_where_nothing_stands_nothing_is_put(name: str) -> None:
    needed: dict[str, dict[str, Setting]] = {
        "constant": {"value": "x"},
        "string_rewrite": {"rewrite_value": "x"},
        "truncate": {"keep": 1},
    }
    made = strategy(name).mask([None, ""], context(name, needed.get(name)))
    assert made == [None, ""]


@pytest.mark.parametrize(
    ("said", "value", "made"),
    [
        ("gone", "Ada", "gone"),
        ("gone", "gone", "gone"),
        (0, 7, 0),
        ("0", 7, 0),
        (False, True, False),
        ("1.50", Decimal("9.99"), Decimal("1.50")),
        ("1900-01-01", date(1990, 2, 3), date(1900, 1, 1)),
        ("1900-01-01", datetime(1990, 2, 3, 4, tzinfo=UTC), datetime(1900, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_constant_is_turned_into_the_kind_of_the_field(said: Setting, value: object, made: object) -> None:
    found = mask("constant", value, {"value": said})
    assert (found, type(found)) == (made, type(made))


def test_a_text_for_all_may_end_as_fides_says() -> None:
    said: dict[str, Setting] = {"rewrite_value": "masked", "format_preservation.suffix": "@example.com"}
    assert mask("string_rewrite", "ada@example.org", said) == "masked@example.com"


def test_a_random_text_has_the_length_that_is_asked_for_and_the_suffix() -> None:
    made = mask("random_string_rewrite", "x", {"length": 20, "format_preservation.suffix": "@example.com"})
    assert len(made.removesuffix("@example.com")) == 20
    assert made.removesuffix("@example.com").isalnum()


@pytest.mark.parametrize("name", ["hash", "hmac"])
@pytest.mark.parametrize(("algorithm", "width"), [("SHA-256", 64), ("SHA-512", 128)])
def test_a_digest_is_the_hmac_of_the_text_under_a_key_of_the_request(name: str, algorithm: str, width: int) -> None:
    key = subkey(KEY.reveal(), f"privet.strategy.{name}", length=32)
    expected = hmac.new(key, b"Ada", algorithm.replace("-", "").lower()).hexdigest()
    assert mask(name, "Ada", {"algorithm": algorithm}) == expected
    assert len(expected) == width


def test_a_digest_is_cut_to_fit_down_to_sixteen_characters() -> None:
    whole = mask("hash", "Ada")
    assert mask("hash", "Ada", length=40) == whole[:40]
    assert mask("hash", "Ada", {"format_preservation.suffix": "@e.com"}, length=22) == whole[:16] + "@e.com"
    assert refusal("hash", "Ada", length=15) == "expected a length of 16 or more, found 15"


@pytest.mark.parametrize(
    ("value", "kind", "form"),
    [
        ("Ada Example", "", r"[a-z2-7]{16}"),
        ("ada@example.com", "", r"[a-z2-7]{16}@erased\.invalid"),
        ("whatever", "email", r"[a-z2-7]{16}@erased\.invalid"),
        ("+15550100000", "", r"\+999\d{12}"),
        ("555 0100", "phone", r"999\d{12}"),
        ("2001-02-03", "", r"(19[3-9]|200)\d-\d\d-\d\d"),
        ("2001-02-03T04:05:06Z", "", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
        ("2001-02-03 04:05:06.789", "", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.000"),
        ("123456789", "", r"\d{9}"),
        (str(UUID(int=9)), "", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    ],
)
@pytest.mark.parametrize("name", ["random", "consistent"])
def test_a_random_text_has_the_form_of_the_old_one(name: str, value: str, kind: str, form: str) -> None:
    assert re.fullmatch(form, mask(name, value, kind=kind))


def test_random_numbers_fit_their_column() -> None:
    assert all(1 <= mask("random", at, largest=127) <= 127 for at in range(1, 50))
    assert abs(mask("random", Decimal("10.25"), digits=(3, 2))) < 1000
    assert mask("random", Decimal("10.25")).as_tuple().exponent == -2


@pytest.mark.parametrize(
    "value",
    [date(2001, 2, 3), datetime(2001, 2, 3, 4), time(1, 2, 3), 1.5, 12, UUID(int=3), b"abc"],  # noqa: DTZ001
)
@pytest.mark.parametrize("name", ["random", "consistent"])
def test_a_random_value_is_of_the_same_kind(name: str, value: object) -> None:
    made = mask(name, value)
    assert type(made) is type(value)
    assert made != value


def test_what_is_consistent_goes_by_the_text_form_as_references_do() -> None:
    assert str(mask("consistent", UUID(int=3))) == mask("consistent", str(UUID(int=3)))
    assert mask("hash", "12") == mask("hash", "12")


@pytest.mark.parametrize("name", ["consistent", "hash", "hmac", "format_preserving"])
def test_another_request_gives_other_values(name: str) -> None:
    other = mask(name, "Ada Example 1234567", key=Secret(b"the key of another one, invented"))
    assert mask(name, "Ada Example 1234567") != other


def test_truncation_keeps_the_first_characters() -> None:
    assert mask("truncate", "94110-1234", {"keep": 3}) == "941"


def test_all_dates_of_a_person_move_by_as_many_days() -> None:
    first, second = date(2001, 2, 3), date(2002, 2, 3)
    moved = [mask("date_shift", value, {"days": 30}) for value in (first, second)]
    assert moved[1] - moved[0] == second - first
    assert 1 <= abs((moved[0] - first).days) <= 30
    assert mask("date_shift", "2001-02-03T10:00:00Z", {"days": 30}) == f"{moved[0].isoformat()}T10:00:00Z"


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("Ada-Example 12", "[A-Z][a-z]{2}-[A-Z][a-z]{6} [0-9]{2}"),
        ("AB-1234567", "[A-Z]{2}-[0-9]{7}"),
        ("Zoë", "[A-Z][a-z]{2}"),
        ("(555) 010-0000", r"\([0-9]{3}\) [0-9]{3}-[0-9]{4}"),
    ],
)
def test_the_format_is_preserved(value: str, form: str) -> None:
    made = mask("format_preserving", value)
    assert re.fullmatch(form, made)
    assert made != value


def test_the_format_of_numbers_is_preserved() -> None:
    made = [mask("format_preserving", value) for value in (7, 123456789, -12345)]
    assert [len(str(abs(number))) for number in made] == [1, 9, 5]
    assert made[2] < 0
    assert all(mask("format_preserving", at, largest=127) <= 127 for at in range(100, 127))


# --- what cannot be done --------------------------------------------------------------------------------------


def test_a_mask_that_leaves_the_value_is_an_error() -> None:
    assert refusal("truncate", "Al", {"keep": 2}) == "`truncate` leaves the value as it is"
    assert "no digit and no letter" in refusal("format_preserving", "---")


def test_a_mask_of_another_kind_is_an_error() -> None:
    assert refusal("hash", 12) == "`hash` gives texts, and the field holds whole numbers"
    assert refusal("string_rewrite", True, {"rewrite_value": "x"}) == (
        "`string_rewrite` gives texts, and the field holds booleans"
    )
    assert "expected a text" in refusal("truncate", 12, {"keep": 1})
    assert "expected a date" in refusal("date_shift", 12)
    assert "in ISO 8601" in refusal("date_shift", "yesterday")
    assert "is none of the field" in refusal("constant", 12, {"value": "x"})
    assert "is none of the field" in refusal("constant", date(2001, 2, 3), {"value": "x"})
    assert "is none of the field" in refusal("constant", b"x", {"value": "x"})


def test_a_mask_that_does_not_fit_is_an_error() -> None:
    assert refusal("string_rewrite", "x", {"rewrite_value": "masked"}, length=3) == (
        "what `string_rewrite` gives does not fit the length of 3"
    )
    assert refusal("random", "ada@example.com", length=10) == "expected a length of 19 or more, found 10"
    assert refusal("random", "+15550100000", length=5) == "expected a length of 8 or more, found 5"
    assert refusal("random_string_rewrite", "x", length=5) == "expected a length of 8 or more, found 5"


def test_what_has_two_values_is_not_drawn() -> None:
    assert "a boolean has two values" in refusal("random", True)


def test_no_error_holds_the_value() -> None:
    for name, value in (("hash", 424242), ("truncate", 424242), ("date_shift", "424242"), ("random", ["424242"])):
        assert "424242" not in refusal(name, value, {"keep": 1} if name == "truncate" else None)


# --- names and settings ---------------------------------------------------------------------------------------


def test_the_names_of_fides_are_there() -> None:
    assert {"null_rewrite", "string_rewrite", "random_string_rewrite", "hash", "hmac", "aes_encrypt", "delete"} <= set(
        STRATEGIES.names()
    )
    assert strategy("deletion") is strategy("delete")


def test_encryption_is_refused_with_the_reason() -> None:
    with pytest.raises(InvalidInput, match="nothing is erased"):
        strategy("aes_encrypt")


def test_an_unknown_strategy_or_setting_names_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        strategy("null_rewrit")
    assert "`null_rewrite`" in caught.value.hint
    with pytest.raises(UnknownName) as caught:
        settled(strategy("hash"), [("algoritm", "SHA-256")])
    assert caught.value.hint == "did you mean `algorithm`?"


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("hash", ("algorithm", "MD5"), "expected `algorithm` of `hash` to be `SHA-256` or `SHA-512`"),
        ("truncate", ("keep", 0), "expected `keep` of `truncate` to be a whole number from 1 to 1,000"),
        ("truncate", ("keep", True), "expected `keep` of `truncate` to be a whole number from 1 to 1,000"),
        ("string_rewrite", ("rewrite_value", 3), "to be a text of 0 to 10,000 characters"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(name: str, given: tuple[str, Setting], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        settled(strategy(name), [given])


def test_a_setting_that_is_needed_must_be_said() -> None:
    with pytest.raises(InvalidInput, match="`truncate` needs its setting `keep`"):
        settled(strategy("truncate"), [])
    assert settled(strategy("hash"), []) == {"algorithm": "SHA-256", "format_preservation.suffix": None}


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        usable(Secret(b"short"))
