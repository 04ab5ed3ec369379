"""Nothing in the place of the value, as Fides calls it."""

from __future__ import annotations

from privet.crypto.strategies import Strategy

PART = Strategy(
    name="null_rewrite",
    title="null (Fides)",
    deterministic=True,
    constant=True,
    makes="null",
    apply=lambda value, context: None,
)
