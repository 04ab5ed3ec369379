"""`privet backup` and `privet restore`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from privet.app.cli.reach import PlainCommand, reach_of
from privet.app.settings import home_path
from privet.errors import Conflict, Refused

_FOLDER = click.Path(file_okay=False, path_type=Path)
_THERE = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("backup", cls=PlainCommand)
@click.argument("folder", type=_FOLDER)
def backup(folder: Path) -> None:
    """Copy the home to FOLDER, while it serves or not.

    FOLDER/keys holds the keys of people: keep it apart from FOLDER/home, and no longer than their window. The root key
    is in neither part.
    """
    from privet.app.cli.door import door

    reach = reach_of(click.get_current_context())
    if reach.url:
        raise Refused("a backup is made on the machine of the home", hint="run it there, or call `backups.make`")
    if folder.exists():
        raise Conflict("expected a new folder for the backup, found one", at=str(folder))
    with door(reach) as client:
        made = client.backups.make()
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made.folder, folder)
    if reach.json:
        click.echo(json.dumps({"folder": str(folder), "vaults": made.vaults, "size_bytes": made.size_bytes}))
        return
    click.echo(f"copied {len(made.vaults)} vaults, {made.size_bytes / 1e6:,.1f} MB")
    click.echo(f"  {folder / 'home'}  records, settings, audit and erasure ledgers")
    click.echo(f"  {folder / 'keys'}  keys of people: keep apart, and only as long as their window")
    click.echo("The root key (root.key) and API keys (cli.key) are in neither. Without the root key nothing opens.")


@click.command("restore", cls=PlainCommand)
@click.argument("folder", type=_THERE)
@click.option("--keys", type=_THERE, metavar="DIR", help="Where the keys part lies, if not in FOLDER/keys.")
@click.option("--survivor", type=_THERE, metavar="DIR", help="The lost home, for erasures since the backup.")
@click.option("--without-keys", is_flag=True, help="Go on without keys of people: their shreddable values are lost.")
def restore(folder: Path, keys: Path | None, survivor: Path | None, without_keys: bool) -> None:
    """Make a home from the backup in FOLDER. The home (--home) must be new or empty.

    Name the lost home by --survivor if anything of it is left: whoever was erased since the backup stays erased.
    """
    from privet.app import backup as machine

    reach = reach_of(click.get_current_context())
    home = home_path(reach.home)
    found = machine.restore(folder, home, keys=keys, survivor=survivor, without_keys=without_keys)
    if reach.json:
        shown = {"home": str(home), "vaults": found.vaults, "missing": found.missing, "keyless": found.keyless}
        click.echo(json.dumps(shown))
        return
    click.echo(f"restored {len(found.vaults)} vaults to {home}")
    for name in found.keyless:
        click.echo(f"  {name}: without keys of people; its shreddable values do not open")
    click.echo(f"Put back by hand: {', '.join(found.missing)}.")
    if survivor is None:
        click.echo("Erasures since the backup are unknown here. If the lost home's ledgers are left, use --survivor.")
