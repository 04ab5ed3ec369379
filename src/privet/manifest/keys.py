"""Every key that a manifest can hold: of each resource of Fides, what older releases of it had, and ours.

The loader, its `did you mean` and the editor's schema all go by this one table. Keys are those of fideslang 3.1; those
of older releases are read too, and told of. Ours stand under `privet`, which Fides passes over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "text", "key", "path", "flag", "number", "texts", "keys", "paths", "mapping", "mappings", "any", "one", "many"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What may stand under a key.

    `kind`: "text" (numbers become text), "key" (a fides_key), "path" (dataset.collection), "flag", "number" (whole,
    from `least` on), lists of the first three, "mapping" (free), "mappings" (one, or a list of them), "any" (whatever
    it is), "one" and "many": a mapping, or list of mappings, of the keys of `shape`. `words`: all that the text, or
    each of the texts, can be. `stands_for`: the key that replaced it with the same meaning. `gone`: it is of an older
    release; what to do instead. `extra`: Fides does not know it.
    """

    kind: Kind
    about: str = ""
    required: bool = False
    words: tuple[str, ...] = ()
    shape: str = ""
    stands_for: str = ""
    gone: str = ""
    extra: bool = False
    least: int | None = None


def _key(kind: Kind, about: str = "", *words: str) -> Key:
    return Key(kind=kind, about=about, words=words)


def _must(kind: Kind, about: str = "", *, words: tuple[str, ...] = (), shape: str = "") -> Key:
    return Key(kind=kind, about=about, words=words, shape=shape, required=True)


def _one(shape: str, about: str = "") -> Key:
    return Key(kind="one", shape=shape, about=about)


def _many(shape: str, about: str = "") -> Key:
    return Key(kind="many", shape=shape, about=about)


def _ours(kind: Kind, about: str, *, words: tuple[str, ...] = (), shape: str = "") -> Key:
    return Key(kind=kind, about=about, words=words, shape=shape, extra=True)


def _gone(kind: Kind, instead: str, shape: str = "") -> Key:
    return Key(kind=kind, gone=instead, about=f"Of an older release: {instead}.", shape=shape, extra=True)


def _old(name: str, kind: Kind, shape: str = "") -> Key:
    return Key(
        kind=kind, shape=shape, stands_for=name, about=f"The former name of `{name}`.", extra=name != "data_uses"
    )


Shape = Mapping[str, Key]

LEGAL_BASES = (
    "Consent",
    "Contract",
    "Legal obligations",
    "Vital interests",
    "Public interest",
    "Legitimate interests",
)
SPECIAL_BASES = (
    "Explicit consent",
    "Employment, social security and social protection",
    "Vital interests",
    "Not-for-profit bodies",
    "Made public by the data subject",
    "Legal claims or judicial acts",
    "Reasons of substantial public interest (with a basis in law)",
    "Health or social care (with a basis in law)",
    "Public health (with a basis in law)",
    "Archiving, research and statistics (with a basis in law)",
)
PROFILING_BASES = ("Explicit consent", "Contract", "Authorised by law")
RESPONSIBILITIES = ("Controller", "Processor", "Sub-Processor")
RIGHTS = (
    "Informed",
    "Access",
    "Rectification",
    "Erasure",
    "Portability",
    "Restrict Processing",
    "Withdraw Consent",
    "Object",
    "Object to Automated Processing",
)
DATA_TYPES = ("string", "integer", "float", "boolean", "object_id", "object")
"""What `data_type` can be, each with `[]` behind it for a list of such values."""

_NO_QUALIFIER = "leave it out: Fides has no data qualifiers since 2.0"

_BASE: Shape = {
    "fides_key": _must("key", "What others refer to it by."),
    "organization_fides_key": _key("key", "The organization that it belongs to."),
    "tags": _key("texts", "Words to find it by."),
    "name": _key("text", "What people call it."),
    "description": _key("text", "What it is, in a sentence."),
}
_LABEL: Shape = {
    **_BASE,
    "version_added": _key("text", "The release of Fides that brought this label; of its own labels alone."),
    "version_deprecated": _key("text", "The release of Fides that let it go."),
    "replaced_by": _key("key", "What took its place."),
    "is_default": _key("flag", "Whether the label is one of Fides' own."),
}
_TREE: Shape = {**_LABEL, "parent_key": _key("key", "The label above: its key without the last part.")}
_DATA: Shape = {
    "data_categories": _key("keys", "What the data is: categories of all that stands within."),
    "data_uses": _key("keys", "What the data is for."),
    "data_purposes": _old("data_uses", "keys"),
    "data_subjects": _key("keys", "Whom the data is about."),
}
_REDACT = _key("text", "The name itself is a secret.", "name")
_CONTACT = _one("contact")

SHAPES: Mapping[str, Shape] = {
    "data_category": _TREE,
    "data_use": {
        **_TREE,
        "legal_basis": _gone("text", "say it on declarations, as `legal_basis_for_processing`"),
        "special_category": _gone("text", "say it on declarations, as `special_category_legal_basis`"),
        "recipients": _gone("texts", "say it on declarations, as `third_parties`"),
        "legitimate_interest": _gone("flag", "say it on declarations, as `legal_basis_for_processing`"),
        "legitimate_interest_impact_assessment": _gone(
            "text", "say it on declarations, as `impact_assessment_location`"
        ),
    },
    "data_subject": {
        **_LABEL,
        "rights": _one("rights", "Which rights these people have."),
        "automated_decisions_or_profiling": _key("flag", "Whether machines decide about these people."),
        "automatic_decisions_or_profiling": Key(
            kind="flag",
            stands_for="automated_decisions_or_profiling",
            about="The former name of `automated_decisions_or_profiling`.",
            extra=True,
        ),
    },
    "rights": {
        "strategy": _must(
            "text", "Whether all, none, these or all but these hold.", words=("ALL", "EXCLUDE", "INCLUDE", "NONE")
        ),
        "values": _key("texts", "The rights, with the strategies INCLUDE and EXCLUDE.", *RIGHTS),
    },
    "dataset": {
        **_BASE,
        "meta": _key("mapping", "Whatever else you want to keep here."),
        **_DATA,
        "fides_meta": _one("dataset_meta", "What connectors need to know."),
        "fidesops_meta": _old("fides_meta", "one", "dataset_meta"),
        "collections": Key(
            kind="many", shape="collection", required=True, about="Its tables, or what it has for them."
        ),
        "fidesctl_meta": _gone("mapping", "write `fides_meta`"),
        "data_qualifier": _gone("text", _NO_QUALIFIER),
        "retention": _gone("text", "say it on declarations, as `retention_period`"),
        "third_country_transfers": _gone("texts", "say it on systems, as `does_international_transfers`"),
        "joint_controller": _gone("mapping", "say it on systems, as `joint_controller_info`"),
    },
    "dataset_meta": {
        "resource_id": _key("text", "What the resource is called where it runs."),
        "after": _key("keys", "Datasets that requests read before this one."),
        "namespace": _key("mapping", "Where in its system it stands: database, schema, project."),
        "redact": _REDACT,
        "privet": _ours("one", "How a vault keeps it.", shape="privet_dataset"),
    },
    "collection": {
        "name": _must("text", "What the table is called."),
        "description": _key("text", "What its records are."),
        **_DATA,
        "fields": Key(kind="many", shape="field", required=True, about="Its columns."),
        "fides_meta": _one("collection_meta", "What connectors need to know."),
        "fidesops_meta": _old("fides_meta", "one", "collection_meta"),
        "data_qualifier": _gone("text", _NO_QUALIFIER),
    },
    "collection_meta": {
        "after": _key("paths", "Collections (`dataset.collection`) that requests read before this one."),
        "erase_after": _key("paths", "Collections that are erased before this one."),
        "skip_processing": _key("flag", "People's requests leave it out."),
        "masking_strategy_override": _one("masking", "What an erasure does with its records."),
        "partitioning": _key("mappings", "How a table of BigQuery is cut."),
        "redact": _REDACT,
        "privet": _ours("one", "How a vault keeps it.", shape="privet_collection"),
    },
    "masking": {"strategy": _must("text", "Records are deleted.", words=("delete",))},
    "field": {
        "name": _must("text", "What the column is called."),
        "description": _key("text", "What its values are."),
        **_DATA,
        "fields": _many("field", "What an object holds."),
        "fides_meta": _one("field_meta", "What connectors need to know."),
        "fidesops_meta": _old("fides_meta", "one", "field_meta"),
        "data_qualifier": _gone("text", _NO_QUALIFIER),
        "retention": _gone("text", "say it on declarations, as `retention_period`"),
    },
    "field_meta": {
        "references": _many("reference", "The fields that it points to, or that point to it."),
        "identity": _key("text", "The kind of identity that people are looked up by here, as in `email`."),
        "primary_key": _key("flag", "Whether it tells records apart."),
        "data_type": _key("text", "The type of its values, with `[]` for lists."),
        "length": Key(kind="number", about="How many characters fit.", least=1),
        "return_all_elements": _key("flag", "Of a list, give all elements and not only those that match."),
        "read_only": _key("flag", "It cannot be changed or erased."),
        "custom_request_field": _key("text", "The field of a request that its values are compared with."),
        "masking_strategy_override": _one("field_masking", "What an erasure does with its values."),
        "redact": _REDACT,
        "privet": _ours("one", "How a vault keeps it.", shape="privet_field"),
    },
    "reference": {
        "dataset": _must("key", "The dataset of the other field."),
        "field": _must("text", "The other field: `collection.field`."),
        "direction": _key("text", "Where values are found first; both ways if nothing is said.", "from", "to"),
    },
    "field_masking": {
        "strategy": _must("text", "A masking strategy by its name."),
        "configuration": _key("mapping", "Its settings."),
    },
    "organization": {
        **_BASE,
        "organization_parent_key": _key("text", "Not used."),
        "controller": _CONTACT,
        "data_protection_officer": _CONTACT,
        "representative": _CONTACT,
        "security_policy": _key("text", "Where the security policy can be read."),
        "fidesctl_meta": _one("organization_meta"),
        "meta": _ours("mapping", "Whatever else you want to keep here; `privet: {laws: [...]}` names laws."),
    },
    "organization_meta": {"resource_filters": _many("resource_filter", "What scans leave out.")},
    "resource_filter": {"type": _must("text"), "value": _must("text")},
    "contact": {
        "name": _key("text", "Who it is."),
        "address": _key("text", "The postal address."),
        "email": _key("text", "The e-mail address."),
        "phone": _key("text", "The telephone number."),
    },
    "policy": {**_BASE, "rules": Key(kind="many", shape="rule", required=True, about="Uses that it forbids.")},
    "rule": {
        "name": _must("text", "What people call the rule."),
        "data_categories": Key(kind="one", shape="match", required=True, about="Which data it is about."),
        "data_uses": Key(kind="one", shape="match", required=True, about="Which uses it is about."),
        "data_subjects": Key(kind="one", shape="match", required=True, about="Whose data it is about."),
        "data_qualifier": _gone("text", _NO_QUALIFIER),
        "action": _gone("text", "leave it out: what matches is forbidden"),
    },
    "match": {
        "matches": _must("text", "How what is declared must match.", words=("ANY", "ALL", "NONE", "OTHER")),
        "values": _must("keys", "Labels; those below a label are meant too."),
        "inclusion": Key(
            kind="text",
            words=("ANY", "ALL", "NONE", "OTHER"),
            stands_for="matches",
            extra=True,
            about="The former name.",
        ),
    },
    "system": {
        **_BASE,
        "meta": _key("mapping", "Whatever else you want to keep here."),
        "fidesctl_meta": _one("system_meta"),
        "system_type": _must("text", "What kind of system it is: Service, Application, Third Party, …"),
        "egress": _many("flow", "Where it sends data."),
        "ingress": _many("flow", "Where its data comes from."),
        "privacy_declarations": Key(
            kind="many", shape="declaration", required=True, about="What it uses data for: one entry for each use."
        ),
        "administrating_department": _key("text", "Who runs it."),
        "vendor_id": _key("text", "The vendor's number."),
        "previous_vendor_id": _key("text", "The number of the vendor before."),
        "vendor_deleted_date": _key("text", "When the vendor was let go."),
        "dataset_references": _key("keys", "Datasets that it holds."),
        "processes_personal_data": _key("flag", "Whether it uses personal data at all."),
        "exempt_from_privacy_regulations": _key("flag", "Whether no privacy law holds for it."),
        "reason_for_exemption": _key("text", "Why none does."),
        "uses_profiling": _key("flag", "Whether it judges people in ways that matter to them."),
        "legal_basis_for_profiling": _key("texts", "What allows that.", *PROFILING_BASES),
        "does_international_transfers": _key("flag", "Whether data leaves for other countries."),
        "legal_basis_for_transfers": _key("texts", "What allows that: Adequacy Decision, SCCs, BCRs, …"),
        "requires_data_protection_assessments": _key("flag", "Whether an impact assessment is due."),
        "dpa_location": _key("text", "Where the assessment can be read."),
        "dpa_progress": _key("text", "How far the assessment is."),
        "privacy_policy": _key("text", "Where its privacy policy can be read."),
        "legal_name": _key("text", "The business behind it."),
        "legal_address": _key("text", "The address of that business."),
        "responsibility": _key("texts", "In which role it uses the data.", *RESPONSIBILITIES),
        "dpo": _key("text", "Whom to ask about privacy."),
        "joint_controller_info": _key("text", "With whom the responsibility is shared."),
        "data_security_practices": _key("text", "How the data is protected."),
        "cookie_max_age_seconds": _key("number", "How long its cookies live, in seconds."),
        "uses_cookies": _key("flag", "Whether it sets cookies."),
        "cookie_refresh": _key("flag", "Whether their time starts anew."),
        "uses_non_cookie_access": _key("flag", "Whether it stores or reads by other means."),
        "legitimate_interest_disclosure_url": _key("text", "Where its legitimate interests are told."),
        "cookies": _gone("any", "leave it out: Fides passes over it"),
        "registry_id": _gone("any", "leave it out: there are no registries any more"),
        "system_dependencies": _gone("keys", "write `ingress` and `egress`"),
        "third_country_transfers": _gone("texts", "write `does_international_transfers`"),
        "joint_controller": _gone("mapping", "write `joint_controller_info`"),
        "data_responsibility_title": _gone("text", "write `responsibility`"),
        "data_protection_impact_assessment": _gone(
            "mapping", "write `requires_data_protection_assessments`, `dpa_progress` and `dpa_location`"
        ),
    },
    "system_meta": {
        "resource_id": _key("text", "What the resource is called where it runs."),
        "endpoint_address": _key("text", "The host that it answers at."),
        "endpoint_port": _key("text", "The port that it answers at."),
    },
    "flow": {
        "fides_key": _must("key", "The dataset or system at the other end; `user` for people themselves."),
        "type": _must("text", "What is at the other end.", words=("dataset", "system", "user")),
        "data_categories": _key("keys", "What flows."),
    },
    "declaration": {
        "name": _key("text", "What people call this use."),
        "data_categories": _must("keys", "Which data it uses."),
        "data_use": _must("key", "What for."),
        "data_subjects": _key("keys", "Whose data."),
        "dataset_references": _key("keys", "Datasets that the data is found in."),
        "egress": _key("keys", "Those of the system's egress that this use sends to."),
        "ingress": _key("keys", "Those of the system's ingress that this use takes from."),
        "features": _key("texts", "What of the product it serves."),
        "flexible_legal_basis_for_processing": _key("flag", "Whether a notice may state another legal basis."),
        "legal_basis_for_processing": _key("text", "What allows it: article 6 of the GDPR.", *LEGAL_BASES),
        "impact_assessment_location": _key("text", "Where the assessment of legitimate interests can be read."),
        "retention_period": _key("text", "How long the data is kept for it."),
        "processes_special_category_data": _key("flag", "Whether article 9 of the GDPR is about it."),
        "special_category_legal_basis": _key("text", "What allows that: article 9 of the GDPR.", *SPECIAL_BASES),
        "data_shared_with_third_parties": _key("flag", "Whether others are given the data."),
        "third_parties": _key("text", "Who they are."),
        "shared_categories": _key("texts", "Which data they are given."),
        "privet": _ours("one", "What our own policies ask about it.", shape="privet_declaration"),
        "cookies": _gone("any", "leave it out: Fides passes over it"),
        "data_qualifier": _gone("text", _NO_QUALIFIER),
    },
    "evaluation": {
        "fides_key": _must("key", "What others refer to it by."),
        "status": _must("text", "How it came out.", words=("FAIL", "PASS")),
        "violations": _many("violation", "What broke a rule."),
        "message": _key("text", "What it says."),
    },
    "violation": {
        "violating_attributes": Key(kind="one", shape="violating", required=True),
        "detail": _must("text", "What broke the rule."),
    },
    "violating": {
        "data_categories": _must("texts"),
        "data_subjects": _must("texts"),
        "data_uses": _must("texts"),
    },
    "privet_declaration": {"consents": _ours("texts", "Keys that people agree to for this use.")},
    "privet_organization": {"laws": _ours("texts", "Keys of the laws that it is under, as in `gdpr`.")},
    "privet_dataset": {
        "suite": _ours("text", "The cipher suite of the vault.", words=("siv", "gcm")),
        "window": _ours("text", "How long a copy of the subject keys stays useful, as in `7d`."),
    },
    "privet_collection": {
        "subject": _ours("text", "`self`, `none`, or `via` the field through which a record's person is found."),
        "about": _ours("any", "Whom the records are about."),
        "unique": _ours("any", "Sets of fields that never repeat together."),
        "indexes": _ours("any", "Sets of fields that are asked for together."),
        "ttl": _ours("text", "How long records are kept, as in `90d`."),
        "was": _ours("text", "The former name."),
    },
    "privet_field": {
        "type": _ours("text", "A data type of Privet, as in `contact.email`."),
        "keep": _ours("text", "How a vault keeps it.", words=("sealed", "shreddable", "transient")),
        "index": _ours("any", "What can be asked about it."),
        "unique": _ours("flag", "Values never repeat."),
        "required": _ours("flag", "Each record has one."),
        "default": _ours("any", "What stands where nothing is said."),
        "token": _ours("any", "How its values become tokens."),
        "leak": _ours("text", "What the author accepts that an index gives away.", words=("equality",)),
        "was": _ours("text", "The former name."),
        "references": _ours("text", "The collection that it points to, as in `customers.id`."),
        "paths": _ours("mapping", "Types of paths within a json column."),
        "composite": _ours("text", "A group of fields that stands for this one."),
        "prefix": _ours("text", "What the names of the group begin with."),
        "without": _ours("any", "Fields of the group to leave out."),
        "column_type": _ours("text", "The type's own name in its database, as in `VARCHAR(40)`."),
        "nullable": _ours("flag", "A record may have none, in its database."),
    },
}

TYPES = ("data_category", "data_subject", "data_use", "dataset", "organization", "policy", "system", "evaluation")
"""The resource types: the keys at the top of a manifest."""

GONE = {
    "data_qualifier": "leave it out: Fides has no data qualifiers since 2.0",
    "registry": "leave it out: Fides has no registries since 2.0",
}
"""Resource types of older releases, and what to do about them."""

LEFT_ALONE = ("consumer", "purpose", "data_purpose", "data_consumer")
"""Resource types of other programs that share a folder with manifests."""
