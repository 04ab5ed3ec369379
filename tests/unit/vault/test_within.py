"""What one redaction tells and another hides, though it stands higher in the order of its type."""

from __future__ import annotations

import pytest
from a_vault import Bench, schema

from privet.policy.decide import decide
from privet.policy.syntax import Policy, Role, Rule
from privet.vault import records
from privet.vault.query.question import shows
from privet.vault.sight import View, least
from privet.vault.values import within
from privet.vocabulary.access import Access, Principal
from privet.vocabulary.datatype import TYPES, data_type


@pytest.mark.parametrize(
    ("kind", "less", "more", "holds"),
    [
        ("contact.email", "first_initial", "domain", False),
        ("contact.email", "domain", "masked", True),
        ("card.pan", "last_four", "first_six", False),
        ("card.pan", "last_four", "masked", True),
        ("card.pan", "first_six", "masked", True),
        ("contact.phone", "last_two", "last_four", True),
        ("contact.phone", "last_four", "masked", True),
        ("person.dob", "decade", "year", True),
        ("person.dob", "year", "masked", True),
        ("us.ssn", "masked", "last_four", True),
        ("vehicle.vin", "year", "last_four", False),
        ("org.tax_id", "masked", "last_four", False),
        ("string", "first_initial", "last_four", False),
        ("person.full_name", "first_initial", "masked", True),
    ],
)
def test_a_redaction_lies_within_another_or_not(kind: str, less: str, more: str, holds: bool) -> None:
    assert within(data_type(kind), less, more) is holds


def test_everything_lies_within_the_whole_and_nothing_within_nothing() -> None:
    for kind in TYPES.all():
        for name in kind.redactions:
            assert within(kind, name, "plain_text") and within(kind, "redacted", name) and within(kind, name, name)
            assert name == "redacted" or not within(kind, name, "redacted")


def test_what_is_asked_for_never_shows_what_the_permitted_one_hides() -> None:
    email = data_type("contact.email")
    assert least(email, "domain", "first_initial") == "redacted"
    assert least(email, "plain_text", "first_initial") == "first_initial"
    assert least(email, "domain", "masked") == "domain"
    assert not shows(data_type("vehicle.vin"), "last_four", "year")
    assert shows(data_type("person.dob"), "masked", "year")


def test_a_caller_who_sees_domains_gets_no_first_letter(bench: Bench) -> None:
    bench.apply(schema("email: type: contact.email, keep: sealed"))
    [made] = bench.insert("people", {"email": "ann@example.com"})
    policy = Policy("t", (Role("r", "", (Rule(effect="allow", actions=("read",), redaction="domain"),)),))
    who = Principal(id="p", name="p", roles=("r",))
    permit = decide(policy, who, Access("read", "people", ("email",)), bench.vault.table("people").collection)
    for asked, shown in (("", "example.com"), ("first_initial", None), ("plain_text", "example.com")):
        view = View(("email",), asked)
        [found] = bench.run(records.get(bench.vault, permit, [made.id], view, bench.deed()))
        assert found.values == {"email": shown}
