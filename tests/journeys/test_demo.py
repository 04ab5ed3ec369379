"""The demo and what it stands on: customers that fit their types, a search for plaintext with teeth."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.customers import HEADERS, HOUSEHOLD, customers  # noqa: E402
from bench.needles import forms, search  # noqa: E402

from privet.vocabulary.datatype import data_type  # noqa: E402
from privet.vocabulary.guess import guess  # noqa: E402

TYPES = {
    "full_name": "person.full_name",
    "email": "contact.email",
    "phone": "contact.phone",
    "birth_date": "person.dob",
    "ssn": "us.ssn",
    "card_number": "card.pan",
    "card_expiry": "card.expiry",
    "street": "address.street",
    "city": "address.city",
    "postal_code": "address.postal_intl",
    "state": "address.state",
    "country": "address.country",
}
VALUE = "ann.sample@mail.example.com"


def columns(count: int, seed: int = 1) -> dict[str, list[str]]:
    return {name: list(cells) for name, cells in zip(HEADERS, zip(*customers(count, seed), strict=True), strict=True)}


def test_customers_are_the_same_for_the_same_seed() -> None:
    assert columns(200, 3) == columns(200, 3) != columns(200, 4)


@pytest.mark.parametrize(("name", "kind"), TYPES.items())
def test_every_value_of_a_customer_fits_its_type_and_the_type_is_guessed(name: str, kind: str) -> None:
    cells = [cell for cell in columns(2_000)[name] if cell]
    assert not data_type(kind).canonicalize(cells)[1]
    assert guess(name, cells)[0].type == kind


def test_some_customers_share_a_telephone_with_the_one_before() -> None:
    phones = columns(40 * HOUSEHOLD)["phone"]
    assert any(phones[at] == phones[at - 1] for at in range(HOUSEHOLD - 1, len(phones), HOUSEHOLD))


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param(VALUE.encode(), id="UTF-8"),
        pytest.param(VALUE.encode("utf-16-le"), id="UTF-16 LE"),
        pytest.param(VALUE.encode("utf-16-be"), id="UTF-16 BE"),
        pytest.param(VALUE.encode().hex().encode(), id="hex"),
        pytest.param(VALUE.encode().hex().upper().encode(), id="HEX"),
        *(
            pytest.param(base64.b64encode(b"x" * at + VALUE.encode() + b"yz"), id=f"base64 from {at}")
            for at in range(3)
        ),
    ],
)
def test_search_finds_a_value_in_every_form_at_every_place(hidden: bytes) -> None:
    for before in (b"", b"q", b"qq" * 1000, VALUE.encode()[:9]):
        assert search([before + hidden + b"w"], forms(VALUE))
    assert not search([hidden[:-8] + b"w"], [form for form in forms(VALUE) if len(form) > len(hidden) - 8])


def test_numbers_are_also_sought_without_their_separators() -> None:
    assert search([b"..856456789.."], forms("856-45-6789"))


@pytest.mark.slow
def test_demo_holds_every_check() -> None:
    command = [sys.executable, str(ROOT / "bench" / "demo.py"), "--rows", "400"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "FAILED" not in done.stdout
    assert "Everything held" in done.stdout
