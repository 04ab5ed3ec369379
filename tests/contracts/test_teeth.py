"""The contract of connectors has teeth: a connector that lies, leaks or does too much fails it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from databases import SqlStage

from privet.connectors.base import Batch, Connector, Limits, Read, Record
from privet.errors import InvalidInput, PrivetError, Refused
from privet.testing import ConnectorContract
from privet.vocabulary.dataset import Dataset


class Weak:
    """A connector that does what another does, but for what a test makes worse."""

    def __init__(self, inner: Connector) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Liar(Weak):
    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        return [len(batch.changes) for batch in batches]


class OneByOne(Weak):
    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        return [
            sum(self.inner.erase(dataset, [replace(batch, changes=[change])])[0] for change in batch.changes)
            for batch in batches
        ]


class PassesOver(Weak):
    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        done = []
        for batch in batches:
            try:
                done += self.inner.erase(dataset, [batch])
            except InvalidInput:
                done.append(0)
        return done


class Talks(Weak):
    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        held = list(batches)
        try:
            return self.inner.erase(dataset, held)
        except PrivetError as error:
            keys = [dict(change.key) for batch in held for change in batch.changes]
            raise Refused(f"people: canary {keys}") from error


class Pages(Weak):
    def read(self, ask: Read) -> Iterator[list[Record]]:
        found = [one for page in self.inner.read(ask) for one in page]
        yield found


class Twice(Weak):
    def read(self, ask: Read) -> Iterator[list[Record]]:
        for page in self.inner.read(ask):
            yield page
            yield page


class Everything(Weak):
    def read(self, ask: Read) -> Iterator[list[Record]]:
        return self.inner.read(replace(ask, fields=()))


class Guesses(Weak):
    def read(self, ask: Read) -> Iterator[list[Record]]:
        return self.inner.read(replace(ask, matches=ask.matches or {"id": [1, 2, 3]}))


CASES: tuple[tuple[type[Weak], Callable[[ConnectorContract, Any], None]], ...] = (
    (Liar, ConnectorContract.test_a_delete_removes_the_record_and_no_other),
    (Liar, ConnectorContract.test_a_mask_changes_the_fields_it_names_and_no_others),
    (Liar, ConnectorContract.test_collections_are_erased_in_the_order_given),
    (OneByOne, ConnectorContract.test_an_erasure_is_whole_where_the_profile_says_so),
    (PassesOver, ConnectorContract.test_what_the_dataset_does_not_declare_is_refused),
    (PassesOver, ConnectorContract.test_a_declared_field_that_is_not_there_is_an_error),
    (Talks, ConnectorContract.test_what_others_refer_to_is_not_deleted),
    (Talks, ConnectorContract.test_an_erasure_is_whole_where_the_profile_says_so),
    (Pages, ConnectorContract.test_pages_are_bounded_and_no_record_comes_twice),
    (Twice, ConnectorContract.test_several_values_find_each_record_once),
    (Everything, ConnectorContract.test_only_the_fields_asked_for_are_given),
    (Guesses, ConnectorContract.test_nothing_asked_finds_nothing),
)


class WeakStage(SqlStage):
    """A stage whose connectors are weakened."""

    weakness: type[Weak]

    def open(self, limits: Limits | None = None) -> Connector:
        return self.weakness(super().open(limits or Limits()))


@pytest.mark.parametrize(("weakness", "check"), CASES, ids=[f"{one.__name__}-{what.__name__}" for one, what in CASES])
def test_a_weak_connector_is_caught(
    weakness: type[Weak], check: Callable[[ConnectorContract, Any], None], tmp_path: Path
) -> None:
    path = tmp_path / "shop.db"
    path.touch()
    stage = WeakStage("sqlite", {"path": str(path)}, lambda: sqlite3.connect(path), "?", None)
    stage.weakness = Weak
    check(ConnectorContract(), stage)
    stage.weakness = weakness
    with pytest.raises(AssertionError):
        check(ConnectorContract(), stage)
