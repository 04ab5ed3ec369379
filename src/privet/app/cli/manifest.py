"""Commands about manifests in files: their editor schema, what differs, what depends on a field; push and pull them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from privet.app.cli.reach import PlainCommand, reach_of
from privet.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from privet.manifest.finding import Finding

_PATHS = click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[DIR or FILE]...")
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_PULLED = ".privet-version"
_MOST_DIGITS = 18


@click.command("schema", cls=PlainCommand)
@click.option("-o", "--output", type=_NEW_FILE, metavar="FILE", help="Write it there.")
def schema(output: Path | None) -> None:
    """Print the JSON schema of manifests, for editors that complete and check YAML."""
    import msgspec

    from privet.manifest.schema import json_schema

    text = msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode()
    if output is None:
        click.echo(text)
    else:
        output.write_text(f"{text}\n", encoding="utf-8")
        click.echo(f"wrote {output}")


@click.command("compare", cls=PlainCommand)
@click.argument("old", type=click.Path(exists=True, path_type=Path), metavar="OLD")
@click.argument("new", type=click.Path(exists=True, path_type=Path), metavar="NEW")
def compare(old: Path, new: Path) -> None:
    """Show what differs in meaning between the manifests of two folders.

    Exits with 1 where anything does, or cannot be read.
    """
    from privet.app.cli.map import tell
    from privet.app.cli.show import answer, clean
    from privet.manifest.diff import diff, text
    from privet.manifest.load import load

    before, faults = load((old,), root=old)
    after, more = load((new,), root=new)
    changes = diff(before, after)
    missing = tell((*faults, *more))
    if reach_of(click.get_current_context()).json:
        click.echo(answer(changes, as_json=True))
    else:
        lines = "\n".join(clean(line) for line in text(changes).split("\n"))
        click.echo(lines or "nothing differs\n", nl=False)
    raise click.exceptions.Exit(1 if changes or missing else 0)


@click.command("impact", cls=PlainCommand)
@click.argument("field", metavar="[DATASET.]TABLE.COLUMN")
@_PATHS
@click.option(
    "--lineage",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="OpenLineage events, one a line.",
)
def impact(field: str, paths: tuple[Path, ...], lineage: tuple[Path, ...]) -> None:
    """Show what depends on a field: references, uses, recipients, roles, promises, what jobs make of it.

    Reads the manifests and policies below DIR, by default the current folder. `privet manifests impact` asks a home,
    which knows the vaults' tables, too. Exits with 1 where part of a manifest or of lineage could not be read: what is
    told is without it.
    """
    from privet.app.cli.map import lineage_of, tell
    from privet.app.cli.show import answer, clean
    from privet.manifest.atlas.impact import impact as found
    from privet.manifest.atlas.impact import text
    from privet.manifest.load import load
    from privet.policy.parse import parse

    manifest, faults = load(paths or (Path("."),), root=Path.cwd())
    events, doubts = lineage_of(lineage, manifest.datasets)
    missing = tell((*faults, *doubts))
    policies = {s.file: parse(s.text, s.file, labels=manifest.labels) for s in manifest.texts}
    told = found(manifest, field, policies=policies, lineage=events)
    if reach_of(click.get_current_context()).json:
        click.echo(answer(told, as_json=True))
    else:
        click.echo("\n".join(clean(line) for line in text(told).split("\n")), nl=False)
    raise click.exceptions.Exit(1 if missing else 0)


@click.command("push", cls=PlainCommand)
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[DIR]")
@click.option("--note", default="", metavar="TEXT", help="Why.")
@click.option("--force", is_flag=True, help="Whatever was pushed since this folder was pulled.")
def push(folder: Path, note: str, force: bool) -> None:
    """Store the manifests and policies below DIR in a home, as a new version.

    Refused where they cannot be read, and where a newer version was pushed since DIR was pulled.
    """
    from privet.app.cli.door import door
    from privet.app.cli.show import answer
    from privet.manifest.files import read, sources
    from privet.manifest.finding import Finding

    reach = reach_of(click.get_current_context())
    _mark(folder)
    files = {}
    for source in sources((folder,), root=folder)[0]:
        text = read(source)
        if isinstance(text, Finding):
            raise InvalidInput(text.message, at=source.name, hint=text.hint)
        files[source.name] = text
    said = {"files": files, "note": note} | ({} if force else {"base": _base(folder)})
    with door(reach) as client:
        pushed = client.call("manifests.push", said)
    _remember(folder, pushed.version)
    click.echo(answer(pushed, as_json=reach.json))


@click.command("pull", cls=PlainCommand)
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path), metavar="[DIR]")
@click.option("--version", "number", default=0, type=click.IntRange(0), metavar="N", help="By default the newest.")
@click.option("--force", is_flag=True, help="Overwrite files that differ.")
def pull(folder: Path, number: int, force: bool) -> None:
    """Write the files of a version of the manifests below DIR. Files that are there and differ stop it."""
    from privet.app.cli.door import door
    from privet.app.declared import demand_path

    with door(reach_of(click.get_current_context())) as client:
        found = client.call("manifests.get", {"version": number})
    for name in found.files:
        demand_path(name)
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise InvalidInput("expected a path below the folder; a link leads elsewhere", at=name)
    differ = [name for name, text in found.files.items() if _differs(folder / name, text)]
    if differ and not force:
        raise Conflict(
            f"{len(differ)} files differ from what would be written", at=differ[0], hint="--force overwrites them"
        )
    for name, text in found.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    _remember(folder, found.version)
    click.echo(f"version {found.version}: {len(found.files)} files in {folder}")


@click.command("from-code", cls=PlainCommand)
@click.argument("folder", default=".", type=click.Path(exists=True, path_type=Path), metavar="[DIR or FILE]")
@click.option("--key", metavar="KEY", help="Key of the dataset.  [default: the folder's name]")
@click.option("--reader", "readers", multiple=True, metavar="NAME", help="Only this reader; repeat it.")
@click.option("-o", "--output", type=_NEW_FILE, metavar="FILE", help="Write a new manifest there.")
@click.option("--merge", type=_NEW_FILE, metavar="FILE", help="Add what is new to this manifest.")
def from_code(folder: Path, key: str | None, readers: tuple[str, ...], output: Path | None, merge: Path | None) -> None:
    """Write a manifest of what the code below DIR annotates, without running it.

    Tables and classes are taken of which a field says its category: Privacy("user.contact.email") and its like in
    models of SQLAlchemy, SQLModel, Pydantic and Django, in dataclasses, in dbt and in comments of SQL.
    """
    from privet.app.foresee import codes
    from privet.manifest.drift.patch import dataset_text
    from privet.manifest.drift.patch import merge as merged
    from privet.manifest.readers import READERS, read
    from privet.scanners.base import plain_key

    if output is not None and merge is not None:
        raise InvalidInput("expected --output or --merge, found both")
    suffixes = {suffix for name in readers or READERS.names() for suffix in READERS.get(name).suffixes}
    files, faults = codes(folder, tuple(suffixes), root=Path.cwd())
    dataset, findings = read(files, key or plain_key(folder.resolve().stem), readers)
    broken = _told((*faults, *findings))
    if merge is not None:
        old = _text(merge) if merge.exists() else ""
        merge.write_bytes(merged(old, dataset, file=str(merge)).encode())
        click.echo(f"added to {merge}", err=True)
    elif output is not None:
        output.write_text(dataset_text([dataset]), encoding="utf-8")
        click.echo(f"wrote {output}: {len(dataset.collections)} collections", err=True)
    else:
        click.echo(dataset_text([dataset]), nl=False)
    raise click.exceptions.Exit(1 if broken else 0)


COMMANDS = (schema, compare, from_code)
"""Commands that stand beside those of the service."""


def _told(findings: Sequence[Finding]) -> bool:
    """Print findings on standard error. Returns whether one is an error."""
    from privet.app.cli.show import clean

    for finding in findings:
        click.echo(clean(f"{finding.at}: {finding.severity}: {finding.message}"), err=True)
    return any(finding.severity == "error" for finding in findings)


def _differs(path: Path, text: str) -> bool:
    if path.exists() and not path.is_file():
        raise Conflict("expected a file, or nothing yet", at=str(path))
    return path.exists() and path.read_bytes() not in (text.encode(), text.encode("utf-8-sig"))


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode()  # as bytes: its line breaks stay as they are
    except UnicodeDecodeError:
        raise InvalidInput("expected UTF-8", at=str(file)) from None


def _base(folder: Path) -> int:
    """Return the version that a folder was pulled as or pushed to last, 0 for none."""
    path = _mark(folder)
    text = _text(path).strip() if path.exists() else "0"
    if not (text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise InvalidInput("expected the number of a version", at=str(path))
    return int(text)


def _remember(folder: Path, version: int) -> None:
    _mark(folder).write_text(f"{version}\n", encoding="utf-8")


def _mark(folder: Path) -> Path:
    """Return the file that remembers a version. Raises InvalidInput where writing it would change another one."""
    path = folder / _PULLED
    if path.is_symlink():
        raise InvalidInput("expected a file of its own, found a link", at=str(path), hint="remove it")
    return path
