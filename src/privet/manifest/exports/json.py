"""The data map as JSON, for programs. Within `version` 1 keys are added and never change their meaning.

version        1
made           when, ISO 8601
organizations  [{key, name, description, laws}]
columns        [{title, keys}]: titles of the 24 columns, and the keys of manifests that each is read from
rows           [{system, declaration, dataset, use, categories, subjects, recipients, retention, legal_basis, nodes,
               cells}]: `system`, `declaration` (its name), `dataset`, `use` are keys or null; `categories` and
               `subjects` are keys; `nodes` are ids of the graph; `cells` the texts in the order of `columns`
labels         {key: name} of every category, use and subject that a row or a field names
systems        [{key, name, kind, description, organization, datasets, ingress, egress}]
datasets       [{key, name, description, categories, collections: [{name, description, categories,
               fields: [{name, type, categories, identity, primary_key, references, description}]}]}]
               `name` of a field is its path, dotted; `categories` of a dataset are those of all that it holds
graph          {nodes: [{id, kind, key, name, declared}], arcs: [{source, target, kind, why}]}
lineage        [{source, target, job, direct, masked}]: source and target are {dataset, table, field}
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from privet.manifest.atlas.cells import COLUMNS, recipients, retention
from privet.manifest.atlas.graph import node_ids
from privet.manifest.atlas.lineage import Edge, Spot
from privet.manifest.atlas.names import holds
from privet.manifest.atlas.rows import Row
from privet.manifest.atlas.whole import Atlas
from privet.manifest.exports import Export
from privet.manifest.exports._cells import json_bytes
from privet.manifest.exports._fields import field_type, references
from privet.vocabulary.dataset import Dataset, Field, every_field
from privet.vocabulary.system import Flow, System

VERSION = 1


def write(atlas: Atlas) -> bytes:
    """Return the document."""
    return json_bytes(document(atlas))


def document(atlas: Atlas) -> dict[str, Any]:
    """Return the map as plain values."""
    return {
        "version": VERSION,
        "made": atlas.made,
        "organizations": [
            {"key": found.key, "name": found.name, "description": found.description, "laws": list(found.laws)}
            for found in atlas.organizations
        ],
        "columns": [{"title": column.title, "keys": column.keys} for column in COLUMNS],
        "rows": [_row(row) for row in atlas.rows],
        "labels": {key: atlas.names.name(key) for key in _labels(atlas)},
        "systems": [_system(system) for system in atlas.systems],
        "datasets": [_dataset(dataset) for dataset in atlas.datasets],
        "graph": {
            "nodes": [
                {"id": node.id, "kind": node.kind, "key": node.key, "name": node.name, "declared": node.declared}
                for node in atlas.graph.nodes
            ],
            "arcs": [
                {"source": arc.source, "target": arc.target, "kind": arc.kind, "why": list(arc.why)}
                for arc in atlas.graph.arcs
            ],
        },
        "lineage": [_edge(edge) for edge in atlas.lineage.edges],
    }


def _row(row: Row) -> dict[str, Any]:
    use = row.use
    declaration = use.declaration
    return {
        "system": use.system.key if use.system else None,
        "declaration": declaration.name if declaration else None,
        "dataset": use.dataset_key or None,
        "use": declaration.use if declaration else None,
        "categories": list(use.categories),
        "subjects": list(use.subjects),
        "recipients": list(recipients(use)),
        "retention": retention(use),
        "legal_basis": declaration.legal_basis if declaration else "",
        "nodes": list(node_ids(use)),
        "cells": list(row.cells),
    }


def _labels(atlas: Atlas) -> list[str]:
    found = {key for row in atlas.rows for key in (*row.use.categories, *row.use.subjects)}
    found |= {row.use.declaration.use for row in atlas.rows if row.use.declaration}
    found |= {key for dataset in atlas.datasets for key in holds(dataset)}
    return sorted(found)


def _system(system: System) -> dict[str, Any]:
    return {
        "key": system.key,
        "name": system.name,
        "kind": system.kind,
        "description": system.description,
        "organization": system.organization,
        "datasets": list(system.datasets),
        "ingress": _flows(system.ingress),
        "egress": _flows(system.egress),
    }


def _flows(flows: Iterable[Flow]) -> list[dict[str, Any]]:
    return [{"key": flow.key, "kind": flow.kind, "categories": list(flow.categories)} for flow in flows]


def _dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        "key": dataset.key,
        "name": dataset.name,
        "description": dataset.description,
        "categories": list(holds(dataset)),
        "collections": [
            {
                "name": collection.name,
                "description": collection.description,
                "categories": list(collection.labels),
                "fields": [_field(path, field) for path, field in every_field(collection.fields)],
            }
            for collection in dataset.collections
        ],
    }


def _field(path: str, field: Field) -> dict[str, Any]:
    return {
        "name": path,
        "type": field_type(field),
        "categories": list(field.labels),
        "identity": field.native.identity,
        "primary_key": field.native.primary_key,
        "references": list(references(field)),
        "description": field.description,
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "source": _spot(edge.source),
        "target": _spot(edge.target),
        "job": edge.job,
        "direct": edge.direct,
        "masked": edge.masked,
    }


def _spot(spot: Spot) -> dict[str, str]:
    return {"dataset": spot.dataset, "table": spot.table, "field": spot.field}


PART = Export(name="json", about="Everything, for programs; a stable shape.", suffix=".json", write=write)
