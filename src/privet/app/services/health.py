"""Health: whether this process takes reads and writes."""

from __future__ import annotations

from contextlib import suppress

from privet import __version__
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Unavailable
from privet.store.port import Clash, Expect, Put, Select, Step, Store, Unit
from privet.vocabulary.predicate import And, Compare

BEAT = "heartbeat"  # the name under which `meta` holds when a store was last seen to write
EVERY_MS = 10_000


class NoAsk(Ask, kw_only=True):
    """Nothing to say."""


class Queue(Answer):
    """People's requests that nobody has answered: `soon`, within seven days; `late`, already."""

    open: int
    soon: int
    late: int


class Letters(Answer, omit_defaults=True):
    """Letters to people that wait to be sent. `oldest_ms`: since when the oldest does, UTC milliseconds since 1970."""

    waiting: int
    oldest_ms: int | None = None


class Health(Answer, omit_defaults=True):
    """Ready for reads and writes. `caps_hit`: how often a budget ran out within the last hour; honey records are told
    by the audit alone, since whoever took the bait may ask here. `requests`: where this process carries them out.
    `mail`: where it sends letters."""

    status: str
    version: str
    caps_hit: int = 0
    requests: Queue | None = None
    mail: Letters | None = None


async def health(house: House, who: Caller, ask: NoAsk) -> Health:
    """Answer where every store that is open takes writes, its audit with them, and every audit is signed.

    Raises StoreFailed where a store takes none, Unavailable where an audit is not signed or its witness fails. Whoever
    asks and however often, a store is written to once in EVERY_MS at most.
    """
    if house.unsequenced:
        raise Unavailable("an audit is not signed", hint="`privet audit verify` says what is wrong")
    if house.unwitnessed:
        raise Unavailable("the audit's witness fails", hint="the server's log says why")
    for log in house.logs():
        await _beat(log.store, house.clock())
    caps, requests, mail = house.caps_hit(), _queue(house), _mail(house)
    return Health(status="ok", version=__version__, caps_hit=caps, requests=requests, mail=mail)


def _queue(house: House) -> Queue | None:
    if "desk" not in house.__dict__:  # opened by the first request: who asks for health need not pay for it
        return None
    from privet.rights.care import counted
    from privet.rights.clock import WARN_MS

    journal, now = house.desk.journal, house.clock()
    late = counted(journal, now)
    return Queue(open=counted(journal), soon=counted(journal, now + WARN_MS) - late, late=late)


def _mail(house: House) -> Letters | None:
    if house.settings.mail is None or "mail" not in house.__dict__:  # opened where letters are sent
        return None
    from privet.app.mail import waiting

    found = waiting(house)
    return Letters(waiting=found.count, oldest_ms=found.oldest_ms)


async def _beat(store: Store, now_ms: int) -> None:
    """Raise StoreFailed where a store writes no more; find that out by a write if the last one is too long ago."""
    found = store.select(Select(table="meta", columns=("value",), where=Compare("name", "=", BEAT)))
    last = found[0][0] if found else None
    steps: tuple[Step, ...] = ()  # a store that failed before refuses these, too; one that works writes nothing
    # A clock that was set back makes a beat look young for long, so both ends count.
    if not isinstance(last, bytes) or not 0 <= now_ms - int.from_bytes(last, "big") < EVERY_MS:
        known = And((Compare("name", "=", BEAT), Compare("value", "=", last)))
        expected = Expect("meta", known, True) if found else Expect("meta", Compare("name", "=", BEAT), False)
        steps = (expected, Put("meta", ("name", "value"), ((BEAT, now_ms.to_bytes(8, "big")),)))
    # Of those who find the beat old at the same moment one writes; the others learn by the clash that it did.
    with suppress(Clash):
        await store.write(Unit(steps))


VERBS: tuple[Verb, ...] = (
    Verb(
        name="health.show",
        method="GET",
        path="/healthz",
        ask=NoAsk,
        answer=Health,
        run=health,
        about="Answer where the stores take writes and the audits are signed.",
        open=True,
    ),
)
