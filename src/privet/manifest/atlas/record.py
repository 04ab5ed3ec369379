"""The record of processing activities that article 30 GDPR asks of controllers (1) and of processors (2).

An entry is one declared use by one system. What nobody declared stands there as NOT_DECLARED, so that it shows. Which
of two roles an organization has is not concluded: a system whose role nobody declared is listed as a controller's,
and its role as missing. A record that is complete here may still be wrong; this is no legal advice.
Source: Regulation (EU) 2016/679, article 30(1)(a)-(g) and 30(2)(a)-(d).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from privet.manifest.atlas.names import flag_of, inner, text_of, together
from privet.manifest.atlas.rows import Row
from privet.manifest.atlas.whole import Atlas
from privet.manifest.resources import Organization
from privet.vocabulary.system import System

NOT_DECLARED = "not declared"
Part = Literal["controller", "processor"]

CONTROLLER: tuple[tuple[str, str], ...] = (
    ("", "System"),
    ("(a)", "Joint controllers"),
    ("(b)", "Purposes of the processing"),
    ("(c)", "Categories of data subjects"),
    ("(c)", "Categories of personal data"),
    ("(d)", "Categories of recipients"),
    ("(e)", "Transfers to third countries"),
    ("(e)", "Safeguards of transfers"),
    ("(f)", "Time limits for erasure"),
    ("(g)", "Security measures"),
)
"""Letter of article 30(1) and title of each cell of a controller's entry."""

PROCESSOR: tuple[tuple[str, str], ...] = (
    ("", "System"),
    ("(a)", "Controllers acted for"),
    ("(b)", "Categories of processing"),
    ("(c)", "Transfers to third countries"),
    ("(c)", "Safeguards of transfers"),
    ("(d)", "Security measures"),
)
"""Letter of article 30(2) and title of each cell of a processor's entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One processing activity. `cells`: under CONTROLLER or PROCESSOR. `holes`: titles of what is not declared."""

    part: Part
    system: str
    cells: tuple[str, ...]
    holes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One organization's record. `contacts`: (title, text) of article 30(1)(a), 30(2)(a). `left_out`: systems that are
    not in it, with why, as they are declared to be."""

    organization: Organization
    contacts: tuple[tuple[str, str], ...]
    entries: tuple[Entry, ...]
    left_out: tuple[tuple[str, str], ...] = field(default=())


def records(atlas: Atlas) -> tuple[Record, ...]:
    """Return the record of each organization of a map."""
    return tuple(_record(atlas, organization) for organization in atlas.organizations)


def titles(part: Part) -> tuple[tuple[str, str], ...]:
    """Return letters and titles of the cells of a part."""
    return CONTROLLER if part == "controller" else PROCESSOR


def _record(atlas: Atlas, organization: Organization) -> Record:
    systems = [system for system in atlas.systems if system.organization == organization.key]
    out = {system.key: why for system in systems if (why := _why_not(system))}
    grouped: dict[tuple[str, int], list[Row]] = {}
    for row in atlas.rows:
        system, declaration = row.use.system, row.use.declaration
        if system is None or system.organization != organization.key or system.key in out:
            continue
        if declaration is not None or not system.declarations:
            grouped.setdefault((system.key, id(declaration)), []).append(row)
    entries = [entry for rows in grouped.values() for entry in _entries(rows)]
    return Record(
        organization=organization,
        contacts=_contacts(organization),
        entries=tuple(entries),
        left_out=tuple((atlas.names.titled("system", key), why) for key, why in out.items()),
    )


def _why_not(system: System) -> str:
    if flag_of(system.facts, "processes_personal_data") == "no":
        return "declared to process no personal data"
    if flag_of(system.facts, "exempt_from_privacy_regulations") == "yes":
        reason = text_of(system.facts, "reason_for_exemption")
        return f"declared exempt: {reason or NOT_DECLARED}"
    return ""


def _contacts(organization: Organization) -> tuple[tuple[str, str], ...]:
    named = (
        ("Organization", "controller"),
        ("Representative, if there is one", "representative"),
        ("Data protection officer, if there is one", "data_protection_officer"),
    )
    return tuple((title, _contact(organization, key)) for title, key in named)


def _contact(organization: Organization, key: str) -> str:
    said = inner(organization.facts, key)
    found = [text_of(said, part) for part in ("name", "address", "email", "phone")]
    return ", ".join(filter(None, found)) or NOT_DECLARED


def _entries(rows: Sequence[Row]) -> Iterable[Entry]:
    system = rows[0].use.system
    roles = _cell(rows, "Role or Responsibility").lower()
    acts_for_others = "processor" in roles
    if not acts_for_others or "controller" in roles:
        yield _entry("controller", system, _controller(rows), role_missing=not roles)
    if acts_for_others:
        yield _entry("processor", system, _processor(rows), role_missing=False)


def _entry(part: Part, system: System | None, cells: tuple[str, ...], *, role_missing: bool) -> Entry:
    holes = [title for (_, title), cell in zip(titles(part), cells, strict=True) if NOT_DECLARED in cell]
    return Entry(
        part=part,
        system=system.key if system else "",
        cells=cells,
        holes=tuple(holes + ["Role or responsibility"] * role_missing),
    )


def _controller(rows: Sequence[Row]) -> tuple[str, ...]:
    transfers, safeguards = _transfers(rows)
    return (
        _cell(rows, "Fides System"),
        _cell(rows, "Joint Controller") or "none declared",
        _cell(rows, "Purpose of Processing") or NOT_DECLARED,
        _cell(rows, "Categories of Individuals") or NOT_DECLARED,
        _cell(rows, "Categories of Personal Data (Fides Taxonomy)") or NOT_DECLARED,
        _recipients(rows),
        transfers,
        safeguards,
        _cell(rows, "Retention Schedule") or NOT_DECLARED,
        _cell(rows, "General Description of Security Measures") or NOT_DECLARED,
    )


def _processor(rows: Sequence[Row]) -> tuple[str, ...]:
    system = rows[0].use.system
    ours = inner(inner(system.facts if system else {}, "meta"), "privet")
    transfers, safeguards = _transfers(rows)
    return (
        _cell(rows, "Fides System"),
        text_of(ours, "controllers") or NOT_DECLARED,
        _cell(rows, "Purpose of Processing") or NOT_DECLARED,
        transfers,
        safeguards,
        _cell(rows, "General Description of Security Measures") or NOT_DECLARED,
    )


def _recipients(rows: Sequence[Row]) -> str:
    shared = {flag_of(row.use.said, "data_shared_with_third_parties") for row in rows}
    found = _cell(rows, "Categories of Recipients")
    if found:
        return found
    # A declaration that shares with nobody says so; one that is silent leaves it open.
    return "none" if shared == {"no"} else NOT_DECLARED


def _transfers(rows: Sequence[Row]) -> tuple[str, str]:
    found = _cell(rows, "Third Country Transfers")
    if found == "no":
        return "none", "none needed"
    countries = NOT_DECLARED if not found else found.removeprefix("yes: ")
    if found == "yes":
        countries = "yes; which countries is not declared"
    return countries, _cell(rows, "Safeguards for Exceptional Transfers") or NOT_DECLARED


def _cell(rows: Sequence[Row], title: str) -> str:
    return together(row.cell(title) for row in rows)
