"""Queries: ask a vault in SQL, or see how it would answer."""

from __future__ import annotations

from typing import Any

import msgspec

from privet.app.services.records import permit
from privet.app.services.standing import Standing
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Denied, Unavailable
from privet.vault.access import consents, policies
from privet.vault.log.grounds import grounds
from privet.vault.query import answer as query
from privet.vault.query.clearance import Permits
from privet.vault.query.question import Question
from privet.vault.schema import Schema
from privet.vault.vault import Vault
from privet.vocabulary.access import Action
from privet.vocabulary.flag import marks

LEAST_GROUP = 5  # rows of a group that is shown to callers who do not see in the clear all that is counted


class QueryAsk(Ask, kw_only=True):
    """Ask in SQL. `redaction`: show no more than this. `explain`: the plan alone. `allow_scan`: open however many
    records it takes."""

    vault: str = ""
    sql: str
    redaction: str = ""
    explain: bool = False
    allow_scan: bool = False


class ExplainAsk(Ask, kw_only=True):
    """See the plan of a question in SQL."""

    vault: str = ""
    sql: str


class Answered(Answer, kw_only=True):
    """Names of columns, then rows of values in that order. `used`: what decided the rows: `index`, `scan` or
    `index+scan`. `plan`: lines of text. `suppressed`: small groups were left out, or may have been. `perturbed`: counts
    are off by a small number, the same whenever the same is asked. `cut`: there is more than the limit."""

    columns: list[str]
    rows: list[list[Any]]
    used: str
    plan: list[str]
    suppressed: bool = msgspec.field(default=False)
    perturbed: bool = msgspec.field(default=False)
    cut: bool = msgspec.field(default=False)


def _read(text: str, schema: Schema) -> Question:
    from privet.vault.query.wording import read_question  # sqlglot takes 0.1 s that other commands need not wait

    return read_question(text, schema)


async def run(house: House, who: Caller, ask: QueryAsk) -> Answered:
    """Answer a question, as far as the caller may ask it and see it."""
    if ask.explain:
        return await explain(house, who, ExplainAsk(vault=ask.vault, sql=ask.sql))
    vault = house.vault(ask.vault)
    question = _read(ask.sql, vault.schema)
    permits = _permits(house, vault, who, question)
    blurred = question.grouped and not query.plainly(question, permits)
    deed = who.deed(
        "queries.run",
        house.policy(vault).version,
        vault.clock(),
        grounds(vault, [*permits.read.values(), *permits.search.values()], ask.redaction),
    )
    most = 0 if ask.allow_scan else query.MOST_SCANNED
    standing = Standing(house, who)
    flags = {flag for held in (permits.read, permits.search) for one in held.values() for flag in marks(one.rows)}
    turn = consents.turn(vault, flags)

    def still() -> None:
        standing.demand()
        if _permits(house, vault, who, question) != permits or consents.turn(vault, flags) != turn:
            raise Unavailable("what the caller may see changed during the answer", hint="ask again")

    least = LEAST_GROUP if blurred else 1
    terms = query.Terms(
        redaction=ask.redaction,
        least=least,
        blurred=blurred,
        most_moved=policies.in_force(vault).activation.counts_a_day,
        most=most,
        still=still,
    )
    return _answered(await query.run(vault, question, permits, deed, terms))


async def explain(house: House, who: Caller, ask: ExplainAsk) -> Answered:
    """Say how a question would be answered, reading no record."""
    vault = house.vault(ask.vault)
    question = _read(ask.sql, vault.schema)
    return _answered(query.explain(vault, question, _permits(house, vault, who, question)))


def _permits(house: House, vault: Vault, who: Caller, question: Question) -> Permits:
    """Return what the caller may read and search of each table. Raises Denied for a table with neither."""
    found: dict[Action, dict[str, Any]] = {"read": {}, "search": {}}
    for source in question.sources:
        name, denials = source.table.name, []
        for action, permits in found.items():
            try:
                permits[name] = permit(house, vault, who, action, name, source.table.names())
            except Denied as error:
                denials.append(error)
        if len(denials) == len(found):
            raise denials[0]
    return Permits(read=found["read"], search=found["search"])


def _answered(answer: query.Answer) -> Answered:
    return Answered(
        columns=list(answer.columns),
        rows=answer.rows,
        used=answer.used,
        plan=list(answer.plan),
        suppressed=answer.suppressed,
        perturbed=answer.perturbed,
        cut=answer.cut,
    )


_PATH = "/v1/vaults/{vault}/query"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="queries.run",
        method="POST",
        path=_PATH,
        ask=QueryAsk,
        answer=Answered,
        run=run,
        about="Ask in SQL: a small part of SELECT over encrypted indexes.",
    ),
    Verb(
        name="queries.explain",
        method="POST",
        path=_PATH + "/explain",
        ask=ExplainAsk,
        answer=Answered,
        run=explain,
        about="Show how a question would be answered, reading no record.",
    ),
)
