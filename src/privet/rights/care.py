"""Looking after a request, beside carrying it out: whose it is, what was noted, more time, warnings, what was fetched.

Functions over the journal. None of them moves a request to another state, and none touches what a certificate states
of one that is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from privet.errors import Conflict, Gone, InvalidInput, LimitExceeded
from privet.rights.asked import Request, read_extension
from privet.rights.clock import OPEN, WATCHED
from privet.rights.journal import Beside, Journal, beside_of
from privet.rights.rows import SEEN, request_of
from privet.secret import Secret
from privet.store.port import Aggregate, Clash, Expect, Insert, Select, Step, Unit, Update
from privet.vocabulary.predicate import And, Compare, In, Not, Predicate

LONGEST_COMMENT, MOST_COMMENTS = 10_000, 1_000
TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A note on a request. `by`: the id of who wrote it. `text` may hold what is personal."""

    number: int
    by: str
    at_ms: int
    text: Secret[str]


def assign(journal: Journal, id_: str, principal: str, *, beside: Beside = ()) -> Request:
    """Have somebody look after a request; "" for nobody. Raises NotFound, Conflict where it is over."""
    return _changed(journal, id_, (In("state", OPEN),), {"assigned": principal}, beside, "assign")


def acknowledge(journal: Journal, id_: str, now_ms: int, *, beside: Beside = ()) -> Request:
    """Write down that receipt was confirmed to the person. Raises NotFound, Conflict where it was before."""
    where = (In("state", OPEN), Compare("acknowledged", "=", None))
    return _changed(journal, id_, where, {"acknowledged": now_ms}, beside, "acknowledge")


def extend(journal: Journal, id_: str, reason: str, due_ms: int, now_ms: int, *, beside: Beside = ()) -> Request:
    """Take until `due_ms`, for a reason of EXTENSIONS, and tell the person.

    Raises NotFound, Gone, InvalidInput, and Conflict where the request is over, was extended before, or is late: who is
    told of more time after it ran out was not told in time (GDPR art. 12(3)).
    """
    found = journal.get(id_)
    if found.state not in OPEN:
        raise Conflict(f"cannot extend a request that is `{found.state}`")
    if found.extended:
        raise Conflict("the request was extended before", hint="no law gives more time twice")
    if found.due_ms is None or found.due_ms <= now_ms:
        raise Conflict("the request is late, or has no due date", hint="more time is told of before the time is over")
    if due_ms <= found.due_ms:
        raise InvalidInput("expected a date after the one that the request is due by", at="due")
    longer = replace(found, extended=read_extension(reason), due_ms=due_ms)
    told = journal.letters("extended", longer, journal.identities(id_))
    where = (In("state", OPEN), Compare("extended", "=", ""), Compare("due", "=", found.due_ms))
    changed: dict[str, int | str] = {"extended": reason, "due": due_ms}

    def steps(request: str) -> tuple[Step, ...]:
        return (*told, *beside_of(beside, request))

    return _changed(journal, id_, where, changed, steps, "extend")


def warned(journal: Journal, found: Request, now_ms: int, *, beside: Beside = ()) -> bool:
    """Write down that it was said that time runs out. False, and nothing done, where the request went on meanwhile."""
    where = (Compare("state", "=", found.state), Compare("warned", "=", found.warned_ms))
    with suppress(Conflict):
        _changed(journal, found.id, where, {"warned": now_ms}, beside, "warn of")
        return True
    return False


def handed(journal: Journal, id_: str, now_ms: int, *, most: int, beside: Beside = ()) -> Request:
    """Count that a package is fetched once more, at most `most` times. Raises NotFound, Gone."""
    for _ in range(TRIES):
        found = journal.get(id_)
        until = found.package_until_ms
        if found.forgotten or until is None or now_ms >= until or found.downloads >= most:
            raise Gone("the package is no longer handed out", hint="open a new request")
        where = (Compare("downloads", "=", found.downloads), Compare("forgotten", "=", 0))
        with suppress(Conflict):  # fetched twice at once: count again
            return _changed(journal, id_, where, {"downloads": found.downloads + 1}, beside, "hand out")
    raise LimitExceeded("the package is fetched by too many at once")


def comment(journal: Journal, id_: str, text: str, by: str, now_ms: int, *, beside: Beside = ()) -> Comment:
    """Note something, sealed under the request's key. Raises NotFound, Gone, InvalidInput."""
    if not text.strip() or len(text) > LONGEST_COMMENT:
        raise InvalidInput(f"expected a note of 1 to {LONGEST_COMMENT:,} characters", at="text")
    journal.get(id_)
    key = journal.keys.open(id_)
    columns = ("request", "number", "by", "at", "body")
    for _ in range(TRIES):
        number = _count(journal, id_) + 1
        if number > MOST_COMMENTS:
            raise LimitExceeded(f"expected at most {MOST_COMMENTS:,} notes on a request")
        row = (id_, number, by, now_ms, key.seal_document("comment", {"by": by, "at": now_ms, "text": text}, number))
        known = Expect("requests", And((Compare("id", "=", id_), Compare("forgotten", "=", 0))), True)
        try:
            journal.store.write_now(Unit((known, Insert("request_comments", columns, (row,)), *beside_of(beside, id_))))
        except Clash:  # another note took the number, or the request was forgotten: opening its key says so
            key = journal.keys.open(id_)
            continue
        return Comment(number=number, by=by, at_ms=now_ms, text=Secret(text))
    raise LimitExceeded("too many notes at once")


def comments(journal: Journal, id_: str) -> list[Comment]:
    """Return what was noted, the oldest first. Raises NotFound, Gone, Damaged where a note is not as it was written."""
    journal.get(id_)
    key = journal.keys.open(id_)
    question = Select(
        table="request_comments",
        columns=("number", "body"),
        where=Compare("request", "=", id_),
        order=(("number", True),),
    )
    found = []
    for number, body in journal.store.select(question):
        assert isinstance(number, int) and isinstance(body, bytes)  # as the shape says
        held = key.open_document("comment", body, number)
        found.append(Comment(number=number, by=held["by"], at_ms=held["at"], text=Secret(held["text"])))
    return found


def running(journal: Journal, due_before_ms: int) -> Iterator[Request]:
    """Yield the requests to be warned of whose time soon runs out, without plan and result."""
    return _rows(journal, (In("state", WATCHED), Compare("due", "<", due_before_ms)))


def unacknowledged(journal: Journal) -> Iterator[Request]:
    """Yield the requests whose receipt must be confirmed and was not, without plan and result."""
    where = (In("state", OPEN), Compare("acknowledge", "!=", None), Compare("acknowledged", "=", None))
    return _rows(journal, where)


def counted(journal: Journal, due_before_ms: int | None = None) -> int:
    """Return how many requests nobody has answered, or how many of them are due before a time."""
    where: list[Predicate] = [In("state", OPEN)]
    where += [] if due_before_ms is None else [Compare("due", "<", due_before_ms)]
    question = Select(table="requests", where=And(tuple(where)), aggregates=(Aggregate("count"),))
    found = journal.store.select(question)[0][0]
    assert isinstance(found, int)  # a count
    return found


def received(journal: Journal, since_ms: int, until_ms: int) -> Iterator[Request]:
    """Yield the requests that came in a span of time, and those that were open in it, without plan and result."""
    over = And((Compare("ended", "!=", None), Compare("ended", "<", since_ms)))
    return _rows(journal, (Compare("received", "<", until_ms), Not(over)))


def _rows(journal: Journal, where: Sequence[Predicate]) -> Iterator[Request]:
    for row in journal.store.select(Select(table="requests", columns=SEEN, where=And(tuple(where)))):
        yield request_of(row, SEEN)[0]


def _count(journal: Journal, id_: str) -> int:
    question = Select(table="request_comments", columns=("number",), where=Compare("request", "=", id_))
    return len(journal.store.select(question))


def _changed(
    journal: Journal,
    id_: str,
    where: Sequence[Predicate],
    changed: dict[str, int | str],
    beside: Beside,
    verb: str,
) -> Request:
    expected = Expect("requests", And((Compare("id", "=", id_), *where)), True)
    change = Update("requests", tuple(changed), ("id",), ((*changed.values(), id_),))
    journal.commit((expected, change, *beside_of(beside, id_)), id_, verb)
    return journal.get(id_)
