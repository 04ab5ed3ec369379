"""The resident registration number of South Korea. Canonical: thirteen digits."""

from __future__ import annotations

from privet.vocabulary.checksum import weighted
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, is_day, stars, tail

NAME = "kr.rrn"
_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
# The seventh digit tells century and sex; 5-8 are residents from abroad.
_CENTURIES = {
    "9": 1800,
    "0": 1800,
    "1": 1900,
    "2": 1900,
    "5": 1900,
    "6": 1900,
    "3": 2000,
    "4": 2000,
    "7": 2000,
    "8": 2000,
}
LAST_PLACE = 96
# From this day on the last six digits are drawn at random, without place or check digit.
RANDOM_SINCE = 20201005


def normalize(value: Wire) -> str:
    """Check place and check digit of births before RANDOM_SINCE only.

    Who was born before and got a number later is refused nine times in ten: the number does not tell when it was
    given. A column that holds such people should use the type `string`.
    """
    digits = compact_digits(value, NAME, 13)
    born = str(_CENTURIES[digits[6]] + int(digits[:2])) + digits[2:6]
    exists = is_day(int(born[:4]), int(born[4:6]), int(born[6:]))
    demand(exists, "expected a date of birth that exists", NAME)
    if int(born) < RANDOM_SINCE:
        demand(int(digits[7:9]) <= LAST_PLACE, "expected a place of registration of 00 to 96", NAME)
        demand(digits[12] in _check_digits(digits), "expected the check digit to agree", NAME)
    return digits


def _check_digits(digits: str) -> tuple[str, ...]:
    check = (11 - weighted(digits, _WEIGHTS) % 11) % 10
    # Numbers of residents from abroad add two; accounts of them differ, so both are accepted.
    return (str(check), str((check + 2) % 10)) if digits[6] in "5678" else (str(check),)


PART = DataType(
    name=NAME,
    about="Resident registration number, South Korea",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Resident Registration Act, article 7-2, and its Enforcement Rule, article 2 (as of 5 October 2020)",
        "Personal Information Protection Act, article 24-2",
    ),
    aliases=("rrn",),
    parts=(tail(4),),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    headers=("rrn", "kr_rrn", "resident_registration_number", "jumin", "jumin_number", "juminbeonho", "주민등록번호"),
    proves=0.9,
    laws=("PIPA",),
    example="971013-9019902",
)
