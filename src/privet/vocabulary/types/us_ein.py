"""The employer identification number of the United States. Canonical: nine digits."""

from __future__ import annotations

import re

from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.identifier import demand, piece, read_layout, tail

NAME = "us.ein"

# Some prefixes moved from a campus to the internet or are shared; those stand with the IRS's present list.
CAMPUSES = {
    "Andover": "10 12",
    "Atlanta": "60 67",
    "Austin": "50 53",
    "Brookhaven": "01 02 03 04 05 06 11 13 14 16 21 22 23 25 34 51 52 54 55 56 57 58 59 65",
    "Cincinnati": "30 32 35 36 37 38 61",
    "Fresno": "15 24",
    "Internet": "20 26 27 45 46 47 81 82 83 84 85 86 87 88 92 93 98 99",
    "Kansas City": "40 44",
    "Memphis": "94 95",
    "Ogden": "80 90",
    "Philadelphia": "33 39 41 42 43 48 62 63 64 66 68 71 72 73 74 75 76 77 91",
    "Small Business Administration": "31",
}
_CAMPUS = {prefix: campus for campus, prefixes in CAMPUSES.items() for prefix in prefixes.split()}
_LAYOUT = re.compile(r"([0-9]{2})[- ]?([0-9]{7})")


def normalize(value: Wire) -> str:
    # A hyphen elsewhere belongs to another number: 3-2-4 is a Social Security number.
    match = read_layout(value, _LAYOUT, "expected 9 digits, plain or as 2-7", NAME)
    demand(match[1] in _CAMPUS, "expected a prefix that the IRS assigns", NAME)
    return match[1] + match[2]


def _fix_campus(literal: str) -> str:
    campus = literal.strip().title()
    demand(campus in CAMPUSES, "expected the name of an IRS campus", "campus")
    return campus


PART = DataType(
    name=NAME,
    about="Employer identification number, United States",
    category="user.government_id",
    normalize=normalize,
    sources=(
        "IRS, How EINs are assigned and valid EIN prefixes",
        "26 CFR 301.7701-12, employer identification number",
        "26 CFR 301.6109-4, truncated taxpayer identification numbers",
    ),
    aliases=("ein", "fein"),
    parts=(
        Part(
            name="campus",
            about="The IRS campus or office that assigns the prefix",
            of=lambda text: _CAMPUS[text[:2]],
            fix=_fix_campus,
            few=True,
        ),
        piece("serial", "Last seven digits", lambda text: text[2:], length=7),
        tail(4),
    ),
    indexes=("exact", "last_four"),
    masked=lambda text: "**-***" + text[5:],
    redactions=("redacted", "masked", "last_four", "plain_text"),
    # Companies print theirs in public filings; a sole trader's can be lowered per column.
    ceiling="plain_text",
    headers=("ein", "fein", "us_ein", "employer_id", "employer_identification_number", "federal_tax_id", "fed_tax_id"),
    proves=0.1,
    laws=("GLBA",),
    example="91-1144442",
)
