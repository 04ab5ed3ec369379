"""A stored file: name, media type, size, hash. Its content is kept elsewhere. Not a part of the shelf."""

from __future__ import annotations

import json
import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import Part, Wire
from privet.vocabulary.types._text import clean

_SHA_256 = re.compile(r"[0-9a-f]{64}")
# RFC 6838, section 4.2: names of media types; parameters are left out.
_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&\-^_.+]{0,126}/[a-z0-9][a-z0-9!#$&\-^_.+]{0,126}")
_KEYS = {"name", "mime", "size", "sha256"}
_LARGEST_BYTES = 1 << 50


def normalize(value: Wire, type_name: str, kinds: tuple[str, ...] = ()) -> str:
    """Return the JSON text of {mime, name, sha256, size}, keys in that order.

    Takes that text, or the object with exactly those keys. `kinds`: the top-level media types that fit, each with
    its slash; empty for all.
    """
    held = _object(value, type_name)
    if set(held) != _KEYS:
        raise InvalidValue("expected an object of `name`, `mime`, `size` and `sha256`", type_name=type_name)
    mime = _mime(held["mime"], type_name)
    if kinds and not mime.startswith(kinds):
        raise InvalidValue("expected a media type of " + ", ".join(kinds), type_name=type_name)
    kept = {
        "mime": mime,
        "name": _name(held["name"], type_name),
        "sha256": _sha_256(held["sha256"], type_name),
        "size": _size(held["size"], type_name),
    }
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


def present(text: str) -> Wire:
    """Return the object."""
    held: Wire = json.loads(text)
    return held


def masked(text: str) -> str:
    """Return the media type and size, without name and hash."""
    return f"{_field(text, 'mime')}, {_field(text, 'size')} bytes"


def parts() -> tuple[Part, ...]:
    """Return the parts of a file: its hash and its media type."""
    return (
        Part(
            name="hash",
            about="The SHA-256 digest of the content, in hexadecimal.",
            of=lambda text: _field(text, "sha256"),
            fix=lambda literal: _sha_256(literal, ""),
        ),
        Part(
            name="mime",
            about="The media type.",
            of=lambda text: _field(text, "mime"),
            fix=lambda literal: _mime(literal, ""),
            few=True,
        ),
    )


def _object(value: Wire, type_name: str) -> dict[str, Wire]:
    held = value
    if isinstance(value, str) and len(value) < 4096:
        try:
            held = json.loads(value)
        except (ValueError, RecursionError):
            raise InvalidValue("expected an object", type_name=type_name) from None
    if not isinstance(held, dict):
        raise InvalidValue("expected an object", type_name=type_name)
    return held


def _name(value: Wire, type_name: str) -> str:
    name = clean(value, type_name, 255)
    if name in (".", "..") or "/" in name or "\\" in name:
        raise InvalidValue("expected a file name without folders", type_name=type_name)
    return name


def _mime(value: Wire, type_name: str) -> str:
    text = clean(value, type_name, 255).lower()
    if not _MIME.fullmatch(text):
        raise InvalidValue("expected a media type such as image/png", type_name=type_name)
    return text


def _size(value: Wire, type_name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST_BYTES:
        raise InvalidValue("expected a size as a whole number of bytes", type_name=type_name)
    return value


def _sha_256(value: Wire, type_name: str) -> str:
    text = value.strip().lower() if isinstance(value, str) and len(value) < 100 else ""
    if not _SHA_256.fullmatch(text):
        raise InvalidValue("expected a SHA-256 digest of 64 hexadecimal digits", type_name=type_name)
    return text


def _field(text: str, name: str) -> str:
    held: dict[str, Wire] = json.loads(text)
    return str(held[name])
