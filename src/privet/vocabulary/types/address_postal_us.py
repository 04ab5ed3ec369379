"""address.postal_us: a ZIP Code or ZIP+4 of the United States."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types._text import prefix, raw

NAME = "address.postal_us"
_ZIP = re.compile(r"([0-9]{5})(?:[ \-]?([0-9]{4}))?")

# Three digits that no ZIP Code begins with. Source: USPS Domestic Mail Manual, labeling list L002.
_NO_AREA = "000 001 002 003 004 099 213 269 343 345 348 353 419 428"
_UNUSED = frozenset(_NO_AREA.split())
# Three-digit areas of 20,000 people or fewer in the census of 2000, which a Safe Harbor export shows as 000.
# Source: 45 CFR 164.514(b)(2)(i)(B); HHS OCR, Guidance Regarding Methods for De-identification (2012).
_FEW_PEOPLE = "036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893"
_SPARSE = frozenset(_FEW_PEOPLE.split())


def normalize(value: Wire) -> str:
    """Return `94103` or `94103-1234`. A number is refused: it would have lost the leading zero of New England."""
    match = _ZIP.fullmatch(raw(value, NAME).strip())
    if match is None:
        raise InvalidValue("expected five digits, or nine as ZIP+4", type_name=NAME)
    if match[1][:3] in _UNUSED:
        raise InvalidValue("expected the first three digits of a ZIP Code area in use", type_name=NAME)
    return f"{match[1]}-{match[2]}" if match[2] else match[1]


def zip3(text: str) -> str:
    """Return the first three digits, `000` for the areas that have too few people to be named."""
    return "000" if text[:3] in _SPARSE else text[:3]


def _digits(count: int) -> re.Pattern[str]:
    return re.compile(rf"[0-9]{{{count}}}")


def _fix_zip3(literal: str) -> str:
    if not _digits(3).fullmatch(literal):
        raise InvalidValue("expected three digits")
    return literal


def _fix_zip5(literal: str) -> str:
    if not _digits(5).fullmatch(literal):
        raise InvalidValue("expected five digits")
    return literal


def _fix_plus4(literal: str) -> str:
    if not _digits(4).fullmatch(literal):
        raise InvalidValue("expected four digits")
    return literal


PART = DataType(
    name=NAME,
    about="A ZIP Code or ZIP+4 of the United States.",
    category="user.contact.address.postal_code",
    small=True,
    normalize=normalize,
    sources=(
        "USPS Publication 28, section 22: ZIP+4",
        "USPS Domestic Mail Manual, labeling list L002",
        "45 CFR 164.514(b)(2)(i)(B)",
    ),
    aliases=("zip", "zip_code"),
    parts=(
        Part(name="zip3", about="The first three digits, 000 where few people live.", of=zip3, fix=_fix_zip3),
        Part(name="zip5", about="The five digits without +4.", of=lambda text: text[:5], fix=_fix_zip5),
        Part(name="plus4", about="The four digits of ZIP+4.", of=lambda text: text[6:] or None, fix=_fix_plus4),
        prefix(3),
    ),
    indexes=("exact", "zip3", "zip5", "prefix_3"),
    masked=lambda text: f"{zip3(text)}**",
    redactions=("redacted", "zip3", "masked", "plain_text"),
    keep="shreddable",
    headers=(
        "zip",
        "zip_code",
        "zipcode",
        "postal_code",
        "postcode",
        "zip5",
        "zip4",
        "billing_zip",
        "shipping_zip",
        "codigo_postal",
        "code_postal",
    ),
    proves=0.3,
    laws=("HIPAA", "CCPA"),
    example="94103",
)
