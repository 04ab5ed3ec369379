"""What is asked for and told of a request: openings, requests as they are listed, tasks of people and their answers.

No I/O: `journal` keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from privet.connectors.base import Choice
from privet.errors import InvalidInput
from privet.rights.outcome import Result
from privet.rights.words import CHANGING, TELLING, Kind, State
from privet.secret import Secret

MOVES: Mapping[str, tuple[tuple[State, ...], State]] = {
    "approve": (("received",), "approved"),
    "deny": (("received",), "denied"),
    "cancel": (("received", "approved", "running", "waiting"), "canceled"),
    "run": (("approved", "running", "waiting"), "running"),
    "wait": (("running",), "waiting"),
    "complete": (("running",), "complete"),
    "partial": (("running",), "partial"),
    "fail": (("running",), "failed"),
    "retry": (("partial", "failed"), "approved"),
}
"""What may happen to a request: verb → the states that it may come from, and the one that follows."""

ACTIVE: tuple[State, ...] = ("received", "approved", "running", "waiting")
OVER: tuple[State, ...] = ("complete", "partial", "failed", "denied", "canceled")
_IDENTITY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
LONGEST_IDENTITY, MOST_IDENTITIES, LONGEST_REASON = 1_000, 20, 200
MOST_CORRECTIONS, LONGEST_VALUE = 100, 10_000

DENIALS = (
    "identity_not_proved",
    "manifestly_unfounded",
    "excessive",
    "not_held",
    "legal_exception",
    "others_rights",
    "duplicate",
    "withdrawn",
)
"""Why a request may be turned down: the letter to the person says each in words. GDPR art. 11(2), 12(2), 12(5), 15(4),
17(3); Cal. Code Regs. tit. 11, § 7060 and following."""
EXTENSIONS = ("complex", "many_requests")
"""Why an answer may take longer. GDPR art. 12(3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What is wrong, and what is right. `what`: a taxonomy category, or the address of a field
    (`dataset.collection.field`). `was`: what stands there now, where other values are to stay; None for whatever it
    is."""

    what: str
    value: str | int | float | bool | None
    was: str | int | float | bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What somebody asks for. `identities`: kind → value, or values. `approval`: wait until somebody approves.
    `dry`: an erasure that decides and counts, and changes nothing. `note`: sealed as the identities are.

    `verified`: how it was proved whose identities these are (`code`, or a few words), "" where it was not yet.
    `received_ms`: when it came, where that was earlier. `due_ms`: until when it must be answered; `acknowledge_ms`:
    until when receipt must be confirmed: UTC milliseconds since 1970. `law`: key of the law that gives the time.
    `region`: ISO 3166 code of where the person lives. `language`: in which she is written to. `corrections`: of a
    rectification. `choice`: of a restriction, an objection or a consent. `person`: what stands for her where her own
    requests are listed, a MAC of an identity; b"" for nobody.
    """

    kind: Kind
    identities: Mapping[str, str | Sequence[str]]
    by: str
    due_ms: int | None = None
    acknowledge_ms: int | None = None
    approval: bool = True
    dry: bool = False
    note: str = ""
    verified: str = ""
    received_ms: int | None = None
    law: str = ""
    region: str = ""
    language: str = "en"
    corrections: Sequence[Correction] = ()
    choice: Choice | None = None
    person: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which requests are wanted, and in which order. What is empty, any has. `after`: the id of the last one seen.
    `by_due`: those that have a due date, the soonest first; else the newest first. `person`: as of an opening."""

    states: Sequence[str] = ()
    kind: str = ""
    law: str = ""
    assigned: str = ""
    person: bytes = b""
    due_before_ms: int | None = None
    by_due: bool = False
    after: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as anybody who may list them sees it. `begun`: something outside was changed, so it cannot be
    canceled. `reason`: a code for why it was denied, canceled or failed. `forgotten`: nothing personal opens.
    `proved`: it ended with `result`, and is otherwise as it was then. `received_ms`: when the clock began. `verified`:
    how the person proved who she is, "" where she did not. `assigned`: the id of whoever looks after it. `extended`: a
    code for why more time is taken. `warned_ms`: when it was last said that time runs out. `ended_ms`: when it was
    over. `acknowledge_ms`: until when receipt must be confirmed; `acknowledged_ms`: when it was.
    `downloads`: how often its package was handed out; `package_until_ms`: until when it can be."""

    id: str
    kind: Kind
    state: State
    dry: bool
    opened_ms: int
    updated_ms: int
    due_ms: int | None
    opened_by: str
    decided_by: str
    reason: str
    without: tuple[str, ...]
    begun: bool
    forgotten: bool
    certificate: str
    plan: Any
    progress: Any
    result: Result | None
    proved: bool = False
    received_ms: int = 0
    acknowledge_ms: int | None = None
    acknowledged_ms: int | None = None
    verified: str = ""
    law: str = ""
    region: str = ""
    language: str = "en"
    assigned: str = ""
    extended: str = ""
    warned_ms: int | None = None
    ended_ms: int | None = None
    downloads: int = 0
    package_until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a person is asked to do in a system that we cannot reach ourselves. `told`: whether the message to that
    person went out; "unknown" where a crash hides it, "" where none goes out. `text` holds identities."""

    name: str
    dataset: str
    what: str
    text: Secret[str]
    collections: tuple[str, ...]
    told: str
    answered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person says of a task: the records found there by collection, or that all of it is erased."""

    records: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    erased: bool = False
    note: str = ""


def checked(ask: Opening) -> dict[str, Any]:
    """Return whom an opening is about: kind → value, or values. Raises InvalidInput."""
    if ask.kind not in get_args(Kind):
        raise InvalidInput("expected a request of kind " + ", ".join(f"`{kind}`" for kind in get_args(Kind)))
    found: dict[str, Any] = {}
    for kind, given in ask.identities.items():
        if not _IDENTITY.fullmatch(kind):  # it is shown, and stands in tasks for people
            raise InvalidInput("expected kinds of identities of letters, digits, _ . and -")
        values = list(given) if isinstance(given, list | tuple) else [given]
        if any(not isinstance(value, str) or not value.strip() or "\0" in value for value in values) or not values:
            raise InvalidInput(f"expected an identity of kind `{kind}` that is a text, found another")
        if any(len(value) > LONGEST_IDENTITY for value in values):
            raise InvalidInput(f"expected an identity of kind `{kind}` of at most {LONGEST_IDENTITY} characters")
        found[kind] = values[0] if len(values) == 1 else values
    if not found or len(found) > MOST_IDENTITIES:
        raise InvalidInput(f"expected 1 to {MOST_IDENTITIES} identities", hint="say who it is about, such as by email")
    if ask.verified:
        read_verified(ask.verified)
    _check_said(ask)
    return found


def _check_said(ask: Opening) -> None:
    """Raise InvalidInput unless an opening says what its kind needs, and nothing that another kind does."""
    if (ask.kind == "rectification") != bool(ask.corrections) or len(ask.corrections) > MOST_CORRECTIONS:
        raise InvalidInput(f"expected 1 to {MOST_CORRECTIONS} corrections of a rectification, and none else")
    for each in ask.corrections:
        if any(isinstance(value, str) and len(value) > LONGEST_VALUE for value in (each.value, each.was)):
            raise InvalidInput(f"expected values of at most {LONGEST_VALUE:,} characters", at="corrections")
    said = ask.choice.kind if ask.choice else None
    if said != (ask.kind if ask.kind in TELLING else None):
        raise InvalidInput("expected a choice of a restriction, an objection or a consent, and of none else")
    if ask.dry and ask.kind not in CHANGING:
        raise InvalidInput("expected a dry run of an erasure or a rectification", at="dry")


def read_verified(text: str) -> str:
    """Return how somebody proved who she is, as it may stand in a row. Raises InvalidInput."""
    if not text.strip() or len(text) > LONGEST_REASON or not text.isprintable():
        raise InvalidInput(f"expected how she proved who she is, in 1 to {LONGEST_REASON} characters", at="verified")
    return text


def read_denial(code: str) -> str:
    """Return a reason to turn a request down. Raises InvalidInput for what is not of DENIALS."""
    return _of(code, DENIALS)


def read_extension(code: str) -> str:
    """Return a reason to take longer. Raises InvalidInput for what is not of EXTENSIONS."""
    return _of(code, EXTENSIONS)


def _of(code: str, codes: Sequence[str]) -> str:
    if code not in codes:
        raise InvalidInput(
            "expected a reason that the person can be told", at="reason", hint="one of " + ", ".join(codes)
        )
    return code


def read_reason(text: str) -> str:
    """Return a reason that may stand in a row. Raises InvalidInput."""
    if not text.strip() or len(text) > LONGEST_REASON:
        raise InvalidInput(f"expected a reason of 1 to {LONGEST_REASON} characters")
    return text


def facts(request: Request) -> dict[str, Any]:
    """Return what a certificate says of a request beside its result."""
    return {
        "kind": request.kind,
        "state": request.state,
        "dry": request.dry,
        "opened": request.opened_ms,
        "received": request.received_ms,
        "verified": request.verified,
        "updated": request.updated_ms,
        "decided_by": request.decided_by,
        "without": list(request.without),
    }
