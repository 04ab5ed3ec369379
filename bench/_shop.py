"""A shop in PostgreSQL under measurement: 12 tables, 56 rows of four people, its manifest, and what it promises.

Everybody is invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import psycopg

PEOPLE = tuple(f"{name}@example.com" for name in ("ada", "bob", "cem", "dua"))
ADA = PEOPLE[0]
FREE, NAME, MAIL, PLACE, MONEY = (
    "user.content",
    "user.name",
    "user.contact.email",
    "user.contact.address.street",
    "user.financial",
)
TABLES: dict[str, dict[str, tuple[str, str]]] = {
    "customers": {"email": ("email", MAIL), "name": ("text", NAME)},
    "employees": {"name": ("text", NAME), "team": ("text", "")},
    "products": {"title": ("text", ""), "price": ("integer", "")},
    "addresses": {"customer_id": ("customers", ""), "street": ("text", PLACE), "city": ("text", PLACE)},
    "cards": {"customer_id": ("customers", ""), "number": ("text", MONEY)},
    "orders": {"customer_id": ("customers", ""), "address_id": ("addresses", ""), "wish": ("text", FREE)},
    "lines": {"order_id": ("orders", ""), "product_id": ("products", ""), "amount": ("integer", "")},
    "payments": {"order_id": ("orders", ""), "card_id": ("cards", ""), "holder": ("text", NAME)},
    "reviews": {"customer_id": ("customers", ""), "words": ("text", FREE)},
    "logins": {"customer_id": ("customers", ""), "address": ("text", "user.device.ip_address")},
    "visits": {"email": ("email", MAIL), "page": ("text", "user.behavior.browsing_history")},
    "tickets": {"customer_id": ("customers", ""), "employee_id": ("employees", ""), "words": ("text", FREE)},
}
"""Table → column → (`text`, `integer`, `email`, or the table that it refers to; category). Each has an `id` before."""

ROWS = {"customers": 4, "employees": 2, "products": 3, "orders": 8, "lines": 8, "payments": 8, "tickets": 3}
"""How many rows a table has, where they are not one for each of the four."""

POLICY = "\n".join(f"erase shop.{name} by deletion" for name in ("reviews", "logins", "visits", "tickets")) + "\n"


def manifest() -> str:
    """Return the manifest of the shop."""
    lines = ["dataset:", "  - fides_key: shop", "    collections:"]
    for table, columns in TABLES.items():
        lines += [f"      - name: {table}", "        fields:"]
        lines.append(_field("id", "system.operations", "primary_key: true, data_type: integer"))
        for name, (kind, category) in columns.items():
            said = {"integer": "data_type: integer", "email": "data_type: string, identity: email"}.get(kind, "")
            if kind in TABLES:
                where = f"{{dataset: shop, field: {kind}.id, direction: from}}"
                said = f"data_type: integer, references: [{where}]"
            lines.append(_field(name, category or "system.operations", said or "data_type: string"))
    return "\n".join(lines) + "\n"


def _field(name: str, category: str, said: str) -> str:
    return f"          - {{name: {name}, data_categories: [{category}], fides_meta: {{{said}}}}}"


def create(dsn: str) -> None:
    """Make the tables, with their foreign keys."""
    with psycopg.connect(dsn) as shop:
        for table, columns in TABLES.items():
            made = [f"{name} {_type(kind)}" for name, (kind, _) in columns.items()]
            shop.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, {', '.join(made)})".encode())
            for name, (kind, _) in columns.items():
                if kind in TABLES:
                    shop.execute(f"CREATE INDEX ON {table} ({name})".encode())


def _type(kind: str) -> str:
    return f"integer REFERENCES {kind} (id)" if kind in TABLES else "integer" if kind == "integer" else "varchar(80)"


def plant(dsn: str) -> None:
    """Fill the tables anew."""
    with psycopg.connect(dsn) as shop:
        shop.execute(f"TRUNCATE {', '.join(TABLES)}".encode())
        for table in TABLES:
            _insert(shop, table, _rows(table))


def plant_notes(dsn: str, count: int) -> None:
    """Give the first customer so many orders more."""
    with psycopg.connect(dsn) as shop, shop.cursor() as cursor, cursor.copy("COPY orders FROM STDIN") as copy:
        for at in range(count):
            copy.write_row((1_000 + at, 1, 1, f"wish {at} of an invented customer"))


def _rows(table: str) -> Iterable[Sequence[object]]:
    for at in range(ROWS.get(table, len(PEOPLE))):
        row: list[object] = [at + 1]
        for name, (kind, _) in TABLES[table].items():
            if kind in TABLES:
                row.append(at % ROWS.get(kind, len(PEOPLE)) + 1)
            elif kind == "email":
                row.append(PEOPLE[at])
            else:
                row.append(at if kind == "integer" else f"{name} {at} of {table}")
        yield row


def _insert(shop: psycopg.Connection, table: str, rows: Iterable[Sequence[object]]) -> None:
    marks = ", ".join(["%s"] * (1 + len(TABLES[table])))
    with shop.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} VALUES ({marks})".encode(), list(rows))
