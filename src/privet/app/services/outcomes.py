"""What people see of a request: how it stands, its plan, its tasks, and the signed certificate of what came of it."""

from __future__ import annotations

import asyncio
import base64
from itertools import groupby
from typing import Any, get_args

import msgspec

from privet import __version__, digest
from privet.app.services.policies import name_of
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Damaged, Denied, InvalidInput, NotFound
from privet.policy.decide import may
from privet.rights.asked import OVER, Request
from privet.rights.clock import OPEN, days_left
from privet.rights.outcome import Result, SystemResult
from privet.rights.plans.picture import picture
from privet.rights.plans.shown import as_json, mermaid, shown
from privet.rights.proof import certificate
from privet.rights.words import Kind, Plan
from privet.secret import Secret
from privet.store.port import Unit
from privet.vocabulary.access import Action

FORMS = {"text": shown, "json": lambda plan: as_json(plan).decode(), "mermaid": mermaid, "svg": picture}
KINDS: tuple[Kind, ...] = get_args(Kind)
PATH = "/v1/requests"


class IdAsk(Ask, kw_only=True):
    """Name a request."""

    id: str = ""


class PlanAsk(Ask, kw_only=True):
    """Show how a request would be carried out. `kind`: as of a request. `identities`: kinds, comma-separated.
    `form`: `text`, `json`, `mermaid` or `svg`."""

    kind: str = "access"
    identities: str = "email"
    form: str = "text"


class ReasonCount(Answer, kw_only=True):
    """Records of a collection that stay, and why. `collection` "" for a whole system."""

    collection: str
    count: int
    reason: str


class SystemShown(Answer, kw_only=True):
    """What came of a request in one system, in records. `verified`: looked at again and found as they must be.
    `told`: where what she chose was set. `confirmed`: a person answered for it. `others`: of other people, come across
    and left out. `kept`: by a promise; `remaining`: not done."""

    dataset: str
    read: int
    deleted: int
    masked: int
    corrected: int
    told: int
    verified: int
    confirmed: bool
    others: int
    kept: list[ReasonCount]
    remaining: list[ReasonCount]


class RequestShown(Answer, kw_only=True):
    """A request, without anything personal. `outcome`: in a sentence, once it is over. `not_reached`: collections with
    data of people that no way led to. `forgotten`: nothing of the person opens any more. `certificate`: SHA-256 of the
    signed one. `verified`: how the person proved who she is. `law`: what gives the due date, "" for a rule of the
    house. `days_left`: whole days until the last one, below 0 when it is late, null where none runs. `assigned`: who
    looks after it. `extended`: why it takes longer. `downloads`: how often its package was fetched.
    `letters`: what the person was written → whether it went out. Times: UTC milliseconds since 1970."""

    id: str
    kind: str
    state: str
    dry: bool
    opened_ms: int
    updated_ms: int
    due_ms: int | None
    opened_by: str
    decided_by: str
    reason: str
    without: list[str]
    outcome: str
    not_reached: list[str]
    systems: list[SystemShown]
    progress: Any
    certificate: str
    forgotten: bool
    verified: str
    received_ms: int
    acknowledge_ms: int | None
    acknowledged_ms: int | None
    ended_ms: int | None
    law: str
    region: str
    language: str
    days_left: int | None
    late: bool
    assigned: str
    extended: str
    downloads: int
    package_until_ms: int | None
    letters: dict[str, str]


class FateShown(Answer, kw_only=True):
    """What an erasure does. `path` "": with the records as a whole. `strategy`: as a promise says it, `keep`, or "" for
    what is left. `rule`: where a promise stands, `manifest`, or "" for the rule of the house."""

    dataset: str
    collection: str
    path: str
    strategy: str
    rule: str
    note: str


class PlanShown(Answer, kw_only=True):
    """A plan in the form that was asked for. `unreached`: how many collections no way leads to. `fates`: of an erasure,
    what becomes of what."""

    kind: str
    identities: list[str]
    plan: str
    unreached: int
    fates: list[FateShown]


class TaskShown(Answer, kw_only=True):
    """What a person is asked to do in a system that we cannot reach. `told`: whether a message to her went out."""

    name: str
    dataset: str
    what: str
    text: str
    collections: list[str]
    told: str
    answered: bool


class Tasks(Answer):
    """The tasks of a request."""

    tasks: list[TaskShown]


class CertificateShown(Answer, kw_only=True):
    """A signed certificate. `file`: JSON text that `key` proves; `pdf`: the same to print, base64."""

    file: str
    pdf: str
    key: str


async def get(house: House, who: Caller, ask: IdAsk) -> RequestShown:
    """Show a request."""
    may_look(house, who)
    return await certified(house, house.desk.journal.get(read_request(ask.id)))


async def plan(house: House, who: Caller, ask: PlanAsk) -> PlanShown:
    """Show a plan."""
    may_look(house, who)
    kind = read_kind(ask.kind)
    if ask.form not in FORMS:
        raise InvalidInput(f"expected one of {', '.join(f'`{name}`' for name in FORMS)}", at="form")
    kinds = [name.strip() for name in ask.identities.split(",") if name.strip()]
    made = await asyncio.to_thread(house.desk.plan, kind, kinds)
    fates = await asyncio.to_thread(_fates, house, made) if kind == "erasure" else []
    text = FORMS[ask.form](made) + (_told(fates) if ask.form == "text" else "")
    return PlanShown(kind=kind, identities=kinds, plan=text, unreached=len(made.unreached), fates=fates)


def _fates(house: House, made: Plan) -> list[FateShown]:
    decider = house.desk.decider(Secret(digest.random_bytes(32)))
    return [
        FateShown(
            dataset=address.dataset,
            collection=address.collection,
            path=row.path,
            strategy=row.strategy,
            rule=row.rule,
            note=row.note,
        )
        for visit in made.visits
        for address in visit.order
        for row in decider.rows(address)
    ]


def _told(fates: list[FateShown]) -> str:
    """Return what an erasure does as lines below its plan."""
    lines = []
    for address, rows in groupby(fates, key=lambda one: f"{one.dataset}.{one.collection}"):
        lines.append(f"  {address}")
        for one in rows:
            said = ", ".join(part for part in (one.strategy, one.note) if part)
            lines.append(f"     {one.path or 'records'}: {said}{f' ({one.rule})' if one.rule else ''}")
    return "\n".join(("", "What becomes of it", *lines, "")) if lines else ""


async def tasks(house: House, who: Caller, ask: IdAsk) -> Tasks:
    """Show what people are asked to do. Their texts name the person, so it is audited."""
    demand(house, who)
    found = await asyncio.to_thread(house.desk.journal.tasks, read_request(ask.id))
    deed = who.deed("requests.tasks", house.policy().version, house.clock())
    # Before they leave.
    await house.control.write(Unit((deed.seen(note=f"request {read_request(ask.id)}", count=len(found)),)))
    return Tasks(
        tasks=[
            TaskShown(
                name=one.name,
                dataset=one.dataset,
                what=one.what,
                text=one.text.reveal(),
                collections=list(one.collections),
                told=one.told,
                answered=one.answered,
            )
            for one in found
        ]
    )


async def certificate_(house: House, who: Caller, ask: IdAsk) -> CertificateShown:
    """Show the signed certificate of a request that is over."""
    from privet.rights.proof.paper import pdf

    may_look(house, who)
    found = house.desk.journal.get(read_request(ask.id))
    if found.result is None or found.state not in OVER:
        raise NotFound("the request has no certificate yet", hint=f"it is {found.state}")
    if found.dry:
        raise NotFound("a dry run has no certificate", hint="nothing was changed, so there is nothing to certify")
    if not found.proved and found.reason:
        raise NotFound("the request has no certificate", hint="its last attempt ended by a fault: see its reason")
    if not found.proved:
        raise Damaged("the request is not as it ended", hint="somebody changed the control database")
    file = _certificate(house, found)
    note = msgspec.json.decode(file)["note"]
    paper = base64.b64encode(pdf(document(house, found), note)).decode()
    return CertificateShown(file=file.decode(), pdf=paper, key=house.log.verifier)


def document(house: House, found: Request) -> certificate.Document:
    """Return what the certificate of a request says."""
    result = found.result or Result()
    return {
        "request": found.id,
        "kind": found.kind,
        "words": words_of(found, result),
        "state": found.state,
        "received": certificate.moment(found.received_ms),
        "decided": f"by {name_of(house, found.decided_by)}" if found.decided_by else "",
        "finished": certificate.moment(found.updated_ms),
        "left_out": list(found.without),
        "not_reached": _unreached(found),
        "by": f"Privet {__version__}",
        "systems": [msgspec.to_builtins(_system(one)) for one in result.systems],
    }


def _certificate(house: House, found: Request) -> bytes:
    return certificate.signed(document(house, found), house.log.certify)


async def certified(house: House, found: Request) -> RequestShown:
    """Link the certificate of a request that is over, the first time somebody looks."""
    if found.state in ("complete", "partial") and found.proved and not (found.certificate or found.dry):
        now = found.updated_ms  # the certificate states it, so linking must not move it
        link = digest.sha256(_certificate(house, found)).hex()
        found = await asyncio.to_thread(house.desk.journal.certify, found.id, link, now)
    return shown_request(house, found)


def may_look(house: House, who: Caller) -> None:
    """Raise Denied unless the caller handles requests, manages the house or audits it: requests show no value."""
    actions: tuple[Action, ...] = ("request", "manage", "audit")
    for action in actions:
        try:
            may(house.policy(), who.principal, action, who.purpose, now=house.now())
        except Denied:
            continue
        return
    raise Denied("no role of the caller allows `request`")


def demand(house: House, who: Caller) -> None:
    may(house.policy(), who.principal, "request", who.purpose, now=house.now())


def read_kind(text: str) -> Kind:
    found = next((kind for kind in KINDS if kind == text), None)
    if found is None:
        raise InvalidInput("expected " + ", ".join(f"`{kind}`" for kind in KINDS), at="kind")
    return found


def read_request(text: str) -> str:
    try:
        return digest.id_text(digest.id_bytes(text))
    except ValueError:
        raise InvalidInput("expected the id of a request (a UUID)", at="id") from None


def shown_request(house: House, found: Request) -> RequestShown:
    result = found.result
    return RequestShown(
        id=found.id,
        kind=found.kind,
        state=found.state,
        dry=found.dry,
        opened_ms=found.opened_ms,
        updated_ms=found.updated_ms,
        due_ms=found.due_ms,
        opened_by=name_of(house, found.opened_by),
        decided_by=name_of(house, found.decided_by) if found.decided_by else "",
        reason=found.reason,
        without=list(found.without),
        outcome=words_of(found, result) if result else "",
        not_reached=_unreached(found),
        systems=[_system(one) for one in result.systems] if result else [],
        progress=found.progress,
        certificate=found.certificate,
        forgotten=found.forgotten,
        verified=found.verified,
        received_ms=found.received_ms,
        acknowledge_ms=found.acknowledge_ms,
        acknowledged_ms=found.acknowledged_ms,
        ended_ms=found.ended_ms,
        law=found.law,
        region=found.region,
        language=found.language,
        days_left=left_of(house, found),
        late=is_late(house, found),
        assigned=name_of(house, found.assigned),
        extended=found.extended,
        downloads=found.downloads,
        package_until_ms=found.package_until_ms,
        letters=_letters(house, found.id),
    )


def _letters(house: House, id_: str) -> dict[str, str]:
    if house.settings.mail is None:
        return {}
    from privet.app.mail import posted  # many houses have no mail server

    return posted(house, id_)


def left_of(house: House, found: Request) -> int | None:
    """Return the days that are left, in days of the house's place; None where nobody waits for an answer."""
    if found.due_ms is None or found.state not in OPEN:
        return None
    return days_left(found.due_ms, house.clock(), house.settings.privacy.time_zone)


def is_late(house: House, found: Request) -> bool:
    """Return whether the time was over before there was an answer."""
    answered = house.clock() if found.state in OPEN else found.ended_ms
    return found.due_ms is not None and answered is not None and answered > found.due_ms


def _unreached(found: Request) -> list[str]:
    """Return the collections with data of people that no way led to, and why."""
    gaps = found.plan.get("unreached", ()) if isinstance(found.plan, dict) else ()
    return [f"{gap['address']['dataset']}.{gap['address']['collection']}: {gap['why']}" for gap in gaps if gap["hint"]]


def words_of(found: Request, result: Result) -> str:
    """Return what came of a request in a sentence."""
    return f"dry run, nothing was changed: {result.words}" if found.dry else result.words


def _system(one: SystemResult) -> SystemShown:
    return SystemShown(
        dataset=one.dataset,
        read=one.read,
        deleted=one.deleted,
        masked=one.masked,
        corrected=one.corrected,
        told=one.told,
        verified=one.verified,
        confirmed=one.confirmed,
        others=one.others,
        kept=[ReasonCount(collection=kept.collection, count=kept.count, reason=kept.reason) for kept in one.kept],
        remaining=[
            ReasonCount(collection=left.collection, count=left.count, reason=left.reason) for left in one.remaining
        ],
    )


async def again(house: House, who: Caller, ask: Any, ids: bytes) -> RequestShown:
    """Return the request of a change that was carried out before."""
    return await get(house, who, IdAsk(id=digest.id_text(ids)))


def change_verb(name: str, ask: type[Ask], act: Any, about: str) -> Verb:
    """Return the row of a change of one request."""
    return Verb(
        name=f"requests.{name}",
        method="POST",
        path=f"{PATH}/{{id}}/{name}",
        ask=ask,
        answer=RequestShown,
        run=act,
        about=about,
        changes=True,
        again=again,
    )


VERBS: tuple[Verb, ...] = (
    Verb(
        name="requests.get",
        method="GET",
        path=PATH + "/{id}",
        ask=IdAsk,
        answer=RequestShown,
        run=get,
        about="Show a request.",
    ),
    Verb(
        name="requests.plan",
        method="GET",
        path="/v1/request-plan",
        ask=PlanAsk,
        answer=PlanShown,
        run=plan,
        about="Show how a request would be carried out.",
    ),
    Verb(
        name="requests.tasks",
        method="GET",
        path=PATH + "/{id}/tasks",
        ask=IdAsk,
        answer=Tasks,
        run=tasks,
        about="Show what people are asked to do for a request.",
    ),
    Verb(
        name="requests.certificate",
        method="GET",
        path=PATH + "/{id}/certificate",
        ask=IdAsk,
        answer=CertificateShown,
        run=certificate_,
        about="Show the signed certificate of a request.",
    ),
)
