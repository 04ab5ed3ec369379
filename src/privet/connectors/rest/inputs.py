"""From a question to requests: which of an endpoint's requests are made, and what fills their placeholders."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

from privet import codec
from privet.connectors.base import Read, Value
from privet.connectors.rest.merge import group_name, inputs
from privet.connectors.rest.words import Param, Request
from privet.errors import InvalidInput
from privet.vocabulary.dataset import Collection, Field, every_field

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_MOST_INTEGER = 1 << 63
_LONGEST = 8_000


@dataclass(frozen=True, slots=True)
class Round:
    """One filling of a request. `values`: by param. `given`: those of them that answers are told to hold, where they
    do not hold the field themselves: what was asked by reference."""

    values: Mapping[str, Value]
    given: Mapping[str, Value]


def usable(value: Value, field: Field | None) -> bool:
    """Return whether a system could hold a value in a field: text, numbers and the like, whole numbers where the field
    says so."""
    if value is None or isinstance(value, bool | bytes | bytearray | list | tuple | set | Mapping):
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(value, Decimal) and not value.is_finite():
        return False
    said = str(value)
    if not said or len(said) > _LONGEST:
        return False
    kind = field.native.data_type.removesuffix("[]") if field else ""
    if kind == "integer":
        return bool(_INTEGER.fullmatch(said)) and -_MOST_INTEGER <= int(said) < _MOST_INTEGER
    return True


def text_of(value: Value) -> str:
    """Return the form in which values compare."""
    return str(value)


def rounds(request: Request, ask: Read, identities: Mapping[str, Sequence[Value]]) -> Iterator[Round]:
    """Yield the fillings of a request for a question; none where it asks by nothing that the question holds.

    Placeholders of the path and the body are filled together: every value of one with every value of the others, save
    grouped ones, which come as they belong together. Of references in headers and query parameters each is asked by
    itself, and so are identities, beside them. Raises InvalidInput where a reference alone would ask for the records
    of others too: the request wants an identity beside it that nobody gives.
    """
    known = _Known(request, ask, identities)
    if not known.asked:
        return
    needed = known.holes(request, path_and_body=True)
    loose = [name for name in known.holes(request, path_and_body=False) if name not in needed]
    grouped = [name for name in request.grouped if name in known.params] if known.groups is not None else []
    singles = [name for name in needed if name not in grouped]
    if any(not known.values(name) for name in singles) and not request.skip_missing:
        known.demand(singles)
        return
    people = [name for name in loose if known.params[name].identity and name not in grouped]
    others = [name for name in loose if known.params[name].references and name not in grouped]
    if people and not any(known.values(name) for name in people):
        known.demand(people)
        return
    yield from _each(known, singles, [n for n in others if known.values(n)], [n for n in people if known.values(n)])


def _each(known: _Known, singles: list[str], others: list[str], people: list[str]) -> Iterator[Round]:
    fixed = [[(name, value) for value in known.values(name)] for name in singles if known.values(name)]
    either = [[(name, value) for name in names for value in known.values(name)] for names in (others, people) if names]
    for group in known.groups if known.groups is not None else [{}]:
        for chosen in product(*fixed, *either):
            values = {**group, **dict(chosen)}
            given = {name: value for name, value in values.items() if known.params[name].references}
            yield Round(values, given)


class _Known:
    """What a question says of the params of a request."""

    def __init__(self, request: Request, ask: Read, identities: Mapping[str, Sequence[Value]]) -> None:
        self.params = {param.name: param for param in inputs(request)}
        self.fields = {field.name: field for field in ask.collection.fields}
        self.at = request.at
        matches = {name: self.fit(ask.matches.get(name, ()), name) for name in self.params}
        self.groups = self.grouped(request, ask)
        self.asked = any(matches.values()) or bool(self.groups)
        self.by_reference = any(matches[name] for name, one in self.params.items() if one.references)
        self.found = {name: matches[name] or self.beside(one, identities) for name, one in self.params.items()}

    def fit(self, values: Sequence[Value], name: str) -> list[Value]:
        field = self.fields.get(name)
        return list({text_of(value): value for value in values if usable(value, field)}.values())

    def beside(self, param: Param, identities: Mapping[str, Sequence[Value]]) -> list[Value]:
        return self.fit(identities.get(param.identity, ()), param.name) if param.identity else []

    def grouped(self, request: Request, ask: Read) -> list[dict[str, Value]] | None:
        """Return grouped values as they belong together, None where the dataset has no such field."""
        name = group_name(request.grouped)
        if not request.grouped or name not in self.fields:
            return None
        out = []
        for said in ask.matches.get(name, ()):
            if isinstance(said, str) and len(said) <= _LONGEST:
                out.append(ungrouped(said, request.grouped))
        return [one for one in out if one]

    def values(self, name: str) -> list[Value]:
        return self.found.get(name, [])

    def holes(self, request: Request, *, path_and_body: bool) -> list[str]:
        """Return the params that path and body, or headers and query, are filled by, optional ones left out of the
        first."""
        if path_and_body:
            found = [*(request.path.holes if request.path else ()), *(request.raw.holes if request.raw else ())]
            found += request.body.holes if request.body else ()
            found += request.output.holes if request.output and request.path is None else ()
            names = [hole.name for hole in found if not hole.optional]
        else:
            names = [hole.name for pair in (*request.headers, *request.query) for hole in pair.value.holes]
        return [name for name in dict.fromkeys(names) if name in self.params]

    def demand(self, names: Sequence[str]) -> None:
        """Raise InvalidInput where something was asked by reference, but not who is meant."""
        lacking = [self.params[name].identity for name in names if self.params[name].identity and not self.values(name)]
        if self.by_reference and lacking:
            raise InvalidInput(f"the request wants the identity `{lacking[0]}` beside what it is asked by", at=self.at)


def together(row: Mapping[str, Any], paths: Mapping[str, str]) -> list[str]:
    """Return what a record holds for grouped inputs, each combination as one text.

    `paths`: param → dotted path. Paths through the same list stay within one of its elements.
    """
    found = _together(row, {name: tuple(path.split(".")) for name, path in paths.items()})
    return [codec.encode([one[name] for name in paths]).decode() for one in found if len(one) == len(paths)]


def _together(value: Any, paths: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [one for item in value for one in _together(item, paths)]
    done = {name: value for name, path in paths.items() if not path}
    if done:
        return [done] if usable(value, None) else []
    if not isinstance(value, Mapping):
        return []
    by_head: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, path in paths.items():
        by_head.setdefault(path[0], {})[name] = path[1:]
    parts = [_together(value.get(head), inner) for head, inner in by_head.items()]
    return [{key: one for part in chosen for key, one in part.items()} for chosen in product(*parts)]


def ungrouped(said: str, names: Sequence[str]) -> dict[str, Value]:
    """Return what `together` wrote, by param; nothing for other text."""
    try:
        found = codec.read_json(said.encode(), max_keys=0)
    except (InvalidInput, UnicodeEncodeError):
        return {}
    if not isinstance(found, list) or len(found) != len(names) or not all(usable(one, None) for one in found):
        return {}
    return dict(zip(names, found, strict=True))


def declared(collection: Collection) -> dict[str, Field]:
    """Return the fields of a collection by dotted path."""
    return dict(every_field(collection.fields))
