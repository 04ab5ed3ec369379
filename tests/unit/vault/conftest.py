"""Fixtures of this folder; what they make stands in `a_vault`."""

from a_vault import Bench, bench, loop, schema

__all__ = ["Bench", "bench", "loop", "schema"]
