"""Rules from plain words: matched to the schema, explained, never wider than a condition that no column can hold."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privet.policy.bind import faults
from privet.policy.parse import parse
from privet.policy.review.suggest import Suggestion, suggest
from privet.vault.reader import read_schema
from privet.vault.templates import template_text

SCHEMA = read_schema(template_text("quickstart"))
PAYMENTS = read_schema(template_text("payments"))


def rules(found: Suggestion) -> list[str]:
    return [" ".join(one.rule.split()) for one in found.rules]


def test_names_and_the_last_four_of_cards_in_california() -> None:
    found = suggest("support team reads names and the last four of cards in California", SCHEMA)
    assert found.role == "support" and found.missed == () and found.ask == ()
    assert rules(found) == [
        "allow read on persons.name with redaction = masked where persons.state = 'US-CA'",
        "allow read on credit_cards.pan with redaction = last_four where credit_cards.id in queue('support')",
    ]


def test_every_rule_says_why() -> None:
    first, second = suggest("support reads names and the last four of cards in California", SCHEMA).rules
    assert "`names` is persons.name" in first.why and "`California` is address.state of persons.state" in first.why
    assert any("queue" in why for why in second.why)
    assert any("add `index: [exact]`" in fault for fault in first.faults)


CASES = {
    "billing sees the year of date_of_birth": ["allow read on persons.date_of_birth with redaction = year"],
    "agents see emails in full": ["allow read on persons.email with redaction = plain_text"],
    "agents update and delete phones": ["allow update, delete on persons.phone"],
    "clerks export masked emails until 2030-01-31": [
        "allow export on persons.email with redaction = masked until 2030-01-31"
    ],
    "agents see persons": [
        "allow read on persons.name, persons.email, persons.phone, persons.ssn, persons.date_of_birth,"
        " persons.state with redaction = masked"
    ],
    "agents search emails": ["allow search on persons.email"],
}


@pytest.mark.parametrize("words", CASES)
def test_words_become_rules(words: str) -> None:
    assert rules(suggest(words, SCHEMA)) == CASES[words]


def test_a_data_use_after_for_is_the_purpose() -> None:
    found = suggest("fraud analysts view amounts for fraud_detection", PAYMENTS)
    assert rules(found)[0].endswith("for essential.fraud_detection")


def test_a_column_of_a_named_table_comes_before_others() -> None:
    found = suggest("agents see the amounts of payouts", PAYMENTS)
    assert [rule.split()[3] for rule in rules(found)] == ["payouts.amount"]


def test_what_was_not_understood_is_said_above_the_rules() -> None:
    found = suggest("support reads names in Narnia", SCHEMA)
    assert found.missed == ("Narnia",)
    assert found.text().startswith("# Not understood, so a rule may be wider than what was said: Narnia\n")


def test_a_mask_that_no_column_has_makes_no_rule() -> None:
    found = suggest("support reads the domain of names", SCHEMA)
    assert found.rules == () and "no rule was made" in found.ask[0]


def test_nothing_known_is_no_rule_and_questions() -> None:
    found = suggest("xyzzy", SCHEMA)
    assert found.rules == () and len(found.ask) == 3


def test_the_same_words_give_the_same_rules() -> None:
    words = "support team reads names and the last four of cards in California"
    assert suggest(words, SCHEMA) == suggest(words, SCHEMA)


WORDS = ("support", "reads", "names", "cards", "emails", "last", "four", "in", "CA", "of", "for", "until", "masked")


@settings(deadline=None)
@example("for in reads until emails support")
@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=12).map(" ".join))
def test_whatever_is_said_rules_are_of_the_language_and_fit_the_schema(words: str) -> None:
    found = suggest(words, SCHEMA)
    policy = parse(found.text()) if found.rules else None
    for fault in faults(policy, SCHEMA) if policy else ():
        assert "index" in fault.message or "no record yet" in fault.message or "redaction" in fault.message
