"""The first six characters: the issuer of a card (PCI DSS v4.0, requirement 3.4.1 allows a BIN and the last four)."""

from __future__ import annotations

from privet.crypto.masks import beginning
from privet.vocabulary.datatype import Mask

PART = Mask(
    name="first_six",
    about="the first six letters or digits, the others starred",
    reveals=30,
    apply=beginning("first_six", 6),
)
