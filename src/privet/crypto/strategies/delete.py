"""The record as a whole goes. Of collections alone."""

from __future__ import annotations

from privet.crypto.strategies import Strategy

PART = Strategy(
    name="delete",
    title="deletion of the record",
    deterministic=True,
    constant=True,
    makes="null",
    deletes=True,
    apply=lambda value, context: None,
)
