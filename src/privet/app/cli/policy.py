"""Commands about policies that do more than print an answer; `privet policy fmt`, which needs no home."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from privet import digest
from privet.app.cli import review
from privet.app.cli.reach import PlainCommand, reach_of
from privet.app.services.verb import Verb
from privet.errors import MalformedBody

_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


def show(verb: Verb, said: Mapping[str, Any]) -> None:
    """Print the text of a policy as it may be saved again, and what it is beside it."""
    found = _called(verb, said)
    if found is None:
        return
    what = f"policy {found.version}" if found.version else "no policy but the built-in roles"
    click.echo(f"# {what}, {'in force' if found.in_force else 'not in force'} ({found.name} is)", err=True)
    click.echo(found.text, nl=False)


def save(verb: Verb, said: Mapping[str, Any]) -> None:
    """Store a policy, and say how it is put into force."""
    from privet.app.cli.show import answer

    found = _called(verb, said)
    if found is None:
        return
    click.echo(answer(found, as_json=False))
    if not found.in_force:
        line = f"privet policy activate {found.version} --vault {said['vault']}"
        click.echo(f"\nit decides nothing yet: `{line}` puts it into force", err=True)


def change(verb: Verb, said: Mapping[str, Any]) -> None:
    """Change what is in force, or say how the second person approves it."""
    from privet.app.cli.show import answer

    found = _called(verb, said)
    if found is None:
        return
    click.echo(answer(found, as_json=False))
    if found.state == "waiting":
        line = f"privet approvals approve {found.approval} --vault {said['vault']} --subject {found.subject}"
        click.echo(f"\nnothing changed yet: somebody else runs\n  {line}\nthen run this command again", err=True)


def _called(verb: Verb, said: Mapping[str, Any]) -> Any:
    """Return the answer of a verb, None where it is printed as JSON already."""
    from privet.app.cli.door import door
    from privet.app.cli.show import answer

    reach = reach_of(click.get_current_context())
    with door(reach) as client:
        found = client.call(verb.name, said, key=reach.idempotency_key)
    if not reach.json:
        return found
    click.echo(answer(found, as_json=True))
    return None


@click.command("fmt", cls=PlainCommand)
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where a file is not in its canonical form.")
def fmt(files: tuple[Path, ...], check: bool) -> None:
    """Write policy files in their canonical form; comments stay where they stand.

    A file that is no policy is left as it is, and every fault is told. It may name labels of your own that manifests
    beside it, or in a folder .fides there or here, have. FILE - reads standard input and writes to standard output.
    """
    from privet.policy import format

    found = []
    for path in files:  # all are read before any is written
        text = _text(path)
        found.append((path, text, format.write(review.policy_of(path, text))))
    stale = [(path, made) for path, text, made in found if text != made]
    for path, made in stale:
        if check:
            click.echo(f"{path} is not in its canonical form")
        elif str(path) != "-":
            _replace(path, made)
            click.echo(f"wrote {path}")
    if not check:
        click.echo("".join(made for path, _, made in found if str(path) == "-"), nl=False)
    raise click.exceptions.Exit(1 if check and stale else 0)


def _text(path: Path) -> str:
    raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MalformedBody("expected UTF-8", at=str(path)) from None


def _replace(path: Path, text: str) -> None:
    """Write a file anew, whole or not at all, with the mode that it had."""
    target = path.resolve()
    part = target.with_name(f".{target.name[:100]}.{digest.random_bytes(8).hex()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), target.stat().st_mode & 0o777)
            file.write(text.encode())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


COMMANDS = (fmt, *review.COMMANDS)
"""Commands that stand beside those of the service."""
