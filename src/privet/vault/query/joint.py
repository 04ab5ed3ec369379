"""Which conditions a compound index answers together. Knows no key and no store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from privet import digest
from privet.vault.query.question import Leaf, Question, Source, Tree
from privet.vault.schema import Compound

MOST_TAGS = 1_000  # combinations of values that one index is asked for


@dataclass(frozen=True, slots=True)
class Joint:
    """Conditions that hold together just where a compound index has one of the tags of `parts`."""

    source: Source
    compound: Compound
    leaves: tuple[Leaf, ...]  # one for each target, in that order

    def parts(self) -> Iterator[bytes]:
        """Yield what is tagged for each combination of values."""
        for values in product(*(leaf.values for leaf in self.leaves)):
            yield digest.canonical(value.encode() for value in values)


def joints(items: Sequence[Tree], question: Question) -> list[Joint]:
    """Return how compound indexes answer some of a conjunction's items; none is answered twice, the most go first."""
    found: list[Joint] = []
    left = dict.fromkeys(item for item in items if isinstance(item, Leaf) and item.op == "in")
    for source in question.sources:
        for compound in sorted(source.table.compounds, key=lambda compound: -len(compound.targets)):
            joint = _joint(source, compound, list(left))
            if joint is not None:
                found.append(joint)
                for leaf in joint.leaves:
                    del left[leaf]
    return found


def _joint(source: Source, compound: Compound, leaves: Sequence[Leaf]) -> Joint | None:
    by_target: dict[str, Leaf] = {}
    for leaf in leaves:
        if leaf.place.source == source.name:
            target = ".".join(word for word in (leaf.place.column, leaf.place.part) if word)
            by_target.setdefault(target, leaf)
    if not all(target in by_target for target in compound.targets):
        return None
    chosen = tuple(by_target[target] for target in compound.targets)
    return Joint(source, compound, chosen) if prod(len(leaf.values) for leaf in chosen) <= MOST_TAGS else None
