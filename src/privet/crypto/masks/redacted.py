"""Nothing at all."""

from __future__ import annotations

from privet.vocabulary.datatype import Mask

PART = Mask(
    name="redacted",
    about="nothing, not even that there is a value",
    reveals=0,
    apply=lambda datatype, text: None,
)
