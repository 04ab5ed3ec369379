"""CSV files, read strictly in bounded memory: encoding, delimiter, headers, samples, rows and what is wrong with them.

Rows are numbered as a spreadsheet shows them: the first row of the file is row 1, a blank line counts, a cell with
line breaks does not add rows. Faults name rows and rules; what stands in the cells is never quoted.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO

from privet.errors import InvalidInput, MalformedBody, TooLarge, UnknownName
from privet.vocabulary.guess import looks_like_headers

DELIMITERS = (",", ";", "\t", "|")
MAX_LINE_BYTES = 8 << 20
_SAMPLE_ROWS = 1_000
_SAMPLE_BYTES = 16 << 20
_SAMPLES = 200
_SNIFF_BYTES = 64 << 10
_SNIFF_ROWS = 50
_MAX_COLUMNS = 1_000
# Words of every record, which a column cannot carry.
_RESERVED = frozenset({"id", "version", "subject", "created", "updated", "expires"})
_RULES = (
    ("expected after", "expected a delimiter or the end of the row after a closing quote"),
    ("unexpected end", "expected every quote to be closed"),
    ("field larger", f"expected every quote to be closed, and cells of at most {csv.field_size_limit():,} characters"),
    ("new-line", "expected rows that end with LF or CRLF"),
)
_STRAY_QUOTE = "expected quotes only around a cell, and doubled inside it"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row. `column`: the vault's name of the column, "" for the row as a whole."""

    row: int
    rule: str
    column: str = ""

    def __str__(self) -> str:
        return f"row {self.row:,}: " + (f"column `{self.column}`: " if self.column else "") + self.rule


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A CSV file that was looked at. `headers`: unique; `column_1` and so on where the file has none.

    `samples`: per column, up to 200 cells that are not empty. `encoding`: a codec of Python.
    """

    path: Path
    encoding: str
    delimiter: str
    headers: tuple[str, ...]
    has_headers: bool
    samples: tuple[tuple[str, ...], ...]
    size_bytes: int


def open_sheet(path: Path, *, encoding: str = "", delimiter: str = "") -> Sheet:
    """Look at a file: its delimiter (`""`: the one of , ; tab | that fits), its headers and samples of its columns.

    `encoding` "" is UTF-8, with or without a byte order mark. Raises InvalidInput (no such file, no rows),
    MalformedBody (a first row that cannot be read), UnknownName (an encoding), TooLarge.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_SNIFF_BYTES)
    except OSError as error:
        raise InvalidInput(f"the file cannot be read: {error.strerror}", at=path.name) from None
    codec = _codec(encoding, head, path.name)
    if delimiter not in ("", *DELIMITERS):
        raise InvalidInput("expected a delimiter among , ; tab and |")
    sign = delimiter or _sniff(head.decode(codec, "replace"))
    bare = Sheet(path=path, encoding=codec, delimiter=sign, headers=(), has_headers=False, samples=(), size_bytes=size)
    with Reader(bare) as reader:
        found: list[Row | Fault] = []
        for row in islice(reader, _SAMPLE_ROWS + 1):
            found.append(row)
            if reader.done_bytes > _SAMPLE_BYTES:
                break
    if not found:
        raise InvalidInput("expected at least one row, found none", at=path.name)
    first = found[0]
    if isinstance(first, Fault):
        raise MalformedBody(first.rule, at=f"{path.name}: row {first.row:,}", hint=_ENCODING_HINT)
    return _sheet(bare, first.cells, [row.cells for row in found[1:] if isinstance(row, Row)])


_ENCODING_HINT = "name another encoding by --encoding, another delimiter by --delimiter"


def _sheet(bare: Sheet, first: list[str], others: list[list[str]]) -> Sheet:
    if len(first) > _MAX_COLUMNS:
        raise TooLarge(f"expected at most {_MAX_COLUMNS:,} columns, found more", at=bare.path.name)
    named = looks_like_headers(first, others)
    rows = others if named else [first, *others]
    samples = [
        tuple(islice((r[at] for r in rows if at < len(r) and r[at].strip()), _SAMPLES)) for at in range(len(first))
    ]
    headers = _distinct(first) if named else tuple(f"column_{at}" for at in range(1, len(first) + 1))
    return Sheet(
        path=bare.path,
        encoding=bare.encoding,
        delimiter=bare.delimiter,
        headers=headers,
        has_headers=named,
        samples=tuple(samples),
        size_bytes=bare.size_bytes,
    )


def column_names(headers: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each header that a vault takes: a-z, 0-9 and _, unique, not a word of every record.

    >>> column_names(["E-Mail", "Prénom", "id", "e_mail", "身份证号"])
    ('e_mail', 'prenom', 'id_', 'e_mail_2', 'column_5')
    """
    found: list[str] = []
    for at, header in enumerate(headers, 1):
        spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header.strip())
        german = spaced.lower().replace("ß", "ss").replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
        plain = unicodedata.normalize("NFKD", german).encode("ascii", "ignore").decode()
        name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")[:48] or f"column_{at}"
        name = f"{name}_" if name in _RESERVED else name
        count = 2
        unique = name
        while unique in found:
            unique, count = f"{name}_{count}", count + 1
        found.append(unique)
    return tuple(found)


class Reader:
    """The rows of a sheet in order, one `Row` or `Fault` each; use it as a context. The header row comes too.

    After a broken quote the next line of the file begins the next row, so that one fault hides no good row.
    """

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.number = 0
        self._width = 0
        self._source = _source(sheet)
        sign = re.escape(sheet.delimiter)
        cell = rf'(?:"[^"]*(?:""[^"]*)*"|[^"\r\n{sign}]*)'
        self._quoted = re.compile(rf"{cell}(?:{sign}{cell})*\r?\n?")

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    @property
    def done_bytes(self) -> int:
        """Return how much of the file was read."""
        return self._source.done_bytes

    def digest(self) -> bytes:
        """Return the SHA-256 of everything read so far: the same for two files that agree up to here."""
        return self._source.sha.digest()

    def __iter__(self) -> Iterator[Row | Fault]:
        source = self._source
        parser = csv.reader(source, delimiter=self.sheet.delimiter, strict=True)
        while True:
            source.taken.clear()
            try:
                cells = next(parser)
            except StopIteration:
                return
            except csv.Error as error:
                source.push_back()
                self.number += 1
                yield Fault(self.number, _rule(str(error)))
                continue
            except UnicodeDecodeError:
                source.push_back()
                self.number += 1
                yield Fault(self.number, f"expected bytes of {self.sheet.encoding}")
                source.demand_more(self.sheet.path.name, self.number)
                continue
            self.number += 1
            if cells:
                yield self._checked(cells)

    def _checked(self, cells: list[str]) -> Row | Fault:
        taken = self._source.taken
        text = taken[0] if len(taken) == 1 else "".join(taken)
        if '"' in text and not self._quoted.fullmatch(text):
            self._source.push_back()
            return Fault(self.number, _STRAY_QUOTE)
        if "\x00" in text:
            return Fault(self.number, "expected text without control characters")
        self._width = self._width or len(cells)
        if len(cells) != self._width:
            return Fault(self.number, f"expected {self._width} cells, found {len(cells)}")
        return Row(self.number, cells)


class _Source:
    """Lines for the parser, one at a time. `taken`: the lines of the row that is being parsed."""

    def __init__(self) -> None:
        self.sha = hashlib.sha256()
        self.done_bytes = 0
        self.taken: list[str] = []
        self._pushed: list[str] = []

    def __iter__(self) -> _Source:
        return self

    def __next__(self) -> str:
        line = self._pushed.pop() if self._pushed else self.read()
        if not line:
            raise StopIteration
        self.taken.append(line)
        return line

    def push_back(self) -> None:
        """Give back every line of the row but its first."""
        self._pushed.extend(reversed(self.taken[1:]))
        del self.taken[1:]

    def read(self) -> str:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def demand_more(self, name: str, row: int) -> None:
        """Raise MalformedBody if reading cannot go on after a wrong byte."""


class _ByteSource(_Source):
    """Lines of an encoding in which the byte 0x0A is always the end of a line."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        super().__init__()
        self._file = file
        self._encoding = encoding

    def read(self) -> str:
        raw = self._file.readline(MAX_LINE_BYTES)
        if len(raw) == MAX_LINE_BYTES and not raw.endswith(b"\n"):
            raise TooLarge(f"expected lines of at most {MAX_LINE_BYTES >> 20} MiB, found a longer one")
        first = not self.done_bytes
        self.done_bytes += len(raw)
        self.sha.update(raw)
        if first and self._encoding == "utf-8":
            raw = raw.removeprefix(codecs.BOM_UTF8)
        return raw.decode(self._encoding)

    def close(self) -> None:
        self._file.close()


class _TextSource(_Source):
    """Lines of an encoding of several bytes a character, such as UTF-16."""

    def __init__(self, file: TextIO) -> None:
        super().__init__()
        self._file = file

    def read(self) -> str:
        line = self._file.readline(MAX_LINE_BYTES)
        if len(line) == MAX_LINE_BYTES and not line.endswith("\n"):
            raise TooLarge(f"expected lines of at most {MAX_LINE_BYTES >> 20} MiB, found a longer one")
        raw = line.encode("utf-8", "surrogatepass")
        self.done_bytes += len(raw)
        self.sha.update(raw)
        return line

    def close(self) -> None:
        self._file.close()

    def demand_more(self, name: str, row: int) -> None:
        raise MalformedBody(
            "expected bytes of the named encoding; what follows cannot be told", at=f"{name}: row {row:,}"
        )


def _source(sheet: Sheet) -> _Source:
    if "\n".encode(sheet.encoding) == b"\n":
        return _ByteSource(sheet.path.open("rb"), sheet.encoding)
    return _TextSource(sheet.path.open(encoding=sheet.encoding, newline=""))


def _codec(encoding: str, head: bytes, name: str) -> str:
    if not encoding:
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise MalformedBody("expected UTF-8, found the mark of UTF-16", at=name, hint="--encoding utf-16")
        return "utf-8"
    try:
        found = codecs.lookup(encoding)
        "\n".encode(found.name)
    except (LookupError, ValueError):
        raise UnknownName("there is no text encoding of that name", hint="utf-8, latin-1, cp1252, utf-16 …") from None
    return "utf-8" if found.name in ("utf-8", "utf-8-sig") else found.name


def _sniff(text: str) -> str:
    """Return the delimiter that cuts the first rows into the same number of cells, at least two."""
    whole, _, _ = text.rpartition("\n")
    best, best_score = ",", (0.0, 0)
    for sign in DELIMITERS:
        widths = _widths((whole or text).splitlines(keepends=True), sign)
        if widths and widths[0] > 1:
            score = (widths.count(widths[0]) / len(widths), widths[0])
            if score > best_score:
                best, best_score = sign, score
    return best


def _widths(lines: list[str], sign: str) -> list[int]:
    widths: list[int] = []
    try:
        for cells in islice(csv.reader(lines, delimiter=sign, strict=True), _SNIFF_ROWS):
            widths.extend([len(cells)] if cells else [])
    except csv.Error:
        pass  # what was cut before the fault still tells
    return widths


def _rule(message: str) -> str:
    return next((rule for part, rule in _RULES if part in message), "expected a row as RFC 4180 writes it")


def _distinct(headers: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    for at, header in enumerate(headers, 1):
        name = header.strip() or f"column_{at}"
        found.append(name if name not in found else f"{name} ({at})")
    return tuple(found)
