"""Which entries of an audit fit a question, newest first.

The bodies are read as they are: an index beside them would be one more thing that somebody could change, and nothing
would prove it. A million entries take some two seconds, so this is not for an event loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from privet import codec
from privet.store.port import Cell, Row, Select, Store
from privet.vault.log.history import CHUNK, COLUMNS, Entry, record_ids, said
from privet.vocabulary.predicate import And, Compare, In, Predicate

MOST_LOOKED = 2_000_000  # entries of one call; the next goes on below them


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What entries are looked for; what is empty is not asked. `principals`: one of them. `verb`: a verb or a noun.

    `record`: an id. `since_ms` (with it) and `until_ms` (without it): UTC milliseconds, 0 for no bound.
    """

    principals: Sequence[str] = ()
    verb: str = ""
    table: str = ""
    column: str = ""
    record: bytes = b""
    purpose: str = ""
    since_ms: int = 0
    until_ms: int = 0
    denied: bool = False


def search(
    store: Store, wanted: Wanted, *, before: int = 0, limit: int, most: int = MOST_LOOKED
) -> tuple[list[Entry], int]:
    """Return up to `limit` entries with numbers below `before` (0: from the newest on), and below which to go on.

    That number is 0 once there are no more. After `most` entries it stops, whatever it found. An entry whose body has
    expired fits only a question that needs none.
    """
    needles = list(_needles(wanted))
    found: list[Entry] = []
    looked, last = 0, 0
    for rows in store.stream(_question(wanted, before), rows=CHUNK):
        hits = [row[0] for row in rows if _may_fit(row, needles, wanted.record)]
        for entry in _entries(store, hits):
            if _fits(entry, wanted):
                found.append(entry)
                if len(found) == limit:
                    return found, entry.seq
        looked += len(rows)
        last = int(rows[-1][0] or 0)
        if looked >= most:
            return found, last
    return found, 0


def _question(wanted: Wanted, before: int) -> Select:
    bounds: list[Predicate] = []
    for column, op, value in (("seq", "<", before), ("at", ">=", wanted.since_ms), ("at", "<", wanted.until_ms)):
        bounds += [Compare(column, op, value)] if value else []  # type: ignore[arg-type]  # the operators above
    columns = ("seq", "body", "records") if wanted.record else ("seq", "body")
    return Select(table="audit", columns=columns, where=And(tuple(bounds)), order=(("seq", False),))


def _needles(wanted: Wanted) -> Iterator[tuple[bytes, ...]]:
    """Yield texts of which one must stand in a body that fits: found some ten times faster than a body is read."""
    if wanted.principals:
        yield tuple(b'"who":' + codec.encode(name) for name in wanted.principals)
    for name in (wanted.verb, wanted.table, wanted.column, wanted.purpose):
        if name:
            yield (codec.encode(name)[1:-1],)
    if wanted.denied:
        yield (b'"denied":true',)


def _may_fit(row: Row, needles: Sequence[tuple[bytes, ...]], record: bytes) -> bool:
    body: Cell = row[1]
    if needles and not isinstance(body, bytes):
        return False
    for some in needles:
        if not any(needle in body for needle in some):  # type: ignore[operator]  # bytes, as just checked
            return False
    return not record or (isinstance(row[2], bytes) and record in row[2])


def _entries(store: Store, numbers: Sequence[Cell]) -> list[Entry]:
    if not numbers:
        return []
    where, order = In("seq", tuple(numbers)), (("seq", False),)
    rows = store.select(Select(table="audit", columns=COLUMNS, where=where, order=order))
    return [Entry(*row) for row in rows]  # type: ignore[arg-type]  # as the shape says


def _fits(entry: Entry, wanted: Wanted) -> bool:
    if wanted.record and wanted.record not in record_ids(entry):
        return False
    body = said(entry) or {}
    listed = body.get("columns")
    columns = [str(name) for name in listed] if isinstance(listed, list) else []
    table = str(body.get("table", ""))
    # An entry of several tables names each column with its own.
    places = [(table, name) if table else tuple(name.split(".", 1)) for name in columns] or [(table, "")]
    verb = str(body.get("verb", ""))
    return (
        (not wanted.principals or body.get("who") in wanted.principals)
        and (not wanted.verb or verb == wanted.verb or verb.startswith(f"{wanted.verb}."))
        and (not wanted.purpose or body.get("purpose") == wanted.purpose)
        and (not wanted.denied or body.get("denied") is True)
        and any(wanted.table in ("", place[0]) and wanted.column in ("", place[-1]) for place in places)
    )
