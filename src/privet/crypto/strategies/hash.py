"""A digest under the request's own key, in hexadecimal: Fides' `hash`, whose salt is the request's, too."""

from __future__ import annotations

from privet.crypto.strategies import Strategy
from privet.crypto.strategies._text import ALGORITHM, SUFFIXED, keyed

PART = Strategy(
    name="hash",
    title="keyed hash",
    settings=(ALGORITHM, SUFFIXED),
    deterministic=True,
    makes="text",
    apply=lambda value, context: keyed(value, context, "hash"),
)
