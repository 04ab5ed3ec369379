"""The driver licence number of a state of the United States. Canonical: STATE:NUMBER, as in CA:A1234567."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand, piece, read_layout, stars, tail

NAME = "us.driver_license"
SHAPES_FILE = Path(__file__).parent.parent / "data" / "us_licenses.csv"

_CLASSES = {"l": "[A-Z]", "d": "[0-9]", "w": "[A-Z0-9*]"}
_LAYOUT = re.compile(r"([A-Za-z]{2}) ?[:\- ] ?([A-Za-z0-9*](?:[- ]?[A-Za-z0-9*])*)")


def normalize(value: Wire) -> str:
    """Accept `CA A1234567`, `CA-A1234567` and `CA:A1234567`, with hyphens or spaces inside the number."""
    match = read_layout(value, _LAYOUT, "expected a state, then its licence number", NAME)
    state, number = match[1].upper(), match[2].replace("-", "").replace(" ", "").upper()
    shape = _shapes().get(state)
    if shape is None:
        raise InvalidValue("expected a state of the United States or DC", type_name=NAME)
    demand(shape.fullmatch(number) is not None, "expected a number in the format of its state", NAME)
    demand(state != "WA" or len(number) == 12, "expected 12 characters in Washington", NAME)
    return f"{state}:{number}"


@cache
def _shapes() -> dict[str, re.Pattern[str]]:
    """Return state → what its numbers look like, read from the data file on first use."""
    found = {}
    for line in SHAPES_FILE.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            state, _, rest = line.partition(",")
            # A comma inside braces belongs to a count, one outside separates two shapes.
            shapes = re.sub(r",(?![0-9]+\})", "|", rest)
            found[state] = re.compile(re.sub("[ldw]", lambda letter: _CLASSES[letter[0]], shapes))
    return found


def _mask(text: str) -> str:
    # Some states give numbers of few digits, of which three would be most.
    return stars(text[3:], 3 if len(text) >= 9 else 0)


def _last_three(text: str) -> str | None:
    return text[-3:] if len(text) >= 9 else None


PART = DataType(
    name=NAME,
    about="Driver licence number, United States, with its state",
    category="user.government_id.drivers_license_number",
    normalize=normalize,
    sources=(
        "NTSI, State Driver's License Formats",
        "AAMVA DL/ID Card Design Standard (2020), customer ID number",
        "Cal. Civ. Code 1798.140(ae)(1)(A)",
    ),
    aliases=("driver_license", "drivers_license"),
    parts=(
        piece("state", "Issuing state, two letters", lambda text: text[:2], length=2, few=True),
        piece("number", "The number without its state", lambda text: text[3:], also="*"),
        replace(tail(3), of=_last_three, about="The last 3 characters of numbers of 6 and more"),
    ),
    indexes=("exact", "last_three"),
    masked=_mask,
    redactions=("redacted", "masked", "last_three", "plain_text"),
    ceiling="last_three",
    keep="shreddable",
    pad_bytes=32,
    headers=(
        *("driver_license", "drivers_license", "driver_license_number", "driver_licence", "dl", "dl_number", "dl_no"),
        *("license_number", "licence_number", "licencia_de_conducir", "permis_de_conduire"),
    ),
    proves=0.6,
    laws=("DPPA", "HIPAA", "CPRA sensitive"),
    example="CA A1234567",
)
