"""What data there is: datasets of collections of fields. A vault table and a declared database are the same words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from privet.vocabulary.datatype import Keep, TokenKind

TokenScope = Literal["column", "vault", "consumer"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column. `labels`: taxonomy categories, at least one on personal data. `type`: a data type's name.

    `indexes`: "exact" and part names. `bits`: index → how many bits of its tags are kept, for those that keep fewer
    than all. `leak`: the author knows that an index on few values gives away equality. `was`: the former name, for a
    rename. `paths`: typed paths inside a json column, path → data type name. `fields`: what a declared object holds.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One table. `subject`: "self" (each record is a person), "none", or the name of the reference field through
    which its person is found. `uniques`: sets of fields that never repeat together. `indexes`: sets of fields and
    parts (`born.year`) that are asked for together. `ttl_seconds` 0: no expiry. `about`: whom the records are about,
    as subjects of the taxonomy; () where nobody said. `labels`: categories of all that it holds."""

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

    def field(self, name: str) -> Field | None:
        """Return the field called `name`, or None."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A database, or a vault's schema. `window_seconds`: how long a copy of the subject keys stays useful.
    `labels`: categories of all that it holds."""

    key: str
    collections: tuple[Collection, ...]
    name: str = ""
    description: str = ""
    suite: Literal["siv", "gcm"] = "siv"
    window_seconds: int = WINDOW_SECONDS
    labels: tuple[str, ...] = ()

    def collection(self, name: str) -> Collection | None:
        """Return the collection called `name`, or None."""
        return next((collection for collection in self.collections if collection.name == name), None)
