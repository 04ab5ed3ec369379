"""`privet prove`: a copy of an audit against a signed checkpoint, away from the vault and without any of its keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from privet.app.cli.reach import PlainCommand, reach_of
from privet.errors import Damaged

_SQLITE = b"SQLite format 3\0"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("prove", cls=PlainCommand)
@click.argument("file", type=_FILE)
@click.option("--checkpoint", type=_FILE, required=True, metavar="FILE", help="A signed checkpoint that was kept.")
@click.option("--key", required=True, metavar="KEY", help="The log's public key, as name+id+key.")
def prove(file: Path, checkpoint: Path, key: str) -> None:
    """Prove a copy of an audit by a signed checkpoint, without any key of the vault.

    FILE is a copy of a vault's database, or lines that `privet audit export --json` printed, from the first on.
    """
    from privet.app.cli.show import answer
    from privet.vault.log import history

    with _entries(file) as batches:
        found = history.prove(batches, checkpoint.read_text(encoding="utf-8", errors="replace"), key)
    shown = {
        "entries": found.size,
        "proven": min(found.size, found.proven),
        "faults": [{"rule": fault.rule, "at": fault.at, "what": fault.what} for fault in found.faults],
    }
    click.echo(answer(shown, as_json=reach_of(click.get_current_context()).json))
    if found.count:
        raise Damaged(f"{found.count:,} things are not as the checkpoint proves", at=str(file))


@contextmanager
def _entries(file: Path) -> Iterator[Iterator[Sequence[Any]]]:
    """Yield the entries of a file of either kind."""
    from privet.store.port import ENGINES
    from privet.vault.log import history

    with file.open("rb") as lines:
        if lines.read(len(_SQLITE)) != _SQLITE:
            lines.seek(0)
            yield history.read_lines(lines)
            return
    store = ENGINES.get("sqlite").open(str(file))
    try:
        yield history.read(store)
    finally:
        store.close()
