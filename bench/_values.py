"""Made-up values and the schemas that hold them. Every value of a kind differs from the others by its number."""

from __future__ import annotations

from collections.abc import Iterator

_FIELD = "          - {{name: {name}, data_categories: [{label}], fides_meta: {{privet: {{type: {type}, {more}}}}}}}\n"
_PERSONS = (
    ("name", "user.name", "person.full_name", "index: [exact]"),
    ("email", "user.contact.email", "contact.email", "index: [exact], token: stored"),
    ("phone", "user.contact.phone_number", "contact.phone", "index: [exact]"),
    ("ssn", "user.government_id.national_identification_number", "us.ssn", "index: [exact], token: stored"),
    ("date_of_birth", "user.demographic.date_of_birth", "person.dob", ""),
    ("state", "user.contact.address.state", "address.state", ""),
)
_CARD = ("pan", "user.financial.credit_card", "card.pan")
_STATES = ("CA", "NY", "TX", "WA", "OH", "IL", "FL", "GA")
_WORDS = ("Avery", "Blake", "Casey", "Dana", "Ellis", "Harper", "Jordan", "Kendall", "Logan", "Morgan", "Noel", "Quinn")


def schema(keep: str) -> str:
    """Return a schema of persons (6 columns, 4 indexes, 2 stored tokens), and of cards with tokens of two kinds."""
    persons = [_field(*column, keep=keep) for column in _PERSONS]
    stored = _field(*_CARD, "token: stored", keep="sealed")
    joins = _field(*_CARD, "token: sealed", keep="sealed")
    return (
        "dataset:\n  - fides_key: bench\n    name: Bench\n    collections:\n"
        + _table("persons", "self", "".join(persons))
        + _table("cards", "none", stored)
        + _table("joins", "none", joins)
    )


def _table(name: str, subject: str, fields: str) -> str:
    return f"      - name: {name}\n        fides_meta: {{privet: {{subject: {subject}}}}}\n        fields:\n{fields}"


def _field(name: str, label: str, type: str, more: str, *, keep: str) -> str:
    parts = ", ".join(part for part in (f"keep: {keep}", more) if part)
    return _FIELD.format(name=name, label=label, type=type, more=parts)


def person(number: int) -> dict[str, str]:
    """Return the person of a number below a million."""
    first, last = _WORDS[number % 12], _WORDS[number // 12 % 12]
    # Areas 773 to 898 were not given out before the numbers were drawn at random (SSA, 2011).
    return {
        "name": f"{first} {last} Example",
        "email": f"{first.lower()}{number}@example.com",
        "phone": f"+55119{number * 7919 % 10**8:08}",
        "ssn": f"{773 + number % 126}-{1 + number // 126 % 99:02}-{1 + number // 12_474 % 9_999:04}",
        "date_of_birth": f"{1940 + number % 60}-{1 + number % 12:02}-{1 + number % 28:02}",
        "state": _STATES[number % 8],
    }


def persons(start: int, count: int) -> list[dict[str, str]]:
    """Return persons by number."""
    return [person(number) for number in range(start, start + count)]


_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def cards(start: int, count: int) -> Iterator[str]:
    """Yield card numbers under the test prefix 5100 00, with their check digits (ISO/IEC 7812-1, annex B)."""
    for number in range(start, start + count):
        body = f"510000{number:09}"
        total = sum(_DOUBLED[int(ch)] for ch in body[0::2]) + sum(map(int, body[1::2]))
        yield f"{body}{-total % 10}"
