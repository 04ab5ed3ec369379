"""How a request goes: which collections are read after which, and which are erased before which. Reads nothing.

What is hers comes first: own turns follow identities and the ways that lead to more of hers. What hers refers to comes
after, in turns of its own. Collections that lead to each other in a circle are read together, until nothing new comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from privet.errors import InvalidInput, InvalidSchema, PrivetError
from privet.rights.plans.gaps import Gaps
from privet.rights.plans.graph import Graph, graph, near, refers
from privet.rights.plans.order import circles
from privet.rights.plans.visits import visits
from privet.rights.words import CARRIES, CHANGING, TELLING, Address, Bond, Edge, Kind, Plan, Seed, Turn, Way
from privet.vocabulary.dataset import Dataset


def plan(kind: Kind, datasets: Sequence[Dataset], identities: Iterable[str], *, seen: Sequence[Dataset] = ()) -> Plan:
    """Return the plan of a request.

    `identities`: the kinds that it gives (`email`). `seen`: datasets as their systems describe them, whose foreign
    keys order an erasure too, and nothing else. Raises InvalidSchema with all faults at once: references, `after` and
    `erase_after` to what is not there or in a circle, and where no field is looked up by any kind given.
    """
    drawn = graph(datasets)
    kinds = tuple(sorted(set(identities)))
    if kind in TELLING:
        return _telling(kind, drawn, kinds)
    known = {seed.identity for seed in drawn.seeds}
    faults = [*drawn.faults, *_unknown(kinds, known)]
    if faults:
        raise InvalidSchema("no request can be planned over these datasets", faults=tuple(faults))
    reach = Reached(drawn, tuple(seed for seed in drawn.seeds if seed.identity in kinds))
    turns, told = _Turns(drawn, reach).numbered()
    gone = visits(drawn, reach.own, refers(seen)) if kind in CHANGING else None
    gaps = Gaps(drawn, reach.own, reach.referred)
    said = [f"no field is looked up by `{one}`" + _maybe(one, known) for one in kinds if one not in known]
    return Plan(
        kind=kind,
        identities=kinds,
        seeds=reach.seeds,
        edges=reach.edges,
        turns=turns,
        visits=gone.visits if gone else (),
        unreached=tuple(gaps.unreached()),
        notes=(*said, *gaps.notes(kinds), *told, *(gone.notes if gone else ())),
    )


def _telling(kind: Kind, drawn: Graph, kinds: tuple[str, ...]) -> Plan:
    """Return the plan of a request that is told to systems, each of which looks her up by itself: nothing is read."""
    if not kinds:
        raise InvalidSchema("no request can be planned over these datasets", faults=tuple(_unknown(kinds, set())))
    seeds = tuple(seed for seed in drawn.seeds if seed.identity in kinds)
    note = "every system that is concerned and can be told is told once; a person is asked where one cannot be reached"
    return Plan(kind=kind, identities=kinds, seeds=seeds, edges=(), turns=(), notes=(note,))


def _unknown(kinds: Iterable[str], known: set[str]) -> Iterable[PrivetError]:
    kinds = tuple(kinds)
    if not kinds:
        yield InvalidInput("expected at least one identity", at="identities")
    elif not known.intersection(kinds):
        for kind in kinds:
            hint = near(kind, known) or "add `identity` to the `fides_meta` of the field that holds it"
            yield InvalidInput(f"no field is looked up by `{kind}`", hint=hint, at="identities")


def _maybe(kind: str, known: set[str]) -> str:
    found = near(kind, known)
    return f"; {found}" if found else ""


@dataclass
class Reached:
    """Collections in which records may be hers, and in which records may be referred to."""

    drawn: Graph
    seeds: tuple[Seed, ...]
    own: dict[Address, None] = field(default_factory=dict)
    referred: dict[Address, None] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()

    def __post_init__(self) -> None:
        leads = self.drawn.leads
        self.own = _walk((seed.address for seed in self.seeds), leads, _leading("own", "own"))
        leaving = _leading("own", "referred")
        ups = (edge.target for source in self.own for edge in leads.get(source, ()) if edge.way in leaving)
        onward = _leading("referred", "referred")
        self.referred = _walk(ups, leads, onward)
        self.edges = tuple(
            edge
            for source, edges in leads.items()
            if source in self.own or source in self.referred
            for edge in edges
            if edge.way in onward or source in self.own
        )


def _leading(source: Bond, target: Bond) -> frozenset[Way]:
    """Return the ways that lead from records of one bond to those of another."""
    return frozenset(way for way, bonds in CARRIES.items() if bonds.get(source) == target)


def _walk(
    starts: Iterable[Address], leads: Mapping[Address, Sequence[Edge]], ways: Container[Way]
) -> dict[Address, None]:
    found = dict.fromkeys(starts)
    waiting = deque(found)
    while waiting:
        for edge in leads.get(waiting.popleft(), ()):
            if edge.way in ways and edge.target not in found:
                found[edge.target] = None
                waiting.append(edge.target)
    return found


class _Turns:
    """The turns: nodes are collections with a bond, and the ends of datasets that others wait for."""

    def __init__(self, drawn: Graph, reach: Reached) -> None:
        self.drawn = drawn
        self.reach = reach
        # INVARIANT: numbers follow names, and own comes before referred, so that the order does too where it is free.
        self.nodes: list[tuple[Address, Bond] | str] = []
        self.own: dict[Address, int] = {}
        self.referred: dict[Address, int] = {}
        self.ends: dict[str, int] = {}
        for address in drawn.places:
            if address in reach.own:
                self.own[address] = len(self.nodes)
                self.nodes.append((address, "own"))
        for address in drawn.places:
            if address in reach.referred:
                self.referred[address] = len(self.nodes)
                self.nodes.append((address, "referred"))

    def numbered(self) -> tuple[tuple[Turn, ...], list[str]]:
        """Return the turns in an order in which they may be taken, and what of `after` they do not keep."""
        data = self._data()
        groups = circles(data)
        waits = self._waits()
        data += [[] for _ in range(len(self.nodes) - len(data))]
        groups += [[node] for node in range(len(data)) if isinstance(self.nodes[node], str)]
        of = {node: number for number, group in enumerate(groups) for node in group}
        nexts: list[set[int]] = [
            {of[then] for node in group for then in data[node]} - {at} for at, group in enumerate(groups)
        ]
        dropped = self._dropped(nexts, of, waits) if waits else set()
        for first, then in waits:
            if (first, then) not in dropped:
                nexts[of[first]].add(of[then])
        order = [at for (at,) in circles(nexts)]
        return tuple(self._turns(order, groups, nexts, data)), self._told(dropped)

    def _data(self) -> list[list[int]]:
        nexts: list[list[int]] = [[] for _ in self.nodes]
        onward, leaving = _leading("referred", "referred"), _leading("own", "referred")
        for source, edges in self.drawn.leads.items():
            own, referred = self.own.get(source), self.referred.get(source)
            if own is not None:
                nexts[own] += [(self.referred if edge.way in leaving else self.own)[edge.target] for edge in edges]
            if referred is not None:
                nexts[referred] += [self.referred[edge.target] for edge in edges if edge.way in onward]
        for address, node in self.referred.items():
            if address in self.own:
                nexts[self.own[address]].append(node)
        return nexts

    def _first(self, address: Address) -> int | None:
        return self.own.get(address, self.referred.get(address))

    def _both(self, address: Address) -> list[int]:
        return [turns[address] for turns in (self.own, self.referred) if address in turns]

    def _waits(self) -> list[tuple[int, int]]:
        """Return what `after` says of nodes: what must be over first, and what waits for it."""
        found: list[tuple[int, int]] = []
        for address, others in self.drawn.after.items():
            firsts = [first for other in others if (first := self._first(other)) is not None]
            found += [(first, then) for first in firsts for then in self._both(address)]
        held: dict[str, list[Address]] = {}
        for address in (*self.own, *(one for one in self.referred if one not in self.own)) if self.drawn.waits else ():
            held.setdefault(address.dataset, []).append(address)
        for dataset, awaited in self.drawn.waits.items():
            for key in (one for one in awaited if one in held and dataset in held):
                end = self._end(key, held[key], found)
                found += [(end, then) for one in held[dataset] for then in self._both(one)]
        return found

    def _end(self, key: str, members: Iterable[Address], waits: list[tuple[int, int]]) -> int:
        """Return the node at which all of a dataset was read."""
        if key not in self.ends:
            self.ends[key] = len(self.nodes)
            self.nodes.append(key)
            waits += [(first, self.ends[key]) for one in members if (first := self._first(one)) is not None]
        return self.ends[key]

    def _dropped(
        self, nexts: Sequence[Iterable[int]], of: Mapping[int, int], waits: Sequence[tuple[int, int]]
    ) -> set[tuple[int, int]]:
        """Return what cannot be kept of `after`: values lead the other way, or both ways."""
        whole = [list(others) for others in nexts]
        for first, then in waits:
            whole[of[first]].append(of[then])
        circle = {at: number for number, group in enumerate(circles(whole)) for at in group}
        return {(first, then) for first, then in waits if circle[of[first]] == circle[of[then]]}

    def _told(self, dropped: Iterable[tuple[int, int]]) -> list[str]:
        names = [(self._name(first), self._name(then)) for first, then in sorted(dropped)]
        return [
            f"`{then}` cannot be read after `{first}` in every turn: references lead the other way"
            for first, then in dict.fromkeys(names)
        ]

    def _name(self, node: int) -> str:
        found = self.nodes[node]
        return found if isinstance(found, str) else str(found[0])

    def _turns(
        self,
        order: Sequence[int],
        groups: Sequence[Sequence[int]],
        nexts: Sequence[Iterable[int]],
        data: Sequence[Sequence[int]],
    ) -> Iterable[Turn]:
        number = {at: place for place, at in enumerate(order)}
        before: list[list[int]] = [[] for _ in order]
        for at, others in enumerate(nexts):
            for other in others:
                before[number[other]].append(number[at])
        for at in order:
            group = groups[at]
            found = [self.nodes[node] for node in group]
            members = tuple(one[0] for one in found if not isinstance(one, str))
            bond: Bond = "own" if isinstance(found[0], str) else found[0][1]
            again = len(group) > 1 or group[0] in data[group[0]]
            yield Turn(
                number=number[at], bond=bond, members=members, again=again, after=tuple(sorted(before[number[at]]))
            )
