"""Files of records: CSV, JSON lines and Parquet, read in a stream and written anew without some of what they hold.

What does not change stays as it stands, byte for byte in CSV and JSON lines; of Parquet, schema, metadata, row groups
and compression are kept. Where files lie is left to `files` and `s3`.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO, TextIO
from uuid import UUID

import msgspec

from privet.codec import read_json
from privet.connectors.base import Value
from privet.connectors.match import Edits, Wanted
from privet.errors import InvalidInput, MalformedBody, TooLarge

_PLAIN = (".csv", ".tsv", ".jsonl", ".ndjson")
ENDINGS = (*_PLAIN, *(f"{kind}.gz" for kind in _PLAIN), ".parquet")
LONGEST_LINE = 16 * 1024 * 1024
MOST_KEYS = 100_000
ENCODINGS = frozenset({"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252", "cp1250", "utf-16-le", "utf-16-be"})
"""Those whose text is written back as the bytes that it was read from."""

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DELIMITERS = ",;\t|"

Row = Mapping[str, Value]

_Plain = io.BufferedReader | gzip.GzipFile
"""The bytes of a file as they are meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One file. `name`: its path as errors tell it. `fields`: what to give, in order. `delimiter` "": found by the
    header. `encoding`: of CSV; a byte order mark overrules it."""

    name: str
    fields: tuple[str, ...] = ()
    delimiter: str = ""
    encoding: str = "utf-8"


def ending(name: str) -> str:
    """Return the ending that says what a file holds. Raises InvalidInput.

    >>> ending("2024/orders.csv.gz")
    '.csv.gz'
    """
    found = max((end for end in ENDINGS if name.endswith(end)), key=len, default="")
    if not found:
        raise InvalidInput("expected a file of records, found another ending", at=name, hint=" ".join(ENDINGS))
    return found


def encoding_of(name: str) -> str:
    """Return an encoding by its one name. Raises InvalidInput for those that we could not write back."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    if found not in ENCODINGS:
        raise InvalidInput("expected an encoding that is known", at="encoding", hint=", ".join(sorted(ENCODINGS)))
    return found


def header(source: BinaryIO, sheet: Sheet) -> list[str]:
    """Return the names of the columns of a CSV file."""
    with _opened(source, sheet) as plain:
        return _Csv(plain, sheet).columns


def sample(source: BinaryIO, sheet: Sheet, count: int) -> list[Row]:
    """Return the first records of a JSON lines file."""
    with _opened(source, sheet) as plain:
        rows = (line.values for line in _Lines(plain, sheet) if line.values is not None)
        return list(islice(rows, count))


def search(source: BinaryIO, sheet: Sheet, wanted: Wanted) -> Iterator[Row]:
    """Yield the records that are asked for, with `sheet.fields`. Raises MalformedBody where the file breaks its form,
    InvalidInput where a column is not there."""
    if sheet.name.endswith(".parquet"):
        yield from _search_parquet(source, sheet, wanted)
        return
    with _opened(source, sheet) as plain:
        if _is_lines(sheet):
            for line in _Lines(plain, sheet):
                if line.values is not None and wanted.holds(line.values):
                    yield {name: line.values[name] for name in sheet.fields if name in line.values}
            return
        rows = _Csv(plain, sheet)
        rows.need((*wanted.paths, *sheet.fields))
        for row in rows:
            if row.values is not None and wanted.holds(row.values):
                yield {name: row.values[name] for name in sheet.fields}


def rewrite(source: BinaryIO, target: BinaryIO | None, sheet: Sheet, edits: Edits) -> Counter[int]:
    """Write a file anew, changed, and return how many records each change made a difference to.

    `target` None: write nothing, but find whatever would be wrong. Raises as `search`, and InvalidInput for a value
    that the file cannot hold.
    """
    if sheet.name.endswith(".parquet"):
        return _rewrite_parquet(source, target, sheet, edits)
    counts: Counter[int] = Counter()
    with _opened(source, sheet) as plain, _written(target, sheet) as out:
        pieces: _Lines | _Csv
        pieces = _Lines(plain, sheet) if _is_lines(sheet) else _Csv(plain, sheet)
        pieces.need((*edits.keys, *edits.sets))
        out(pieces.before)
        for piece in pieces:
            new, made = edits.apply(piece.values) if piece.values is not None else (piece.values, [])
            counts.update(made)
            if not made:
                out(piece.raw)
            elif new is not None:
                out(pieces.write(piece, new))
    return counts


# --- streams ------------------------------------------------------------------------------------------------


def _is_lines(sheet: Sheet) -> bool:
    return ending(sheet.name).removesuffix(".gz") in (".jsonl", ".ndjson")


@contextmanager
def _opened(source: BinaryIO, sheet: Sheet) -> Iterator[_Plain]:
    """Give the plain bytes of a file. Faults of compression are faults of the file."""
    if not ending(sheet.name).endswith(".gz"):
        yield io.BufferedReader(_Raw(source), 1 << 16)
        return
    try:
        with gzip.GzipFile(fileobj=source, mode="rb") as plain:
            yield plain
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise MalformedBody("expected a whole gzip file", at=sheet.name) from None


class _Raw(io.RawIOBase):
    """A source that a reader may close without closing it."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _written(target: BinaryIO | None, sheet: Sheet) -> Iterator[Callable[[bytes], object]]:
    if target is None:
        yield len
    elif sheet.name.endswith(".gz"):
        # Neither name nor time goes into the head: the same records give the same bytes.
        with gzip.GzipFile(filename="", fileobj=target, mode="wb", mtime=0) as packed:
            yield packed.write
    else:
        yield target.write


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a file. `values` None: it is no record, and stays."""

    raw: bytes
    values: Row | None


# --- JSON lines ---------------------------------------------------------------------------------------------


class _Lines:
    """The lines of a JSON lines file. Source: jsonlines.org."""

    before = b""

    def __init__(self, source: _Plain, sheet: Sheet) -> None:
        self._source = source
        self._name = sheet.name

    def need(self, columns: tuple[str, ...]) -> None:
        """Nothing: a record has what it has."""

    def __iter__(self) -> Iterator[_Piece]:
        number = 0
        while raw := self._source.readline(LONGEST_LINE + 1):
            number += 1
            if len(raw) > LONGEST_LINE:
                raise TooLarge(f"expected lines of at most {LONGEST_LINE:,} bytes", at=f"{self._name}:{number}")
            body = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
            yield _Piece(raw, self._object(body, number) if body.strip() else None)

    def _object(self, body: bytes, number: int) -> Row:
        try:
            values = read_json(body, max_keys=MOST_KEYS)
        except (MalformedBody, TooLarge) as error:
            raise MalformedBody(error.message, at=f"{self._name}:{number}", hint=error.hint) from None
        if not isinstance(values, dict):
            raise MalformedBody("expected one JSON object a line", at=f"{self._name}:{number}")
        return values

    def write(self, piece: _Piece, new: Row) -> bytes:
        """Return a changed line. Numbers in fields that do not change keep all their digits."""
        body = piece.raw.removeprefix(codecs.BOM_UTF8)
        try:
            made = json_after(body, piece.values or {}, new)
        except InvalidInput as error:
            raise InvalidInput(error.message, at=self._name) from None
        start = piece.raw[: len(piece.raw) - len(body)]
        return start + made + body[len(body.rstrip(b"\r\n")) :]


def json_after(body: bytes, old: Row, new: Row) -> bytes:
    """Return a JSON object after some of its fields changed, spaced as it was. Numbers in the others keep all digits.
    Raises InvalidInput for values that JSON cannot hold.

    >>> json_after(b'{"a": 1.10, "b": 2}', {"a": 1.1, "b": 2}, {"a": 1.1, "b": None})
    b'{"a": 1.10, "b": null}'
    """
    exact = _EXACT.decode(body)
    try:
        values = {name: exact[name] if name in old and old[name] == new[name] else new[name] for name in new}
        made = _ENCODER.encode(values)
    except (TypeError, ValueError, UnicodeError, OverflowError):
        raise InvalidInput("expected values that JSON can hold") from None
    return msgspec.json.format(made, indent=0) if b'": ' in body else made


_EXACT: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


# --- CSV ----------------------------------------------------------------------------------------------------


class _Csv:
    """The rows of a CSV file with a header. Source: RFC 4180. An empty cell holds nothing. `before`: the header."""

    def __init__(self, source: _Plain, sheet: Sheet) -> None:
        self._name = sheet.name
        start = source.peek(4)[:4]
        self._encoding = next((name for mark, name in _MARKS if start.startswith(mark)), sheet.encoding)
        self._feed = _Feed(io.TextIOWrapper(source, self._encoding, newline=""), self._at)
        self._delimiter = sheet.delimiter or self._guess(sheet)
        self._reader = csv.reader(self._feed, delimiter=self._delimiter, strict=True)
        cells = self._next() or []
        self.columns = [cells[0].removeprefix("\ufeff"), *cells[1:]] if cells else []
        if len(set(self.columns)) < len(self.columns):
            raise MalformedBody("expected each column once in the header", at=f"{self._name}:1")
        self.before = self._feed.take().encode(self._encoding)

    def _at(self) -> str:
        return f"{self._name}:{self._feed.number}"

    def _guess(self, sheet: Sheet) -> str:
        if ".tsv" in ending(sheet.name):
            return "\t"
        outside = "".join(self._feed.peek().split('"')[::2])
        return max(_DELIMITERS, key=outside.count)  # the first of equals: a comma

    def need(self, columns: tuple[str, ...]) -> None:
        """Make sure that columns are there. A file without any line holds no records, and needs none."""
        for column in columns:
            if self.columns and column not in self.columns:
                raise InvalidInput(f"expected a column `{column}`, which is not in the header", at=self._name)

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error:
            # Its text may quote what stands there.
            most = f"cells of at most {csv.field_size_limit():,} characters"
            raise MalformedBody(f"expected every quote to be closed, and {most}", at=self._at()) from None
        except UnicodeDecodeError:
            raise MalformedBody(f"expected text in `{self._encoding}`", at=self._at()) from None

    def __iter__(self) -> Iterator[_Piece]:
        names = self.columns
        while (cells := self._next()) is not None:
            raw = self._feed.take().encode(self._encoding)
            if cells and len(cells) != len(names):
                raise MalformedBody(f"expected {len(names)} cells, found {len(cells)}", at=self._at())
            row = {name: cell or None for name, cell in zip(names, cells, strict=False)}
            yield _Piece(raw, row if cells else None)

    def write(self, piece: _Piece, new: Row) -> bytes:
        """Return a changed row, quoted and ended as it was."""
        raw = piece.raw.decode(self._encoding)
        end = raw[len(raw.rstrip("\r\n")) :]
        all_quoted = raw.startswith('"') and raw.count('"') >= 2 * len(self.columns)
        out = io.StringIO()
        write = csv.writer(
            out,
            delimiter=self._delimiter,
            quoting=csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL,
            lineterminator=end,
        )
        write.writerow([self._cell(name, new[name]) for name in self.columns])
        try:
            return out.getvalue().encode(self._encoding)
        except UnicodeEncodeError:
            raise InvalidInput(f"expected text that `{self._encoding}` can write", at=self._name) from None

    def _cell(self, name: str, value: Value) -> str:
        if value is None or isinstance(value, str):
            return value or ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float | Decimal | UUID):
            return str(value)
        if isinstance(value, date | time):
            return value.isoformat()
        raise InvalidInput(f"expected a single value for column `{name}`, found another", at=self._name)


class _Feed:
    """The lines of a text for a reader of CSV, which keeps those that the last row was made of."""

    def __init__(self, source: TextIO, at: Callable[[], str]) -> None:
        self._source = source
        self._at = at
        self._ahead: list[str] = []
        self._taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Feed:
        return self

    def _read(self) -> str:
        line = self._source.readline(LONGEST_LINE + 1)
        if len(line) > LONGEST_LINE:
            raise TooLarge(f"expected lines of at most {LONGEST_LINE:,} characters", at=self._at())
        return line

    def peek(self) -> str:
        """Return the next line without going past it."""
        try:
            self._ahead.append(self._read())
        except UnicodeDecodeError:
            self._ahead.append("")
            raise MalformedBody("expected text in the encoding that is set", at=self._at()) from None
        return self._ahead[0]

    def __next__(self) -> str:
        line = self._ahead.pop() if self._ahead else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self._taken.append(line)
        return line

    def take(self) -> str:
        """Return the lines since this was last asked."""
        taken = "".join(self._taken)
        self._taken.clear()
        return taken


# --- Parquet ------------------------------------------------------------------------------------------------


def _search_parquet(source: BinaryIO, sheet: Sheet, wanted: Wanted) -> Iterator[Row]:
    from privet.connectors.systems import _parquet  # its library is large, and not everybody has it

    return _parquet.search(source, sheet, wanted)


def _rewrite_parquet(source: BinaryIO, target: BinaryIO | None, sheet: Sheet, edits: Edits) -> Counter[int]:
    from privet.connectors.systems import _parquet

    return _parquet.rewrite(source, target, sheet, edits)
