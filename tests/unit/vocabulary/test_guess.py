"""Guessing types of columns. Every value is invented."""

from __future__ import annotations

import random
import time

import pytest

from privet.vocabulary.checksum import luhn
from privet.vocabulary.datatype import TYPES
from privet.vocabulary.guess import guess, looks_like_headers, split_cell
from privet.vocabulary.header import meaning, words

RNG = random.Random(7)
CANARY = "canary-7Qx"


def cards(count: int = 60) -> list[str]:
    bodies = (f"411111{RNG.randrange(10**9):09}" for _ in range(count))
    return [next(f"{body}{digit}" for digit in range(10) if luhn(f"{body}{digit}")) for body in bodies]


def ssns(count: int = 60, sign: str = "") -> list[str]:
    return [sign.join((str(700 + at), f"{at % 99 + 1:02}", f"{1000 + at}")) for at in range(count)]


EMAILS = [f"ann{at}@example.com" for at in range(60)]
PHONES = [f"+1212555{100 + at:04}" for at in range(60)]
NAMES = [f"{given} {family}" for given in ("Ann", "Bo", "Cem", "Dai") for family in ("Sample", "Example", "Muster")]
PLANS = ["basic", "plus", "pro"] * 20
DATES = [f"{1950 + at}-0{at % 9 + 1}-1{at % 9}" for at in range(50)]
CODES = [f"{at * 7919:07}" for at in range(60)]
WORDS = ["amber", "birch", "cedar", "dune", "ember", "fern"]


@pytest.mark.parametrize(
    ("header", "samples", "expected"),
    [
        pytest.param("email", EMAILS, "contact.email", id="plain header"),
        pytest.param("E-Mail Adresse", EMAILS, "contact.email", id="German header"),
        pytest.param("Correo Electrónico", EMAILS, "contact.email", id="Spanish header with accent"),
        pytest.param("customerEmail", EMAILS, "contact.email", id="camel case"),
        pytest.param("メールアドレス", EMAILS, "contact.email", id="Japanese header"),
        pytest.param("Téléphone portable", PHONES, "contact.phone", id="French header"),
        pytest.param("Kundentelefon", PHONES, "contact.phone", id="German compound"),
        pytest.param("Телефон", PHONES, "contact.phone", id="Russian header"),
        pytest.param("Geburtsdatum", DATES, "person.dob", id="birth date, German"),
        pytest.param("DATA DE NASCIMENTO", DATES, "person.dob", id="birth date, Portuguese"),
        pytest.param("signup_date", DATES, "date", id="a date that is no birthday"),
        pytest.param("Vorname", [name.split()[0] for name in NAMES], "person.given_name", id="given name, German"),
        pytest.param("apellidos", [name.split()[1] for name in NAMES], "person.family_name", id="family name, Spanish"),
        pytest.param("Full Name", NAMES, "person.full_name", id="full name"),
        pytest.param("land", ["DE", "FR", "GB", "US", "IT"], "address.country", id="country, German"),
        pytest.param("ssn", ssns(), "us.ssn", id="nine digits under their header"),
        pytest.param("postal", ["94103", "10001", "60601", "01001"], "address.postal_us", id="ZIP codes"),
        pytest.param("lifetime_spend", ["12.50", "3.99", "101.00", "7.25"], "decimal", id="amounts"),
        pytest.param("visits", ["3", "12", "7", "10"], "integer", id="counts"),
        pytest.param("active", ["true", "false"] * 5, "boolean", id="flags"),
        pytest.param("plan", PLANS, "string", id="ordinary words"),
        # Headers that mislead.
        pytest.param("notes", cards(), "card.pan", id="cards under notes"),
        pytest.param("id", EMAILS, "contact.email", id="e-mails under id"),
        pytest.param("phone", EMAILS, "contact.email", id="e-mails under phone"),
        pytest.param("ssn", WORDS, "string", id="words under ssn"),
        pytest.param("card_number", CODES, "string", id="codes under card_number"),
        pytest.param("password", EMAILS, "contact.email", id="e-mails under password"),
        # No header at all.
        pytest.param("", EMAILS, "contact.email", id="e-mails without header"),
        pytest.param("", cards(), "card.pan", id="cards without header"),
        pytest.param("column_3", ssns(sign="-"), "us.ssn", id="3-2-4 digits without header"),
        pytest.param("", ssns(), "string", id="nine digits without header are a code"),
        pytest.param("", PHONES, "contact.phone", id="phones without header"),
        pytest.param("", NAMES, "string", id="names prove nothing without header"),
        pytest.param("", CODES, "string", id="leading zeros are no quantity"),
        pytest.param("x", ["", "  ", ""], "string", id="empty column"),
        pytest.param("email", [], "string", id="no samples"),
    ],
)
def test_best_guess(header: str, samples: list[str], expected: str) -> None:
    assert guess(header, samples)[0].type == expected


def test_guesses_come_best_first_and_end_in_text() -> None:
    found = guess("notes", cards())
    assert [each.type for each in found[:2]] == ["card.pan", "text"]
    assert [each.confidence for each in found] == sorted((each.confidence for each in found), reverse=True)
    assert all(0 <= each.confidence < 1 for each in found)


def test_header_breaks_the_tie_between_types_that_take_the_same_values() -> None:
    assert guess("fax", PHONES)[0].type == "contact.fax"
    assert guess("mobile", PHONES)[0].type == "contact.phone"


def test_a_few_bad_values_do_not_hide_the_type_and_are_counted() -> None:
    best = guess("email", [*EMAILS, "unknown", "n/a"])[0]
    assert best.type == "contact.email"
    assert "2 of 62 values break it" in best.reason


def test_mixed_column_says_so() -> None:
    best = guess("contact", [*EMAILS[:40], *PHONES[:20]])[0]
    assert best.type == "string"
    assert best.reason.startswith("mixed values: 40 of 60 fit `contact.email`, 20 of 60 fit `contact.phone`")


def test_values_that_break_the_type_of_their_header_are_still_known_as_personal() -> None:
    best = guess("Phone", [f"(212) 555-{100 + at:04}" for at in range(40)])[0]
    assert (best.type, best.meant) == ("string", "contact.phone")
    assert "40 of 40 values break it" in best.reason


def test_empty_column_keeps_what_its_header_means() -> None:
    assert guess("fax_number", ["", " "])[0].meant == "contact.fax"
    assert guess("plan", [""])[0].meant == ""


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param([f"a{at}@example.com; b{at}@example.org" for at in range(30)], id="semicolons"),
        pytest.param([f"a{at}@example.com|b{at}@example.org" for at in range(30)], id="bars"),
        pytest.param([f'["a{at}@example.com", "b{at}@example.org"]' for at in range(30)], id="JSON"),
        pytest.param([*(f"a{at}@example.com" for at in range(20)), "b@example.org, c@example.net"], id="rarely two"),
    ],
)
def test_cells_that_list_values_are_arrays(cells: list[str]) -> None:
    best = guess("emails", cells)[0]
    assert best.type == "contact.email"
    assert best.array or "1 of 21 values break it" in best.reason


def test_plain_text_with_commas_is_no_array() -> None:
    assert not guess("remark", [f"first, second, number {at}" for at in range(30)])[0].array


@pytest.mark.parametrize("cell", ["[1, 2", '[{"a": 1}]', "[" * 5000])
def test_broken_lists_stay_texts(cell: str) -> None:
    assert "".join(split_cell(cell)).replace(" ", "") == cell.replace(",", "").replace(" ", "")


def test_reasons_hold_no_values() -> None:
    samples = [f"{CANARY}{at}@example.com" if at % 2 else f"{CANARY} {at}" for at in range(40)]
    for header in ("email", "ssn", "notes", ""):
        assert all(CANARY not in each.reason for each in guess(header, samples))


@pytest.mark.parametrize(
    ("first", "others", "expected"),
    [
        pytest.param(["name", "email"], [["Ann Sample", "ann@example.com"]], True, id="known words"),
        pytest.param(["Prénom", "Téléphone"], [["Ann", "+12125550101"]], True, id="French words"),
        pytest.param(["farbe", "groesse"], [["rot", "klein"], ["blau", "gross"]], True, id="unknown lower-case words"),
        pytest.param(["Alpha", "Beta"], [["12", "2024-01-02"], ["13", "2024-01-03"]], True, id="words over digits"),
        pytest.param(["Ann Sample", "ann@example.com"], [["Bo Muster", "bo@example.com"]], False, id="values"),
        pytest.param(["Ann", "Berlin"], [["Bo", "Bonn"], ["Ann", "Ulm"]], False, id="words that come again"),
        pytest.param(["Ann", "Berlin"], [["Bo", "Bonn"]], False, id="in doubt no value becomes a name"),
        pytest.param(["17", "2024-01-02"], [["18", "2024-01-03"]], False, id="numbers"),
        pytest.param(["name", "amount", ""], [["Ann", "12", "x"]], True, id="one header missing"),
        pytest.param(["email"], [], True, id="header alone"),
        pytest.param([], [], False, id="nothing"),
    ],
)
def test_headers_are_told_from_values(first: list[str], others: list[list[str]], expected: bool) -> None:
    assert looks_like_headers(first, others) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("E-Mail", ("e", "mail")),
        ("dateOfBirth", ("date", "of", "birth")),
        ("IPAddress", ("ip", "address")),
        ("  Straße/Nr. ", ("strasse", "nr")),
        ("Ünïcode", ("uenicode",)),
        ("身份证号", ("身份证号",)),
        ("--", ()),
    ],
)
def test_words_of_a_header(header: str, expected: tuple[str, ...]) -> None:
    assert words(header) == expected


def test_an_own_word_means_more_than_a_part_of_a_header() -> None:
    assert meaning("email")["contact.email"] == 1.0
    assert 0 < meaning("customer_email_2")["contact.email"] < meaning("customer_email")["contact.email"] < 1.0
    assert meaning("street_name")["address.street"] > meaning("street_name")["person.full_name"]
    assert meaning("zzz") == {}


def test_twenty_columns_of_200_samples_take_milliseconds() -> None:
    columns = [
        ("email", [f"ann{at}@example.com" for at in range(200)]),
        ("phone", [f"+1{area}5550{100 + at}" for area in (212, 312) for at in range(100)]),
        ("notes", cards(200)),
        ("full_name", [f"Ann Sample{'abcdefghij'[at % 10]}{'klmnopqrst'[at // 10 % 10]}" for at in range(200)]),
        ("born", [f"{1950 + at % 50}-01-{at % 28 + 1:02}" for at in range(200)]),
    ] * 4
    TYPES.all()
    for header, samples in columns[:5]:
        guess(header, samples)
    start = time.thread_time()
    for header, samples in columns:
        guess(header, samples)
    # The goal is 50 ms; the bound leaves room for slow machines.
    assert time.thread_time() - start < 0.5
