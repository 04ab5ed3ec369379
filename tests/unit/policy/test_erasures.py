"""Promises about erasures: what they mean, how they are written, what is said of those that cannot be meant."""

from __future__ import annotations

import pytest

from privet.errors import InvalidPolicy, UnknownName
from privet.policy.bind import faults as unbound
from privet.policy.decide import decide
from privet.policy.format import write
from privet.policy.parse import parse
from privet.policy.review.aims import aimed, misaimed
from privet.policy.review.diff import diff
from privet.policy.syntax import Aim, Erase, Keep, Promise, Term
from privet.vocabulary.access import Access, Principal
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.predicate import And, Compare, In, Not


def promise(text: str) -> Promise:
    (found,) = parse(text).promises
    return found


def faults(text: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidPolicy) as caught:
        parse(text)
    return [(fault.at, str(fault.message)) for fault in caught.value.faults]


ORDERS, INVOICES = Aim(path=("shop_db", "orders")), Aim(path=("billing", "invoices"))

MEANINGS = {
    "erase user.contact by random": Erase(targets=(Aim("user.contact"),), strategy="random"),
    "ERASE shop_db.orders BY Deletion": Erase(targets=(ORDERS,), strategy="deletion"),
    "erase USER, shop_db.orders.note.text by truncate (keep 3)": Erase(
        targets=(Aim("user"), Aim(path=("shop_db", "orders", "note", "text"))),
        strategy="truncate",
        settings=(("keep", 3),),
    ),
    "erase \"user\".keep by \"Odd one\" (a.b 'it''s', c true, d -2)": Erase(
        targets=(Aim(path=("user", "keep")),), strategy="Odd one", settings=(("a.b", "it's"), ("c", True), ("d", -2))
    ),
    "keep user.financial because 'audit'": Keep(targets=(Aim("user.financial"),), reason="audit"),
    "keep shop_db.orders for 1 year after shop_db.orders.placed because 'tax'": Keep(
        targets=(ORDERS,),
        reason="tax",
        term=Term(1, "years", Aim(path=("shop_db", "orders", "placed"))),
    ),
    "keep billing.invoices where billing.invoices.status = 'open' and not billing.invoices.n in (1) because 'x'": Keep(
        targets=(INVOICES,),
        reason="x",
        where=And((Compare("invoices.status", "=", "open"), Not(In("invoices.n", (1,))))),
    ),
}


@pytest.mark.parametrize(("text", "meant"), MEANINGS.items(), ids=MEANINGS)
def test_a_promise_means(text: str, meant: Promise) -> None:
    assert promise(text) == meant


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (
            "ERASE user.contact,\n  shop.people by HASH (algorithm 'SHA-512')",
            "erase user.contact, shop.people by hash (algorithm 'SHA-512')",
        ),
        (
            "keep a.b FOR 1 years AFTER a.b.c BECAUSE 'x'",
            "keep a.b for 1 year after a.b.c because 'x'",
        ),
        (
            "keep a.b where (a.b.c = 1 or a.b.d is null) for 30 day after a.b.c because 'it''s'",
            "keep a.b where a.b.c = 1 or a.b.d is null for 30 days after a.b.c because 'it''s'",
        ),
    ],
)
def test_it_has_one_form_which_reads_as_the_same(text: str, canonical: str) -> None:
    assert write(parse(text)) == canonical + "\n"
    assert parse(canonical) == parse(text)


def test_every_aim_knows_where_it_stands() -> None:
    text = "erase user.contact, shop.people.email by null"
    (found,) = parse(text).promises
    assert isinstance(found, Erase)
    assert [text[aim.span.start : aim.span.end] for aim in found.targets] == ["user.contact", "shop.people.email"]


REFUSED = {
    "erase user by deletion": ("1:7", "expected collections before `by deletion`, found a category"),
    "erase shop by null": ("1:12", "expected `.` and a collection, found `by`"),
    "erase user.contct by null": ("1:7", "expected a category of the taxonomy, found none of that name"),
    "erase a.b": ("1:10", "expected `by`, found the end"),
    "erase a.b by null (x)": ("1:21", "expected a text in single quotes, a whole number, `true` or `false`, found `)`"),
    "erase a.b by null (x 1, x 2)": ("1:25", "expected each setting once, found one twice"),
    "keep a.b": ("1:9", "expected `because`, found the end"),
    "keep a.b because '  '": ("1:18", "expected a reason in quotes, found an empty text"),
    "keep a.b where consent('k') because 'x'": (
        "1:16",
        "expected fields and literals in the condition of a `keep`",
    ),
    "keep a.b where a.b.c = caller.d because 'x'": (
        "1:16",
        "expected fields and literals in the condition of a `keep`",
    ),
    "keep a.b where a.id in queue('q') because 'x'": (
        "1:16",
        "expected fields and literals in the condition of a `keep`",
    ),
    "keep user where a.b.c = 1 because 'x'": (
        "1:11",
        "expected one collection before a condition on its fields, found others",
    ),
    "keep user for 3 years after a.b.c because 'x'": (
        "1:29",
        "expected a field of the collection that is kept, found another",
    ),
    "keep a.b for 0 days after a.b.c because 'x'": ("1:14", "expected a whole number from 1 to 9,999, found a number"),
    "keep a.b for 2 weeks after a.b.c because 'x'": (
        "1:16",
        "expected `years`, `months` or `days`, found another word",
    ),
}


@pytest.mark.parametrize(("text", "fault"), REFUSED.items(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused_where_it_stands(text: str, fault: tuple[str, str]) -> None:
    assert faults(text)[0] == fault


def test_after_a_fault_reading_goes_on_at_the_next_promise() -> None:
    assert [at for at, _ in faults("erase a by null\nkeep a.b\nerase user by deletion")] == ["1:9", "3:1", "3:7"]


# --- readers --------------------------------------------------------------------------------------------------

PEOPLE = Collection(name="people", fields=(Field(name="email", type="contact.email", labels=("user.contact.email",)),))
SCHEMA = Dataset(key="vault", collections=(PEOPLE,))
BOUND = "erase elsewhere.things by deletion\nkeep elsewhere.others because 'law'\nerase user.contact by null\n"


def test_a_schema_takes_promises_about_other_datasets() -> None:
    assert unbound(parse(BOUND), SCHEMA) == ()


def test_decisions_about_callers_are_as_if_they_were_not_there() -> None:
    rules = "role r\nallow read on people.email with redaction = plain_text\n"
    caller, ask = Principal(id="p", name="p", kind="person", roles=("r",)), Access("read", "people", ("email",))
    with_them = decide(parse(rules + BOUND), caller, ask, PEOPLE)
    without = decide(parse(rules), caller, ask, PEOPLE)
    assert (with_them.columns, with_them.rows) == (without.columns, without.rows)


def test_a_comparison_tells_what_changed_and_nothing_where_only_words_did() -> None:
    old = parse("erase user by hash (a 1, b 2)\nerase a.b, c.d by delete\nkeep a.b because 'x'")
    new = parse("erase c.d by deletion\nerase a.b by deletion\nkeep a.b because 'x'\nerase user by hash (b 2, a 1)")
    assert diff(old, new) == []
    changed = diff(old, parse("erase user by null\nerase a.b, c.d by delete\nkeep a.b where a.b.c = 1 because 'x'"))
    assert [(change.gained, change.what, change.places) for change in changed] == [
        (True, "promise", ("user",)),
        (True, "promise", ("a.b",)),
        (False, "promise", ("user",)),
    ], "what is kept always is kept under a condition, too"


# --- what aims stand for --------------------------------------------------------------------------------------


def _field(name: str, *inner: Field) -> Field:
    return Field(name=name, type="string", fields=inner)


SHOP = Dataset(
    key="shop",
    collections=(
        Collection(name="orders", fields=(_field("id"), _field("state"), _field("to", _field("city")))),
        Collection(name="old.orders", fields=(_field("placed"),)),
    ),
)
KNOWN = {"shop": SHOP, "shop.eu": Dataset(key="shop.eu", collections=SHOP.collections)}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("shop.orders", ("shop", "orders", "")),
        ("shop.orders.to.city", ("shop", "orders", "to.city")),
        ("shop.old.orders", ("shop", "old.orders", "")),
        ("shop.old.orders.placed", ("shop", "old.orders", "placed")),
        ("shop.eu.orders.state", ("shop.eu", "orders", "state")),
    ],
)
def test_an_aim_stands_for(path: str, found: tuple[str, str, str]) -> None:
    place = aimed(Aim(path=tuple(path.split("."))), KNOWN)
    assert (place.dataset.key, place.collection.name, place.field) == found


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("shp.orders", "there is no dataset `shp`", "did you mean `shop`?"),
        ("shop.order", "`shop` has no collection `order`", "did you mean `orders`?"),
        ("shop.orders.stat", "there is no field `shop.orders.stat`", "did you mean `state`?"),
        ("shop.orders.ann@example_com", "there is no field `…`", ""),
    ],
)
def test_an_aim_at_nothing_names_what_is_near(path: str, message: str, hint: str) -> None:
    with pytest.raises(UnknownName) as caught:
        aimed(Aim(path=tuple(path.split("."))), KNOWN)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("erase shop.orders.state by deletion", ["deletion is about whole records, found a field"]),
        ("erase shop.order, shop.orders.x by null", ["`shop` has no collection `order`", "there is no field `…`"]),
        ("keep shop.orders where shop.orders.to.city = 'x' because 'y'", []),
        ("keep shop.orders where shop.orders.id = 'x' because 'y'", []),
        (
            "keep shop.orders where shop.old.orders.placed = 'x' because 'y'",
            ["expected fields of `shop.orders` in the condition, found another"],
        ),
        (
            "keep shop.orders, shop.old.orders where shop.orders.id = 1 because 'y'",
            ["expected one collection where fields are named, found several"],
        ),
        (
            "keep shop.orders for 1 day after shop.old.orders.placed because 'y'",
            ["expected a field of `shop.orders` after `after`, found another"],
        ),
        (
            "keep shop.orders for 1 day after shop.orders.plcd because 'y'",
            ["there is no field `shop.orders.plcd`"],
        ),
    ],
)
def test_what_no_dataset_has_is_told(text: str, messages: list[str]) -> None:
    found = promise(text)
    assert isinstance(found, Erase | Keep)
    told = [fault.message for fault in misaimed(found, KNOWN)]
    assert [message if "`…`" not in message else told[at] for at, message in enumerate(messages)] == told
