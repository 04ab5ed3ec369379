"""Juniper Books with all its systems up: real servers, fakes of two vendors, one customer and twenty who look like her.

Everybody is invented. Each value that is somebody's alone carries a mark of theirs, `zq00zq` for hers, so that it is
found wherever it went. Stores are planted and dumped by their own drivers, which know nothing of Privet.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mongos
import psycopg
import pymysql
import redises
from bson import json_util
from following import ROOT
from servers import mariadb, postgres

from fakes import FAKES, Person, Running
from fakes.people import people

SHOP = ROOT / "examples" / "shop"
EMAIL = "ada@example.com"
PEOPLE = people(EMAIL)
ADA = PEOPLE[0]
NEWSLETTER = (
    "CREATE TABLE subscribers (email VARCHAR(120) PRIMARY KEY, agreed_at TIMESTAMP NOT NULL, language CHAR(2))",
    "CREATE TABLE letters (id INTEGER PRIMARY KEY, subscriber VARCHAR(120) NOT NULL, subject VARCHAR(80) NOT NULL,"
    " opened_from VARCHAR(40), FOREIGN KEY (subscriber) REFERENCES subscribers (email))",
    "CREATE TABLE staff (staff_number INTEGER PRIMARY KEY, name VARCHAR(80), work_email VARCHAR(120), iban VARCHAR(34),"
    " job_title VARCHAR(80))",
)
Dump = dict[str, dict[str, str]]
"""Where (store and table) → which record → all that it holds, as text."""


def mark(who: Person) -> str:
    """Return what stands in every value that is somebody's alone."""
    return f"zq{who.place:02d}zq"


def customer(who: Person) -> int:
    """Return the shop's number of somebody: hers is the beginning of those of the others."""
    return who.number(9001)


def address(who: Person) -> str:
    return f"192.0.2.{who.place + 1}"


def visitor(who: Person) -> str:
    return f"visitor-{mark(who)}"


def finds(text: str, who: Person = ADA) -> list[str]:
    """Return what a text holds that is somebody's alone. What others hold may begin or end with it: that is no find."""
    alone = (who.email, who.phone, who.street, mark(who))
    return [one for one in alone if re.search(rf"(?<![\w.+@'*%-]){re.escape(one)}(?![\w@.%])", text)]


def everybody(text: str) -> dict[int, list[str]]:
    """Return of whom a text holds anything, by their place."""
    return {who.place: found for who in PEOPLE if (found := finds(text, who))}


@dataclass
class Company:
    """The systems as they run. `tokens`: what the shop holds in place of people's e-mail addresses, by their place."""

    postgres: str
    mariadb: str
    mongo: int
    redis: str
    folder: Path
    stripe: Running
    zendesk: Running
    tokens: Mapping[int, str] = field(default_factory=dict)

    def connectors(self) -> dict[str, dict[str, Any]]:
        """Return what an operator says of each system: name → kind, datasets, settings, secrets."""
        return {
            "shop": {
                "kind": "postgres",
                "datasets": ["shop_db"],
                "settings": {"host": self.postgres, "database": "postgres", "user": "reader"},
            },
            "newsletter": {
                "kind": "mysql",
                "datasets": ["newsletter_list", "staff_db"],
                "settings": {"host": self.mariadb, "database": "juniper", "user": "root"},
            },
            "circles": {
                "kind": "mongo",
                "datasets": ["reading_circles"],
                "settings": {"host": "127.0.0.1", "port": self.mongo, "database": "juniper"},
            },
            "sessions": {
                "kind": "redis",
                "datasets": ["web_sessions"],
                "settings": {"host": self.redis, "patterns": "sessions=session:{customer_id}:*"},
                "secrets": {"password": redises.PASSWORD},
            },
            "exports": {
                "kind": "files",
                "datasets": ["parcels_db", "events_warehouse"],
                "settings": {"folder": str(self.folder)},
            },
            "stripe": {
                "kind": "saas",
                "datasets": ["stripe"],
                "settings": {"config": self._hasty("stripe"), "host": self.stripe.host, "protocol": "http"},
                "secrets": {"api_key": self.stripe.secrets["api_key"]},
            },
            "zendesk": {
                "kind": "saas",
                "datasets": ["zendesk"],
                "settings": {
                    "config": self._hasty("zendesk"),
                    "host": self.zendesk.host,
                    "protocol": "http",
                    "domain": "example.zendesk.com",
                    "username": self.zendesk.settings["email"],
                },
                "secrets": {"api_key": self.zendesk.secrets["api_token"]},
            },
        }

    def _hasty(self, vendor: str) -> str:
        """Return the path of a vendor's file with its rate of calls lifted: fakes have none."""
        text = (ROOT / f"src/privet/connectors/saas/{vendor}.yml").read_text(encoding="utf-8")
        path = self.folder.parent / f"{vendor}.yml"
        path.write_text(re.sub(r"rate: \d+", "rate: 10000", text), encoding="utf-8")
        return str(path)

    # --- planting -------------------------------------------------------------------------------------------------

    def plant(self, tokens: Mapping[int, str]) -> None:
        """Fill every system anew. `tokens`: of the vault, by place; who has none there gets one that leads nowhere."""
        self.tokens = {who.place: tokens.get(who.place, f"tok_nobody_{mark(who)}") for who in PEOPLE}
        self._plant_postgres()
        self._plant_mariadb()
        self._plant_mongo()
        self._plant_redis()
        self._plant_files()

    def _plant_postgres(self) -> None:
        schema = (SHOP / "database/migrations/0001_schema.sql").read_text(encoding="utf-8")
        with psycopg.connect(host=self.postgres, user="reader", dbname="postgres") as raw:
            raw.execute("DROP SCHEMA public CASCADE")
            raw.execute("CREATE SCHEMA public")
            raw.execute(schema.encode())
            for who in PEOPLE:
                number, made = customer(who), "2026-01-02"
                row = (number, self.tokens[who.place], f"{who.name} {mark(who)}", "en", made)
                raw.execute("INSERT INTO customers VALUES (%s, %s, %s, %s, %s)", row)
                for nth in (1, 2):
                    id_ = number * 10 + nth
                    street = who.street if nth == 1 else f"{mark(who)} Lane"
                    row = (id_, number, street, f"{who.city} {mark(who)}", who.postcode, "DE")
                    raw.execute("INSERT INTO addresses VALUES (%s, %s, %s, %s, %s, %s)", row)
                    row = (id_, number, id_, "2026-02-03", 1000 + nth)
                    raw.execute("INSERT INTO orders VALUES (%s, %s, %s, %s, %s)", row)
                    raw.execute("INSERT INTO order_lines VALUES (%s, %s, %s)", (id_, f"978{id_:010}", nth))
                    row = (id_, id_, f"card-{mark(who)}", f"{who.place + 3000}", made)
                    raw.execute("INSERT INTO payments VALUES (%s, %s, %s, %s, %s)", row)
                    row = (id_, number, "9780000000001", f"I, {mark(who)}, liked it", made)
                    raw.execute("INSERT INTO reviews VALUES (%s, %s, %s, %s, %s)", row)
                    issued = "2026-02-03" if nth == 1 else "2009-02-03"
                    row = (id_, number, id_, issued, who.name, f"{who.street}, {mark(who)}", 1000 + nth)
                    raw.execute("INSERT INTO invoices VALUES (%s, %s, %s, %s, %s, %s, %s)", row)

    def _plant_mariadb(self) -> None:
        with pymysql.connect(unix_socket=self.mariadb, user="root", charset="utf8mb4", autocommit=True) as raw:
            cursor = raw.cursor()
            cursor.execute("DROP DATABASE IF EXISTS juniper")
            cursor.execute("CREATE DATABASE juniper CHARACTER SET utf8mb4")
            cursor.execute("USE juniper")
            for statement in NEWSLETTER:
                cursor.execute(statement)
            for who in PEOPLE:
                cursor.execute("INSERT INTO subscribers VALUES (%s, '2026-01-02', 'en')", (who.email,))
                for nth in (1, 2):
                    row = (customer(who) * 10 + nth, who.email, "New books", f"{address(who)} {mark(who)}")
                    cursor.execute("INSERT INTO letters VALUES (%s, %s, %s, %s)", row)
                if who.place:
                    row = (who.place, who.name, who.email, f"DE00{mark(who)}", "bookseller")
                    cursor.execute("INSERT INTO staff VALUES (%s, %s, %s, %s, %s)", row)

    def _plant_mongo(self) -> None:
        base = self._mongo()
        for name in base.list_collection_names():
            base.drop_collection(name)
        for who in PEOPLE:
            for nth in (1, 2):
                books = [{"isbn": f"978{nth}", "note": f"lent to nobody, {mark(who)}"} for _ in (1, 2)]
                base.shelves.insert_one({"customer_id": customer(who), "books": books})
        member = {who.place: {"email": who.email, "nick": f"nick {mark(who)}"} for who in PEOPLE}
        base.circles.insert_many(
            [
                {"title": "Crime", "members": [member[at] for at in (1, 0, 2, 3)]},
                {"title": "Poems", "members": [member[at] for at in (4, 5, 0)]},
                {"title": "Travel", "members": [member[at] for at in range(6, 21)]},
            ]
        )

    def _plant_redis(self) -> None:
        with redises.raw(self.redis) as raw:
            raw.flushall()
            for who in PEOPLE:
                for nth in (1, 2):
                    known = {"visitor": visitor(who), "ip_address": f"{address(who)} {mark(who)}"}
                    raw.hset(f"session:{customer(who)}:{nth}", mapping=known)
            raw.set("stock:9780000000001", "7")

    def _plant_files(self) -> None:
        with (self.folder / "parcels.csv").open("w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            lines.writerow(["tracking_number", "order_id", "recipient", "label_address"])
            for who in PEOPLE:
                for nth in (1, 2):
                    id_ = customer(who) * 10 + nth
                    lines.writerow([f"JB{id_}", id_, f"{who.name} {mark(who)}", who.street])
        views = [
            {"id": customer(who) * 10 + nth, "visitor": visitor(who), "page": f"/books/{nth}", "seen_at": "2026-03-01"}
            for who in PEOPLE
            for nth in range(3)
        ]
        with gzip.open(self.folder / "page_views.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(view) + "\n" for view in views)

    # --- dumps ----------------------------------------------------------------------------------------------------

    def dump(self) -> Dump:
        """Return all that the systems hold, the vault aside."""
        return {**self._of_postgres(), **self._of_mariadb(), **self._of_others(), **self._of_fakes()}

    def broken(self) -> list[str]:
        """Return foreign keys that lead nowhere: asked of both databases, which had to allow it for that."""
        return [
            *_orphans(lambda sql: self.sql(sql), _POSTGRES_KEYS),
            *_orphans(lambda sql: self.my_sql(sql), _MARIADB_KEYS),
        ]

    def sql(self, question: str) -> list[tuple[Any, ...]]:
        """Ask PostgreSQL."""
        with psycopg.connect(host=self.postgres, user="reader", dbname="postgres") as raw:
            found = raw.execute(question.encode())
            return found.fetchall() if found.description else []

    def my_sql(self, question: str) -> list[tuple[Any, ...]]:
        """Ask MariaDB."""
        with pymysql.connect(
            unix_socket=self.mariadb, user="root", database="juniper", charset="utf8mb4", autocommit=True
        ) as raw:
            cursor = raw.cursor()
            cursor.execute(question)
            return list(cursor.fetchall())

    def _of_postgres(self) -> Dump:
        tables = self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {f"postgres {name}": _rows(self.sql(f"SELECT * FROM {name}"), name) for (name,) in tables}

    def _of_mariadb(self) -> Dump:
        tables = self.my_sql("SHOW TABLES")
        return {f"mariadb {name}": _rows(self.my_sql(f"SELECT * FROM {name}"), name) for (name,) in tables}

    def _of_others(self) -> Dump:
        base = self._mongo()
        made: Dump = {
            f"mongo {name}": {str(one["_id"]): json_util.dumps(one) for one in base[name].find()}
            for name in base.list_collection_names()
        }
        with redises.raw(self.redis) as raw:
            keys = list(raw.scan_iter())
            made["redis"] = {
                key: repr(sorted(raw.hgetall(key).items()) if raw.type(key) == "hash" else raw.get(key)) for key in keys
            }
        for path in sorted(self.folder.iterdir()):
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            made[f"file {path.name}"] = {_first(line): line for line in content.decode().splitlines()}
        return made

    def _of_fakes(self) -> Dump:
        return {
            f"{fake.vendor.name} {name}": {id_: json.dumps(row, sort_keys=True) for id_, row in rows.items()}
            for fake in (self.stripe, self.zendesk)
            for name, rows in json.loads(fake.dump()).items()
        }

    def _mongo(self) -> Any:
        return mongos.raw(self.mongo).juniper


_POSTGRES_KEYS = """SELECT c.relname, a.attname, d.relname, b.attname FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class d ON d.oid = k.confrelid
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1] WHERE k.contype = 'f'"""
_MARIADB_KEYS = """SELECT table_name, column_name, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage WHERE table_schema = 'juniper' AND referenced_table_name IS NOT NULL"""
Asked = Callable[[str], list[tuple[Any, ...]]]


def _orphans(ask: Asked, keys: str) -> Iterator[str]:
    found = ask(keys)
    assert found, "there are foreign keys"
    for table, column, other, name in found:
        missing = f"{column} IS NOT NULL AND {column} NOT IN (SELECT {name} FROM {other})"
        yield from (f"{table}.{column} {row}" for row in ask(f"SELECT {column} FROM {table} WHERE {missing}"))


def _rows(rows: list[tuple[Any, ...]], table: str) -> dict[str, str]:
    width = 2 if table == "order_lines" else 1
    return {" ".join(map(str, row[:width])): repr(row) for row in rows}


def _first(line: str) -> str:
    return str(json.loads(line)["id"]) if line.startswith("{") else line.partition(",")[0]


@contextmanager
def opened(folder: Path) -> Iterator[Company]:
    """Start every system, with nothing of ours in it yet but the vendors' people."""
    exports = folder / "exports"
    exports.mkdir()
    with ExitStack() as stack:
        started = _entered(stack, (postgres(), mariadb(), mongos.server(), redises.server()))
        yield Company(
            postgres=started[0].partition("host=")[2],
            mariadb=started[1].partition("unix_socket=")[2],
            mongo=started[2],
            redis=started[3],
            folder=exports,
            stripe=stack.enter_context(FAKES["stripe"].start(EMAIL)),
            zendesk=stack.enter_context(FAKES["zendesk"].start(EMAIL)),
        )


def _entered(stack: ExitStack, waits: Sequence[AbstractContextManager[Any]]) -> list[Any]:
    """Start what takes long side by side."""
    with ThreadPoolExecutor(len(waits)) as pool:
        started = [pool.submit(each.__enter__) for each in waits]
    for each, one in zip(waits, started, strict=True):
        if one.exception() is None:
            stack.push(each)
    return [one.result() for one in started]
