"""Flags: hold a person's records back, because she restricted their processing or objects to a use.

They need `update` on everything, as consents do: a flag is one more thing that a person said, which whoever keeps the
vault's records writes down. It gives nobody a right: the one who set it loses sight of her records like everybody else.
"""

from __future__ import annotations

import msgspec

from privet import digest
from privet.app.services.records import read_id
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Conflict, Gone, InvalidInput
from privet.near import meant
from privet.policy.bind import keys
from privet.policy.decide import may
from privet.vault.access import consents
from privet.vault.access.consents import Consent
from privet.vault.people.erasure import subject_of
from privet.vault.vault import Vault
from privet.vocabulary.flag import RESTRICTION, is_flag, use_of


class SetAsk(Ask, kw_only=True):
    """Hold a person's records back. `flag`: `restriction`, or `objection:` and a use of the taxonomy. `subject`: her
    id; with `table`, the id of a record of that table, which is about her. `at_ms`: since when, now by default.
    `source`: where she said it; `text`: the version of the words that she was shown; neither may say who she is."""

    vault: str = ""
    subject: str = ""
    flag: str = ""
    table: str = ""
    at_ms: int | None = None
    source: str = ""
    text: str = ""


class LiftAsk(Ask, kw_only=True):
    """Hold a person's records back no longer. `flag`, `subject`, `table`, `source`: as for `flags.set`."""

    vault: str = ""
    subject: str = ""
    flag: str = ""
    table: str = ""
    source: str = ""


class ListAsk(Ask, kw_only=True):
    """Show the flags of a person. `subject`: her id; with `table`, the id of a record of that table."""

    vault: str = ""
    subject: str = ""
    table: str = ""


class FlagShown(Answer, kw_only=True):
    """A flag as it was set or lifted, once. `in_force`: it holds her records back now; of several words on one flag
    only the newest does. Times: UTC milliseconds since 1970."""

    subject: str
    flag: str
    in_force: bool
    set: bool
    at_ms: int
    source: str
    text: str
    written_ms: int


class Flags(Answer):
    """What was set and lifted, by flag and in the order in which it was written down."""

    flags: list[FlagShown] = msgspec.field(default_factory=list)


async def set_(house: House, who: Caller, ask: SetAsk) -> FlagShown:
    """Hold a person's records back; answer what counts now."""
    vault = _vault(house, who, ask.vault)
    now = vault.clock()
    said = Consent(
        subject=_subject(vault, ask.table, ask.subject),
        key=_flag(ask.flag),
        state="given",
        at_ms=now if ask.at_ms is None else ask.at_ms,
        source=ask.source,
        text=ask.text,
    )
    return _shown(await consents.say(vault, said, who.deed("flags.set", house.policy(vault).version, now)))


async def lift(house: House, who: Caller, ask: LiftAsk) -> FlagShown:
    """Hold a person's records back no longer; answer what counts now. Raises Conflict where she has no such flag."""
    vault = _vault(house, who, ask.vault)
    now, subject, flag = vault.clock(), _subject(vault, ask.table, ask.subject), _flag(ask.flag)
    if subject not in consents.withheld(vault, (flag,), {subject}):
        raise Conflict("the person does not have that flag")
    said = Consent(subject=subject, key=flag, state="withdrawn", at_ms=now, source=ask.source)
    return _shown(await consents.say(vault, said, who.deed("flags.lift", house.policy(vault).version, now)))


async def list_(house: House, who: Caller, ask: ListAsk) -> Flags:
    """Show the flags that a person has and had."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "audit", who.purpose, now=house.now())
    subject = _subject(vault, ask.table, ask.subject)
    deed = who.deed("flags.list", house.policy(vault).version, vault.clock())
    found = [said for said in consents.history(vault, subject) if is_flag(said.key)]
    await vault.write((deed.seen(count=len(found), note=f"flags subject {digest.id_text(subject)}"),))
    return Flags(flags=[_shown(said) for said in found])


def _vault(house: House, who: Caller, name: str) -> Vault:
    vault = house.vault(name)
    may(house.policy(vault), who.principal, "update", who.purpose, now=house.now())
    return vault


def _flag(text: str) -> str:
    """Return a flag. Raises InvalidInput."""
    if text == RESTRICTION or (is_flag(text) and use_of(text) in keys("use")):
        return text
    near = meant(use_of(text), keys("use")) if use_of(text) else ""
    raise InvalidInput("expected `restriction`, or `objection:` and a use of the taxonomy", at="flag", hint=near)


def _subject(vault: Vault, table: str, identity: str) -> bytes:
    found = read_id(identity, "subject")
    return subject_of(vault, vault.table(table), found) if table else found


def _shown(said: Consent) -> FlagShown:
    return FlagShown(
        subject=digest.id_text(said.subject),
        flag=said.key,
        set=said.state == "given",
        in_force=said.newest and said.state == "given",
        at_ms=said.at_ms,
        source=said.source,
        text=said.text,
        written_ms=said.written_ms,
    )


async def _again(house: House, who: Caller, ask: SetAsk | LiftAsk, ids: bytes) -> FlagShown:
    vault = _vault(house, who, ask.vault)
    for said in consents.history(vault, ids, ask.flag):
        if said.newest:
            return _shown(said)
    raise Gone("the person was erased")


_PATH = "/v1/vaults/{vault}/subjects/{subject}/flags"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="flags.set",
        method="PUT",
        path=_PATH + "/{flag}",
        ask=SetAsk,
        answer=FlagShown,
        run=set_,
        about="Hold a person's records back: she restricted their processing, or objects to a use.",
        changes=True,
        again=_again,
    ),
    Verb(
        name="flags.lift",
        method="DELETE",
        path=_PATH + "/{flag}",
        ask=LiftAsk,
        answer=FlagShown,
        run=lift,
        about="Hold a person's records back no longer.",
        changes=True,
        again=_again,
    ),
    Verb(
        name="flags.list",
        method="GET",
        path=_PATH,
        ask=ListAsk,
        answer=Flags,
        run=list_,
        about="Show the flags that a person has and had.",
    ),
)
