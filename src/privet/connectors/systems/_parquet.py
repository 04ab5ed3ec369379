"""Parquet files of `tabular`. Memory holds one row group when a file is written anew, a few thousand rows when read.

Written from Arrow's documentation of `pyarrow.parquet` (ParquetFile, ParquetWriter, FileMetaData).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import Any, BinaryIO

from privet.connectors.base import Value
from privet.connectors.match import Edits, Wanted
from privet.connectors.tabular import Sheet
from privet.errors import InvalidInput, MalformedBody, Refused, Unavailable

ROWS = 4096

Arrow = Any
"""Objects of pyarrow, which says nothing of its types."""


def schema(source: BinaryIO, name: str) -> Arrow:
    """Return the Arrow schema of a file."""
    with _faults(name):
        return _library().parquet.ParquetFile(source).schema_arrow


def search(source: BinaryIO, sheet: Sheet, wanted: Wanted) -> Iterator[Mapping[str, Value]]:
    """Yield the records that are asked for."""
    with _faults(sheet.name):
        file = _library().parquet.ParquetFile(source)
        tops = _tops((*wanted.paths, *sheet.fields), file, sheet)
        asked = _tops(wanted.paths, file, sheet)
        for batch in file.iter_batches(batch_size=ROWS, columns=tops, use_threads=False):
            rows = _rows(batch.select(asked))
            hits = [at for at, row in enumerate(rows) if wanted.holds(row)]
            if hits:
                yield from _rows(batch.select(list(sheet.fields)).take(_library().array(hits)))


def rewrite(source: BinaryIO, target: BinaryIO | None, sheet: Sheet, edits: Edits) -> Counter[int]:
    """Write a file anew, changed; see `tabular.rewrite`."""
    counts: Counter[int] = Counter()
    with _faults(sheet.name):
        file = _library().parquet.ParquetFile(source)
        keys = _tops((*edits.keys, *edits.sets), file, sheet)
        writer = _writer(file, target) if target is not None else None
        try:
            for number in range(file.metadata.num_row_groups):
                # Without a target only what finds and changes records is looked at.
                table = file.read_row_group(number, columns=None if writer else keys, use_threads=False)
                table = _changed(table, keys, edits, counts, sheet)
                if writer and table.num_rows:
                    writer.write_table(table, row_group_size=table.num_rows)
        finally:
            if writer:
                writer.close()
    return counts


def _changed(table: Arrow, keys: list[str], edits: Edits, counts: Counter[int], sheet: Sheet) -> Arrow:
    """Return a table after its changes, and count them."""
    arrow = _library()
    kept = list(range(table.num_rows))
    masked: dict[int, Mapping[str, Value]] = {}
    for start in range(0, table.num_rows, ROWS):
        for at, row in enumerate(_rows(table.select(keys).slice(start, ROWS)), start):
            new, made = edits.apply(row)
            counts.update(made)
            if made and new is None:
                kept[at] = -1
            elif made and new is not None:
                masked[at] = new
    for name in sorted({path.split(".")[0] if path not in table.column_names else path for path in edits.sets}):
        if masked:
            at = table.column_names.index(name)
            table = table.set_column(at, table.schema.field(at), _column(table, at, masked, sheet))
    stay = [at for at in kept if at >= 0]
    return table if len(stay) == len(kept) else table.take(arrow.array(stay, arrow.int64()))


def _column(table: Arrow, at: int, masked: Mapping[int, Mapping[str, Value]], sheet: Sheet) -> Arrow:
    """Return a column with the new values of some rows."""
    arrow = _library()
    field = table.schema.field(at)
    new = [_fit(row[field.name], field.type) for row in masked.values()]
    if not field.nullable and None in new:
        raise Refused(f"column `{field.name}` must hold a value", at=sheet.name)
    try:
        values = arrow.array(new, field.type)
    except (arrow.ArrowException, TypeError, ValueError, OverflowError):
        # Its text quotes the value.
        raise InvalidInput(f"expected a value that column `{field.name}` can hold", at=sheet.name) from None
    both = arrow.chunked_array([*table.column(at).chunks, values], field.type)
    order = list(range(table.num_rows))
    for place, row in enumerate(masked, table.num_rows):
        order[row] = place
    return both.take(arrow.array(order, arrow.int64()))


def _fit(value: Value, kind: Arrow) -> Value:
    """Return a value as Arrow takes it for a type: times are not read from text there."""
    types = _library().types
    if not isinstance(value, str):
        return str(value) if types.is_string(kind) and type(value).__name__ == "UUID" else value
    reader: type[date | time] | None = None
    if types.is_timestamp(kind):
        reader = datetime
    elif types.is_date(kind):
        reader = date
    elif types.is_time(kind):
        reader = time
    try:
        return reader.fromisoformat(value) if reader else value
    except ValueError:
        return value


def _writer(file: Arrow, target: BinaryIO) -> Arrow:
    """Return a writer that makes of rows what the file was made of."""
    old = file.metadata
    columns = [old.row_group(0).column(at) for at in range(old.num_columns)] if old.num_row_groups else []
    packed = {column.path_in_schema: column.compression.lower() for column in columns}
    known = any(kind == b"ARROW:schema" for kind in old.metadata or {})
    return _library().parquet.ParquetWriter(
        target,
        file.schema_arrow,
        version=old.format_version if old.format_version in ("1.0", "2.4", "2.6") else "2.6",
        compression={path: "none" if word == "uncompressed" else word for path, word in packed.items()} or "snappy",
        use_dictionary=[c.path_in_schema for c in columns if any("DICTIONARY" in word for word in c.encodings)],
        write_statistics=[c.path_in_schema for c in columns if c.is_stats_set],
        store_schema=known,
    )


def _tops(paths: Sequence[str], file: Arrow, sheet: Sheet) -> list[str]:
    """Return the columns that paths lead into, each once. Raises InvalidInput where one is not there."""
    there = set(file.schema_arrow.names)
    found = {path if path in there else path.split(".")[0]: path for path in paths}
    for top, path in found.items():
        if top not in there:
            raise InvalidInput(f"expected a column `{path}`, which is not in the file", at=sheet.name)
    return list(found)


def _rows(batch: Arrow) -> list[Mapping[str, Value]]:
    """Return rows as Python's own values; times to the microsecond, which is all that those hold."""
    for at, field in enumerate(batch.schema):
        kind = _coarse(field.type)
        if kind != field.type:
            batch = batch.set_column(at, field.name, batch.column(at).cast(kind, safe=False))
    rows: list[Mapping[str, Value]] = batch.to_pylist()
    return rows


def _coarse(kind: Arrow) -> Arrow:
    arrow = _library()
    types = arrow.types
    if types.is_timestamp(kind) and kind.unit == "ns":
        return arrow.timestamp("us", kind.tz)
    if types.is_time64(kind) and kind.unit == "ns":
        return arrow.time64("us")
    if types.is_list(kind):
        return arrow.list_(kind.value_field.with_type(_coarse(kind.value_type)))
    if types.is_struct(kind):
        inner = [kind.field(at) for at in range(kind.num_fields)]
        return arrow.struct([one.with_type(_coarse(one.type)) for one in inner])
    return kind


@contextmanager
def _faults(name: str) -> Iterator[None]:
    arrow = _library()
    try:
        yield
    except (arrow.ArrowException, OSError, ValueError):
        # Arrow's texts may quote what a file holds.
        raise MalformedBody("expected a Parquet file that can be read", at=name) from None


def _library() -> Arrow:
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
        import pyarrow.types  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        hint = "install `privet[arrow]`"
        raise Unavailable("expected a reader of Parquet, which is not installed", hint=hint) from None
    return pyarrow
