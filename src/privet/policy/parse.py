"""From text to the tree of a policy: every fault at once, each with its place, in time linear in the text.

A message names words of the language, of the taxonomy and of the data types, never what was written: a name may be a
value that lacks its quotes. Whether a vault has the tables and columns that rules name is `bind`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from privet.errors import InvalidPolicy
from privet.policy.clauses import CLAUSES, Clause
from privet.policy.clauses._cursor import Cursor, Draft
from privet.policy.clauses._margin import Margin, about
from privet.policy.clauses._tokens import END
from privet.policy.clauses._words import ACTION_WORDS, ON_ALL, ROOTS, STARTERS
from privet.policy.promises import VOWS, Vow
from privet.policy.syntax import Effect, Notes, Policy, Promise, Role, Rule, Span, Target
from privet.vocabulary.access import Action, Purpose
from privet.vocabulary.taxonomy import Kind, Label

MOST_CHARACTERS = 1_000_000

# Control characters, and those that reorder text or break lines for people but not for us: a rule would not be what
# it looks like (CVE-2021-42574).
_HIDDEN = re.compile("[\0-\b\v\f\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\r(?!\n)")
_ENDS = frozenset({*STARTERS, ";", END})
_CLAUSE = "a clause or the next rule"
_STARTS = "`role`, `allow`, `deny`, `require`, `limit`, `erase` or `keep`"


def parse(text: str, file: str = "", version: str = "", *, labels: Iterable[Label] = ()) -> Policy:
    """Return the policy that a text says.

    `file`: named before line and column in `at` of faults. `version`: what audit entries name. `labels`: the team's own
    categories, uses and subjects, which a text names as it does the built-in ones.
    Raises InvalidPolicy: message and place of the first fault, and in `faults` all of them, at most 1,000.
    """
    if len(text) > MOST_CHARACTERS:
        message = f"expected at most {MOST_CHARACTERS:,} characters"
        raise InvalidPolicy(message, at=file, faults=(InvalidPolicy(message, at=file),))
    reader = _Reader(Cursor(text.removeprefix("\ufeff"), file, _own(labels)))
    reader.statements()
    faults = tuple(reader.cursor.faults)
    if faults:
        raise InvalidPolicy(faults[0].message, hint=faults[0].hint, at=faults[0].at, faults=faults)
    return reader.policy(version)


def _own(labels: Iterable[Label]) -> dict[Kind, frozenset[str]]:
    own: dict[Kind, set[str]] = {}
    for label in labels:
        own.setdefault(label.kind, set()).add(label.key)
    return {kind: frozenset(keys) for kind, keys in own.items()}


@cache
def _clauses() -> dict[str, Clause]:
    return {clause.opens: clause for clause in CLAUSES.shipped()}


@cache
def _vows() -> dict[str, Vow]:
    return {vow.opens[0]: vow for vow in VOWS.shipped()}


# To look for plug-ins takes longer than to read most texts, and few words are of none that ships.


@cache
def _more_clauses() -> dict[str, Clause]:
    return {clause.opens: clause for clause in CLAUSES.added()}


@cache
def _more_vows() -> dict[str, Vow]:
    return {vow.opens[0]: vow for vow in VOWS.added()}


def says_nothing(role: Role) -> bool:
    """Return whether all that is known of a role are rules outside its block."""
    return bool(role.rules) and not role.purposes and all(rule.roles for rule in role.rules)


class _Block:
    """A role that is being read."""

    def __init__(self, name: str, purposes: tuple[Purpose, ...], span: Span, notes: Notes) -> None:
        self.name, self.purposes, self.span, self.notes = name, purposes, span, notes
        self.rules: list[Rule] = []

    def role(self, loose: list[Rule]) -> Role:
        return Role(self.name, about(self.notes), (*self.rules, *loose), self.purposes, self.span, self.notes)


class _Reader:
    """One pass over one text."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.blocks: dict[str, _Block] = {}
        self.block: _Block | None = None
        self.loose: list[Rule] = []
        self.promises: list[Promise] = []
        self.margin = Margin(cursor)
        self.clauses, self.vows = _clauses(), _vows()

    def policy(self, version: str) -> Policy:
        loose: dict[str, list[Rule]] = {}
        for rule in self.loose:
            for name in rule.roles:
                loose.setdefault(name, []).append(rule)
        roles = [block.role(loose.pop(name, [])) for name, block in self.blocks.items()]
        roles += [Role(name, "", tuple(rules)) for name, rules in loose.items()]
        # Roles that say nothing of their own come last, by name, whether a line of theirs stands in the text or not.
        roles.sort(key=lambda role: role.name if says_nothing(role) else "")
        return Policy(version, tuple(roles), tuple(self.promises), self.margin.rest())

    # -- statements --------------------------------------------------------------------------------------------

    def statements(self) -> None:
        """Read every statement. After a fault, reading goes on at the next one."""
        cursor = self.cursor
        if not cursor.text.replace("\n", "").isprintable():  # far quicker than the pattern
            for match in _HIDDEN.finditer(cursor.text):
                cursor.note(cursor.fault_at(match.start(), "expected no control characters, found one that hides text"))
        while cursor.keys[cursor.at] != END:
            start = cursor.at
            try:
                self._statement()
            except InvalidPolicy as fault:
                cursor.note(fault)
                cursor.recover(start)

    def _statement(self) -> None:
        cursor = self.cursor
        start = cursor.at
        key = cursor.keys[start]
        if key == "allow" or (key == "deny" and cursor.keys[start + 1] != "use"):
            cursor.at += 1
            self._rule("allow" if key == "allow" else "deny", start)
        elif (vow := self._vow(key)) is not None:
            cursor.at += 1
            if vow.opens[1]:
                cursor.expect(vow.opens[1])
            make = vow.read(cursor)
            self.promises.append(make(*self._ended(start)))
            self.block = None
        elif key == "role":
            self._role(start)
        else:
            cursor.fail(_STARTS, cursor.near(cursor.raws[start], STARTERS))

    def _vow(self, key: str) -> Vow | None:
        found = self.vows.get(key)
        return found if found is not None or key == "role" else _more_vows().get(key)

    def _role(self, start: int) -> None:
        cursor = self.cursor
        cursor.at += 1
        name = cursor.name("the name of a role")
        purposes = cursor.purposes() if cursor.skip("for") else ()
        self.block = _Block(name, purposes, *self._ended(start))
        if name in self.blocks:
            cursor.note(cursor.fault("expected each role once, found one twice", at=start + 1))
        self.blocks[name] = self.block

    def _ended(self, start: int) -> tuple[Span, Notes]:
        """Return span and notes of the statement that ends here. Raises InvalidPolicy if nothing may end here."""
        cursor = self.cursor
        end = cursor.at
        key = cursor.keys[end]
        if key == ";":
            cursor.at += 1
        elif key != END and key not in STARTERS:
            message = "the end of the statement" if cursor.keys[start] not in ("allow", "deny") else _CLAUSE
            cursor.fail(message, cursor.near(cursor.raws[end], self.clauses))
        return cursor.span(start, end), self.margin.notes(start, cursor.at)

    # -- rules -------------------------------------------------------------------------------------------------

    def _rule(self, effect: Effect, start: int) -> None:
        cursor = self.cursor
        draft = Draft(effect, actions=self._actions())
        self._targets(draft)
        table = draft.table
        said = set()
        while (clause := self._clause(cursor.keys[cursor.at])) is not None:
            if clause.opens in said:
                raise cursor.fault(f"expected each clause once, found `{clause.opens}` twice")
            said.add(clause.opens)
            if clause.allows and effect == "deny":
                hint = "write it in the rule that allows"
                cursor.note(cursor.fault(f"a rule that denies says no `{clause.opens}`", hint))
            cursor.at += 1
            clause.read(cursor, draft)
        if draft.table != table:  # the targets began with the name of the vault
            draft.targets = tuple(Target(draft.table, span=target.span) for target in draft.targets)
        span, notes = self._ended(start)
        self._keep(
            draft,
            Rule(
                effect=effect,
                actions=draft.actions,
                targets=draft.targets,
                redaction=draft.redaction,
                where=draft.where,
                purposes=draft.purposes,
                connection=draft.connection,
                budget=draft.budget,
                until=draft.until,
                unsafe=draft.unsafe,
                roles=draft.roles,
                span=span,
                notes=notes,
            ),
            start,
        )

    def _clause(self, key: str) -> Clause | None:
        found = self.clauses.get(key)
        return found if found is not None or key in _ENDS else _more_clauses().get(key)

    def _keep(self, draft: Draft, rule: Rule, start: int) -> None:
        cursor = self.cursor
        if self.block is None:
            if not draft.roles:
                hint = "a rule stands below a `role` line, or names its roles with `to`"
                cursor.note(cursor.fault("expected a rule of some role, found one of none", hint, at=start))
            self.loose.append(rule)
            return
        if draft.roles:
            hint = "rules with `to` stand before the first `role` line"
            cursor.note(cursor.fault("a rule below a `role` line says no `to`", hint, at=start))
        self.block.rules.append(rule)

    def _actions(self) -> tuple[Action, ...]:
        found = self._action(())
        while self.cursor.skip(","):
            found += self._action(found)
        return found

    def _action(self, before: tuple[Action, ...]) -> tuple[Action, ...]:
        cursor = self.cursor
        actions = ACTION_WORDS.get(cursor.keys[cursor.at])
        if actions is None:
            cursor.fail("an action", cursor.near(cursor.raws[cursor.at], ACTION_WORDS))
        cursor.at += 1
        if before and not set(before).isdisjoint(actions):
            cursor.note(cursor.fault("expected each action once, found one twice", at=cursor.at - 1))
            return ()
        return actions

    # -- targets -----------------------------------------------------------------------------------------------

    def _targets(self, draft: Draft) -> None:
        cursor = self.cursor
        if not cursor.skip("on"):
            if not ON_ALL.issuperset(draft.actions):
                cursor.fail("`on`", "`on *` is every column of every table")
            draft.targets = (Target(),)
            return
        found = [self._target()]
        draft.table, draft.column = found[0].table, self._grouped(found[0])
        while cursor.skip(","):
            target = self._target()
            found.append(target)
            draft.table = draft.table if target.table == draft.table else ""
            draft.column = draft.column if self._grouped(target) == draft.column else ""
        draft.targets = tuple(found)

    def _grouped(self, target: Target) -> str:
        """Return the `b` of the target `a.b.*`, which has just been read; "" for another."""
        return target.column if not target.part and self.cursor.keys[self.cursor.at - 1] == "*" else ""

    def _target(self) -> Target:
        cursor = self.cursor
        keys = cursor.keys
        start = cursor.at
        key = keys[start]
        if key == "*":
            cursor.at += 1
            return Target(span=cursor.span(start, cursor.at))
        if key in ROOTS:
            label = cursor.label("category")
            if keys[cursor.at] == ".":
                cursor.fail("a category", "a category covers what stands below it without `.*`")
            return Target(label=label, span=cursor.span(start, cursor.at))
        table = cursor.word("a column, a category or `*`")
        if keys[cursor.at] != ".":
            cursor.fail("`.` and a column", "all columns of a table are `table.*`")
        column, *parts = self._below() or [""]
        return Target(table, column, "", ".".join(parts), cursor.span(start, cursor.at))

    def _below(self) -> list[str]:
        """Return the names after that of a table, without the `*` that may stand for the last."""
        cursor = self.cursor
        keys = cursor.keys
        words: list[str] = []
        while keys[cursor.at] == ".":
            cursor.at += 1
            if keys[cursor.at] == "*":
                cursor.at += 1
                break
            words.append(cursor.word("the name of a column or part, or `*`"))
        return words
