"""The last three characters."""

from __future__ import annotations

from privet.crypto.masks import ending
from privet.vocabulary.datatype import Mask

PART = Mask(
    name="last_three",
    about="the last three letters or digits, the others starred",
    reveals=20,
    apply=ending("last_three", 3),
)
