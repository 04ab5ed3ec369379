"""The order of migrations that say which ones they need: needed ones first, else by their position."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def ordered(needs: Mapping[K, Sequence[K]]) -> tuple[list[K], list[K]]:
    """Return keys with what they need before them, and those that need each other in a ring, in the order given.

    Needed keys that are not there are passed over.
    """
    done: dict[K, None] = {}
    left = list(needs)
    while left:
        ready = [key for key in left if all(one in done or one not in needs for one in needs[key])]
        if not ready:
            break
        # One at a time, so that files keep the order of their names where nothing else decides.
        done[ready[0]] = None
        left.remove(ready[0])
    return list(done), left
