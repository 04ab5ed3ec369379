"""The last two characters."""

from __future__ import annotations

from privet.crypto.masks import ending
from privet.vocabulary.datatype import Mask

PART = Mask(
    name="last_two",
    about="the last two letters or digits, the others starred",
    reveals=15,
    apply=ending("last_two", 2),
)
