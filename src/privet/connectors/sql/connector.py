"""Databases that speak SQL, over their own DB-API drivers: one connector for all, what differs is a `Driver`.

Reads run in a read-only transaction and come as a stream; an erasure is one transaction, where the database can. What
a driver says of a failure is never passed on, because drivers quote values: only its kind and the names of the
database's own table and column. Statements are the business of `dialect`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from privet.connectors.base import Batch, Halted, Read, Record, Setup
from privet.connectors.sql.dialect import Column, Dialect, Statement, Table, changes, select
from privet.digest import sha256
from privet.errors import InvalidInput, PrivetError, Refused, Unavailable
from privet.vocabulary.dataset import Collection, Dataset, every_field

Trouble = Literal[
    "not null", "unique", "foreign key", "check", "length", "type", "missing", "denied", "busy", "lost", "other"
]  # fmt: skip
"""What went wrong. The first six: the database refuses a change. missing: no such table or column. busy: locked, too
slow, or a deadlock. lost: the connection is gone, or never was."""

Raw = Any
"""A connection or cursor of a driver: DB-API 2.0 (PEP 249) has no types."""

_REFUSED: Final = ("not null", "unique", "foreign key", "check", "length", "type")


@dataclass(frozen=True, slots=True)
class Fault:
    """What a driver raised, without what it said. `name`: of the database's own table, column or constraint, if it
    told; `code`: its number of the error."""

    trouble: Trouble
    name: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """What a database's driver does its own way.

    `connect`: gives a connection on which nothing begins by itself, or raises an error of `errors`. `errors`: what the
    driver raises. `judge`: what such an error means. `cursor`: one that reads in a stream. `describe`: all that is
    there. `count`: records that the last statement changed. `drop`: closes, at any time.
    """

    dialect: Dialect
    connect: Callable[[], Raw]
    errors: tuple[type[Exception], ...]
    judge: Callable[[Exception], Fault]
    describe: Callable[[Raw], Dataset]
    cursor: Callable[[Raw], Raw] = lambda raw: raw.cursor()
    count: Callable[[Raw], int] = lambda cursor: max(cursor.rowcount, 0)
    drop: Callable[[Raw], None] = lambda raw: raw.close()


class SqlConnector:
    """See `Connector`."""

    def __init__(self, setup: Setup, driver: Driver) -> None:
        self._name = setup.name
        self._schema = str(setup.settings.get("schema", ""))
        self._page = setup.limits.page
        self._driver = driver
        self._dialect = driver.dialect
        self._idle: list[Raw] = []
        self._seen: dict[str, dict[str, dict[str, str]]] = {}
        self._tables: dict[str, tuple[Collection, Table, list[str]]] = {}

    def probe(self) -> None:
        with self._transaction("read", "") as raw:
            _fetched(raw, self._dialect.probe)

    def describe(self) -> Dataset:
        with self._transaction("read", "") as raw:
            return self._driver.describe(raw)

    def read(self, ask: Read) -> Iterator[list[Record]]:
        for path in (*ask.matches, *ask.fields):
            _declared(ask.collection, path)
        fields = ask.fields or tuple(one.name for one in ask.collection.fields)
        for name in fields:
            if "." in name:
                raise InvalidInput(f"`{ask.collection.name}` gives whole fields, found one inside of another")
        with self._transaction("read", ask.collection.name) as raw:
            table = self._table(raw, ask.collection, {*fields, *ask.matches})
            keys = [one.name for one in ask.collection.fields if one.native.primary_key]
            wanted = [*fields, *(name for name in keys if name not in fields)]
            statements = select(self._dialect, table, wanted, ask.matches)
            rows = self._rows(raw, statements)
            if keys and len(statements) > 1:
                rows = _once(rows, [wanted.index(name) for name in keys])
            yield from _paged(rows, fields, self._page)

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        if self._dialect.span != "call":
            return self._piecewise(batches)
        done = []
        with self._transaction("write", "") as raw:
            for batch in batches:
                with self._told(batch.collection.name):
                    done.append(sum(self._carried(raw, batch)))
        return done

    def close(self) -> None:
        while self._idle:
            self._drop(self._idle.pop())

    def _piecewise(self, batches: Iterable[Batch]) -> list[int]:
        done: list[int] = []
        try:
            for batch in batches:
                done.append(0)
                with self._transaction("write", batch.collection.name) as raw:
                    if self._dialect.span == "batch":
                        count = sum(self._carried(raw, batch))
                    else:
                        count = 0
                        for more in self._carried(raw, batch):
                            done[-1] += more
                done[-1] += count
        except PrivetError as error:
            if any(done):
                raise Halted(done, error) from None
            raise
        return done

    def _carried(self, raw: Raw, batch: Batch) -> Iterator[int]:
        """Carry out a batch; yield how many records each statement changed."""
        paths = {path for change in batch.changes for path in (*change.key, *(change.values or ()))}
        for path in sorted(paths):
            _declared(batch.collection, path)
        table = self._table(raw, batch.collection, paths)
        for text, rows in changes(self._dialect, table, batch.changes):
            cursor = raw.cursor()
            if self._dialect.many and len(rows) > 1:
                cursor.executemany(text, rows)
                yield self._driver.count(cursor)
            else:
                for values in rows:
                    cursor.execute(text, values)
                    yield self._driver.count(cursor)
            cursor.close()

    def _rows(self, raw: Raw, statements: Iterable[Statement]) -> Iterator[tuple[Any, ...]]:
        for text, values in statements:
            # Where a read is given up half way the connection goes with it: to leave it in order, some drivers would
            # take all that is still to come.
            cursor = self._driver.cursor(raw)
            cursor.execute(text, values)
            while rows := cursor.fetchmany(self._page):
                yield from rows
            cursor.close()

    # --- what is there --------------------------------------------------------------------------------------

    def _table(self, raw: Raw, collection: Collection, paths: Iterable[str]) -> Table:
        """Return a collection's table as it is there. Raises InvalidInput where it, or a field of it, is not."""
        known = self._tables.get(collection.name)
        if known is None or known[0] is not collection:
            known = self._tables[collection.name] = (collection, *self._seen_as(raw, collection))
        _, table, missing = known
        gone = [path for path in missing if path in paths]
        if gone:
            self._seen.clear()  # the table may be changed by then
            self._tables.clear()
            hint = "scan it anew, or correct the manifest"
            raise InvalidInput(
                f"the database has no `{collection.name}.{gone[0]}`, which the dataset declares", hint=hint
            )
        return table

    def _seen_as(self, raw: Raw, collection: Collection) -> tuple[Table, list[str]]:
        """Return a collection's table, and the paths that it does not have."""
        name, there = self._found(raw, collection.name)
        columns, inner, missing = {}, set(), []
        for path, _ in every_field(collection.fields):
            top, _, below = path.partition(".")
            wanted = path if self._dialect.nested else top
            real = wanted if wanted in there else _folded(wanted, there)
            if not real:
                missing.append(path)
            elif below and not self._dialect.nested:
                inner.add(path)
            else:
                columns[path] = Column(
                    ".".join(map(self._dialect.quoted, self._steps(real))), *self._dialect.kept(there[real])
                )
        return Table(name=name, called=collection.name, columns=columns, inner=frozenset(inner)), missing

    def _found(self, raw: Raw, called: str) -> tuple[str, dict[str, str]]:
        """Return the quoted name of a table, and its columns with their types."""
        ways = [(self._schema, called)]
        schema, dot, rest = called.partition(".")
        if dot and rest:
            ways.append((schema, rest))  # `schema.table`, as a dataset of several schemas names it
        for schema, table in ways:
            held = self._seen.get(f"{schema}\0{table}") or self._asked_for(raw, schema, table)
            if held:
                self._seen[f"{schema}\0{table}"] = held
                real = table if table in held else _only(held, called)
                return self._whole(schema, real), held[real]
        hint = "scan it anew, correct the manifest, or set `schema`"
        raise InvalidInput(f"the database has no table `{called}`, which the dataset declares", hint=hint)

    def _asked_for(self, raw: Raw, schema: str, table: str) -> dict[str, dict[str, str]]:
        dialect = self._dialect
        plain = replace(dialect, mark="?")  # what is bound is no statement, in which signs are doubled
        whole = ".".join(plain.quoted(name) for name in (schema, table) if name)
        known = {"schema": schema, "table": table, "whole": whole}
        prefix = f"{dialect.quoted(schema)}." if schema else ""
        text = dialect.columns.replace("{schema}", prefix)
        held: dict[str, dict[str, str]] = {}
        for real, column, kind in _fetched(raw, text, tuple(known[name] for name in dialect.columns_with)):
            held.setdefault(str(real), {})[str(column)] = str(kind or "")
        return held

    def _steps(self, name: str) -> list[str]:
        return name.split(".") if self._dialect.nested else [name]

    def _whole(self, schema: str, table: str) -> str:
        return ".".join(self._dialect.quoted(name) for name in (schema, table) if name)

    # --- connections ----------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, way: Literal["read", "write"], called: str) -> Iterator[Raw]:
        """Give a connection in a transaction, which ends with what is done inside; a read changes nothing."""
        with self._told(called):
            raw = self._begun(self._dialect.begin_read if way == "read" else self._dialect.begin_write)
            kept = False
            try:
                yield raw
                self._end(raw, commit=way == "write")
                kept = True
            except PrivetError:
                kept = self._rolled_back(raw)
                raise
            except self._driver.errors as error:
                kept = self._driver.judge(error).trouble != "lost" and self._rolled_back(raw)
                raise
            finally:
                if kept:
                    self._idle.append(raw)
                else:
                    self._drop(raw)

    def _begun(self, begin: tuple[str, ...]) -> Raw:
        while self._idle:
            raw = self._idle.pop()
            try:
                _run(raw, begin)
                return raw
            except self._driver.errors:
                self._drop(raw)  # it was idle for long, and the database let it go
        raw = self._driver.connect()
        try:
            _run(raw, (*self._dialect.session, *begin))
        except self._driver.errors:
            self._drop(raw)
            raise
        return raw

    def _end(self, raw: Raw, *, commit: bool) -> None:
        if self._dialect.span == "change":
            return  # each statement is over by itself
        text = self._dialect.commit if commit else self._dialect.rollback
        if text:
            _run(raw, (text,))
        elif commit:
            raw.commit()
        else:
            raw.rollback()
        if commit:
            with suppress(*self._driver.errors):  # the change is made, whatever becomes of this
                _run(raw, self._dialect.settle)

    def _rolled_back(self, raw: Raw) -> bool:
        try:
            self._end(raw, commit=False)
        except self._driver.errors:
            return False
        return True

    def _drop(self, raw: Raw) -> None:
        with suppress(*self._driver.errors, OSError):
            self._driver.drop(raw)

    @contextmanager
    def _told(self, called: str) -> Iterator[None]:
        """Turn what a driver raises into an error of ours that says nothing of values."""
        try:
            yield
        except self._driver.errors as error:
            fault = self._driver.judge(error)
            raise _error(self._name, called, fault) from None


def _error(name: str, called: str, fault: Fault) -> PrivetError:
    where = f"`{called}` of `{name}`" if called else f"`{name}`"
    about = f" ({fault.name})" if fault.name else ""
    code = f", error {fault.code}" if fault.code else ""
    if fault.trouble in _REFUSED:
        hint = "choose another masking for it, or another order"
        return Refused(f"{where} refuses the change: {fault.trouble}{about}", hint=hint)
    if fault.trouble == "missing":
        return InvalidInput(f"{where} and the dataset disagree: no such table or field{about}", hint="scan it anew")
    if fault.trouble == "denied":
        hint = "check user and password, and what the user may read and change"
        return Refused(f"{where} does not let us in, or forbids what was asked{code}", hint=hint)
    if fault.trouble == "busy":
        hint = "others hold a lock, or a question needs an index; it is safe to ask again"
        return Unavailable(f"{where} did not answer in time{code}", hint=hint)
    if fault.trouble == "lost":
        hint = "check host, port and that it runs; what was not committed did not happen, and asking again is safe"
        return Unavailable(f"{where} does not answer, or went away{code}", hint=hint)
    return Unavailable(f"{where} failed{code}", hint="see its own log")


def _run(raw: Raw, statements: Iterable[str]) -> None:
    for text in statements:
        cursor = raw.cursor()
        cursor.execute(text)
        cursor.close()


def _fetched(raw: Raw, text: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    cursor = raw.cursor()
    cursor.execute(text, values)
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    cursor.close()
    return rows


def _declared(collection: Collection, path: str) -> None:
    fields = collection.fields
    for name in path.split("."):
        found = next((one for one in fields if one.name == name), None)
        if found is None:
            hint = "use names of the manifest"
            raise InvalidInput(f"`{collection.name}` declares no field of the name that was asked for", hint=hint)
        fields = found.fields


def _folded(name: str, there: Iterable[str]) -> str:
    """Return the one name that is the same but for case, or ""."""
    found = [one for one in there if one.casefold() == name.casefold()]
    return found[0] if len(found) == 1 else ""


def _only(held: Mapping[str, object], called: str) -> str:
    if len(held) > 1:
        raise InvalidInput(f"the database has several tables `{called}`, which differ by case", hint="name one of them")
    return next(iter(held))


def _once(rows: Iterable[tuple[Any, ...]], keys: list[int]) -> Iterator[tuple[Any, ...]]:
    """Yield each record once. Where one statement asked, no record comes twice, and nothing needs to be remembered."""
    seen: set[bytes] = set()
    for row in rows:
        mark = sha256(repr([row[at] for at in keys]).encode("utf-8", "surrogatepass"))[:16]
        if mark not in seen:
            seen.add(mark)
            yield row


def _paged(rows: Iterable[tuple[Any, ...]], fields: tuple[str, ...], most: int) -> Iterator[list[Record]]:
    page: list[Record] = []
    for row in rows:
        page.append(Record(dict(zip(fields, row, strict=False))))  # a key that nobody asked for stands at the end
        if len(page) == most:
            yield page
            page = []
    if page:
        yield page
