"""Commands of the audit: entries as lines, looking at a log with its witness, and `privet prove`, which proves a copy
away from the vault and without any of its keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from privet.app.cli.reach import PlainCommand, reach_of
from privet.errors import Damaged, InvalidInput, NotFound

if TYPE_CHECKING:
    from privet.app.services.verb import Verb

FOLLOW_SECONDS = 1.0
FOLLOWED = 100  # entries that stand there already and are shown first
_SQLITE = b"SQLite format 3\0"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MOST_COLUMNS = 8  # of an entry that a line names


# --- entries ----------------------------------------------------------------------------------------------------


def tail(verb: Verb, said: Mapping[str, Any]) -> None:
    """Print entries as lines; with --follow those that come, until Ctrl-C."""
    from privet.app.cli.door import door

    reach = reach_of(click.get_current_context())
    with door(reach) as client:
        if said.get("follow"):
            asked = dict(said)
            if "after" not in asked:
                size = client.call("audit.checkpoint", {"vault": asked.get("vault", "")}).size
                asked["after"] = max(0, size - asked.get("limit", FOLLOWED))
            follow(lambda each: client.call(verb.name, each), asked, as_json=reach.json)
            return
        _print(client.call(verb.name, said), as_json=reach.json)


def found(verb: Verb, said: Mapping[str, Any]) -> None:
    """Print the entries that fit as lines."""
    from privet.app.cli.door import door

    reach = reach_of(click.get_current_context())
    with door(reach) as client:
        _print(client.call(verb.name, said), as_json=reach.json)


def follow(
    call: Callable[[dict[str, Any]], Any],
    asked: dict[str, Any],
    *,
    as_json: bool,
    pause: Callable[[], None] = lambda: time.sleep(FOLLOW_SECONDS),
) -> None:
    """Print entries above `after` as they come, until `pause` raises."""
    import msgspec

    while True:
        answer = call(asked)
        asked["after"] = answer.next
        for entry in answer.entries:
            click.echo(msgspec.json.encode(entry).decode() if as_json else line(entry))
        pause()


def _print(answer: Any, *, as_json: bool) -> None:
    from privet.app.cli import show

    if as_json:
        click.echo(show.answer(answer, as_json=True))
        return
    for entry in answer.entries:
        click.echo(line(entry))
    if not answer.entries:
        click.echo("none")
    elif answer.next:
        click.echo(f"next  {answer.next}")


def line(entry: Any) -> str:
    """Return an entry as one line: number, time, verb, who, and what the rest says."""
    from privet.app.cli.show import clean, time_text

    words = [str(entry.seq), time_text(entry.at_ms)]
    if entry.expired:
        return "  ".join((*words, "expired"))
    words += [("denied " if entry.denied else "") + entry.verb, entry.who]
    if entry.table or entry.columns:
        words.append(f"{entry.table}({_columns(entry)})")
    words += [f"{entry.count:,} counted"] if entry.count else []
    words += [record for record in entry.records[:1]]
    words += [f"and {len(entry.records) - 1:,} more"] if len(entry.records) > 1 else []
    words += [f"for {entry.purpose}"] if entry.purpose else []
    words += [f"by {', '.join(entry.rules)}"] if entry.rules else []
    words += [f"({entry.note})"] if entry.note else []
    return clean("  ".join(words))


def _columns(entry: Any) -> str:
    names = [f"{name}: {entry.shown[name]}" if name in entry.shown else name for name in entry.columns]
    return ", ".join(names[:_MOST_COLUMNS]) + (f", {len(names) - _MOST_COLUMNS} more" if names[_MOST_COLUMNS:] else "")


# --- looking ----------------------------------------------------------------------------------------------------


def check(verb: Verb, said: Mapping[str, Any]) -> None:
    """Look at a log, with the checkpoints of a witness that is named. Exits 1 where it is not sound."""
    from privet.app import witness
    from privet.app.cli import show
    from privet.app.cli.door import door

    reach, asked = reach_of(click.get_current_context()), dict(said)
    if "witness" in asked:
        path = Path(asked["witness"])
        asked["witness"] = "\n".join(witness.of_each(path).values())
        if not asked["witness"]:
            raise NotFound("the witness holds no checkpoint", at=str(path))
    with door(reach) as client:
        answer = client.call(verb.name, asked)
    click.echo(show.answer(answer, as_json=reach.json))
    raise click.exceptions.Exit(0 if answer.sound else 1)


@click.command("prove", cls=PlainCommand)
@click.argument("file", type=_FILE)
@click.option("--checkpoint", type=_FILE, metavar="FILE", help="A signed checkpoint: kept, or beside a copy.")
@click.option(
    "--witness", type=click.Path(exists=True, path_type=Path), metavar="PATH", help="A witness's file or git."
)
@click.option("--key", required=True, metavar="KEY", help="The log's public key, as name+id+key.")
def prove(file: Path, checkpoint: Path | None, witness: Path | None, key: str) -> None:
    """Prove a copy of an audit by a signed checkpoint, without any key of the vault.

    FILE is a copy of a vault's database, or lines that `privet audit export --json` printed, from the first on. With
    --witness its newest checkpoint of this log counts, and --checkpoint must fit it.
    """
    from privet.app.cli import show
    from privet.vault.log import prover

    notes = [] if witness is None else [_of_witness(witness, key)]
    notes += [] if checkpoint is None else [checkpoint.read_text(encoding="utf-8", errors="replace")]
    if not notes:
        raise InvalidInput("expected --witness or --checkpoint: what was kept of the log")
    with _entries(file) as (batches, tile):
        proven = prover.prove(batches, notes[0], key, own="".join(notes[1:]), tile=tile)
    first, last = proven.tail or (0, 0)
    shown = {
        "entries": proven.size,
        "proven": min(proven.size, proven.proven),
        "tail": last - first + 1 if proven.tail else 0,
        "tail_first": first,
        "tail_last": last,
        "faults": [{"rule": fault.rule, "at": fault.at, "what": fault.what} for fault in proven.faults],
    }
    click.echo(show.answer(shown, as_json=reach_of(click.get_current_context()).json))
    if proven.count:
        raise Damaged(f"{proven.count:,} things are not as the checkpoint proves", at=str(file))


def _of_witness(path: Path, key: str) -> str:
    from privet.app import witness

    # The key is named for its log, so that it says which note is asked for.
    note = witness.newest(path, key.partition("+")[0])
    if not note:
        raise NotFound("the witness holds no checkpoint of the log that the key is of", at=str(path))
    return note


@contextmanager
def _entries(file: Path) -> Iterator[tuple[Iterator[Sequence[Any]], Any]]:
    """Yield the entries of a file of either kind, and what reads the tiles of a database."""
    from privet.store.port import ENGINES
    from privet.vault.log import history
    from privet.vault.log.checkpoint import tile

    with file.open("rb") as lines:
        if lines.read(len(_SQLITE)) != _SQLITE:
            lines.seek(0)
            yield history.read_lines(lines), None
            return
    store = ENGINES.get("sqlite").open(str(file))
    try:
        yield history.read(store), lambda level, place: tile(store, level, place)
    finally:
        store.close()
