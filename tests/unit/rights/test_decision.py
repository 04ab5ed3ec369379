"""What becomes of records: whose word counts, what is kept, which changes come of it, what cannot be planned."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from privet.connectors.base import Record
from privet.errors import InvalidInput
from privet.policy.parse import parse
from privet.rights.fates.decision import Anonymize, Decider, Decision, Delete, Held, Keep, Remaining, decisions, judged
from privet.rights.words import Address
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Masking, Native

KEY = Secret(b"the key of one request, invented")
NOW = datetime(2026, 1, 15, tzinfo=UTC)
UNIQUE, EMAIL, NAME = ("user.unique_id",), ("user.contact.email",), ("user.name",)


def field(name: str, labels: tuple[str, ...] = (), *inner: Field, **native: Any) -> Field:
    return Field(name=name, type="string", labels=labels, fields=inner, native=Native(**native))


def to(target: str, dataset: str = "shop") -> tuple[Link, ...]:
    return (Link(dataset, target),)


def table(name: str, *fields: Field, **more: Any) -> Collection:
    return Collection(name=name, fields=fields, **more)


ID = field("id", UNIQUE, primary_key=True, data_type="integer")
USERS = table("users", ID, field("email", EMAIL), field("name", NAME), field("plan"))


def decider(policy: str, *tables: Collection, others: tuple[Dataset, ...] = ()) -> Decider:
    return decisions({"o.policy": parse(policy)}, [Dataset(key="shop", collections=tables), *others], KEY)


def decide(made: Decider, name: str, values: dict[str, Any], **hers: list[Any]) -> Decision:
    (found,) = made.decide(Address("shop", name), [Record(values)], NOW, hers)
    return found


def masked(policy: str, collection: Collection, values: dict[str, Any], **hers: list[Any]) -> Anonymize:
    found = decide(decider(policy, collection), collection.name, {"id": 1, **values}, **hers)
    assert isinstance(found, Anonymize)
    return found


def faults(policy: str, *tables: Collection) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidInput) as caught:
        decider(policy, *tables)
    return [(fault.at, fault.message, fault.hint) for fault in caught.value.faults]


def test_what_is_judged_once_masks_for_every_request_under_its_own_key() -> None:
    policy = {"o.policy": parse("erase shop.users.email by consistent\n")}
    once = judged(policy, [Dataset(key="shop", collections=(USERS,))])
    values = {"id": 1, "email": "ada@example.com"}

    def mail(made: Decider) -> Any:
        found = decide(made, "users", values)
        assert isinstance(found, Anonymize)
        return found.values["email"]

    other = Secret(b"the key of another one, invented")
    assert mail(Decider(once, KEY)) == mail(decider("erase shop.users.email by consistent\n", USERS))
    assert mail(Decider(once, KEY)) != mail(Decider(once, other)) != "ada@example.com"


# --- where nobody says anything -------------------------------------------------------------------------------


def test_what_is_personal_becomes_null_and_all_else_stays() -> None:
    found = masked("", USERS, {"email": "ada@example.com", "name": "Ada", "plan": "gold"})
    assert found == Anonymize({"email": None, "name": None})


def test_what_may_not_be_null_becomes_random_or_false() -> None:
    people = table(
        "people", ID, field("name", NAME, nullable=False), field("in", NAME, nullable=False, data_type="boolean")
    )
    found = masked("", people, {"name": "Ada", "in": True})
    assert found.values["in"] is False
    assert found.values["name"] not in (None, "Ada")


def test_an_identity_is_personal_without_a_label() -> None:
    assert masked("", table("t", ID, field("mail", identity="email")), {"mail": "a@example.com"}).values == {
        "mail": None
    }


def test_a_second_time_there_is_nothing_to_do() -> None:
    assert masked("", USERS, {"email": None, "name": None}) == Anonymize({})
    assert masked("erase user.name by constant (value 'x')", USERS, {"email": None, "name": "x"}) == Anonymize({})


def test_a_read_only_field_remains_and_is_told() -> None:
    people = table("people", ID, field("name", NAME, read_only=True))
    assert masked("", people, {"name": "Ada"}).remaining == (Remaining("name", "it is read-only"),)


def test_a_key_that_tells_who_she_is_remains_and_is_told() -> None:
    people = table("people", field("email", EMAIL, primary_key=True))
    found = decide(decider("", people), "people", {"email": "ada@example.com"})
    assert found == Anonymize({}, (), (Remaining("email", "it is a primary key"),))


def test_a_collection_of_keys_alone_is_told() -> None:
    made = decider("", table("t", ID, field("user_id", UNIQUE, links=to("users.id"))), USERS)
    assert made.notes == (
        "all that is personal in `shop.t` is left, because it is keys, references or read-only: "
        "to delete its records, write `erase shop.t by deletion`",
    )


# --- whose word counts ----------------------------------------------------------------------------------------

ALL = (
    "erase user by constant (value 'category')\n"
    "erase user.contact by constant (value 'deeper')\n"
    "erase shop.t by constant (value 'collection')\n"
    "erase shop.t.address by constant (value 'object')\n"
    "erase shop.t.address.city by constant (value 'field')\n"
)
CITY = field("city", ("user.contact.address.city",))


@pytest.mark.parametrize(
    ("lines", "override", "said"),
    [
        (5, True, "override"),
        (5, False, "field"),
        (4, False, "object"),
        (3, False, "collection"),
        (2, False, "deeper"),
        (1, False, "category"),
        (0, False, None),
    ],
)
def test_the_nearest_word_counts(lines: int, override: bool, said: str | None) -> None:
    own = Masking("string_rewrite", (("rewrite_value", "override"),)) if override else None
    t = table("t", ID, field("address", (), field("city", CITY.labels, masking=own), data_type="object"))
    policy = "".join(ALL.splitlines(keepends=True)[:lines])
    found = masked(policy, t, {"address": {"city": "Springfield", "other": 1}})
    assert found.values == {"address.city": said}


def test_deletion_beats_what_is_said_of_fields_and_a_hold_beats_deletion() -> None:
    said = "erase shop.users by deletion\nerase shop.users.name by constant (value 'x')\n"
    assert decide(decider(said, USERS), "users", {"id": 1}) == Delete("o.policy:1:1")
    held = said + "keep shop.users where shop.users.plan = 'gold' because 'court'"
    values = {"id": 1, "email": "a@example.com", "name": "Ada"}
    made = decider(held, USERS)
    assert decide(made, "users", {**values, "plan": "gold"}) == Keep("court", "o.policy:3:1", sure=True)
    assert decide(made, "users", {**values, "plan": "free"}) == Delete("o.policy:1:1")
    assert decide(made, "users", {**values, "plan": None}) == Keep("court", "o.policy:3:1", sure=False)


def test_the_manifest_deletes_records_too() -> None:
    made = decider("erase shop.users.name by random", table("users", *USERS.fields, masking=Masking("delete")))
    assert decide(made, "users", {"id": 1}) == Delete("manifest")
    assert made.deletes(Address("shop", "users"))


def test_a_field_that_is_kept_stays_and_its_record_is_not_deleted() -> None:
    policy = "erase shop.users by deletion\nkeep shop.users.email because 'proof'"
    found = decide(decider(policy, USERS), "users", {"id": 1, "email": "a@example.com", "name": "Ada"})
    assert found == Anonymize({"name": None}, (Held("email", "proof", "o.policy:2:1", sure=True),))
    gone = decide(decider(policy, USERS), "users", {"id": 1, "email": None, "name": "Ada"})
    assert isinstance(gone, Delete)


def test_a_category_is_kept_wherever_it_is() -> None:
    found = masked("keep user.contact because 'court'", USERS, {"email": "a@example.com", "name": "Ada"})
    assert found.values == {"name": None}
    assert [held.path for held in found.held] == ["email"]


def test_time_counts_at_the_moment_of_the_decision() -> None:
    orders = table("orders", ID, field("note", NAME), field("placed"))
    made = decider("keep shop.orders for 10 years after shop.orders.placed because 'tax'", orders)
    kept, over = (decide(made, "orders", {"id": 1, "note": "n", "placed": date(year, 1, 20)}) for year in (2016, 2015))
    assert kept == Keep("tax", "o.policy:1:1", sure=True)
    assert over == Anonymize({"note": None})


# --- lists and objects ----------------------------------------------------------------------------------------

CHATS = table(
    "chats",
    ID,
    field("members", EMAIL, data_type="string[]", identity="email"),
    field("lines", (), field("by", EMAIL, identity="email"), field("text", ("user.content",)), data_type="object[]"),
)


def test_of_a_list_that_she_was_found_by_her_elements_alone_are_overwritten() -> None:
    members = ["bob@example.com", "Ada@example.com"]
    found = masked("", CHATS, {"members": members, "lines": []}, members=["ada@example.com"])
    assert found.values == {"members": ["bob@example.com"]}


def test_elements_of_others_come_back_as_they_were() -> None:
    lines = [{"by": "bob@example.com", "text": "hi", "n": 1}, {"by": "ada@example.com", "text": "ho", "n": 2}]
    hers = {"lines.by": ["ada@example.com"]}
    (found,) = decider("", CHATS).decide(
        Address("shop", "chats"), [Record({"id": 1, "members": None, "lines": lines})], NOW, hers
    )
    assert isinstance(found, Anonymize)
    assert found.values == {"lines": [lines[0], {"by": None, "text": None, "n": 2}]}
    assert lines[1]["text"] == "ho", "what was given is not changed"


def test_of_a_record_that_she_was_found_by_otherwise_all_elements_are_hers() -> None:
    found = masked("erase user by random", CHATS, {"members": ["a@example.com", "b@example.com"], "lines": []}, id=[1])
    assert len(found.values["members"]) == 2
    assert not {"a@example.com", "b@example.com"} & set(found.values["members"])
    assert masked("", CHATS, {"members": ["a@example.com"], "lines": []}).values == {"members": None}


def test_what_cannot_be_masked_is_told_and_the_rest_is_masked() -> None:
    found = masked("erase user.name by truncate (keep 3)", USERS, {"email": "a@example.com", "name": "Al"})
    assert found.values == {"email": None}
    assert found.remaining == (Remaining("name", "`truncate` leaves the value as it is"),)


# --- changes --------------------------------------------------------------------------------------------------


def test_changes_are_by_primary_key_and_the_same_however_often() -> None:
    made, address = decider("erase user by random", USERS), Address("shop", "users")
    records = [Record({"id": at, "email": "a@example.com", "name": "Ada"}) for at in (1, 2)]
    decided = made.decide(address, records, NOW)
    changes = made.changes(address, records, decided)
    assert [change.key for change in changes] == [{"id": 1}, {"id": 2}]
    assert changes[0].values != changes[1].values, "two records draw two values"
    assert changes[0].once != changes[1].once
    again = decider("erase user by random", USERS)
    assert again.changes(address, records, again.decide(address, records, NOW)) == changes


def test_what_stays_and_what_needs_nothing_is_no_change() -> None:
    made, address = decider("keep shop.users where shop.users.plan = 'x' because 'y'", USERS), Address("shop", "users")
    records = [Record({"id": 1, "name": "Ada", "plan": "x"}), Record({"id": 2, "name": None, "plan": "z"})]
    assert made.changes(address, records, made.decide(address, records, NOW)) == []


def test_without_a_primary_key_a_change_names_all_that_it_depends_on() -> None:
    visits = table("visits", field("mail", identity="email"), field("state"), field("name", NAME), field("n"))
    made = decider("keep shop.visits where shop.visits.state = 'open' because 'x'\nerase user.name by hash", visits)
    address, hers = Address("shop", "visits"), {"mail": ["ada@example.com"]}
    rows = [
        {"mail": "ada@example.com", "state": state, "name": "Ada", "n": n}
        for state, n in (("a", 1), ("a", 2), ("open", 3))
    ]
    records = [Record(row) for row in rows]
    (change,) = made.changes(address, records, made.decide(address, records, NOW, hers), hers)
    assert change.key == {"mail": "ada@example.com", "state": "a", "name": "Ada"}


def test_a_record_that_nothing_finds_remains() -> None:
    made = decider("", table("visits", field("name", NAME)))
    found = decide(made, "visits", {"name": "Ada"})
    assert isinstance(found, Anonymize)
    assert [one.path for one in found.remaining] == [""]
    assert made.changes(Address("shop", "visits"), [Record({"name": "Ada"})], [found]) == []


def test_what_must_be_read_is_keys_conditions_and_what_is_overwritten() -> None:
    made = decider("keep shop.users where shop.users.plan = 'x' because 'y'", table("users", *USERS.fields, field("z")))
    assert made.reads(Address("shop", "users")) == ("id", "email", "name", "plan")


def test_no_text_of_a_decision_holds_a_value() -> None:
    found = masked("erase user.name by truncate (keep 9)", USERS, {"email": None, "name": "CANARY"})
    assert "CANARY" not in repr(found)


# --- references -----------------------------------------------------------------------------------------------

ORDERS = table(
    "orders",
    field("id", primary_key=True),
    field("user_id", UNIQUE, links=to("users.id")),
    field("email", EMAIL, links=to("users.email")),
)


def test_references_to_keys_are_left() -> None:
    found = decide(decider("erase user by null", USERS, ORDERS), "orders", {"id": 1, "user_id": 7, "email": None})
    assert found == Anonymize({})


def test_what_refers_and_what_is_referred_to_become_the_same() -> None:
    required = table("users", ID, field("email", EMAIL, nullable=False, length=40))
    made = decider("", required, ORDERS)
    one = decide(made, "users", {"id": 1, "email": "ada@example.com"})
    two = decide(made, "orders", {"id": 5, "user_id": 1, "email": "ada@example.com"})
    assert isinstance(one, Anonymize)
    assert isinstance(two, Anonymize)
    assert one.values["email"] == two.values["email"] not in (None, "ada@example.com")
    assert len(one.values["email"]) <= 40


def test_a_strategy_that_would_part_records_is_refused_with_the_line_to_write() -> None:
    (fault,) = faults("erase user.contact by random", USERS, ORDERS)
    assert fault == (
        "o.policy:1:1",
        "`shop.orders.email` is referred to, or refers, and `random` would part the records",
        "write `erase shop.orders.email, shop.users.email by consistent`",
    )


def test_two_ways_for_two_ends_are_refused() -> None:
    (fault,) = faults("erase shop.users.email by hash", USERS, ORDERS)
    assert fault[1].startswith("fields that refer to each other are erased in different ways")
    assert fault[2].endswith("by hash`")
    decider("erase shop.users.email by hash\nerase shop.orders.email by null", USERS, ORDERS)


def test_a_reference_may_be_nulled_and_never_masked() -> None:
    made = decider("erase shop.orders.user_id by null", USERS, ORDERS)
    found = decide(made, "orders", {"id": 1, "user_id": 7, "email": None})
    assert found == Anonymize({"user_id": None})
    assert faults("erase shop.orders.user_id by hash", USERS, ORDERS)[0][:2] == (
        "o.policy:1:1",
        "`shop.orders.user_id` is a reference to a key, which cannot be masked",
    )


def test_what_refers_to_deleted_records_lets_go() -> None:
    made = decider("erase shop.users by deletion\nerase shop.orders.email by null", USERS, ORDERS)
    assert decide(made, "orders", {"id": 1, "user_id": 7, "email": None}) == Anonymize({"user_id": None})
    fixed = table("orders", field("id", primary_key=True), field("user_id", nullable=False, links=to("users.id")))
    assert "write `erase shop.orders by deletion`" in decider("erase shop.users by deletion", USERS, fixed).notes[0]


# --- what cannot be planned -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "fields", "message"),
    [
        ("erase shop.t.x by nul", (field("x"),), "there is no masking strategy of that name"),
        ("erase shop.t.x by aes_encrypt", (field("x"),), "`aes_encrypt` is not offered"),
        ("erase shop.t.x by truncate", (field("x"),), "`truncate` needs its setting `keep`"),
        ("erase shop.t.y by null", (field("x"),), "there is no field `shop.t.y`"),
        ("erase shop.t.x by null", (field("x", nullable=False),), "`shop.t.x` may not be null"),
        ("erase shop.t.x by hash", (field("x", data_type="integer"),), "`shop.t.x` holds `integer`"),
        ("erase shop.t.x by random", (field("x", data_type="boolean"),), "`shop.t.x` has two values"),
        ("erase shop.t.x by hash", (field("x", length=10),), "`shop.t.x`: expected a length of 16 or more"),
        (
            "erase shop.t.x by string_rewrite (rewrite_value 'masked')",
            (field("x", length=3),),
            "`shop.t.x`: what `string_rewrite` gives does not fit the length of 3",
        ),
        ("erase shop.t.id by hash", (), "`shop.t.id` is a primary key, which cannot be masked"),
        ("erase shop.t.x by deletion", (field("x"),), "deletion is about whole records"),
        ("erase shop.t.x by null\nerase shop.t.x by hash", (field("x"),), "`shop.t.x` is erased in another way"),
        (
            "erase user.name by null\nerase user.contact by hash",
            (field("x", ("user.name", "user.contact")),),
            "`shop.t.x` is in two categories",
        ),
        ("keep shop.t where shop.t.z = 1 because 'x'", (field("x"),), "expected fields of `shop.t` in the condition"),
        ("", (field("x", masking=Masking("hush")),), "there is no masking strategy of that name"),
        ("", (field("x", masking=Masking("delete")),), "deletion is about whole records"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is(policy: str, fields: tuple[Field, ...], message: str) -> None:
    (fault,) = faults(policy, table("t", ID, *fields))
    assert fault[1].startswith(message)


def test_every_fault_is_told_at_once_with_its_place_and_the_next_step() -> None:
    found = faults(
        "erase shop.t.x by nul\nerase shop.q by null\nkeep shp.t because 'x'",
        table("t", ID, field("x", masking=Masking("hsh"))),
    )
    assert [(at, hint) for at, _, hint in found] == [
        ("o.policy:1:1", "did you mean `null`?"),
        ("o.policy:2:7", ""),
        ("o.policy:3:6", "did you mean `shop`?"),
        ("shop.t.x", "did you mean `hash`?"),
    ]


def test_a_plan_tells_what_becomes_of_each_field() -> None:
    made = decider(
        "erase user.name by truncate (keep 1)\nkeep shop.users where shop.users.plan = 'x' because 'y'", USERS
    )
    rows = {row.path: (row.strategy, row.rule, row.note) for row in made.rows(Address("shop", "users"))}
    assert rows == {
        "": ("keep", "o.policy:2:1", "y"),
        "id": ("", "", "left: it is a primary key"),
        "email": ("null", "", "nobody says otherwise"),
        "name": ("truncate (keep 1)", "o.policy:1:1", ""),
    }


def test_a_collection_that_requests_leave_out_is_not_decided_over() -> None:
    made = decider("", table("t", ID, skipped=True))
    with pytest.raises(InvalidInput, match=r"`shop\.t`"):
        made.decide(Address("shop", "t"), [], NOW)
