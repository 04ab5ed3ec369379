"""The JSON schema of a manifest, for editors: completes keys, shows what they mean, marks what the loader would."""

from __future__ import annotations

from typing import Any

from privet.manifest.keys import DATA_TYPES, GONE, SHAPES, TYPES, Key, Shape

_TEXT = {"type": ["string", "number"]}  # numbers become text
_FIDES_KEY = {"type": ["string", "number"], "pattern": "^[a-zA-Z0-9_.<>-]+$"}
_PATH = {"type": "string", "pattern": r"^[a-zA-Z0-9_<>-]+\.[a-zA-Z0-9_<>-]+$"}
_KINDS: dict[str, dict[str, Any]] = {
    "text": _TEXT,
    "key": _FIDES_KEY,
    "path": _PATH,
    "flag": {"type": "boolean"},
    "number": {"type": "integer"},
    "texts": {"type": "array", "items": _TEXT},
    "keys": {"type": "array", "items": _FIDES_KEY},
    "paths": {"type": "array", "items": _PATH},
    "mapping": {"type": "object"},
    "mappings": {"type": ["object", "array"]},
    "any": {},
}


def json_schema() -> dict[str, Any]:
    """Return the schema, as JSON Schema 2020-12 has it.

    It is stricter than the loader in one way, as an editor should be: flags are `true` or `false` and nothing else.
    """
    types = {name: {"type": ["array", "null"], "items": _ref(name)} for name in TYPES}
    gone = {
        name: {"deprecated": True, "description": f"Of older releases: {instead}."} for name, instead in GONE.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A manifest of Privet or Fides",
        "type": "object",
        "properties": {**types, **gone},
        "additionalProperties": False,
        "$defs": {name: _shape(shape) for name, shape in SHAPES.items()},
    }


def _ref(shape: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{shape}"}


def _shape(shape: Shape) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "object",
        "properties": {name: _key(name, key) for name, key in shape.items()},
        "additionalProperties": False,
    }
    former = {key.stands_for: name for name, key in shape.items() if key.stands_for}
    required = [name for name, key in shape.items() if key.required]
    plain = [name for name in required if name not in former]
    if plain:
        found["required"] = plain
    either = [{"anyOf": [{"required": [name]}, {"required": [former[name]]}]} for name in required if name in former]
    if either:
        found["allOf"] = either
    return found


def _key(name: str, key: Key) -> dict[str, Any]:
    found = _value(name, key)
    if not key.required and "type" in found:
        found["type"] = [*([found["type"]] if isinstance(found["type"], str) else found["type"]), "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    elif not key.required and "$ref" in found:
        found = {"anyOf": [found, {"type": "null"}]}
    if key.about:
        found["description"] = key.about
    if key.gone or key.stands_for:
        found["deprecated"] = True
    return found


def _value(name: str, key: Key) -> dict[str, Any]:
    if key.kind == "one":
        return _ref(key.shape)
    if key.kind == "many":
        return {"type": "array", "items": _ref(key.shape)}
    if name == "data_type":
        return {"type": "string", "enum": [*DATA_TYPES, *(f"{word}[]" for word in DATA_TYPES)]}
    found = dict(_KINDS[key.kind])
    if key.words and key.kind == "texts":
        found["items"] = {"type": "string", "enum": list(key.words)}
    elif key.words:
        found |= {"type": "string", "enum": list(key.words)}
    if key.least is not None:
        found["minimum"] = key.least
    return found
