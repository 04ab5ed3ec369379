"""Resources as read, made into the words of the vocabulary: datasets, systems, policies, organizations, labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from privet.codec import Node
from privet.manifest.fields import collection, dataset, field, masking
from privet.manifest.resources import FidesPolicy, FidesRule, Match, Organization
from privet.manifest.shape import Maker, Reader, Values
from privet.vocabulary.access import Purpose
from privet.vocabulary.system import Declaration, Flow, System
from privet.vocabulary.taxonomy import Kind, Label

_VERSION = re.compile(r"\d{1,6}(?:\.\d{1,6})*")

_SYSTEM = frozenset(
    {
        "fides_key",
        "name",
        "system_type",
        "description",
        "organization_fides_key",
        "dataset_references",
        "ingress",
        "egress",
        "privacy_declarations",
    }
)
_DECLARATION = frozenset(
    {
        "name",
        "data_categories",
        "data_use",
        "data_subjects",
        "dataset_references",
        "ingress",
        "egress",
        "legal_basis_for_processing",
        "retention_period",
        "privet",
    }
)
_ORGANIZATION = frozenset({"fides_key", "name", "description"})


def _rest(values: Values, taken: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in taken}


def flow(reader: Reader, node: Node, values: Values) -> Flow | None:
    """Return where data comes from or goes to."""
    key, kind = values.get("fides_key"), values.get("type")
    if key is None or kind is None:
        return None
    if (key == "user") != (kind == "user"):
        reader.tell("error", "malformed-flow", node.place, "expected `fides_key: user` and `type: user` together")
    return Flow(key=key, kind=kind, categories=values.get("data_categories", ()))


def declaration(reader: Reader, node: Node, values: Values) -> Declaration | None:
    """Return one use of data, None where it does not say of which data or what for."""
    if "data_use" not in values or "data_categories" not in values:
        return None
    return Declaration(
        categories=values["data_categories"],
        use=Purpose(values["data_use"]),
        name=values.get("name", ""),
        subjects=values.get("data_subjects", ()),
        datasets=values.get("dataset_references", ()),
        ingress=values.get("ingress", ()),
        egress=values.get("egress", ()),
        legal_basis=values.get("legal_basis_for_processing", ""),
        retention=values.get("retention_period", ""),
        consents=values.get("privet", {}).get("consents", ()),
        facts=_rest(values, _DECLARATION),
        at=str(node.place),
    )


def system(reader: Reader, node: Node, values: Values) -> System:
    """Return a system with its declarations."""
    return System(
        key=values["fides_key"],
        declarations=tuple(values.get("privacy_declarations", ())),
        name=values.get("name", ""),
        kind=values.get("system_type", ""),
        description=values.get("description", ""),
        organization=values.get("organization_fides_key", "default_organization"),
        datasets=values.get("dataset_references", ()),
        ingress=tuple(values.get("ingress", ())),
        egress=tuple(values.get("egress", ())),
        facts=_rest(values, _SYSTEM),
        at=str(node.place),
    )


def match(reader: Reader, node: Node, values: Values) -> Match | None:
    """Return one condition of a rule."""
    if "matches" not in values or "values" not in values:
        return None
    return Match(values["matches"], values["values"])


def rule(reader: Reader, node: Node, values: Values) -> FidesRule | None:
    """Return a rule, None where it has not all three conditions."""
    said = (values.get(key) for key in ("data_categories", "data_uses", "data_subjects"))
    conditions = [condition for condition in said if condition is not None]
    if len(conditions) < 3:
        return None
    categories, uses, subjects = conditions
    return FidesRule(name=values.get("name", ""), categories=categories, uses=uses, subjects=subjects)


def policy(reader: Reader, node: Node, values: Values) -> FidesPolicy:
    """Return a policy of Fides."""
    return FidesPolicy(
        key=values["fides_key"],
        rules=tuple(values.get("rules", ())),
        name=values.get("name", ""),
        description=values.get("description", ""),
    )


def organization(reader: Reader, node: Node, values: Values) -> Organization:
    """Return an organization, with the laws it says it is under."""
    laws: tuple[str, ...] = ()
    meta = node.value.get("meta") if isinstance(node.value, dict) else None
    ours = meta.value.get("privet") if meta and isinstance(meta.value, dict) else None
    if ours is not None:
        found = reader.take(ours, "privet_organization")
        laws = (found or {}).get("laws", ())
    return Organization(
        key=values["fides_key"],
        name=values.get("name", ""),
        description=values.get("description", ""),
        laws=laws,
        facts=_rest(values, _ORGANIZATION),
    )


def rights(reader: Reader, node: Node, values: Values) -> Values:
    """Return the rights of data subjects."""
    if values.get("strategy") in ("INCLUDE", "EXCLUDE") and "values" not in values:
        reader.tell("error", "missing-key", node.place, "expected the key `values` beside this strategy")
    return values


def _label(kind: Kind) -> Callable[[Reader, Node, Values], Label]:
    def make(reader: Reader, node: Node, values: Values) -> Label:
        key = values["fides_key"]
        above = key.rpartition(".")[0] or None
        if kind == "subject":
            above = None
        elif values.get("parent_key") != above:
            _parent(reader, node, values, above)
        _versions(reader, node, values)
        return Label(
            key=key,
            kind=kind,
            name=values.get("name", key.rpartition(".")[2]),
            description=values.get("description", ""),
            parent=above,
        )

    return make


def _parent(reader: Reader, node: Node, values: Values, above: str | None) -> None:
    written = node.value.get("parent_key") if isinstance(node.value, dict) else None
    place = (written or node).place
    if above is None:
        reader.tell("error", "parent-key", place, "expected no `parent_key`: the key has one part", "leave it out")
        return
    message = "expected the key's own parts but the last as its `parent_key`"
    reader.tell(
        "error", "parent-key", place, message, f"write `parent_key: {above}`", len(values.get("parent_key", ""))
    )


def _versions(reader: Reader, node: Node, values: Values) -> None:
    """Tell of versions on a label that is not Fides' own, and of an own one without."""
    added, let_go = values.get("version_added"), values.get("version_deprecated")
    said = [key for key in ("version_added", "version_deprecated", "replaced_by") if values.get(key)]
    if values.get("is_default"):
        if not added:
            reader.tell("error", "label-version", node.place, "expected `version_added` beside `is_default`")
    elif said:
        message = f"expected no `{said[0]}`: it is for labels that are Fides' own"
        reader.tell("error", "label-version", reader.at_key(node, said[0]), message, "leave it out", len(said[0]))
    if values.get("replaced_by") and not let_go:
        reader.tell("error", "label-version", node.place, "expected `version_deprecated` beside `replaced_by`")
    for name in ("version_added", "version_deprecated"):
        if values.get(name) and not _VERSION.match(values[name].removeprefix("v")):
            reader.tell("error", "label-version", reader.at_key(node, name), f"expected `{name}` as in `1.0.0`")
    if added and let_go and not _order(added) < _order(let_go):
        message = "expected `version_deprecated` to be later than `version_added`"
        reader.tell("error", "label-version", reader.at_key(node, "version_deprecated"), message)


def _order(version: str) -> tuple[int, ...]:
    found = _VERSION.match(version.removeprefix("v"))
    parts = [int(part) for part in found[0].split(".")] if found else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


MAKERS: Mapping[str, Maker] = {
    "data_category": _label("category"),
    "data_use": _label("use"),
    "data_subject": _label("subject"),
    "rights": rights,
    "dataset": dataset,
    "collection": collection,
    "field": field,
    "masking": masking,
    "field_masking": masking,
    "organization": organization,
    "policy": policy,
    "rule": rule,
    "match": match,
    "system": system,
    "declaration": declaration,
    "flow": flow,
}
"""Shape → what makes a word of its values."""
