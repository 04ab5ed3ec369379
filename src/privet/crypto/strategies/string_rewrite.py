"""One text in the place of all, as Fides calls it."""

from __future__ import annotations

from privet.crypto.strategies import Strategy, Wanted
from privet.crypto.strategies._text import SUFFIX, SUFFIXED

PART = Strategy(
    name="string_rewrite",
    title="one text for all (Fides)",
    settings=(Wanted(name="rewrite_value", about="the text that stands there afterwards", required=True), SUFFIXED),
    deterministic=True,
    constant=True,
    makes="text",
    apply=lambda value, context: context.text("rewrite_value") + context.text(SUFFIX),
)
