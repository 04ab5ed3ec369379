"""Connectors: the systems that requests reach, how each is connected to, and whether it answers."""

from __future__ import annotations

import asyncio
from contextlib import closing

import msgspec

from privet.app.services.policies import name_of
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.systems import Connected
from privet.app.wiring import House
from privet.connectors.systems import SYSTEMS, Setting
from privet.errors import PrivetError
from privet.policy.decide import may
from privet.secret import Secret
from privet.store.port import Unit
from privet.vocabulary.dataset import Dataset, every_field

TEST_SECONDS = 60.0


class NoAsk(Ask, kw_only=True):
    """Nothing to say."""


class KindAsk(Ask, kw_only=True):
    """Name a kind of system."""

    kind: str = ""


class NameAsk(Ask, kw_only=True):
    """Name a connector."""

    name: str = ""


class PutAsk(Ask, kw_only=True):
    """Set a connector up, or change it. `kind`: as `privet connectors kinds` lists them. `datasets`: keys of the
    declared datasets that it holds. `settings`: what may be shown; `secrets`: what is sealed and never shown again;
    those that are not given stay as they are, while kind, settings and `private` do. `private`: it may be in a private
    network. `seconds`: how long an answer may take, 0 for 10."""

    name: str = ""
    kind: str
    datasets: list[str]
    settings: dict[str, str | int | bool] = msgspec.field(default_factory=dict)
    secrets: dict[str, str] = msgspec.field(default_factory=dict)
    private: bool = False
    seconds: float = 0.0


class ConnectorShown(Answer, kw_only=True):
    """A connector. `secrets`: the names of those that it has. `changed_ms`: UTC milliseconds since 1970."""

    name: str
    kind: str
    datasets: list[str]
    settings: dict[str, str | int | bool]
    secrets: list[str]
    private: bool
    seconds: float
    author: str
    changed_ms: int


class Connectors(Answer):
    """Every connector, by name."""

    connectors: list[ConnectorShown]


class KindShown(Answer, kw_only=True):
    """A kind of system. `level`: gold, silver or bronze, by what its tests show. `mark`: what no test has shown."""

    name: str
    title: str
    level: str
    mark: str
    tried: str
    against: str


class Kinds(Answer):
    """Every kind of system that requests can reach, by name."""

    kinds: list[KindShown]


class SettingShown(Answer, kw_only=True):
    """One thing to say of a system. `default` is null where it must be said."""

    name: str
    about: str
    secret: bool
    default: str | int | bool | None


class KindTold(Answer, kw_only=True):
    """A kind of system, what is said of one, and what it can do. `effect`: why an erasure that is asked for twice
    happens once. `docs`: pages of the vendor that it was written from."""

    name: str
    title: str
    level: str
    mark: str
    tried: str
    against: str
    settings: list[SettingShown]
    atomic: bool
    deletes: bool
    masks: bool
    streams: bool
    reads_back: bool
    effect: str
    docs: list[str]
    limits: list[str]


class Tested(Answer, kw_only=True):
    """Whether a system answers and is what is declared. `faults`: what is not, without any value."""

    sound: bool
    faults: list[str]


def listed(ask: NoAsk) -> Kinds:
    """Return what can be connected."""
    return Kinds(
        kinds=[
            KindShown(
                name=one.name,
                title=one.title,
                level=one.profile.level,
                mark=one.profile.untried,
                tried=one.profile.tried,
                against=one.profile.against,
            )
            for one in SYSTEMS.all()
        ]
    )


async def kinds(house: House, who: Caller, ask: NoAsk) -> Kinds:
    """Show what can be connected."""
    return listed(ask)


async def kind(house: House, who: Caller, ask: KindAsk) -> KindTold:
    """Show what a kind of system needs and can do."""
    return told(ask)


def told(ask: KindAsk) -> KindTold:
    """Return what a kind of system needs and can do. Raises UnknownName."""
    one = SYSTEMS.get(ask.kind)
    has = one.profile
    return KindTold(
        name=one.name,
        title=one.title,
        level=has.level,
        mark=has.untried,
        tried=has.tried,
        against=has.against,
        settings=[_setting(setting) for setting in one.settings],
        atomic=has.atomic,
        deletes=has.deletes,
        masks=has.masks,
        streams=has.streams,
        reads_back=has.reads_back,
        effect=has.effect,
        docs=list(has.docs),
        limits=list(has.limits),
    )


def _setting(setting: Setting) -> SettingShown:
    return SettingShown(name=setting.name, about=setting.about, secret=setting.secret, default=setting.default)


async def list_(house: House, who: Caller, ask: NoAsk) -> Connectors:
    """Show every connector."""
    _may_look(house, who)
    return Connectors(connectors=[_shown(house, one) for one in house.systems.all()])


async def get(house: House, who: Caller, ask: NameAsk) -> ConnectorShown:
    """Show a connector."""
    _may_look(house, who)
    return _shown(house, house.systems.get(ask.name))


async def put(house: House, who: Caller, ask: PutAsk) -> ConnectorShown:
    """Set a connector up."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    now = house.clock()
    wanted = Connected(
        name=ask.name,
        kind=ask.kind,
        datasets=tuple(dict.fromkeys(ask.datasets)),
        settings=ask.settings,
        private=ask.private,
        seconds=ask.seconds,
        author=who.principal.id,
        changed_ms=now,
    )
    step = house.systems.put(wanted, {name: Secret(value) for name, value in ask.secrets.items()})
    deed = who.deed("connectors.put", house.policy().version, now)
    note = f"connector {ask.name} kind {ask.kind} datasets {' '.join(wanted.datasets)}"
    await house.control.write(Unit((step, deed.entry(note=note), *deed.settle(b""))))
    house.desk.reconnect(wanted.datasets)
    return _shown(house, house.systems.get(ask.name))


async def remove(house: House, who: Caller, ask: NameAsk) -> ConnectorShown:
    """Remove a connector."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    found = house.systems.get(ask.name)
    deed = who.deed("connectors.remove", house.policy().version, house.clock())
    steps = (house.systems.remove(ask.name), deed.entry(note=f"connector {ask.name}"), *deed.settle(b""))
    await house.control.write(Unit(steps))
    house.desk.reconnect(found.datasets)
    return _shown(house, found)


async def test(house: House, who: Caller, ask: NameAsk) -> Tested:
    """Ask the system whether it lets us in, and compare what it holds with what is declared. Reads no record."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    one = house.systems.get(ask.name)
    declared = {key: found for key, found in house.desk.known().datasets.items() if key in one.datasets}
    faults = [f"there is no declared dataset `{key}`" for key in one.datasets if key not in declared]
    try:
        async with asyncio.timeout(TEST_SECONDS):
            faults += await asyncio.to_thread(_faults, house, one, declared)
    except TimeoutError:
        faults.append(f"it did not answer within {TEST_SECONDS:.0f} seconds")
    return Tested(sound=not faults, faults=faults)


def _faults(house: House, one: Connected, declared: dict[str, Dataset]) -> list[str]:
    try:
        connector, _ = house.systems.open(one.name)
        with closing(connector):
            connector.probe()
            held = connector.describe()
    except PrivetError as error:
        return [f"{error.message}{f' ({error.hint})' if error.hint else ''}"]
    return [fault for dataset in declared.values() for fault in _missing(held, dataset)]


def _missing(held: Dataset, declared: Dataset) -> list[str]:
    """Return what is declared and not there. A system that cannot say what it holds says nothing of it."""
    out = []
    for collection in declared.collections if held.collections else ():
        there = held.collection(collection.name)
        if there is None:
            out.append(f"there is no `{declared.key}.{collection.name}`")
            continue
        names = {path for path, _ in every_field(there.fields)}
        wanted = [path for path, _ in every_field(collection.fields)]
        out += [f"there is no `{declared.key}.{collection.name}.{path}`" for path in wanted if path not in names]
    return out


def _may_look(house: House, who: Caller) -> None:
    """Raise Denied unless the caller handles requests or manages the house."""
    from privet.app.services.outcomes import may_look

    may_look(house, who)


def _shown(house: House, one: Connected) -> ConnectorShown:
    return ConnectorShown(
        name=one.name,
        kind=one.kind,
        datasets=list(one.datasets),
        settings=one.settings,
        secrets=list(one.secrets),
        private=one.private,
        seconds=one.seconds,
        author=name_of(house, one.author),
        changed_ms=one.changed_ms,
    )


async def _again(house: House, who: Caller, ask: PutAsk, ids: bytes) -> ConnectorShown:
    return await get(house, who, NameAsk(name=ask.name))


_PATH = "/v1/connectors"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="connectors.kinds",
        method="GET",
        path="/v1/connector-kinds",
        ask=NoAsk,
        answer=Kinds,
        run=kinds,
        about="Show the kinds of systems that requests can reach.",
        alone=listed,
    ),
    Verb(
        name="connectors.kind",
        method="GET",
        path="/v1/connector-kinds/{kind}",
        ask=KindAsk,
        answer=KindTold,
        run=kind,
        about="Show what a kind of system needs and can do.",
        alone=told,
    ),
    Verb(
        name="connectors.list",
        method="GET",
        path=_PATH,
        ask=NoAsk,
        answer=Connectors,
        run=list_,
        about="Show the systems that requests reach.",
    ),
    Verb(
        name="connectors.get",
        method="GET",
        path=_PATH + "/{name}",
        ask=NameAsk,
        answer=ConnectorShown,
        run=get,
        about="Show how a system is connected to.",
    ),
    Verb(
        name="connectors.put",
        method="PUT",
        path=_PATH + "/{name}",
        ask=PutAsk,
        answer=ConnectorShown,
        run=put,
        about="Connect to a system, or change how.",
        changes=True,
        again=_again,
    ),
    Verb(
        name="connectors.remove",
        method="DELETE",
        path=_PATH + "/{name}",
        ask=NameAsk,
        answer=ConnectorShown,
        run=remove,
        about="Connect to a system no more.",
        changes=True,
    ),
    Verb(
        name="connectors.test",
        method="POST",
        path=_PATH + "/{name}/test",
        ask=NameAsk,
        answer=Tested,
        run=test,
        about="Ask a system whether it lets us in and holds what is declared.",
    ),
)
