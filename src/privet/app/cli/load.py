"""`privet import` and `privet export`: files into and out of a table."""

from __future__ import annotations

import csv
import gc
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import click

from privet.app import bulk
from privet.app.cli.door import door
from privet.app.cli.reach import PlainCommand, Reach, reach_of, yes_option
from privet.app.cli.show import answer, clean, table_text
from privet.app.draft import Planned, draft, mapping_of, schema_from_guess
from privet.app.sheet import Sheet, column_names, open_sheet
from privet.errors import Conflict, InvalidInput, UnknownName

SIGNS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
MAX_FAULTS_SHOWN = 10
COLLECT_AFTER = 50_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("import", cls=PlainCommand, params=[yes_option()])
@click.argument("file", type=_FILE)
@click.option("--vault", required=True, metavar="NAME", help="Made if it does not exist.")
@click.option("--table", required=True, metavar="NAME", help="Made from the file if it does not exist.")
@click.option("--schema", type=_FILE, metavar="FILE", help="Make the table from this schema; guess nothing.")
@click.option("--type", "types", multiple=True, metavar="COLUMN=TYPE", help="A type instead of the guess.")
@click.option("--map", "maps", multiple=True, metavar="HEADER=COLUMN", help="`HEADER=` leaves a column out.")
@click.option("--shreddable", is_flag=True, help="Keep each person under a key of her own: slower, surer to erase.")
@click.option("--draft", "draft_to", type=_NEW_FILE, metavar="FILE", help="Write the guessed schema; import nothing.")
@click.option("--encoding", default="", metavar="NAME", help="Of the file; UTF-8 by default.")
@click.option("--delimiter", default="", metavar="SIGN", help="One of , ; | and tab; found out by default.")
@click.option("--continue", "continue_", is_flag=True, help="Skip bad rows and report them.")
def import_(
    file: Path,
    vault: str,
    table: str,
    schema: Path | None,
    types: Sequence[str],
    maps: Sequence[str],
    shreddable: bool,
    draft_to: Path | None,
    encoding: str,
    delimiter: str,
    continue_: bool,
) -> None:
    """Import a CSV file and write the same rows with tokens to NAME.tokens.csv next to it.

    A table that does not exist is added to the vault's schema; other tables stay as they are.
    Shows what each column seems to be and how it will be held, and asks before anything is stored. A file that is
    imported again, after a crash or with bad rows mended, adds no row twice.
    """
    reach = reach_of(click.get_current_context())
    sign = SIGNS.get(delimiter, delimiter)
    sheet = open_sheet(file, encoding=encoding, delimiter=sign)
    if draft_to is not None:
        with _private_file(draft_to) as out:
            out.write(schema_from_guess(vault, table, _guessed(sheet, types, shreddable)))
        click.echo(f"wrote {draft_to}: read it, mend it, and import with --schema {draft_to}", err=True)
        return
    tables = _tables(reach, vault)
    text, mapping = _plan(reach, sheet, table in (tables or ()), vault, table, schema, types, shreddable)
    if text and tables is not None:
        _refuse_change(reach, vault, tables, text)
    if text and not reach.yes:
        click.confirm("Make the table like this and import the file?", abort=True, err=True)
    with door(reach) as client, _rare_collections():
        _make(client, tables is not None, vault, text)
        with _bar(reach, sheet.size_bytes) as progress:
            done = bulk.import_csv(
                client,
                path=file,
                vault=vault,
                table=table,
                mapping=mapping | _pairs(maps, "--map"),
                encoding=encoding,
                delimiter=sign,
                continue_=continue_,
                progress=progress,
            )
    click.echo(_summary(done, as_json=reach.json))


def _tables(reach: Reach, vault: str) -> frozenset[str] | None:
    """Return the names of a vault's tables, None where there is no such vault."""
    with door(reach) as client:
        if vault not in client.call("vaults.list", {}).vaults:
            return None
        return frozenset(each.name for each in client.call("vaults.get", {"vault": vault}).tables)


def _refuse_change(reach: Reach, vault: str, tables: frozenset[str], text: str) -> None:
    """Show what a schema adds to a vault. Raises Conflict where it would change a table that is there."""
    with door(reach) as client:
        plan = client.call("vaults.plan", {"vault": vault, "schema": text, "keep_others": True})
    touched = [change for change in plan.changes if not change.at or change.at.partition(".")[0] in tables]
    if touched:
        raise Conflict(
            "an import adds tables, but this schema changes one that is there in another shape",
            hint="`privet vaults apply --keep-others` changes it; or import without --schema",
            faults=tuple(Conflict(change.what, at=change.at) for change in touched),
        )
    if plan.changes and not reach.json:
        click.echo("\n".join(f"{clean(change.at)}: {clean(change.what)}" for change in plan.changes), err=True)


def _guessed(sheet: Sheet, types: Sequence[str], shreddable: bool) -> tuple[Planned, ...]:
    said = _pairs(types, "--type")
    unknown = set(said) - set(sheet.headers) - set(column_names(sheet.headers))
    if unknown:
        raise InvalidInput(f"the file has no column `{min(unknown)}`", at="--type")
    return draft(sheet, said, shreddable=shreddable)


def _plan(
    reach: Reach,
    sheet: Sheet,
    is_there: bool,
    vault: str,
    table: str,
    schema: Path | None,
    types: Sequence[str],
    shreddable: bool,
) -> tuple[str, dict[str, str]]:
    """Return (the schema of tables to be there, "" for none; header → column). Shows the guess where there is one."""
    by_name = dict(zip(sheet.headers, column_names(sheet.headers), strict=True))
    if schema is not None:
        return schema.read_text(encoding="utf-8"), by_name
    if is_there:
        return "", by_name
    planned = _guessed(sheet, types, shreddable)
    if not reach.json:
        head = ("column", "type", "sure", "held", "why")
        click.echo(table_text(head, [_guess_row(each) for each in planned]), err=True)
    return schema_from_guess(vault, table, planned), mapping_of(planned)


def _guess_row(each: Planned) -> tuple[str, ...]:
    kind = each.guess.type + ("[]" if each.guess.array else "")
    return (each.name or each.header, kind, f"{each.guess.confidence:.0%}", each.held, each.why)


def _make(client: Any, is_there: bool, vault: str, text: str) -> None:
    if not text:
        return
    if is_there:
        client.call("vaults.apply", {"vault": vault, "schema": text, "keep_others": True})
    else:
        client.call("vaults.create", {"name": vault, "schema": text})


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let the garbage collector look less often: a batch is many objects and no cycle. Measured, a twelfth."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def _bar(reach: Reach, total_bytes: int) -> Iterator[Callable[[bulk.Progress], None] | None]:
    """Show a progress bar where a person looks on; yield what moves it."""
    if reach.json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("importing"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[speed]:,.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total_bytes, rows=0, speed=0.0)

        def move(now: bulk.Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 1.0
            bar.update(task, total=now.total_bytes, completed=now.done_bytes, rows=now.rows, speed=now.rows / elapsed)

        yield move


def _summary(done: bulk.Imported, *, as_json: bool) -> str:
    if as_json:
        return answer(
            {
                "rows": done.rows,
                "skipped": done.skipped,
                "faults": [{"row": f.row, "column": f.column, "rule": f.rule} for f in done.faults],
                "tokens_path": str(done.tokens_path),
                "left_out": done.left_out,
                "seconds": round(done.seconds, 3),
            },
            as_json=True,
        )
    speed = done.rows / done.seconds if done.seconds else 0.0
    lines = [f"imported {done.rows:,} rows in {done.seconds:.1f} s ({speed:,.0f} rows/s)"]
    if done.skipped:
        lines.append(f"skipped {done.skipped:,} bad rows:")
        lines += [f"  {clean(str(fault))}" for fault in done.faults[:MAX_FAULTS_SHOWN]]
        if done.skipped > MAX_FAULTS_SHOWN:
            lines.append("  … (--json lists the first hundred)")
    lines.append(f"wrote {done.tokens_path}")
    if done.left_out:
        lines.append(f"  without personal columns that have no tokens: {clean(', '.join(done.left_out))}")
    return "\n".join(lines)


def _pairs(items: Sequence[str], option: str) -> dict[str, str]:
    found = {}
    for item in items:
        name, sign, value = item.partition("=")
        if not sign or not name:
            raise InvalidInput("expected `name=value`", at=option)
        found[name] = value
    return found


# --- export -------------------------------------------------------------------------------------------------


@click.command("export", cls=PlainCommand)
@click.option("--vault", required=True, metavar="NAME")
@click.option("--table", required=True, metavar="NAME")
@click.option("--columns", default="", metavar="A,B", help="All by default.")
@click.option("--redaction", default="", metavar="NAME", help="Show no more than this, such as `masked`.")
@click.option("--format", "form", type=click.Choice(["csv", "ndjson"]), default="csv", show_default=True)
@click.option("-o", "--output", type=_NEW_FILE, metavar="FILE", help="A new file, for its owner alone.")
@click.option("--clear", is_flag=True, help="Without the ceilings of types: once, as a second person approved.")
def export(vault: str, table: str, columns: str, redaction: str, form: str, output: Path | None, clear: bool) -> None:
    """Write every record of a table as CSV or NDJSON, as far as the caller may see it.

    CSV cells that a spreadsheet would take for a formula are made text by a leading apostrophe.
    """
    write = {"csv": _write_csv, "ndjson": _write_ndjson}[form]
    asked = {"vault": vault, "table": table, "columns": columns, "redaction": redaction, "clear": clear}
    with door(reach_of(click.get_current_context())) as client:
        names = [name.strip() for name in columns.split(",")] if columns else _columns(client, vault, table)
        with closing(client.call("records.export", asked)) as lines:
            first = list(islice(lines, 1))  # what forbids the export is raised here, before anything is written
            with _output(output) as out:
                count = write(chain(first, lines), names, out)
    if output is not None:
        click.echo(f"wrote {count:,} records to {output}", err=True)


def _columns(client: Any, vault: str, table: str) -> list[str]:
    for each in client.call("vaults.get", {"vault": vault}).tables:
        if each.name == table:
            return [column.name for column in each.columns]
    raise UnknownName("the vault has no table of that name", at="--table")


def _write_csv(lines: Iterable[Any], names: Sequence[str], out: TextIO) -> int:
    writer = csv.writer(out)
    writer.writerow(["id", *names])
    count = 0
    for line in lines:
        count += 1
        writer.writerow([line.id, *(inert(_cell(line.values.get(name))) for name in names)])
    return count


def _write_ndjson(lines: Iterable[Any], names: Sequence[str], out: TextIO) -> int:
    count = 0
    for line in lines:
        count += 1
        out.write(answer(line, as_json=True) + "\n")
    return count


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def inert(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula. Source: OWASP, CSV Injection; a plain number is none.

    >>> [inert(cell) for cell in ("=1+1", "-12.5", "@home", "plain")]
    ["'=1+1", '-12.5', "'@home", 'plain']
    """
    is_number = cell[:1] in ("+", "-") and cell[1:].replace(".", "", 1).isdecimal()
    return f"'{cell}" if cell.startswith(_FORMULA) and not is_number else cell


@contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    with _private_file(path) as file:
        yield file


@contextmanager
def _private_file(path: Path) -> Iterator[TextIO]:
    """Open a new file of mode 0600; it is removed again if anything fails. Raises FileExistsError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise
