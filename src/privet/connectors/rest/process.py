"""From an answer to records: where they stand in it, and what post-processors make of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from privet.connectors.base import Value
from privet.connectors.rest.words import Step, at_path
from privet.errors import InvalidInput

Row = dict[str, Any]


def rows(
    value: Any, data_path: tuple[str, ...], steps: Iterable[Step], identities: Mapping[str, Sequence[Value]]
) -> list[Row]:
    """Return the records in an answer. Raises InvalidInput where something else stands in their place.

    A filter by an identity keeps what holds any of its values, and nothing where none is known.
    """
    found = at_path(value, data_path) if data_path else value
    for step in steps:
        if step.kind == "unwrap":
            found = _unwrapped(found, step)
        elif step.kind == "filter":
            found = _filtered(found, step, identities)
    return _listed(found)


def _listed(found: Any) -> list[Row]:
    if found is None:
        return []
    listed = found if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) for item in listed):
        raise InvalidInput("expected objects where the connector's file says that records stand")
    return [item for item in listed if item]


def _unwrapped(found: Any, step: Step) -> Any:
    if isinstance(found, list):  # each of several: what they hold, in a row
        inner = [at_path(item, step.path) for item in found]
        return [one for item in inner for one in (item if isinstance(item, list) else [item]) if one is not None]
    return at_path(found, step.path)


def _filtered(found: Any, step: Step, identities: Mapping[str, Sequence[Value]]) -> Any:
    wanted = [str(value) for value in identities.get(step.identity, ())] if step.identity else [step.value]
    if isinstance(found, list):
        return [item for item in found if _matches(at_path(item, step.path), wanted, step)]
    return found if _matches(at_path(found, step.path), wanted, step) else []


def _matches(held: Any, wanted: Sequence[str], step: Step) -> bool:
    texts = [_text(item) for item in (held if isinstance(held, list) else [held]) if item is not None]
    if not step.case_sensitive:
        texts, wanted = [text.casefold() for text in texts], [text.casefold() for text in wanted]
    if step.exact:
        return any(text == want for text in texts for want in wanted)
    return any(want in text for text in texts for want in wanted if want)


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
