"""Masks by known answers, and the laws that hold for every mask and type."""

from __future__ import annotations

import pytest

from privet.crypto.masks import MASKS, STARS
from privet.vocabulary.datatype import TYPES, DataType, Part, Wire


def plain(**fields: object) -> DataType:
    return DataType(name="test", about="", category="user", normalize=str, sources=(), **fields)  # type: ignore[arg-type]


def shown(mask: str, datatype: DataType, text: str) -> Wire:
    return MASKS.get(mask).apply(datatype, text)


BARE = plain()
DASHED = plain(present=lambda text: f"{text[:3]}-{text[3:5]}-{text[5:]}")
PARTS = plain(
    parts=(
        Part(name="last_four", about="", of=lambda text: text[-4:]),
        Part(name="first_six", about="", of=lambda text: text[:6]),
        Part(name="city", about="", of=lambda text: "Springfield"),
        Part(name="zip3", about="", of=lambda text: "000"),
        Part(name="year", about="", of=lambda text: None),
        Part(name="last_two", about="", of=lambda text: "XY"),
        Part(name="last_three", about="", of=lambda text: None),
        Part(name="first_initial", about="", of=lambda text: text.split()[-1][0]),
    )
)


@pytest.mark.parametrize(
    ("mask", "datatype", "text", "expected"),
    [
        ("plain_text", BARE, "219099999", "219099999"),
        ("plain_text", DASHED, "219099999", "219-09-9999"),
        ("plain_text", plain(present=int), "42", 42),
        ("masked", plain(masked=lambda text: text[0] + STARS), "Ada", "A***"),
        ("masked", BARE, "Ada", None),
        ("redacted", BARE, "Ada", None),
        ("last_four", BARE, "219099999", "*****9999"),
        ("last_four", DASHED, "219099999", "***-**-9999"),
        ("last_four", BARE, "219-09-9999", "***-**-9999"),
        ("last_four", BARE, "+1 (415) 555-0123", "+* (***) ***-0123"),
        ("last_four", BARE, "12-34-5", "*2-34-5"),
        ("last_four", BARE, "12345", "*2345"),
        ("last_four", BARE, "1234", STARS),
        ("last_four", BARE, "12-34", STARS),
        ("last_four", BARE, "1", STARS),
        ("last_four", BARE, "", STARS),
        ("last_four", BARE, "- -", STARS),
        ("last_four", BARE, "🙂🙂🙂🙂🙂", "*🙂🙂🙂🙂"),
        ("last_four", BARE, "a@b_c#d", "***_c#d"),
        ("last_three", BARE, "A1234567", "*****567"),
        ("last_three", BARE, "567", STARS),
        ("last_two", BARE, "12345", "***45"),
        ("last_two", BARE, "45", STARS),
        ("first_six", BARE, "4111111111111111", "411111**********"),
        ("first_six", BARE, "411111", STARS),
        ("first_initial", BARE, "Ada", "A***"),
        ("first_initial", BARE, "Ngozi Adaeze", "N***"),
        ("first_initial", BARE, "Ø", STARS),
        ("first_initial", BARE, "", STARS),
        ("domain", BARE, "ada@example.com", "example.com"),
        ("domain", BARE, "@example.com", STARS),
        ("domain", BARE, "example.com", STARS),
        ("year", BARE, "1985-04-12", "1985"),
        ("year", BARE, "1985-04-12T10:00:00Z", "1985"),
        ("year", BARE, "2027-05", "2027"),
        ("year", BARE, "1985", STARS),
        ("year", BARE, "4111111111111111", STARS),
        ("decade", BARE, "1985-04-12", "1980s"),
        ("decade", BARE, "Ada", STARS),
        ("zip3", BARE, "94107", "941"),
        ("zip3", BARE, "94107-1234", "941"),
        ("zip3", BARE, "941", STARS),
        ("zip3", BARE, "SW1A 1AA", STARS),
        ("subnet", BARE, "203.0.113.77", "203.0.113.0/24"),
        ("subnet", BARE, "2001:db8:1:2::7", "2001:db8:1::/48"),
        ("subnet", BARE, "::1", "::/48"),
        ("subnet", BARE, "fe80::1%eth0", "fe80::/48"),
        ("subnet", BARE, "not an address", STARS),
        ("city", BARE, "1 Main Street, Springfield", STARS),
        ("last_four", PARTS, "4111111111111234", "************1234"),
        ("first_six", PARTS, "4111111111111234", "411111**********"),
        ("last_four", PARTS, "1234", STARS),
        ("last_two", PARTS, "12345", "XY"),
        ("last_three", PARTS, "12345", STARS),
        ("city", PARTS, "1 Main Street, Springfield", "Springfield"),
        ("city", PARTS, "Springfield", STARS),
        ("zip3", PARTS, "03601", "000"),
        ("year", PARTS, "1985-04-12", STARS),
        ("first_initial", PARTS, "Ada Lovelace", "L***"),
    ],
)
def test_known_answers(mask: str, datatype: DataType, text: str, expected: Wire) -> None:
    assert shown(mask, datatype, text) == expected


def test_the_shelf_holds_every_mask_that_types_may_name() -> None:
    assert MASKS.names() == (
        "city",
        "decade",
        "domain",
        "first_initial",
        "first_six",
        "last_four",
        "last_three",
        "last_two",
        "masked",
        "plain_text",
        "redacted",
        "subnet",
        "year",
        "zip3",
    )
    for mask in MASKS.all():
        assert mask.about
        assert 0 <= mask.reveals <= 100


@pytest.mark.parametrize("name", TYPES.names())
def test_redactions_of_a_type_exist_and_only_plain_text_shows_its_example(name: str) -> None:
    datatype = TYPES.get(name)
    text = datatype.normalize(datatype.example)
    for mask in datatype.redactions:
        found = shown(mask, datatype, text)
        if mask not in ("plain_text", "masked"):
            assert found not in (text, datatype.present(text)), mask


@pytest.mark.parametrize("mask", [m for m in MASKS.names() if m not in ("plain_text", "masked")])
@pytest.mark.parametrize(
    "text", ["", "a", "1", "12", "123", "1234", "123456", "a@b", "x@", "é", "1-2", "2020", "\u0301a"]
)
def test_no_mask_shows_a_whole_short_value(mask: str, text: str) -> None:
    found = shown(mask, BARE, text)
    assert found is None or (found != text and (len(text) < 2 or text not in str(found)))
