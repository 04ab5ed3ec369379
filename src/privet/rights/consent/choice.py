"""What people say to notices, and what counts of it. No I/O: `ledger` keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, get_args

from privet import digest
from privet.connectors.base import Choice
from privet.rights.consent.notice import Edition
from privet.rights.consent.region import binds

State = Literal["given", "refused", "withdrawn"]
STATES: tuple[State, ...] = get_args(State)
Source = Literal["center", "api", "signal", "import"]
SOURCES: tuple[Source, ...] = get_args(Source)
FORGOTTEN = "forgotten"  # the state of the row that stands for what was forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person said once. `person`: 32 bytes, a keyed MAC of who she is. `place`: counts what she said, from 1,
    in the order in which it was written down. `notice`, `version`, `digest`, `language`: the words that she was shown.
    `at_ms`: when she said it; `written_ms`: when it was written down: UTC milliseconds since 1970. `how`: how it was
    proved who said it. `signal`: her browser's signal to opt out was on then."""

    person: bytes
    place: int
    notice: str
    version: int
    digest: bytes
    language: str
    state: str
    at_ms: int
    written_ms: int
    source: str
    how: str = ""
    signal: bool = False

    def body(self) -> bytes:
        """Return what the MAC of the row covers, beside the MAC of the row before."""
        numbers = (self.place, self.version, self.at_ms, self.written_ms, int(self.signal))
        texts = (self.notice, self.language, self.state, self.source, self.how)
        said = (*(text.encode() for text in texts), *(number.to_bytes(8, "big") for number in numbers))
        return digest.canonical((b"privet choice 1", self.person, self.digest, *said))

    @property
    def shown(self) -> str:
        """Return the words that she was shown, as a vault's ledger names them."""
        return f"v{self.version} {self.language} {self.digest.hex()[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """What counts for one notice. `given`: the use may go on. `said`: what she said last, None where she said nothing
    and the mechanism decides."""

    edition: Edition
    given: bool
    said: Said | None


def counts(told: Iterable[Said]) -> dict[str, Said]:
    """Return what counts of all that a person said, by notice: what she said last, and of one moment what was written
    last."""
    found: dict[str, Said] = {}
    for said in told:
        before = found.get(said.notice)
        if said.state != FORGOTTEN and (before is None or (said.at_ms, said.place) >= (before.at_ms, before.place)):
            found[said.notice] = said
    return found


def stands(editions: Sequence[Edition], told: Iterable[Said]) -> list[Stands]:
    """Return what counts for each of some notices. Where she said nothing, an `opt_in` is not given; all else is."""
    found = counts(told)
    return [_stands(edition, found.get(edition.notice.key)) for edition in editions]


def _stands(edition: Edition, said: Said | None) -> Stands:
    silent = edition.notice.mechanism != "opt_in"
    return Stands(edition=edition, given=silent if said is None else said.state == "given", said=said)


def refused_by_signal(standing: Sequence[Stands], region: str, day: date) -> list[Edition]:
    """Return the notices that a browser's signal refuses now.

    Where a law of the region makes it bind, and the notice honours it; not where she said no already, nor where she
    said yes while the signal was on: what she said herself to that notice is the more particular choice, and the
    browser sends the same signal with every page. A yes that she gave without a signal ends with the first one.
    """
    if not binds(region, day):
        return []
    return [
        each.edition
        for each in standing
        if each.edition.notice.honours_signal
        and (each.said is None or (each.said.state == "given" and not each.said.signal))
    ]


def joins(said: Said, hers: Said | None) -> bool:
    """Return whether what was said on a device becomes the word of whoever proved herself there. `hers`: what counts
    of what she said to the same notice.

    A yes of nobody that we know lifts no no of hers; and a signal does not answer what she said yes to under it.
    """
    if hers is None:
        return True
    if said.state == "given":
        return hers.state == "given"
    return not (said.source == "signal" and hers.state == "given" and hers.signal)


def told_as(edition: Edition, said: Said, before: Mapping[str, Said], editions: Mapping[str, Edition]) -> list[Choice]:
    """Return what systems are told of what a person said, which counts.

    `before`: what counted then, by notice; `editions`: every notice, by key. A no to an `opt_out` notice is an
    objection to its uses, too: systems that ask for no consent stop by it. A later yes lifts it, for the uses that no
    other notice to which she said no is about; what she objected to elsewhere stays.
    """
    state: State = "given" if said.state == "given" else "withdrawn" if said.state == "withdrawn" else "refused"
    consent = Choice(
        kind="consent",
        state=state,
        key=edition.notice.key,
        uses=edition.notice.uses,
        at_ms=said.at_ms,
        source=said.source,
        text=said.shown,
    )
    if edition.notice.mechanism != "opt_out":
        return [consent]
    if state != "given":
        return [consent, replace(consent, kind="objection", state="given")]
    old = before.get(edition.notice.key)
    if old is None or old.state == "given":
        return [consent]
    others = {
        use
        for key, each in before.items()
        if key != edition.notice.key and each.state != "given" and key in editions
        for use in _objected(editions[key])
    }
    lifted = tuple(use for use in edition.notice.uses if use not in others)
    return [consent, replace(consent, kind="objection", state="withdrawn", uses=lifted)] if lifted else [consent]


def _objected(edition: Edition) -> tuple[str, ...]:
    return edition.notice.uses if edition.notice.mechanism == "opt_out" else ()
