"""Card types: what masks and parts show, and that a batch says what its values say one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import InvalidValue
from privet.vocabulary.checksum import luhn
from privet.vocabulary.datatype import TYPES, Wire

PAN = TYPES.get("card.pan")
EXPIRY = TYPES.get("card.expiry")
TRACK = TYPES.get("card.track")
EMV = TYPES.get("card.emv")


def part(datatype_name: str, name: str, text: str) -> str | None:
    found = TYPES.get(datatype_name).part(name)
    assert found is not None
    return found.of(text)


@pytest.mark.parametrize(
    ("pan", "shown"),
    [
        ("4111111111111111", "411111******1111"),
        ("378282246310005", "378282*****0005"),
        ("6304000000000000", "630400******0000"),
        ("36148900647913", "**********7913"),
        ("501800000009", "********0009"),
    ],
    ids=["16", "15", "16 with zeros", "14", "12"],
)
def test_pan_mask_shows_six_and_four_and_of_short_numbers_four(pan: str, shown: str) -> None:
    # PCI DSS v4.0.1, requirement 3.4.1: BIN and last four at most.
    assert PAN.masked(pan) == shown


@pytest.mark.parametrize(
    ("pan", "brand"),
    [
        ("4111111111111111", "visa"),
        ("5555555555554444", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("378282246310005", "amex"),
        ("6011111111111117", "discover"),
        ("30569309025904", "diners"),
        ("3530111333300000", "jcb"),
        ("6200000000000005", "unionpay"),
        ("2200000000000004", "mir"),
        ("9792000000000001", None),
    ],
)
def test_pan_brand_goes_by_prefix(pan: str, brand: str | None) -> None:
    assert part("card.pan", "brand", pan) == brand


def test_no_role_sees_more_of_a_pan_than_its_mask() -> None:
    assert PAN.ceiling == "masked"
    assert PAN.redactions.index("masked") < PAN.redactions.index("plain_text")


@pytest.mark.parametrize("name", ["card.cvv", "card.pin", "card.track", "card.emv"])
def test_sensitive_authentication_data_is_only_held_in_passing(name: str) -> None:
    datatype = TYPES.get(name)
    assert (datatype.keep, datatype.token, datatype.ceiling, datatype.indexes) == (
        "transient",
        "transient",
        "redacted",
        (),
    )


def test_cvv_mask_hides_the_length() -> None:
    cvv = TYPES.get("card.cvv")
    assert cvv.masked("123") == cvv.masked("1234") == "***"


def luhn_number(body: str) -> str:
    return next(body + digit for digit in "0123456789" if luhn(body + digit))


bodies = st.text(alphabet="0123456789", min_size=10, max_size=20)
written = (
    bodies | bodies.map(luhn_number) | bodies.map(luhn_number).map(lambda pan: f" {pan[:4]} {pan[4:8]}-{pan[8:]} ")
)
odd: st.SearchStrategy[Wire] = st.sampled_from(
    [None, True, 4111111111111111, 1.5, "", "٤١١١١١١١١١١١١١١١", "é" * 16, "0" * 16]
)


@given(st.lists(written | st.text(max_size=20) | odd, max_size=200), st.integers(0, 1))
def test_a_batch_of_pans_agrees_with_one_by_one(values: list[Wire], copies: int) -> None:
    # Copies take short batches over the size from which numpy works.
    values = values * (1 + 80 * copies)
    texts, faults = PAN.canonicalize(values)
    for at, value in enumerate(values):
        try:
            assert texts[at] == PAN.normalize(value)
            assert at not in faults
        except InvalidValue as error:
            assert (texts[at], faults[at]) == ("", error.rule)


@given(st.integers(11, 18), st.lists(st.integers(0, 10**18), min_size=64, max_size=64))
def test_a_batch_of_one_length_agrees_with_one_by_one(length: int, numbers: list[int]) -> None:
    values: list[Wire] = [luhn_number(str(number).zfill(18)[-length:]) for number in numbers]
    values[10:20] = [str(value)[:-1] + "7" for value in values[10:20]]
    texts, faults = PAN.canonicalize(values)
    good = [luhn(str(value)) and str(value).strip("0") != "" for value in values]
    assert texts == [value if fine else "" for value, fine in zip(values, good, strict=True)]
    assert set(faults) == {at for at, fine in enumerate(good) if not fine}


def test_an_empty_batch_is_empty() -> None:
    assert PAN.canonicalize([]) == ([], {})


@pytest.mark.parametrize("value", ["04/27", "04 / 27", "04/2027", "2027-04"])
def test_expiry_has_one_spelling(value: str) -> None:
    assert EXPIRY.normalize(value) == "2027-04"


def test_expiry_in_the_past_is_taken_for_a_core_has_no_clock() -> None:
    assert EXPIRY.normalize("01/00") == "2000-01"


def test_expiry_mask_shows_the_year() -> None:
    assert EXPIRY.masked("2027-04") == "**/27"


def test_expiry_year_covers_a_range_and_its_open_ends() -> None:
    year = EXPIRY.part("year")
    assert year is not None and year.cover is not None
    assert list(year.cover("2026-11", "2028-01")) == ["2026", "2027", "2028"]
    assert list(year.cover("2098-01", "")) == ["2098", "2099"]


def test_tracks_stand_between_sentinels() -> None:
    bare = "4111111111111111=31041010000000000000"
    one = "%B4111111111111111^EXAMPLE/JANE^31041010000000000000?"
    assert TRACK.normalize(bare) == f";{bare}?"
    assert TRACK.normalize(f"{one};{bare}?") == f"{one};{bare}?"


@pytest.mark.parametrize(
    "value",
    [
        ";4111111111111112=31041010000000000000?",
        ";4111111111111111=31131010000000000000?",
        ";4111111111111111=3104101000000000000000000?",
        "%B4111111111111111^E^31041010000000000000?",
        "%?",
    ],
    ids=["luhn", "month", "longer than 40", "name of one letter", "nothing inside"],
)
def test_tracks_that_break_their_structure_are_refused(value: str) -> None:
    with pytest.raises(InvalidValue):
        TRACK.normalize(value)


def test_chip_data_is_walked_into_constructed_objects() -> None:
    # Tag 70 (a record template) around tag 5A (the number, padded with F).
    record = "700c5a0a" + "378282246310005f" + "ffff"
    assert EMV.normalize(record) == record.upper()
    with pytest.raises(InvalidValue, match="5A"):
        EMV.normalize(record.replace("378282246310005", "378282246310006"))
    with pytest.raises(InvalidValue, match="as many bytes"):
        EMV.normalize("700d" + record[4:])


def test_holder_name_keeps_the_slash_of_the_stripe() -> None:
    holder = TYPES.get("card.holder_name")
    assert holder.normalize(" EXAMPLE/JANE  Q ") == "EXAMPLE/JANE Q"
    assert holder.masked("JANE Q EXAMPLE") == "J***LE"
