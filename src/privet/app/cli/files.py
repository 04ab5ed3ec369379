"""`privet file put` and `privet file get`: the file of a record's column, in and out, piece by piece."""

from __future__ import annotations

import io
import mimetypes
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from privet import digest
from privet.app.cli.door import door
from privet.app.cli.reach import HELP, PlainCommand, Reach, reach_of, shared_options, yes_option
from privet.app.cli.show import answer
from privet.app.pieces import pieces
from privet.errors import Conflict, InvalidInput
from privet.vault.blobs.media import ANYTHING

_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
_TARGET = click.Path(dir_okay=False, path_type=Path)


def _place() -> list[click.Parameter]:
    return [
        click.Option([f"--{name}"], required=True, metavar=word)
        for name, word in (("vault", "NAME"), ("table", "NAME"), ("id", "RECORD"), ("column", "NAME"))
    ]


@click.group("file", context_settings=HELP, params=shared_options())
def file() -> None:
    """Put a file into a record, get one out."""


@file.command("put", cls=PlainCommand, params=[*_place(), yes_option()])
@click.argument("path", type=_FILE)
@click.option("--name", default="", metavar="NAME", help="What it is called; by default as PATH.")
@click.option("--type", "mime", default="", metavar="TYPE", help="Its media type; by default what the name says.")
def put(vault: str, table: str, id: str, column: str, path: Path, name: str, mime: str) -> None:
    """Store the file at PATH (- for standard input) in a record.

    It is sealed while it arrives; nothing of it shows before all of it is stored. Where the record holds a file in
    this column already, --yes replaces it.
    """
    reach = reach_of(click.get_current_context())
    called = name or path.name
    if called in ("", "-"):
        raise InvalidInput("expected a name for what comes from standard input", at="--name")
    said = {"vault": vault, "table": table, "id": id, "column": column, "replace": reach.yes}
    said |= {"name": called, "mime": mime or _kind(called)}
    with _source(path) as source:
        size = _size(source)
        if size is not None:
            said["size"] = size
        with door(reach) as client, _bar(reach, "storing", size) as moved:
            found = client.call("files.put", {**said, "content": _seen(pieces(source), moved)})
    click.echo(answer(found, as_json=reach.json))


@file.command("get", cls=PlainCommand, params=[*_place(), yes_option()])
@click.option(
    "-o", "--output", "out", type=_TARGET, metavar="FILE", help="Where to, for its owner alone; else standard output."
)
def get(vault: str, table: str, id: str, column: str, out: Path | None) -> None:
    """Write out the file of a record.

    A file that is there is overwritten with --yes only. The new one shows once all of it was checked.
    """
    reach = reach_of(click.get_current_context())
    if out is None and sys.stdout.isatty():
        raise InvalidInput("expected a file to write to: a terminal shows no bytes", hint="--output FILE, or a pipe")
    if out is not None and out.exists():
        if not out.is_file():
            raise InvalidInput("expected a file to write to, found something else", at=str(out))
        if not reach.yes:
            raise _there(out)
    with ExitStack() as held:
        client = held.enter_context(door(reach))
        found = client.call("files.get", {"vault": vault, "table": table, "id": id, "column": column})
        content = held.enter_context(closing(found.content))
        moved = held.enter_context(_bar(reach, "writing", found.stored.size))
        # Not open before the first piece: what forbids the whole has been told by then.
        sink = held.enter_context(_sink(out, replace=reach.yes))
        for piece in _seen(content, moved):
            sink.write(piece)
    if out is not None:
        told = {"path": str(out), "size": found.stored.size, "mime": found.stored.mime, "sha256": found.stored.sha256}
        click.echo(answer(told, as_json=reach.json))


def _kind(name: str) -> str:
    # The table that comes with Python, so that a name means the same on every machine.
    kind, packed = mimetypes.MimeTypes().guess_type(name)
    return kind if kind and not packed else ANYTHING


def _size(source: BinaryIO) -> int | None:
    """Return how many bytes there are, None where that shows only at the end."""
    try:
        state = os.fstat(source.fileno())
    except io.UnsupportedOperation:
        return None
    return state.st_size - source.tell() if stat.S_ISREG(state.st_mode) else None


@contextmanager
def _source(path: Path) -> Iterator[BinaryIO]:
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    with path.open("rb") as source:
        yield source


@contextmanager
def _sink(path: Path | None, *, replace: bool) -> Iterator[BinaryIO]:
    """Yield where bytes go: a file of mode 0600 that takes its name when all went well, and leaves no trace else."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(f".{path.name[:100]}.{digest.random_bytes(8).hex()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        if not replace and path.exists():
            raise _there(path)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _there(path: Path) -> Conflict:
    return Conflict("expected a new file, found one", hint="--yes overwrites it", at=str(path))


def _seen(content: Iterable[bytes], moved: Callable[[int], None]) -> Iterator[bytes]:
    for piece in content:
        moved(len(piece))
        yield piece


@contextmanager
def _bar(reach: Reach, word: str, total_bytes: int | None) -> Iterator[Callable[[int], None]]:
    """Show progress where a person looks on; yield what moves it by some bytes."""
    if reach.json or not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns: Sequence[Any] = (
        TextColumn(word),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total_bytes)
        yield lambda count: bar.advance(task, count)
