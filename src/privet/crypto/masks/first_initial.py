"""The first character, and three stars whatever the length, which would tell much about a name."""

from __future__ import annotations

from privet.crypto.masks import STARS, alone
from privet.vocabulary.datatype import DataType, Mask, Wire


def _apply(datatype: DataType, text: str) -> Wire:
    part = datatype.part("first_initial")
    initial = alone(part.of(text) if part else text[:1], text)
    return initial if initial == STARS else initial + STARS


PART = Mask(
    name="first_initial",
    about="the first letter",
    reveals=10,
    apply=_apply,
)
