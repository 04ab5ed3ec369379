"""The description of the API in OpenAPI 3.1, made from the same rows as the routes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from privet import __version__
from privet.app.http.asks import Reader
from privet.app.http.paths import path_names
from privet.app.http.problems import Problem
from privet.app.identity.cookie import SESSION
from privet.app.services.files import Transfer
from privet.app.services.stream import Stream
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
_SCHEMES: dict[str, Any] = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, `pvt_…`."},
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A bearer token, `pvb_…`: what `sessions.exchange` gives for an assertion (RFC 7523).",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION,
        "description": "A person who signed in at `/v1/sign-in`. Changes need the header `Privet-CSRF`.",
    },
}
_FORM = "application/x-www-form-urlencoded"
_JSON, _NDJSON, _PROBLEM = "application/json", "application/x-ndjson", "application/problem+json"
_BYTES: dict[str, Any] = {"application/octet-stream": {}}  # OpenAPI 3.1: bytes have no schema
_FILE_LINES = (
    ("Privet-File-Name", "Its name, percent-encoded in UTF-8.", True, {"type": "string", "maxLength": 8192}),
    ("Privet-File-Type", "Its media type.", False, {"type": "string", "default": "application/octet-stream"}),
    ("Privet-File-Sha256", "Refuse any other content.", False, {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"}),
    ("Privet-File-Replace", "`false`: refuse where a file is stored.", False, {"type": "boolean", "default": True}),
)


def document(
    verbs: Sequence[Verb], streams: Sequence[Stream] = (), transfers: Sequence[Transfer] = ()
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these rows."""
    readers = {
        verb.name: Reader(verb.name, verb.method if verb.takes_body else "GET", verb.path, verb.ask, verb.max_keys)
        for verb in verbs
    }
    readers |= {flow.name: Reader(flow.name, "GET", flow.path, flow.ask, 0) for flow in streams}
    schemas, components = _schemas(
        readers.values(), [row.answer for rows in (verbs, streams, transfers) for row in rows]
    )
    paths: dict[str, dict[str, Any]] = {}
    for verb in verbs:
        told = _operation(verb, readers[verb.name], schemas)
        told["responses"] = _responses(verb.status, _JSON, schemas[verb.answer], schemas)
        if verb.changes:
            told["parameters"].append(_KEY)
        if verb.open:
            told["security"] = []
        if verb.form:
            content = told["requestBody"]["content"]
            content[_FORM] = content[_JSON]
        paths.setdefault(verb.path, {})[verb.method.lower()] = told
    for flow in streams:
        told = _operation(flow, readers[flow.name], schemas)
        told["responses"] = _responses(200, flow.media or _NDJSON, {} if flow.media else schemas[flow.answer], schemas)
        paths.setdefault(flow.path, {})["get"] = told
    for transfer in transfers:
        paths.setdefault(transfer.path, {})[transfer.method.lower()] = _transfer(transfer, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Privet", "version": __version__, "description": "A vault for personal data."},
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": _SCHEMES,
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


def _transfer(row: Transfer, schemas: dict[Any, Any]) -> dict[str, Any]:
    """Return the operation of a transfer: bytes in the body, what is said of them in header lines."""
    told: dict[str, Any] = {
        "operationId": row.name,
        "tags": [row.name.partition(".")[0]],
        "summary": row.about,
        "description": " ".join((row.ask.__doc__ or "").split()),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in path_names(row.path)
        ],
    }
    told["parameters"].append(_PURPOSE)
    if row.gives:
        told["responses"] = _responses(200, "*/*", {}, schemas)
        told["responses"]["200"]["headers"] = {
            "Content-Disposition": {"description": "The file's name (RFC 8187).", "schema": {"type": "string"}},
            "Privet-File-Sha256": {"description": "Of the whole file.", "schema": {"type": "string"}},
        }
        return told
    told["parameters"] += [
        {"name": name, "in": "header", "required": required, "description": about, "schema": schema}
        for name, about, required, schema in _FILE_LINES
    ]
    told["requestBody"] = {"required": True, "content": _BYTES}
    told["responses"] = _responses(200, _JSON, schemas[row.answer], schemas)
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
