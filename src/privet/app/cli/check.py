"""`privet check`: do the manifests of a folder keep what their policies say? Needs no home and no server."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from privet import __version__
from privet.app.cli.reach import PlainCommand, Reach, reach_of
from privet.errors import InvalidInput, PrivetError

if TYPE_CHECKING:
    from privet.manifest.check.whole import Changed
    from privet.manifest.finding import Finding
    from privet.manifest.reports import Told
    from privet.manifest.resources import Manifest

BASELINE = ".privet-baseline.json"
FORMATS = ("text", "json", "sarif", "github", "junit")
"""Equal to the names of `privet.manifest.reports.REPORTS`, which is slow to import; plug-ins' names are taken, too."""

_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("check", cls=PlainCommand)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[DIR or FILE]...")
@click.option("--policy", "policies", multiple=True, metavar="KEY", help="Only this policy, by key or file; repeat it.")
@click.option("--changed-since", metavar="COMMIT", help="Only what files changed since then are about.")
@click.option("--format", "form", default="text", metavar="NAME", help=f"{', '.join(FORMATS)}.", show_default=True)
@click.option("-o", "--output", type=_NEW_FILE, metavar="FILE", help="Write the report there, and a line here.")
@click.option(
    "--baseline", type=_NEW_FILE, metavar="FILE", help=f"Known findings.  [default: {BASELINE} if it is there]"
)
@click.option("--write-baseline", is_flag=True, help="Make all that is found known, so that only new findings fail.")
@click.option("--law", "laws", multiple=True, metavar="KEY", help="Lint as under this law, too (see `privet laws`).")
@click.option("--no-lint", is_flag=True, help="Only rules and promises.")
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
def check(
    paths: tuple[Path, ...],
    policies: tuple[str, ...],
    changed_since: str | None,
    form: str,
    output: Path | None,
    baseline: Path | None,
    write_baseline: bool,
    laws: tuple[str, ...],
    no_lint: bool,
    strict: bool,
) -> None:
    """Check the manifests of a folder against its policies.

    Reads every Fides manifest (.yml) and every policy (.policy) below DIR, by default the current folder. Exits with 0
    where they hold, 1 where one is broken, 2 where the check could not run.
    """
    reach = reach_of(click.get_current_context())
    try:
        if write_baseline and changed_since:
            raise InvalidInput("a baseline of changed files alone would forget the others", at="--changed-since")
        with _uncollected():
            told = _told(paths or (Path("."),), policies, changed_since, laws, lint=not no_lint)
        told = _set_aside(told, baseline, write=write_baseline, whole=not (changed_since or policies or no_lint))
        say(told, "json" if reach.json and form == "text" else form, output)
    except (PrivetError, OSError) as error:
        fail(error, reach)
    bad = {"error", "warning"} if strict else {"error"}
    raise click.exceptions.Exit(1 if any(finding.severity in bad for finding in told.findings) else 0)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leave garbage where it is: the process ends soon, and the collector would take a twentieth of its time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _told(
    paths: Sequence[Path], policies: tuple[str, ...], since: str | None, laws: tuple[str, ...], *, lint: bool
) -> Told:
    from privet.manifest.check.whole import RULES, check
    from privet.manifest.load import load
    from privet.manifest.reports import Told
    from privet.vocabulary.laws import law

    root = Path.cwd()
    manifest, faults = load(paths, root=root)
    if not manifest.files and not faults:
        raise InvalidInput("expected manifests or policies, found none", at=" ".join(map(str, paths)))
    names = {*manifest.files, *(fault.at.file for fault in faults)}
    changed = _changed(since, paths, names) if since else None
    under = tuple(law(key) for key in laws)
    findings = check(manifest, faults, laws=under, only=policies, changed=changed, lint=lint)
    return Told(findings=findings, version=__version__, rules=RULES, files=len(manifest.files))


def _changed(since: str, paths: Sequence[Path], names: Collection[str]) -> Changed:
    """Return which files changed since a commit. `names`: of those that were read, as findings show them."""
    from privet.app.changed import changed_since, texts_before
    from privet.manifest.check.whole import Changed
    from privet.manifest.files import stood_below
    from privet.manifest.load import load

    root = Path.cwd()
    differ = changed_since(since, root)
    changed = _named(names, differ, root)

    def before() -> tuple[Manifest, tuple[Finding, ...]]:
        gone = {name: name for name in differ if name not in names and stood_below(name, paths, root=root)}
        were = gone | changed
        texts = texts_before(since, root, were.values())
        return load(paths, root=root, instead={name: texts.get(path) for name, path in were.items()})

    return Changed(changed, before)


def _named(names: Collection[str], differ: Collection[str], root: Path) -> dict[str, str]:
    """Return the names, as findings show files, of those that differ → their paths from `root`, as `differ` has."""
    real = {name: Path(os.path.relpath(os.path.realpath(root / name), root.resolve())).as_posix() for name in names}
    return {name: path if path in differ else name for name, path in real.items() if path in differ or name in differ}


def _set_aside(told: Told, named: Path | None, *, write: bool, whole: bool) -> Told:
    """Return what is new beside a baseline. `whole`: all that a baseline may know of was looked for."""
    from dataclasses import replace

    from privet.manifest.check import baseline

    path = named or Path(BASELINE)
    if write:
        text = baseline.write(told.findings)
        path.write_text(text, encoding="utf-8")
        click.echo(f"wrote {path}: {len(told.findings)} known findings", err=True)
    if named is None and not path.exists():
        return told
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("expected UTF-8", at=str(path), hint="--write-baseline writes it anew") from None
    fresh, known, stale = baseline.apply(told.findings, text, str(path))
    if stale and whole:
        click.echo(f"{path}: {stale} known findings are gone; --write-baseline forgets them", err=True)
    return replace(told, findings=fresh, set_aside=known)


def say(told: Told, form: str, output: Path | None) -> None:
    """Write findings in a form to a new file, with a line that counts them here, or to standard output.

    Raises UnknownName where there is no such form.
    """
    from dataclasses import replace

    from privet.manifest.reports import REPORTS

    report = REPORTS.get(form)
    shown = sources(told.findings) if form in ("text", "github") or output is None else {}
    text = report.write(replace(told, sources=shown, color=form == "text" and output is None and sys.stdout.isatty()))
    if output is None:
        click.echo(text, nl=False)
        return
    output.write_text(text, encoding="utf-8")
    counted = REPORTS.get("text").write(told).rstrip("\n").rpartition("\n")[2]
    click.echo(f"{counted}; wrote {output}")


def sources(findings: Sequence[Finding]) -> dict[str, str]:
    """Return the texts of the files that findings stand in. What is gone, no file or too long to read is left out, and
    so is what was not read as a manifest: it may be anybody's file.
    """
    from privet.manifest.files import LARGEST_BYTES

    unread = {finding.at.file for finding in findings if finding.rule in ("unreadable-file", "no-manifest")}
    texts = {}
    for file in {finding.at.file for finding in findings if finding.at.file} - unread:
        path = Path(file)
        try:
            if path.is_file() and path.stat().st_size <= LARGEST_BYTES:
                texts[file] = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
    return texts


def fail(error: Exception, reach: Reach) -> None:
    """Print why a check could not run, and exit with 2."""
    from privet.app.cli.show import failure
    from privet.errors import InvalidInput

    if isinstance(error, OSError):
        error = InvalidInput((error.strerror or "a file cannot be read").lower(), at=str(error.filename or ""))
    if isinstance(error, PrivetError):
        click.echo(failure(error, as_json=reach.json), err=True)
    raise click.exceptions.Exit(2) from None
