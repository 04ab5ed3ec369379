"""Seeing what policies of a vault do: explain them, compare two, test one, suggest rules. Changes nothing."""

from __future__ import annotations

import asyncio

from privet.app.services.policies import readable
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import InvalidInput
from privet.policy.parse import parse
from privet.policy.review import diff as differ
from privet.policy.review import explain as explainer
from privet.policy.review import suite as suites
from privet.policy.review.diff import Change
from privet.policy.review.explain import Matrix, Question
from privet.policy.review.suggest import Suggestion
from privet.policy.review.suggest import suggest as suggest_rules
from privet.policy.review.suite import Result
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Policy, Promise
from privet.vault.access import consents, policies
from privet.vault.log.history import last_used
from privet.vault.schema import Schema
from privet.vault.sight import judge
from privet.vault.vault import Vault
from privet.vocabulary import taxonomy
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Collection
from privet.vocabulary.predicate import Predicate

UNUSED_DAYS = 90
_DAY_MS = 86_400_000


class ExplainAsk(Ask, kw_only=True):
    """What roles may do together. `policy`: the version in force by default, another (0: the built-in roles alone), or
    a text. `table`, `stated`: only of that table, only for that purpose. `used`: mark what nobody used in 90 days."""

    vault: str = ""
    roles: list[str]
    policy: int | str | None = None
    file: str = "policy"
    table: str = ""
    stated: str = ""
    used: bool = False


class Explained(Answer, kw_only=True):
    """What the roles may do, column by column. `policy`: what was explained."""

    policy: str
    matrix: Matrix


class DiffAsk(Ask, kw_only=True):
    """Two policies, each a version (0: the built-in roles alone) or a text. `files`: their names in places."""

    vault: str = ""
    old: int | str
    new: int | str
    files: tuple[str, str] = ("old", "new")


class Differences(Answer):
    """Who gains and who loses what; empty where both mean the same."""

    changes: list[Change]


class TestAsk(Ask, kw_only=True):
    """Tests as YAML, run against a version or a text; by default what is in force. Their own `policy` and `schema` do
    not count."""

    __test__ = False

    vault: str = ""
    tests: str
    file: str = "tests.yml"
    policy: int | str | None = None


class Tested(Answer, kw_only=True):
    """What came out of each test."""

    sound: bool
    results: list[Result]


class SuggestAsk(Ask, kw_only=True):
    """Say in plain words who should see what."""

    vault: str = ""
    words: str


class Suggestions(Answer):
    """Rules with why they are so; nothing of it is saved."""

    suggestion: Suggestion
    text: str


async def explain(house: House, who: Caller, ask: ExplainAsk) -> Explained:
    """Show what roles may do."""
    vault = readable(house, who, ask.vault)
    if ask.table:
        vault.schema.table(ask.table)
    if ask.stated:
        taxonomy.get(ask.stated)
    name, policy = _policy(vault, ask.policy, ask.file)
    since = vault.clock() - UNUSED_DAYS * _DAY_MS
    question = Question(
        table=ask.table,
        purpose=Purpose(ask.stated) if ask.stated else None,
        now=house.now(),
        used=await asyncio.to_thread(last_used, vault, since) if ask.used else None,
        file=name,
        promised=_promised(house),
        flags=consents.in_force(vault),
    )
    schema = policies.dataset(vault.schema)
    matrix = await asyncio.to_thread(explainer.explain, policy, ask.roles, schema, question)
    return Explained(policy=name, matrix=matrix)


async def diff(house: House, who: Caller, ask: DiffAsk) -> Differences:
    """Compare two policies."""
    vault = readable(house, who, ask.vault)
    old, new = (_policy(vault, said, file) for said, file in zip((ask.old, ask.new), ask.files, strict=True))
    schema = policies.dataset(vault.schema)
    return Differences(changes=await asyncio.to_thread(differ.diff, old[1], new[1], schema, (old[0], new[0])))


async def test(house: House, who: Caller, ask: TestAsk) -> Tested:
    """Test a policy."""
    vault = readable(house, who, ask.vault)
    _, policy = _policy(vault, ask.policy, "policy")
    suite = suites.open_suite(ask.tests, ask.file)
    schema = vault.schema
    results = await asyncio.to_thread(suites.run, suite, policy, policies.dataset(schema), judge_by(schema))
    return Tested(sound=all(result.sound for result in results), results=results)


async def suggest(house: House, who: Caller, ask: SuggestAsk) -> Suggestions:
    """Suggest rules for what somebody says in plain words."""
    vault = readable(house, who, ask.vault)
    found = suggest_rules(ask.words, policies.dataset(vault.schema))
    return Suggestions(suggestion=found, text=found.text())


def judge_by(schema: Schema) -> suites.Judge:
    """Return how the vault itself judges a condition on a record of a schema."""

    def made(where: Predicate, table: Collection) -> suites.Holds:
        return judge(where, schema.table(table.name))

    return made


def _policy(vault: Vault, said: int | str | None, file: str) -> tuple[str, Policy]:
    """Return a policy with the built-in roles, and its name in places."""
    if said is None:
        active = policies.in_force(vault)
        return f"policy {active.activation.policy}", active.policy
    if isinstance(said, str):
        written = parse(said, file)
        return file, Policy(file, (*BUILT_IN.roles, *written.roles), written.promises)
    if said < 0:
        raise InvalidInput("expected a version from 0 on, or a text", at="policy")
    if not said:
        return "built-in", BUILT_IN
    written = parse(policies.text_now(vault.schema, policies.load(vault, said)))
    return f"policy {said}", Policy(f"policy {said}", (*BUILT_IN.roles, *written.roles), written.promises)


def _promised(house: House) -> tuple[Promise, ...]:
    newest = house.promises.newest()
    return parse(newest.text).promises if newest else ()


_PATH = "/v1/vaults/{vault}/policy"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="policies.explain",
        method="POST",
        path=_PATH + "/explain",
        ask=ExplainAsk,
        answer=Explained,
        run=explain,
        about="Show what roles may do, column by column, and which rule says so.",
        batch=True,
    ),
    Verb(
        name="policies.diff",
        method="POST",
        path=_PATH + "/diff",
        ask=DiffAsk,
        answer=Differences,
        run=diff,
        about="Show who gains and who loses what from one policy to another.",
        batch=True,
    ),
    Verb(
        name="policies.test",
        method="POST",
        path=_PATH + "/test",
        ask=TestAsk,
        answer=Tested,
        run=test,
        about="Test a policy: who asks for what, and what they shall see.",
        batch=True,
    ),
    Verb(
        name="policies.suggest",
        method="POST",
        path=_PATH + "/suggest",
        ask=SuggestAsk,
        answer=Suggestions,
        run=suggest,
        about="Suggest rules for what is said in plain words; nothing is saved.",
    ),
)
