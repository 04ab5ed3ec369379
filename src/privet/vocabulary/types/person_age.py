"""person.age: age in whole years, shown by decade, with all ages from 90 on in one bucket as HIPAA asks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire

NAME = "person.age"
OLDEST = 130


def normalize(value: Wire) -> str:
    """Return the age, 0 to 130, without leading zeros. Takes whole numbers and digits."""
    if isinstance(value, str):
        text = value.strip()
        if not re.fullmatch(r"[0-9]{1,3}", text):
            raise InvalidValue("expected whole years in digits", type_name=NAME)
        years = int(text)
    elif isinstance(value, int) and not isinstance(value, bool):
        years = value
    else:
        raise InvalidValue("expected a whole number", type_name=NAME)
    if not 0 <= years <= OLDEST:
        raise InvalidValue(f"expected 0 to {OLDEST} years", type_name=NAME)
    return str(years)


def decade(text: str) -> str:
    """Return the bucket of ten years: `0-9`, `40-49`, `90+`. Source: 45 CFR 164.514(b)(2)(i)(C)."""
    return _bucket(int(text))


def _bucket(years: int) -> str:
    return "90+" if years >= 90 else f"{years // 10 * 10}-{years // 10 * 10 + 9}"


def _cover(lowest: str, highest: str) -> Sequence[str]:
    low, high = int(lowest or 0), int(highest or OLDEST)
    return [_bucket(at * 10) for at in range(min(low // 10, 9), min(high // 10, 9) + 1)] if low <= high else []


def _fix(literal: str) -> str:
    if literal not in {_bucket(at) for at in range(0, 100, 10)}:
        raise InvalidValue("expected a bucket such as 40-49 or 90+")
    return literal


PART = DataType(
    name=NAME,
    about="Age in whole years.",
    category="user.demographic.age_range",
    normalize=normalize,
    present=int,
    sources=("45 CFR 164.514(b)(2)(i)(C): ages over 89 in one category", "Table of types: 0 to 130 years"),
    aliases=("age",),
    parts=(
        Part(
            name="decade",
            about="Ten years, and all from 90 on together.",
            of=decade,
            fix=_fix,
            few=True,
            cover=_cover,
        ),
    ),
    indexes=("decade",),
    few=True,
    masked=decade,
    redactions=("redacted", "decade", "masked", "plain_text"),
    token="none",
    headers=("age", "age_years", "age_in_years", "patient_age", "alter_jahre", "edad", "eta", "idade"),
    proves=0.05,
    laws=("GDPR", "CCPA", "HIPAA"),
    order=int,
    example="42",
)
