"""Orders of things that must come before others: circles found, sorted, and cut where they must be.

Things are numbers from 0. Where the order is free the lower number goes first, so that the same input has one answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush


def circles(nexts: Sequence[Iterable[int]]) -> list[list[int]]:
    """Return the strongly connected components, each sorted, those first that lead to others.

    `nexts`: thing → things that come after it. A component of one thing is no circle unless it leads to itself.
    Source: Tarjan, Depth-first search and linear graph algorithms, 1972; with a stack of its own, so that no depth
    is too deep.

    >>> circles([[1], [2], [1, 3], []])
    [[0], [1, 2], [3]]
    """
    found = _components(nexts)
    of = [0] * len(nexts)
    for number, component in enumerate(found):
        for thing in component:
            of[thing] = number
    waiting = [0] * len(found)
    for thing, others in enumerate(nexts):
        for other in others:
            waiting[of[other]] += of[other] != of[thing]
    ready = [(found[number][0], number) for number, count in enumerate(waiting) if not count]
    heapify(ready)
    result: list[list[int]] = []
    while ready:
        _, number = heappop(ready)
        result.append(found[number])
        for thing in found[number]:
            for other in nexts[thing]:
                if of[other] != number:
                    waiting[of[other]] -= 1
                    if not waiting[of[other]]:
                        heappush(ready, (found[of[other]][0], of[other]))
    return result


def _components(nexts: Sequence[Iterable[int]]) -> list[list[int]]:
    index = [-1] * len(nexts)
    low = [0] * len(nexts)
    open_things: list[int] = []
    is_open = bytearray(len(nexts))
    found: list[list[int]] = []
    count = 0
    for root in range(len(nexts)):
        if index[root] >= 0:
            continue
        index[root] = low[root] = count
        count += 1
        open_things.append(root)
        is_open[root] = 1
        path = [(root, iter(nexts[root]))]
        while path:
            thing, others = path[-1]
            for other in others:
                if index[other] < 0:
                    index[other] = low[other] = count
                    count += 1
                    open_things.append(other)
                    is_open[other] = 1
                    path.append((other, iter(nexts[other])))
                    break
                if is_open[other] and index[other] < low[thing]:
                    low[thing] = index[other]
            else:
                path.pop()
                if path and low[thing] < low[path[-1][0]]:
                    low[path[-1][0]] = low[thing]
                if low[thing] == index[thing]:
                    found.append(_closed(open_things, is_open, thing))
    return found


def _closed(open_things: list[int], is_open: bytearray, root: int) -> list[int]:
    at = len(open_things) - 1
    while open_things[at] != root:
        at -= 1
    component = sorted(open_things[at:])
    del open_things[at:]
    for thing in component:
        is_open[thing] = 0
    return component


def cut(count: int, pairs: Mapping[tuple[int, int], int]) -> tuple[list[int], list[tuple[int, int]]]:
    """Return things in order, and the pairs that the order does not fit, of things with themselves included.

    `pairs`: (first, then) → how much it matters, from 0. Only pairs of a circle are ever cut; where one must be, it
    is the thing next whose waiting pairs matter least (a greedy choice: fewest cuts are not promised).

    >>> cut(3, {(0, 1): 1, (1, 2): 0, (2, 0): 1})
    ([2, 0, 1], [(1, 2)])
    """
    nexts: list[list[int]] = [[] for _ in range(count)]
    for first, then in pairs:
        nexts[first].append(then)
    order: list[int] = []
    for component in circles(nexts):
        order += component if len(component) == 1 else _greedy(component, nexts, pairs)
    at = {thing: place for place, thing in enumerate(order)}
    return order, sorted(pair for pair in pairs if at[pair[0]] >= at[pair[1]])


def _greedy(circle: Sequence[int], nexts: Sequence[Sequence[int]], pairs: Mapping[tuple[int, int], int]) -> list[int]:
    """Order one circle. What a thing waits for is counted by how much it matters, what matters most first."""
    most = max(pairs.values())
    waits = {thing: [0] * (most + 1) for thing in circle}
    for thing in circle:
        for other in nexts[thing]:
            if other in waits and other != thing:
                waits[other][most - pairs[thing, other]] += 1
    heap = [(tuple(count), thing) for thing, count in waits.items()]
    heapify(heap)
    order: list[int] = []
    while heap:
        count, thing = heappop(heap)
        if thing not in waits or count != tuple(waits[thing]):
            continue  # it stands there again with fewer to wait for
        del waits[thing]
        order.append(thing)
        for other in nexts[thing]:
            if other in waits:
                waits[other][most - pairs[thing, other]] -= 1
                heappush(heap, (tuple(waits[other]), other))
    return order
