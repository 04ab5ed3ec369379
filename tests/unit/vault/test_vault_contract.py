"""The vault keeps the contract of connectors.

It draws the ids of its records itself, so the sample's numbers stand for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from a_vault import Bench

from privet import digest
from privet.connectors.base import Batch, Change, Connector, Halted, Limits, Read, Record, Value
from privet.connectors.systems import System
from privet.errors import PrivetError, Refused
from privet.store.port import Select
from privet.testing.connector import ADA, ROWS, ConnectorContract, Rows, Trait, delete, mask
from privet.vault import records
from privet.vault.connector import PROFILE, VaultConnector, dataset_of
from privet.vocabulary.dataset import Dataset

SCHEMA = """
dataset:
  - fides_key: stage
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: email, fides_meta: {privet: {type: contact.email, required: true, index: [exact], token: stored}}}
          - {name: name, fides_meta: {privet: {type: string, keep: shreddable}}}
          - {name: phone, fides_meta: {privet: {type: contact.phone, index: [exact]}}}
          - {name: age, fides_meta: {privet: {type: integer}}}
      - name: orders
        fides_meta: {privet: {subject: person_id}}
        fields:
          - {name: person_id, fides_meta: {privet: {type: string, references: people}}}
          - {name: note, fides_meta: {privet: {type: string}}}
"""
LINKS = frozenset({"id", "person_id"})
Ids = dict[int, str]
"""Number in the sample → id in the vault."""


def never(setup: object) -> Connector:
    raise AssertionError("the vault is no part of the shelf")


class Numbered:
    """A vault's connector that says the sample's numbers for the ids of records, both ways, and leaves all else."""

    def __init__(self, inner: VaultConnector, ids: Ids) -> None:
        self.inner, self.ids = inner, ids
        self.numbers = {text: number for number, text in ids.items()}

    def probe(self) -> None:
        self.inner.probe()

    def describe(self) -> Dataset:
        return self.inner.describe()

    def close(self) -> None:
        self.inner.close()

    def read(self, ask: Read) -> Iterator[list[Record]]:
        matches = {path: [self.id_of(path, value) for value in values] for path, values in ask.matches.items()}
        for page in self.inner.read(replace(ask, matches=matches)):
            yield [replace(one, values={k: self.number_of(k, v) for k, v in one.values.items()}) for one in page]

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        return self.inner.erase(dataset, [replace(one, changes=list(map(self.change, one.changes))) for one in batches])

    def change(self, one: Change) -> Change:
        return replace(one, key={path: self.id_of(path, value) for path, value in one.key.items()})

    def id_of(self, path: str, value: Value) -> Value:
        if path in LINKS and isinstance(value, int | str) and str(value).isdigit():
            return self.ids.get(int(value), value)
        return value

    def number_of(self, path: str, value: Value) -> Value:
        return self.numbers.get(value, value) if path in LINKS else value


class VaultStage:
    """See `Stage`. Filled and looked into by the vault's own records."""

    system = System(name="vault", title="A vault", settings=(), profile=PROFILE, open=never)
    traits: frozenset[Trait] = frozenset({"schema", "foreign", "many"})
    secrets = (bytes(range(32)).hex(),)
    weakness: type[VaultConnector] = VaultConnector

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.apply(SCHEMA)
        self.dataset = dataset_of(bench.vault, Dataset(key="stage", collections=()))
        self.ids: Ids = {}
        self.tokens: dict[int, str] = {}

    def open(self, limits: Limits) -> Connector:
        made = self.weakness(self.bench.vault, self.dataset, self.bench.deed, self.bench.run, limits)
        return Numbered(made, self.ids)

    def fill(self, rows: Rows) -> None:
        self.empty()
        self.ids.clear()
        for name in ("people", "orders"):
            found = rows.get(name, ())
            made = self.bench.insert(name, *map(self.put, found)) if found else []
            self.ids.update({int(row["id"]): digest.id_text(one.id) for row, one in zip(found, made, strict=True)})
            if name == "people":
                held = zip(found, made, strict=True)
                self.tokens = {int(row["id"]): one.tokens.get("email") or "" for row, one in held}

    def put(self, row: Mapping[str, Value]) -> dict[str, Any]:
        named = {name: str(value) for name, value in row.items() if name != "id"}
        return named | ({"person_id": self.ids[int(row["person_id"])]} if "person_id" in row else {})

    def empty(self) -> None:
        for name in ("orders", "people"):
            ids = self.there(name)
            if ids:
                self.bench.run(
                    records.delete(self.bench.vault, self.bench.permit("delete", name), ids, self.bench.deed())
                )

    def there(self, name: str) -> list[bytes]:
        rows = self.bench.vault.store.select(Select(table=self.bench.vault.table(name).rows, columns=("id",)))
        return [row[0] for row in rows if isinstance(row[0], bytes)]

    def erased(self) -> int:
        return len(self.bench.vault.store.select(Select(table="erasures", columns=("subject",))))

    def dump(self) -> Rows:
        numbers = {text: number for number, text in self.ids.items()}
        found: dict[str, list[dict[str, Any]]] = {}
        for name in ("people", "orders"):
            for id_ in self.there(name):
                one = self.bench.get(name, id_)
                assert one is not None
                row = {key: numbers.get(value, value) if key in LINKS else value for key, value in one.values.items()}
                found.setdefault(name, []).append({"id": numbers[digest.id_text(id_)], **row})
        return found

    def refused(self) -> Change:
        return mask({"id": 2}, {"name": "x", "email": None})

    def unreachable(self) -> Connector | None:
        return None


@pytest.fixture
def stage(bench: Bench) -> VaultStage:
    return VaultStage(bench)


class TestVault(ConnectorContract):
    pass


class Leaks(VaultConnector):
    """Gives what others of her order hold: all records of a table, whatever is asked."""

    def read(self, ask: Read) -> Iterator[list[Record]]:
        asked = [*ask.matches.get("id", ()), *ids_of(self)]
        return super().read(replace(ask, matches={**ask.matches, "id": asked}))


class Keeps(VaultConnector):
    """Says that it deleted, and keeps."""

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        kept = [replace(one, changes=[c for c in one.changes if c.values is not None]) for one in batches]
        super().erase(dataset, kept)
        return [len(one.changes) for one in kept]


class Hurries(VaultConnector):
    """Deletes before it does what was to be done first."""

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        turned = [replace(one, changes=sorted(one.changes, key=lambda c: c.values is not None)) for one in batches]
        return super().erase(dataset, turned)


class Heaps(VaultConnector):
    """Gives everything in one page."""

    def read(self, ask: Read) -> Iterator[list[Record]]:
        yield [one for page in super().read(ask) for one in page]


class Tells(VaultConnector):
    """Puts what it was asked into its error."""

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        held = list(batches)
        try:
            return super().erase(dataset, held)
        except PrivetError as error:
            changes = [(dict(change.key), change.values) for batch in held for change in batch.changes]
            raise Refused(f"people: canary {changes}") from error


def ids_of(connector: VaultConnector) -> list[str]:
    """Return the ids of all people that the vault of a connector holds."""
    vault = connector._vault
    rows = vault.store.select(Select(table=vault.table("people").rows, columns=("id",)))
    return [digest.id_text(row[0]) for row in rows if isinstance(row[0], bytes)]


WEAK: tuple[tuple[type[VaultConnector], Callable[[ConnectorContract, Any], None]], ...] = (
    (Leaks, ConnectorContract.test_one_identity_finds_its_record_whole),
    (Leaks, ConnectorContract.test_hostile_values_find_nothing_and_change_nothing),
    (Keeps, ConnectorContract.test_a_delete_removes_the_record_and_no_other),
    (Keeps, ConnectorContract.test_collections_are_erased_in_the_order_given),
    (Hurries, ConnectorContract.test_an_erasure_is_whole_where_the_profile_says_so),
    (Heaps, ConnectorContract.test_pages_are_bounded_and_no_record_comes_twice),
    (Tells, ConnectorContract.test_an_erasure_is_whole_where_the_profile_says_so),
)


@pytest.mark.parametrize(("weakness", "check"), WEAK, ids=[f"{one.__name__}-{what.__name__}" for one, what in WEAK])
def test_a_weak_vault_connector_is_caught(
    stage: VaultStage, weakness: type[VaultConnector], check: Callable[[ConnectorContract, Any], None]
) -> None:
    check(ConnectorContract(), stage)
    stage.weakness = weakness
    with pytest.raises(AssertionError):
        check(ConnectorContract(), stage)


def test_a_token_of_hers_finds_what_her_address_finds(stage: VaultStage) -> None:
    stage.fill(ROWS)
    with closing(stage.open(Limits())) as connector:
        people = stage.dataset.collections[0]
        for value in (ADA["email"], stage.tokens[1]):
            ask = Read(dataset=stage.dataset, collection=people, matches={"email": [value]})
            ((one,),) = connector.read(ask)
            assert (one.values["id"], one.links["email"]) == (1, stage.tokens[1])


def test_a_person_goes_with_her_key_when_it_is_her_turn_and_not_before(stage: VaultStage) -> None:
    stage.fill(ROWS)
    people = stage.dataset.collections[0]
    with closing(stage.open(Limits())) as connector:
        with pytest.raises(Halted) as raised:
            connector.erase(stage.dataset, [Batch(people, [stage.refused(), delete({"id": 3})])])
        assert (raised.value.done, stage.erased()) == ((0,), 0)
        assert connector.erase(stage.dataset, [Batch(people, [delete({"id": 3})])]) == [1]
        assert stage.erased() == 1
