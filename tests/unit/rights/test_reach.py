"""Gathering: what is asked, once; what is taken, and as whose; what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from a_shop import SHOP, field, table, to

from privet.connectors.base import Record
from privet.rights.plans.match import found, shows, text
from privet.rights.plans.reach import CHUNK, Count, Guard, Reach, Taken, TooMany, Wanted
from privet.rights.plans.whole import plan
from privet.rights.words import Address
from privet.vocabulary.dataset import Collection, Dataset, Direction, Link

HER = "Ada@Example.com"
ID = "d.people.id"
Rows = Mapping[str, Sequence[Mapping[str, Any] | Record]]


class Run:
    """A gathering over records in memory, which gives each collection's records whatever is asked."""

    def __init__(self, dataset: Dataset, rows: Rows, identities: Mapping[str, Any] | None = None, **how: Any) -> None:
        given = identities or {"email": HER}
        self.plan = plan("access", [dataset], given)
        self.reach = Reach(self.plan, [dataset], given, **how)
        self.asked: list[Wanted] = []
        self.taken: list[Taken] = []
        for turn in self.plan.turns:
            while self.reach.more(turn):
                for wanted in self.reach.asks(turn):
                    self.asked.append(wanted)
                    records = [
                        one if isinstance(one, Record) else Record(one) for one in rows[wanted.address.collection]
                    ]
                    self.taken += self.reach.take(wanted, records)

    def of(self, name: str) -> list[Mapping[str, Any]]:
        return [one.record.values for one in self.taken if one.address.collection == name]


def people(*fields: Any, **more: Any) -> Dataset:
    return Dataset(key="d", collections=(table("people", field("email", identity="email"), *fields), *more.values()))


# --- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (12, "12"),
        (Decimal("12.00"), 12),
        (12.0, "12"),
        (Decimal("-0.0"), 0),
        (1e-7, "0.0000001"),
        (True, "true"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ("ABCDEF00-0000-0000-0000-000000000007", "abcdef00-0000-0000-0000-000000000007"),
        (b"abc", "abc"),
        (b"\xff\x00", "ff00"),
        (date(2024, 2, 29), "2024-02-29"),
    ],
)
def test_values_of_different_systems_compare_by_their_text(one: Any, other: Any) -> None:
    assert text(one) == text(other)


@pytest.mark.parametrize("value", [None, [], {}, {"$gt": ""}, float("nan"), Decimal("Infinity")])
def test_what_is_no_single_value_is_never_looked_for(value: Any) -> None:
    assert text(value) is None


def test_text_of_other_case_and_huge_numbers_stay_what_they_are() -> None:
    assert text("Ada") != text("ada")
    assert text(Decimal("1E+1000000")) == "1E+1000000"
    assert text(10**5000) == hex(10**5000)


def test_values_are_found_through_arrays_objects_and_names_with_dots() -> None:
    row = {"a": [{"b": [1, None]}, {"b": 2}, {}, None, 5], "x.y": {"z": 3}, "s": {4}}
    assert list(found(row, "a.b")) == [1, 2]
    assert list(found(row, "x.y.z")) == [3]
    assert list(found(row, "s")) == [4]
    assert list(found(row, "q.r")) == []
    assert [shows(row, path) for path in ("a.b", "x.y", "x.y.q", "a.c")] == [True, True, False, False]


# --- asking -------------------------------------------------------------------------------------------------------


def test_an_email_is_asked_for_as_given_and_in_lower_case_and_nothing_else_is_guessed() -> None:
    run = Run(people(), {"people": []})
    assert [one.matches for one in run.asked] == [{"email": (HER, HER.lower())}]
    other = Dataset(key="d", collections=(table("people", field("name", identity="name")),))
    assert Run(other, {"people": []}, {"name": "Ada"}).asked[0].matches == {"name": ("Ada",)}


def test_several_values_of_one_kind_are_all_asked_for() -> None:
    run = Run(people(), {"people": []}, {"email": ["a@example.com", "b@example.com", "a@example.com"]})
    assert run.asked[0].matches == {"email": ("a@example.com", "b@example.com")}


def test_every_value_is_asked_for_once() -> None:
    boss = people(field("boss", to("d.people.id", "to")))
    rows = [{"id": 1, "email": HER, "boss": "2"}, {"id": 2, "email": "b@example.com", "boss": 1}]
    run = Run(boss, {"people": rows})
    assert [dict(one.matches) for one in run.asked] == [{"email": (HER, HER.lower())}, {"id": ("2",)}]
    assert [row["id"] for row in run.of("people")] == [1, 2]


def test_what_is_known_by_its_whole_key_is_not_asked_for_again() -> None:
    rows: Rows = {
        "customers": [{"id": 1, "email": HER}],
        "reviews": [{"id": 5, "author_id": 1, "parent_id": None}],
        "orders": [{"id": 7, "customer_id": 1, "invoice_id": None}],
        "invoices": [{"id": 3, "order_id": 7}],
        **{name: [] for name in ("addresses", "items", "products")},
    }
    asked = [(str(one.address), one.bond) for one in Run(SHOP, rows).asked]
    assert ("shop.invoices", "own") in asked
    assert ("shop.orders", "referred") not in asked


def test_many_values_are_asked_for_in_chunks() -> None:
    notes = table("notes", field("person", to("d.people.id")))
    rows: Rows = {"people": [{"id": at, "email": HER} for at in range(2 * CHUNK + 1)], "notes": []}
    sizes = [len(one.matches["person"]) for one in Run(people(notes=notes), rows).asked if "person" in one.matches]
    assert sizes == [CHUNK, CHUNK, 1]


def test_what_was_asked_can_be_asked_again_for_reading_back() -> None:
    run = Run(people(field("boss", to("d.people.id", "to"))), {"people": [{"id": 1, "email": HER, "boss": 9}]})
    assert [dict(one.matches) for one in run.reach.asked(Address("d", "people"))] == [
        {"email": (HER, HER.lower()), "id": (9,)}
    ]
    assert run.reach.hers(Address("d", "people")) == {"email": (HER, HER.lower()), "id": (9,)}
    assert run.reach.asked(Address("d", "nowhere")) == []


# --- taking -------------------------------------------------------------------------------------------------------


def test_records_that_nobody_asked_for_are_dropped_and_counted() -> None:
    rows: Rows = {"people": [{"id": 1, "email": "ADA@EXAMPLE.COM"}, {"id": 2, "email": "ada@example.com.au"}]}
    run = Run(people(), rows)
    assert [row["id"] for row in run.of("people")] == [1]
    assert run.reach.counts[Address("d", "people")] == Count(own=1, referred=0, dropped=1)


def test_case_counts_where_no_email_is_compared() -> None:
    dataset = people(field("code"), notes=table("notes", field("code", to("d.people.code", "from"))))
    rows: Rows = {"people": [{"id": 1, "email": HER, "code": "x"}], "notes": [{"id": 1, "code": "X"}]}
    assert Run(dataset, rows).of("notes") == []


def test_emails_that_lead_to_others_match_without_case() -> None:
    dataset = people(notes=table("notes", field("author", to("d.people.email", "from"))))
    rows: Rows = {"people": [{"id": 1, "email": "ADA@example.com"}], "notes": [{"id": 1, "author": "ada@EXAMPLE.com"}]}
    assert len(Run(dataset, rows).of("notes")) == 1


def test_a_system_is_trusted_about_a_field_that_its_records_do_not_show() -> None:
    assert len(Run(people(), {"people": [{"id": 1}]}).of("people")) == 1
    assert Run(people(), {"people": [{"id": 1, "email": None}]}).of("people") == []


def test_a_record_comes_once_by_its_key_or_as_a_whole_where_it_has_none() -> None:
    plain = Dataset(key="d", collections=(Collection(name="people", fields=(field("email", identity="email"),)),))
    row = {"email": HER, "n": 1}
    assert len(Run(plain, {"people": [row, {"n": 1, "email": HER}, {**row, "n": 2}]}).taken) == 2
    keyed = Run(people(), {"people": [{"id": 1, "email": HER}, {"id": "1", "email": HER}]})
    assert [one.key for one in keyed.taken] == [{"id": 1}]


def test_hers_stays_hers_when_something_refers_to_it() -> None:
    rows: Rows = {
        "customers": [{"id": 1, "email": HER}, {"id": 2, "email": "b@example.com"}],
        "addresses": [{"id": 1, "customer_id": 1}, {"id": 2, "customer_id": 2}],
        "items": [{"id": 1, "order_id": 7, "product_id": 3}, {"id": 2, "order_id": 8, "product_id": 3}],
        "orders": [{"id": 7, "customer_id": 1, "invoice_id": None}, {"id": 8, "customer_id": 2, "invoice_id": None}],
        "products": [{"id": 3}, {"id": 4}],
        "invoices": [],
        "reviews": [],
    }
    run = Run(SHOP, rows)
    found_as = sorted((one.address.collection, one.record.values["id"], one.bond) for one in run.taken)
    assert found_as == [
        ("addresses", 1, "own"),
        ("customers", 1, "own"),
        ("items", 1, "own"),
        ("orders", 7, "own"),
        ("products", 3, "referred"),
    ]


def test_references_that_hold_tokens_are_followed_by_them() -> None:
    notes = table("notes", field("person", to("d.people.id", "from")))
    rows: Rows = {
        "people": [Record({"id": "r1", "email": HER}, {"id": "tok_1", "email": "tok_2"})],
        "notes": [Record({"id": 1, "person": "…"}, {"person": "tok_1"}), Record({"id": 2, "person": "r1"})],
    }
    assert [row["id"] for row in Run(people(notes=notes), rows).of("notes")] == [1]


# --- other people -------------------------------------------------------------------------------------------------


def friends(*links: Link, **more: Any) -> Dataset:
    links = links or (to("d.people.id"),)
    return people(friends=table("friends", field("email", identity="email"), field("of", *links)), **more)


ADA = {"id": 1, "email": HER}
BOB = {"id": 5, "email": "bob@example.com", "of": 1}
FRIENDS = Address("d", "friends")


def ids(run: Run, name: str = "friends") -> list[Any]:
    return [row["id"] for row in run.of(name)]


def test_a_record_that_refers_to_hers_and_says_that_it_is_somebody_elses_is_left_out_and_counted_once() -> None:
    rows: Rows = {"people": [ADA], "friends": [BOB, BOB, {**BOB, "id": 6, "email": "ADA@example.com"}]}
    run = Run(friends(), rows)
    assert ids(run) == [6]
    assert run.reach.counts[FRIENDS] == Count(own=1, others=1)
    assert run.reach.is_others(FRIENDS, Record(BOB))
    assert not run.reach.is_others(FRIENDS, Record({**BOB, "id": 6}))


@pytest.mark.parametrize("nothing", [{"email": None}, {"email": ""}, {}])
def test_a_record_that_refers_to_hers_and_does_not_say_whose_it_is_is_hers(nothing: dict[str, Any]) -> None:
    rows: Rows = {"people": [ADA], "friends": [{"id": 5, "of": 1, **nothing}]}
    assert ids(Run(friends(), rows)) == [5]


def test_who_a_record_is_counts_by_the_kinds_that_were_given_alone() -> None:
    both = table("friends", field("email", identity="email"), field("phone", identity="phone"), field("of", to(ID)))
    hers = {"id": 5, "email": "", "phone": "555-0100", "of": 1}
    rows: Rows = {"people": [ADA], "friends": [hers]}
    assert ids(Run(people(friends=both), rows)) == [5]
    assert ids(Run(people(friends=both), rows, {"email": HER, "phone": "555-0101"})) == []
    assert ids(Run(people(friends=both), rows, {"email": HER, "phone": []})) == [5]
    rows = {"people": [ADA], "friends": [{**hers, "email": HER}]}
    assert ids(Run(people(friends=both), rows, {"email": HER, "phone": "555-0101"})) == [5]


def test_two_that_are_the_same_are_not_where_they_say_who_they_are() -> None:
    fields = (field("id", to("d.people.id"), primary_key=True), field("email", identity="email"))
    rows: Rows = {"people": [ADA], "twins": [{"id": 1, "email": "bob@example.com"}]}
    assert ids(Run(people(twins=Collection(name="twins", fields=fields)), rows), "twins") == []


@pytest.mark.parametrize("direction", ["from", "to"])
def test_a_reference_with_a_direction_is_followed_as_said_whoever_it_is(direction: Direction) -> None:
    rows: Rows = {"people": [{**ADA, "friend": 5}], "friends": [BOB]}
    if direction == "from":
        held = friends(to("d.people.id", "from"))
    else:
        held = people(
            field("friend", to("d.friends.id", "to")), friends=table("friends", field("email", identity="email"))
        )
    run = Run(held, rows)
    assert ids(run) == [5]
    assert run.reach.counts[FRIENDS].others == 0


def test_a_record_found_by_several_ways_is_hers_if_one_of_them_says_so_however_late() -> None:
    # The notes come after the friends that refer to her, and ask for the same value of the same field again.
    notes = table("notes", field("person", to("d.people.id")), field("friend"))
    links = (to("d.people.id"), to("d.notes.friend", "from"))
    rows: Rows = {"people": [ADA], "friends": [BOB], "notes": [{"id": 8, "person": 1, "friend": 1}]}
    run = Run(friends(*links, notes=notes), rows)
    assert ids(run) == [5]
    assert run.reach.counts[FRIENDS].others == 0
    assert not run.reach.is_others(FRIENDS, Record(BOB))
    assert ids(Run(friends(*links, notes=notes), {**rows, "notes": []})) == []


def test_what_is_left_out_in_a_circle_comes_when_a_later_round_says_so() -> None:
    held = people(
        friends=table(
            "friends",
            field("email", identity="email"),
            field("of", to("d.people.id"), to("d.notes.friend", "from")),
        ),
        notes=table("notes", field("person", to("d.people.id")), field("by", to("d.friends.id")), field("friend")),
    )
    late = {"id": 8, "person": None, "by": 6, "friend": 1}
    rows: Rows = {"people": [ADA], "friends": [BOB, {"id": 6, "email": "", "of": 1}], "notes": [late]}
    run = Run(held, rows)
    assert ids(run) == [6, 5]
    assert run.reach.counts[FRIENDS].others == 0
    assert not run.reach.is_others(FRIENDS, Record(BOB))


def test_a_system_that_shows_no_field_that_was_asked_is_not_trusted_about_who_somebody_is() -> None:
    rows: Rows = {"people": [ADA], "friends": [{"id": 5, "email": "bob@example.com"}]}
    assert ids(Run(friends(), rows)) == []
    assert ids(Run(friends(to("d.people.id", "from")), rows)) == [5]
    notes = table("notes", field("person", to("d.people.id")), field("friend"))
    mixed = friends(to("d.people.id"), to("d.notes.friend", "from"), notes=notes)
    assert ids(Run(mixed, {**rows, "notes": [{"id": 8, "person": 1, "friend": 2}]})) == []


def test_too_many_records_of_other_people_are_refused() -> None:
    rows: Rows = {"people": [ADA], "friends": [{**BOB, "id": at} for at in range(4)]}
    assert ids(Run(friends(), rows, guard=Guard(records=4))) == []
    with pytest.raises(TooMany):
        Run(friends(), rows, guard=Guard(records=3))


# --- arrays -------------------------------------------------------------------------------------------------------


def rooms(*, whole: bool = False) -> Dataset:
    members = field("members", fields=(field("email", identity="email"), field("card")), all_elements=whole)
    cards = table("cards", field("owner", to("d.rooms.members.card", "from")))
    return Dataset(key="d", collections=(table("rooms", field("host", identity="host"), members), cards))


ROOM = {
    "id": 1,
    "host": "h",
    "members": [{"email": "ada@example.com", "card": 5}, {"email": "bob@example.com", "card": 6}],
}
CARDS = [{"id": 1, "owner": 5}, {"id": 2, "owner": 6}]


def test_of_an_array_of_people_only_she_is_shown_and_leads_on() -> None:
    run = Run(rooms(), {"rooms": [ROOM], "cards": CARDS})
    assert run.of("rooms") == [{**ROOM, "members": ROOM["members"][:1]}]  # type: ignore[index]
    assert run.taken[0].whole.values == ROOM
    assert [row["id"] for row in run.of("cards")] == [1]


def test_all_elements_are_shown_where_the_dataset_says_so() -> None:
    assert Run(rooms(whole=True), {"rooms": [ROOM], "cards": []}).of("rooms") == [ROOM]


def test_other_people_in_an_array_are_not_shown_when_the_record_is_found_by_another_field() -> None:
    run = Run(rooms(), {"rooms": [ROOM], "cards": []}, {"host": "h", "email": "eve@example.com"})
    assert run.of("rooms") == [{**ROOM, "members": []}]


def test_a_record_of_which_more_comes_to_match_replaces_itself() -> None:
    chain = people(field("refs", to("d.people.id", "from")))
    rows = [
        {"id": 1, "email": HER, "refs": []},
        {"id": 2, "email": "", "refs": [1, 3, 9]},
        {"id": 3, "email": "", "refs": [2]},
    ]
    run = Run(chain, {"people": rows})
    assert [(one.number, one.record.values["refs"]) for one in run.taken] == [(0, []), (1, [1]), (2, [2]), (1, [1, 3])]


# --- too much -----------------------------------------------------------------------------------------------------


def test_too_many_records_are_refused_by_the_name_of_their_collection_and_no_value() -> None:
    rows = [{"id": at, "email": HER} for at in range(3)]
    with pytest.raises(TooMany) as caught:
        Run(people(), {"people": rows}, guard=Guard(records=2))
    assert caught.value.at == "d.people"
    assert HER not in str(caught.value) + caught.value.hint


def test_too_many_rounds_are_refused() -> None:
    chain = people(field("next", to("d.people.id", "to")))
    rows = [{"id": at, "email": HER if not at else "", "next": at + 1} for at in range(9)]
    assert len(Run(chain, {"people": rows}, guard=Guard(rounds=10)).taken) == 9
    with pytest.raises(TooMany):
        Run(chain, {"people": rows}, guard=Guard(rounds=5))
