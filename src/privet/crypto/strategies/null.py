"""Nothing in the place of the value."""

from __future__ import annotations

from privet.crypto.strategies import Strategy

PART = Strategy(
    name="null",
    title="null",
    deterministic=True,
    constant=True,
    makes="null",
    apply=lambda value, context: None,
)
