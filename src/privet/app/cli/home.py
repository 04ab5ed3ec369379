"""`privet init` and `privet serve`."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from privet.app.cli.reach import PlainCommand, Reach, reach_of
from privet.errors import Refused


@click.command("init", cls=PlainCommand)
@click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Lock the key file with the passphrase in this file.",
)
def init(passphrase_file: Path | None) -> None:
    """Make a home: keys, settings, control database, first owner.

    Prints the owner's API key, this once. A copy stays in the home's cli.key, which commands on this machine use.
    """
    from privet.app import settings, wiring
    from privet.secret import Secret

    reach = reach_of(click.get_current_context())
    home = settings.home_path(reach.home)
    phrase = None
    if passphrase_file is not None:
        text = passphrase_file.read_text(encoding="utf-8").rstrip("\n")
        if not text:
            raise Refused("expected a passphrase, found an empty file", at=str(passphrase_file))
        phrase = Secret(text)
    wanted = settings.Settings(home=home, key_file=home / "root.key", passphrase=phrase)
    key = wiring.initialize(wanted, now_ms=wiring.wall_clock()).reveal()
    if reach.json:
        _print_json(wanted, key)
    else:
        _print_words(wanted, key, passphrase_file)


def _made(wanted: settings.Settings) -> list[tuple[str, Path, str]]:
    return [
        ("settings", wanted.home / "privet.yaml", ""),
        ("key_file", wanted.key_file, "locks every other key"),
        ("control", wanted.control, "vaults, principals, audit"),
        ("cli_key", wanted.cli_key, "the API key of commands on this machine"),
    ]
