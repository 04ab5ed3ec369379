"""Laws on personal data, a row each: what they ask of manifests, deadlines and notices. None of it is legal advice.

Rows stand in `data/laws.yaml`, each with its source. Whether a law applies to anybody is for people to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from privet.errors import UnknownName
from privet.near import meant

Need = Literal["legal_basis", "special_category_basis", "sensitive_consent", "subjects", "retention", "transfer_basis"]
Right = Literal["access", "rectification", "erasure", "restriction", "portability", "objection", "opt_out"]
Unit = Literal["days", "business days", "months"]
NEEDS: tuple[Need, ...] = get_args(Need)
RIGHTS: tuple[Right, ...] = get_args(Right)


@dataclass(frozen=True, slots=True)
class Period:
    """A time that a law gives, as it says it: calendar days, business days or months."""

    count: int
    unit: Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How long an answer to a request under some rights may take. None: the law names no period. `extend`: by how much
    more, in the same unit and counted from receipt, with a notice. `acknowledge`: until when receipt is confirmed.
    `source`: the provisions."""

    rights: tuple[Right, ...]
    source: str
    within: Period | None = None
    extend: Period | None = None
    acknowledge: Period | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """One law. `region`: ISO 3166 code, or EU. `since`: in force from. `needs`: what a declaration must say → the
    provision. `signal`: since when a browser's opt-out signal binds, None where it does not. `moves`: the provision by
    which a last day that is no working day moves to the next, "" where it stays. `sector`: of the one sector that it is
    for, "" for all; whether an organization is of it, only that can say."""

    key: str
    name: str
    region: str
    since: date
    source: str
    url: str
    needs: dict[Need, str]
    requests: tuple[Request, ...]
    signal: date | None = None
    moves: str = ""
    sector: str = ""

    def request(self, right: Right) -> Request | None:
        """Return what the law says of requests under a right, None where it has no such right."""
        return next((request for request in self.requests if right in request.rights), None)


def laws() -> tuple[Law, ...]:
    """Return every law, in the order of the file."""
    return tuple(_laws().values())


def law(key: str) -> Law:
    """Return the law of a key. Raises UnknownName, with the nearest keys as a hint."""
    found = _laws().get(key)
    if found is None:
        hint = meant(key, _laws(), most=2, otherwise="see `privet laws`")
        raise UnknownName("there is no law of that key", hint=hint)
    return found


@cache
def _laws() -> dict[str, Law]:
    import yaml  # slow to import, and few checks are about laws

    text = Path(__file__).with_name("data").joinpath("laws.yaml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = yaml.load(text, Loader=yaml.CSafeLoader)
    return {row["key"]: _law(row) for row in rows}


def _law(row: dict[str, Any]) -> Law:
    requests = tuple(_request(request) for request in row["requests"])
    return Law(**{**row, "requests": requests, "needs": dict(row["needs"])})


def _request(row: dict[str, Any]) -> Request:
    said = {word: _period(row[word]) for word in ("within", "extend", "acknowledge") if word in row}
    return Request(rights=tuple(row["rights"]), source=row["source"], **said)


def _period(text: str) -> Period:
    count, _, unit = text.partition(" ")
    plural = unit if unit.endswith("s") else f"{unit}s"
    found: dict[str, Unit] = {"days": "days", "business days": "business days", "months": "months"}
    return Period(int(count), found[plural])
