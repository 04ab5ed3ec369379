"""What Privet asks of a system that holds personal data: say what you hold, read, erase, answer.

A connector is blocking and used from one thread at a time; callers run it beside an event loop. It keeps no value
after a call, puts none into an error, a log or a URL that others log, and never builds a statement, path or command
out of values or of names that the dataset does not declare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from privet.errors import PrivetError, Refused
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset

Value = Any
"""One value as the system's own library gives it: None, bool, int, float, Decimal, str, bytes, date, datetime, UUID, an
object id, or lists and dicts of them."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record. `values`: field → value, nested as the system nests. `links`: dotted path of a field → what
    references to it hold where that is not the value itself: the vault shows values and links by tokens."""

    values: Mapping[str, Value]
    links: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how much. Seconds to connect and to wait for an answer; records a page."""

    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    page: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One connector as an operator set it up. `name`: what people call it. `kind`: the part on the shelf. `settings`
    may be shown, `secrets` never. `private`: it may be reached in a private network."""

    name: str
    kind: str
    settings: Mapping[str, str | int | bool] = field(default_factory=dict)
    secrets: Mapping[str, Secret[str]] = field(default_factory=dict)
    private: bool = False
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Which records are wanted: those of which **any** field in `matches` holds any of its values.

    `matches`: dotted path → values. Values come from other systems: a connector turns them into what the field's
    `native.data_type` says, and passes over those that cannot be (no such integer is no match, and no error).
    `fields`: top-level fields to give; () for all that the collection declares. `identities`: kind → values of the
    person asked about, for systems whose questions want them beside what is looked for.
    """

    dataset: Dataset
    collection: Collection
    matches: Mapping[str, Sequence[Value]]
    fields: tuple[str, ...] = ()
    identities: Mapping[str, Sequence[Value]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of records. `key`: dotted paths and the values that together find them: the primary key where there
    is one, else the fields by which they were found. `values`: dotted path → new value; None: delete whole records.
    `once`: an idempotency key, the same however often this change is asked for."""

    key: Mapping[str, Value]
    values: Mapping[str, Value] | None
    once: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes to one collection, carried out in the order given. `found`: the question by which its records were found,
    for systems that change a record only when told more of it than its key."""

    collection: Collection
    changes: Sequence[Change]
    found: Read | None = None


class Connector(Protocol):
    """An open system. Raises Unavailable where it does not answer in time, Refused where it does not let us in or
    forbids what was asked, InvalidInput where the dataset and the system disagree (a field that is not there)."""

    def probe(self) -> None:
        """Make sure that the system answers and lets us in. Reads no record."""

    def describe(self) -> Dataset:
        """Return what the system holds, as it is there: collections, fields, types, keys, foreign keys."""

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """Yield the records in pages, in bounded memory. No record comes twice in one call where it has a key."""

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """Carry out changes and return how many records each batch changed or deleted.

        All of them or none where the part's profile says `atomic`; else each change by itself, in order, and Halted
        says how far it came. Doing it again changes nothing more. A field that cannot be changed is an error, never
        passed over. Deleting what is not there is no fault.
        """

    def close(self) -> None:
        """Let go of the system. Idempotent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person said about the use of her data. `key`: of the notice that she was shown, "" for none. `uses`:
    taxonomy keys that it is about, with all below; () for every use (a restriction). `at_ms`: when she said it, UTC
    milliseconds since 1970."""

    kind: Literal["consent", "objection", "restriction"]
    state: Literal["given", "refused", "withdrawn"]
    key: str = ""
    uses: tuple[str, ...] = ()
    at_ms: int
    source: str = ""
    text: str = ""


class Teller(Protocol):
    """A connector that can be told what a person said."""

    def tell(self, dataset: Dataset, choice: Choice, identities: Mapping[str, Sequence[Value]], once: str) -> int:
        """Have the system honour a choice; return how many of its records it was set on, 0 where it knows nobody.

        `once`: an idempotency key. Telling it again changes nothing more. Raises Untold where the system has no way to
        honour it, Waiting where a person must.
        """


class Untold(Refused):
    """The system has no way to honour what a person chose."""

    code = "cannot_be_told"


class Halted(PrivetError):
    """A system took some changes and then no more; `done`: records changed by each batch so far, the last in part.
    `cause`: what was raised by the one that failed. It is not known whether that one took effect."""

    code = "halted"

    def __init__(self, done: Sequence[int], cause: PrivetError) -> None:
        super().__init__(f"the system took some of the changes and then failed: {cause.message}", hint=cause.hint)
        self.done = tuple(done)
        self.cause = cause


class Waiting(PrivetError):
    """A person must act before this can be answered: the system has no door for programs.

    `task`: what the person is asked, with the identities it is about. `tell`: makes the one outside effect, given an
    idempotency key: sends the person a message; None where people look into our queue. It raises Unavailable or
    Refused where the message was surely not taken, Halted where that is not known.
    """

    code = "waiting"

    def __init__(self, task: Secret[str], *, tell: Callable[[str], None] | None = None) -> None:
        super().__init__("a person must act in the system first")
        self.task = task
        self.tell = tell
