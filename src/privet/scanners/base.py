"""What a scan asks and what it sees: collections of fields as their own system holds them, and what each seems to be.

Opening systems is the business of `detectors`, proposing that of `classify`. A DSN holds a password, so it travels as
a `Secret`; what is shown of it is `shown`.
"""

from __future__ import annotations

import re
from collections.abc import Collection as Group
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from privet.errors import InvalidInput
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset, Field

SURE = 0.5
"""From this confidence a proposed category is written down; below it is only told."""

_NO_KEY = re.compile(r"[^A-Za-z0-9_.<>-]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a field seems to be. `type`: a data type's name. `label`: its category. `confidence`: 0 to 1. `reason`:
    counts and rules, never a value."""

    type: str
    label: str
    confidence: float
    reason: str

    def __str__(self) -> str:
        return f"{self.confidence:.0%} sure: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One collection as it was seen. `dataset`: key of the dataset that it belongs to. `proposals`: dotted path of a
    field → what it seems to be. `notes`: what could not be looked at, and why."""

    dataset: str
    collection: Collection
    proposals: Mapping[str, Proposal] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Return dataset and collection, dotted."""
        return f"{self.dataset}.{self.collection.name}"

    def labelled(self, confidence: float = SURE) -> Collection:
        """Return the collection with the proposed categories that are at least this sure."""
        chosen = {path: (said.label,) for path, said in self.proposals.items() if said.confidence >= confidence}
        return replace(self.collection, fields=_labelled(self.collection.fields, chosen, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked of a detector.

    `key`: key of the dataset that the system's usual schema becomes; of another schema it is `key_schema`, if `keys`
    (schema → key) does not say. `schemas`: only these; () for all that are not the system's own. `samples`: values
    looked at for each field, 0 for none. `views`: take views, too. `done`: addresses that are passed over.
    """

    dsn: Secret[str]
    key: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    schemas: tuple[str, ...] = ()
    samples: int = 0
    views: bool = False
    done: Group[str] = ()

    def dataset(self, schema: str, usual: str) -> str:
        """Return the key of the dataset of a schema. `usual`: the schema that needs no name."""
        base = self.key or key_of(self.dsn)
        return self.keys.get(schema) or (base if schema in ("", usual) else f"{base}_{plain_key(schema)}")


def scheme(dsn: Secret[str]) -> str:
    """Return the scheme of a DSN in lower case, without its driver. Raises InvalidInput."""
    found = _SCHEME.match(dsn.reveal())
    if found is None:
        raise InvalidInput("expected a DSN", hint="as in `postgresql://reader@host/shop` or `sqlite:///shop.db`")
    return found[1].lower().partition("+")[0]


def shown(dsn: Secret[str]) -> str:
    """Return a DSN without user, password and options.

    >>> shown(Secret("postgresql://reader:pa/s?s@db.example.com:5432/shop?sslmode=require"))
    'postgresql://db.example.com:5432/shop'
    """
    # Up to the last @: a password that nobody escaped may hold any sign.
    rest = dsn.reveal().partition("://")[2].rpartition("@")[2]
    return f"{scheme(dsn)}://{re.split('[?#]', rest)[0]}"


def key_of(dsn: Secret[str]) -> str:
    """Return the key of a dataset by the name of its database.

    >>> key_of(Secret("sqlite:////srv/my shop.db")), key_of(Secret("mysql://host/shop"))
    ('my_shop', 'shop')
    """
    host, _, path = shown(dsn).partition("://")[2].partition("/")
    name = path.rstrip("/").rpartition("/")[2]
    if scheme(dsn) in ("sqlite", "duckdb"):
        name = name.rpartition(".")[0] or name
    return plain_key(name or host.partition(":")[0])


def plain_key(name: str) -> str:
    """Return a name with what no key may hold replaced."""
    return _NO_KEY.sub("_", name).strip("_") or "database"


def datasets(observed: Iterable[Observed], confidence: float = SURE) -> tuple[Dataset, ...]:
    """Return what was seen as datasets, by key, their collections by name."""
    found: dict[str, dict[str, Collection]] = {}
    for one in observed:
        found.setdefault(one.dataset, {})[one.collection.name] = one.labelled(confidence)
    return tuple(
        Dataset(key=key, collections=tuple(by_name[name] for name in sorted(by_name)))
        for key, by_name in sorted(found.items())
    )


def _labelled(fields: tuple[Field, ...], chosen: Mapping[str, tuple[str, ...]], prefix: str) -> tuple[Field, ...]:
    return tuple(
        replace(one, labels=labels, fields=_labelled(one.fields, chosen, f"{prefix}{one.name}."))
        if (labels := chosen.get(f"{prefix}{one.name}", one.labels)) or one.fields
        else one
        for one in fields
    )
