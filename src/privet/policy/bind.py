"""A policy against a schema: every fault at once, conditions made ready for one caller, and rules that follow renames.

Knows no vault: callers bring the words of the vocabulary, and ids as a mapping from names.
"""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

from privet import digest
from privet.errors import InvalidPolicy, InvalidValue
from privet.near import meant
from privet.policy.permit import ASKING
from privet.policy.syntax import NOWHERE, Erase, Keep, Limit, Policy, Promise, RequireConsent, Rule, Span, Target
from privet.vocabulary import taxonomy
from privet.vocabulary.access import Action
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.datatype import DataType
from privet.vocabulary.predicate import (
    ALWAYS,
    CONSENT,
    QUEUE,
    Attribute,
    Compare,
    In,
    Predicate,
    Value,
    comparisons,
    rewritten,
)
from privet.vocabulary.typed import field_type

USES: frozenset[Action] = ASKING | {"insert", "update", "tokenize"}  # what `deny use` binds: deleting uses nothing
RECORDLESS: frozenset[Action] = frozenset({"insert", "tokenize"})  # no record exists yet that a condition could hold on

Queues = Mapping[str, Some[bytes | str]]
T = TypeVar("T")

_RANGES = ("<", "<=", ">", ">=")
_PLAIN = ("", "plain_text", "redacted")  # what may be said of a part: it is shown or it is not


# --- conditions -------------------------------------------------------------------------------------------------


def resolve(where: Predicate, table: Collection, attributes: Mapping[str, str], queues: Queues) -> Predicate | None:
    """Return a rule's condition as it holds for one caller on one table: attributes and queues are filled in.

    None where it cannot be judged: an attribute or a queue that the caller does not have, a column that the table
    does not have, a value that is none of the column's type. Consent stays in the tree for the vault.
    """
    return filled(where, table, attributes, queues) if fits(where, table) else None


def fits(where: Predicate, table: Collection) -> bool:
    """Return whether a condition can be judged on a table, as far as no caller changes that."""
    return not any(misfit(leaf, table) for leaf in comparisons(where))


def filled(where: Predicate, table: Collection, attributes: Mapping[str, str], queues: Queues) -> Predicate | None:
    """Return what `resolve` does, of a condition that fits the table."""

    def change(leaf: Compare | In) -> Predicate | None:
        if leaf.target == QUEUE:
            return _queued(leaf, queues)
        values = leaf.values if isinstance(leaf, In) else (leaf.value,)
        said = tuple([_filled(leaf.target, table, value, attributes) for value in values])
        if Attribute in map(type, said):
            return None
        return In(leaf.target, said) if isinstance(leaf, In) else Compare(leaf.target, leaf.op, said[0])

    return rewritten(where, change)


def _queued(leaf: Compare | In, queues: Queues) -> Predicate | None:
    held = queues.get(str(leaf.value)) if isinstance(leaf, Compare) and leaf.op == "=" else None
    return None if held is None else In("id", tuple(held))


def _filled(target: str, table: Collection, value: Value, attributes: Mapping[str, str]) -> Value:
    """Return the value, an attribute's value in its place if the caller has one that fits."""
    if not isinstance(value, Attribute):
        return value
    found = attributes.get(value.name)
    return value if found is None or _unreadable(target, table, found) else found


def misfit(leaf: Compare | In, table: Collection) -> str:
    """Return why no row of a table can be judged by a comparison, "" where it can. Quotes no value."""
    if leaf.target == QUEUE:
        return ""
    if leaf.target == CONSENT:
        return f"`{table.name}` is about nobody who could consent" if table.subject == "none" else ""
    name, _, part = leaf.target.partition(".")
    field = table.field(name)
    if name != "id" and field is None:
        return f"`{table.name}` has no column `{name}`"
    found = _unfit_field(field, part, table) if field else f"`id` has no part `{part}`" if part else ""
    return found or _unfit_operator(leaf, field) or _unfit_values(leaf, table)


def _unfit_field(field: Field, part: str, table: Collection) -> str:
    place = f"`{table.name}.{field.name}`"
    if field.keep == "transient":
        return f"{place} is transient: no record holds its values"
    if part and (field.reference or field_type(field).part(part) is None):
        return f"{place} has no part `{part}`"
    if part and field.array:
        return f"{place} holds several values a record, so that no condition can name a part of it"
    return ""


def _unfit_operator(leaf: Compare | In, field: Field | None) -> str:
    if isinstance(leaf, In):
        return "expected values, found null" if None in leaf.values else ""
    if leaf.value is None:
        return "" if leaf.op in ("=", "!=") else "null has no order"
    if leaf.op in _RANGES and (field is None or field.reference):
        return "ids have no order"
    return ""


def _unfit_values(leaf: Compare | In, table: Collection) -> str:
    values = leaf.values if isinstance(leaf, In) else (leaf.value,)
    found = (_unreadable(leaf.target, table, value) for value in values if not isinstance(value, Attribute | None))
    return next(filter(None, found), "")


def _unreadable(target: str, table: Collection, value: Value) -> str:
    """Return the rule by which a value is none of a target's, "" where it is one."""
    name, _, part_name = target.partition(".")
    field = table.field(name)
    if field is None or field.reference:
        return "" if _is_id(value) else "expected a record id (a UUID)"
    kind = field_type(field)
    part = kind.part(part_name) if part_name else None
    if isinstance(value, bytes | Attribute):
        return f"expected `{kind.name}`"
    try:
        if part:
            part.fix(str(value))
        else:
            kind.normalize(value)
    except InvalidValue as error:
        return f"expected `{part_name or kind.name}`: {error.rule}"
    return ""


def _is_id(value: Value) -> bool:
    if isinstance(value, bytes):
        return len(value) == 16
    try:
        digest.id_bytes(str(value))
    except ValueError:
        return False
    return True


def missing_index(leaf: Compare | In, table: Collection) -> tuple[str, str] | None:
    """Return (why, the schema line to add) where no index that the schema keeps answers a comparison, else None.

    The line is "" where the type offers no such index.
    """
    name, _, part = leaf.target.partition(".")
    field = table.field(name)
    if field is None or field.reference:
        return None
    kind = field_type(field)
    wanted = _wanted(leaf, kind, part)
    if wanted is None or any(index in field.indexes for index in wanted):
        return None
    order = " in order" if isinstance(leaf, Compare) and leaf.op in _RANGES else ""
    why = f"no index answers what is asked{order} about `{table.name}.{leaf.target}`"
    return why, next((_line(table, field, index) for index in wanted if index in kind.indexes), "")


def _wanted(leaf: Compare | In, kind: DataType, part: str) -> list[str] | None:
    """Return the indexes of which one answers or narrows a comparison, best first; None where it needs none."""
    if isinstance(leaf, Compare) and leaf.op in _RANGES:
        return [item.name for item in kind.parts if item.cover and part in ("", item.name)]
    if part:
        return [part]
    if isinstance(leaf, Compare) and leaf.value is None:
        return None
    return ["exact"] if "exact" in kind.indexes else list(kind.indexes)


def _line(table: Collection, field: Field, index: str) -> str:
    kind = field_type(field)
    part = kind.part(index)
    leak = " and `leak: equality`" if (part.few if part else kind.few) and not field.leak else ""
    return f"add `index: [{', '.join((*field.indexes, index))}]`{leak} to `{table.name}.{field.name}`"


# --- faults -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """What of a policy does not fit a schema, and the next step."""

    span: Span
    message: str
    hint: str = ""


def bind(policy: Policy, schema: Dataset, file: str = "policy") -> None:
    """Raise InvalidPolicy, holding every fault with its place, unless every word of a policy means something in a
    schema and every condition is answered by an index."""
    found = faults(policy, schema)
    if found:
        errors = (InvalidPolicy(f.message, hint=f.hint, at=f"{file}:{f.span.line}:{f.span.column}") for f in found)
        count = f"{len(found)} fault{'s' if len(found) > 1 else ''}"
        raise InvalidPolicy(f"{count} in the policy", at=file, faults=tuple(errors))


def faults(policy: Policy, schema: Dataset) -> tuple[Fault, ...]:
    """Return all that does not fit, in the order of the policy, each once."""
    binder = _Binder(schema)
    found: list[Fault] = []
    for role in policy.roles:
        found += binder.words("use", role.purposes, role.span)
        for rule in role.rules:
            found += binder.rule(rule)
    for promise in policy.promises:
        found += binder.promise(promise)
    return tuple(dict.fromkeys(found))


class _Binder:
    def __init__(self, schema: Dataset) -> None:
        self.schema = schema
        self.tables = [table.name for table in schema.collections]

    def words(self, kind: taxonomy.Kind, given: Iterable[str], span: Span) -> Iterator[Fault]:
        known = keys(kind)
        for word in given:
            if word not in known:
                yield Fault(span, f"`{_said(word)}` is no {_WORDS[kind]} of the taxonomy", meant(word, known))

    def rule(self, rule: Rule) -> Iterator[Fault]:
        yield from self.words("use", rule.purposes, rule.span)
        for target in rule.targets:
            yield from self.target(rule, target, _place(target, rule))
        if rule.where != ALWAYS:
            yield from self.where(rule)

    def target(self, rule: Rule, target: Target, span: Span) -> Iterator[Fault]:
        if target.label:
            yield from self.words("category", [target.label], span)
        table = self.schema.collection(target.table)
        if target.table and table is None:
            yield Fault(span, f"there is no table `{_said(target.table)}`", meant(target.table, self.tables))
            return
        columns = list(covered(self.schema, [target]))
        if target.column and not columns and not target.label:
            known = [field.name for item in self.schema.collections for field in item.fields if table in (None, item)]
            place = _said(f"{target.table}.{target.column}".removeprefix("."))
            yield Fault(span, f"there is no column `{place}`", meant(target.column, known))
        if target.part:
            yield from self.part(rule, target, [field for _, field in columns], span)
        else:
            yield from self.redaction(rule, target, [field for _, field in columns], span)

    def part(self, rule: Rule, target: Target, fields: list[Field], span: Span) -> Iterator[Fault]:
        for field in fields:
            parts = [part.name for part in field_type(field).parts]
            if target.part not in parts:
                offered = ", ".join(parts) or "none"
                yield Fault(span, f"`{field.name}` has no part `{_said(target.part)}`", f"parts: {offered}")
        unfit = [action for action in rule.actions if action not in ASKING]
        if unfit:
            yield Fault(
                span, f"expected a column for `{unfit[0]}`, found a part", "a part is only shown or asked about"
            )
        if rule.redaction not in _PLAIN:
            yield Fault(span, "a part has no redactions", "leave the redaction out")

    def redaction(self, rule: Rule, target: Target, fields: list[Field], span: Span) -> Iterator[Fault]:
        name = rule.redaction
        if not name or rule.effect == "deny" or not fields or not ASKING.intersection(rule.actions):
            return
        listing = [name in field_type(field).redactions for field in fields]
        if not any(listing) or (target.column and not all(listing)):
            kind = field_type(fields[listing.index(False)])
            hint = f"`{kind.name}` has {', '.join(kind.redactions)}" if target.column else ""
            yield Fault(span, f"no redaction `{_said(name)}` fits what the rule covers", hint)

    def where(self, rule: Rule) -> Iterator[Fault]:
        if rule.effect == "allow" and RECORDLESS.intersection(rule.actions):
            word = next(action for action in rule.actions if action in RECORDLESS)
            hint = f"write a rule of its own for `{word}`, without `where`"
            yield Fault(rule.span, f"`{word}` has no record yet that a condition could hold on", hint)
        tables = {table.name: table for table, _ in covered(self.schema, rule.targets)}
        for table in tables.values():
            for leaf in comparisons(rule.where):
                yield from self.leaf(leaf, table, rule.span)

    def leaf(self, leaf: Compare | In, table: Collection, span: Span) -> Iterator[Fault]:
        why = misfit(leaf, table)
        if why:
            names = [field.name for field in table.fields]
            known = table.field(leaf.target.partition(".")[0]) is not None or leaf.target.startswith("@")
            yield Fault(span, why, "" if known else meant(leaf.target, names))
            return
        missing = missing_index(leaf, table)
        if missing:
            yield Fault(span, *missing)

    def promise(self, promise: Promise) -> Iterator[Fault]:
        if isinstance(promise, Erase | Keep):
            # Their datasets are declared, not of this schema: whether they are there is told where declarations are.
            yield from self.words("category", (aim.label for aim in promise.targets if aim.label), promise.span)
            return
        if not isinstance(promise, RequireConsent):
            yield from self.words("category", promise.labels, promise.span)
        if isinstance(promise, Limit):
            yield from self.limit(promise)
            return
        yield from self.words("use", promise.purposes, promise.span)
        if not isinstance(promise, RequireConsent):
            yield from self.words("subject", promise.subjects, promise.span)

    def limit(self, promise: Limit) -> Iterator[Fault]:
        for table, field in covered(self.schema, [Target(label=label) for label in promise.labels]):
            kind = field_type(field)
            if promise.redaction not in kind.redactions:
                why = f"`{kind.name}` of `{table.name}.{field.name}` has no redaction `{_said(promise.redaction)}`"
                yield Fault(promise.span, why, f"it has {', '.join(kind.redactions)}")


_WORDS: Mapping[taxonomy.Kind, str] = {"category": "category", "use": "purpose", "subject": "kind of person"}


@cache
def keys(kind: taxonomy.Kind) -> frozenset[str]:
    """Return every label of a kind."""
    return frozenset(label.key for label in taxonomy.labels(kind))


def _place(target: Target, rule: Rule) -> Span:
    return rule.span if target.span == NOWHERE else target.span


def _said(name: str) -> str:
    # A name comes from a file that a person wrote, yet a value pasted in its place must not reach a log.
    return name if len(name) <= 128 and name.replace(".", "").replace("_", "").isalnum() else "…"


# --- what targets cover -----------------------------------------------------------------------------------------


def covered(schema: Dataset, targets: Iterable[Target]) -> Iterator[tuple[Collection, Field]]:
    """Yield every column that targets cover, in the schema's order, each once."""
    wanted = tuple(targets)
    for table in schema.collections:
        for field in table.fields:
            if any(covers(target, table.name, field) for target in wanted):
                yield table, field


def covers(target: Target, table: str, field: Field) -> bool:
    """Return whether a target is about a column, or about a part of it."""
    if target.table not in ("", table) or target.column not in ("", field.name):
        return False
    return not target.label or any(at_or_below(label, target.label) for label in field.labels)


def at_or_below(label: str, root: str) -> bool:
    """Return whether a label is another or stands below it. Labels that the taxonomy lacks have no relations.

    >>> at_or_below("user.contact.email", "user.contact"), at_or_below("user.contacts", "user.contact")
    (True, False)
    """
    return label == root or label.startswith(f"{root}.")


def overlap(left: str, right: str) -> bool:
    """Return whether one of two labels stands at or below the other."""
    return at_or_below(left, right) or at_or_below(right, left)


# --- names that change ------------------------------------------------------------------------------------------


def names(policy: Policy, ids: Mapping[str, T]) -> dict[str, T]:
    """Return the ids of the tables (`customers`) and columns (`customers.email`) that a policy names: what is stored
    with it. `ids`: those of the whole schema."""
    used: dict[str, None] = {}
    for rule in (rule for role in policy.roles for rule in role.rules):
        for target in rule.targets:
            used[target.table] = None
            used[f"{target.table}.{target.column}"] = None
        for leaf in comparisons(rule.where):
            column = leaf.target.partition(".")[0]
            used.update(dict.fromkeys(f"{table}.{column}" for table in _tables(rule, ids)))
    return {name: ids[name] for name in used if name in ids}


def moved(held: Mapping[str, T], ids: Mapping[str, T]) -> dict[str, str]:
    """Return {old name: new name} of all that was stored under one name and has another now."""
    now = {identity: name for name, identity in ids.items()}
    return {name: now[identity] for name, identity in held.items() if now.get(identity, name) != name}


def renamed(policy: Policy, changes: Mapping[str, str]) -> Policy:
    """Return the policy that means by new names what it meant by the old. `changes`: full old name → full new name."""
    if not changes:
        return policy
    roles = (replace(role, rules=tuple(_renamed_rule(rule, changes) for rule in role.rules)) for role in policy.roles)
    return replace(policy, roles=tuple(roles))


def _renamed_rule(rule: Rule, changes: Mapping[str, str]) -> Rule:
    tables = _tables(rule, changes)

    def change(leaf: Compare | In) -> Predicate:
        column, dot, part = leaf.target.partition(".")
        found = {changes[f"{table}.{column}"].partition(".")[2] for table in tables if f"{table}.{column}" in changes}
        # A rule over many tables names a column of each: it follows only where all that move go to one name.
        return replace(leaf, target=f"{found.pop()}{dot}{part}") if len(found) == 1 else leaf

    where = rewritten(rule.where, change)
    assert where is not None  # INVARIANT: `change` returns a comparison.
    return replace(rule, where=where, targets=tuple(_renamed_target(target, changes) for target in rule.targets))


def _renamed_target(target: Target, changes: Mapping[str, str]) -> Target:
    table = changes.get(target.table, target.table)
    found = changes.get(f"{target.table}.{target.column}")
    return replace(target, table=table, column=found.partition(".")[2] if found else target.column)


def _tables(rule: Rule, named: Iterable[str]) -> set[str]:
    """Return the tables of a rule; of one that names none, all that are named."""
    own = {target.table for target in rule.targets}
    return {name.partition(".")[0] for name in named} if "" in own else own
