"""What leads to people's records: fields in which people are looked up, and references between collections.

Reads nothing: callers bring datasets. All that is wrong with them is told at once.
"""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby

from privet.errors import InvalidInput, PrivetError, UnknownName
from privet.rights.plans.order import circles
from privet.rights.words import Address, Edge, Seed, Way
from privet.vocabulary.dataset import NATIVE, Collection, Dataset, Field, Link, every_field

_MOST_HINTS = 40
_LONGEST_NAME = 200
_Ends = tuple[int, str, int, str]
_RECORD_ID = "id"  # what a reference within a vault points to, though its schema declares no such field


@dataclass(frozen=True, slots=True)
class Place:
    """A collection where it is. `key`: the dotted paths of its primary key, () where it has none."""

    dataset: Dataset
    collection: Collection
    key: tuple[str, ...]

    def field(self, path: str) -> Field | None:
        """Return the field at a dotted path, or None."""
        return _at(self.collection.fields, path)

    def tells_apart(self, path: str) -> bool:
        """Return whether no two records hold the same in a field: a whole key, what is unique, what people are."""
        field = self.field(path)
        if field is None or self.key == (path,) or (path,) in self.collection.uniques:
            return True  # no field: it is the id of a vault's record
        return bool(field.native.identity)


def place_of(dataset: Dataset, collection: Collection) -> Place:
    """Return the place of one collection."""
    return Place(
        dataset, collection, tuple(path for path, one in every_field(collection.fields) if one.native.primary_key)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refer:
    """A field that refers to another: records of `source` cannot be without those of `target`. `nullable`: it may be
    null. `turned`: its reference stands at the target, without a direction, and was read from the other end."""

    source: Address
    field: str
    target: Address
    target_field: str
    nullable: bool = True
    turned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """All that datasets say of ways to people's records. `leads`: collection → its edges. `loops`, `shut`: references
    without a direction that are not followed, as ways up: of a collection to itself, neither way; to where people are
    looked up, not up. `after`, `erase_after`: collection → those that go before it. `waits`: dataset → those that go
    before it. Seeds and edges of collections that requests leave out are left out."""

    places: Mapping[Address, Place]
    seeds: tuple[Seed, ...]
    edges: tuple[Edge, ...]
    leads: Mapping[Address, tuple[Edge, ...]]
    loops: tuple[Edge, ...]
    shut: tuple[Edge, ...]
    refers: tuple[Refer, ...]
    after: Mapping[Address, tuple[Address, ...]]
    erase_after: Mapping[Address, tuple[Address, ...]]
    waits: Mapping[str, tuple[str, ...]]
    faults: tuple[PrivetError, ...]


def graph(datasets: Iterable[Dataset]) -> Graph:
    """Return the graph of datasets, in the order of their names however they come."""
    known = {dataset.key: dataset for dataset in sorted(datasets, key=lambda one: one.key)}
    reader = _Reader(known)
    for number, place in enumerate(reader.places):
        reader.read(number, place)
    reader.tell_circles()
    return reader.whole()


def refers(datasets: Iterable[Dataset]) -> tuple[Refer, ...]:
    """Return the references of datasets alone. Those that lead nowhere are passed over."""
    return graph(datasets).refers


_STRONGEST: tuple[Way, ...] = ("to", "from", "same", "down")


def near(name: str, known: Several[str]) -> str:
    """Return `did you mean …?` with the nearest of the known names, "" where none is near."""
    found = get_close_matches(name, known, n=1) if len(name) <= _LONGEST_NAME else []
    return f"did you mean `{found[0]}`?" if found else ""


class _Reader:
    """Seeds, edges and faults while they are collected."""

    def __init__(self, datasets: Mapping[str, Dataset]) -> None:
        self.datasets = datasets
        # Collections by number, in the order of their names: numbers are looked up and sorted much faster than names.
        self.addresses: list[Address] = []
        self.places: list[Place] = []
        self.tables: dict[str, dict[str, int]] = {}
        self.links: dict[int, list[tuple[str, Field, Link]]] = {}
        self.seeds: list[Seed] = []
        self.looked_up: set[int] = set()  # collections in which people are looked up, by whatever kind
        self.edges: dict[_Ends, dict[Way, Edge]] = {}
        self.loops: dict[_Ends, Edge] = {}
        self.shut: dict[_Ends, Edge] = {}
        self.refers: dict[_Ends, Refer] = {}
        self.after: dict[Address, tuple[Address, ...]] = {}
        self.erase_after: dict[Address, tuple[Address, ...]] = {}
        self.faults: list[PrivetError] = []
        for key, dataset in datasets.items():
            held = self.tables[key] = {}
            for collection in sorted(dataset.collections, key=lambda one: one.name):
                held[collection.name] = len(self.places)
                self.addresses.append(Address(key, collection.name))
                self.places.append(Place(dataset, collection, self._fields(self.addresses[-1], collection)))

    def _fields(self, address: Address, collection: Collection) -> tuple[str, ...]:
        """Note seeds and links of a collection and return its primary key."""
        key: list[str] = []
        links: list[tuple[str, Field, Link]] = []
        # Few collections nest, and walking into fields that hold none is most of the time that a plan takes.
        is_nested = any(field.fields for field in collection.fields)
        flat = ((field.name, field) for field in collection.fields)
        for path, field in every_field(collection.fields) if is_nested else flat:
            native = field.native
            if field.reference is not None:
                links.append(
                    (path, field, Link(address.dataset, f"{field.reference.collection}.{field.reference.field}"))
                )
            if native is NATIVE:
                continue
            if native.primary_key:
                key.append(path)
            if native.identity:
                self.looked_up.add(len(self.places))
                if not collection.skipped:
                    self.seeds.append(Seed(native.identity, address, path))
            links += [(path, field, link) for link in native.links]
        if links:
            self.links[len(self.places)] = links
        return tuple(key)

    def read(self, number: int, place: Place) -> None:
        """Read what one collection says of others."""
        address, said = self.addresses[number], place.collection
        for path, field, link in self.links.get(number, ()):
            target = self._target(address, path, link)
            if target is not None:
                self._link((number, path), field, target, link)
        if said.after:
            self.after[address] = tuple(self._named(address, "after", said.after))
        if said.erase_after:
            self.erase_after[address] = tuple(self._named(address, "erase_after", said.erase_after))

    def _target(self, address: Address, path: str, link: Link) -> tuple[int, str] | None:
        """Return the collection and field that a link names, or None with a fault told."""
        tables = self.tables.get(link.dataset)
        at = f"{address}.{path}"
        if tables is None:
            said = f"`{at}` refers to dataset `{link.dataset}`, which is not there"
            self._missing(said, at, link.dataset, self.tables)
            return None
        found, rest = _split(tables, link.field)
        if found is None:
            names = [f"{name}.{rest.partition('.')[2]}" for name in tables]
            said = f"`{at}` refers to `{link.dataset}.{link.field}`, and there is no such collection"
            self._missing(said, at, link.field, names)
            return None
        place = self.places[found]
        if place.field(rest) is None and not (rest == _RECORD_ID and not place.key):
            said = f"`{at}` refers to `{self.addresses[found]}.{rest}`, and there is no such field"
            self._missing(said, at, rest, [name for name, _ in every_field(place.collection.fields)])
            return None
        return found, rest

    def _link(self, mine: tuple[int, str], field: Field, theirs: tuple[int, str], link: Link) -> None:
        here, there = self.places[mine[0]], self.places[theirs[0]]
        path, rest = mine[1], theirs[1]
        is_key = here.key == (path,)
        one_to_one = is_key and there.tells_apart(rest)
        # A key that points at a field which may repeat: many records there belong to one here, so they refer to it.
        turned = is_key and not one_to_one
        if turned:
            end = there.field(rest) or field
            self._refer(theirs, mine, end.native.nullable is not False and rest not in there.key, not link.direction)
        else:
            self._refer(mine, theirs, field.native.nullable is not False and path not in here.key, turned=False)
        if here.collection.skipped or there.collection.skipped:
            return
        if link.direction == "from":
            self._edge(theirs, mine, "from")
        elif link.direction == "to":
            self._edge(mine, theirs, "to")
        elif mine[0] == theirs[0]:
            self.loops[*mine, *theirs] = self._made(mine, theirs, "up")
        elif one_to_one:
            self._edge(mine, theirs, "same")
            self._edge(theirs, mine, "same")
        else:
            self._both(*((theirs, mine) if turned else (mine, theirs)))

    def _both(self, low: tuple[int, str], high: tuple[int, str]) -> None:
        self._edge(high, low, "down")
        if high[0] in self.looked_up:
            # Her own record there is found by who she is; another may be that of whoever served her.
            self.shut[*low, *high] = self._made(low, high, "up")
        else:
            self._edge(low, high, "up")

    def _edge(self, source: tuple[int, str], target: tuple[int, str], way: Way) -> None:
        self.edges.setdefault((*source, *target), {})[way] = self._made(source, target, way)

    def _made(self, source: tuple[int, str], target: tuple[int, str], way: Way) -> Edge:
        return Edge(self.addresses[source[0]], source[1], self.addresses[target[0]], target[1], way)

    def _refer(self, source: tuple[int, str], target: tuple[int, str], nullable: bool, turned: bool) -> None:
        made = Refer(
            source=self.addresses[source[0]],
            field=source[1],
            target=self.addresses[target[0]],
            target_field=target[1],
            nullable=nullable,
            turned=turned,
        )
        self.refers.setdefault((*source, *target), made)

    def _named(self, address: Address, word: str, names: Iterable[str]) -> Iterator[Address]:
        for name in names:
            dataset = next((key for key in self.datasets if name.startswith(f"{key}.")), "")
            found = self._full(name)
            if found is not None:
                yield self.addresses[found]
                continue
            known = [f"{dataset}.{table}" for table in self.tables[dataset]] if dataset else list(self.tables)
            said = f"`{word}` of `{address}` names `{name}`, and there is no such collection"
            self._missing(said, str(address), name, known)

    def _full(self, name: str) -> int | None:
        # Both names may hold dots, so that the text alone does not say where one ends.
        for at, letter in enumerate(name):
            if letter == ".":
                found = self.tables.get(name[:at], {}).get(name[at + 1 :])
                if found is not None:
                    return found
        return None

    def _missing(self, message: str, at: str, name: str, known: Several[str]) -> None:
        # Likeness of names is slow to tell, and nobody reads hundreds of hints.
        hint = near(name, known) if len(self.faults) < _MOST_HINTS else ""
        self.faults.append(UnknownName(message, hint=hint, at=at))

    def tell_circles(self) -> None:
        """Tell datasets that are not there, and circles of what is said to come after what."""
        for key, dataset in self.datasets.items():
            for other in dataset.after:
                if other not in self.datasets:
                    said = f"`after` of dataset `{key}` names `{other}`, and there is no such dataset"
                    self._missing(said, key, other, self.datasets)
        for word, before in (("after", self.after), ("erase_after", self.erase_after)):
            if not before and not (word == "after" and any(one.after for one in self.datasets.values())):
                continue
            nexts, names = self._orders(word, before)
            for circle in circles(nexts):
                if len(circle) > 1 or circle[0] in nexts[circle[0]]:
                    self._tell_circle(word, [names[thing] for thing in circle])

    def _orders(self, word: str, before: Mapping[Address, Iterable[Address]]) -> tuple[list[list[int]], list[str]]:
        """Return what comes after what, with the names of both; datasets stand for the end of all that they hold."""
        at = {address: number for number, address in enumerate(self.addresses)}
        waits = [(key, other) for key, one in self.datasets.items() for other in one.after if other in self.datasets]
        ends = {key: len(at) + number for number, key in enumerate(self.datasets)}
        nexts: list[list[int]] = [[] for _ in range(len(at) + len(ends))]
        for address, others in before.items():
            for other in others:
                nexts[at[other]].append(at[address])
        for key, awaited in waits if word == "after" else ():
            for table in self.tables[awaited].values():
                nexts[table].append(ends[awaited])
            nexts[ends[awaited]] += self.tables[key].values()
        return nexts, [*map(str, self.addresses), *ends]

    def _tell_circle(self, word: str, names: list[str]) -> None:
        shown = ", ".join(f"`{name}`" for name in names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        self.faults.append(
            InvalidInput(f"`{word}` goes in a circle: {shown}", hint="take one of them away", at=names[0])
        )

    def _is_stated(self, ends: _Ends) -> bool:
        """Return whether the manifest gives a direction between two fields of a collection, at either end."""
        return ends in self.edges or (*ends[2:], *ends[:2]) in self.edges

    def whole(self) -> Graph:
        """Return the graph in its order."""
        edges = tuple(edge for key in sorted(self.edges) for edge in _ways(self.edges[key]))
        held = groupby(edges, key=lambda edge: edge.source)
        return Graph(
            places=dict(zip(self.addresses, self.places, strict=True)),
            seeds=tuple(sorted(self.seeds)),
            edges=edges,
            leads={source: tuple(several) for source, several in held},
            loops=tuple(self.loops[key] for key in sorted(self.loops) if not self._is_stated(key)),
            shut=tuple(self.shut[key] for key in sorted(self.shut)),
            refers=tuple(self.refers[key] for key in sorted(self.refers)),
            after=self.after,
            erase_after=self.erase_after,
            waits={key: one.after for key, one in self.datasets.items() if one.after},
            faults=tuple(self.faults),
        )


def _ways(said: Mapping[Way, Edge]) -> Iterable[Edge]:
    """Return the edges between two fields that count, of each what holds all that others would."""
    if len(said) == 1:
        return said.values()
    for way in _STRONGEST:
        if way in said:
            return [said[way]] if way == "to" or "up" not in said else [said[way], said["up"]]
    return said.values()


def _at(fields: Iterable[Field], path: str) -> Field | None:
    for field in fields:
        if field.name == path:
            return field
    for field in fields:  # names may hold dots: what is deeper is looked for where the whole name is not there
        if field.fields and path.startswith(f"{field.name}."):
            found = _at(field.fields, path[len(field.name) + 1 :])
            if found is not None:
                return found
    return None


def _split(tables: Mapping[str, int], name: str) -> tuple[int | None, str]:
    """Return the collection that a dotted name begins with, and the rest of the name."""
    at = name.find(".")
    while at >= 0:
        if name[:at] in tables:
            return tables[name[:at]], name[at + 1 :]
        at = name.find(".", at + 1)
    return None, name
