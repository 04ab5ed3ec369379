"""Commands about people's requests that do more than print an answer: plans, packages and certificates as files."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from privet.app.cli.reach import PlainCommand, reach_of
from privet.errors import Conflict

if TYPE_CHECKING:
    from privet.app.services.verb import Verb

_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
OUTPUT = click.Option(["-o", "--output"], type=_NEW_FILE, metavar="FILE", help="Write FILE.json and FILE.pdf.")


def plan(verb: Verb, said: Mapping[str, Any]) -> None:
    """Print a plan in the form that was asked for, and nothing else."""
    from privet.app.cli.door import door
    from privet.app.cli.show import answer

    reach = reach_of(click.get_current_context())
    with door(reach) as client:
        found = client.call(verb.name, said)
    click.echo(answer(found, as_json=True) if reach.json else found.plan.rstrip("\n"))


def figures(verb: Verb, said: Mapping[str, Any]) -> None:
    """Print figures as a table, and nothing else."""
    from privet.app.cli.door import door
    from privet.app.cli.show import answer

    reach = reach_of(click.get_current_context())
    with door(reach) as client:
        found = client.call(verb.name, said)
    click.echo(answer(found, as_json=True) if reach.json else found.table.rstrip("\n"))


def certificate(verb: Verb, said: Mapping[str, Any]) -> None:
    """Print a certificate, or write it beside its PDF."""
    from privet.app.cli.door import door
    from privet.app.cli.show import answer

    ctx = click.get_current_context()
    reach, output = reach_of(ctx), ctx.params.get("output")
    with door(reach) as client:
        found = client.call(verb.name, said)
    if output is None:
        click.echo(answer(found, as_json=True) if reach.json else found.file.rstrip("\n"))
        return
    pages = (
        (output.with_suffix(".json"), found.file.encode()),
        (output.with_suffix(".pdf"), base64.b64decode(found.pdf)),
    )
    for path, content in pages:
        with new_file(path) as file:
            file.write(content)
        click.echo(f"wrote {path}")
    click.echo(f"its key: {found.key}")


@click.command("package", cls=PlainCommand)
@click.argument("id", metavar="ID")
@click.option("-o", "--output", type=_NEW_FILE, required=True, metavar="FILE", help="A new file, or - for the screen.")
def package(id: str, output: Path) -> None:
    """Write what a request gathered: into FILE.zip as the person gets it, into any other file as JSON.

    The zip is encrypted (AES-256); its passphrase is shown, and goes to the person by another way than the file. 7-Zip
    opens it, on a Mac Keka or The Unarchiver, too. Each time that it is written counts as a download. It holds a page
    to read, everything as JSON, and tables.

    The JSON file is in the clear, by system, by collection, record by record. Either is made with mode 0600.
    """
    from privet.app.cli.door import door

    reach = reach_of(click.get_current_context())
    with door(reach) as client:
        if output.suffix == ".zip":
            with new_file(output) as file, closing(client.call("requests.package_file", {"id": id})) as pieces:
                file.writelines(pieces)
            found = client.call("requests.passphrase", {"id": id})
            click.echo(f"wrote {output}", err=True)
            click.echo(f"its passphrase: {found.passphrase}")
            click.echo("programs that open it: 7-Zip; on a Mac Keka or The Unarchiver, too", err=True)
            return
        with closing(client.call("requests.package", {"id": id})) as lines:
            _write(id, lines, output)


def _write(id: str, lines: Iterable[Any], output: Path) -> None:
    if str(output) == "-":
        for text in _document(id, lines):
            click.echo(text, nl=False)
        return
    with new_file(output) as file:
        for text in _document(id, lines):
            file.write(text.encode())
    click.echo(f"wrote {output}", err=True)


def _document(request: str, lines: Iterable[Any]) -> Iterator[str]:
    """Yield one JSON text, grouped as the lines come: by dataset, then by collection."""
    yield f'{{"request": {json.dumps(request)}, "systems": {{'
    for at, (dataset, rest) in enumerate(groupby(lines, key=lambda line: line.dataset)):
        yield f"{',' if at else ''}\n  {json.dumps(dataset)}: {{"
        for place, (collection, records) in enumerate(groupby(rest, key=lambda line: line.collection)):
            yield f"{',' if place else ''}\n    {json.dumps(collection)}: ["
            for number, record in enumerate(records):
                text = json.dumps({"bond": record.bond, "values": record.values}, ensure_ascii=False)
                yield f"{',' if number else ''}\n      {text}"
            yield "\n    ]"
        yield "\n  }"
    yield "\n}}\n"


@click.command("verify", cls=PlainCommand)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--key", required=True, metavar="KEY", help="The public key: NAME+ID+KEY, as `certificate` prints it.")
def verify(file: Path, key: str) -> None:
    """Prove a certificate away from the home, by the public key alone."""
    from privet.rights.proof.certificate import verify as proved

    found = proved(file.read_bytes(), key)
    click.echo(f"genuine: {found['kind']} {found['request']}, {found['words']}")


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Give a new file of mode 0600, which is there whole or not at all. Raises Conflict where one stands."""
    part = path.with_name(f".{path.name[:100]}.part")
    if path.exists():
        raise Conflict("expected a new file, found one", at=str(path))
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError:
        raise Conflict("expected a new file, found one", at=str(path)) from None
    finally:
        part.unlink(missing_ok=True)


COMMANDS = (package, verify)
"""Commands that stand beside those of the service."""
