"""Amazon DynamoDB, and what speaks its protocol.

A question for a partition key, of the table or of an index of it, is a query; `describe` says which fields those are.
Any other reads the whole table page by page, with a filter where the field is not inside an array. What an index
finds is read again from the table itself, which is never behind.

Up to 100 records change in one transaction, under an idempotency key; more go in several, one after the other. A
change holds only as long as the record is what was read. A field that becomes null is removed: an index refuses null.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import Any
from uuid import UUID

from privet.connectors.base import Batch, Connector, Halted, Read, Record, Setup, Value
from privet.connectors.match import Edits, Known, Wanted, fields_of, sayable, steps, text, wanted_fields
from privet.connectors.profile import Profile
from privet.connectors.systems import Setting, System, _aws, _shape
from privet.connectors.systems._sheets import Asked, known_collections
from privet.digest import canonical, sha256
from privet.errors import Conflict, InvalidInput, PrivetError, Refused
from privet.vocabulary.dataset import Collection, Dataset, Field

TOGETHER = 100  # actions of a transaction, and keys of a BatchGetItem
OPERANDS = 100  # of IN
TRIES = 5

_NUMBER = re.compile(r"-?[0-9]{1,38}(?:\.[0-9]{1,38})?")
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_MOST = {"HASH": 2048, "RANGE": 1024}  # bytes of a key

Item = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a table says of itself. `keys`: names of the partition key and the sort key. `types`: key → S, N or B.
    `indexes`: partition key → the index that has it."""

    name: str
    keys: tuple[str, ...]
    types: Mapping[str, str]
    indexes: Mapping[str, str]


class DynamoDB:
    """The tables of one account and region as a connector."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._made: _aws.Client | None = None
        self._tables: dict[str, Table] = {}

    @property
    def _client(self) -> _aws.Client:
        if self._made is None:
            self._made = _aws.client(self._setup, "dynamodb")
        return self._made

    @cached_property
    def _codec(self) -> tuple[Any, Any]:
        from boto3.dynamodb.types import TypeDeserializer, TypeSerializer  # type: ignore[import-untyped]

        return TypeSerializer(), TypeDeserializer()

    def _table(self, name: str) -> Table:
        if name not in self._tables:
            full = f"{self._setup.settings.get('prefix', '')}{name}"
            if not _NAME.fullmatch(full):
                raise InvalidInput("expected the name of a table, found something else")
            with _aws.faults(full):
                self._tables[name] = _table(self._client.describe_table(TableName=full)["Table"])
        return self._tables[name]

    def probe(self) -> None:
        """Make sure that the service answers and lets us in."""
        with _aws.faults(""):
            self._client.list_tables(Limit=1)

    def describe(self) -> Dataset:
        """Return every table, by a sample of its records. Keys and indexes are told as descriptions of fields."""
        prefix, found = str(self._setup.settings.get("prefix", "")), []
        with _aws.faults(""):
            for page in self._client.get_paginator("list_tables").paginate():
                for full in page["TableNames"]:
                    if full.startswith(prefix):
                        found.append(self._described(full.removeprefix(prefix)))
        return Dataset(key=self._setup.name, collections=tuple(found))

    def _described(self, name: str) -> Collection:
        table = self._table(name)
        items = self._client.scan(TableName=table.name, Limit=_shape.SAMPLE).get("Items", ())
        blank: Item = {key: Decimal(0) if table.types[key] == "N" else "" for key in (*table.keys, *table.indexes)}
        fields = _shape.fields([self._plain(item) for item in items] or [blank], table.keys)
        return Collection(name=name, fields=tuple(_noted(field, table) for field in fields))

    # --- reading ------------------------------------------------------------------------------------------------

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """Yield the records that are asked for."""
        known = fields_of(ask.collection)
        wanted = Wanted(ask.collection, ask.matches)
        given = wanted_fields(ask.collection, known, ask.fields)
        return self._read(ask, known, wanted, given)

    def _read(self, ask: Read, known: Known, wanted: Wanted, given: Sequence[str]) -> Iterator[list[Record]]:
        if not wanted.paths:
            return
        table = self._table(ask.collection.name)
        page: list[Record] = []
        seen: set[str] = set()
        for item in self._found(table, known, wanted, ask.matches):
            row = self._plain(item)
            mark = repr([item[key] for key in table.keys])
            if mark in seen or not wanted.holds(row):
                continue
            seen.add(mark)
            page.append(Record({name: row[name] for name in given if name in row}))
            if len(page) >= self._setup.limits.page:
                yield page
                page = []
        if page:
            yield page

    def _found(
        self, table: Table, known: Known, wanted: Wanted, matches: Mapping[str, Sequence[Value]]
    ) -> Iterator[Item]:
        """Yield items that may be asked for, of the table as it is now."""
        if not all(path == table.keys[0] or path in table.indexes for path in wanted.paths):
            yield from self._scanned(table, known, wanted, matches)
            return
        for path in wanted.paths:
            yield from self._queried(table, path, list(dict.fromkeys(self._keys(table, path, matches[path]))))

    def _keys(self, table: Table, path: str, values: Iterable[Value]) -> Iterator[str | Decimal]:
        """Yield values as a key can hold them; others are held by none."""
        for form in filter(None, map(text, values)):
            if table.types[path] == "N" and _NUMBER.fullmatch(form) and len(Decimal(form).as_tuple().digits) <= 38:
                yield Decimal(form)
            elif table.types[path] == "S" and sayable(form) and len(form.encode()) <= _MOST["HASH"]:
                yield form

    def _queried(self, table: Table, path: str, values: list[str | Decimal]) -> Iterator[Item]:
        keys: list[Item] = []
        if (path,) == table.keys:
            keys = [{path: self._typed(value)} for value in values]
        else:
            for value in values:
                keys += self._index(table, path, value)
        left = iter(keys)
        while some := list(islice(left, TOGETHER)):
            yield from self._got(table, some)

    def _index(self, table: Table, path: str, value: str | Decimal) -> Iterator[Item]:
        """Yield the whole keys of the items under one partition key."""
        names = {f"#k{at}": key for at, key in enumerate(table.keys)} | {"#p": path}
        asked: dict[str, Any] = {
            "TableName": table.name,
            "KeyConditionExpression": "#p = :v",
            "ProjectionExpression": ", ".join(name for name in names if name != "#p"),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {":v": self._typed(value)},
        }
        asked |= {"IndexName": table.indexes[path]} if path != table.keys[0] else {"ConsistentRead": True}
        with _aws.faults(table.name):
            for page in self._client.get_paginator("query").paginate(**asked):
                yield from ({key: item[key] for key in table.keys} for item in page["Items"])

    def _got(self, table: Table, keys: list[Item]) -> Iterator[Item]:
        left: Any = {table.name: {"Keys": keys, "ConsistentRead": True}}
        with _aws.faults(table.name):
            while left:
                answer = self._client.batch_get_item(RequestItems=left)
                yield from answer["Responses"].get(table.name, ())
                left = answer.get("UnprocessedKeys")

    def _scanned(
        self, table: Table, known: Known, wanted: Wanted, matches: Mapping[str, Sequence[Value]]
    ) -> Iterator[Item]:
        asked: dict[str, Any] = {"TableName": table.name, "ConsistentRead": True}
        asked |= self._filter(known, wanted, matches)
        with _aws.faults(table.name):
            for page in self._client.get_paginator("scan").paginate(**asked):
                yield from page["Items"]

    def _filter(self, known: Known, wanted: Wanted, matches: Mapping[str, Sequence[Value]]) -> dict[str, Any]:
        """Return what leaves out of the answer some of what is not asked for, nothing where that cannot be said."""
        names: dict[str, str] = {}
        values: Item = {}
        tests: list[str] = []
        for path in wanted.paths:
            if known[path].native.identity == "email" or any(_is_array(known, part) for part in _parts(path)):
                return {}
            spelled = ".".join(names.setdefault(step, f"#n{len(names)}") for step in steps(path))
            held = [name for value in matches[path] for name in self._operands(value, values)]
            if len(values) > OPERANDS:
                return {}
            tests.append(f"{spelled} IN ({', '.join(held)})" if held else "")
        if not all(tests):
            return {}
        return {
            "FilterExpression": " OR ".join(tests),
            "ExpressionAttributeNames": {name: step for step, name in names.items()},
            "ExpressionAttributeValues": values,
        }

    def _operands(self, value: Value, values: Item) -> Iterator[str]:
        """Add a value in every form that an item may hold it in, and yield their names."""
        form = text(value)
        if form is None or not sayable(form):
            return
        forms: list[Value] = [form, *([value] if isinstance(value, str) and value != form else [])]
        forms += [Decimal(form)] if _NUMBER.fullmatch(form) and len(form) <= 38 else []
        forms += [form == "true"] if form in ("true", "false") else []
        for one in forms:
            name = f":v{len(values)}"
            values[name] = self._typed(one)
            yield name

    # --- erasing ------------------------------------------------------------------------------------------------

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """Carry out changes, up to 100 records in one transaction."""
        listed = known_collections(dataset, batches)
        asked = Asked(listed)
        found: list[tuple[str, Item]] = []
        for name, (edits, _) in asked.edits.items():
            table = self._table(name)
            fixed = sorted({path.split(".")[0] for path in edits.sets} & set(table.keys))
            if fixed:
                raise Refused(
                    f"`{fixed[0]}` is a key of table `{name}`: it cannot be changed, only deleted with its record"
                )
            found += [(name, key) for key in self._hits(table, listed, name, edits)]
        left = iter(found)
        while some := list(islice(left, TOGETHER)):
            try:
                self._carried_out(asked, some)
            except PrivetError as error:
                if any(asked.counts):
                    raise Halted(asked.counts, error) from None
                raise
        return asked.counts

    def _hits(self, table: Table, listed: Iterable[Batch], name: str, edits: Edits) -> Iterator[Item]:
        """Yield the keys of the items that changes find."""
        collection = next(batch.collection for batch in listed if batch.collection.name == name)
        known = fields_of(collection)
        matches: dict[str, list[Value]] = {}
        for change in edits.changes:
            # One field of a key narrows the search, best one that is indexed; the others are compared afterwards.
            paths = sorted(change.key, key=lambda path: (path != table.keys[0], path not in table.indexes))
            said = next((path for path in paths if change.key[path] is not None), None)
            if said is None:
                continue  # a key of nothing but absent fields finds nothing
            matches.setdefault(said, []).append(change.key[said])
        wanted = Wanted(collection, matches)
        seen = set()
        for item in self._found(table, known, wanted, matches) if wanted.paths else ():
            key = {name: item[name] for name in table.keys}
            if repr(key) not in seen and edits.of(self._plain(item)):
                seen.add(repr(key))
                yield key

    def _carried_out(self, asked: Asked, found: list[tuple[str, Item]]) -> None:
        """Carry out changes to some records in one transaction; anew where another changed one of them meanwhile."""
        error = Conflict("records were changed again and again meanwhile")
        for _ in range(TRIES):
            made: list[tuple[str, list[int]]] = []
            actions: list[Item] = []
            for name in dict.fromkeys(name for name, _ in found):
                table, edits = self._table(name), asked.edits[name][0]
                for item in self._got(table, [key for held, key in found if held == name]):
                    new, numbers = edits.apply(self._plain(item))
                    if numbers:
                        made.append((name, numbers))
                        actions.append(self._action(table, item, new))
            if not actions:
                return
            try:
                self._write(actions, [asked.edits[name][0].changes[at].once for name, held in made for at in held])
            except Conflict as conflict:
                error = conflict
                continue
            for name, numbers in made:
                asked.count(name, dict.fromkeys(numbers, 1))
            return
        raise error

    def _action(self, table: Table, item: Item, new: Mapping[str, Value] | None) -> Item:
        key = {name: item[name] for name in table.keys}
        if new is None:
            return {"Delete": {"TableName": table.name, "Key": key}}
        old = self._plain(item)
        changed = [name for name in old if new[name] is not old[name]]
        names = {f"#n{at}": name for at, name in enumerate(changed)}
        values = {f":o{at}": item[name] for at, name in enumerate(changed)}
        sets, removed = [], []
        for at, name in enumerate(changed):
            if new[name] is None:
                removed.append(f"#n{at}")
            else:
                sets.append(f"#n{at} = :n{at}")
                values[f":n{at}"] = self._stored(new[name], item[name])
        parts = [f"SET {', '.join(sets)}"] * bool(sets) + [f"REMOVE {', '.join(removed)}"] * bool(removed)
        return {
            "Update": {
                "TableName": table.name,
                "Key": key,
                "UpdateExpression": " ".join(parts),
                "ConditionExpression": " AND ".join(f"#n{at} = :o{at}" for at in range(len(changed))),
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            }
        }

    def _write(self, actions: list[Item], onces: list[str]) -> None:
        # The same changes to the same records have the same token, others another: a token says all that it covers.
        token = sha256(canonical([repr(actions).encode(), *(once.encode() for once in onces)])).hex()[:36]
        with _aws.faults("a transaction"):
            try:
                self._client.transact_write_items(TransactItems=actions, ClientRequestToken=token)
            except self._client.exceptions.TransactionCanceledException as canceled:
                reasons = {str(one.get("Code")) for one in canceled.response.get("CancellationReasons", ())}
                if reasons & {"ConditionalCheckFailed", "TransactionConflict"}:
                    raise Conflict("a record was changed meanwhile") from None
                raise

    # --- values -------------------------------------------------------------------------------------------------

    def _plain(self, item: Item) -> dict[str, Value]:
        """Return a record of an item. Sets are sorted arrays, whole numbers are whole."""
        return {name: _value(self._codec[1].deserialize(held)) for name, held in item.items()}

    def _typed(self, value: Value) -> Item:
        try:
            typed: Item = self._codec[0].serialize(_exact(value))
        except (TypeError, ArithmeticError):
            raise InvalidInput("expected a value that a record can hold") from None
        return typed

    def _stored(self, value: Value, old: Item) -> Item:
        """Return a new value, as a set where it was one."""
        kind = next(iter(old))
        if kind in ("SS", "NS", "BS") and isinstance(value, list):
            kept = {text(one) if kind == "SS" else one for one in value if one is not None}
            return self._typed(kept) if kept else {"NULL": True}
        return self._typed(value)

    def close(self) -> None:
        """Let go of the connections."""
        if self._made is not None:
            self._made.close()
            self._made = None


def _table(said: Mapping[str, Any]) -> Table:
    """Return what a table says of itself."""
    indexes: dict[str, str] = {}
    for index in said.get("GlobalSecondaryIndexes", ()):
        if index.get("IndexStatus", "ACTIVE") == "ACTIVE":
            hashed = next(part["AttributeName"] for part in index["KeySchema"] if part["KeyType"] == "HASH")
            indexes.setdefault(hashed, index["IndexName"])
    return Table(
        name=said["TableName"],
        keys=tuple(part["AttributeName"] for part in sorted(said["KeySchema"], key=lambda part: part["KeyType"])),
        types={one["AttributeName"]: one["AttributeType"] for one in said["AttributeDefinitions"]},
        indexes=indexes,
    )


def _noted(field: Field, table: Table) -> Field:
    """Return a field with what the table says of it."""
    kind = table.types.get(field.name, "")
    note = "partition key" if field.name == table.keys[0] else "sort key" if field.name in table.keys else ""
    if field.name in table.indexes:
        note = f"{note}, " * bool(note) + f"partition key of index {table.indexes[field.name]}"
    return replace(field, description=note, native=replace(field.native, column_type=kind))


def _parts(path: str) -> Iterator[str]:
    """Yield a path and each path that it goes through."""
    names = steps(path)
    return (".".join(names[: at + 1]) for at in range(len(names)))


def _is_array(known: Known, path: str) -> bool:
    return path in known and (
        known[path].array or not known[path].native.data_type or "[]" in known[path].native.data_type
    )


def _value(value: Any) -> Value:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, dict):
        return {name: _value(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_value(inner) for inner in value]
    if isinstance(value, set):
        return sorted(map(_value, value))
    return bytes(value) if type(value).__name__ == "Binary" else value


def _exact(value: Value) -> Value:
    """Return a value as boto3 takes it: no binary fractions, no times."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {str(name): _exact(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value) if isinstance(value, UUID) else value


def _open(setup: Setup) -> Connector:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{0,200}", str(setup.settings.get("prefix", ""))):
        raise InvalidInput("expected a prefix of names of tables", at="prefix")
    _aws.check(setup)
    return DynamoDB(setup)


PART = System(
    name="dynamodb",
    title="Amazon DynamoDB",
    settings=(
        Setting(
            name="prefix", about="What the names of all tables begin with, and those of collections do not.", default=""
        ),
        *_aws.SETTINGS,
    ),
    profile=Profile(
        tried="emulation",
        against="moto 5",
        atomic=False,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="nature",
        docs=(
            "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html",
            "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html",
            "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html",
        ),
        limits=(
            "up to 100 records change in one transaction, more in several, one after the other",
            "a question for a field that is no partition key reads the whole table",
            "keys cannot be masked: such records are deleted",
            "an index may not know yet what was written a moment ago",
            "backups, exports and streams keep what they hold as long as they are set to",
            "the name of an `endpoint` is looked up once more by the driver after its addresses were judged",
        ),
    ),
    open=_open,
)
