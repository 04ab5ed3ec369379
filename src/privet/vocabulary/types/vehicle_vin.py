"""Vehicle identification number (VIN): 17 characters.

The check digit is demanded of North American vehicles alone (first character 1 to 5): elsewhere the place is free.
"""

from __future__ import annotations

import re

from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.identifier import compact, demand, piece, tail
from privet.vocabulary.types._dates import year
from privet.vocabulary.types._parts import prefix

_NAME = "vehicle.vin"
_FORM = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_NORTH_AMERICA = "12345"
# 49 CFR 565.15(c): letters count as digits, each place has its weight.
_VALUES = {str(digit): digit for digit in range(10)} | dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True)
)
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
# 49 CFR 565.15(d)(1): A is 1980 and again 2010, so thirty letters and digits go round.
_YEARS = "ABCDEFGHJKLMNPRSTVWXY123456789"
_FIRST_YEAR = 1980


def normalize(value: Wire) -> str:
    """Return the 17 characters in upper case."""
    vin = compact(value, _NAME)
    demand(bool(_FORM.fullmatch(vin)), "expected 17 letters and digits without I, O and Q", _NAME)
    if vin[0] in _NORTH_AMERICA:
        demand(vin[8] == _check_digit(vin), "expected a ninth character that checks the others", _NAME)
    return vin


def model_year(vin: str) -> str | None:
    """Return the model year of a North American vehicle.

    The seventh character tells the two rounds of letters apart: a digit before 2010, a letter from then on. That
    binds vehicles up to 4,536 kg; of a heavier one this may be thirty years off.
    """
    if vin[0] not in _NORTH_AMERICA or vin[9] not in _YEARS:
        return None
    again = 0 if vin[6].isdigit() else len(_YEARS)
    return str(_FIRST_YEAR + again + _YEARS.index(vin[9]))


def masked(vin: str) -> str:
    """Return the maker and the last four characters.

    >>> masked("1M8GDM9AXKP042788")
    '1M8***…2788'
    """
    return f"{vin[:3]}***…{vin[-4:]}"


def _check_digit(vin: str) -> str:
    rest = sum(weight * _VALUES[mark] for weight, mark in zip(_WEIGHTS, vin, strict=True)) % 11
    return "X" if rest == 10 else str(rest)


_YEAR = year(_FIRST_YEAR, _FIRST_YEAR + 2 * len(_YEARS) - 1)

PART = DataType(
    name=_NAME,
    about="Vehicle identification number",
    category="user.government_id.vehicle_registration",
    normalize=normalize,
    sources=(
        "ISO 3779:2009 (content and structure)",
        "49 CFR 565.15 (North America: check digit, model year)",
        "45 CFR 164.514(b)(2)(i)(L) (vehicle identifiers)",
    ),
    aliases=("vin",),
    parts=(
        piece("wmi", "World manufacturer identifier, three characters", lambda text: text[:3], length=3),
        piece("vds", "Vehicle descriptor section, six characters", lambda text: text[3:9], length=6),
        piece("vis", "Vehicle indicator section, eight characters", lambda text: text[9:], length=8),
        # No range is answered: the order of VINs is not the order of years.
        Part(name="year", about="The model year, of North American vehicles", of=model_year, fix=_YEAR.fix, few=True),
        prefix(3),
        tail(4),
    ),
    indexes=("exact", "prefix_3", "last_four"),
    masked=masked,
    redactions=("redacted", "year", "last_four", "masked", "plain_text"),
    keep="shreddable",
    pad_bytes=24,
    headers=(
        "vin",
        "vin_number",
        "vehicle_vin",
        "vehicle_identification_number",
        "vehicle_id",
        "chassis_number",
        "frame_number",
        "numero_chasis",
        "numero_serie_vehicule",
        "fahrgestellnummer",
        "chassi",
    ),
    proves=0.9,
    laws=("HIPAA", "GDPR"),
    example="1M8GDM9AXKP042788",
)
