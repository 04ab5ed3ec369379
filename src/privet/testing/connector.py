"""What every connector does with a few people and their orders: it reads what is asked and no more, erases what is
said and no less, takes hostile values as values, and tells nothing of them.

A test module gives each class that inherits a fixture `stage`. The suite fills and looks into the system by the stage
alone, never by the connector that it tries.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

from privet.connectors.base import Batch, Change, Connector, Halted, Limits, Read, Value
from privet.connectors.systems import System
from privet.errors import InvalidInput, PrivetError, Refused, Unavailable
from privet.testing.sample import (
    ADA,
    BOB,
    CANARIES,
    DATASET,
    EVE,
    HOSTILE,
    MASKED,
    ORDERS,
    PEOPLE,
    PROFILES,
    ROWS,
    STORABLE,
    Rows,
    field_of,
    plain,
    plain_value,
)
from privet.vocabulary.dataset import Collection, Dataset

__all__ = [
    "ADA",
    "BOB",
    "DATASET",
    "EVE",
    "HOSTILE",
    "MASKED",
    "ORDERS",
    "PEOPLE",
    "PROFILES",
    "ROWS",
    "ConnectorContract",
    "Rows",
    "Stage",
    "Trait",
    "delete",
    "mask",
    "plain",
]

Trait = Literal["schema", "foreign", "nested", "anywhere", "many"]
"""schema: the system knows its fields and their types, and says when one is not there. foreign: it refuses to delete
what others refer to. nested: it holds objects and arrays, and so the collection `profiles`. anywhere: any field can be
asked for, else only keys, references and identities. many: thousands of values can be asked for at once."""


class Stage(Protocol):
    """One system with nothing else in it. `dataset`: DATASET, or the same with what this system wants said otherwise.
    `secrets`: what stands in its set-up and must stand in no error."""

    system: System
    dataset: Dataset
    traits: frozenset[Trait]
    secrets: tuple[str, ...]

    def open(self, limits: Limits) -> Connector:
        """Return a new connector. The stage closes none."""

    def fill(self, rows: Rows) -> None:
        """Make these the only records. Collections that are not named are empty."""

    def dump(self) -> Rows:
        """Return all records, read by other means than the connector's."""

    def refused(self) -> Change | None:
        """Return a change to person 2 that the system itself refuses (no e-mail where one must be), or None."""

    def unreachable(self) -> Connector | None:
        """Return a connector to where nobody answers, or None."""


def delete(key: Mapping[str, Value]) -> Change:
    """Return a change that deletes."""
    return Change(key, None, f"delete-{sorted(key)}-{list(key.values())!r}"[:60])


def mask(key: Mapping[str, Value], values: Mapping[str, Value]) -> Change:
    """Return a change that overwrites."""
    return Change(key, values, f"mask-{sorted(key)}-{list(key.values())!r}-{sorted(values)}"[:60])


class ConnectorContract:
    """What every connector keeps."""

    # --- looking --------------------------------------------------------------------------------------------

    def test_a_probe_changes_nothing(self, stage: Stage) -> None:
        with _Play(stage) as play:
            play.connector.probe()
            play.connector.probe()
            play.changed_nothing()

    def test_describe_agrees_with_the_dataset(self, stage: Stage) -> None:
        with _Play(stage) as play:
            seen = play.connector.describe()
            for said in stage.dataset.collections:
                found = seen.collection(said.name)
                assert found is not None, said.name
                for field in said.fields:
                    there = found.field(field.name)
                    assert there is not None, f"{said.name}.{field.name}"
                    if "schema" in stage.traits:
                        held, wanted = there.native, field.native
                        assert held.primary_key == wanted.primary_key, field.name
                        assert held.data_type == wanted.data_type, field.name
            if "foreign" in stage.traits:
                orders = seen.collection("orders")
                link = orders and orders.field("person_id")
                assert link and [one.field for one in link.native.links] == ["people.id"]

    def test_where_nobody_answers_it_is_unavailable(self, stage: Stage) -> None:
        connector = stage.unreachable()
        if connector is not None:
            error = _fault(stage, connector.probe)
            connector.close()
            assert isinstance(error, Unavailable), type(error)

    def test_closing_twice_is_no_fault(self, stage: Stage) -> None:
        with _Play(stage) as play:
            play.connector.probe()
            play.connector.close()
        _Play(stage).connector.close()

    # --- reading --------------------------------------------------------------------------------------------

    def test_one_identity_finds_its_record_whole(self, stage: Stage) -> None:
        with _Play(stage) as play:
            found = play.read("people", {"email": [ADA["email"]]})
            assert plain({"people": found}) == plain({"people": [ADA]})
            assert play.ids("people", {"email": [EVE["email"]]}) == ["3"]
            assert plain({"people": play.read("people", {"id": [3]})}) == plain({"people": [EVE]})

    def test_several_values_find_each_record_once(self, stage: Stage) -> None:
        with _Play(stage) as play:
            asked = [ADA["email"], BOB["email"], ADA["email"], "canary.nobody@example.com"]
            assert play.ids("people", {"email": asked}) == ["1", "2"]
            assert play.ids("orders", {"person_id": [1, 2, "1"]}) == ["11", "12", "13"]

    def test_any_of_two_fields_is_enough(self, stage: Stage) -> None:
        with _Play(stage) as play:
            assert play.ids("people", {"email": [ADA["email"]], "phone": [BOB["phone"]]}) == ["1", "2"]
            assert play.ids("people", {"email": [ADA["email"]], "phone": [ADA["phone"]]}) == ["1"]
            if "anywhere" in stage.traits:
                assert play.ids("people", {"name": [EVE["name"]], "age": [36]}) == ["1", "2", "3"]

    def test_a_value_is_compared_by_what_the_field_holds(self, stage: Stage) -> None:
        with _Play(stage) as play:
            assert play.ids("people", {"id": ["1"]}) == ["1"]
            assert play.ids("people", {"id": [2, "2"]}) == ["2"]
            for value in (
                "one",
                "",
                "1.5",
                "1e",
                "1 OR 1=1",
                "0x1",
                2**70,
                float("nan"),
                b"\x01",
                [1],
                {"id": 1},
                None,
            ):
                assert play.ids("people", {"id": [value]}) == [], "a value that cannot be an integer"
            assert play.ids("people", {"id": ["one", 1, None]}) == ["1"]

    def test_nothing_asked_finds_nothing(self, stage: Stage) -> None:
        with _Play(stage) as play:
            assert play.ids("people", {}) == []
            assert play.ids("people", {"email": []}) == []
            assert play.ids("people", {"email": [], "phone": []}) == []
            assert play.ids("people", {"email": ["canary.nobody@example.com"]}) == []

    def test_hostile_values_find_nothing_and_change_nothing(self, stage: Stage) -> None:
        with _Play(stage) as play:
            for value in HOSTILE:
                assert play.ids("people", {"email": [value]}) == [], "nobody holds it"
                assert play.erase("people", mask({"id": value}, {"name": MASKED}), delete({"id": value})) == [0]
                if "anywhere" in stage.traits:
                    assert play.erase("people", delete({"email": value}), mask({"name": value}, {"age": 0})) == [0]
            assert play.ids("people", {"email": [*HOSTILE, BOB["email"]]}) == ["2"]
            play.changed_nothing()

    def test_hostile_values_are_kept_as_they_are(self, stage: Stage) -> None:
        with _Play(stage) as play:
            for value in STORABLE:
                assert play.erase("people", mask({"id": 1}, {"name": value})) == [1]
                play.became("people", 1, {"name": value})
                assert [row["name"] for row in play.read("people", {"id": [1]})] == [value]

    def test_only_the_fields_asked_for_are_given(self, stage: Stage) -> None:
        with _Play(stage) as play:
            (row,) = play.read("people", {"email": [ADA["email"]]}, fields=("id", "phone"))
            assert set(row) == {"id", "phone"}

    def test_only_the_fields_declared_are_given(self, stage: Stage) -> None:
        with _Play(stage) as play:
            people = _collection(stage.dataset, "people")
            less = replace(people, fields=tuple(field for field in people.fields if field.name != "name"))
            play.dataset = _with(stage.dataset, less)
            (row,) = play.read("people", {"email": [ADA["email"]]})
            assert "name" not in row and row["phone"]

    def test_pages_are_bounded_and_no_record_comes_twice(self, stage: Stage) -> None:
        many = [{"id": n, "email": f"canary.{n}@example.com", "name": "Canary"} for n in range(1, 26)]
        with _Play(stage, {"people": many}, Limits(page=10)) as play:
            asked = [*(row["email"] for row in many), *(row["email"] for row in many)]
            pages = list(play.connector.read(play.asks("people", {"email": asked, "id": [1, 2, 3]})))
            assert max(map(len, pages)) <= 10 and all(pages)
            found = [int(one.values["id"]) for page in pages for one in page]
            assert sorted(found) == list(range(1, 26))

    def test_thousands_of_values_are_asked_for_at_once(self, stage: Stage) -> None:
        if "many" in stage.traits:
            with _Play(stage) as play:
                emails = [f"nobody{n}@example.com" for n in range(4000)]
                asked = {"email": [ADA["email"], *emails, BOB["email"]], "id": [*range(1000, 5000), 1, 2, 3]}
                assert play.ids("people", asked) == ["1", "2", "3"]

    def test_a_read_that_is_given_up_leaves_the_connector_of_use(self, stage: Stage) -> None:
        with _Play(stage, limits=Limits(page=1)) as play:
            pages = play.connector.read(play.asks("people", {"id": [1, 2, 3]}))
            next(iter(pages))
            if hasattr(pages, "close"):
                pages.close()
            assert play.erase("orders", delete({"id": 11})) == [1]
            assert play.ids("people", {"email": [ADA["email"]]}) == ["1"]

    # --- erasing --------------------------------------------------------------------------------------------

    def test_a_mask_changes_the_fields_it_names_and_no_others(self, stage: Stage) -> None:
        with _Play(stage) as play:
            change = mask({"id": 1}, {"email": MASKED, "name": None, "age": 0})
            assert play.erase("people", change) == [1]
            play.became("people", 1, {"email": MASKED, "name": None, "age": 0})
            play.erase("people", change)
            play.became("people", 1, {"email": MASKED, "name": None, "age": 0})
            assert play.ids("people", {"email": [ADA["email"]]}) == []
            assert play.ids("people", {"email": [MASKED]}) == ["1"]

    def test_masks_of_several_records_keep_to_their_own(self, stage: Stage) -> None:
        with _Play(stage) as play:
            one, two = mask({"id": "1"}, {"name": "first"}), mask({"id": 2}, {"name": "second"})
            three = mask({"id": 3}, {"phone": None})
            assert play.erase("people", one, two, three) == [3]
            names = {row["id"]: row["name"] for row in play.read("people", {"id": [1, 2, 3]})}
            assert {str(key): name for key, name in names.items()} == {"1": "first", "2": "second", "3": EVE["name"]}

    def test_a_delete_removes_the_record_and_no_other(self, stage: Stage) -> None:
        with _Play(stage) as play:
            change = delete({"id": 12})
            assert play.erase("orders", change) == [1]
            play.became("orders", 12, None)
            assert play.erase("orders", change) == [0]
            assert play.erase("orders", delete({"id": 99}), delete({"id": "x"})) == [0]
            play.became("orders", 12, None)
            assert play.ids("orders", {"person_id": [1]}) == ["11"]

    def test_a_key_may_be_the_field_by_which_records_were_found(self, stage: Stage) -> None:
        if "anywhere" in stage.traits:
            with _Play(stage) as play:
                assert play.erase("orders", delete({"person_id": 1})) == [2]
                assert play.ids("orders", {"person_id": [1, 2]}) == ["13"]
                assert play.erase("orders", delete({"id": 13, "person_id": 1})) == [0]
                assert play.erase("orders", delete({"id": 13, "person_id": 2})) == [1]

    def test_collections_are_erased_in_the_order_given(self, stage: Stage) -> None:
        with _Play(stage) as play:
            orders = play.batch("orders", delete({"id": 11}), delete({"id": 12}))
            assert play.connector.erase(play.dataset, iter([orders, play.batch("people", delete({"id": 1}))])) == [2, 1]
            left = {
                name: [row for row in rows if 1 not in (row.get("person_id"), row["id"])] for name, rows in ROWS.items()
            }
            now = plain(stage.dump())
            assert now["people"] == plain(left)["people"] and now["orders"] == plain(left)["orders"]

    def test_what_others_refer_to_is_not_deleted(self, stage: Stage) -> None:
        if "foreign" in stage.traits:
            with _Play(stage) as play:
                error = _fault(stage, lambda: play.erase("people", delete({"id": 3}), delete({"id": 1})))
                assert isinstance(error, Refused | Halted) and "people" in str(error)
                if stage.system.profile.atomic:
                    play.changed_nothing()

    def test_an_erasure_is_whole_where_the_profile_says_so(self, stage: Stage) -> None:
        refused = stage.refused()
        if refused is None:
            return
        with _Play(stage) as play:
            batches = [
                play.batch("orders", delete({"id": 11})),
                play.batch("people", mask({"id": 1}, {"name": "x"}), refused, delete({"id": 3})),
            ]
            error = _fault(stage, lambda: play.connector.erase(play.dataset, iter(batches)))
            if stage.system.profile.atomic:
                assert isinstance(error, Refused) and "people" in str(error), type(error)
                play.changed_nothing()
            else:
                assert isinstance(error, Halted) and error.done in ((1, 1), (1, 0)), type(error)
                (name,) = [row["name"] for row in play.read("people", {"id": [1]})]
                assert (name == "x") == (error.done == (1, 1)), "it says how far it came"
                assert play.ids("people", {"id": [3]}) == ["3"]
            assert play.erase("orders", delete({"id": 13})) == [1]

    def test_what_the_dataset_does_not_declare_is_refused(self, stage: Stage) -> None:
        bad = ("nosuch", 'id" OR "1"="1', "name = 'x' --", "$where", "..", "na\x00me", "")
        with _Play(stage) as play:
            for name in bad:
                calls: list[Callable[[], object]] = [
                    lambda name=name: play.ids("people", {name: [1]}),  # type: ignore[misc]
                    lambda name=name: play.read("people", {"id": [1]}, fields=(name,)),  # type: ignore[misc]
                    lambda name=name: play.erase("people", mask({"id": 1}, {name: "x"})),  # type: ignore[misc]
                    lambda name=name: play.erase("people", delete({name: 1})),  # type: ignore[misc]
                ]
                for call in calls:
                    assert isinstance(_fault(stage, call), InvalidInput), name
            play.changed_nothing()

    def test_a_change_without_a_key_is_refused(self, stage: Stage) -> None:
        with _Play(stage) as play:
            for change in (delete({}), mask({}, {"name": "x"})):
                assert isinstance(_fault(stage, lambda change=change: play.erase("people", change)), InvalidInput)  # type: ignore[misc]
            play.changed_nothing()

    def test_a_declared_field_that_is_not_there_is_an_error(self, stage: Stage) -> None:
        if "schema" not in stage.traits:
            return
        with _Play(stage) as play:
            people = _collection(stage.dataset, "people")
            play.dataset = _with(stage.dataset, replace(people, fields=(*people.fields, field_of("ghost", "string"))))
            calls: list[Callable[[], object]] = [
                lambda: play.read("people", {"id": [1]}),
                lambda: play.read("people", {"ghost": ["canary"]}, fields=("id",)),
                lambda: play.erase("people", mask({"id": 1}, {"name": "x", "ghost": "canary"})),
            ]
            for call in calls:
                error = _fault(stage, call)
                assert isinstance(error, InvalidInput) and "ghost" in str(error)
            play.dataset = _with(stage.dataset, replace(people, name="ghosts"))
            assert isinstance(_fault(stage, lambda: play.read("ghosts", {"id": [1]})), InvalidInput)
            play.changed_nothing()

    # --- objects and arrays -----------------------------------------------------------------------------------

    def test_what_is_inside_objects_and_arrays_is_found(self, stage: Stage) -> None:
        if "nested" in stage.traits:
            with _Play(stage) as play:
                (row,) = play.read("profiles", {"contact.email": [ADA["email"]]})
                assert plain_value(row) == plain_value(ROWS["profiles"][0])
                assert play.ids("profiles", {"tags": ["b"]}) == ["p1", "p2"]
                assert play.ids("profiles", {"contact.phones": ["+12015550109"], "tags": ["nobody"]}) == ["p1"]
                for value in HOSTILE:
                    assert play.ids("profiles", {"contact.email": [value], "tags": [value]}) == []

    def test_what_is_inside_objects_and_arrays_is_masked(self, stage: Stage) -> None:
        if "nested" in stage.traits:
            with _Play(stage) as play:
                change = mask({"id": "p1"}, {"contact.email": MASKED, "contact.phones": None})
                assert play.erase("profiles", change) == [1]
                now = plain(stage.dump())["profiles"]
                assert now["p1"]["contact"]["email"] == MASKED and "+1201555" not in str(now["p1"])
                assert now["p1"]["tags"] == ["a", "b"] and now["p2"] == plain(ROWS)["profiles"]["p2"]


class _Play:
    """A filled stage and an open connector. `dataset`: what it is asked with."""

    def __init__(self, stage: Stage, rows: Rows = ROWS, limits: Limits | None = None) -> None:
        self.stage = stage
        self.rows = rows if "nested" in stage.traits else {name: rows[name] for name in rows if name != "profiles"}
        stage.fill(self.rows)
        self.dataset = stage.dataset
        self.connector = stage.open(limits or Limits())

    def __enter__(self) -> _Play:
        return self

    def __exit__(self, *_: object) -> None:
        self.connector.close()

    def asks(self, name: str, matches: Mapping[str, Sequence[Value]], fields: tuple[str, ...] = ()) -> Read:
        return Read(dataset=self.dataset, collection=_collection(self.dataset, name), matches=matches, fields=fields)

    def read(self, name: str, matches: Mapping[str, Sequence[Value]], fields: tuple[str, ...] = ()) -> list[Any]:
        return [dict(one.values) for page in self.connector.read(self.asks(name, matches, fields)) for one in page]

    def ids(self, name: str, matches: Mapping[str, Sequence[Value]]) -> list[str]:
        return sorted(str(row["id"]) for row in self.read(name, matches))

    def batch(self, name: str, *changes: Change) -> Batch:
        return Batch(_collection(self.dataset, name), changes)

    def erase(self, name: str, *changes: Change) -> list[int]:
        return self.connector.erase(self.dataset, [self.batch(name, *changes)])

    def changed_nothing(self) -> None:
        assert plain(self.stage.dump()) == plain(self.rows)

    def became(self, name: str, number: int, values: Mapping[str, Value] | None) -> None:
        """Assert that one record became this (None: went away), and that all others are as they were."""
        wanted = plain(self.rows)
        one = wanted[name].pop(str(number))
        if values is not None:
            wanted[name][str(number)] = plain_value({**one, **values})
        assert plain(self.stage.dump()) == wanted


def _fault(stage: Stage, call: Callable[[], object]) -> PrivetError:
    """Return the error that the call must raise, which tells nothing of values or secrets."""
    try:
        call()
    except PrivetError as error:
        told = "".join(traceback.format_exception(error, limit=0)) + repr(error) + error.hint + error.at
        causes = [error.cause] if isinstance(error, Halted) else []
        told += "".join(f"{one!r} {one} {one.hint} {one.at}" for one in (*error.faults, *causes))
        assert [sign for sign in (*CANARIES, *stage.secrets) if sign in told] == []
        return error
    raise AssertionError("expected an error")


def _collection(dataset: Dataset, name: str) -> Collection:
    found = dataset.collection(name)
    assert found is not None, name
    return found


def _with(dataset: Dataset, collection: Collection) -> Dataset:
    """Return the dataset with a collection replaced, or added."""
    others = tuple(one for one in dataset.collections if one.name != collection.name)
    return replace(dataset, collections=(*others, collection))
