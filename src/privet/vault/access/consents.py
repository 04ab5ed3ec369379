"""Consents: what a person said about a use of her data, when, where and to which words. The newest counts.

A ledger to which rows are added; an erasure takes hers out, and what remains is the erasure itself. Each row has a
MAC, over whether it is the newest too: who writes the database file makes no consent, and who removes the newest row
leaves none. One who can also read it may put back rows as they once were: the entries of the audit bind what is the
newest, so that `verify` finds it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from privet import digest
from privet.errors import Damaged, Gone, InvalidInput, LimitExceeded, NotFound
from privet.store.port import Insert, Row, Select, Step, Update
from privet.vault.access import bound
from privet.vault.access.tables import CONSENTS
from privet.vault.log.audit import Deed
from privet.vault.vault import Vault, vouch, vouched
from privet.vocabulary.predicate import And, Compare, In

State = Literal["given", "refused", "withdrawn"]
STATES: tuple[State, ...] = get_args(State)
MOST_TOLD = 1_000  # times that one person may say something about one key
MOST_CACHED = 200_000  # answers in memory
COLUMNS = tuple(column.name for column in CONSENTS.columns)
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.:/-]{0,127}")
_KEPT = "consents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a person said, once. `at_ms`: when she said it; `written_ms`: when it was written down: UTC milliseconds
    since 1970. `source`: where she said it; `text`: the version of the words that she was shown. Neither says who she
    is. `place`: counts what she said about the key, from 1, in the order in which it was written down."""

    subject: bytes
    key: str
    state: State
    at_ms: int
    source: str = ""
    text: str = ""
    written_ms: int = 0
    place: int = 0
    newest: bool = True

    def body(self) -> bytes:
        """Return what the MAC of the row covers."""
        numbers = (self.place, int(self.newest), self.at_ms, self.written_ms)
        texts = (self.key, self.state, self.source, self.text)
        said = (*(text.encode() for text in texts), *(number.to_bytes(8, "big") for number in numbers))
        return digest.canonical((self.subject, *said))


class Book:
    """The answers that an open vault remembers. Exact, because one process holds a vault: what is written here is
    forgotten here. Any thread may ask."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._known: dict[str, dict[bytes, bool]] = {}
        self._count = self._turn = 0
        self._lock = threading.Lock()

    def consented(self, key: str, subjects: Set[bytes]) -> Set[bytes]:
        """Return those of `subjects` whose newest word on `key` is that they consent. Raises Damaged."""
        known = self._known.get(key) or {}
        missing = [subject for subject in subjects if subject not in known]
        if missing:
            known = {**{subject: known.get(subject, False) for subject in subjects}, **self._look(key, missing)}
        return {subject for subject in subjects if known.get(subject)}

    def forget(self, subject: bytes, key: str) -> None:
        """Forget an answer, after another one became durable."""
        with self._lock:
            self._turn += 1  # whoever looked before now keeps nothing of it
            self._known.get(key, {}).pop(subject, None)

    def _look(self, key: str, subjects: Sequence[bytes]) -> dict[bytes, bool]:
        turn = self._turn
        found = dict.fromkeys(subjects, False)
        which = In("subject", tuple(subjects)) if len(subjects) > 1 else Compare("subject", "=", subjects[0])
        where = And((which, Compare("key", "=", key), Compare("newest", "=", 1)))
        for row in self._vault.store.select(Select(table="consents", columns=COLUMNS, where=where)):
            said = _checked(self._vault, row)
            found[said.subject] = said.state == "given"
        with self._lock:
            if turn == self._turn:
                self._keep(key, found)
        return found

    def _keep(self, key: str, found: dict[bytes, bool]) -> None:
        if self._count + len(found) > MOST_CACHED:
            self._known, self._count = {}, 0
        self._known.setdefault(key, {}).update(found)
        self._count += len(found)


def keep(vault: Vault) -> None:
    """Have an open vault answer by its ledger from now on."""
    book = vault.kept[_KEPT] = Book(vault)
    vault.consents = book.consented


def kept(vault: Vault) -> bool:
    """Return whether the vault answers by its ledger, so that the store can narrow a question by it."""
    book = vault.kept.get(_KEPT)
    return isinstance(book, Book) and vault.consents == book.consented


def _checked(vault: Vault, row: Row) -> Consent:
    subject, key, place, newest, state, at, written, source, text, mac = row
    numbers = [number if isinstance(number, int) and 0 <= number < 1 << 63 else 0 for number in (place, at, written)]
    said = Consent(
        subject=subject if isinstance(subject, bytes) else b"",
        key=str(key),
        state=cast(State, str(state)),  # as it was written, or the MAC differs
        at_ms=numbers[1],
        source=str(source),
        text=str(text),
        written_ms=numbers[2],
        place=numbers[0],
        newest=newest == 1,
    )
    if not isinstance(mac, bytes) or len(mac) != 32:
        raise Damaged("the stored consent is not as Privet wrote it", hint="restore a backup of the vault")
    vouched(vault.ring, vault.id, "consent", mac + said.body())
    return said


# --- writing and reading ----------------------------------------------------------------------------------------


async def say(vault: Vault, said: Consent, deed: Deed) -> Consent:
    """Write down what a person said; return what counts now, which is another where that was said later. Audited.

    Raises InvalidInput (a state, key, source or text that is none, a time to come), NotFound (a person of whom the
    vault holds nothing), Gone (an erased one), LimitExceeded, Damaged.
    """
    _check(said, vault.clock())

    def prepare() -> tuple[Consent, Sequence[Step]]:
        _demand_known(vault, said.subject)
        told = history(vault, said.subject, said.key)
        if len(told) >= MOST_TOLD:
            raise LimitExceeded(f"expected at most {MOST_TOLD:,} consents of one person to one key")
        before = next((item for item in told if item.newest), None)
        counts = before is None or before.at_ms <= said.at_ms
        fresh = replace(said, place=len(told) + 1, written_ms=vault.clock(), newest=counts)
        steps = [*vault.unerased([said.subject]), Insert("consents", COLUMNS, (_row(vault, fresh),))]
        if before is not None and counts:
            mac = _mac(vault, replace(before, newest=False))
            match = (before.subject, before.key, before.place, 1)
            steps.append(
                Update("consents", ("newest", "mac"), ("subject", "key", "place", "newest"), ((0, mac, *match),))
            )
        newest = fresh if before is None or counts else before
        steps += _entry(deed, said, _bound(newest, len(told) + 1, _mac(vault, newest)))
        return newest, steps

    found = await vault.attempt(prepare)
    book = vault.kept.get(_KEPT)
    if isinstance(book, Book):
        book.forget(said.subject, said.key)
    return found


def _check(said: Consent, now: int) -> None:
    if not _KEY.fullmatch(said.key):
        raise InvalidInput("expected a key of letters, digits, `_`, `.`, `:` and `-`, at most 64", at="key")
    if said.state not in STATES:
        raise InvalidInput(f"expected one of {', '.join(f'`{state}`' for state in STATES)}", at="state")
    if not 0 <= said.at_ms <= now:
        raise InvalidInput("expected a time that has come, in UTC milliseconds since 1970", at="at_ms")
    for name, words in (("source", said.source), ("text", said.text)):
        if words and not _WORDS.fullmatch(words):
            raise InvalidInput("expected at most 128 letters, digits, spaces and `_.:/-`", at=name)


def _demand_known(vault: Vault, subject: bytes) -> None:
    if vault.erased([subject]):
        raise Gone("the person was erased")
    holders = [("refs", "holder")]
    holders += [(table.rows, "subject") for table in vault.schema.tables if table.collection.subject != "none"]
    for table, column in holders:
        if vault.store.select(Select(table=table, columns=(column,), where=Compare(column, "=", subject), limit=1)):
            return
    raise NotFound("the vault holds nothing of that person")


def _row(vault: Vault, said: Consent) -> Row:
    fixed = (said.subject, said.key, said.place, int(said.newest), said.state, said.at_ms, said.written_ms)
    return (*fixed, said.source, said.text, _mac(vault, said))


def _mac(vault: Vault, said: Consent) -> bytes:
    return vouch(vault.ring, vault.id, "consent", said.body())[:32]


def identity(subject: bytes, key: str) -> bytes:
    """Return the id by which entries name what a person said about a key."""
    return bound.identity("consent", subject, key.encode())


def _bound(newest: Consent, count: int, mac: bytes) -> bytes:
    # How many there are and which is the newest is all that can differ: every other row is written once.
    return bound.bind(bound.SAID, identity(newest.subject, newest.key), count, mac, newest.subject)


def state(vault: Vault, rows: Sequence[Row]) -> tuple[bytes, bytes]:
    """Return the id and the state of what a person said about a key, as the newest entry that binds it must say.

    `rows`: all of it, in order. Raises Damaged where one is changed or missing.
    """
    told = [_checked(vault, row) for row in rows]
    _demand_whole(told)
    newest = next(said for said in told if said.newest)
    said = _bound(newest, len(told), _mac(vault, newest))
    return said[:16], said[16:36]


def _entry(deed: Deed, said: Consent, bound: bytes) -> Iterator[Step]:
    yield deed.entry(
        records=bound, count=1, note=f"consent {said.key} {said.state} subject {digest.id_text(said.subject)}"
    )
    yield from deed.settle(said.subject)


def history(vault: Vault, subject: bytes, key: str = "") -> list[Consent]:
    """Return what a person said, by key and in the order in which it was written down. `key` "": about every key.

    Raises Damaged where a row is changed or missing.
    """
    which = [Compare("subject", "=", subject), *([Compare("key", "=", key)] if key else [])]
    order = (("key", True), ("place", True))
    rows = vault.store.select(Select(table="consents", columns=COLUMNS, where=And(tuple(which)), order=order))
    found = [_checked(vault, row) for row in rows]
    for name in dict.fromkeys(said.key for said in found):
        _demand_whole([said for said in found if said.key == name])
    return found


def _demand_whole(told: Collection[Consent]) -> None:
    newest = [said for said in told if said.newest]
    whole = [said.place for said in told] == list(range(1, len(told) + 1))
    if not whole or len(newest) != 1 or any(said.at_ms > newest[0].at_ms for said in told):
        raise Damaged("a consent is missing from the ledger", hint="restore a backup of the vault")
