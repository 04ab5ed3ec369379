"""Consents: what a person said about a use of her data, when, where and to which words. The newest counts.

A ledger to which rows are added; an erasure takes hers out, and what remains is the erasure itself. Each row has a
MAC, over whether it is the newest too: who writes the database file makes no consent, and who removes the newest row
leaves none. One who can also read it may put back rows as they once were: the entries of the audit bind what is the
newest, so that `verify` finds it.

Flags (`vocabulary.flag`) stand in the ledger under keys of their own: `given` is in force, all else is lifted.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from privet import digest
from privet.errors import Damaged, Gone, InvalidInput, LimitExceeded, NotFound
from privet.store.port import Insert, Row, Select, Step, Update, Without
from privet.vault.access import bound
from privet.vault.access.tables import CONSENTS
from privet.vault.log.audit import Deed
from privet.vault.vault import Vault, vouch, vouched
from privet.vocabulary.flag import OBJECTION, RESTRICTION, is_flag
from privet.vocabulary.predicate import And, Compare, In, Or, Predicate

State = Literal["given", "refused", "withdrawn"]
STATES: tuple[State, ...] = get_args(State)
MOST_TOLD = 1_000  # times that one person may say something about one key
MOST_CACHED = 200_000  # answers in memory
MOST_LISTED = 1_000  # people who have one flag, for all of them to be in memory
MOST_LIFTED = 10_000  # words that lift one flag, for those that were checked to be in memory
COLUMNS = tuple(column.name for column in CONSENTS.columns)
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.:/-]{0,127}")
_KEPT = "consents"
_AFTER_OBJECTIONS = OBJECTION[:-1] + chr(ord(OBJECTION[-1]) + 1)
_NO_FLAGS: frozenset[str] = frozenset()
_NO_ONE: frozenset[bytes] = frozenset()


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

    def __init__(self, vault: Vault, most_listed: int) -> None:
        self._vault = vault
        self._most_listed = most_listed
        self._known: dict[str, dict[bytes, bool]] = {}
        self._count = self._turn = 0
        self._lock = threading.Lock()
        self._flags: dict[str, set[bytes] | None] = {}  # who has each, None where they are too many
        self._in_force: frozenset[str] | None = None  # None: not read yet
        self._turns: dict[str, int] = {}
        self._lifted: dict[str, frozenset[Row]] = {}  # as they were when they were checked

    def in_force(self) -> frozenset[str]:
        """Return the flags that anybody has. Raises Damaged."""
        found = self._in_force
        return self._load() if found is None else found

    def listed(self, key: str) -> Set[bytes] | None:
        """Return who has a flag, None where they are too many. Raises Damaged."""
        self.in_force()
        return self._flags.get(key, _NO_ONE)

    def turn(self, keys: Iterable[str]) -> int:
        """Return a number that is another once somebody's flag of some keys is."""
        return sum(self._turns.get(key, 0) for key in keys)

    def consented(self, key: str, subjects: Set[bytes]) -> Set[bytes]:
        """Return those of `subjects` whose newest word on `key` is that they consent. Raises Damaged."""
        if is_flag(key):
            listed = self.listed(key)
            if listed is not None:
                return {subject for subject in subjects if subject in listed}
        known = self._known.get(key) or {}
        missing = [subject for subject in subjects if subject not in known]
        if missing:
            known = {**{subject: known.get(subject, False) for subject in subjects}, **self._look(key, missing)}
        return {subject for subject in subjects if known.get(subject)}

    def demand_lifted(self, key: str) -> None:
        """Raise Damaged unless Privet wrote every word that lifts a flag."""
        others = Or((Compare("state", "<", "given"), Compare("state", ">", "given")))
        where = And((Compare("key", "=", key), Compare("newest", "=", 1), others))
        found = frozenset(self._vault.store.select(Select(table="consents", columns=COLUMNS, where=where)))
        for row in found - self._lifted.get(key, frozenset()):
            _checked(self._vault, row)
        self._lifted[key] = found if len(found) <= MOST_LIFTED else frozenset()

    def forget_all(self, subject: bytes) -> None:
        """Forget what somebody said about any key, after all of it was durably removed."""
        with self._lock:
            keys = {*self._known, *self._flags}
        for key in keys:
            self.forget(subject, key)

    def forget(self, subject: bytes, key: str) -> None:
        """Forget an answer, after another one became durable."""
        with self._lock:
            self._turn += 1  # whoever looked before now keeps nothing of it
            self._known.get(key, {}).pop(subject, None)
        if is_flag(key) and self._in_force is not None:
            self._hear(subject, key)

    def _hear(self, subject: bytes, key: str) -> None:
        # What stands in the ledger now, whichever of two that became durable together is told of first.
        has = self._look(key, (subject,))[subject]
        with self._lock:
            listed = self._flags.setdefault(key, set())
            if listed is not None:
                (listed.add if has else listed.discard)(subject)
                if len(listed) > self._most_listed:
                    self._flags[key] = None
            self._turns[key] = self._turns.get(key, 0) + 1
            self._in_force = _in_force(self._flags)

    def _load(self) -> frozenset[str]:
        while True:
            turn = self._turn
            flags = {key: self._holders(key) for key in self._keys()}
            found = _in_force(flags)
            with self._lock:
                if turn == self._turn:
                    self._flags, self._in_force = flags, found
                    return found

    def _keys(self) -> Iterator[str]:
        """Yield every flag that the ledger knows: each look begins after the one before."""
        yield RESTRICTION
        last = OBJECTION
        while True:
            where = And((Compare("key", ">", last), Compare("key", "<", _AFTER_OBJECTIONS)))
            question = Select(table="consents", columns=("key",), where=where, order=(("key", True),), limit=1)
            rows = self._vault.store.select(question)
            if not rows:
                return
            last = str(rows[0][0])
            yield last

    def _holders(self, key: str) -> set[bytes] | None:
        where = And((Compare("key", "=", key), Compare("newest", "=", 1)))
        question = Select(table="consents", columns=COLUMNS, where=where, limit=self._most_listed + 1)
        said = [_checked(self._vault, row) for row in self._vault.store.select(question)]
        return None if len(said) > self._most_listed else {item.subject for item in said if item.state == "given"}

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


def _in_force(flags: Mapping[str, set[bytes] | None]) -> frozenset[str]:
    return frozenset(key for key, listed in flags.items() if listed is None or listed)


def keep(vault: Vault, *, most_listed: int = MOST_LISTED) -> None:
    """Have an open vault answer by its ledger from now on. `most_listed`: people of one flag who are in memory; of more
    the store is asked."""
    book = vault.kept[_KEPT] = Book(vault, most_listed)
    vault.consents = book.consented


def kept(vault: Vault) -> bool:
    """Return whether the vault answers by its ledger, so that the store can narrow a question by it."""
    book = vault.kept.get(_KEPT)
    return isinstance(book, Book) and vault.consents == book.consented


def in_force(vault: Vault) -> frozenset[str]:
    """Return the flags that anybody has, none where the vault keeps no ledger. Raises Damaged."""
    book = vault.kept.get(_KEPT)
    return book.in_force() if isinstance(book, Book) else _NO_FLAGS


def listed(vault: Vault, key: str) -> Set[bytes] | None:
    """Return who has a flag, None where they are too many to say, or nobody knows. Raises Damaged."""
    book = vault.kept.get(_KEPT)
    return book.listed(key) if isinstance(book, Book) else None


def given(alias: str, key: str) -> Predicate:
    """Return the condition of the ledger's rows, under an alias, by which somebody consents to a key or has a flag.

    It is the store's, which checks no MAC: it may leave out whom it should not, so that what remains is judged.
    """
    said = (("key", key), ("newest", 1), ("state", "given"))
    return And(tuple(Compare(f"{alias}.{name}", "=", value) for name, value in said))


def unflagged(alias: str, key: str, subject: str) -> Without:
    """Return what leaves out the records of people who have a flag. `subject`: the column that says whose one is.

    Whoever does not judge the rest calls `demand_lifted` first: by a changed word the store would take somebody for
    free who is not. As everywhere, who takes a word away, or makes it count no longer, is found by `verify`.
    """
    return Without("consents", alias, subject, "subject", given(alias, key))


def demand_lifted(vault: Vault, key: str) -> None:
    """Raise Damaged unless Privet wrote every word that lifts a flag."""
    book = vault.kept.get(_KEPT)
    if isinstance(book, Book):
        book.demand_lifted(key)


def forget(vault: Vault, subject: bytes) -> None:
    """Forget what somebody said, after all of it was durably removed: she was erased. Raises Damaged."""
    book = vault.kept.get(_KEPT)
    if isinstance(book, Book):
        book.forget_all(subject)


def turn(vault: Vault, keys: Iterable[str]) -> int:
    """Return a number that is another once somebody's flag of some keys is."""
    book = vault.kept.get(_KEPT)
    return book.turn(keys) if isinstance(book, Book) else 0


def withheld(vault: Vault, keys: Iterable[str], subjects: Set[bytes]) -> Set[bytes]:
    """Return those of `subjects` who have one of some flags: all of them where nobody can say. Raises Damaged."""
    found: Set[bytes] = _NO_ONE
    for key in keys:
        having = vault.consented(key, subjects)
        found = found | (subjects if having is None else having)
    return found


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
    if not _KEY.fullmatch(said.key) or said.key == OBJECTION:
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
