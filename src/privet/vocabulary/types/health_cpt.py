"""Procedure code of the CPT code set. The form and the section are checked; the code list is its publisher's."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._parts import prefix, word
from privet.vocabulary.types._text import raw

_NAME = "health.cpt"
_FORM = re.compile(r"[0-9]{4}[0-9FTUM]")
_BY_LETTER = {"F": "performance", "T": "emerging", "U": "laboratory", "M": "laboratory"}
# The first and the last number of each section of category I, rounded out to hundreds.
_SECTIONS = (
    (100, 1999, "anesthesia"),
    (10000, 69999, "surgery"),
    (70000, 79999, "radiology"),
    (80000, 89999, "laboratory"),
    (90000, 99199, "medicine"),
    (99200, 99499, "evaluation"),
    (99500, 99999, "medicine"),
)
_WORDS = ("anesthesia", "emerging", "evaluation", "laboratory", "medicine", "performance", "radiology", "surgery")


def normalize(value: Wire) -> str:
    """Return the five characters in upper case. A modifier is a column of its own."""
    code = raw(value, _NAME).strip().upper()
    if not _FORM.fullmatch(code):
        raise InvalidValue("expected five digits, or four and one of F, T, U and M", type_name=_NAME)
    demand(section(code) is not None, "expected a number of one of the sections", _NAME)
    return code


def section(code: str) -> str | None:
    """Return the section, by number for category I and by letter for the others."""
    if code[4] in _BY_LETTER:
        return _BY_LETTER[code[4]]
    return next((name for first, final, name in _SECTIONS if first <= int(code) <= final), None)


PART = DataType(
    name=_NAME,
    about="Procedure code, CPT",
    category="user.health_and_medical",
    normalize=normalize,
    sources=(
        "45 CFR 162.1002 (code sets for procedures)",
        "CMS, Medicare Claims Processing Manual, chapter 23 (HCPCS level I, its categories and sections)",
    ),
    aliases=("cpt",),
    parts=(word("section", "The section of the code set", section, _WORDS), prefix(3)),
    indexes=("exact", "prefix_3"),
    masked=lambda text: f"{text[:3]}**",
    # As for diagnoses: care and billing work with whole codes (45 CFR 164.506).
    ceiling="plain_text",
    token="none",
    headers=(
        "cpt",
        "cpt_code",
        "procedure_code",
        "hcpcs_level_1",
        "service_code",
        "billing_code",
        "px_code",
        "codigo_procedimiento",
        "code_acte",
        "prozedurencode",
    ),
    proves=0.1,
    laws=("HIPAA", "GDPR", "GDPR Art. 9", "CPRA sensitive"),
    example="99213",
)
