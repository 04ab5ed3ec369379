"""Plain words, one by one: what each means to `suggest`, and which mean nothing."""

from __future__ import annotations

import pytest
from test_suggest import SCHEMA, rules

from privet.policy.review.suggest import suggest
from privet.vocabulary.dataset import Collection, Dataset, Field

VERBS = {
    "read": "read reads see sees view views look looks show shown",
    "insert": "add adds insert inserts create creates",
    "update": "change changes update updates edit edits correct corrects",
    "delete": "delete deletes remove removes",
    "tokenize": "tokenize tokenizes",
    "detokenize": "detokenize detokenizes reveal reveals",
    "search": "search searches find finds count counts",
    "export": "export exports download downloads",
}
MASKS = {
    "last four of ssns": "ssn with redaction = last_four",
    "last 4 of ssns": "ssn with redaction = last_four",
    "first six of cards": "pan with redaction = first_six",
    "first initial of names": "name with redaction = first_initial",
    "initials of names": "name with redaction = first_initial",
    "masked names": "name with redaction = masked",
    "year of date_of_birth": "date_of_birth with redaction = year",
    "years of date_of_birth": "date_of_birth with redaction = year",
    "decade of date_of_birth": "date_of_birth with redaction = decade",
    "domain of emails": "email with redaction = domain",
    "domains of emails": "email with redaction = domain",
    "full names": "name with redaction = plain_text",
    "plain names": "name with redaction = plain_text",
    "clear names": "name with redaction = plain_text",
}
NOISE = (
    "a all an and any are at be by can digits every from group in is it its may must of on only or our people records "
    "team that the their them they to up us we what whose who with staff should need needs"
)


@pytest.mark.parametrize("action", VERBS)
def test_a_verb_means_an_action(action: str) -> None:
    for word in VERBS[action].split():
        found = suggest(f"desk {word} emails", SCHEMA)
        assert found.role == "desk" and found.missed == () and found.ask == ()
        assert rules(found)[0].startswith(f"allow {action} on persons.email")


@pytest.mark.parametrize("words", MASKS)
def test_a_mask_is_named_in_words(words: str) -> None:
    found = suggest(f"desk reads {words}", SCHEMA)
    assert found.missed == () and MASKS[words] in rules(found)[0]


@pytest.mark.parametrize("word", NOISE.split())
def test_a_word_that_carries_nothing_is_not_missed(word: str) -> None:
    found = suggest(f"{word} desk reads {word} emails", SCHEMA)
    assert (found.role, found.missed, found.ask) == ("desk", (), ())
    assert rules(found) == ["allow read on persons.email with redaction = masked"]


def test_what_is_left_open_is_asked() -> None:
    assert suggest("desk emails", SCHEMA).ask == (
        "to do what? `read` is assumed",
        "who? the words before the first verb name the role",
    )
    assert suggest("reads emails", SCHEMA).role == "somebody"
    assert suggest("desk reads nothing", SCHEMA).ask == ("which columns? no word names one of the schema",)
    assert suggest("desk reads emails until 2030-02-31", SCHEMA).ask == ("until when? the date is in no calendar",)


def test_the_text_says_what_is_missed_and_open_then_the_role_and_each_rule_below_its_reasons() -> None:
    assert suggest("desk reads emails in Narnia until 2030-02-31", SCHEMA).text() == (
        "# Not understood, so a rule may be wider than what was said: Narnia\n"
        "# Open: until when? the date is in no calendar\n"
        "role desk\n"
        "\n"
        "# `reads` is read\n"
        "# `emails` is persons.email\n"
        "# masked, for nothing else was said\n"
        "allow read on persons.email with redaction = masked\n"
    )


def test_a_date_after_until_or_before_ends_a_rule_and_other_words_do_not() -> None:
    for word in ("until", "before"):
        found = suggest(f"desk reads emails {word} 2030-01-31", SCHEMA)
        assert rules(found)[0].endswith(" until 2030-01-31") and found.missed == ()
    found = suggest("desk reads emails until names", SCHEMA)
    assert (found.missed, found.ask) == (("until",), ())
    assert suggest("desk reads emails 2030-01-31", SCHEMA).missed == ("2030-01-31",)


def test_a_data_use_takes_its_own_word_alone() -> None:
    found = suggest("desk reads emails for marketing Narnia", SCHEMA)
    assert rules(found)[0].endswith(" for marketing") and found.missed == ("Narnia",)
    assert suggest("desk reads emails for Narnia", SCHEMA).missed == ("for", "Narnia")


OWN = Dataset(
    key="own",
    collections=(
        Collection(
            name="guests",
            fields=(
                Field(name="a", type="person.full_name", labels=("user.name",)),
                Field(name="b", type="card.pan", labels=("user.financial.credit_card",)),
                Field(name="c", type="string", labels=("user.unique_id.pseudonymous",)),
                Field(name="d", type="person.gender", labels=("user.demographic.gender",)),
                Field(name="e", type="string", labels=("user.demographic.gender",)),
            ),
        ),
    ),
)


@pytest.mark.parametrize(
    ("words", "column"),
    [
        ("desk reads pans", "guests.b"),
        ("desk reads full names", "guests.a"),
        ("desk reads cards", "guests.b"),
        ("desk reads pseudonymous", "guests.c"),
    ],
)
def test_a_column_is_named_by_its_type_or_its_label_too(words: str, column: str) -> None:
    (rule,) = rules(suggest(words, OWN))
    assert rule.startswith(f"allow read on {column} ")


def test_why_says_the_words_as_they_were_written_and_what_is_left_out() -> None:
    (rule,) = suggest("desk reads Masked cards", OWN).rules
    assert rule.why == ("`reads` is read", "`Masked cards` is guests.b", "shown as masked")
    (rule,) = suggest("desk reads guests", OWN).rules
    assert rule.why[1:] == (
        "`guests` is guests.a, guests.b, guests.c, guests.e",
        "masked, for nothing else was said; columns without a mask are left out",
    )
    (rule,) = suggest("desk reads last four of guests", OWN).rules
    assert rule.why[1:] == (
        "`last four guests` is guests.b, guests.c, guests.e",
        "shown as last_four; columns that have no such mask are left out",
    )


def test_a_mask_follows_what_it_is_about_after_in_and_else_stands_before_it() -> None:
    found = rules(suggest("desk reads names in full and emails", SCHEMA))
    assert [" ".join(rule.split()[3:7]) for rule in found] == [
        "persons.name with redaction =",
        "persons.email with redaction =",
    ]
    assert [rule.split()[-1] for rule in found] == ["plain_text", "masked"]
    found = rules(suggest("desk reads names and full emails", SCHEMA))
    assert [rule.split()[-1] for rule in found] == ["masked", "plain_text"]


def of(*fields: tuple[str, str]) -> Dataset:
    made = tuple(Field(name=name, type=kind, labels=("user",)) for name, kind in fields)
    return Dataset(key="own", collections=(Collection(name="guests", fields=made),))


@pytest.mark.parametrize(("said", "kind"), [("three", "ca.sin"), ("two", "br.cpf")])
def test_the_last_three_and_the_last_two_are_masks(said: str, kind: str) -> None:
    found = suggest(f"desk reads last {said} of numbers", of(("number", kind)))
    assert rules(found) == [f"allow read on guests.number with redaction = last_{said}"]


def test_where_some_columns_lack_a_mask_the_rule_names_none() -> None:
    (rule,) = rules(suggest("desk reads guests", OWN))
    assert rule == "allow read on guests.a, guests.b, guests.c, guests.e"


@pytest.mark.parametrize(
    ("said", "column"), [("date of birth", "date_of_birth"), ("home address", "home_address"), ("birth", "birth")]
)
def test_a_name_of_several_words_is_found_longest_first(said: str, column: str) -> None:
    schema = of(*((name, "string") for name in ("date", "birth", "date_of_birth", "home_address", "address")))
    assert [rule.split()[3] for rule in rules(suggest(f"desk sees {said}", schema))] == [f"guests.{column}"]


@pytest.mark.parametrize(
    ("said", "column"),
    [("companies", "company"), ("addresses", "address"), ("boxes", "box"), ("phones", "phone"), ("address", "address")],
)
def test_a_plural_names_what_its_singular_does(said: str, column: str) -> None:
    schema = of(*((name, "string") for name in ("company", "address", "box", "phone")))
    assert [rule.split()[3] for rule in rules(suggest(f"desk reads {said}", schema))] == [f"guests.{column}"]


@pytest.mark.parametrize(("said", "state"), [("West Virginia", "US-WV"), ("Virginia", "US-VA")])
def test_a_value_of_two_words_is_not_that_of_one_of_them_too(said: str, state: str) -> None:
    schema = of(("name", "person.full_name"), ("state", "address.state"))
    (rule,) = rules(suggest(f"desk reads names in {said}", schema))
    assert rule.endswith(f" where guests.state = '{state}'")


def test_two_hundred_words_are_read_and_no_more() -> None:
    before = "desk reads " + "digits " * 197
    assert len(suggest(f"{before}emails", SCHEMA).rules) == 1
    assert suggest(f"{before}digits emails", SCHEMA).rules == ()


@pytest.mark.parametrize(
    "words",
    [
        "desk reads Narnia emails",
        "desk reads emails until 2030-01-31 Narnia",
        "desk reads last four Narnia of ssns",
        "desk reads names in West Virginia Narnia",
        "desk reads date_of_birth Narnia",
        "desk reads persons Narnia",
        "desk reads emails for marketing Narnia",
        "desk reads emails Narnia",
    ],
)
def test_what_means_something_takes_no_word_beside_it(words: str) -> None:
    assert suggest(words, SCHEMA).missed == ("Narnia",)


def test_a_mask_at_the_end_is_of_what_stands_last_before_it() -> None:
    found = rules(suggest("desk reads names and emails in full", SCHEMA))
    assert [(rule.split()[3], rule.split()[-1]) for rule in found] == [
        ("persons.name", "masked"),
        ("persons.email", "plain_text"),
    ]


def test_a_value_of_two_words_is_said_as_it_was_written() -> None:
    (rule,) = suggest("desk reads names in West Virginia", SCHEMA).rules
    assert "`West Virginia` is address.state of persons.state" in rule.why
