"""The Social Security number of the United States. Canonical: nine digits."""

from __future__ import annotations

from collections.abc import Sequence

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import nine_digits, piece, tail

NAME = "us.ssn"

# Printed in a wallet insert of 1938 and a pamphlet of 1940, used by thousands, and void since.
VOID = frozenset({"078051120", "219099999"})


def normalize(value: Wire) -> str:
    digits = nine_digits(value, NAME)
    if digits[:3] in ("000", "666") or digits[0] == "9":
        raise InvalidValue("expected an area other than 000, 666 and 900-999", type_name=NAME)
    if digits[3:5] == "00":
        raise InvalidValue("expected a group other than 00", type_name=NAME)
    if digits[5:] == "0000":
        raise InvalidValue("expected a serial other than 0000", type_name=NAME)
    if digits in VOID:
        raise InvalidValue("expected a number that is not void", type_name=NAME)
    return digits


def normalize_all(values: Sequence[Wire]) -> tuple[list[str], dict[int, str]]:
    """Normalize a batch: ddddddddd and ddd-dd-dddd in columns; every other value, and every fault, one by one."""
    texts, faults = [""] * len(values), {}
    for width, places in _by_width(values).items():
        accepted = _accept([str(values[at]) for at in places], width)
        if len(places) == len(values):
            texts = accepted
            break
        for at, text in zip(places, accepted, strict=True):
            texts[at] = text
    for at in [at for at, text in enumerate(texts) if not text] if "" in texts else ():
        try:
            texts[at] = normalize(values[at])
        except InvalidValue as error:
            faults[at] = error.rule
    return texts, faults


def _by_width(values: Sequence[Wire]) -> dict[int, Sequence[int]]:
    """Return the places of texts of 9 and of 11 characters."""
    if set(map(type, values)) == {str}:
        widths = list(map(len, values))  # type: ignore[arg-type]  # all are texts
    else:
        widths = [len(value) if type(value) is str else 0 for value in values]
    found: dict[int, Sequence[int]] = {}
    for width in (9, 11):
        count = widths.count(width)
        if count == len(values):
            return {width: range(count)}
        if count:
            found[width] = [at for at, length in enumerate(widths) if length == width]
    return found


def _accept(texts: list[str], width: int) -> list[str]:
    """Return the digits of each text of `width` characters, "" where it needs a closer look."""
    import numpy as np

    joined = "".join(texts)
    if not joined.isascii():
        return [""] * len(texts)
    grid = np.frombuffer(joined.encode("ascii"), np.uint8).reshape(-1, width)
    good = np.ones(len(grid), np.bool_)
    if width == 11:
        good &= (grid[:, 3] == ord("-")) & (grid[:, 6] == ord("-"))
        texts = [text.replace("-", "") for text in texts]
        grid = grid[:, [0, 1, 2, 4, 5, 7, 8, 9, 10]]
    digits = np.ascontiguousarray(grid.T) - np.uint8(ord("0"))  # what is below "0" wraps to a large number
    good &= digits.max(axis=0) <= 9
    area = digits[:3].astype(np.uint16).T @ np.array([100, 10, 1], np.uint16)
    good &= (area > 0) & (area != 666) & (area < 900) & digits[3:5].any(axis=0) & digits[5:].any(axis=0)
    good &= ~np.isin(area, [int(void[:3]) for void in VOID])
    for at in np.flatnonzero(~good).tolist():
        texts[at] = ""
    return texts


PART = DataType(
    name=NAME,
    about="Social Security number, United States",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    normalize_all=normalize_all,
    sources=(
        "SSA POMS RM 10201.035, Invalid Social Security Numbers",
        "SSA, Social Security Number Randomization (2011)",
        "SSA, Social Security Cards Issued by Woolworth",
        "26 CFR 301.6109-4, truncated taxpayer identification numbers",
    ),
    aliases=("ssn", "social_security_number"),
    parts=(
        piece("area", "First three digits", lambda text: text[:3], length=3),
        piece("group", "Middle two digits", lambda text: text[3:5], length=2, few=True),
        piece("serial", "Last four digits", lambda text: text[5:], length=4),
        tail(4),
    ),
    indexes=("exact", "last_four"),
    masked=lambda text: "***-**-" + text[5:],
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    shape="ssn",
    headers=(
        *("ssn", "ssn_number", "social_security", "social_security_number", "social_security_no", "soc_sec_no"),
        *("us_ssn", "tax_ssn", "numero_de_seguro_social", "seguro_social", "numero_securite_sociale_us"),
    ),
    proves=0.2,
    laws=("GLBA", "HIPAA", "CPRA sensitive"),
    example="856-45-6789",
)
