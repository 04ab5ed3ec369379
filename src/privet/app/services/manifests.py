"""Manifests of the organization: push and show versions, compare and check them; what they and the vaults hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from privet.app.atlas import declared_vaults, lay_out, newest
from privet.app.declared import Push
from privet.app.services.policies import name_of
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.codec import Place
from privet.errors import Conflict, Denied, InvalidInput, InvalidPolicy, NotFound
from privet.manifest.finding import Finding
from privet.manifest.resources import Manifest
from privet.policy.decide import may
from privet.store.port import Clash, Unit
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.laws import law
from privet.vocabulary.system import System

if TYPE_CHECKING:
    from collections.abc import Iterable

    from privet.manifest.diff import Change

PAGE = 100


class PushAsk(Ask, kw_only=True):
    """Store manifests: path → text, all files of them. `base`: the version that they were made from, 0 for none; where
    a newer one was pushed meanwhile nothing is stored. `note`: why."""

    files: dict[str, str] = msgspec.field(default_factory=dict)
    base: int = -1
    note: str = ""


class ListAsk(Ask, kw_only=True):
    """List versions, newest first. `before`: those below this one; 0 for all."""

    before: int = 0


class ShowAsk(Ask, kw_only=True):
    """Show the files of a version; 0: of the newest."""

    version: int = 0


class DiffAsk(Ask, kw_only=True):
    """Compare a version, 0 for the newest, with an `old` one, 0 for nothing."""

    version: int = 0
    old: int = 0


class CheckAsk(Ask, kw_only=True):
    """Check a version, with the vaults' tables; 0: the newest. `laws`: as under these, too."""

    version: int = 0
    laws: tuple[str, ...] = ()


class MapAsk(Ask, kw_only=True):
    """Show the data map of the newest version and of the vaults. `organization`: of it alone."""

    organization: str = ""


class VaultsAsk(Ask, kw_only=True):
    """Name the keys of datasets that are declared: a vault whose schema is one of them is not told twice."""

    taken: tuple[str, ...] = ()


class ImpactAsk(Ask, kw_only=True):
    """Show what depends on a field: `[dataset.]collection.field`."""

    field: str


class Pushed(Answer, kw_only=True):
    """A version. `author`: the name of a principal. `created_ms`: UTC milliseconds since 1970."""

    version: int
    author: str
    created_ms: int
    note: str
    count: int


class PushedAll(Answer):
    """Versions, newest first. `next`: ask for those before it; 0 where there are none."""

    manifests: list[Pushed]
    next: int


class Files(Answer, kw_only=True):
    """The files of a version: path → text."""

    version: int
    files: dict[str, str]


class FindingShown(Answer, kw_only=True):
    """A finding. `at`, `because`: file, line and column."""

    rule: str
    severity: str
    subject: str
    message: str
    at: str
    because: str
    hint: str
    policy: str
    fingerprint: str


class Checked(Answer, kw_only=True):
    """What a check found; nothing of `error` means that the promises hold as far as they are declared."""

    version: int
    findings: list[FindingShown]


class ChangeShown(Answer, kw_only=True):
    """A change. `what`: added, removed or changed. `path`: down to what changed, dotted, "" for the resource itself.
    `before`, `after`: "" where it was not there, or where it may tell of a person."""

    what: str
    kind: str
    key: str
    path: str
    before: str
    after: str
    at: str


class Changes(Answer):
    """What differs between two versions, nothing where both mean the same."""

    changes: list[ChangeShown]


class DataMap(Answer):
    """A data map, as `privet map --format json` writes it."""

    map: dict[str, Any]


class Vaults(Answer, kw_only=True):
    """The vaults in the words of manifests: systems, their datasets, and vault → its policy in force."""

    systems: list[System]
    datasets: list[Dataset]
    policies: dict[str, str]


class TouchShown(Answer, kw_only=True):
    """One thing that depends on the field. `sure`: False where it may."""

    kind: str
    what: str
    how: str
    sure: bool
    at: str


class Impact(Answer, kw_only=True):
    """All that is known to depend on a field."""

    field: str
    labels: list[str]
    at: str
    touches: list[TouchShown]


async def push(house: House, who: Caller, ask: PushAsk) -> Pushed:
    """Store manifests, unless they cannot be read."""
    from privet.manifest.load import read_texts

    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    if not ask.files:
        raise InvalidInput("expected at least one file", at="files")
    _demand_readable(*read_texts(ask.files))
    last = house.declared.newest()
    at = last.version if last else 0
    if last and house.declared.files(at) == ask.files:
        return _pushed(house, last)
    if ask.base not in (-1, at):
        raise Conflict("newer manifests were pushed meanwhile", hint="pull them, and push again")
    now = house.clock()
    made = Push(version=at + 1, author=who.principal.id, created_ms=now, note=ask.note[:500], count=len(ask.files))
    deed = who.deed("manifests.push", house.policy().version, now)
    try:
        step = house.declared.step(made, ask.files)
        entry = deed.entry(note=f"manifests {made.version}, {made.count} files")
        await house.control.write(Unit((step, entry, *deed.settle(b""))))
    except Clash:
        raise Conflict("newer manifests were pushed meanwhile", hint="pull them, and push again") from None
    return _pushed(house, made)


async def list_(house: House, who: Caller, ask: ListAsk) -> PushedAll:
    """List versions."""
    may_look(house, who)
    found = house.declared.history(before=ask.before, limit=PAGE + 1)
    shown = [_pushed(house, each) for each in found[:PAGE]]
    return PushedAll(manifests=shown, next=shown[-1].version if len(found) > PAGE else 0)


async def get(house: House, who: Caller, ask: ShowAsk) -> Files:
    """Show the files of a version."""
    may_look(house, who)
    version = _version(house, ask.version)
    return Files(version=version, files=house.declared.files(version))


async def diff(house: House, who: Caller, ask: DiffAsk) -> Changes:
    """Compare two versions."""
    from privet.manifest.diff import diff as compared

    may_look(house, who)
    old = _manifest(house, ask.old) if ask.old else Manifest()
    new = _manifest(house, _version(house, ask.version))
    return Changes(changes=[_change(found) for found in compared(old, new)])


async def check(house: House, who: Caller, ask: CheckAsk) -> Checked:
    """Check a version."""
    from dataclasses import replace

    from privet.manifest.check.whole import check as checked
    from privet.manifest.load import read_texts

    may_look(house, who)
    under = tuple(law(key) for key in ask.laws)
    version = _version(house, ask.version)
    manifest, faults = read_texts(house.declared.files(version))
    held = declared_vaults(house, frozenset(dataset.key for dataset in manifest.datasets))
    whole = replace(
        manifest,
        datasets=(*manifest.datasets, *held.datasets),
        texts=(*manifest.texts, *held.texts),
    )
    return Checked(version=version, findings=[_finding(found) for found in checked(whole, faults, laws=under)])


async def map_(house: House, who: Caller, ask: MapAsk) -> DataMap:
    """Show the data map."""
    from privet.manifest.exports import EXPORTS

    may_look(house, who)
    atlas = lay_out(house, newest(house), ask.organization)
    return DataMap(map=msgspec.json.decode(EXPORTS.get("json").write(atlas)))


async def vaults(house: House, who: Caller, ask: VaultsAsk) -> Vaults:
    """Show the vaults in the words of manifests."""
    may_look(house, who)
    held = declared_vaults(house, frozenset(ask.taken))
    policies = {text.file.removeprefix("vault "): text.text for text in held.texts}
    return Vaults(systems=list(held.systems), datasets=list(held.datasets), policies=policies)


async def impact(house: House, who: Caller, ask: ImpactAsk) -> Impact:
    """Show what depends on a field."""
    from privet.manifest.atlas.impact import impact as found
    from privet.policy.parse import parse

    may_look(house, who)
    manifest = newest(house)
    held = declared_vaults(house, frozenset(dataset.key for dataset in manifest.datasets))
    texts = (*manifest.texts, *held.texts)
    policies = {text.file: parse(text.text, text.file, labels=manifest.labels) for text in texts}
    told = found(manifest, ask.field, policies=policies, datasets=held.datasets, systems=held.systems)
    touches = [TouchShown(kind=t.kind, what=t.what, how=t.how, sure=t.sure, at=_place(t.at)) for t in told.touches]
    at = _place(told.at)
    return Impact(field=told.name, labels=list(told.labels), at=at, touches=touches)


def _demand_readable(manifest: Manifest, findings: Iterable[Finding]) -> None:
    """Raise InvalidInput, holding every fault, where manifests or the policies beside them cannot be read."""
    from privet.policy.parse import parse

    wrong = [
        InvalidInput(found.message, hint=found.hint, at=str(found.at))
        for found in findings
        if found.severity == "error"
    ]
    for text in manifest.texts:
        try:
            parse(text.text, text.file, labels=manifest.labels)
        except InvalidPolicy as error:
            wrong += (InvalidInput(fault.message, hint=fault.hint, at=fault.at) for fault in error.faults)
    if wrong:
        raise InvalidInput(wrong[0].message, hint=wrong[0].hint, at=wrong[0].at, faults=tuple(wrong))


def may_look(house: House, who: Caller) -> None:
    """Raise Denied unless the caller manages the house or audits it: findings and maps tell of policies, too."""
    try:
        may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    except Denied:
        may(house.policy(), who.principal, "audit", who.purpose, now=house.now())


def _version(house: House, asked: int) -> int:
    if asked < 0:
        raise InvalidInput("expected a version from 1 on, or 0", at="version")
    found = house.declared.get(asked) if asked else house.declared.newest()
    if found is None:
        raise NotFound("there are no manifests of that version" if asked else "no manifests were pushed yet")
    return found.version


def _manifest(house: House, version: int) -> Manifest:
    from privet.manifest.load import read_texts

    return read_texts(house.declared.files(_version(house, version)))[0]


def _pushed(house: House, push: Push) -> Pushed:
    author = name_of(house, push.author)
    return Pushed(version=push.version, author=author, created_ms=push.created_ms, note=push.note, count=push.count)


def _place(at: Place) -> str:
    return str(at) if at.file else ""


def _finding(found: Finding) -> FindingShown:
    return FindingShown(
        rule=found.rule,
        severity=found.severity,
        subject=found.subject,
        message=found.message,
        at=_place(found.at),
        because=_place(found.because),
        hint=found.hint,
        policy=found.policy,
        fingerprint=found.fingerprint,
    )


def _change(found: Change) -> ChangeShown:
    return ChangeShown(
        what=found.what,
        kind=found.kind,
        key=found.key,
        path=".".join(found.path),
        before=found.before,
        after=found.after,
        at=_place(found.at),
    )


VERBS: tuple[Verb, ...] = (
    Verb(
        name="manifests.list",
        method="GET",
        path="/v1/manifests",
        ask=ListAsk,
        answer=PushedAll,
        run=list_,
        about="List versions of the manifests, newest first.",
    ),
    Verb(
        name="manifests.push",
        method="POST",
        path="/v1/manifests",
        ask=PushAsk,
        answer=Pushed,
        run=push,
        about="Store manifests as a new version.",
        status=201,
        batch=True,
    ),
    Verb(
        name="manifests.diff",
        method="GET",
        path="/v1/manifests/{version}/diff",
        ask=DiffAsk,
        answer=Changes,
        run=diff,
        about="Compare two versions of the manifests.",
    ),
    Verb(
        name="manifests.get",
        method="GET",
        path="/v1/manifests/{version}",
        ask=ShowAsk,
        answer=Files,
        run=get,
        about="Show the files of a version.",
    ),
    Verb(
        name="manifests.check",
        method="POST",
        path="/v1/manifests/{version}/check",
        ask=CheckAsk,
        answer=Checked,
        run=check,
        about="Check a version, with the tables and policies of the vaults.",
    ),
    Verb(
        name="manifests.map",
        method="GET",
        path="/v1/map",
        ask=MapAsk,
        answer=DataMap,
        run=map_,
        about="Show the data map, with the vaults in it.",
    ),
    Verb(
        name="manifests.vaults",
        method="GET",
        path="/v1/map/vaults",
        ask=VaultsAsk,
        answer=Vaults,
        run=vaults,
        about="Show the vaults as systems and datasets, as a data map has them.",
    ),
    Verb(
        name="manifests.impact",
        method="GET",
        path="/v1/fields/{field}/impact",
        ask=ImpactAsk,
        answer=Impact,
        run=impact,
        about="Show what depends on a field.",
    ),
)
