"""The 24 columns of the data map that compliance teams know, and from which keys of a manifest each is read.

A cell is empty where the manifest says nothing, so that holes show. Nothing is concluded: a category of special kind
does not make an article 9 condition, nor a foreign recipient a transfer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from privet.manifest.atlas.names import Names, beside, flag_of, holds, inner, text_of, together
from privet.manifest.keys import RIGHTS
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.system import Declaration, Facts, Flow, System

_ARTICLE_6 = {
    "consent": "art. 6(1)(a)",
    "contract": "art. 6(1)(b)",
    "legal obligations": "art. 6(1)(c)",
    "vital interests": "art. 6(1)(d)",
    "public interest": "art. 6(1)(e)",
    "legitimate interests": "art. 6(1)(f)",
}
_DAY_SECONDS = 86_400
_NO_FACTS: Facts = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a row is about. No `system`: a dataset that nobody uses. No `declaration`: a system that holds the dataset,
    or declares nothing, without saying what for. `dataset_key`: also of a dataset that no file declares."""

    names: Names
    system: System | None = None
    declaration: Declaration | None = None
    dataset: Dataset | None = None
    dataset_key: str = ""

    @property
    def facts(self) -> Facts:
        """Return what else the system says."""
        return self.system.facts if self.system else _NO_FACTS

    @property
    def said(self) -> Facts:
        """Return what else the declaration says."""
        return self.declaration.facts if self.declaration else _NO_FACTS

    @property
    def stored(self) -> Facts:
        """Return the dataset as a file has it."""
        return self.names.said("dataset", self.dataset_key) if self.dataset_key else _NO_FACTS

    @property
    def custom_use(self) -> Facts:
        """Return the data use as the team's own file has it: older manifests say legal bases there."""
        return self.names.said("data_use", self.declaration.use) if self.declaration else _NO_FACTS

    @property
    def categories(self) -> tuple[str, ...]:
        """Return what is declared to be used; without a declaration, all that the dataset holds."""
        if self.declaration:
            return self.declaration.categories
        return holds(self.dataset) if self.dataset else ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """Return whom the data is about."""
        if self.declaration:
            return self.declaration.subjects
        about = (subject for table in (self.dataset.collections if self.dataset else ()) for subject in table.about)
        return tuple(dict.fromkeys(about))


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the data map. `keys`: the keys of manifests that it is read from, older ones in brackets."""

    title: str
    keys: str
    read: Callable[[Use], str]


def flows(system: System, declaration: Declaration | None, side: Literal["ingress", "egress"]) -> tuple[Flow, ...]:
    """Return the flows of a declaration: those that it names.

    Those of its system that no declaration names belong to the declarations that name none, to all where there is no
    such declaration.
    """
    found = {"ingress": system.ingress, "egress": system.egress}[side]
    if declaration is None:
        return found
    named = {id(each): each.ingress if side == "ingress" else each.egress for each in system.declarations}
    own = named.get(id(declaration), ())
    open_ones = [keys for keys in named.values() if not keys]
    claimed = {key for keys in named.values() for key in keys}
    takes_rest = not own or not open_ones
    return tuple(flow for flow in found if flow.key in own or (takes_rest and flow.key not in claimed))


# --- cells ------------------------------------------------------------------------------------------------------


def _purpose(use: Use) -> str:
    if use.declaration is None:
        return ""
    return ": ".join(filter(None, (use.names.label(use.declaration.use), use.declaration.name)))


def _joint(use: Use) -> str:
    return text_of(use.facts, "joint_controller_info", "joint_controller") or text_of(use.stored, "joint_controller")


def recipients(use: Use) -> tuple[str, ...]:
    """Return who gets data, in words: systems and people that it flows to, and third parties."""
    found = []
    if use.system is not None:
        for flow in flows(use.system, use.declaration, "egress"):
            if flow.kind == "system":
                found.append(use.names.titled("system", flow.key) + _what(use, flow.categories))
            elif flow.kind == "user":
                found.append("the people themselves" + _what(use, flow.categories))
    if third := third_party(use.said):
        found.append(third + _what(use, _keys(use.said, "shared_categories")))
    older = text_of(use.custom_use, "recipients")
    return tuple(dict.fromkeys((*found, older) if older else found))


def third_party(said: Facts) -> str:
    """Return the third parties of a declaration's facts, "" where it shares with none or does not say."""
    named = text_of(said, "third_parties")
    if named:
        return f"third parties: {named}"
    return "third parties, not named" if said.get("data_shared_with_third_parties") is True else ""


def _what(use: Use, categories: Iterable[str]) -> str:
    named = ", ".join(use.names.name(key) for key in categories)
    return f" [{named}]" if named else ""


def _keys(said: Facts, key: str) -> tuple[str, ...]:
    found = said.get(key)
    return tuple(str(item) for item in found) if isinstance(found, list | tuple) else ()


def _transfers(use: Use) -> str:
    flag = flag_of(use.facts, "does_international_transfers")
    countries = together(
        (text_of(use.facts, "third_country_transfers"), text_of(use.stored, "third_country_transfers"))
    )
    return f"yes: {countries}" if countries else flag


def retention(use: Use) -> str:
    """Return how long data is kept: as declared, else as the dataset says or its tables expire."""
    said = text_of({"declared": use.declaration.retention if use.declaration else ""}, "declared")
    if said or use.dataset is None:
        return said
    ends = (
        f"{table.name}: {_span(table.ttl_seconds)} after it was written"
        for table in use.dataset.collections
        if table.ttl_seconds
    )
    return text_of(use.stored, "retention") or together(ends)


def _span(seconds: int) -> str:
    for size, word in ((_DAY_SECONDS, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds % size == 0:
            return f"{seconds // size:,} {word}"
    return f"{seconds:,} seconds"


def _security(use: Use) -> str:
    policy = text_of(use.names.said("organization", use.system.organization), "security_policy") if use.system else ""
    return together((text_of(use.facts, "data_security_practices"), policy))


def _basis(use: Use) -> str:
    basis = use.declaration.legal_basis if use.declaration else ""
    basis = basis or text_of(use.custom_use, "legal_basis")
    return beside(basis, _ARTICLE_6[basis.lower()]) if basis.lower() in _ARTICLE_6 else basis


def _special(use: Use) -> str:
    found = text_of(use.said, "special_category_legal_basis") or text_of(use.custom_use, "special_category")
    if not found and use.said.get("processes_special_category_data") is True:
        return "special categories, condition not declared"
    return found


def _interests(use: Use) -> str:
    link = text_of(use.facts, "legitimate_interest_disclosure_url")
    if _basis(use).lower().startswith("legitimate interest"):
        return link or "yes, not described"
    return flag_of(use.custom_use, "legitimate_interest")


def _rights(use: Use) -> str:
    return together(_rights_of(use, subject) for subject in use.subjects)


def _rights_of(use: Use, subject: str) -> str:
    rights = inner(use.names.said("data_subject", subject), "rights")
    named = _keys(rights, "values")
    kept = {
        "ALL": RIGHTS,
        "INCLUDE": tuple(right for right in RIGHTS if right in named),
        "EXCLUDE": tuple(right for right in RIGHTS if right not in named),
        "NONE": ("none",),
    }.get(str(rights.get("strategy", "")), ())
    return f"{use.names.name(subject)}: {', '.join(kept)}" if kept else ""


def _automated(use: Use) -> str:
    profiling = flag_of(use.facts, "uses_profiling")
    basis = text_of(use.facts, "legal_basis_for_profiling")
    subjects = [
        f"{use.names.name(key)}: {flag}"
        for key in use.subjects
        if (flag := flag_of(use.names.said("data_subject", key), "automated_decisions_or_profiling"))
    ]
    return together((f"yes: {basis}" if basis else profiling, *subjects))


def _sources(use: Use) -> str:
    if use.system is None:
        return ""
    found = flows(use.system, use.declaration, "ingress")
    return together(
        "the people themselves" if flow.kind == "user" else use.names.titled(flow.kind, flow.key) for flow in found
    )


def _older_assessment(use: Use) -> Facts:
    return inner(use.facts, "data_protection_impact_assessment")


COLUMNS: tuple[Column, ...] = (
    Column(
        title="Fides Dataset",
        keys="dataset: fides_key, name",
        read=lambda use: use.names.titled("dataset", use.dataset_key) if use.dataset_key else "",
    ),
    Column(
        title="Fides System",
        keys="system: fides_key, name",
        read=lambda use: use.names.titled("system", use.system.key) if use.system else "",
    ),
    Column(
        title="Department or Business Function",
        keys="system: administrating_department",
        read=lambda use: text_of(use.facts, "administrating_department"),
    ),
    Column(title="Purpose of Processing", keys="declaration: data_use, name", read=_purpose),
    Column(
        title="Joint Controller",
        keys="system: joint_controller_info [joint_controller]; [dataset: joint_controller]",
        read=_joint,
    ),
    Column(
        title="Categories of Individuals",
        keys="declaration: data_subjects",
        read=lambda use: use.names.labels(use.subjects),
    ),
    Column(
        title="Categories of Personal Data (Fides Taxonomy)",
        keys="declaration: data_categories; without a declaration, dataset, collections, fields: data_categories",
        read=lambda use: use.names.labels(use.categories),
    ),
    Column(
        title="Categories of Recipients",
        keys="system: egress; declaration: egress, third_parties, data_shared_with_third_parties, shared_categories; "
        "[data_use: recipients]",
        read=lambda use: together(recipients(use)),
    ),
    Column(
        title="Link to Contract with Processor",
        keys="[system: link_to_processor_contract]",
        read=lambda use: text_of(use.facts, "link_to_processor_contract"),
    ),
    Column(
        title="Third Country Transfers",
        keys="system: does_international_transfers [third_country_transfers]; [dataset: third_country_transfers]",
        read=_transfers,
    ),
    Column(
        title="Safeguards for Exceptional Transfers",
        keys="system: legal_basis_for_transfers [third_country_safeguards]",
        read=lambda use: text_of(use.facts, "legal_basis_for_transfers", "third_country_safeguards"),
    ),
    Column(
        title="Retention Schedule",
        keys="declaration: retention_period; [dataset: retention]; of a vault's tables, when their records expire",
        read=retention,
    ),
    Column(
        title="General Description of Security Measures",
        keys="system: data_security_practices; organization: security_policy",
        read=_security,
    ),
    Column(
        title="Role or Responsibility",
        keys="system: responsibility [data_responsibility_title]",
        read=lambda use: text_of(use.facts, "responsibility", "data_responsibility_title"),
    ),
    Column(
        title="Art. 6 lawful basis",
        keys="declaration: legal_basis_for_processing; [data_use: legal_basis]",
        read=_basis,
    ),
    Column(
        title="Art. 9 condition",
        keys="declaration: special_category_legal_basis, processes_special_category_data; [data_use: special_category]",
        read=_special,
    ),
    Column(
        title="Legitimate interests",
        keys="system: legitimate_interest_disclosure_url; declaration: legal_basis_for_processing; "
        "[data_use: legitimate_interest]",
        read=_interests,
    ),
    Column(
        title="Link to LIA record",
        keys="declaration: impact_assessment_location; [data_use: legitimate_interest_impact_assessment]",
        read=lambda use: (
            text_of(use.said, "impact_assessment_location")
            or text_of(use.custom_use, "legitimate_interest_impact_assessment")
        ),
    ),
    Column(title="Rights available to individuals", keys="data_subject: rights", read=_rights),
    Column(
        title="Automated decision-making/profiling",
        keys="system: uses_profiling, legal_basis_for_profiling; data_subject: automated_decisions_or_profiling",
        read=_automated,
    ),
    Column(title="Source of the personal data", keys="system, declaration: ingress", read=_sources),
    Column(
        title="DPIA required?",
        keys="system: requires_data_protection_assessments [data_protection_impact_assessment: is_required]",
        read=lambda use: (
            flag_of(use.facts, "requires_data_protection_assessments") or flag_of(_older_assessment(use), "is_required")
        ),
    ),
    Column(
        title="DPIA progress",
        keys="system: dpa_progress [data_protection_impact_assessment: progress]",
        read=lambda use: text_of(use.facts, "dpa_progress") or text_of(_older_assessment(use), "progress"),
    ),
    Column(
        title="Link to DPIA",
        keys="system: dpa_location [data_protection_impact_assessment: link]",
        read=lambda use: text_of(use.facts, "dpa_location") or text_of(_older_assessment(use), "link"),
    ),
)
"""The columns, in the order of the export that Fides had."""

TITLES: tuple[str, ...] = tuple(column.title for column in COLUMNS)
