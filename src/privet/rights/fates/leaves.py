"""The fields of a collection that hold no others: what is known of each, and what is said nearest to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from privet.policy.bind import at_or_below
from privet.rights.fates.said import Said
from privet.rights.words import Address
from privet.vocabulary.dataset import Field, Masking

Node = tuple[Address, str]


class Level(IntEnum):
    """How near to a field it is said what becomes of it."""

    LEFT = 0
    DEFAULT = 1
    CATEGORY = 2
    COLLECTION = 3
    FIELD = 4
    OVERRIDE = 5


@dataclass(slots=True, kw_only=True, eq=False)
class Leaf:
    """A field that holds no declared others, while it is found out what becomes of it."""

    address: Address
    path: str
    field: Field
    labels: tuple[str, ...]
    masking: Masking | None
    read_only: bool
    wholly: bool
    key: bool
    level: Level = Level.LEFT
    said: Said | None = None
    why: str = ""
    asked: bool = False
    unit: tuple[Leaf, ...] = ()

    @property
    def node(self) -> Node:
        return self.address, self.path

    @property
    def name(self) -> str:
        return f"{self.address}.{self.path}"

    @property
    def personal(self) -> bool:
        """Return whether it is about people: by a category, or because they are looked up by it."""
        return bool(self.field.native.identity) or _personal(self.labels)

    @property
    def tells(self) -> bool:
        """Return whether it says more of a person than which of all she is."""
        return _tells(self.labels) or self.kind != ""

    @property
    def kind(self) -> str:
        """Return "email" or "phone" for what is known to hold one."""
        return _kind(self.labels, self.field.type, self.field.native.identity)

    @property
    def base(self) -> str:
        return self.field.native.data_type.removesuffix("[]")

    @property
    def nullable(self) -> bool:
        return self.field.native.nullable is not False

    @property
    def nulled(self) -> bool:
        return self.said is not None and self.said.strategy.makes == "null"

    def leave(self, why: str) -> None:
        self.level, self.said, self.why = Level.LEFT, None, why


_KINDS = {
    "email": ("user.contact.email", "contact.email", "email"),
    "phone": ("user.contact.phone_number", "contact.phone", "phone_number", "phone"),
}


# Of many fields most are labelled like others.
@lru_cache(4096)
def _personal(labels: tuple[str, ...]) -> bool:
    return any(at_or_below(label, "user") for label in labels)


@lru_cache(4096)
def _tells(labels: tuple[str, ...]) -> bool:
    return any(at_or_below(label, "user") and not at_or_below(label, "user.unique_id") for label in labels)


@lru_cache(4096)
def _kind(labels: tuple[str, ...], type_name: str, identity: str) -> str:
    said = (*labels, type_name, identity)
    return next((kind for kind, roots in _KINDS.items() for word in said if _within(word, roots)), "")


def _within(word: str, roots: Iterable[str]) -> bool:
    return any(at_or_below(word, root) for root in roots)


class Above(NamedTuple):
    """What an object says of all that it holds."""

    prefix: str = ""
    labels: tuple[str, ...] = ()
    masking: Masking | None = None
    read_only: bool = False
    wholly: bool = False


NOTHING = Above()


def leaves_of(address: Address, fields: Iterable[Field], above: Above = NOTHING) -> Iterator[Leaf]:
    """Yield the fields that hold no others. What an object says counts for what it holds, unless that says its own."""
    for field in fields:
        native = field.native
        own = Above(
            prefix=f"{above.prefix}{field.name}.",
            labels=field.labels or above.labels,
            masking=native.masking or above.masking,
            read_only=above.read_only or native.read_only,
            wholly=above.wholly or native.all_elements,
        )
        if field.fields:
            yield from leaves_of(address, field.fields, own)
            continue
        yield Leaf(
            address=address,
            path=own.prefix[:-1],
            field=field,
            labels=own.labels,
            masking=own.masking,
            read_only=own.read_only,
            wholly=own.wholly,
            key=native.primary_key,
        )
