"""Flags of random people, for cases of the rulebook, which says whom they hold back from whom."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from rulebook import LEGAL, Case

FLAGS = ("restriction", "objection:marketing", "objection:marketing.advertising", "objection:essential")


def in_force(made: Case) -> frozenset[str]:
    """Return every flag that anybody of a case has."""
    return frozenset(flag for row in made.rows for flag in row.flags)


def flagged(made: Case, seed: int) -> Case:
    """Return a case in which some people have flags, and some callers a legal obligation."""
    r = Random(seed + 1)
    rows = tuple(replace(row, flags=some_flags(r)) for row in made.rows)
    if r.random() < 0.8:
        return replace(made, rows=rows)
    who = replace(made.who, purposes=(*made.who.purposes, LEGAL))
    stated = r.choice((LEGAL, made.access.purpose))
    return replace(made, rows=rows, who=who, access=replace(made.access, purpose=stated))


def some_flags(r: Random) -> frozenset[str]:
    return frozenset(flag for flag in FLAGS if r.random() < 0.2)
