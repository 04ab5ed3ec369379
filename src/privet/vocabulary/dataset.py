"""What data there is: datasets of collections of fields. A vault table and a declared database are the same words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from privet.vocabulary.datatype import Keep, TokenKind

TokenScope = Literal["column", "vault", "consumer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlan:
    """How a field's values are tokenized. `shape` "" is opaque (`tok_…`); `domain` is the token e-mail domain."""

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

    `indexes`: "exact" and part names. `leak`: the author knows that an index on few values gives away equality.
    `was`: the former name, for a rename. `paths`: typed paths inside a json column, path → data type name.
    """

    name: str
    type: str
    labels: tuple[str, ...] = ()
    array: bool = False
    keep: Keep = "sealed"
    indexes: tuple[str, ...] = ()
    leak: bool = False
    unique: bool = False
    required: bool = False
    default: str | int | float | bool | None = None
    token: TokenPlan | None = None
    reference: Reference | None = None
    was: str = ""
    paths: tuple[tuple[str, str], ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """One table. `subject`: "self" (each record is a person), "none", or the name of the reference field through
    which its person is found. `uniques`: sets of fields that never repeat together. `ttl_seconds` 0: no expiry."""

    name: str
    fields: tuple[Field, ...]
    subject: str = "none"
    uniques: tuple[tuple[str, ...], ...] = ()
    ttl_seconds: int = 0
    was: str = ""
    description: str = ""

    def field(self, name: str) -> Field | None:
        """Return the field called `name`, or None."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A database, or a vault's schema."""

    key: str
    collections: tuple[Collection, ...]
    name: str = ""
    description: str = ""
    suite: Literal["siv", "gcm"] = "siv"

    def collection(self, name: str) -> Collection | None:
        """Return the collection called `name`, or None."""
        return next((collection for collection in self.collections if collection.name == name), None)
