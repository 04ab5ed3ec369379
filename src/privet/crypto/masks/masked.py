"""The type's own default mask."""

from __future__ import annotations

from privet.vocabulary.datatype import Mask

PART = Mask(
    name="masked",
    about="what the type shows by default",
    reveals=40,
    apply=lambda datatype, text: datatype.masked(text),
)
