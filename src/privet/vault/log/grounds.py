"""What the audit says of permits: the rules that let a deed pass, and the most that it shows of each column."""

from __future__ import annotations

from collections.abc import Iterable

from privet.policy.permit import SHOWING, Permit
from privet.vault.log.audit import Grounds
from privet.vault.schema import Table
from privet.vault.sight import least
from privet.vault.vault import Vault
from privet.vocabulary.datatype import data_type

MOST_RULES = 16  # of one column that are named; of more than that, the first
MOST_KEPT = 2_000
_KEPT = "grounds"


def grounds(vault: Vault, permits: Iterable[Permit], redaction: str = "") -> Grounds:
    """Return what a deed under these permits rests on. `redaction`: the caller wants to see no more than that."""
    found = [_of_one(vault, permit, redaction) for permit in permits]
    if len(found) == 1:
        return found[0]
    rules: dict[str, tuple[str, ...]] = {}
    shown: dict[str, str] = {}
    for each in found:
        for key, more in each.rules.items():
            rules[key] = tuple(dict.fromkeys((*rules.get(key, ()), *more)))
        shown.update(each.shown)
    actions = tuple(dict.fromkeys(action for each in found for action in each.actions))
    return Grounds(actions=actions, rules=rules, shown=shown)


def _of_one(vault: Vault, permit: Permit, redaction: str) -> Grounds:
    kept = vault.kept.setdefault(_KEPT, {})
    assert isinstance(kept, dict)  # nobody else keeps anything under that name
    held = kept.get((id(permit), redaction))
    # INVARIANT: what is kept holds its permit, so that no other has the same id meanwhile.
    if held is not None and held[0] is permit:
        known: Grounds = held[1]
        return known
    if len(kept) >= MOST_KEPT:
        kept.clear()
    made = _made(vault.table(permit.table), permit, redaction)
    kept[id(permit), redaction] = (permit, made)
    return made


def _made(table: Table, permit: Permit, redaction: str) -> Grounds:
    rules = {f"{table.name}.": _named(permit.rules)}
    shown: dict[str, str] = {}
    for name, sights in permit.columns.items():
        rules[f"{table.name}.{name}"] = _named(sight.rule for sight in sights)
        if permit.action in SHOWING:
            kind = data_type(table.column(name).field.type)
            most = dict.fromkeys(least(kind, sight.redaction, redaction) for sight in sights)
            shown[f"{table.name}.{name}"] = "/".join(most)
    return Grounds(actions=(permit.action,), rules=rules, shown=shown)


def _named(rules: Iterable[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(rule) for rule in rules))[:MOST_RULES]
