"""Ready roles: what support, a service, a connection and an analyst see of a schema when nobody wrote a rule.

Each data type says what the standard roles see of it, by what it lists or in its own words (`DataType.sights`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from privet.policy.bind import at_or_below
from privet.policy.permit import rank
from privet.policy.syntax import Notes, Policy, Role, Rule, Target
from privet.vocabulary.access import Action
from privet.vocabulary.dataset import Dataset, Field
from privet.vocabulary.datatype import DataType
from privet.vocabulary.typed import field_type

SUPPORT, SERVICE, CONNECTION, ANALYST = "support", "service", "connection", "analyst"
STANDARD = (SUPPORT, SERVICE, CONNECTION, ANALYST)
PARTNER = "partner"  # the connection of ready roles, until somebody names hers

_TAILS = ("last_four", "last_three", "last_two")  # what people read out to say which number they mean
# Parts by which records fall into groups that are large enough to say little of one of them, the broadest first.
_COARSE = ("year", "decade", "bucket", "region", "country", "zip3", "chapter", "brand", "domain", "date", "primary")
# Shown to no ready role. Sources: GDPR art. 9(1) and 10.
_SPECIAL = (
    "user.health_and_medical",
    "user.biometric",
    "user.criminal_history",
    "user.demographic.race_ethnicity",
    "user.demographic.religious_belief",
    "user.demographic.political_opinion",
    "user.demographic.sexual_orientation",
    "user.authorization",
)
_IDENTIFIERS = ("user.health_and_medical.record_id", "user.health_and_medical.insurance_beneficiary_id")
_ABOUT = {
    SUPPORT: "Helps people: sees who they are masked, and the end of a number. Records are found by id or token.",
    SERVICE: "Turns values into tokens, and sees none.",
    CONNECTION: f"Carries values to a third party, and only there. Rename `{PARTNER}` to the connection that you made.",
    ANALYST: "Counts and groups by coarse parts, and is shown no value.",
}


def sight(kind: DataType, role: str) -> str:
    """Return what a standard role sees of a type, "" for nothing: a redaction, for an analyst one or a part to ask by.

    >>> from privet.vocabulary.datatype import data_type
    >>> [sight(data_type("us.ssn"), role) for role in STANDARD]
    ['last_four', '', 'plain_text', '']
    """
    own = dict(kind.sights)
    if role in own:
        return own[role]
    if role == CONNECTION:
        return "plain_text"
    if role == ANALYST:
        return _coarse(kind)
    return _support(kind) if role == SUPPORT else ""


def _support(kind: DataType) -> str:
    fits = [name for name in (*_TAILS, "masked") if name in kind.redactions]
    return next((name for name in fits if rank(kind, name) <= rank(kind, kind.ceiling)), "")


def _coarse(kind: DataType) -> str:
    if kind.ceiling == "redacted":
        return ""
    if kind.few:
        return "plain_text"
    return next((name for name in _COARSE if kind.part(name) is not None), "")


# --- a schema ---------------------------------------------------------------------------------------------------


def ready(schema: Dataset) -> Policy:
    """Return the standard roles for a schema. Roles that would say nothing are left out."""
    made = (
        (SUPPORT, _shown(schema, "read", SUPPORT)),
        (SERVICE, [Rule(effect="allow", actions=("tokenize",), redaction="")]),
        (CONNECTION, _carried(schema)),
        (ANALYST, [*_asked(schema)]),
    )
    roles = (
        Role(name, _ABOUT[name], tuple(rules), notes=Notes(above=("", f"# {_ABOUT[name]}")))
        for name, rules in made
        if rules
    )
    return Policy("", tuple(roles))


def _columns(schema: Dataset) -> Iterator[tuple[str, Field]]:
    for table in schema.collections:
        yield from ((table.name, field) for field in table.fields)


def _grouped(pairs: Iterable[tuple[str, Target]]) -> dict[str, tuple[Target, ...]]:
    found: dict[str, list[Target]] = {}
    for name, target in pairs:
        found.setdefault(name, []).append(target)
    return {name: tuple(targets) for name, targets in found.items()}


def _shown(schema: Dataset, action: Action, role: str) -> list[Rule]:
    """Return a rule for each redaction, the least revealing first."""
    pairs = [(_sight(field, role), Target(table, field.name)) for table, field in _columns(schema)]
    found = _grouped((name, target) for name, target in pairs if name)
    return [
        Rule(effect="allow", actions=(action,), targets=targets, redaction=name)
        for name, targets in sorted(found.items(), key=lambda item: _order(item[0]))
    ]


def _order(name: str) -> tuple[bool, str]:
    return name == "plain_text", name


def _sight(field: Field, role: str) -> str:
    if field.keep == "transient":
        return ""
    if field.reference:
        return "plain_text"  # the id of another record
    if not any(label.split(".")[0] == "user" for label in field.labels) and field_type(field).ceiling == "plain_text":
        return "plain_text"  # about nobody
    special = any(_within(label, _SPECIAL) and not _within(label, _IDENTIFIERS) for label in field.labels)
    return "" if special and role == SUPPORT else sight(field_type(field), role)


def _within(label: str, roots: Iterable[str]) -> bool:
    return any(at_or_below(label, root) for root in roots)


def _carried(schema: Dataset) -> list[Rule]:
    targets = tuple(Target(table, field.name) for table, field in _columns(schema) if field.token is not None)
    rule = Rule(
        effect="allow",
        actions=("detokenize",),
        targets=targets,
        redaction="plain_text",
        connection=PARTNER,
    )
    return [rule] if targets else []


def _asked(schema: Dataset) -> Iterator[Rule]:
    """Yield what an analyst may ask about: whole values that are few, and coarse parts of others."""
    whole, parts = [], []
    for table, field in _columns(schema):
        name = _sight(field, ANALYST)
        if name == "plain_text":
            whole.append(Target(table, field.name))
        elif name and not field.array:
            parts.append(Target(table, field.name, part=name))
    for targets in (whole, parts):
        if targets:
            yield Rule(effect="allow", actions=("search",), targets=tuple(targets), redaction="")
