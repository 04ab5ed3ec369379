"""The number of the population register of Poland. Canonical: eleven digits."""

from __future__ import annotations

from privet.vocabulary.checksum import weighted
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, is_day, sex, sex_by_parity, stars, tail, year

NAME = "pl.pesel"
_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
# Months carry the century: 1-12 plus 0, 20, 40, 60, 80.
_CENTURIES = (1900, 2000, 2100, 2200, 1800)


def normalize(value: Wire) -> str:
    digits = compact_digits(value, NAME, 11)
    demand(weighted(digits, _WEIGHTS) % 10 == 0, "expected the check digit to agree", NAME)
    exists = is_day(_year(digits), int(digits[2:4]) % 20, int(digits[4:6]))
    demand(exists, "expected a date of birth that exists", NAME)
    return digits


def _year(digits: str) -> int:
    return _CENTURIES[int(digits[2:4]) // 20] + int(digits[:2])


PART = DataType(
    name=NAME,
    about="PESEL, number of the population register, Poland",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=("Ustawa z dnia 24 września 2010 r. o ewidencji ludności, art. 15", "GDPR article 87"),
    aliases=("pesel",),
    parts=(year(lambda text: str(_year(text))), sex(lambda text: sex_by_parity(text[9])), tail(2)),
    indexes=("exact", "year"),
    # The last digit checks, the one before tells the sex: nothing else of the person is shown.
    masked=lambda text: stars(text, 1),
    redactions=("redacted", "masked", "last_two", "plain_text"),
    ceiling="last_two",
    keep="shreddable",
    headers=("pesel", "pl_pesel", "pesel_number", "nr_pesel", "numer_pesel", "polish_national_id"),
    proves=0.9,
    laws=("GDPR", "GDPR Art. 87"),
    example="44051401359",
)
