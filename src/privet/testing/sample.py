"""What connectors are tried with: a few invented people, their orders and profiles, and values made to do harm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from privet.connectors.base import Value
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Native

Rows = Mapping[str, Sequence[Mapping[str, Value]]]
"""Collection → records as the system holds them."""


def field_of(name: str, data_type: str, **more: Any) -> Field:
    """Return a declared field. `more`: of Native, and `fields` that it holds."""
    inner = more.pop("fields", ())
    return Field(name=name, type="string", fields=inner, native=Native(data_type=data_type, **more))


PEOPLE = Collection(
    name="people",
    fields=(
        field_of("id", "integer", primary_key=True),
        field_of("email", "string", identity="email"),
        field_of("name", "string"),
        field_of("phone", "string", identity="phone_number"),
        field_of("age", "integer"),
    ),
)
ORDERS = Collection(
    name="orders",
    fields=(
        field_of("id", "integer", primary_key=True),
        field_of("person_id", "integer", links=(Link("stage", "people.id", "from"),)),
        field_of("note", "string"),
    ),
)
PROFILES = Collection(
    name="profiles",
    fields=(
        field_of("id", "string", primary_key=True),
        field_of(
            "contact",
            "object",
            fields=(field_of("email", "string", identity="email"), field_of("phones", "string[]")),
        ),
        field_of("tags", "string[]"),
    ),
)
DATASET = Dataset(key="stage", collections=(PEOPLE, ORDERS, PROFILES))
"""`profiles` is there where the stage has the trait "nested"; others leave it out of their dataset."""

ADA = {"id": 1, "email": "canary.ada@example.com", "name": "Canary Ada", "phone": "+12015550101", "age": 36}
BOB = {"id": 2, "email": "canary.bob@example.com", "name": "Canary Bob", "phone": "+12015550102", "age": 36}
EVE = {"id": 3, "email": "canary.eve@example.com", "name": 'Canary O\'Hara "E" \\ é 漢 😀', "phone": "+12015550103"}
ROWS: Rows = {
    "people": (ADA, BOB, EVE),
    "orders": (
        {"id": 11, "person_id": 1, "note": "canary gift"},
        {"id": 12, "person_id": 1, "note": "canary lamp"},
        {"id": 13, "person_id": 2, "note": "canary chair"},
    ),
    "profiles": (
        {
            "id": "p1",
            "contact": {"email": ADA["email"], "phones": ["+12015550101", "+12015550109"]},
            "tags": ["a", "b"],
        },
        {"id": "p2", "contact": {"email": BOB["email"], "phones": ["+12015550102"]}, "tags": ["b"]},
    ),
}
HOSTILE: tuple[Value, ...] = (
    "' OR '1'='1",
    "x'; DROP TABLE people; --",
    '" OR ""="',
    "\\' OR 1=1 -- x",
    "%",
    "canary%",
    "_",
    "*",
    "?",
    "[a-z]*",
    "..",
    "../../etc/passwd",
    "{id}",
    "<email>",
    "%s",
    ":1",
    "\x00",
    "canary.ada@example.com\x00",
    "\r\nDEL people",
    "\ud800",
    "$where",
    '{"$gt": ""}',
    {"$gt": ""},
    {"$ne": None},
    ["canary.ada@example.com"],
    [],
    {},
    None,
    True,
    b"\xff\x00",
    "",
    "x" * 10_000,
)
STORABLE = tuple(value for value in HOSTILE if isinstance(value, str) and value.isprintable() and 0 < len(value) < 99)
CANARIES = ("canary", "+1201555", "DROP TABLE", "$gt")
MASKED = "masked@example.com"


def plain(rows: Rows) -> dict[str, dict[str, dict[str, Any]]]:
    """Return collection → id → record with scalars as texts and nothing absent, to compare systems of few types."""
    return {name: {str(row["id"]): plain_value(row) for row in found} for name, found in rows.items() if found}


def plain_value(value: Any) -> Any:
    """Return one value with scalars as texts."""
    if isinstance(value, Mapping):
        return {key: plain_value(inner) for key, inner in value.items() if inner not in (None, "", [], {})}
    return [plain_value(inner) for inner in value] if isinstance(value, list | tuple) else str(value)
