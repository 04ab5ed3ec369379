"""Tokens: tokenize values, detokenize tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from privet import digest
from privet.app.denials import denied
from privet.app.services.records import Problem, permit, read_id, to_problem
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Denied, PrivetError, TooLarge
from privet.policy.decide import may_state
from privet.vault import locate, reveal
from privet.vault.log.grounds import grounds

MAX_BATCH = 10_000


class TokenizeAsk(Ask, kw_only=True):
    """Turn values of one column into tokens. `subject`: whose values they are, for a column that can be forgotten."""

    vault: str = ""
    table: str = ""
    column: str
    values: list[Any]
    subject: str = ""


class Tokens(Answer):
    """One token a value, in order; null for null."""

    tokens: list[str | None]


class DetokenizeAsk(Ask, kw_only=True):
    """Show the values behind tokens. `redaction`: show no more than this. `table`, `column`: where ff1 ones belong;
    `column` is also the one that is wanted of those that a record's token stands for."""

    vault: str = ""
    tokens: list[str]
    redaction: str = ""
    table: str = ""
    column: str = ""


class Value(Answer, omit_defaults=True):
    """What one token shows, or why nothing. A record's token shows {column: value}."""

    value: Any = None
    error: Problem | None = None


class Values(Answer):
    """One value a token, in order."""

    values: list[Value]


def _check(size: int) -> None:
    if not 1 <= size <= MAX_BATCH:
        raise TooLarge(f"expected 1 to {MAX_BATCH:,} items, found {size:,}" if size else "expected at least one item")


async def tokenize(house: House, who: Caller, ask: TokenizeAsk) -> Tokens:
    """Return the token of each value."""
    _check(len(ask.values))
    vault = house.vault(ask.vault)
    column = vault.table(ask.table).column(ask.column)
    allowed = permit(house, vault, who, "tokenize", ask.table, (ask.column,))
    deed = who.deed("tokens.tokenize", house.policy(vault).version, vault.clock(), grounds(vault, [allowed]))
    subject = read_id(ask.subject, "subject") if ask.subject else digest.ZERO_ID
    return Tokens(tokens=await reveal.tokenize(vault, allowed, column, ask.values, deed, subject=subject))


async def _tokenize_again(house: House, who: Caller, ask: TokenizeAsk, ids: bytes) -> Tokens:
    vault = house.vault(ask.vault)
    permit(house, vault, who, "tokenize", ask.table, (ask.column,))
    plan = vault.table(ask.table).column(ask.column).field.token
    if plan is not None and plan.kind in ("sealed", "ff1"):
        return await tokenize(house, replace(who, retry=None), ask)  # computed: the same again
    return Tokens(tokens=reveal.token_texts(vault, vault.table(ask.table).column(ask.column), ids))


async def detokenize(house: House, who: Caller, ask: DetokenizeAsk) -> Values:
    """Return what each token shows the caller."""
    _check(len(ask.tokens))
    vault = house.vault(ask.vault)
    may_state(who.principal, who.purpose)
    located = locate.locate(vault, ask.tokens, table=ask.table, column=ask.column, consumer=who.principal.id)
    permits: dict[str, Any] = {}
    for name, (_, columns) in reveal.tables_of(located).items():
        try:
            permits[name] = permit(house, vault, who, "detokenize", name, columns)
        except Denied:
            # Each token of that table answers that it is denied.
            await denied(house, who, "tokens.detokenize", ask, name)
    held = grounds(vault, permits.values(), ask.redaction)
    deed = who.deed("tokens.detokenize", house.policy(vault).version, vault.clock(), held)
    found = await reveal.detokenize(vault, permits, located, deed, redaction=ask.redaction, texts=ask.tokens)
    return Values(values=[_value(item) for item in found])


def _value(item: Any) -> Value:
    return Value(error=to_problem(item)) if isinstance(item, PrivetError) else Value(value=item)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="tokens.tokenize",
        method="POST",
        path="/v1/vaults/{vault}/tables/{table}/tokenize",
        ask=TokenizeAsk,
        answer=Tokens,
        run=tokenize,
        about="Turn values of one column into tokens. Needs no right to read.",
        batch=True,
        changes=True,
        again=_tokenize_again,
    ),
    Verb(
        name="tokens.detokenize",
        method="POST",
        path="/v1/vaults/{vault}/detokenize",
        ask=DetokenizeAsk,
        answer=Values,
        run=detokenize,
        about="Show the values behind tokens, as far as the caller may see them.",
        batch=True,
    ),
)
