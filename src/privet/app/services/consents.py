"""Consents: write down what a person said about a use of her data, and show what she said before."""

from __future__ import annotations

from typing import cast

import msgspec

from privet import digest
from privet.app.services.records import read_id
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Gone, InvalidInput
from privet.policy.decide import may
from privet.vault.access import consents
from privet.vault.access.consents import Consent, State
from privet.vault.people.erasure import subject_of
from privet.vault.vault import Vault
from privet.vocabulary.flag import is_flag


class SetAsk(Ask, kw_only=True):
    """Write down what a person said. `state`: `given`, `refused` or `withdrawn`. `subject`: her id; with `table`, the
    id of a record of that table, which is about her. `at_ms`: when she said it, now by default. `source`: where she
    said it; `text`: the version of the words that she was shown; neither may say who she is."""

    vault: str = ""
    subject: str = ""
    key: str = ""
    state: str
    table: str = ""
    at_ms: int | None = None
    source: str = ""
    text: str = ""


class ListAsk(Ask, kw_only=True):
    """Show what a person said. `subject`: her id; with `table`, the id of a record of that table. `key`: about this
    alone."""

    vault: str = ""
    subject: str = ""
    table: str = ""
    key: str = ""


class ConsentShown(Answer, kw_only=True):
    """What a person said, once. `newest`: it is what counts. Times: UTC milliseconds since 1970."""

    subject: str
    key: str
    state: str
    at_ms: int
    source: str
    text: str
    written_ms: int
    newest: bool


class Consents(Answer):
    """What a person said, by key and in the order in which it was written down."""

    consents: list[ConsentShown] = msgspec.field(default_factory=list)


async def set_(house: House, who: Caller, ask: SetAsk) -> ConsentShown:
    """Write down what a person said; answer what counts now."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "update", who.purpose, now=house.now())
    if is_flag(ask.key):
        raise InvalidInput(
            "expected the key of a consent, found a flag's", at="key", hint="flags have verbs of their own"
        )
    now = vault.clock()
    said = Consent(
        subject=_subject(vault, ask.table, ask.subject),
        key=ask.key,
        state=cast(State, ask.state),  # the ledger refuses any other
        at_ms=now if ask.at_ms is None else ask.at_ms,
        source=ask.source,
        text=ask.text,
    )
    return _shown(await consents.say(vault, said, who.deed("consents.set", house.policy(vault).version, now)))


async def list_(house: House, who: Caller, ask: ListAsk) -> Consents:
    """Show everything that a person said, and what counts of it."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "audit", who.purpose, now=house.now())
    subject = _subject(vault, ask.table, ask.subject)
    deed = who.deed("consents.list", house.policy(vault).version, vault.clock())
    found = consents.history(vault, subject, ask.key)
    await vault.write((deed.seen(count=len(found), note=f"consents subject {digest.id_text(subject)}"),))
    return Consents(consents=[_shown(said) for said in found])


def _subject(vault: Vault, table: str, identity: str) -> bytes:
    found = read_id(identity, "subject")
    return subject_of(vault, vault.table(table), found) if table else found


def _shown(said: Consent) -> ConsentShown:
    return ConsentShown(
        subject=digest.id_text(said.subject),
        key=said.key,
        state=said.state,
        at_ms=said.at_ms,
        source=said.source,
        text=said.text,
        written_ms=said.written_ms,
        newest=said.newest,
    )


async def _again(house: House, who: Caller, ask: SetAsk, ids: bytes) -> ConsentShown:
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "update", who.purpose, now=house.now())
    for said in consents.history(vault, ids, ask.key):
        if said.newest:
            return _shown(said)
    raise Gone("the person was erased")


VERBS: tuple[Verb, ...] = (
    Verb(
        name="consents.set",
        method="PUT",
        path="/v1/vaults/{vault}/subjects/{subject}/consents/{key}",
        ask=SetAsk,
        answer=ConsentShown,
        run=set_,
        about="Write down what a person said about a use of her data.",
        changes=True,
        again=_again,
    ),
    Verb(
        name="consents.list",
        method="GET",
        path="/v1/vaults/{vault}/subjects/{subject}/consents",
        ask=ListAsk,
        answer=Consents,
        run=list_,
        about="Show everything that a person said, and what counts of it.",
    ),
)
