"""What a plan leaves out and why, in words, with the line to add; and what people should know of the rest.

Places are fields (`dataset.collection.field`); callers that know the files add where each stands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection as Several
from collections.abc import Iterable, Iterator, Mapping, Sequence

from privet.rights.plans.graph import Graph, Place
from privet.rights.words import CARRIES, Address, Edge, Seed, Unreached
from privet.vocabulary.dataset import every_field

# What people are commonly looked up by, for hints.
_KINDS = (("user.contact.email", "email"), ("user.contact.phone_number", "phone_number"))


class Gaps:
    """What a plan does not reach and what it only touches. `own`, `referred`: the collections that it reads as such."""

    def __init__(self, drawn: Graph, own: Several[Address], referred: Several[Address]) -> None:
        self.drawn = drawn
        self.own = own
        self.referred = referred
        self.turned = _turns(own, referred, drawn.leads)
        self.seeds: dict[Address, Seed] = {seed.address: seed for seed in drawn.seeds}
        self.turned_fields = {
            (one.source, one.field, one.target, one.target_field) for one in drawn.refers if one.turned
        }
        self.missed = [address for address in drawn.places if address not in own and address not in referred]
        self.into: dict[Address, list[Edge]] = {address: [] for address in self.missed}
        for edge in drawn.edges if self.missed else ():
            if edge.target in self.into:
                self.into[edge.target].append(edge)
        self.behind = self._behind() if self.missed else {}

    def unreached(self) -> Iterator[Unreached]:
        """Yield the collections that no record is gathered from."""
        for address in self.missed:
            place = self.drawn.places[address]
            if place.collection.skipped:
                yield Unreached(address, "requests leave it out (`skip_processing`)")
            else:
                yield self._why(address, place)

    def notes(self, kinds: Several[str]) -> Iterator[str]:
        """Yield what people should know before they approve: where rules had to choose for want of a direction."""
        for loop in self.drawn.loops:
            if loop.source in self.own or loop.source in self.referred:
                yield _loop_note(loop)
        for one in self.drawn.refers:
            if one.turned and (one.source in self.own or one.target in self.own):
                yield (
                    f"the reference of `{one.target}.{one.target_field}` to `{one.source}.{one.field}` has no "
                    f"direction, and is read as one of `{one.source}` to `{one.target}`: say `direction` if it is not"
                )
        by: dict[Address, list[str]] = {}
        for seed in self.drawn.seeds:
            by.setdefault(seed.address, []).append(seed.identity)
        for edge in self.drawn.edges:
            if edge.way in ("down", "same") and edge.source in self.own and edge.target in by:
                yield _people_note(edge, sorted({kind for kind in by[edge.target] if kind in kinds}))
        for address in self.referred:
            up = self.turned.get(address)
            if address not in self.own and up is not None and is_personal(self.drawn.places[address]):
                yield (
                    f"`{address}` is only referred to: its records are shown and not erased; if they are hers, "
                    f"{self._line(up)[1]}"
                )

    def _why(self, address: Address, place: Place) -> Unreached:
        """Return what keeps a collection from being reached. The first that is so counts."""
        seed = self.seeds.get(address)
        if seed is not None:
            return self._looked_up(address, seed)
        into = self.into[address]
        for edge in into:
            if edge.source in self.referred:
                return self._ambiguous(edge)
        if address in self.behind:
            return self._shut(address)
        if into:
            names = _names(sorted({edge.source for edge in into} - {address}))
            return self._hinted(
                address, place, f"nothing leads here but {names}, and nothing leads there" if names else _ALONE
            )
        for edge in self.drawn.leads.get(address, ()):
            if edge.way in ("from", "to"):
                return self._leads_away(edge, place)
        return self._hinted(address, place, _ALONE)

    def _ambiguous(self, edge: Edge) -> Unreached:
        up = self.turned.get(edge.source)
        how = "is the same as" if edge.way == "same" else "refers to"
        said = (
            f"`{edge.target}.{edge.target_field}` {how} `{edge.source}.{edge.source_field}`, and no record of "
            f"`{edge.source}` is hers by what is declared: records of hers refer to it, and so do other people's"
        )
        if up is None:
            return Unreached(edge.target, said)
        at, line = self._line(up)
        return Unreached(edge.target, said, f"if what `{up.source}.{up.source_field}` refers to is hers, {line}", at)

    def _looked_up(self, address: Address, seed: Seed) -> Unreached:
        said = f"people are looked up here by `{seed.identity}`, which the request does not give"
        hint = f"give `{seed.identity}` as well"
        up = self.behind.get(address)
        if up is None:
            return Unreached(address, said, hint)
        at, line = self._line(up)
        return Unreached(
            address, said, f"{hint}; or, if what `{up.source}.{up.source_field}` refers to is hers, {line}", at
        )

    def _shut(self, address: Address) -> Unreached:
        up = self.behind[address]
        what = f"what `{up.source}.{up.source_field}` refers to"
        said = f"the way here is through `{up.target}`, where people are looked up, and {what} may be somebody else's"
        at, line = self._line(up)
        return Unreached(address, said, f"if {what} is hers, {line}", at)

    def _line(self, edge: Edge) -> tuple[str, str]:
        """Return the field at which an upward reference stands, and in words the line that has it followed."""
        low, high = f"{edge.source}.{edge.source_field}", f"{edge.target}.{edge.target_field}"
        if (edge.source, edge.source_field, edge.target, edge.target_field) in self.turned_fields:
            return high, f"add `direction: from` to the reference of `{high}` to `{low}`"
        return low, f"add `direction: to` to the reference of `{low}` to `{high}`"

    def _behind(self) -> dict[Address, Edge]:
        """Return the collections that would be reached were references followed up to where people are looked up."""
        shut = [edge for edge in self.drawn.shut if edge.target in self.into]
        found: dict[Address, Edge] = {}
        for held in (self.own, self.referred):  # what she has refers to it; else what that refers to
            for edge in shut:
                if edge.source in held:
                    found.setdefault(edge.target, edge)
        waiting = deque(found)
        while waiting:
            source = waiting.popleft()
            for edge in self.drawn.leads.get(source, ()):
                if edge.target in self.into and edge.target not in found:
                    found[edge.target] = found[source]
                    waiting.append(edge.target)
        return found

    def _leads_away(self, edge: Edge, place: Place) -> Unreached:
        said = f"values lead from here to `{edge.target}` alone, and nothing leads here"
        field = place.field(edge.source_field)
        mine = field is not None and any(link.direction == "to" for link in field.native.links)
        at = f"{edge.source}.{edge.source_field}"
        if edge.target in self.own and mine:
            return Unreached(edge.source, said, f"leave `direction: to` out of the reference of `{at}`", at)
        return self._hinted(edge.source, place, said)

    def _hinted(self, address: Address, place: Place, why: str) -> Unreached:
        """Return the gap with a hint where the collection holds data of people."""
        if not is_personal(place):
            return Unreached(address, why)
        for path, field in every_field(place.collection.fields):
            for label, kind in _KINDS:
                if label in field.labels:
                    at = f"{address}.{path}"
                    return Unreached(address, why, f"add `identity: {kind}` to the `fides_meta` of `{at}`", at)
        hint = f"add `references` to the `fides_meta` of a field of `{address}` that says whose its records are"
        return Unreached(address, why, hint)


def _loop_note(loop: Edge) -> str:
    at = f"{loop.source}.{loop.source_field}"
    return (
        f"the reference of `{at}` to its own collection has no direction, and is followed neither way: nobody can tell "
        f"whether the other record is hers; add `direction: from` to it if records that refer to hers are hers, "
        "too, or `direction: to` if records that hers refers to are"
    )


def _people_note(edge: Edge, given: Sequence[str]) -> str:
    """Return what becomes of other people's records that refer to hers. `given`: by what they are told apart."""
    which = f"`{edge.target}` holds people, and every record there whose `{edge.target_field}` leads back to hers in"
    if not given:
        return f"{which} `{edge.source}` counts as hers: say `direction` in the reference if they are others'"
    kinds = " or ".join(f"`{kind}`" for kind in given)
    return f"{which} `{edge.source}` counts as hers unless it holds another's {kinds}: say `direction` in the reference"


_ALONE = "no field of it holds an identity, and no reference leads here"


def _turns(
    own: Iterable[Address], referred: Several[Address], leads: Mapping[Address, Sequence[Edge]]
) -> dict[Address, Edge]:
    """Return for each collection that is referred to the reference at which its way left what is hers."""
    found: dict[Address, Edge] = {}
    for source in own:
        for edge in leads.get(source, ()):
            if edge.way == "up":
                found.setdefault(edge.target, edge)
    waiting = deque(found)
    while waiting:
        source = waiting.popleft()
        for edge in leads.get(source, ()):
            onward = "referred" in CARRIES[edge.way]
            if onward and edge.target in referred and edge.target not in found:
                found[edge.target] = found[source]
                waiting.append(edge.target)
    return found


def is_personal(place: Place) -> bool:
    """Return whether a collection says that it holds data of people."""
    held = (field.labels for _, field in every_field(place.collection.fields))
    labels = (*place.dataset.labels, *place.collection.labels, *(label for some in held for label in some))
    return any(label == "user" or label.startswith("user.") for label in labels)


def _names(addresses: Sequence[Address]) -> str:
    shown = " and ".join(f"`{address}`" for address in addresses[:3])
    return shown + (f" and {len(addresses) - 3} more" if len(addresses) > 3 else "")
