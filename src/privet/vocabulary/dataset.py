"""What data there is: datasets of collections of fields. A vault table and a declared database are the same words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from privet.vocabulary.datatype import Keep, TokenKind

TokenScope = Literal["column", "vault", "consumer"]

Direction = Literal["", "from", "to"]

WINDOW_SECONDS = 7 * 86_400
"""How long a copy of the subject keys stays useful, if nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlan:
    """How a field's values are tokenized. `shape` "" is opaque (`tok_…`); `domain` is the token e-mail domain. The kind
    "record" is one UUID for all fields of a record that say so."""

    kind: TokenKind = "stored"
    shape: str = ""
    scope: TokenScope = "column"
    looks_real: bool = False
    keep_last_four: bool = False
    domain: str = ""
    unerasable: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A pointer from a field to the records of another collection of the same dataset."""

    collection: str
    field: str = "id"


@dataclass(frozen=True, slots=True)
class Link:
    """A pointer from a declared field to a field of another collection, of whatever dataset. `field`: collection and
    field, dotted (`orders.customer.id`). `direction`: "from" where values are found there first, "to" where they are
    found here first, "" where both work."""

    dataset: str
    field: str
    direction: Direction = ""


@dataclass(frozen=True, slots=True)
class Masking:
    """How an erasure overwrites a field, or deletes a collection's records, in place of what its policy says.
    `strategy`: as Fides names it. `configuration`: its settings."""

    strategy: str
    configuration: tuple[tuple[str, str | int | float | bool | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """A field as its own system holds it: what connectors go by. All as a Fides manifest says it under `fides_meta`.

    `data_type`: a word of Fides (`string`, `object[]`), "" where nobody said. `length`: characters that fit.
    `column_type`: the type's own name there (`VARCHAR(40)`). `nullable`: None where nobody said. `identity`: the kind
    of identity that people are looked up by here (`email`). `links`: references. `all_elements`: of an array, give all
    elements and not only those that match. `custom`: the key of a custom request field. `redact`: the name is a secret.
    """

    data_type: str = ""
    length: int | None = None
    column_type: str = ""
    nullable: bool | None = None
    primary_key: bool = False
    identity: str = ""
    links: tuple[Link, ...] = ()
    read_only: bool = False
    all_elements: bool = False
    masking: Masking | None = None
    custom: str = ""
    redact: bool = False


NATIVE = Native()
"""What is known of a field of which nobody said anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column. `labels`: taxonomy categories, at least one on personal data. `type`: a data type's name.

    `indexes`: "exact" and part names. `bits`: index → how many bits of its tags are kept, for those that keep fewer
    than all. `leak`: the author knows that an index on few values gives away equality. `was`: the former name, for a
    rename. `paths`: typed paths inside a json column, path → data type name. `fields`: what a declared object holds.
    `native`: how its own system holds it, of what is not in a vault.
    """

    name: str
    type: str
    labels: tuple[str, ...] = ()
    array: bool = False
    keep: Keep = "sealed"
    indexes: tuple[str, ...] = ()
    bits: tuple[tuple[str, int], ...] = ()
    leak: bool = False
    unique: bool = False
    required: bool = False
    default: str | int | float | bool | None = None
    token: TokenPlan | None = None
    reference: Reference | None = None
    was: str = ""
    paths: tuple[tuple[str, str], ...] = ()
    description: str = ""
    fields: tuple[Field, ...] = ()
    native: Native = NATIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One table. `subject`: "self" (each record is a person), "none", or the name of the reference field through
    which its person is found. `uniques`: sets of fields that never repeat together. `indexes`: sets of fields and
    parts (`born.year`) that are asked for together. `ttl_seconds` 0: no expiry. `about`: whom the records are about,
    as subjects of the taxonomy; () where nobody said. `labels`: categories of all that it holds. Of what is not in a
    vault: `after` and `erase_after`: collections (`dataset.collection`) that are read, or erased, before it; `skipped`:
    people's requests leave it out; `masking`: what an erasure does with its records as a whole."""

    name: str
    fields: tuple[Field, ...]
    subject: str = "none"
    uniques: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    ttl_seconds: int = 0
    about: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    was: str = ""
    description: str = ""
    after: tuple[str, ...] = ()
    erase_after: tuple[str, ...] = ()
    skipped: bool = False
    masking: Masking | None = None

    def field(self, name: str) -> Field | None:
        """Return the field called `name`, or None."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A database, or a vault's schema. `window_seconds`: how long a copy of the subject keys stays useful.
    `labels`: categories of all that it holds. `after`: datasets that requests read before it."""

    key: str
    collections: tuple[Collection, ...]
    name: str = ""
    description: str = ""
    suite: Literal["siv", "gcm"] = "siv"
    window_seconds: int = WINDOW_SECONDS
    labels: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def collection(self, name: str) -> Collection | None:
        """Return the collection called `name`, or None."""
        return next((collection for collection in self.collections if collection.name == name), None)


def every_field(fields: Iterable[Field], prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Yield each field with its dotted path, what holds others before what it holds."""
    for field in fields:
        path = f"{prefix}{field.name}"
        yield path, field
        if field.fields:  # few hold any, and a generator for each that does not costs most of the time
            yield from every_field(field.fields, f"{path}.")
