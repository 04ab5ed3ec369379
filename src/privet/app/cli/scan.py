"""`privet scan db` and `privet drift`: what a database holds, as a manifest, and what differs from the declared one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from privet import __version__
from privet.app.cli.check import FORMATS, fail, say
from privet.app.cli.reach import HELP, PlainCommand, reach_of, shared_options
from privet.errors import InvalidInput, PrivetError

if TYPE_CHECKING:
    from privet.manifest.finding import Finding
    from privet.manifest.migrations import Foreseen
    from privet.manifest.resources import Manifest
    from privet.scanners.base import Ask, Observed
    from privet.scanners.detectors import Detector
    from privet.vocabulary.dataset import Dataset

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)
_SCHEMA = click.option("--schema", "schemas", multiple=True, metavar="NAME", help="Only this schema; repeat it.")
_SAMPLES = click.option(
    "--samples",
    type=click.IntRange(0, 200),
    default=0,
    metavar="N",
    help="Look at N values of each column, which are not kept.  [default: names alone]",
)
_IGNORE = click.option(
    "--ignore", multiple=True, metavar="PATTERN", help="Leave tables out, as in tmp_* or shop.tmp_*; repeat it."
)


@click.group("scan", context_settings=HELP, params=shared_options())
def scan() -> None:
    """Look at systems, and write down what is there."""


@scan.command("db", cls=PlainCommand)
@click.argument("dsn")
@_SCHEMA
@click.option("--key", default="", metavar="KEY", help="Key of the dataset; by default the database's name.")
@click.option("-o", "--output", "out", type=_NEW_FILE, metavar="FILE", help="Write a new manifest there.")
@click.option("--merge", type=_NEW_FILE, metavar="FILE", help="Add what is new to this manifest.")
@_SAMPLES
@click.option("--confidence", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Least sure category.")
@click.option("--views", is_flag=True, help="Take views, too.")
@_IGNORE
@click.option("--resume", is_flag=True, help="Go on with a scan to --output that stopped.")
def scan_db(
    dsn: str,
    schemas: tuple[str, ...],
    key: str,
    out: Path | None,
    merge: Path | None,
    samples: int,
    confidence: float,
    views: bool,
    ignore: tuple[str, ...],
    resume: bool,
) -> None:
    """Write a manifest of a live database, read-only: tables, types, references, comments, proposed categories.

    DSN: postgresql://, mysql://, mariadb://, sqlite:///, duckdb:/// or mongodb://; - reads it from standard input, so
    that its password shows in no list of processes. Tables that tools keep for themselves are left out.
    """
    from privet.app.cli.show import answer
    from privet.manifest.drift.compare import TECHNICAL
    from privet.manifest.drift.patch import dataset_text
    from privet.scanners.base import Ask
    from privet.scanners.detectors import detector_of
    from privet.secret import Secret

    if out is not None and merge is not None:
        raise InvalidInput("expected --output or --merge, found both")
    if resume and out is None:
        raise InvalidInput("expected --output with --resume")
    ask = Ask(dsn=Secret(_read_dsn(dsn)), key=key, schemas=schemas, samples=samples, views=views)
    detector = detector_of(ask.dsn)
    counts = _Counts((*TECHNICAL, *ignore), confidence)
    reach = reach_of(click.get_current_context())
    if out is not None:
        _write(detector, ask, out, counts, resume=resume)
    else:
        datasets, why = _gather(counts.told(detector.scan(ask)), confidence)
        if merge is not None:
            _merge(merge, datasets, why)
        elif reach.json:
            from privet.manifest.drift.entry import dataset_data

            click.echo(answer({"dataset": [dataset_data(one) for one in datasets]}, as_json=True))
        else:
            click.echo(dataset_text(datasets, why), nl=False)
    click.echo(str(counts), err=True)


@click.command("drift", cls=PlainCommand)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[DIR or FILE]...")
@click.option("--db", "dsn", default="", metavar="DSN", help="A live database, as for `privet scan db`.")
@click.option("--observed", type=_FILE, metavar="FILE", help="A manifest that a scan wrote, in place of a database.")
@click.option(
    "--migrations",
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR",
    help="Migrations of Alembic, Django or SQL, in place of a database: what will be there once they have run.",
)
@click.option(
    "--dataset", "named", multiple=True, metavar="[SCHEMA=]KEY", help="Which declared dataset it is; repeat it."
)
@_SCHEMA
@_SAMPLES
@_IGNORE
@click.option("--patch", type=_NEW_FILE, metavar="FILE", help="Write the change that mends it, for `git apply`.")
@click.option("--format", "form", default="text", metavar="NAME", help=f"{', '.join(FORMATS)}.", show_default=True)
@click.option("-o", "--output", type=_NEW_FILE, metavar="FILE", help="Write the report there, and a line here.")
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
def drift(
    paths: tuple[Path, ...],
    dsn: str,
    observed: Path | None,
    migrations: Path | None,
    named: tuple[str, ...],
    schemas: tuple[str, ...],
    samples: int,
    ignore: tuple[str, ...],
    patch: Path | None,
    form: str,
    output: Path | None,
    strict: bool,
) -> None:
    """Compare a database, or what migrations make of it, with what the manifests of a folder declare of it.

    New, lost and retyped columns are errors; other types, lengths and references warnings; categories that a name or a
    value speaks for are notes. Exits with 0 where there is no error, 1 where there is one, 2 where it could not run.
    """
    from privet.app.foresee import RULES as FORESEEN
    from privet.app.foresee import foresee, moved
    from privet.manifest.drift.compare import RULES, TECHNICAL, compare, written
    from privet.manifest.load import load
    from privet.manifest.reports import Told

    reach = reach_of(click.get_current_context())
    try:
        if [bool(dsn), observed is not None, migrations is not None].count(True) != 1:
            raise InvalidInput("expected one of --db, --observed and --migrations")
        manifest, faults = load(paths or (Path("."),), root=Path.cwd())
        ask = (schemas, samples, named)
        foreseen = foresee(migrations, manifest, named, root=Path.cwd()) if migrations else None
        if foreseen is not None:
            seen, why, whole = _migrated(foreseen)
        else:
            seen, why, whole = _file(observed) if observed else _database(_read_dsn(dsn), manifest, ask)
        ignored = (*TECHNICAL, *ignore)
        findings = compare(manifest.datasets, seen, place=written(manifest), ignored=ignored, whole=whole)
        findings = moved(findings, foreseen) if foreseen is not None else findings
        broken = tuple(fault for fault in faults if fault.severity == "error")
        told = Told(findings=(*broken, *findings), version=__version__, tool="drift", rules=RULES | FORESEEN)
        if patch is not None:
            _patch(patch, manifest, seen, why, (paths or (Path("."),))[0], (ignored, whole))
        say(told, "json" if reach.json and form == "text" else form, output)
    except (PrivetError, OSError) as error:
        fail(error, reach)
    bad = {"error", "warning"} if strict else {"error"}
    raise click.exceptions.Exit(1 if _any(told.findings, bad) else 0)


def _any(findings: Sequence[Finding], severities: set[str]) -> bool:
    return any(finding.severity in severities for finding in findings)


def _read_dsn(text: str) -> str:
    return sys.stdin.readline().strip() if text == "-" else text


class _Counts:
    """What a scan saw, in numbers; passes on what is no tool's."""

    def __init__(self, ignored: Sequence[str], confidence: float) -> None:
        self._ignored = tuple(ignored)
        self.confidence = confidence
        self.tables = self.fields = self.personal = 0
        self.left: list[str] = []
        self.notes: dict[str, int] = {}

    def told(self, observed: Iterable[Observed]) -> Iterator[Observed]:
        from privet.manifest.drift.compare import is_technical
        from privet.vocabulary.dataset import every_field

        for one in observed:
            if is_technical(one.dataset, one.collection.name, self._ignored):
                self.left.append(one.collection.name)
                continue
            self.tables += 1
            self.fields += sum(1 for _ in every_field(one.collection.fields))
            self.personal += sum(said.confidence >= self.confidence for said in one.proposals.values())
            for note in one.notes:
                self.notes[note] = self.notes.get(note, 0) + 1
            yield one

    def __str__(self) -> str:
        from privet.app.cli.show import clean

        parts = [f"{self.tables:,} tables, {self.fields:,} columns, {self.personal:,} with a proposed category"]
        if self.left:
            names = ", ".join(self.left[:5]) + (", …" if len(self.left) > 5 else "")
            parts.append(f"left out {len(self.left):,} of tools or as asked: {names}")
        parts += [f"{count:,} tables: {note}" for note, count in self.notes.items()]
        return clean("; ".join(parts))


_Why = dict[str, dict[str, dict[str, str]]]


def _comments(one: Observed, confidence: float) -> dict[str, str]:
    """Return path → what is said of its category beside it."""
    return {
        path: str(said) if said.confidence >= confidence else f"perhaps {said.label}, {said}"
        for path, said in one.proposals.items()
    }


def _gather(observed: Iterable[Observed], confidence: float) -> tuple[tuple[Dataset, ...], _Why]:
    from privet.scanners.base import datasets

    found = list(observed)
    why: _Why = {}
    for one in found:
        why.setdefault(one.dataset, {})[one.collection.name] = _comments(one, confidence)
    return datasets(found, confidence), why


def _write(detector: Detector, ask: Ask, out: Path, counts: _Counts, *, resume: bool) -> None:
    """Write a new manifest, a collection at a time: there may be more of them than fit into memory."""
    from dataclasses import replace

    from privet import digest
    from privet.manifest.drift.entry import collection_lines, dataset_lines
    from privet.scanners.base import shown
    from privet.scanners.journal import Journal
    from privet.vocabulary.dataset import Dataset

    said = (shown(ask.dsn), ask.key, *ask.schemas, f"samples {ask.samples}", f"views {ask.views}")
    mark = digest.sha256(digest.canonical(part.encode() for part in said)).hex()[:16]
    journal = Journal(out, mark, resume=resume)
    try:
        if not journal.done:
            journal.add("", "", "dataset:\n")
        for one in counts.told(detector.scan(replace(ask, done=journal.done))):
            lines: list[str] = []
            if one.dataset != journal.dataset:
                lines += dataset_lines(Dataset(key=one.dataset, collections=()), {}, 2, 2, ())
            collection = one.labelled(counts.confidence)
            lines += collection_lines(collection, _comments(one, counts.confidence), 6, 2)
            journal.add(one.address, one.dataset, "".join(f"{line}\n" for line in lines))
        journal.finish()
    finally:
        journal.stop()
    click.echo(f"wrote {out}", err=True)


def _merge(file: Path, datasets: Sequence[Dataset], why: _Why) -> None:
    from privet.manifest.drift.patch import merge

    old = new = _text(file) if file.exists() else ""
    for dataset in datasets:
        new = merge(new, dataset, why=why.get(dataset.key, {}), file=str(file))
    if new != old:
        file.write_bytes(new.encode())
    click.echo(f"{'added to' if new != old else 'nothing to add to'} {file}", err=True)


def _text(file: Path) -> str:
    from privet.errors import MalformedBody

    try:
        return file.read_bytes().decode()  # as bytes: its line breaks stay as they are
    except UnicodeDecodeError:
        raise MalformedBody("expected UTF-8", at=str(file)) from None


def _file(path: Path) -> tuple[tuple[Dataset, ...], _Why, bool]:
    from privet.manifest.load import load

    seen, faults = load([path], root=Path.cwd())
    if not seen.datasets:
        at = str(faults[0].at) if faults else str(path)
        raise InvalidInput("expected a manifest with datasets that were observed", at=at)
    return seen.datasets, {}, True


def _migrated(foreseen: Foreseen) -> tuple[tuple[Dataset, ...], _Why, bool]:
    from privet.app.foresee import proposed
    from privet.scanners.base import SURE

    return (*_gather(proposed(foreseen.dataset), SURE), not foreseen.partial)


def _database(
    dsn: str, manifest: Manifest, asked: tuple[tuple[str, ...], int, tuple[str, ...]]
) -> tuple[tuple[Dataset, ...], _Why, bool]:
    from privet.scanners.base import SURE, Ask, key_of
    from privet.scanners.detectors import detector_of
    from privet.secret import Secret

    schemas, samples, named = asked
    secret = Secret(dsn)
    detector = detector_of(secret)
    pairs = [name.rpartition("=") for name in named]
    keys = {schema: key for schema, _, key in pairs if schema}
    key = next((key for schema, _, key in pairs if not schema), "")
    unknown = next((one for one in (*keys.values(), key) if one and manifest.dataset(one) is None), "")
    if unknown:
        raise InvalidInput(f"expected a declared dataset, found none of key `{unknown}`", at="--dataset")
    if not named and len(manifest.datasets) == 1 and manifest.dataset(key_of(secret)) is None:
        key = manifest.datasets[0].key  # the only one there is
    ask = Ask(dsn=secret, key=key, keys=keys, schemas=schemas, samples=samples)
    datasets, why = _gather(detector.scan(ask), SURE)
    return datasets, why, detector.whole


def _patch(
    patch: Path, manifest: Manifest, seen: Sequence[Dataset], why: _Why, folder: Path, how: tuple[Any, bool]
) -> None:
    """Write what mends the manifests as one patch, whose paths are those from the current folder."""
    from privet.manifest.drift.patch import mend, unified

    ignored, whole = how
    texts: dict[str, str] = {}
    news: dict[str, str] = {}
    for dataset in seen:
        node = manifest.nodes.get(("dataset", dataset.key))
        place = folder if folder.is_dir() else folder.parent
        file = node.place.file if node is not None else str(place / f"{dataset.key}.yml")
        old = texts.setdefault(file, _text(Path(file)) if Path(file).exists() else "")
        said = why.get(dataset.key, {})
        news[file] = mend(news.get(file, old), dataset, why=said, file=file, ignored=ignored, whole=whole)
    text = "".join(unified(texts[file], news[file], file) for file in sorted(news))
    patch.write_bytes(text.encode())
    click.echo(f"wrote {patch}" if text else f"wrote {patch}: nothing to mend", err=True)
