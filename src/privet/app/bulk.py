"""Import of CSV files: rows in, records stored, the same rows with tokens out. Reading is `sheet`, planning `draft`.

A batch of rows is one call with an idempotency key made of everything that the file holds up to its end. So a
repeated import, after a crash or after a bad row further down was mended, adds nothing twice; keys are kept for the
seven days of P4.
"""

from __future__ import annotations

import csv
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from privet import codec, digest
from privet.app.sheet import Fault, Reader, Row, Sheet, column_names, open_sheet
from privet.errors import Conflict, Gone, InvalidBatch, InvalidInput, InvalidValue, NotFound, PrivetError, UnknownName
from privet.vocabulary import taxonomy
from privet.vocabulary.datatype import data_type
from privet.vocabulary.guess import split_cell

BATCH_ROWS = 2_000
# Well within what one call may carry (32 MiB, a million keys), JSON's escapes included.
MAX_BATCH_BYTES = 4 << 20
MAX_BATCH_CELLS = 400_000
MAX_FAULTS_KEPT = 100
_PLACE = re.compile(r"records\[(\d+)\](?:\.(\w+))?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
# A number or a yes alone names nobody; texts and dates may, so that they leave only by an explicit label.
_INERT_TYPES = frozenset({"integer", "decimal", "boolean"})


class Door(Protocol):
    """What an import needs of `privet.app.client.Client`."""

    def call(self, name: str, values: Mapping[str, Any], *, key: str = "") -> Any:
        """Return the answer of a verb."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is. `done_bytes` of `total_bytes` of the file."""

    rows: int
    skipped: int
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did.

    `faults`: those of the first 100 `skipped` rows. `left_out`: headers that the token file does not have.
    """

    rows: int
    skipped: int
    faults: tuple[Fault, ...]
    tokens_path: Path
    left_out: tuple[str, ...]
    seconds: float


class _Column(NamedTuple):
    """A column of the sheet: its place, its name in the vault, how its cells are read and what is written of it."""

    at: int
    header: str
    name: str
    read: Callable[[str], Any] | None
    shows: str  # "token", "cell" or "" for nothing


@dataclass(slots=True)
class _Run:
    """One import on its way."""

    door: Door
    sheet: Sheet
    vault: str
    table: str
    columns: list[_Column]
    skips: bool
    rows: int = 0
    skipped: int = 0
    faults: list[Fault] = field(default_factory=list)

    def skip(self, fault: Fault) -> None:
        self.skipped += 1
        if len(self.faults) < MAX_FAULTS_KEPT:
            self.faults.append(fault)


def import_csv(  # noqa: PLR0913  (what a person may say of an import; a bundle would only rename it)
    door: Door,
    *,
    path: Path,
    vault: str,
    table: str,
    mapping: Mapping[str, str] | None = None,
    encoding: str = "",
    delimiter: str = "",
    continue_: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Imported:
    """Import a file into a table that exists, and write `NAME.tokens.csv` next to it, for its owner alone.

    `mapping`: header → column, "" to leave one out; by default each header's own name. That file holds `privet_id`,
    tokens, and cells of columns labelled within `system` or of plain numbers and booleans; the others are dropped.
    `continue_`: skip bad rows. Without it the batch of the first bad row and what follows are not imported: raises
    InvalidInput, whose `faults` name rows and rules and whose hint says what stands. Raises as `open_sheet` does too.
    """
    start = time.monotonic()
    sheet = open_sheet(path, encoding=encoding, delimiter=delimiter)
    run = _Run(door, sheet, vault, table, _columns(door, sheet, vault, table, mapping), continue_)
    target = path.with_name(f"{path.stem}.tokens.csv")
    with _private_file(target) as file, Reader(sheet) as reader:
        writer = csv.writer(file, delimiter=sheet.delimiter)
        writer.writerow([*(_inert(c.header) for c in run.columns if c.shows), "privet_id"])
        try:
            for batch in _batches(reader, run):
                writer.writerows(_store(run, batch, list(range(len(batch.rows))), batch.key))
                if progress is not None:
                    progress(Progress(run.rows, run.skipped, reader.done_bytes, sheet.size_bytes))
        except PrivetError as error:
            error.hint = "; ".join(filter(None, (error.hint, _standing(run))))
            raise
    return Imported(
        rows=run.rows,
        skipped=run.skipped,
        faults=tuple(run.faults),
        tokens_path=target,
        left_out=tuple(c.header for c in run.columns if not c.shows),
        seconds=time.monotonic() - start,
    )


def _standing(run: _Run) -> str:
    if not run.rows:
        return "nothing was imported"
    again = "mend the file and import it again: these are not added twice"
    return f"{run.rows:,} rows before it were imported; {again}"


# --- columns --------------------------------------------------------------------------------------------------


def _columns(door: Door, sheet: Sheet, vault: str, table: str, mapping: Mapping[str, str] | None) -> list[_Column]:
    shown = {each.name: each for each in door.call("vaults.get", {"vault": vault}).tables}.get(table)
    if shown is None:
        raise NotFound(f"there is no table `{table}` in `{vault}`")
    known = {column.name: column for column in shown.columns}
    names = dict(zip(sheet.headers, column_names(sheet.headers), strict=True)) if mapping is None else mapping
    found = []
    for at, header in enumerate(sheet.headers):
        name = names.get(header, "")
        if name and name not in known:
            raise UnknownName(
                f"column {at + 1} of the file has no column of its name in `{table}`",
                hint="add it to the schema, map it to another, or map it to nothing",
            )
        column = known.get(name)
        found.append(_Column(at, header, name, _reading(column), _shows(column)))
    taken = [column.name for column in found if column.name]
    if len(set(taken)) < len(taken):
        raise InvalidInput("expected each column of the vault to be filled from one column of the file")
    return found


def _reading(column: Any) -> Callable[[str], Any] | None:
    if column is None:
        return None
    if column.array:
        return split_cell
    return _read_json if column.type == "json" else None


def _read_json(cell: str) -> Any:
    try:
        return codec.decode(cell.encode(), object)
    except PrivetError:
        return cell  # the type refuses or takes it as it stands


def _shows(column: Any) -> str:
    if column is None:
        return ""
    if column.token and not column.token.startswith(("none", "transient")):
        return "token"
    if all(taxonomy.is_within(label, "system") for label in column.labels):
        return "cell"
    return "cell" if column.type in _INERT_TYPES and set(column.labels) == {data_type(column.type).category} else ""


# --- batches --------------------------------------------------------------------------------------------------


class _Batch(NamedTuple):
    """Good rows that go in together. `key`: of everything in the file up to their end."""

    rows: list[Row]
    key: str


def _batches(reader: Reader, run: _Run) -> Iterator[_Batch]:
    """Yield the good rows. A bad one is skipped, or raises InvalidInput after the batches before its own."""
    found = iter(reader)
    if run.sheet.has_headers:
        next(found, None)
    while chunk := list(_chunk(reader, found, len(run.sheet.headers))):
        rows = [row for row in chunk if isinstance(row, Row)]
        faults = [fault for fault in chunk if isinstance(fault, Fault)]
        if faults and not run.skips:
            raise _stop(run, faults)
        for fault in faults:
            run.skip(fault)
        if rows:
            yield _Batch(rows, digest.sha256(digest.canonical([run.table.encode(), reader.digest()])).hex())


def _chunk(reader: Reader, found: Iterator[Row | Fault], width: int) -> Iterator[Row | Fault]:
    """Yield what goes in together: 2,000 rows, fewer where they are wide or long."""
    start = reader.done_bytes
    for row in islice(found, min(BATCH_ROWS, MAX_BATCH_CELLS // width)):
        yield row
        if reader.done_bytes - start > MAX_BATCH_BYTES:
            return


def _stop(run: _Run, faults: list[Fault]) -> InvalidInput:
    name = run.sheet.path.name
    listed = tuple(InvalidValue(fault.rule, at=_at(name, fault)) for fault in faults[:MAX_FAULTS_KEPT])
    return InvalidInput(faults[0].rule, at=_at(name, faults[0]), faults=listed if len(listed) > 1 else ())


def _at(name: str, fault: Fault) -> str:
    return f"{name}: row {fault.row:,}" + (f", column `{fault.column}`" if fault.column else "")


def _store(run: _Run, batch: _Batch, places: list[int], key: str) -> list[tuple[str, ...]]:
    """Store the rows of `places` and return their lines of the token file; without those that are skipped."""
    named = [(column.name, column.at, column.read) for column in run.columns if column.name]
    records = [_record(named, batch.rows[place].cells) for place in places]
    asked = {"vault": run.vault, "table": run.table, "records": records}
    try:
        answer = run.door.call("records.insert", asked, key=key)
    except (InvalidBatch, Conflict, NotFound, Gone) as error:
        faults = _faults(error, batch, places)
        if not faults:
            raise
        if not run.skips:
            raise _stop(run, list(faults.values())) from None
        return _store_rest(run, batch, places, faults, is_invalid=isinstance(error, InvalidBatch))
    kept = []
    for place, stored in zip(places, answer.records, strict=True):
        if stored.error is None:
            kept.append((batch.rows[place].cells, stored))
        else:
            run.skip(Fault(batch.rows[place].number, stored.error.message))
    run.rows += len(kept)
    return _lines(run.columns, kept)


def _store_rest(
    run: _Run, batch: _Batch, places: list[int], faults: dict[int, Fault], *, is_invalid: bool
) -> list[tuple[str, ...]]:
    if is_invalid:
        for place in faults:
            run.skip(faults[place])
        rest = [place for place in places if place not in faults]
        return _store(run, batch, rest, _part_key(batch, rest)) if rest else []
    if len(places) == 1:
        run.skip(faults[places[0]])
        return []
    # A conflict names one row at a time. Halves find them all in few calls, and the same ones in a repeated import.
    halves = places[: len(places) // 2], places[len(places) // 2 :]
    return [line for half in halves for line in _store(run, batch, half, _part_key(batch, half))]


def _part_key(batch: _Batch, places: list[int]) -> str:
    return digest.sha256(digest.canonical([batch.key.encode(), repr(places).encode()])).hex()


def _faults(error: PrivetError, batch: _Batch, places: list[int]) -> dict[int, Fault]:
    """Return place in the batch → the first fault of that row, from the places that an error names."""
    found: dict[int, Fault] = {}
    for fault in error.faults or (error,):
        match = _PLACE.match(fault.at)
        if match and int(match[1]) < len(places):
            place = places[int(match[1])]
            found.setdefault(place, Fault(batch.rows[place].number, fault.message, match[2] or ""))
    return dict(sorted(found.items()))


def _record(named: list[tuple[str, int, Callable[[str], Any] | None]], cells: list[str]) -> dict[str, Any]:
    return {
        name: read(cell) if read else cell for name, at, read in named if (cell := cells[at]) and not cell.isspace()
    }


def _lines(columns: list[_Column], kept: list[tuple[list[str], Any]]) -> list[tuple[str, ...]]:
    """Return the lines of stored rows: (cells, what the vault answered)."""
    shown = []
    for column in columns:
        if column.shows == "token":
            shown.append([_inert(stored.tokens.get(column.name) or "") for _, stored in kept])
        elif column.shows == "cell":
            shown.append([_inert(cells[column.at]) for cells, _ in kept])
    return list(zip(*shown, [stored.id for _, stored in kept], strict=True))


def _inert(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; a plain number is none.

    >>> _inert("=1+1"), _inert("-12.50"), _inert("-2+3")
    ("'=1+1", '-12.50', "'-2+3")
    """
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


@contextmanager
def _private_file(target: Path) -> Iterator[Any]:
    """Open a file of mode 0600 that takes the place of `target` when all went well, and leaves no trace else."""
    part = target.with_name(f".{target.name}.{digest.random_bytes(8).hex()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
