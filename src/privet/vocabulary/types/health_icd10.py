"""Diagnosis code of ICD-10 or its clinical modification ICD-10-CM.

The form and the chapter are checked; whether a year's edition has the code is left to that edition.
"""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._parts import prefix, word
from privet.vocabulary.types._text import raw

_NAME = "health.icd10"
_FORM = re.compile(r"([A-Z][0-9][0-9AB])(?:\.?([0-9A-Z]{1,4}))?")
# First and last category of each chapter, the wider of ICD-10 (WHO) and ICD-10-CM. The order of ASCII is the order of
# the categories: C7A stands between C79 and C80.
_CHAPTERS = (
    ("A00", "B99", "1"),
    ("C00", "D49", "2"),
    ("D50", "D89", "3"),
    ("E00", "E90", "4"),
    ("F00", "F99", "5"),
    ("G00", "G99", "6"),
    ("H00", "H59", "7"),
    ("H60", "H95", "8"),
    ("I00", "I99", "9"),
    ("J00", "J99", "10"),
    ("K00", "K95", "11"),
    ("L00", "L99", "12"),
    ("M00", "M99", "13"),
    ("N00", "N99", "14"),
    ("O00", "O9A", "15"),
    ("P00", "P96", "16"),
    ("Q00", "Q99", "17"),
    ("R00", "R99", "18"),
    ("S00", "T98", "19"),
    ("U00", "U99", "22"),
    ("V00", "Y99", "20"),
    ("Z00", "Z99", "21"),
)


def normalize(value: Wire) -> str:
    """Return the code in upper case, with its point after the category.

    >>> normalize("e119"), normalize("E11")
    ('E11.9', 'E11')
    """
    found = _FORM.fullmatch(raw(value, _NAME).strip().upper())
    if found is None:
        raise InvalidValue("expected a letter, a digit, a digit or A or B, then up to four more", type_name=_NAME)
    category, detail = found.groups()
    demand(chapter(category) is not None, "expected a category of one of the 22 chapters", _NAME)
    return f"{category}.{detail}" if detail else category


def chapter(code: str) -> str | None:
    """Return the number of the chapter, 1 to 22."""
    category = code[:3]
    return next((number for first, final, number in _CHAPTERS if first <= category <= final), None)


PART = DataType(
    name=_NAME,
    about="Diagnosis code, ICD-10",
    category="user.health_and_medical",
    small=True,
    normalize=normalize,
    sources=(
        "ICD-10-CM Official Guidelines for Coding and Reporting, section I.A (format, placeholder, chapters)",
        "WHO, ICD-10 volume 2, section 2.4 (structure)",
        "GDPR, article 9(1) and recital 35 (data concerning health)",
    ),
    aliases=("icd10", "diagnosis"),
    parts=(
        word("chapter", "The chapter, 1 to 22", chapter, tuple(str(number) for number in range(1, 23))),
        prefix(3),
    ),
    indexes=("exact", "prefix_3"),
    masked=lambda text: f"{text[:3]}.*",
    # Care, billing and public health work with whole codes (GDPR article 9(2)(h), 45 CFR 164.506); who they are is
    # the policy's to say.
    ceiling="plain_text",
    token="none",
    headers=(
        "icd10",
        "icd_10",
        "icd10_code",
        "icd_code",
        "icd10cm",
        "diagnosis_code",
        "diagnosis",
        "dx_code",
        "dx",
        "primary_diagnosis",
        "codigo_cie10",
        "cie10",
        "cim10",
        "diagnose_code",
        "cid10",
    ),
    proves=0.6,
    laws=("HIPAA", "GDPR", "GDPR Art. 9", "CPRA sensitive"),
    example="E11.9",
)
