"""address.street: the line of an address that names street, number and unit."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types._bulk import in_bulk
from privet.vocabulary.types._text import clean, fold, is_clean

NAME = "address.street"
LONGEST = 200

# USPS Publication 28, appendix C1 (street suffixes) and section 233 (directions): the word → its abbreviation.
_SUFFIXES = {
    "alley": "aly",
    "avenue": "ave",
    "av": "ave",
    "boulevard": "blvd",
    "bridge": "brg",
    "center": "ctr",
    "circle": "cir",
    "court": "ct",
    "crescent": "cres",
    "crossing": "xing",
    "drive": "dr",
    "expressway": "expy",
    "freeway": "fwy",
    "gardens": "gdns",
    "grove": "grv",
    "heights": "hts",
    "highway": "hwy",
    "hill": "hl",
    "lane": "ln",
    "parkway": "pkwy",
    "place": "pl",
    "plaza": "plz",
    "ridge": "rdg",
    "road": "rd",
    "route": "rte",
    "square": "sq",
    "station": "sta",
    "street": "st",
    "str": "st",
    "terrace": "ter",
    "trail": "trl",
    "turnpike": "tpke",
    "valley": "vly",
    "way": "way",
}
_DIRECTIONS = {
    "north": "n",
    "east": "e",
    "south": "s",
    "west": "w",
    "northeast": "ne",
    "northwest": "nw",
    "southeast": "se",
    "southwest": "sw",
}
# USPS Publication 28, appendix C2: designators of a unit in a building.
_UNITS = {
    "apartment": "apt",
    "apt": "apt",
    "building": "bldg",
    "bldg": "bldg",
    "flat": "flat",
    "floor": "fl",
    "fl": "fl",
    "room": "rm",
    "rm": "rm",
    "suite": "ste",
    "ste": "ste",
    "unit": "unit",
    "#": "#",
}
_SHORT = {**_SUFFIXES, **_DIRECTIONS, **_UNITS}
_ENDS = frozenset(_SUFFIXES.values())
_BREAKS = re.compile(r"[\s,.;]+")
_NUMBER = re.compile(r"[0-9]+(?:[\-/][0-9]+)?[a-z]?", re.IGNORECASE)
_UNIT = re.compile(r"(?:^|[\s,])((?:" + "|".join(map(re.escape, _UNITS)) + r")\.?\s*\S+)\s*$", re.IGNORECASE)


def normalize(value: Wire) -> str:
    """Return the line trimmed, in NFC, with single spaces; its words and case stay.

    A break of line becomes a space. Raises InvalidValue above 200 characters or without a letter or digit.
    """
    text = clean(value, NAME, LONGEST)
    if not any(map(str.isalnum, text)):
        raise InvalidValue("expected at least one letter or digit", type_name=NAME)
    return text


def matching(text: str) -> str:
    """Return the line in lower case, without punctuation, with the usual words abbreviated.

    >>> matching("12 North Main Street, Apartment 4B")
    '12 n main st apt 4b'
    """
    words = _BREAKS.split(fold(text).replace("#", " # "))
    return " ".join(_SHORT.get(word, word) for word in words if word)


def _unit(text: str) -> str | None:
    match = _UNIT.search(text)
    return match[1] if match else None


def _street_line(text: str) -> list[str]:
    match = _UNIT.search(text)
    line = text[: match.start()] if match else text
    return line.replace(",", " ").split()


def _number(text: str) -> str | None:
    """Return the house number: the first word, or the last, as in `Hauptstraße 12`."""
    words = _street_line(text)
    ends = [word for word in (words[:1] + words[-1:]) if _NUMBER.fullmatch(word)]
    return ends[0] if ends else None


def _street(text: str) -> str | None:
    words, number = _street_line(text), _number(text)
    if number is not None:
        words.remove(number)
    return " ".join(words) or None


def masked(text: str) -> str:
    """Return `1** M*** St`: the first character of each word, and the suffix of the street where it stands last."""
    words = _street_line(text) or text.split()
    shown = [f"{word[0]}**" if word[0].isdigit() else f"{word[0]}***" for word in words]
    ending = fold(words[-1]).rstrip(".")
    if len(words) > 1 and (ending in _ENDS or ending in _SUFFIXES):
        shown[-1] = words[-1]
    return " ".join(shown)


PART = DataType(
    name=NAME,
    about="The street line of an address.",
    category="user.contact.address.street",
    normalize=normalize,
    normalize_all=in_bulk(
        lambda texts: [
            text if (text[:1].isalnum() or text[-1:].isalnum()) and is_clean(text, LONGEST) else "" for text in texts
        ],
        normalize,
    ),
    sources=("USPS Publication 28, sections 23 and 213 and appendices C1 and C2", "UPU S42: thoroughfare, premises"),
    aliases=("street",),
    parts=(
        Part(name="number", about="The house number.", of=_number),
        Part(name="street", about="The street without number and unit.", of=_street),
        Part(name="unit", about="Apartment, suite, floor and the like.", of=_unit),
        Part(
            name="matching",
            about="The line in lower case with words abbreviated: one form for the usual spellings.",
            of=matching,
            fix=matching,
        ),
    ),
    indexes=("exact", "matching"),
    masked=masked,
    redactions=("redacted", "masked", "plain_text"),
    keep="shreddable",
    shape="uuid",
    pad_bytes=64,
    headers=(
        "street",
        "address",
        "street_address",
        "address_line",
        "address_line_1",
        "address_line_2",
        "address1",
        "address2",
        "addr",
        "home_address",
        "shipping_address",
        "billing_address",
        "strasse",
        "adresse",
        "rue",
        "direccion",
        "calle",
        "indirizzo",
    ),
    proves=0.1,
    laws=("GDPR", "CCPA", "HIPAA"),
    example="123 Main St",
)
