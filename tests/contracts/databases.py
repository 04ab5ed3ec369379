"""Databases as stages of the connectors' contract: each a real one, filled and looked into by its own driver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from privet.connectors.base import Change, Connector, Limits, Setup
from privet.connectors.systems import SYSTEMS
from privet.secret import Secret
from privet.testing.connector import DATASET, ORDERS, PEOPLE, Rows, Trait

PASSWORD = "hunter2-of-the-stage"
USUAL = Limits()
TABLES = (
    "CREATE TABLE people (id int PRIMARY KEY, email varchar(200) NOT NULL, name varchar(200), phone varchar(40), "
    "age int)",
    "CREATE TABLE orders (id int PRIMARY KEY, person_id int, note varchar(200), "
    "FOREIGN KEY (person_id) REFERENCES people (id))",
)


class SqlStage:
    """See `Stage`. `raw`: opens a connection of the driver's own, with autocommit off."""

    dataset = replace(DATASET, collections=(PEOPLE, ORDERS))
    traits: frozenset[Trait] = frozenset({"schema", "foreign", "anywhere", "many"})
    secrets = (PASSWORD,)

    def __init__(
        self, kind: str, settings: dict[str, Any], raw: Callable[[], Any], mark: str, nowhere: dict[str, Any] | None
    ) -> None:
        self.system = SYSTEMS.get(kind)
        self.settings, self.raw, self.mark, self.nowhere = settings, raw, mark, nowhere
        with self.working() as cursor:
            for statement in TABLES:
                cursor.execute(statement)

    def setup(self, settings: dict[str, Any], limits: Limits = USUAL) -> Setup:
        secrets = {"password": Secret(PASSWORD)}
        return Setup(name="shop", kind=self.system.name, settings=settings, secrets=secrets, limits=limits)

    def open(self, limits: Limits = USUAL) -> Connector:
        return self.system.open(self.setup(self.settings, limits))

    @contextmanager
    def working(self) -> Iterator[Any]:
        with closing(self.raw()) as raw:
            cursor = raw.cursor()
            yield cursor
            raw.commit()

    def fill(self, rows: Rows) -> None:
        with self.working() as cursor:
            cursor.execute("DELETE FROM orders")
        with self.working() as cursor:  # DuckDB asks for another transaction
            cursor.execute("DELETE FROM people")
        with self.working() as cursor:
            for collection in (PEOPLE, ORDERS):
                names = [field.name for field in collection.fields]
                text = f"INSERT INTO {collection.name} VALUES ({', '.join([self.mark] * len(names))})"
                for row in rows.get(collection.name, ()):
                    cursor.execute(text, [row.get(name) for name in names])

    def dump(self) -> Rows:
        found = {}
        with self.working() as cursor:
            for collection in (PEOPLE, ORDERS):
                names = [field.name for field in collection.fields]
                cursor.execute(f"SELECT {', '.join(names)} FROM {collection.name}")
                found[collection.name] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return found

    def refused(self) -> Change:
        return Change({"id": 2}, {"name": "x", "email": None}, "refused")

    def unreachable(self) -> Connector | None:
        return None if self.nowhere is None else self.system.open(self.setup(self.nowhere))
