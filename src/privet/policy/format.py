"""From the tree of a policy to its one canonical text. What `parse` reads from it is the same tree, comments kept.

Rules for several roles stand first, then each role with its rules, then promises. A rule that is longer than a line
has each clause below it on a line of its own.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from privet.errors import InvalidPolicy
from privet.policy.clauses import CLAUSES, Clause
from privet.policy.clauses._words import ABOUT_NO_COLUMN, ALL, RESERVED, ROOTS, category, label, name
from privet.policy.parse import says_nothing
from privet.policy.promises import VOWS, Vow
from privet.policy.syntax import NO_NOTES, Notes, Policy, Promise, Role, Rule, Target

WIDTH = 100
_INDENT = " " * 4


def write(policy: Policy) -> str:
    """Return the text of a policy, which ends with a line break; "" for one that says nothing.

    Raises InvalidPolicy for a tree that the language cannot say: names, texts or numbers that no token holds, a
    condition on columns of no one table, a part of every column. `parse` makes no such tree.
    """
    page = _Page(policy.notes)
    loose = _loose(policy.roles)
    for rule in loose:
        page.add(rule_lines(rule), rule.notes)
    for role in policy.roles:
        _add_role(page, role)
    for at, promise in enumerate(policy.promises):
        page.add([promise_line(promise)], promise.notes, apart=not at)
    return page.text()


def rule_lines(rule: Rule) -> list[str]:
    """Return the lines of a rule, comments left out."""
    head = [rule.effect, _actions(rule)]
    if rule.targets != (Target(),) or not ABOUT_NO_COLUMN.issuperset(rule.actions):
        head += ["on", ", ".join(map(_target, rule.targets))]
    first, *others = [clause.write(rule) for clause in _clauses()]
    clauses = [text for text in others if text]
    line = " ".join([*head, *filter(None, [first]), *clauses])
    if len(line) <= WIDTH:
        return [line]
    return [*_folded(" ".join(head[:2]), rule, first), *(_INDENT + text for text in clauses)]


def promise_line(promise: Promise) -> str:
    """Return the line of a promise, comments left out."""
    return next(text for vow in _vows() if (text := vow.write(promise)))


# --- the page -----------------------------------------------------------------------------------------------


class _Page:
    """Lines, with what people wrote between them."""

    def __init__(self, notes: Notes) -> None:
        self.lines = list(notes.above)
        self.heading = bool(notes.above)
        self.below = notes.below

    def add(self, lines: Sequence[str], notes: Notes, *, apart: bool = False) -> None:
        """Add a statement. `apart`: an empty line stands before it."""
        above = notes.above
        if self.lines and (apart or self.heading) and above[:1] != ("",):
            above = ("", *above)
        self.heading = False
        beside = f"  {notes.beside}" if notes.beside else ""
        self.lines += [*above, *lines[:-1], lines[-1] + beside]

    def text(self) -> str:
        lines = [*self.lines, *self.below]
        while lines and not lines[-1]:
            lines.pop()
        while lines and not lines[0]:
            lines.pop(0)
        return "".join(f"{line}\n" for line in lines)


def _add_role(page: _Page, role: Role) -> None:
    notes = role.notes
    if notes == NO_NOTES and role.about:
        notes = Notes(above=tuple(f"# {line}" for line in role.about.splitlines()))
    if says_nothing(role) and not any(notes.above) and not notes.beside:
        return
    purposes = f" for {', '.join(map(label, role.purposes))}" if role.purposes else ""
    page.add([f"role {name(role.name, RESERVED)}{purposes}"], notes, apart=True)
    for rule in role.rules:
        if not rule.roles:
            page.add(rule_lines(rule), rule.notes)


def _loose(roles: Sequence[Role]) -> list[Rule]:
    """Return the rules that say `to`, each once, in an order that agrees with that of every role, and with the text.

    Raises InvalidPolicy where roles do not agree.
    """
    queues = {role.name: [rule for rule in role.rules if rule.roles][::-1] for role in roles}
    seen: Counter[Rule] = Counter()  # rule → how many of its roles have it next
    ready: list[tuple[int, int, Rule]] = []
    order = itertools.count()
    found: list[Rule] = []
    turned = [name for name, queue in queues.items() if queue]
    while turned or ready:
        for role in turned:
            rule = queues[role][-1]
            seen[rule] += 1
            if seen[rule] == len(rule.roles):
                heapq.heappush(ready, (rule.span.start, next(order), rule))
        if not ready:
            break
        found.append(heapq.heappop(ready)[-1])
        seen[found[-1]] = 0
        for role in found[-1].roles:
            queues[role].pop()
        turned = [role for role in found[-1].roles if queues[role]]
    if any(queues.values()):
        raise InvalidPolicy("expected a rule that says `to` among the rules of each role that it names")
    return found


# --- rules --------------------------------------------------------------------------------------------------


@cache
def _clauses() -> tuple[Clause, ...]:
    return tuple(sorted(CLAUSES.all(), key=lambda clause: clause.order))


@cache
def _vows() -> tuple[Vow, ...]:
    return tuple(VOWS.all())


def _actions(rule: Rule) -> str:
    if rule.actions[: len(ALL)] == ALL:
        return ", ".join(("all", *rule.actions[len(ALL) :]))
    return ", ".join(rule.actions)


def _target(target: Target) -> str:
    if target == Target():
        return "*"
    if target.label:
        if target != Target(label=target.label):
            raise InvalidPolicy("expected a category alone, found one within a table")
        return category(target.label)
    if target.part and not target.column:
        raise InvalidPolicy("expected a column before a part")
    words = [target.column, *target.part.split(".")] if target.part else [target.column]
    return ".".join((name(target.table, ROOTS), *(map(name, words) if target.column else "*")))


def _folded(head: str, rule: Rule, redaction: str) -> Iterator[str]:
    """Yield the first lines of a long rule: its targets, as many a line as fit."""
    pieces = [f"{_target(target)}," for target in rule.targets]
    pieces[-1] = f"{pieces[-1][:-1]} {redaction}".rstrip()
    line = f"{head} on"
    for piece in pieces:
        if len(line) + 1 + len(piece) > WIDTH and not line.endswith(" on"):
            yield line
            line = _INDENT + piece
        else:
            line = f"{line} {piece}"
    yield line
