"""The command about people's choices that does more than print an answer: all of them, as a file for auditors."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from privet.app.cli.reach import PlainCommand, reach_of
from privet.app.cli.request import new_file

_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("export", cls=PlainCommand)
@click.option("-o", "--output", type=_NEW_FILE, required=True, metavar="FILE", help="A new file, or - for the screen.")
def export(output: Path) -> None:
    """Write the choices of everybody into a file, one JSON value a line, without saying who anybody is."""
    from privet import codec
    from privet.app.cli.door import door

    reach = reach_of(click.get_current_context())
    with door(reach) as client, closing(client.call("preferences.export", {})) as lines:
        if str(output) == "-":
            for line in lines:
                click.echo(codec.encode(line))
            return
        with new_file(output) as file:
            for line in lines:
                file.write(codec.encode(line) + b"\n")
    click.echo(f"wrote {output}", err=True)


COMMANDS = (export,)
"""Commands that stand beside those of the service."""
