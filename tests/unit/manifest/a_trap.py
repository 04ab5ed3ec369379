"""A manifest of which every name tries to be more than a name, and OpenLineage events of an invented bakery."""

from __future__ import annotations

import json
from typing import Any

from a_bakery import MADE, node

from privet.manifest.atlas.lineage import read_events
from privet.manifest.atlas.whole import Atlas, atlas
from privet.manifest.resources import Manifest, Organization
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.system import Declaration, Flow, System

FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", " =1+1", '=HYPERLINK("http://example.com","x")')
MARKUP = (
    "<script>document.title='caught'</script>",
    '"><img src=x onerror="document.title=\'caught\'">',
    "</script><script>document.title='caught'</script>",
    "</title><script>document.title='caught'</script>",
    "<!--<script>",
    "javascript:document.title='caught'",
    "a\u2028b\u2029c\x00d\x1be\x85f",
    '"]; click n1 href "javascript:alert(1)"',
    "`**bold**`",
    "end\nsubgraph x\n%%{init: {}}%%",
)


def trap() -> Atlas:
    """Return the map of the manifest."""
    datasets = [
        Dataset(
            key=f"d{at}",
            name=name,
            description=name,
            collections=(
                Collection(
                    name=name,
                    description=name,
                    fields=(Field(name=name, type="string", labels=(name,), description=name),),
                ),
            ),
        )
        for at, name in enumerate((*FORMULAS, *MARKUP))
    ]
    systems = [
        System(
            key=f"s{at}",
            name=name,
            kind=name,
            description=name,
            egress=(Flow(key=name, kind="system", categories=(name,)),),
            declarations=(
                Declaration(
                    name=name,
                    categories=(name,),
                    use=Purpose(name),
                    subjects=(name,),
                    datasets=(f"d{at}",),
                    legal_basis=name,
                    retention=name,
                    facts={"third_parties": name, "data_shared_with_third_parties": True},
                ),
            ),
            facts={"administrating_department": name, "data_security_practices": name},
        )
        for at, name in enumerate((*FORMULAS, *MARKUP))
    ]
    owner = Organization(key="default_organization", name=MARKUP[0], facts={"controller": {"name": MARKUP[1]}})
    manifest = Manifest(
        organizations=(owner,),
        systems=tuple(systems),
        datasets=tuple(datasets),
        nodes={("data_subject", MARKUP[0]): node({"rights": {"strategy": "ALL"}})},
    )
    lineage, _ = read_events([line(columns(MARKUP[0], MARKUP[1]))], datasets)
    return atlas(manifest, made=MADE, lineage=lineage)


def line(event: object) -> bytes:
    """Return an event as a line of a file."""
    return json.dumps(event).encode() + b"\n"


def columns(source: str, target: str, *, run: str = "r1", **more: Any) -> dict[str, Any]:
    """Return an event of a job that fills the field `mail` of a table with `email` of another."""
    facet = {
        "_producer": "https://example.com/job",
        "_schemaURL": "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json",
        "fields": {
            "mail": {
                "inputFields": [
                    {
                        "namespace": "postgres://db.example.com:5432",
                        "name": source,
                        "field": "email",
                        "transformations": [{"type": "DIRECT", "subtype": "IDENTITY", "masking": False}],
                    }
                ]
            }
        },
    }
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-01-02T03:04:05Z",
        "producer": "https://example.com/job",
        "run": {"runId": run},
        "job": {"namespace": "nightly", "name": "letters"},
        "inputs": [{"namespace": "postgres://db.example.com:5432", "name": source}],
        "outputs": [
            {
                "namespace": "postgres://db.example.com:5432",
                "name": target,
                "facets": {"columnLineage": facet},
            }
        ],
        **more,
    }
