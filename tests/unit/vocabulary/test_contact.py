"""Masks, parts and rules of the contact.* types, and agreement of the fast paths with the libraries."""

from __future__ import annotations

import email_validator
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.errors import InvalidValue
from privet.vocabulary.datatype import TYPES, Part
from privet.vocabulary.types import _phone as phone

EMAIL = TYPES.get("contact.email")
PHONE = TYPES.get("contact.phone")
HANDLE = TYPES.get("contact.social_handle")
REGIONS = ["US", "CA", "JM", "DO", "GB", "GG", "DE", "FR", "IT", "ES", "RU", "KZ", "AR", "BR", "MX", "IN", "CN", "JP"]
REGIONS += ["AU", "CX", "NO", "SJ", "FI", "AX", "MA", "ZA", "SM", "CI", "SH"]


def part_of(type_name: str, name: str) -> Part:
    found = TYPES.get(type_name).part(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+14155552671", "+1 *** *** 2671"),
        ("+442079460123", "+44 *** *** 0123"),
        ("+29021234", "+290 *** *** 34"),
    ],
)
def test_phone_mask(text: str, shown: str) -> None:
    assert PHONE.masked(text) == shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("+14155552671", {"country": "1", "region": "US", "area": "415", "subscriber": "5552671", "last_four": "2671"}),
        ("+14165550123", {"country": "1", "region": "CA", "area": "416", "subscriber": "5550123", "last_four": "0123"}),
        ("+442079460123", {"country": "44", "region": "GB", "area": "20", "subscriber": "79460123"}),
        ("+390612345678", {"country": "39", "region": "IT", "area": "06", "subscriber": "12345678"}),
        ("+80012345678", {"country": "800", "region": None}),
    ],
)
def test_phone_parts(text: str, parts: dict[str, str | None]) -> None:
    assert {name: part_of("contact.phone", name).of(text) for name in parts} == parts


def test_phone_country_takes_a_plus() -> None:
    assert part_of("contact.phone", "country").fix("+44") == "44"


@pytest.mark.parametrize(
    "spelling",
    [
        "+1 415 555 2671",
        "+1 (415) 555-2671",
        "tel:+1-415-555-2671",
        "+1.415.555.2671",
        "(+1) 415 555 2671",
        "＋14155552671",
    ],
)
def test_spellings_of_one_number_are_one_number(spelling: str) -> None:
    assert PHONE.normalize(spelling) == "+14155552671"


def test_a_national_prefix_after_the_country_code_is_dropped() -> None:
    assert PHONE.normalize("+44 (0)20 7946 0123") == "+442079460123"


@pytest.mark.parametrize(
    ("spelling", "rule"),
    [
        ("415 555 2671", "expected + and the country code"),
        ("0044 20 7946 0123", "expected + and the country code"),
        ("+1 415 555 2671 ext. 5", "expected + and digits, with spaces, hyphens, points or brackets"),
        ("+1 800 FLOWERS", "expected + and digits, with spaces, hyphens, points or brackets"),
    ],
)
def test_phone_refusals_name_the_rule(spelling: str, rule: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        PHONE.normalize(spelling)
    assert caught.value.rule == rule


def library_number(text: str) -> str | None:
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def our_number(text: str) -> str | None:
    try:
        return PHONE.normalize(text)
    except InvalidValue:
        return None


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Numbers near the truth: the example of some region and kind, with some digits changed, cut or added."""
    region = draw(st.sampled_from(REGIONS))
    kind = draw(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7]))
    example = phonenumbers.example_number_for_type(region, kind) or phonenumbers.example_number(region)
    assert example is not None
    text = list(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
    for _ in range(draw(st.integers(0, 3))):
        text[draw(st.integers(2, len(text) - 1))] = draw(st.sampled_from("0123456789"))
    tail = draw(st.sampled_from(["", "", "", "0", "77"]))
    cut = draw(st.sampled_from([0, 0, 0, 1, 2]))
    return "".join(text[: len(text) - cut]) + tail


@settings(max_examples=400, deadline=None)
@given(numbers())
def test_phone_agrees_with_the_library(text: str) -> None:
    assert our_number(text) == library_number(text)


@settings(max_examples=200, deadline=None)
@given(numbers())
def test_the_fast_check_never_takes_what_the_library_would_change(text: str) -> None:
    if phone._fast(text):
        assert library_number(text) == text


def test_examples_of_every_region_and_kind_agree_with_the_library() -> None:
    wrong = []
    for region in phonenumbers.SUPPORTED_REGIONS:
        for kind in range(11):
            example = phonenumbers.example_number_for_type(region, kind)
            text = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164) if example else None
            if text and our_number(text) != library_number(text):
                wrong.append((region, kind))
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [("jane@example.com", "j***@example.com"), ("j@example.com", "***@example.com")],
)
def test_email_mask(text: str, shown: str) -> None:
    assert EMAIL.masked(text) == shown


def test_email_parts() -> None:
    parts = {part.name: part.of("Jane.Doe@mail.example.com") for part in EMAIL.parts}
    assert parts == {
        "local": "Jane.Doe",
        "domain": "mail.example.com",
        "tld": "com",
        "prefix_3": "jan",
        "folded": "jane.doe@mail.example.com",
    }


@pytest.mark.parametrize(("name", "literal", "fixed"), [("domain", "@Bücher.Example", "xn--bcher-kva.example")])
def test_email_literals(name: str, literal: str, fixed: str) -> None:
    assert part_of("contact.email", name).fix(literal) == fixed


def library_address(text: str) -> str | None:
    try:
        found = email_validator.validate_email(text, check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError:
        return None
    return f"{found.local_part}@{found.ascii_domain}"


def our_address(text: str) -> str | None:
    try:
        return EMAIL.normalize(text)
    except InvalidValue:
        return None


LABEL = st.text("abcXYZ019-", min_size=1, max_size=8)
DOMAINS = st.one_of(
    st.lists(LABEL, min_size=1, max_size=4).map(".".join),
    st.tuples(LABEL, st.sampled_from(["com", "Test", "invalid", "local", "c0m", "x-y", "xn--p1ai", "a" * 64])).map(
        ".".join
    ),
    st.integers(55, 65).map(lambda count: "a" * count + ".example"),
    st.integers(58, 64).map(lambda count: ".".join(["b" * count] * 4) + ".com"),
)
LOCALS = st.one_of(
    st.text("abcXYZ019.+-_!#'\"@ (", min_size=1, max_size=12),
    st.sampled_from(["info", "INFO", "Postmaster", "webmaster", "a" * 64, "a" * 65, "ü", "a..b"]),
)


@settings(max_examples=600, deadline=None)
@given(LOCALS, DOMAINS)
def test_email_agrees_with_the_library(local: str, domain: str) -> None:
    text = f"{local}@{domain}".strip()
    assert our_address(text) == library_address(text)


def test_handle_mask_hides_network_and_name() -> None:
    assert HANDLE.masked("@alice") == "@a***"
    assert HANDLE.masked("x:@alice") == "@a***"
    assert HANDLE.masked("@alice@social.example") == "@a***"


def test_handle_parts() -> None:
    network, name = part_of("contact.social_handle", "network"), part_of("contact.social_handle", "handle")
    assert (network.of("x:@alice"), name.of("x:@alice")) == ("x", "alice")
    assert (network.of("@alice@social.example"), name.of("@alice@social.example")) == ("social.example", "alice")
    assert network.of("@alice") is None
    assert name.fix("@Alice") == "alice"
