"""`privet map`: the data map of manifests, in a form for people or for programs. Only vaults need a home."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from privet.app.cli.reach import PlainCommand, Reach, reach_of
from privet.errors import InvalidInput

if TYPE_CHECKING:
    from privet.manifest.atlas.lineage import Lineage
    from privet.manifest.finding import Finding
    from privet.manifest.resources import Manifest
    from privet.vocabulary.dataset import Dataset
    from privet.vocabulary.system import System

FORMATS = ("csv", "xlsx", "html", "json", "mermaid", "ropa", "ropa_csv", "datahub", "openmetadata", "openlineage")
"""Equal to the names of `privet.manifest.exports.EXPORTS`, which is slow to import; plug-ins' names are taken, too."""

_BY_SUFFIX = {".csv": "csv", ".xlsx": "xlsx", ".html": "html", ".json": "json", ".mmd": "mermaid"}
_MOST_SHOWN = 10
# Names come from files that people wrote; what steers a terminal does not reach it.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@click.command("map", cls=PlainCommand)
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[DIR or FILE]...")
@click.option(
    "--format", "form", default="", metavar="NAME", help=f"{', '.join(FORMATS)}.  [default: as FILE ends, else csv]"
)
@click.option(
    "-o", "--output", "out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it there."
)
@click.option("--organization", default="", metavar="KEY", help="Only what is this organization's.")
@click.option(
    "--lineage",
    "events",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Add lineage of OpenLineage events, one of JSON a line; repeat it.",
)
@click.option("--no-vaults", is_flag=True, help="Only what files declare, though a home is here.")
def map_(
    paths: tuple[Path, ...],
    form: str,
    out: Path | None,
    organization: str,
    events: tuple[Path, ...],
    no_vaults: bool,
) -> None:
    """Write the data map of the manifests of a folder: who uses which data of whom, what for, and where it goes.

    Reads every Fides manifest (.yml) below DIR, by default the current folder; the vaults of a home that is here, or
    that --home or --url names, stand in the map by themselves. `ropa` is the record of processing
    activities of article 30 GDPR. Exits with 1 where part of a manifest or of lineage could not be read: the map is
    written without it.
    """
    from privet.manifest.atlas.whole import atlas
    from privet.manifest.exports import EXPORTS
    from privet.manifest.load import load

    reach = reach_of(click.get_current_context())
    part = EXPORTS.get(form or _form(out, reach))
    if part.binary and out is None:
        raise InvalidInput(f"expected --output with the format `{part.name}`", hint=f"--output map{part.suffix}")
    manifest, faults = load(paths or (Path("."),), root=Path.cwd())
    systems, datasets = ((), ()) if no_vaults else _vaults(reach, manifest)
    lineage, doubts = lineage_of(events, (*manifest.datasets, *datasets))
    drawn = atlas(
        manifest,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        systems=systems,
        datasets=datasets,
        organization=organization,
        lineage=lineage,
    )
    _write(part.write(drawn), out)
    missing = tell((*faults, *doubts))
    raise click.exceptions.Exit(1 if missing else 0)


def _form(out: Path | None, reach: Reach) -> str:
    if out is not None:
        return _BY_SUFFIX.get(out.suffix.lower(), "csv")
    return "json" if reach.json else "csv"


def _write(data: bytes, out: Path | None) -> None:
    if out is None:
        click.echo(_CONTROLS.sub("", data.decode()), nl=False)
        return
    out.write_bytes(data)
    click.echo(f"wrote {out}", err=True)


def lineage_of(files: Sequence[Path], datasets: Sequence[Dataset]) -> tuple[Lineage, tuple[Finding, ...]]:
    """Return what the OpenLineage events of files say, and what of them cannot be read."""
    from privet.manifest.atlas.lineage import NO_LINEAGE, joined, read_events

    found: Lineage = NO_LINEAGE
    findings: tuple[Finding, ...] = ()
    for path in files:
        with path.open("rb") as lines:
            more, wrong = read_events(lines, datasets, str(path))
        found, findings = joined(found, more), (*findings, *wrong)
    return found, findings


def tell(findings: Sequence[Finding]) -> bool:
    """Print on standard error what could not be read and so is left out; return whether anything is."""
    from privet.app.cli.show import clean

    left_out = [found for found in findings if found.severity == "error" or found.rule == "lineage-event"]
    for found in left_out[:_MOST_SHOWN]:
        click.echo(clean(f"{found.at}: {found.message}"), err=True)
    if len(left_out) > _MOST_SHOWN:
        click.echo(f"and {len(left_out) - _MOST_SHOWN:,} more; `privet check` shows all of a manifest", err=True)
    return bool(left_out)


# --- the vaults' own tables -------------------------------------------------------------------------------------


def _vaults(reach: Reach, manifest: Manifest) -> tuple[tuple[System, ...], tuple[Dataset, ...]]:
    """Return the vaults of the home that is here or was named, as systems and datasets; nothing where there is none."""
    from privet.app import settings

    if not (reach.home or reach.url or settings.server_url() or settings.home_path("").exists()):
        return (), ()
    from privet.app.atlas import of_one
    from privet.app.cli.door import door  # slow to import, and manifests alone need none of it

    with door(reach) as client:
        found = client.call("manifests.vaults", {"taken": [dataset.key for dataset in manifest.datasets]})
    return of_one(found.systems, manifest), tuple(found.datasets)
