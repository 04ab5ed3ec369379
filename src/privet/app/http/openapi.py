"""The description of the API in OpenAPI 3.1, made from the same rows as the routes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from privet import __version__
from privet.app.http.asks import Reader
from privet.app.http.problems import Problem
from privet.app.services.export import Stream
from privet.app.services.verb import Verb

REF = "#/components/schemas/{name}"
_PURPOSE = {
    "name": "Privet-Purpose",
    "in": "header",
    "description": "The data use that this call is for.",
    "schema": {"type": "string", "maxLength": 255},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes the call safe to send again: with the same key and body it is carried out once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_JSON, _NDJSON, _PROBLEM = "application/json", "application/x-ndjson", "application/problem+json"


def document(verbs: Sequence[Verb], streams: Sequence[Stream] = ()) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these rows."""
    readers = {verb.name: Reader(verb.name, verb.method, verb.path, verb.ask, verb.max_keys) for verb in verbs}
    readers |= {flow.name: Reader(flow.name, "GET", flow.path, flow.ask, 0) for flow in streams}
    schemas, components = _schemas(
        readers.values(), [*(verb.answer for verb in verbs), *(flow.answer for flow in streams)]
    )
    paths: dict[str, dict[str, Any]] = {}
    for verb in verbs:
        told = _operation(verb, readers[verb.name], schemas)
        told["responses"] = _responses(verb.status, _JSON, schemas[verb.answer], schemas)
        if verb.changes:
            told["parameters"].append(_KEY)
        if verb.open:
            told["security"] = []
        paths.setdefault(verb.path, {})[verb.method.lower()] = told
    for flow in streams:
        told = _operation(flow, readers[flow.name], schemas)
        told["responses"] = _responses(200, _NDJSON, schemas[flow.answer], schemas)
        paths.setdefault(flow.path, {})["get"] = told
    return {
        "openapi": "3.1.0",
        "info": {"title": "Privet", "version": __version__, "description": "A vault for personal data."},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key, `pvt_…`."}},
        },
    }


def _schemas(readers: Iterable[Reader], answers: list[type]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """Return (type → schema or reference, the schemas that references name)."""
    kinds: list[Any] = [Problem, *dict.fromkeys(answers)]
    kinds += [reader.body_type for reader in readers if reader.body_type is not None]
    found, components = msgspec.json.schema_components(kinds, ref_template=REF)
    return dict(zip(kinds, found, strict=True)), components


def _operation(row: Verb | Stream, reader: Reader, schemas: dict[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": row.name,
        "tags": [row.name.partition(".")[0]],
        "summary": row.about,
        "description": " ".join((row.ask.__doc__ or "").split()),
        "parameters": [*_places("path", reader.path_type), *_places("query", reader.query_type), _PURPOSE],
    }
    if reader.body_type is not None:
        needed = any(field.required for field in msgspec.structs.fields(reader.body_type))
        told["requestBody"] = {"required": needed, "content": {_JSON: {"schema": schemas[reader.body_type]}}}
    return told


def _places(place: str, kind: type[msgspec.Struct] | None) -> list[dict[str, Any]]:
    if kind is None:
        return []
    fields = msgspec.structs.fields(kind)
    found = []
    for field in fields:
        schema = msgspec.json.schema(field.type, ref_template=REF)
        if not field.required and field.default is not msgspec.NODEFAULT:
            schema["default"] = msgspec.to_builtins(field.default)
        found.append({"name": field.encode_name, "in": place, "required": field.required, "schema": schema})
    return found


def _responses(status: int, media: str, schema: Any, schemas: dict[Any, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "What was asked for."}
    if status != 204:
        answer["content"] = {media: {"schema": schema}}
    failed = {"description": "A problem.", "content": {_PROBLEM: {"schema": schemas[Problem]}}}
    return {str(status): answer, "default": failed}
