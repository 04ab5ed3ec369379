"""The words of a person's request: what was asked, what each collection's turn is, and what came of it. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["access", "portability", "rectification", "erasure", "restriction", "objection", "consent"]
"""What a person asks for. access, portability: what is held, all of it or what she gave herself in a form for machines.
rectification: what is wrong is set right. erasure. restriction: kept and otherwise not used, until it is lifted.
objection: not used for some purposes. consent: what she said to a notice is told to every system."""

GATHERING: tuple[Kind, ...] = ("access", "portability")
CHANGING: tuple[Kind, ...] = ("rectification", "erasure")
TELLING: tuple[Kind, ...] = ("restriction", "objection", "consent")

State = Literal["received", "approved", "running", "waiting", "complete", "partial", "failed", "denied", "canceled"]
"""received: wants approval. waiting: for a manual task, or a system that is down. complete: every step verified.
partial: some of it is not, and the request lists what. failed: nothing could be done."""

Bond = Literal["own", "referred"]
"""Why a record is gathered: it is hers, or one of hers refers to it. What is only referred to is shown to her with
what refers to it, opens no way to further records that refer to it, and is never erased."""

Way = Literal["from", "to", "down", "up", "same"]
"""How a reference is followed. from, to: the manifest says so, and what is found is taken as it says. Where it gives no
direction: down, from a record that is hers to those that refer to it; up, to what a record refers to, but not to where
people are looked up; same, both ways, because the referring field is the whole primary key there and so both records
are one thing in two places. A record that is hers by down and same alone, where people are looked up by a kind of
identity that was given, is left out if it holds another's. Of a collection to itself, a reference without a direction
is followed neither way."""

CARRIES: Mapping[Way, Mapping[Bond, Bond]] = {
    "from": {"own": "own"},
    "to": {"own": "own", "referred": "referred"},
    "down": {"own": "own"},
    "same": {"own": "own"},
    "up": {"own": "referred", "referred": "referred"},
}
"""Way → the bond of a record → the bond of those that it leads to. Where a bond is missing, nothing is followed."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A collection of a dataset."""

    dataset: str
    collection: str

    def __str__(self) -> str:
        return f"{self.dataset}.{self.collection}"


@dataclass(frozen=True, slots=True, order=True)
class Seed:
    """A field in which people are looked up by an identity of some kind (`email`)."""

    identity: str
    address: Address
    field: str


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """Values found in one field are looked for in another. Fields are dotted paths."""

    source: Address
    source_field: str
    target: Address
    target_field: str
    way: Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Collections that are read together. `again`: they refer to each other in a circle, so they are read until
    nothing new comes. `after`: numbers of the turns that must be over first. Without members: nothing is read, and
    all of a dataset that others are read after is over."""

    number: int
    bond: Bond
    members: tuple[Address, ...]
    again: bool = False
    after: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreached:
    """A collection that no way leads to, why, and what line would change that ("" where it holds nothing of people).
    `place`: the field that the line belongs to (`dataset.collection.field`), "" where the hint names none."""

    address: Address
    why: str
    hint: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Cut:
    """A reference that is part of a circle, its own collection's among them: no order of deleting fits it. Where
    `nullable`, the field is set to null before any record of its circle is deleted; else its system may refuse."""

    address: Address
    field: str
    target: Address
    nullable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One dataset's part of an erasure: its collections in the order in which records go. `after`: datasets that are
    erased before it. `cuts`: references between its collections that the order does not fit."""

    dataset: str
    order: tuple[Address, ...]
    after: tuple[str, ...] = ()
    cuts: tuple[Cut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a request is carried out. `identities`: the kinds that it starts from. `visits`: of what changes systems.
    `notes`: what people should know: references that were given a direction, or are not followed; circles that were
    cut."""

    kind: Kind
    identities: tuple[str, ...]
    seeds: tuple[Seed, ...]
    edges: tuple[Edge, ...]
    turns: tuple[Turn, ...]
    visits: tuple[Visit, ...] = ()
    unreached: tuple[Unreached, ...] = ()
    notes: tuple[str, ...] = ()
