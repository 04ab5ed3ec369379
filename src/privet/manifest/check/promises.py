"""Our own policy texts beside manifests: what in them cannot be read, and what breaks, or may break, a promise.

A promise binds every declaration, and the roles of every text: it is the whole organization that promises.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from privet.codec import Place
from privet.errors import InvalidInput, InvalidPolicy, PrivetError, UnknownName
from privet.manifest.check.ground import Declared, Ground, Spot, dotted
from privet.manifest.finding import Finding
from privet.manifest.places import parsed
from privet.manifest.resources import PolicyText
from privet.near import meant
from privet.policy import check as reader
from privet.policy.bind import Fault
from privet.policy.parse import parse
from privet.policy.review.aims import misaimed
from privet.policy.syntax import DenyUse, Erase, Keep, Limit, Policy, Promise, RequireConsent, Span

FAULT = "policy-fault"
DENY, CONSENT, LIMIT = "deny-use", "require-consent", "limit"
NO_TABLE = "unknown-table"
ERASURE = "erasure"

_RULES: Mapping[type[Promise], str] = {DenyUse: DENY, RequireConsent: CONSENT, Limit: LIMIT}


class _Read(NamedTuple):
    """A text and its tree."""

    source: PolicyText
    policy: Policy

    def place(self, span: Span) -> Place:
        return Place(self.source.file, span.line, span.column)

    def length(self, span: Span) -> int:
        """Return how many characters of its first line a span has; 0 where it goes on to the next."""
        return 0 if "\n" in self.source.text[span.start : span.end] else span.end - span.start


def findings(ground: Ground, only: Collection[str] = ()) -> Iterator[Finding]:
    """Yield every fault of the texts, and what breaks or may break a promise of theirs: an error, or a warning.

    `only`: files of the texts to go by, () for all. Roles of the others are held against these, too.
    """
    read: list[_Read] = []
    for source in ground.manifest.texts:
        chosen = not only or source.file in only
        plain = PolicyText(source.file, source.text.removeprefix("\ufeff"))
        try:
            read.append(_Read(plain, parse(plain.text, plain.file, labels=ground.manifest.labels)))
        except InvalidPolicy as error:
            yield from (_fault(plain, fault) for fault in error.faults if chosen)
    asked = [one for one in read if not only or one.source.file in only]
    for one in asked:
        yield from _Broken(ground, one).findings(read)
        yield from _tables(ground, one)
        yield from _erasures(ground, one)


def _fault(source: PolicyText, fault: PrivetError) -> Finding:
    at = parsed(fault.at)
    return Finding(
        rule=FAULT,
        severity="error",
        subject=f"policy {source.file}",
        message=fault.message,
        at=at if at.file else Place(source.file, 1, 1),
        hint=fault.hint,
        policy=source.file,
    )


class _Broken:
    """What breaks the promises of one text."""

    def __init__(self, ground: Ground, promising: _Read) -> None:
        self._ground, self._promising = ground, promising
        self._promises = {promise.span: promise for promise in promising.policy.promises}
        self._spots: dict[str, tuple[str, Spot]] = {}

    def findings(self, texts: Collection[_Read]) -> Iterator[Finding]:
        manifest, promises = self._ground.manifest, tuple(self._promises.values())
        declared = self._declared() if promises else {}
        for said in reader.check(Policy("", (), promises), manifest.systems, manifest.datasets) if promises else ():
            yield self._of_declaration(said, declared[said.place, said.at])
        for other in texts:
            if promises and other.policy.roles:
                for said in reader.check(Policy("", other.policy.roles, promises), (), manifest.datasets):
                    yield self._of_role(said, other)

    def _declared(self) -> dict[tuple[str, str], Declared]:
        """Return declarations by what the reader calls them."""
        found: dict[tuple[str, str], Declared] = {}
        for one in self._ground.declared:
            place = f"system `{one.system.key}`, declaration {one.declaration.name or one.at + 1}"
            found.setdefault((place, one.declaration.at), one)
        return found

    def _of_declaration(self, said: reader.Finding, one: Declared) -> Finding:
        ground, promise = self._ground, self._promises[said.rule]
        if said.held:
            dataset, spot = self._spot(one, said.held)
            at = ground.places.category(dataset, spot.path, said.label)
        else:
            step = ("data_categories", said.label) if said.label else ("data_use",)
            at = ground.places.declaration(one.system, one.at, *step)
        return Finding(
            rule=_RULES[type(promise)],
            severity=said.severity,
            subject=one.subject,
            message=said.why,
            at=at,
            length=len(said.label or one.declaration.use),
            hint=said.mend,
            because=self._promising.place(promise.span),
            policy=self._promising.source.file,
        )

    def _of_role(self, said: reader.Finding, other: _Read) -> Finding:
        promise = self._promises[said.rule]
        return Finding(
            rule=_RULES[type(promise)],
            severity=said.severity,
            subject=said.place.replace("`", ""),
            message=said.why,
            at=other.place(said.span),
            length=other.length(said.span),
            hint=said.mend,
            because=self._promising.place(promise.span),
            policy=self._promising.source.file,
        )

    def _spot(self, one: Declared, held: str) -> tuple[str, Spot]:
        """Return the dataset and the spot of it that the reader calls `held`."""
        if held not in self._spots:
            for dataset in one.declaration.datasets:
                for spot in self._ground.spots(dataset):
                    self._spots.setdefault(dotted(dataset, spot.path), (dataset, spot))
        return self._spots[held]


def _tables(ground: Ground, one: _Read) -> Iterator[Finding]:
    """Yield the tables that rules name and that no dataset has. Where there are no datasets, a vault has them."""
    known = {table.name for dataset in ground.manifest.datasets for table in dataset.collections}
    targets = [target for role in one.policy.roles for rule in role.rules for target in rule.targets] if known else []
    for target in dict.fromkeys(targets):
        if target.table and target.table not in known:
            yield Finding(
                rule=NO_TABLE,
                severity="note",
                subject=f"policy {one.source.file}",
                message=f"no dataset here has a table `{target.table}`",
                at=one.place(target.span),
                length=one.length(target.span),
                hint=meant(target.table, known),
                policy=one.source.file,
            )


def _erasures(ground: Ground, one: _Read) -> Iterator[Finding]:
    """Yield what promises about erasures name and nobody has: strategies, and what of datasets where there are any."""
    for promise in one.policy.promises:
        if not isinstance(promise, Erase | Keep):
            continue
        faults = list(_strategy(promise)) if isinstance(promise, Erase) else []
        faults += misaimed(promise, ground.datasets) if ground.datasets else ()
        for fault in faults:
            yield Finding(
                rule=ERASURE,
                severity="error",
                subject=f"policy {one.source.file}",
                message=fault.message,
                at=one.place(fault.span),
                length=one.length(fault.span),
                hint=fault.hint,
                policy=one.source.file,
            )


def _strategy(promise: Erase) -> Iterator[Fault]:
    from privet.crypto.strategies import settled, strategy  # slow to import, and few texts speak of erasures

    try:
        settled(strategy(promise.strategy), promise.settings)
    except (InvalidInput, UnknownName) as error:
        yield Fault(promise.span, error.message, error.hint)
