"""Lint of datasets: what nobody refers to, what refers to nothing, what nobody labelled, whom requests do not reach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from weakref import WeakKeyDictionary

from privet.manifest.check.ground import Ground, Say, Spot, is_personal, shown
from privet.manifest.finding import Finding, about
from privet.manifest.places import META, Names
from privet.manifest.resources import Step
from privet.near import meant
from privet.vocabulary.dataset import NATIVE, Collection, Dataset, Field, Link
from privet.vocabulary.datatype import data_type
from privet.vocabulary.header import meaning, words

_SURE = 0.75
# Words of names that say nothing of people: where a name has no others, the data types need not be asked, which takes
# a tenth of a second to get ready.
_TECHNICAL_WORDS = """active at by count created deleted enabled flag has id is item items key kind modified on order
orders position price product quantity sku sort status total type updated uuid version"""
_TECHNICAL = frozenset(_TECHNICAL_WORDS.split())
# Names that people have, and products and places as well.
_VAGUE_WORDS = "amount city code country description language name notes number state street title url"
_VAGUE = frozenset(_VAGUE_WORDS.split())

_Node = tuple[str, str]


def unreferenced_dataset(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield datasets that no declaration, system or flow names: nothing checks what they hold."""
    named = {key for one in ground.declared for key in one.declaration.datasets}
    for system in ground.manifest.systems:
        named.update(system.datasets)
        named.update(flow.key for flow in (*system.ingress, *system.egress) if flow.kind == "dataset")
    for key in ground.datasets:
        if key not in named:
            yield say(
                subject=about(key),
                message="no system refers to it, so no policy is checked against what it holds",
                at=ground.places.resource("dataset", key, "fides_key"),
                length=len(key),
                hint="add it to the `dataset_references` of the declaration that uses it",
            )


def unknown_reference(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield references of fields, and orders of collections and datasets, to what is not there."""
    names = _Names(ground)
    for key in ground.datasets:
        refers = (spot for spot in ground.spots(key) if not isinstance(spot.thing, Field) or spot.thing.native.links)
        for spot in refers:
            for missing, steps in names.absent(spot):
                yield say(
                    subject=about(key, spot.path),
                    message=f"it refers to `{shown(missing)}`, which is not there",
                    at=ground.places.held(key, spot.path, META, *steps),
                    hint=names.meant(missing) or "add it, or take the reference away",
                )


class _Names:
    """The full names of what datasets hold, of those that are asked for."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._held: dict[str, frozenset[str]] = {}

    def held(self, dataset: str) -> frozenset[str]:
        """Return the collections and fields of a dataset, dotted, without its own key."""
        if dataset not in self._held:
            self._held[dataset] = frozenset(".".join(spot.path) for spot in self.ground.spots(dataset) if spot.path)
        return self._held[dataset]

    def absent(self, spot: Spot) -> Iterator[tuple[str, tuple[Step, ...]]]:
        """Yield what a dataset, collection or field refers to and is not there, with the steps to where it says so."""
        thing = spot.thing
        if isinstance(thing, Field):
            found = ((self.missing(link), ("references", at, "field")) for at, link in enumerate(thing.native.links))
            yield from (pair for pair in found if pair[0])
        elif isinstance(thing, Dataset):
            yield from ((key, ("after", key)) for key in thing.after if key not in self.ground.datasets)
        else:
            for step, names in (("after", thing.after), ("erase_after", thing.erase_after)):
                yield from ((name, (step, name)) for name in names if not self.has_collection(name))

    def missing(self, link: Link) -> str:
        """Return the first piece of a link that is not there, from its dataset down; "" where all of it is."""
        if link.dataset not in self.ground.datasets:
            return link.dataset
        tables = [table.name for table in self.ground.datasets[link.dataset].collections]
        if link.field in self.held(link.dataset) and link.field not in tables:
            return ""
        table = next((name for name in tables if link.field.startswith(f"{name}.")), "")
        return f"{link.dataset}.{link.field}" if table else f"{link.dataset}.{link.field.partition('.')[0]}"

    def has_collection(self, name: str) -> bool:
        """Return whether there is a collection of a full name, `dataset.collection`."""
        # Both names may hold dots, so that the text alone does not say where one ends.
        known = (item for item in self.ground.datasets.values() if name.startswith(f"{item.key}."))
        return any(item.collection(name[len(item.key) + 1 :]) for item in known)

    def meant(self, missing: str) -> str:
        """Return a hint with the full name that is most like one that is not there, "" for none."""
        owner = next((key for key in self.ground.datasets if missing.startswith(f"{key}.")), "")
        names = (f"{owner}.{name}" for name in self.held(owner)) if owner else self.ground.datasets
        return meant(missing, names)


# --- what is not labelled ---------------------------------------------------------------------------------------


def unlabelled_field(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield fields whose names are those of personal data, and that carry no category, nor does what they are in."""
    for key, dataset in ground.datasets.items():
        if dataset.labels:
            continue
        by_table = groupby(ground.spots(key)[1:], key=lambda spot: spot.path[0])
        for spots in (tuple(group) for _, group in by_table):
            about_people = is_personal(label for spot in spots for label in spot.labels)
            for spot in _bare(spots):
                category = _category(spot.path[-1], about_people=about_people)
                if category:
                    yield say(
                        subject=about(key, spot.path),
                        message="its name is that of personal data, and it has no category",
                        at=ground.places.held(key, spot.path, "name"),
                        length=len(spot.path[-1]),
                        hint=f"add `data_categories: [{category}]`, or what it holds",
                    )


def _bare(spots: Sequence[Spot]) -> Iterator[Spot]:
    """Yield the fields of one collection that hold no others and have no category, nor what they are in."""
    labelled: set[Names] = set()
    for spot in spots:  # INVARIANT: what holds a field comes before it
        if spot.labels or spot.path[:-1] in labelled:
            labelled.add(spot.path)
        elif isinstance(spot.thing, Field) and not spot.thing.fields:
            yield spot


@cache
def _category(name: str, *, about_people: bool) -> str:
    """Return the category that a name stands for, "" where it may be anything."""
    parts = words(name)
    if not parts or _TECHNICAL.issuperset(parts) or (_VAGUE.issuperset(parts) and not about_people):
        return ""
    found = meaning(name)
    best = max(found, key=found.__getitem__, default="")
    if not best or found[best] < _SURE:
        return ""
    category = data_type(best).category
    return category if category.startswith("user.") else ""


# --- whom requests reach ----------------------------------------------------------------------------------------


def unreachable_data(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield datasets and collections of personal data that nothing leads to from an identity of a person.

    A note where nobody says any identity at all: then the manifest is not what people's requests go by.
    """
    reach = _reach(ground)
    for key, dataset in ground.datasets.items():
        personal = [table for table in dataset.collections if reach.holds_people(key, table) and not table.skipped]
        lost = [table for table in personal if (key, table.name) not in reach.found]
        if not lost:
            continue
        whole = len(lost) == len(personal)
        for path in [()] if whole else [(table.name,) for table in lost]:
            more: dict[str, str] = {} if reach.seeds else {"severity": "note"}
            yield say(
                subject=about(key, path),
                message="no identity and no reference leads to its personal data, so people's requests miss it",
                at=ground.places.held(key, path, "name" if path else "fides_key"),
                hint="add `identity` to the field that people are looked up by, or `references` to one that is reached",
                **more,
            )


def no_primary_key(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield collections of personal data that requests reach and where an erasure cannot tell records apart."""
    reach = _reach(ground)
    for key, dataset in ground.datasets.items():
        for table in dataset.collections:
            reached = (key, table.name) in reach.found and reach.holds_people(key, table)
            if not reached or table.subject != "none" or table.masking or table.skipped:
                continue
            if not any(field.native.primary_key for field in table.fields):
                yield say(
                    subject=about(key, (table.name,)),
                    message="it has no primary key, so an erasure cannot tell its records apart",
                    at=ground.places.held(key, (table.name,), "name"),
                    length=len(table.name),
                    hint="add `primary_key: true` to the `fides_meta` of its key",
                )


_reaches: WeakKeyDictionary[Ground, _Reach] = WeakKeyDictionary()


def _reach(ground: Ground) -> _Reach:
    """Return what is reached, found once for all lints of a manifest."""
    found = _reaches.get(ground)
    if found is None:
        found = _reaches[ground] = _Reach(ground)
    return found


def _node(key: str, spot: Spot) -> _Node:
    return key, spot.path[0] if spot.path else ""


class _Reach:
    """Which collections are found from an identity, by references in the direction that they can be followed. A
    vault finds its people by itself."""

    def __init__(self, ground: Ground) -> None:
        self._datasets = ground.datasets  # not the ground, which would then be kept for good
        self._people: set[_Node] = set()
        self._next: dict[_Node, list[_Node]] = defaultdict(list)
        self.seeds: set[_Node] = set()
        for key in ground.datasets:
            for labels, spots in ground.grouped(key).items():
                if is_personal(labels):
                    self._people.update(_node(key, spot) for spot in spots)
            for spot in ground.spots(key):
                if not isinstance(spot.thing, Field) or spot.thing.native is not NATIVE:
                    self._read(key, spot)
        self.found = self._walk()

    def holds_people(self, key: str, table: Collection) -> bool:
        """Return whether a collection holds personal data."""
        return (key, table.name) in self._people or is_personal(self._datasets[key].labels)

    def _read(self, key: str, spot: Spot) -> None:
        node = _node(key, spot)
        if isinstance(spot.thing, Collection) and spot.thing.subject != "none":
            self.seeds.add(node)
        if isinstance(spot.thing, Field):
            if spot.thing.native.identity:
                self.seeds.add(node)
            for link in spot.thing.native.links:
                self._link(node, link)

    def _link(self, node: _Node, link: Link) -> None:
        dataset = self._datasets.get(link.dataset)
        tables = (table.name for table in dataset.collections) if dataset else ()
        other = next(((link.dataset, name) for name in tables if link.field.startswith(f"{name}.")), None)
        if other is None:
            return
        if link.direction != "to":
            self._next[other].append(node)
        if link.direction != "from":
            self._next[node].append(other)

    def _walk(self) -> set[_Node]:
        found, waiting = set(self.seeds), list(self.seeds)
        while waiting:
            for node in self._next.get(waiting.pop(), ()):
                if node not in found:
                    found.add(node)
                    waiting.append(node)
        return found
