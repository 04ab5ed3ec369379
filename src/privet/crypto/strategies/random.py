"""A random value of the same kind: what is drawn depends on nothing that was there."""

from __future__ import annotations

from privet.crypto.strategies import Strategy
from privet.crypto.strategies._draw import drawn

PART = Strategy(
    name="random",
    title="random, of the same kind",
    deterministic=False,
    apply=lambda value, context: drawn(value, context, context.source),
)
