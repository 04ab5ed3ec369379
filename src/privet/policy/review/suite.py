"""Tests of a policy: tables of who asks for what and what they shall see, in YAML beside it.

    policy: support.policy
    schema: vault.yml
    tests:
      - name: agents see masked names in California
        as: support_agent
        purpose: essential.service.operations.support
        action: read
        table: customers
        row: {state: CA}
        expect: {name: masked, ssn: denied}

Every test is one question to `decide`. Reading files, and judging a condition on a record, are brought by callers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Collection as Some
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from xml.sax.saxutils import quoteattr

from privet.codec import Node, encode, read_yaml
from privet.errors import Denied, InvalidPolicy, InvalidValue, PrivetError
from privet.near import meant
from privet.policy.bind import keys
from privet.policy.decide import decide, may
from privet.policy.permit import ASKING, Sight
from privet.policy.review.meaning import ABOUT_ALL
from privet.policy.syntax import Policy
from privet.vocabulary.access import ACTIONS, Access, Action, Principal, Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.datatype import Wire
from privet.vocabulary.flag import RESTRICTION, objection
from privet.vocabulary.predicate import ALWAYS, CONSENT, QUEUE, Compare, Predicate, comparisons
from privet.vocabulary.typed import field_type

RECORD = bytes(15) + b"\x01"  # the id of the record that a test is about
ALLOWED, DENIED = "allowed", "denied"
START = datetime(2030, 1, 1, tzinfo=UTC)  # when a test happens that does not say `at`

Lookup = Callable[[str], str | None]
Holds = Callable[[Lookup], bool | None]
Judge = Callable[[Predicate, Collection], Holds]
"""A condition and the table that it is about → what says of a record whether it holds."""

_FILE_KEYS = frozenset({"policy", "schema", "template", "tests"})
_TEST_KEYS = frozenset({"name", "as", "granted", "attributes", "purpose", "through", "at"})
_TEST_KEYS |= {"action", "table", "row", "queues", "consents", "flags", "expect"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One question and its answer. `row`: column → canonical text, JSON of canonical texts for an array; None or absent
    for no value. `expect`: column → redaction, ALLOWED or DENIED; the column "" for the whole record."""

    __test__ = False  # for pytest, which takes the name for one of its own

    name: str
    at: str
    who: Principal
    access: Access
    now: datetime
    queues: frozenset[str]
    consents: frozenset[str]
    flags: frozenset[str]
    row: Mapping[str, str | None]
    expect: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The tests of one file. `policy`, `schema`, `template`: what the file says that they are about."""

    file: str
    policy: str = ""
    schema: str = ""
    template: str = ""
    root: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came out of a test. `faults`: what was expected of which column and what was found, by which rule."""

    name: str
    at: str
    faults: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        return not self.faults


def open_suite(text: str, file: str) -> Suite:
    """Return what a file of tests says that it is about. Raises MalformedBody, InvalidPolicy."""
    root = read_yaml(text, file)
    if not isinstance(root.value, dict):
        raise InvalidPolicy("expected `policy`, `schema` and `tests`", at=str(root.place))
    reader = _Reader(file)
    reader.known(root, _FILE_KEYS)
    named = {key: reader.text(root.value.get(key)) for key in ("policy", "schema", "template")}
    if not named["schema"] and not named["template"]:
        reader.fault(root, "expected `schema` or `template`", "the tables that the tests are about")
    reader.finish()
    return Suite(file=file, root=root, **named)


def run(suite: Suite, policy: Policy, schema: Dataset, judge: Judge) -> list[Result]:
    """Return what came out of every test. Raises InvalidPolicy, holding every fault of the file with its place."""
    reader = _Reader(suite.file, policy, schema)
    tests = list(reader.tests(suite.root))
    reader.finish()
    return [_run(test, policy, schema, judge) for test in tests]


# --- running ----------------------------------------------------------------------------------------------------


def _run(test: Test, policy: Policy, schema: Dataset, judge: Judge) -> Result:
    faults = []
    for column, expected in test.expect.items():
        found, rule = _found(test, column, policy, schema, judge)
        if found != expected:
            by = f", by {rule}" if rule else ""
            place = f"`{test.access.table}.{column}`" if column else f"`{test.access.table or 'the vault'}`"
            faults.append(f"expected {place} {expected}, found {found}{by}")
    return Result(name=test.name, at=test.at, faults=tuple(faults))


def _found(test: Test, column: str, policy: Policy, schema: Dataset, judge: Judge) -> tuple[str, str]:
    """Return what the caller sees of a column, and the rule that says so."""
    table = schema.collection(test.access.table)
    if table is None:
        try:
            may(policy, test.who, test.access.action, test.access.purpose, now=test.now)
        except Denied:
            return DENIED, ""
        return ALLOWED, ""
    access = replace(test.access, columns=(column,) if column else tuple(field.name for field in table.fields))
    queues = {name: (RECORD,) if name in test.queues else () for name in _queues(policy)}
    try:
        permit = decide(policy, test.who, access, table, now=test.now, queues=queues, flags=test.flags)
    except Denied:
        return DENIED, ""
    read = _lookup(test)
    sights = permit.columns.get(column, ()) if column else (Sight("plain_text", permit.rows),)
    for sight in sights:
        if judge(sight.where, table)(read) is True:
            return sight.redaction if access.action in ASKING else ALLOWED, str(sight.rule) if sight.rule.role else ""
    return DENIED, ""


def _queues(policy: Policy) -> Iterator[str]:
    for role in policy.roles:
        for rule in role.rules:
            for leaf in comparisons(rule.where) if rule.where != ALWAYS else ():
                if leaf.target == QUEUE and isinstance(leaf, Compare):
                    yield str(leaf.value)


def _lookup(test: Test) -> Lookup:
    def read(place: str) -> str | None:
        if place == "id":
            return "00000000-0000-0000-0000-000000000001"
        if place.startswith(CONSENT):
            return "yes" if place.partition(" ")[2] in test.consents | test.flags else "no"
        return test.row.get(place)

    return read


# --- reading ----------------------------------------------------------------------------------------------------


class _Reader:
    """One pass over one file; collects faults instead of stopping."""

    def __init__(self, file: str, policy: Policy | None = None, schema: Dataset | None = None) -> None:
        self.file = file
        self.faults: list[PrivetError] = []
        self.roles = [role.name for role in policy.roles] if policy else []
        self.schema = schema
        self.tables = [table.name for table in schema.collections] if schema else []

    def fault(self, node: Node, message: str, hint: str = "") -> None:
        self.faults.append(InvalidPolicy(message, hint=hint, at=str(node.place)))

    def finish(self) -> None:
        """Raise InvalidPolicy if there is any fault."""
        if self.faults:
            count = f"{len(self.faults)} fault{'s' if len(self.faults) > 1 else ''}"
            raise InvalidPolicy(f"{count} in the tests", at=self.file, faults=tuple(self.faults))

    # -- small readers -----------------------------------------------------------------------------------------

    def known(self, node: Node, allowed: Some[str]) -> None:
        for key, value in node.items():
            if key not in allowed:
                self.fault(value, "expected a key of the tests, found another", meant(key, allowed))

    def text(self, node: Node | None, default: str = "") -> str:
        if node is None or node.value is None:
            return default
        if isinstance(node.value, str):
            return node.value
        self.fault(node, "expected text")
        return default

    def words(self, node: Node | None) -> list[str]:
        if node is None or node.value is None:
            return []
        if isinstance(node.value, list):
            return [self.text(item) for item in node.value]
        return [self.text(node)]

    def among(self, node: Node | None, known: Iterable[str], what: str) -> list[str]:
        """Return the words of a node, each of which must be known."""
        every, found = set(known), self.words(node)
        for word in found:
            if word not in every and node is not None:
                self.fault(node, f"expected {what}, found none of that name", meant(word, every))
        return found

    def one(self, node: Node | None, known: Iterable[str], what: str) -> list[str]:
        """Return the word of a node, which must be known and stand alone."""
        found = self.among(node, known, what)
        if len(found) > 1 and node is not None:
            self.fault(node, f"expected {what}, found several")
        return found

    # -- tests ---------------------------------------------------------------------------------------------------

    def tests(self, root: Node) -> Iterator[Test]:
        listed = root.value.get("tests") if isinstance(root.value, dict) else None
        if listed is None or not isinstance(listed.value, list) or not listed.value:
            self.fault(listed or root, "expected `tests`, a list of at least one")
            return
        for at, node in enumerate(listed.value, start=1):
            if isinstance(node.value, dict):
                yield from self.test(node, node.value, at)
            else:
                self.fault(node, "expected a test: `as`, `action`, `expect`")

    def test(self, node: Node, fields: Mapping[str, Node], at: int) -> Iterator[Test]:
        """Yield the test once for each of its actions."""
        self.known(node, _TEST_KEYS)
        before = len(self.faults)
        get = fields.get
        stated = self.one(get("purpose"), keys("use"), "a purpose of the taxonomy")
        granted = self.among(get("granted"), keys("use"), "purposes of the taxonomy") or stated
        actions = self.among(get("action"), ACTIONS, "an action")
        roles = self.among(get("as"), self.roles, "roles of the policy")
        table = self.table(node, get("table"), actions)
        for key, found in (("as", roles), ("action", actions)):
            if not found:
                self.fault(node, f"expected `{key}`")
        who = Principal(
            id="test",
            name="test",
            roles=tuple(roles),
            purposes=tuple(map(Purpose, granted)),
            attributes={name: str(value.value) for name, value in self.mapping(get("attributes"))},
        )
        made = Test(
            name=self.text(get("name"), f"test {at}"),
            at=str(node.place),
            who=who,
            access=Access("read", table.name if table else "", (), Purpose(stated[0]) if stated else None),
            now=self.moment(get("at")),
            queues=frozenset(self.words(get("queues"))),
            consents=frozenset(self.words(get("consents"))),
            flags=frozenset(self.among(get("flags"), _flags(), "`restriction`, or `objection:` and a use")),
            row=dict(self.row(get("row"), table)),
            expect={},
        )
        through = self.text(get("through"))
        for action in ACTIONS:
            if action in actions:
                expect = dict(self.expected(node, get("expect"), table, action))
                access = replace(made.access, action=action, connection=through)
                if len(self.faults) == before:
                    yield replace(made, access=access, expect=expect)

    def table(self, test: Node, node: Node | None, actions: Some[str]) -> Collection | None:
        named = self.one(node, self.tables, "a table of the schema")
        if not named and not ABOUT_ALL.issuperset(actions):
            self.fault(test, "expected `table`")
        return self.schema.collection(named[0]) if named and self.schema else None

    def moment(self, node: Node | None) -> datetime:
        if node is None:
            return START
        try:
            found = datetime.fromisoformat(self.text(node))
        except ValueError:
            self.fault(node, "expected a date (`2027-01-31`) or a moment (`2027-01-31T18:00:00Z`)")
            return START
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found

    def mapping(self, node: Node | None) -> Iterator[tuple[str, Node]]:
        if node is not None and not isinstance(node.value, dict) and node.value is not None:
            self.fault(node, "expected names and values")
        yield from node.items() if node else ()

    def row(self, node: Node | None, table: Collection | None) -> Iterator[tuple[str, str | None]]:
        for name, value in self.mapping(node):
            field = table.field(name) if table else None
            if field is None:
                known = [field.name for field in table.fields] if table else []
                self.fault(value, "expected a column of the table", meant(name, known))
                continue
            try:
                yield name, _canonical(field, value.plain())
            except InvalidValue as error:
                self.fault(value, f"expected `{field.type}`: {error.rule}")

    def expected(
        self, test: Node, node: Node | None, table: Collection | None, action: Action
    ) -> Iterator[tuple[str, str]]:
        if node is None or not node.value:
            self.fault(test, "expected `expect`: columns and how they are shown, or `denied`")
        elif isinstance(node.value, str):
            yield from self.whole(node, node.value, table, action)
        for name, value in self.mapping(node) if node and isinstance(node.value, dict) else ():
            field = table.field(name) if table else None
            if field is None:
                self.fault(value, "expected a column of the table")
                continue
            kind = field_type(field)
            parts = tuple(part.name for part in kind.parts)
            said = self.text(value)
            known = (*kind.redactions, *parts, DENIED) if action in ASKING else (ALLOWED, DENIED)
            if said not in known:
                self.fault(value, f"expected one of {', '.join(f'`{word}`' for word in known)}")
            yield name, said

    def whole(self, node: Node, said: str, table: Collection | None, action: Action) -> Iterator[tuple[str, str]]:
        """Yield what is expected of a whole record, or of each of its columns."""
        if said not in (ALLOWED, DENIED) or (said == ALLOWED and action in ASKING):
            self.fault(node, "expected `denied`, or columns and how they are shown")
        elif table is None or action == "delete":
            yield "", said
        else:
            yield from ((field.name, said) for field in table.fields)


def _flags() -> list[str]:
    return [RESTRICTION, *map(objection, sorted(keys("use")))]


def _canonical(field: Field, value: Wire) -> str | None:
    if value is None:
        return None
    if field.reference:
        return str(value)
    kind = field_type(field)
    if field.array:
        listed = value if isinstance(value, list) else [value]
        return encode([kind.normalize(item) for item in listed]).decode()
    return kind.normalize(value)


# --- reports ----------------------------------------------------------------------------------------------------


def report(results: Iterable[Result]) -> str:
    """Return what failed, and how many there were."""
    every = list(results)
    failed = [result for result in every if not result.sound]
    lines = [f"{r.at}: {r.name}\n" + "".join(f"  {fault}\n" for fault in r.faults) for r in failed]
    return "".join(lines) + f"{len(every) - len(failed)} passed, {len(failed)} failed\n"


def junit(results: Iterable[Result], name: str = "policy") -> str:
    """Return results as JUnit's XML, which most continuous integrations read."""
    every = list(results)
    failed = sum(not result.sound for result in every)
    cases = "".join(_junit_case(result) for result in every)
    head = f'<testsuite name={quoteattr(name)} tests="{len(every)}" failures="{failed}" errors="0">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{head}\n{cases}</testsuite>\n</testsuites>\n'


def _junit_case(result: Result) -> str:
    file, line, _ = result.at.rsplit(":", 2)
    head = f'<testcase classname={quoteattr(file)} name={quoteattr(result.name)} file={quoteattr(file)} line="{line}"'
    if result.sound:
        return f"{head}/>\n"
    return f"{head}><failure message={quoteattr('; '.join(result.faults))}/></testcase>\n"
