"""A policy fits a schema word for word, or is refused with every fault; stored rules follow renames."""

from __future__ import annotations

import pytest

from privet.errors import InvalidPolicy
from privet.policy.bind import bind, covered, faults, missing_index, moved, names, renamed
from privet.policy.parse import parse
from privet.policy.syntax import DenyUse, Limit, Policy, RequireConsent, Role, Rule, Span, Target
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field, Reference
from privet.vocabulary.predicate import CONSENT, QUEUE, And, Attribute, Compare, In, Predicate

CUSTOMERS = Collection(
    name="customers",
    subject="self",
    fields=(
        Field(name="email", type="contact.email", labels=("user.contact.email",), indexes=("domain",)),
        Field(name="phones", type="contact.phone", labels=("user.contact",), array=True, indexes=("exact",)),
        Field(
            name="state", type="address.state", labels=("user.contact.address.state",), indexes=("exact",), leak=True
        ),
        Field(name="born", type="person.dob", labels=("user.demographic.date_of_birth",), indexes=("year",)),
        Field(name="hired", type="person.dob", labels=("user.demographic.date_of_birth",)),
        Field(name="ssn", type="us.ssn", labels=("user.government_id",)),
        Field(name="gender", type="person.gender", labels=("user.demographic.gender",)),
        Field(name="notes", type="text", labels=("user.content",)),
        Field(name="pin", type="card.pin", labels=("user.financial",), keep="transient"),
    ),
)
ORDERS = Collection(
    name="orders",
    fields=(
        Field(name="customer", type="string", labels=("user",), reference=Reference("customers")),
        Field(name="total", type="decimal", labels=("user.financial",), indexes=("exact",)),
    ),
)
SCHEMA = Dataset(key="shop", collections=(CUSTOMERS, ORDERS))
ID = "01a3185c-5000-7002-90ef-46e8c1c80e06"


def allow(*targets: Target, where: Predicate | None = None, **options: object) -> Rule:
    fields = {"redaction": "", **options, **({"where": where} if where else {})}
    return Rule(effect="allow", actions=("read",), targets=targets or (Target("customers"),), **fields)  # type: ignore[arg-type]


def told(*rules: Rule, promises: tuple[DenyUse | RequireConsent | Limit, ...] = ()) -> list[tuple[str, str]]:
    found = faults(Policy("v", (Role("r", "", rules),), promises), SCHEMA)
    return [(fault.message, fault.hint) for fault in found]


@pytest.mark.parametrize(
    ("rule", "message", "hint"),
    [
        (allow(Target("custmers")), "there is no table `custmers`", "did you mean `customers`?"),
        (allow(Target("customers", "emial")), "there is no column `customers.emial`", "did you mean `email`?"),
        (allow(Target("", "email", part="tld")), "", ""),
        (allow(Target("customers", "email", part="area")), "`email` has no part `area`", "parts: local, domain"),
        (allow(Target(label="user.contcat")), "`user.contcat` is no category of the taxonomy", "did you mean"),
        (allow(purposes=(Purpose("marketting"),)), "`marketting` is no purpose of the taxonomy", "`marketing`"),
        (
            allow(Target("customers", "email"), redaction="last_four"),
            "no redaction `last_four` fits",
            "`contact.email` has",
        ),
        (allow(Target("customers"), redaction="last_four"), "", ""),
        (allow(Target("orders"), redaction="zip3"), "no redaction `zip3` fits what the rule covers", ""),
        (allow(Target(label="user.contact"), redaction="no_such"), "no redaction `no_such` fits", ""),
        (allow(Target("customers", "born", part="year"), redaction="plain_text"), "", ""),
        (allow(Target("customers", "born", part="year"), redaction="redacted"), "", ""),
        (allow(Target("customers", "born", part="year"), redaction="masked"), "a part has no redactions", "leave"),
    ],
)
def test_a_word_that_means_nothing_here_is_a_fault(rule: Rule, message: str, hint: str) -> None:
    found = told(rule)
    assert bool(found) is bool(message)
    if found:
        assert found[0][0].startswith(message) and hint in found[0][1]
        assert len(found) == 1


@pytest.mark.parametrize(
    ("where", "message", "hint"),
    [
        (Compare("state", "=", "CA"), "", ""),
        (Compare("state", "=", Attribute("region")), "", ""),
        (Compare("state", "=", "no such state"), "expected `address.state`:", ""),
        (Compare("stat", "=", "CA"), "`customers` has no column `stat`", "did you mean `state`?"),
        (
            Compare("email", "=", "ann@example.com"),
            "no index answers",
            "add `index: [domain, exact]` to `customers.email`",
        ),
        (Compare("email.domain", "=", "example.com"), "", ""),
        (Compare("email.tld", "=", "com"), "no index answers what is asked about `customers.email.tld`", ""),
        (Compare("email.prefix_3", "=", "ann"), "no index", "add `index: [domain, prefix_3]` to `customers.email`"),
        (Compare("email", "=", None), "", ""),
        (Compare("gender", "=", "female"), "no index", "`index: [exact]` and `leak: equality` to `customers.gender`"),
        (Compare("born", "<", "1980-01-01"), "", ""),
        (Compare("hired", "<", "1980-01-01"), "no index answers what is asked in order", "add `index: [year]`"),
        (Compare("hired", "<=", "1980-01-01"), "no index answers what is asked in order", "add `index: [year]`"),
        (Compare("hired", ">=", "1980-01-01"), "no index answers what is asked in order", "add `index: [year]`"),
        (Compare("born.year", "=", "no year"), "expected `year`:", ""),
        (Compare("email.nothing", "=", "x"), "`customers.email` has no part `nothing`", ""),
        (Compare("notes", "=", "x"), "no index answers what is asked about `customers.notes`", ""),
        (Compare("phones", "=", "+12025550141"), "", ""),
        (Compare("phones.area", "=", "202"), "`customers.phones` holds several values a record", ""),
        (Compare("pin", "=", "1234"), "`customers.pin` is transient", ""),
        (In("id", (ID,)), "", ""),
        (In("state", ("CA", None)), "expected values, found null", ""),
        (In("state", ("CA", "no such state")), "expected `address.state`:", ""),
        (Compare("id", "<", ID), "ids have no order", ""),
        (Compare("id", "=", "no id"), "expected a record id (a UUID)", ""),
        (Compare("state", "<", None), "null has no order", ""),
        (Compare(QUEUE, "=", "support"), "", ""),
        (Compare(CONSENT, "=", "news"), "", ""),
    ],
)
def test_a_condition_is_one_that_an_index_answers(where: Predicate, message: str, hint: str) -> None:
    found = told(allow(where=where))
    assert bool(found) is bool(message), found
    if found:
        assert found[0][0].startswith(message) and hint in found[0][1] and bool(hint) is bool(found[0][1])


def test_no_fault_quotes_a_value() -> None:
    secret = "219-09-9999"
    rules = [
        allow(where=Compare("state", "=", secret)),
        allow(where=Compare("born", "<", secret)),
        allow(Target(secret)),
        allow(Target("customers", secret)),
        allow(Target("customers", "email", part=secret)),
        allow(redaction=secret),
        allow(purposes=(Purpose(secret),)),
    ]
    assert len(told(*rules)) >= 7
    assert secret not in repr(told(*rules))


def test_a_name_is_repeated_while_it_may_be_one() -> None:
    for length, shown in ((128, "a" * 128), (129, "…")):
        assert told(allow(Target("a" * length)))[0][0] == f"there is no table `{shown}`"


def test_a_redaction_must_fit_each_column_that_a_rule_names() -> None:
    rules = (allow(Target("", "code"), redaction="zip3"), allow(Target("places"), redaction="zip3"))
    places = Collection(name="places", fields=(Field(name="code", type="address.postal_us"),))
    cards = Collection(name="cards", fields=(Field(name="code", type="card.pin"),))
    found = faults(Policy("v", (Role("r", "", rules),)), Dataset(key="d", collections=(places, cards)))
    assert [fault.message for fault in found] == ["no redaction `zip3` fits what the rule covers"]
    assert found[0].hint.startswith("`card.pin` has ")
    assert told(allow(Target("orders"), redaction="zip3")) == [("no redaction `zip3` fits what the rule covers", "")]


def test_a_condition_must_hold_on_every_table_that_the_rule_covers() -> None:
    state = Compare("state", "=", "CA")
    assert told(allow(Target(), where=state)) == [("`orders` has no column `state`", "")]
    assert told(allow(Target(label="user.contact"), where=state)) == []
    assert told(allow(Target("orders"), where=Compare("customer", "=", ID))) == []
    of_another = told(allow(Target("orders"), where=Compare("customer.name", "=", ID)))
    assert of_another == [("`orders.customer` has no part `name`", "")]
    needs = told(allow(Target("orders"), where=Compare(CONSENT, "=", "news")))
    assert needs == [("`orders` is about nobody who could consent", "")]


def test_order_is_answered_by_a_part_that_has_one_and_of_that_part_alone() -> None:
    fields = (
        Field(name="day", type="person.dob", indexes=("month",)),
        Field(name="decade", type="person.dob", indexes=("decade",)),
    )
    table = Collection(name="people", fields=fields)
    needed = missing_index(Compare("day", "<", "1980-01-01"), table)
    assert needed is not None and needed[1].startswith("add `index: [month, year]` and `leak: equality` to")
    assert missing_index(Compare("decade", "<", "1980-01-01"), table) is None
    assert missing_index(Compare("decade.decade", "<", "1980"), table) is None
    assert missing_index(Compare("decade.year", "<", "1980"), table) is not None
    assert missing_index(Compare("decade.month", "<", "02"), table) is not None


def test_what_is_still_to_come_has_no_conditions_and_parts_are_not_written() -> None:
    state = Compare("state", "=", "CA")
    rule = Rule(effect="allow", actions=("read", "insert"), targets=(Target("customers"),), where=state, redaction="")
    assert told(rule) == [
        (
            "`insert` has no record yet that a condition could hold on",
            "write a rule of its own for `insert`, without `where`",
        )
    ]
    part = Target("customers", "born", part="year")
    assert [m for m, _ in told(Rule(effect="allow", actions=("read", "update"), targets=(part,), redaction=""))] == [
        "expected a column for `update`, found a part"
    ]


def test_promises_use_words_of_the_taxonomy_and_of_the_types() -> None:
    news = Purpose("marketing.news")
    found = told(
        promises=(
            DenyUse(labels=("user.helth",), purposes=(news,), subjects=("custmer",)),
            RequireConsent(key="k", purposes=(news,)),
            Limit(redaction="last_four", labels=("user.government_id",)),
            Limit(redaction="last_four", labels=("user.contact.email",)),
        )
    )
    assert [message for message, _ in found] == [
        "`user.helth` is no category of the taxonomy",
        "`marketing.news` is no purpose of the taxonomy",
        "`custmer` is no kind of person of the taxonomy",
        "`contact.email` of `customers.email` has no redaction `last_four`",
    ]


def test_every_fault_comes_at_once_with_its_place() -> None:
    text = """role support
allow read on custmers.email
allow read on customers.email with redaction = last_four
allow read on customers.* where customers.notes = 'x'
allow read on customers.* where customers.state = 'CA'
"""
    with pytest.raises(InvalidPolicy) as caught:
        bind(parse(text, "p.policy"), SCHEMA, "p.policy")
    assert [fault.at for fault in caught.value.faults] == ["p.policy:2:15", "p.policy:3:15", "p.policy:4:1"]
    assert caught.value.message == "3 faults in the policy"
    with pytest.raises(InvalidPolicy) as alone:
        bind(parse(text.replace("custmers", "customers").replace("notes = 'x'", "state = 'CA'")), SCHEMA)
    assert (alone.value.message, alone.value.at) == ("1 fault in the policy", "policy")
    bind(parse("role support\nallow read on customers.* where customers.state = 'CA'\n"), SCHEMA)


def test_a_stored_policy_follows_a_rename() -> None:
    where = And(
        (Compare("state", "=", "CA"), Compare("email.domain", "=", "x.com"), Compare(QUEUE, "=", "q"), In("id", (ID,)))
    )
    span = Span(1, 2, 3, 4)
    rule = Rule(
        effect="allow",
        actions=("read",),
        targets=(Target("customers", "email", part="domain"),),
        where=where,
        span=span,
    )
    every = allow(Target(), where=Compare("state", "=", "CA"))
    policy = Policy("v", (Role("r", "", (rule, every, allow(Target("orders")))),))
    old = {
        "customers": 1,
        "customers.email": 2,
        "customers.state": 3,
        "orders": 4,
        "orders.total": 5,
        "customers.ssn": 6,
    }
    held = names(policy, old)
    assert held == {"customers": 1, "customers.email": 2, "customers.state": 3, "orders": 4}
    assert renamed(policy, moved(held, old)) == policy
    now = {"clients": 1, "clients.mail": 2, "clients.region": 3, "orders": 4, "orders.total": 5}
    changed = moved(held, now)
    assert changed == {"customers": "clients", "customers.email": "clients.mail", "customers.state": "clients.region"}
    found = renamed(policy, changed).roles[0].rules
    assert found[0].targets == (Target("clients", "mail", part="domain"),) and found[0].span == span
    expected = (
        Compare("region", "=", "CA"),
        Compare("mail.domain", "=", "x.com"),
        Compare(QUEUE, "=", "q"),
        In("id", (ID,)),
    )
    assert found[0].where == And(expected)
    assert found[1].where == Compare("region", "=", "CA")
    assert found[2].targets == (Target("orders"),)


def test_the_purposes_of_a_role_are_words_of_the_taxonomy_too() -> None:
    role = Role("r", "", (allow(),), (Purpose("marketting"),))
    (fault,) = faults(Policy("v", (role,)), SCHEMA)
    assert (fault.message, fault.hint) == (
        "`marketting` is no purpose of the taxonomy",
        "did you mean `marketing`?",
    )


def test_a_type_without_parts_offers_none() -> None:
    assert told(allow(Target("customers", "notes", part="area"))) == [("`notes` has no part `area`", "parts: none")]


def test_targets_cover_what_any_of_them_does_each_column_once_in_the_order_of_the_schema() -> None:
    wanted = (Target("orders", "total"), Target("customers", "email"), Target(label="user.contact.email"))
    assert [(table.name, field.name) for table, field in covered(SCHEMA, wanted)] == [
        ("customers", "email"),
        ("orders", "total"),
    ]
    assert list(covered(SCHEMA, ())) == []
