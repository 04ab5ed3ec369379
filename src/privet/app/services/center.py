"""The privacy centre: people prove who they are by a code, and get a pass for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import msgspec

from privet.app.center import principal_of
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import InvalidInput, InvalidValue
from privet.rights.identity.codes import Claimed
from privet.rights.identity.passes import Pass, nobody
from privet.rights.identity.person import EMAIL, canonical
from privet.store.port import Step, Unit

PATH = "/v1/center"
HOW = "code"


class CodeAsk(Ask, kw_only=True):
    """Have a code sent to an address. `language`: in which it is written, such as `de`; English where we lack it."""

    email: Annotated[str, msgspec.Meta(max_length=1_000)]
    language: Annotated[str, msgspec.Meta(max_length=35)] = "en"


class CodeAnswer(Answer, kw_only=True):
    """What is told of every address, whether we know it or not. `id`: comes back with the code."""

    id: str
    expires_ms: int


class PassAsk(Ask, kw_only=True):
    """Open a pass by a code."""

    id: Annotated[str, msgspec.Meta(max_length=64)]
    code: Annotated[str, msgspec.Meta(max_length=64)]


class PassAnswer(Answer, kw_only=True):
    """A pass, shown this once: it is sent as `Authorization: Bearer` with every call."""

    secret: str = msgspec.field(name="pass")
    until_ms: int


class NoAsk(Ask, kw_only=True):
    """Nothing to say."""


def holder(who: Caller) -> Pass:
    """Return whose pass a call came with. Raises Unauthenticated where it came with none."""
    if who.person is None:
        raise nobody()
    return who.person


async def make_code(house: House, who: Caller, ask: CodeAsk) -> CodeAnswer:
    """Have a code sent. Nobody is looked up, so that the answer is the same for everybody."""
    from privet.rights.letters import nearest

    try:
        address = canonical(EMAIL, ask.email)
    except InvalidValue as error:
        raise InvalidInput("expected an e-mail address", at="email", hint=error.rule) from None
    made = await house.center.make(Claimed(EMAIL, address, nearest(ask.language)))
    return CodeAnswer(id=made.id, expires_ms=made.expires_ms)


async def open_pass(house: House, who: Caller, ask: PassAsk) -> PassAnswer:
    """Open a pass by a code. Raises WrongCode, the same whatever is wrong."""
    center, now = house.center, house.clock()
    made: list[tuple[str, int]] = []

    def beside(claimed: Claimed) -> Sequence[Step]:
        secret, held, step = center.passes.new(claimed, now, how=HOW)
        made.append((secret.reveal(), held.expires_ms))
        caller = replace(who, principal=principal_of(held))
        deed = caller.deed("center.passes.open", house.policy().version, now)
        return (step, deed.entry(note="pass opened"))

    await center.codes.take(ask.id, ask.code, now, beside)
    [(secret, until_ms)] = made
    return PassAnswer(secret=secret, until_ms=until_ms)


async def end_pass(house: House, who: Caller, ask: NoAsk) -> None:
    """End the pass that the call comes with."""
    held = holder(who)
    deed = who.deed("center.passes.end", house.policy().version, house.clock())
    await house.control.write(Unit((house.center.passes.ended(held), deed.entry(note="pass ended"))))


def center_verb(  # noqa: PLR0913  (what a row says; a bundle would only rename it)
    name: str, method: Any, path: str, ask: type[Ask], answer: Any, run: Any, about: str, **rest: Any
) -> Verb:
    """Return a row of the centre, which is about its caller alone. `rest`: more fields of a `Verb`."""
    return Verb(
        name=f"center.{name}",
        method=method,
        path=PATH + path,
        ask=ask,
        answer=answer,
        run=run,
        about=about,
        own=True,
        door="center",
        **rest,
    )


VERBS: tuple[Verb, ...] = (
    center_verb(
        "codes.make",
        "POST",
        "/codes",
        CodeAsk,
        CodeAnswer,
        make_code,
        "Have a one-time code sent to an e-mail address.",
        open=True,
        status=202,
    ),
    center_verb("passes.open", "POST", "/passes", PassAsk, PassAnswer, open_pass, "Open a pass by a code.", open=True),
    center_verb("passes.end", "DELETE", "/passes", NoAsk, type(None), end_pass, "End the pass.", status=204),
)
