"""The order of an erasure: what refers goes before what it refers to. Reads nothing.

Datasets are visited one after the other where `erase_after` or references between them say so; within one, collections
go by foreign keys. Where references make a circle, one is cut, and its field has to become null before records go.
"""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from privet.rights.plans.graph import Graph, Place, Refer
from privet.rights.plans.order import cut
from privet.rights.words import Address, Cut, Visit
from privet.vocabulary.dataset import every_field

# How much it matters that one thing goes before another, when not all can be kept.
_NULLABLE, _NEEDED, _SAID = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Erasing:
    """The visits, and what people should know of them."""

    visits: tuple[Visit, ...]
    notes: tuple[str, ...]


def visits(drawn: Graph, own: Several[Address], seen: Iterable[Refer] = ()) -> Erasing:
    """Return the visits of all collections in which records may be hers and can be changed.

    `own`: those in which records may be hers. `seen`: foreign keys that systems tell of and datasets do not.
    """
    members = [address for address in drawn.places if address in own and not _fixed(drawn.places[address])]
    there = set(members)
    refers = [one for one in (*drawn.refers, *seen) if one.source in there and one.target in there]
    said = [(first, then) for then, firsts in drawn.erase_after.items() for first in firsts if {first, then} <= there]
    by_dataset: dict[str, list[Address]] = {}
    for address in members:
        by_dataset.setdefault(address.dataset, []).append(address)
    order, before, told = _datasets(list(by_dataset), refers, said)
    inner = _by_dataset(refers, said)
    made = [_visit(key, by_dataset[key], *inner.get(key, ([], [])), before[key]) for key in order]
    notes = [
        *(_read_only(address) for address in drawn.places if address in own and address not in there),
        *told,
        *(note for visit, lost in made for note in (*map(_cut_note, visit.cuts), *lost)),
    ]
    return Erasing(tuple(visit for visit, _ in made), tuple(notes))


def _fixed(place: Place) -> bool:
    """Return whether nothing of a collection's records can be changed."""
    if place.collection.masking is not None or not place.collection.fields:
        return False
    return all(field.native.read_only for _, field in every_field(place.collection.fields) if not field.fields)


def _datasets(
    keys: Sequence[str], refers: Iterable[Refer], said: Iterable[tuple[Address, Address]]
) -> tuple[list[str], Mapping[str, tuple[str, ...]], list[str]]:
    """Return datasets in order, those before each, and what could not be kept."""
    at = {key: number for number, key in enumerate(keys)}
    pairs: dict[tuple[int, int], int] = {}
    for one in refers:
        _want(pairs, (at[one.source.dataset], at[one.target.dataset]), _NULLABLE)
    for first, then in said:
        _want(pairs, (at[first.dataset], at[then.dataset]), _SAID)
    pairs = {pair: weight for pair, weight in pairs.items() if pair[0] != pair[1]}
    order, lost = cut(len(keys), pairs)
    before: dict[str, list[str]] = {key: [] for key in keys}
    for pair in sorted(set(pairs).difference(lost)):
        before[keys[pair[1]]].append(keys[pair[0]])
    told = [
        f"datasets `{keys[early]}` and `{keys[late]}` refer to each other: `{keys[late]}` is erased first, though "
        + ("it is said to come after" if pairs[early, late] == _SAID else f"`{keys[early]}` refers to it")
        for early, late in lost
    ]
    return [keys[number] for number in order], {key: tuple(found) for key, found in before.items()}, told


def _by_dataset(
    refers: Iterable[Refer], said: Iterable[tuple[Address, Address]]
) -> dict[str, tuple[list[Refer], list[tuple[Address, Address]]]]:
    """Return what stays within each dataset."""
    found: dict[str, tuple[list[Refer], list[tuple[Address, Address]]]] = {}
    for one in refers:
        if one.source.dataset == one.target.dataset:
            found.setdefault(one.source.dataset, ([], []))[0].append(one)
    for first, then in said:
        if first.dataset == then.dataset:
            found.setdefault(first.dataset, ([], []))[1].append((first, then))
    return found


def _visit(
    key: str,
    members: Sequence[Address],
    refers: Sequence[Refer],
    said: Iterable[tuple[Address, Address]],
    after: tuple[str, ...],
) -> tuple[Visit, list[str]]:
    at = {address: number for number, address in enumerate(members)}
    pairs: dict[tuple[int, int], int] = {}
    for one in refers:
        _want(pairs, (at[one.source], at[one.target]), _NULLABLE if one.nullable else _NEEDED)
    for first, then in said:
        _want(pairs, (at[first], at[then]), _SAID)
    order, lost = cut(len(members), pairs)
    missed = set(lost)
    cuts = dict.fromkeys(
        Cut(one.source, one.field, one.target, one.nullable)
        for one in refers
        if (at[one.source], at[one.target]) in missed
    )
    told = [
        f"`{members[then]}` is not erased after `{members[first]}`, as said: its references go in a circle"
        for first, then in lost
        if pairs[first, then] == _SAID
    ]
    return Visit(dataset=key, order=tuple(members[one] for one in order), after=after, cuts=tuple(cuts)), told


def _want(pairs: dict[tuple[int, int], int], pair: tuple[int, int], weight: int) -> None:
    pairs[pair] = max(weight, pairs.get(pair, 0))


def _cut_note(one: Cut) -> str:
    what = "its own collection" if one.target == one.address else f"`{one.target}` in a circle"
    if one.nullable:
        return f"`{one.address}.{one.field}` refers to {what}: it is set to null before records are deleted"
    return f"`{one.address}.{one.field}` refers to {what} and cannot be null: the system may refuse to delete records"


def _read_only(address: Address) -> str:
    return f"`{address}` is read only: what it holds of her remains"
