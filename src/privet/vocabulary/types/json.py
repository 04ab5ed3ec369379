"""json: any JSON value."""

from __future__ import annotations

import json

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire

LARGEST_BYTES = 1 << 20
DEEPEST = 64


def normalize(value: Wire) -> str:
    """Return JSON text with sorted keys and no spaces, at most 1 MiB and 64 levels deep.

    Text that is JSON is read as JSON, so that files and forms can carry it; any other text is a string. A string
    that happens to be JSON, such as the digits 42, must therefore be sent in its quotes.
    Raises InvalidValue on NaN and infinities, on a key that comes twice and on lone surrogates. Source: RFC 8259.
    """
    held = _read(value) if isinstance(value, str) else value
    _measure(held)
    try:
        text = json.dumps(held, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidValue("expected text without lone surrogates", type_name="json") from None
    except (TypeError, ValueError):
        # Neither message is repeated: both may quote what was sent.
        raise InvalidValue("expected JSON: finite numbers, and text as keys", type_name="json") from None
    if size > LARGEST_BYTES:
        raise InvalidValue("expected at most 1 MiB", type_name="json")
    return text


def _read(text: str) -> Wire:
    if len(text) > LARGEST_BYTES:
        raise InvalidValue("expected at most 1 MiB", type_name="json")
    try:
        held: Wire = json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise InvalidValue(f"expected at most {DEEPEST} levels", type_name="json") from None
    except ValueError:
        return text
    return held


def _unique(pairs: list[tuple[str, Wire]]) -> dict[str, Wire]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidValue("expected each key once", type_name="json")
    return found


def _measure(value: Wire) -> None:
    """Raise InvalidValue above 64 lists and objects in each other. Goes level by level, so no depth overflows it."""
    level = _inner([value])
    for _ in range(DEEPEST):
        if not level:
            return
        level = _inner([inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)])
    if level:
        raise InvalidValue(f"expected at most {DEEPEST} levels", type_name="json")


def _inner(values: list[Wire]) -> list[list[Wire] | dict[str, Wire]]:
    return [value for value in values if isinstance(value, list | dict)]


def present(text: str) -> Wire:
    """Return the value that the text holds."""
    held: Wire = json.loads(text)
    return held


PART = DataType(
    name="json",
    about="Any JSON value.",
    category="user",
    normalize=normalize,
    present=present,
    sources=("RFC 8259", "RFC 8785, section 3.2.3: sorted members (here by code point)"),
    indexes=(),
    redactions=("redacted", "plain_text"),
    token="none",
    pad_bytes=256,
    example='{"plan":"basic"}',
)
