"""Rules for what somebody says in plain words, by matching words to a schema: plain, repeatable, and never applied.

"support team reads names and the last four of cards in California" becomes rules, each with why its words were taken
so. What was not understood is said. Where a condition cannot be kept on a table, the rule is made narrower, not wider.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from privet.errors import InvalidValue
from privet.policy.bind import faults
from privet.policy.clauses._words import RESERVED
from privet.policy.clauses._words import name as written
from privet.policy.format import rule_lines
from privet.policy.syntax import Policy, Role, Rule, Target
from privet.vocabulary import taxonomy
from privet.vocabulary.access import Action, Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.datatype import DataType
from privet.vocabulary.predicate import ALWAYS, QUEUE, Compare, Predicate, both
from privet.vocabulary.typed import field_type

MOST_WORDS = 200
_WORD = re.compile(r"[A-Za-z0-9_@.'-]*[A-Za-z0-9_]")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_ACTIONS: dict[str, Action] = {
    **dict.fromkeys(("read", "reads", "see", "sees", "view", "views", "look", "looks", "show", "shown"), "read"),
    **dict.fromkeys(("add", "adds", "insert", "inserts", "create", "creates"), "insert"),
    **dict.fromkeys(("change", "changes", "update", "updates", "edit", "edits", "correct", "corrects"), "update"),
    **dict.fromkeys(("delete", "deletes", "remove", "removes"), "delete"),
    **dict.fromkeys(("tokenize", "tokenizes"), "tokenize"),
    **dict.fromkeys(("detokenize", "detokenizes", "reveal", "reveals"), "detokenize"),
    **dict.fromkeys(("search", "searches", "find", "finds", "count", "counts"), "search"),
    **dict.fromkeys(("export", "exports", "download", "downloads"), "export"),
}
_REDACTIONS: dict[tuple[str, ...], str] = {
    ("last", "four"): "last_four",
    ("last", "4"): "last_four",
    ("last", "three"): "last_three",
    ("last", "two"): "last_two",
    ("first", "six"): "first_six",
    ("first", "initial"): "first_initial",
    ("initials",): "first_initial",
    ("masked",): "masked",
    ("year",): "year",
    ("years",): "year",
    ("decade",): "decade",
    ("domain",): "domain",
    ("domains",): "domain",
    ("full",): "plain_text",
    ("plain",): "plain_text",
    ("clear",): "plain_text",
}
_NOISE = frozenset(
    {"a", "all", "an", "and", "any", "are", "at", "be", "by", "can", "digits", "every", "from", "group", "in", "is"}
    | {"it", "its", "may", "must", "of", "on", "only", "or", "our", "people", "records", "team", "that", "the", "their"}
    | {"them", "they", "to", "up", "us", "we", "what", "whose", "who", "with", "staff", "should", "need", "needs"}
)
_NUMBERED = ("card", "bank")  # families of types that people call by the thing whose number it is
_PLURALS = (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("es", "e"), ("s", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """One rule, as the language writes it, and why each of its words is there. `faults`: what the schema lacks."""

    rule: str
    why: tuple[str, ...]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Rules for a role. `missed`: words that nothing was made of. `ask`: what the words leave open."""

    role: str
    rules: tuple[Suggested, ...]
    missed: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the rules as a policy's text, each below why it is so."""
        lines = (
            [f"# Not understood, so a rule may be wider than what was said: {', '.join(self.missed)}"]
            if self.missed
            else []
        )
        lines += [*(f"# Open: {question}" for question in self.ask), f"role {written(self.role, RESERVED)}"]
        for found in self.rules:
            lines += ["", *(f"# {why}" for why in (*found.why, *found.faults)), found.rule]
        return "\n".join(lines) + "\n"


def suggest(words: str, schema: Dataset) -> Suggestion:
    """Return rules for what the words say of a schema. They are shown, never applied."""
    return _Reader(words, schema).suggestion()


# --- reading ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """What a word stands for. `at`: its place; `targets`: columns; `redaction`: how they are shown, "" unsaid."""

    at: int
    said: str
    targets: tuple[tuple[Collection, Field], ...] = ()
    redaction: str = ""


class _Reader:
    def __init__(self, words: str, schema: Dataset) -> None:
        self.schema = schema
        self.raw = _WORD.findall(words)[:MOST_WORDS]
        self.words = [word.lower().removesuffix("'s").strip(".") for word in self.raw]
        self.taken: set[int] = set()
        self.ask: list[str] = []

    def suggestion(self) -> Suggestion:
        actions, first = self.actions()
        role = self.role(first)
        until = self.until()
        redactions = list(self.redactions())
        wheres = list(self.values(first))
        purposes = self.purposes()
        objects = self.objects(first)
        if not objects:
            self.ask.append("which columns? no word names one of the schema")
        rules = [
            suggested
            for found in self.paired(objects, redactions)
            for suggested in self.rules(found, actions, role, (wheres, purposes, until))
        ]
        missed = [word for at, word in enumerate(self.raw) if at not in self.taken and self.words[at] not in _NOISE]
        return Suggestion(role=role, rules=tuple(rules), missed=tuple(missed), ask=tuple(self.ask))

    def take(self, at: int, count: int = 1) -> None:
        self.taken.update(range(at, at + count))

    def actions(self) -> tuple[dict[Action, str], int]:
        """Return the actions, each with its word, and the place of the first."""
        found: dict[Action, str] = {}
        first = len(self.words)
        for at, word in enumerate(self.words):
            action = _ACTIONS.get(word)
            if action is not None:
                found.setdefault(action, self.raw[at])
                first = min(first, at)
                self.take(at)
        if not found:
            self.ask.append("to do what? `read` is assumed")
            return {"read": ""}, 0
        return found, first

    def role(self, first: int) -> str:
        named = [word for word in self.words[:first] if word not in _NOISE and word.isidentifier()]
        self.take(0, first)
        if not named:
            self.ask.append("who? the words before the first verb name the role")
        return "_".join(named) or "somebody"

    def until(self) -> datetime | None:
        for at, word in enumerate(self.words[:-1]):
            if word in ("until", "before") and _DATE.fullmatch(self.words[at + 1]):
                self.take(at, 2)
                try:
                    return datetime.fromisoformat(self.words[at + 1]).replace(tzinfo=UTC)
                except ValueError:
                    self.ask.append("until when? the date is in no calendar")
        return None

    def redactions(self) -> Iterator[_Found]:
        for at in range(len(self.words)):
            for pattern, name in _REDACTIONS.items():
                if tuple(self.words[at : at + len(pattern)]) == pattern and at not in self.taken:
                    self.take(at, len(pattern))
                    yield _Found(at, " ".join(self.raw[at : at + len(pattern)]), redaction=name)

    def purposes(self) -> tuple[tuple[Purpose, str], ...]:
        """Return what stands after `for` and is, or ends, a data use."""
        uses = sorted((label.key for label in taxonomy.labels("use")), key=lambda key: (key.count("."), key))
        found = []
        for at, word in enumerate(self.words[:-1]):
            said = self.words[at + 1]
            use = next((key for key in uses if key == said or key.rpartition(".")[2] == said), "")
            if word == "for" and use:
                self.take(at, 2)
                found.append((Purpose(use), f"`for {said}` is the data use {use}"))
        return tuple(found)

    # -- values ------------------------------------------------------------------------------------------------

    def values(self, first: int) -> Iterator[tuple[str, DataType, str]]:
        """Yield (what was said, type, canonical value) for values of types that take few."""
        kinds = {field.type: field_type(field) for table in self.schema.collections for field in table.fields}
        few = [
            kind
            for kind in kinds.values()
            if kind.few and kind.name not in ("boolean", "person.suffix", "person.prefix")
        ]
        for size in (3, 2, 1):
            for at in range(first, len(self.words) - size + 1):
                if self.taken.intersection(range(at, at + size)):
                    continue
                said = " ".join(self.raw[at : at + size])
                for kind in few if self.is_value(said, size) else ():
                    value = _normal(kind, said)
                    if value:
                        self.take(at, size)
                        yield said, kind, value
                        break

    def is_value(self, said: str, size: int) -> bool:
        """Return whether words may be a value: `in` is a code of a state too, but nobody who writes it means that."""
        return size > 1 or (said.lower() not in _NOISE and (len(said) > 3 or said.isupper()) and not said.isdigit())

    # -- columns -----------------------------------------------------------------------------------------------

    def objects(self, first: int) -> list[_Found]:
        """Return the columns that words name, by their own names, then by their types', then by their labels."""
        named = dict(self.tables())
        found: list[_Found] = []
        for size in (3, 2, 1):
            for at in range(first, len(self.words) - size + 1):
                if self.taken.intersection(range(at, at + size)):
                    continue
                phrase = "_".join(_singular(word) for word in self.words[at : at + size])
                targets = self.columns(phrase, list(named.values())) if phrase not in _NOISE else ()
                if targets:
                    self.take(at, size)
                    found.append(_Found(at, " ".join(self.raw[at : at + size]), targets))
        held = {table.name for item in found for table, _ in item.targets}
        for at, table in named.items():
            if table.name not in held:  # named for itself, and not for a column of it
                every = tuple((table, field) for field in table.fields if not field.reference)
                found.append(_Found(at, self.raw[at], every))
        return sorted(found, key=lambda item: item.at)

    def tables(self) -> Iterator[tuple[int, Collection]]:
        """Yield the place and table of each word that is one, and no column."""
        for at, word in enumerate(self.words):
            for table in self.schema.collections:
                said = _singular(word) == _singular(table.name) and at not in self.taken
                if said and not self.columns(_singular(word), []):
                    self.take(at)
                    yield at, table

    def columns(self, phrase: str, named: Sequence[Collection]) -> tuple[tuple[Collection, Field], ...]:
        """Return what a phrase names: in the tables that are named, if they have it, else in any."""
        for tables in (named, self.schema.collections):
            every = [(table, field) for table in tables for field in table.fields if not field.reference]
            for fits in (_by_name, _by_type, _by_table, _by_label):
                found = tuple(pair for pair in every if fits(phrase, *pair))
                if found:
                    return found
        return ()

    def paired(self, objects: Sequence[_Found], redactions: Sequence[_Found]) -> Iterator[_Found]:
        """Yield each object with its redaction: the one before it, or one that follows it as in `names in full`."""
        chosen: dict[int, _Found] = {}
        for redaction in redactions:
            after = next((at for at, item in enumerate(objects) if item.at > redaction.at), None)
            before = [at for at, item in enumerate(objects) if item.at < redaction.at]
            follows = redaction.at > 0 and self.words[redaction.at - 1] == "in"
            place = before[-1] if before and (follows or after is None) else after
            if place is not None:
                chosen.setdefault(place, redaction)
        for at, item in enumerate(objects):
            said = chosen.get(at)
            yield replace(item, redaction=said.redaction, said=f"{said.said} {item.said}") if said else item

    # -- rules -------------------------------------------------------------------------------------------------

    def rules(
        self,
        found: _Found,
        actions: dict[Action, str],
        role: str,
        limits: tuple[list[tuple[str, DataType, str]], tuple[tuple[Purpose, str], ...], datetime | None],
    ) -> Iterator[Suggested]:
        values, purposes, until = limits
        by_table: dict[str, list[Field]] = {}
        for table, field in found.targets:
            by_table.setdefault(table.name, []).append(field)
        for table in self.schema.collections:
            name, fields = table.name, by_table.get(table.name, [])
            redaction, fitting, shown = _redaction(found, fields)
            where, rows = _where(table, values, role)
            named = ", ".join(f"{name}.{field.name}" for field in fitting)
            rule = Rule(
                effect="allow",
                actions=tuple(actions),
                targets=tuple(Target(name, field.name) for field in fitting),
                redaction=redaction if {"read", "detokenize", "export"} & {*actions} else "",
                where=where,
                purposes=tuple(purpose for purpose, _ in purposes),
                until=until,
            )
            if fields and not fitting:
                self.ask.append(f"`{found.said}` of {name}: no column there has that mask, so no rule was made")
            if fitting:
                verbs = [f"`{word}` is {action}" for action, word in actions.items() if word]
                why = (*verbs, f"`{found.said}` is {named}", shown, *rows, *(text for _, text in purposes))
                yield Suggested(
                    rule="\n".join(rule_lines(rule)),
                    why=tuple(text for text in why if text),
                    faults=tuple(self.lacking(rule, role)),
                )

    def lacking(self, rule: Rule, role: str) -> Iterator[str]:
        for fault in faults(Policy("", (Role(role, "", (rule,)),)), self.schema):
            yield f"the schema lacks something: {fault.message}" + (f"; {fault.hint}" if fault.hint else "")


# --- matching ---------------------------------------------------------------------------------------------------


def _singular(word: str) -> str:
    """Return a word without its plural ending.

    >>> [_singular(word) for word in ("names", "addresses", "companies", "emails", "address")]
    ['name', 'address', 'company', 'email', 'address']
    """
    if word.endswith("ss") or len(word) < 4:
        return word
    for ending, put in _PLURALS:
        if word.endswith(ending):
            return word.removesuffix(ending) + put
    return word


def _words(name: str) -> str:
    return "_".join(_singular(part) for part in name.lower().replace(".", "_").split("_"))


def _by_name(phrase: str, table: Collection, field: Field) -> bool:
    return phrase == _words(field.name)


def _by_type(phrase: str, table: Collection, field: Field) -> bool:
    kind = field_type(field)
    return phrase in (_words(kind.name.rpartition(".")[2]), *map(_words, kind.headers))


def _by_table(phrase: str, table: Collection, field: Field) -> bool:
    """Return whether a word such as `card` stands for the number of one, which is the first of its columns."""
    family = field.type.partition(".")[0]
    first = next((other for other in table.fields if other.type.partition(".")[0] == family), None)
    return phrase == family and family in _NUMBERED and first is field


def _by_label(phrase: str, table: Collection, field: Field) -> bool:
    return any(phrase == _words(label.rpartition(".")[2]) for label in field.labels)


def _normal(kind: DataType, said: str) -> str:
    try:
        return kind.normalize(said)
    except InvalidValue:
        return ""


def _redaction(found: _Found, fields: Iterable[Field]) -> tuple[str, list[Field], str]:
    """Return the redaction, the columns that it fits, and why."""
    every = list(fields)
    name = found.redaction or "masked"
    fitting = [field for field in every if name in field_type(field).redactions]
    if not found.redaction:
        if len(fitting) < len(every):
            return "", fitting, "masked, for nothing else was said; columns without a mask are left out"
        return "masked", fitting, "masked, for nothing else was said"
    left = "" if len(fitting) == len(every) else "; columns that have no such mask are left out"
    return name, fitting, f"shown as {name}{left}"


def _where(table: Collection, values: Iterable[tuple[str, DataType, str]], role: str) -> tuple[Predicate, list[str]]:
    """Return the condition that values make on a table. Where it has no column for one, a queue stands in its place."""
    where: Predicate = ALWAYS
    rows: list[str] = []
    for said, kind, value in values:
        field = next((field for field in table.fields if field.type == kind.name and not field.array), None)
        if field is not None:
            where = both(where, Compare(field.name, "=", value))
            rows.append(f"`{said}` is {kind.name} of {table.name}.{field.name}")
        else:
            where = both(where, Compare(QUEUE, "=", role))
            rows.append(f"`{said}`: {table.name} has no column for it, so only records in the queue of {role}")
    return where, rows
