"""The number of the national register of Belgium. Canonical: eleven digits."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, sex, sex_by_parity, stars, tail, year

NAME = "be.nn"
# Stands in for a date of birth of which nothing is known.
_UNKNOWN = "0001"


def normalize(value: Wire) -> str:
    digits = compact_digits(value, NAME, 11, separators=" -./")
    demand(_century(digits) is not None, "expected the check number to agree", NAME)
    # Month and day are zero where unknown, and count on past real days once a day's numbers have run out.
    demand(int(digits[2:4]) <= 12, "expected a month of 00 to 12", NAME)
    demand(int(digits[4:6]) <= 31 or digits[2:4] == "00", "expected a day of 00 to 31", NAME)
    demand(digits[6:9] not in ("000", "999"), "expected a serial of 001 to 998", NAME)
    return digits


def _century(digits: str) -> int | None:
    """Return 1900 or 2000: the check number counts a 2 before the number for births from 2000 on."""
    number, check = int(digits[:9]), 97 - int(digits[9:])
    if number % 97 == check:
        return 1900
    return 2000 if (2_000_000_000 + number) % 97 == check else None


def _year(digits: str) -> str | None:
    if digits[2:6] == _UNKNOWN:
        return None
    century = _century(digits)
    return str(century + int(digits[:2])) if century else None


PART = DataType(
    name=NAME,
    about="Rijksregisternummer, numéro de registre national, Belgium",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "IBZ, Onderrichtingen Rijksregister, IT 000, identificatienummer",
        "Koninklijk besluit van 3 april 1984 betreffende de samenstelling van het identificatienummer, artikelen 2-4",
    ),
    aliases=("rijksregisternummer", "niss"),
    parts=(year(_year), sex(lambda text: sex_by_parity(text[8])), tail(2)),
    indexes=("exact", "year"),
    masked=lambda text: stars(text, 2),
    redactions=("redacted", "masked", "last_two", "plain_text"),
    ceiling="last_two",
    keep="shreddable",
    headers=(
        *(
            "rijksregisternummer",
            "rijksregister",
            "rrnr",
            "numero_national",
            "numero_registre_national",
            "niss",
            "insz",
        ),
        *("belgian_national_number", "nationalregisternummer"),
    ),
    proves=0.95,
    laws=("GDPR", "GDPR Art. 87"),
    example="85.07.30-033.28",
)
