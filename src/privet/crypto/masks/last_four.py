"""The last four characters."""

from __future__ import annotations

from privet.crypto.masks import ending
from privet.vocabulary.datatype import Mask

PART = Mask(
    name="last_four",
    about="the last four letters or digits, the others starred",
    reveals=25,
    apply=ending("last_four", 4),
)
