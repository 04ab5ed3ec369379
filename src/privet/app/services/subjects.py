"""Subjects: find whom a record is about, and erase a person."""

from __future__ import annotations

from privet import digest
from privet.app.services.records import read_id
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import InvalidInput
from privet.policy.decide import may
from privet.vault.people import erasure


class EraseAsk(Ask, kw_only=True):
    """Erase a person, named by `subject`, or by a record about her (`table` and `record`)."""

    vault: str = ""
    subject: str = ""
    table: str = ""
    record: str = ""


class ErasedShown(Answer):
    """What an erasure removed. `subject`: the id under which it stands in the ledger."""

    subject: str
    records: int
    tokens: int


async def erase(house: House, who: Caller, ask: EraseAsk) -> ErasedShown:
    """Erase everything that the vault holds of a person."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "delete", who.purpose, now=house.now())
    if ask.subject:
        subject = read_id(ask.subject, "subject")
    elif ask.table and ask.record:
        subject = erasure.subject_of(vault, vault.table(ask.table), read_id(ask.record, "record"))
    else:
        raise InvalidInput("expected `subject`, or `table` and `record`")
    deed = who.deed("subjects.erase", house.policy(vault).version, vault.clock())
    found = await erasure.erase(vault, subject, deed)
    return ErasedShown(subject=digest.id_text(subject), records=found.records, tokens=found.tokens)


async def _again(house: House, who: Caller, ask: EraseAsk, ids: bytes) -> ErasedShown:
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "delete", who.purpose, now=house.now())
    return ErasedShown(subject=digest.id_text(ids), records=0, tokens=0)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="subjects.erase",
        method="POST",
        path="/v1/vaults/{vault}/subjects/erase",
        ask=EraseAsk,
        answer=ErasedShown,
        run=erase,
        about="Erase everything that the vault holds of a person.",
        changes=True,
        again=_again,
    ),
)
