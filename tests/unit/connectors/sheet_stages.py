"""Files of people, written and read by the libraries of their formats alone."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from privet.testing.connector import DATASET
from privet.vocabulary.dataset import Collection, Dataset

Row = Mapping[str, Any]

FLAT = replace(DATASET, collections=DATASET.collections[:2])
_ARROW = {"integer": pa.int64(), "string": pa.string(), "string[]": pa.list_(pa.string())}


def to_csv(collection: Collection, rows: Sequence[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, [field.name for field in collection.fields])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def from_csv(data: bytes) -> list[Row]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def to_lines(collection: Collection, rows: Sequence[Row]) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def from_lines(data: bytes) -> list[Row]:
    return [json.loads(line) for line in data.splitlines()]


def to_parquet(collection: Collection, rows: Sequence[Row]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), pa.schema(map(_arrow, collection.fields))), out, row_group_size=2)
    return out.getvalue()


def _arrow(field: Any) -> pa.Field:
    kind = pa.struct(list(map(_arrow, field.fields))) if field.fields else _ARROW[field.native.data_type]
    return pa.field(field.name, kind)


def from_parquet(data: bytes) -> list[Row]:
    rows: list[Row] = pq.read_table(io.BytesIO(data)).to_pylist()
    return rows


@dataclass(frozen=True)
class Kind:
    """One format, by its ending."""

    ending: str
    write: Callable[[Collection, Sequence[Row]], bytes]
    read: Callable[[bytes], list[Row]]
    nested: bool

    @property
    def dataset(self) -> Dataset:
        return DATASET if self.nested else FLAT

    @property
    def traits(self) -> frozenset[str]:
        return frozenset({"anywhere", "many", *(["nested"] if self.nested else [])})


KINDS = {
    "csv": Kind(".csv", to_csv, from_csv, False),
    "csv.gz": Kind(
        ".csv.gz", lambda c, rows: gzip.compress(to_csv(c, rows)), lambda d: from_csv(gzip.decompress(d)), False
    ),
    "jsonl": Kind(".jsonl", to_lines, from_lines, True),
    "jsonl.gz": Kind(
        ".jsonl.gz", lambda c, rows: gzip.compress(to_lines(c, rows)), lambda d: from_lines(gzip.decompress(d)), True
    ),
    "parquet": Kind(".parquet", to_parquet, from_parquet, True),
}
