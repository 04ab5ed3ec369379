"""People's requests in a house: what is declared and connected becomes the ground that a request runs on.

The runner works on threads; what a vault does, its event loop does for them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec

from privet import digest
from privet.app.inform import to_person
from privet.app.systems import Connected
from privet.app.wiring import FORGOTTEN_FILE, REQUESTS_FILE, House
from privet.connectors.base import Choice, Connector
from privet.connectors.profile import Profile
from privet.errors import InvalidInput, Refused, Unavailable
from privet.policy.syntax import Policy
from privet.rights.asked import Correction, Request
from privet.rights.consent.choice import counts
from privet.rights.fates.correction import corrected
from privet.rights.fates.decision import Decider, judged
from privet.rights.fates.fate import Judged
from privet.rights.journal import SHAPES, Journal
from privet.rights.plans.concern import concerned, uses_of
from privet.rights.plans.shown import as_json
from privet.rights.plans.whole import plan
from privet.rights.run import Crew, Ground, Pace, Runner
from privet.rights.sealed import KEYS_SHAPES, RequestKeys
from privet.rights.words import TELLING, Kind, Plan
from privet.secret import Secret
from privet.store.port import ENGINES, Step, Store
from privet.vault.connector import PROFILE, VaultConnector, dataset_of
from privet.vault.log.audit import Deed
from privet.vault.people.ledger import Entry, Ledger
from privet.vault.vault import Vault
from privet.vocabulary.dataset import Dataset, Field

WORKER = "privet"  # who an entry names where nobody asked
VAULT_SECONDS = 60.0
HOUR_MS = 3_600_000
SLOTS = 8
MOST_PLANS = 32


@dataclass(slots=True, kw_only=True)
class Known:
    """What requests can reach. `stamp`: changes whenever any of it does. `vaults`: dataset → name of the vault.
    `systems`: dataset → name of the connector. `uses`: dataset → what it is declared to be used for. `laws`: keys of
    those that the organization says it is under."""

    stamp: tuple[object, ...]
    datasets: Mapping[str, Dataset]
    policies: Mapping[str, Policy]
    vaults: Mapping[str, str]
    systems: Mapping[str, str]
    uses: Mapping[str, frozenset[str]]
    laws: tuple[str, ...] = ()
    plans: dict[tuple[Kind, tuple[str, ...]], Plan] = field(default_factory=dict)
    bases: dict[tuple[Kind, tuple[str, ...]], str] = field(default_factory=dict)
    judged: Judged | None = None

    def plan(self, kind: Kind, identities: Iterable[str]) -> Plan:
        """Return how a request from some kinds of identities would be carried out. Raises InvalidSchema."""
        kinds = tuple(sorted(identities))
        found = self.plans.get((kind, kinds))
        if found is None:
            if len(self.plans) >= MOST_PLANS:  # whoever may look may ask for any kinds
                self.plans.clear()
                self.bases.clear()
            found = self.plans[kind, kinds] = plan(kind, tuple(self.datasets.values()), kinds)
        return found

    def decider(self, secret: Secret[bytes]) -> Decider:
        """Return what decides over records that are to be erased. Raises InvalidBatch with every fault."""
        if self.judged is None:
            self.judged = judged(self.policies, self.datasets.values())
        return Decider(self.judged, secret)

    def corrector(self, corrections: Sequence[Correction], secret: Secret[bytes]) -> Decider:
        """Return what decides over records that are to be set right. Raises InvalidInput for what names nothing."""
        return corrected(corrections, self.datasets.values(), secret, vaults=self.vaults.keys())

    def concerned(self, choice: Choice) -> dict[str, bool]:
        """Return the datasets that are told a choice, and whether it has to be honoured there."""
        reached = (*self.vaults, *self.systems)
        return {**concerned(choice, self.datasets.values(), self.uses, reached), **dict.fromkeys(self.vaults, True)}

    def basis(self, kind: Kind, identities: Iterable[str]) -> str:
        """Return what tells what a request would do from what it would do after a change: a digest."""
        key = (kind, tuple(sorted(identities)))
        found = self.bases.get(key)
        if found is None:
            made = self.plan(*key)
            fates = self.decider(Secret(bytes(32))) if kind == "erasure" else None
            rows = [fates.rows(address) for visit in made.visits for address in visit.order] if fates else []
            found = self.bases[key] = digest.sha256(as_json(made) + msgspec.json.encode(rows)).hex()
        return found


class Desk:
    """The requests of one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        engine = ENGINES.get(house.settings.engine)
        self.store: Store = (engine.open_forgetful or engine.open)(str(house.settings.home / REQUESTS_FILE))
        self.store.define(KEYS_SHAPES)
        house.control.define(SHAPES)
        key = digest.mac(house.ring.raw("idempotency", house.id).reveal(), b"privet forgotten requests 1")
        self._ledger = Ledger(house.settings.home / FORGOTTEN_FILE, key, house.id)
        keys = RequestKeys(self.store, house.ring, house.id, told=self._tell)
        # A restored backup may hold keys of requests that were forgotten since.
        keys.forget([digest.id_text(entry.intent) for entry in self._ledger.entries()])
        kept = house.settings.privacy.package_hours * HOUR_MS
        self.journal = Journal(house.control, keys, package_ms=kept, letters=partial(to_person, house))
        self.loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._known: Known | None = None
        self._runner: Runner | None = None

    @property
    def runner(self) -> Runner:
        """Return what carries requests out. Whoever uses it has set `loop` to the event loop of the vaults."""
        if self._runner is None:
            pace = Pace(clock=self._house.clock)
            self._runner = Runner(self.journal, self.open, self.ground, self.entry, pace=pace)
        return self._runner

    def crew(self, worker: str) -> Crew:
        """Return a worker's loop."""
        return Crew(self.runner, worker=worker, slots=SLOTS)

    def _tell(self, requests: Iterable[str]) -> None:
        for request in requests:
            id_ = digest.id_bytes(request)
            self._ledger.append(Entry(id_, id_, self._house.clock()))

    def reconnect(self, datasets: Iterable[str]) -> None:
        """Let go of what is open to some datasets: how they are connected to has changed."""
        if self._runner is not None:
            for dataset in datasets:
                self._runner.systems.forget(dataset)

    def close(self) -> None:
        """Let go of the store of keys. Idempotent; the crew is closed before."""
        if self._runner is not None:
            self._runner.close()
        self.store.close()
        self._ledger.close()

    # --- what is declared -----------------------------------------------------------------------------------------

    def known(self) -> Known:
        """Return what requests can reach now. Raises what a damaged row raises."""
        house = self._house
        newest, promises = house.declared.newest(), house.promises.newest()
        connected = house.systems.all()
        vaults = [house.vault(name) for name in house.vault_names()]
        stamp: tuple[object, ...] = (
            newest.version if newest else 0,
            promises.version if promises else 0,
            tuple(connected),
            tuple((vault.name, vault.schema.version) for vault in vaults),
        )
        with self._lock:
            if self._known is None or self._known.stamp != stamp:
                self._known = self._read(stamp, connected, vaults)
            return self._known

    def _read(self, stamp: tuple[object, ...], connected: Iterable[Connected], vaults: Iterable[Vault]) -> Known:
        from privet.manifest.load import read_texts
        from privet.manifest.resources import Manifest
        from privet.policy.parse import parse

        newest, promises = self._house.declared.newest(), self._house.promises.newest()
        manifest = read_texts(self._house.declared.files(newest.version))[0] if newest else Manifest()
        datasets = {dataset.key: dataset for dataset in manifest.datasets}
        policies = {text.file: parse(text.text, text.file, labels=manifest.labels) for text in manifest.texts}
        if promises:
            policies["promises"] = parse(promises.text, "promises")
        held = {}
        for vault in vaults:
            found = dataset_of(vault, datasets.get(vault.schema.key))
            datasets[found.key] = found
            held[found.key] = vault.name
        for one in connected:
            if one.kind == "saas":
                for dataset in self._of_saas(one, datasets):
                    datasets[dataset.key] = dataset
        return Known(
            stamp=stamp,
            datasets=datasets,
            policies=policies,
            vaults=held,
            systems={dataset: one.name for one in connected for dataset in one.datasets},
            laws=tuple(sorted({law for each in manifest.organizations for law in each.laws})),
            uses=uses_of(manifest.systems),
        )

    def _of_saas(self, one: Connected, datasets: Mapping[str, Dataset]) -> Iterable[Dataset]:
        """Yield the dataset that the connector's own file describes, under the key that it is connected as."""
        connector, _ = self._house.systems.open(one.name)
        with closing(connector):
            described = connector.describe()
        for key in one.datasets:
            found = _rekeyed(described, key)
            yield found if key not in datasets else _merged(found, datasets[key])

    def plan(self, kind: Kind, identities: Iterable[str]) -> Plan:
        """Return how a request from some kinds of identities would be carried out. Raises InvalidSchema."""
        return self.known().plan(kind, identities)

    # --- what the runner asks for ---------------------------------------------------------------------------------

    def ground(self, request: Request, identities: Mapping[str, Any], secret: Secret[bytes]) -> Ground:
        """Return what a request runs on. `secret`: key material for masks, which is forgotten with the request."""
        known = self.known()
        choice = self.journal.choice(request.id) if request.kind in TELLING else None
        return Ground(
            datasets=known.datasets,
            plan=known.plan(request.kind, identities),
            decider=self._decides(known, request, secret),
            basis=known.basis(request.kind, identities),
            choice=choice,
            concerned=known.concerned(choice) if choice else {},
            counts=lambda: choice is None or self._counts(choice, identities),
        )

    def _counts(self, choice: Choice, identities: Mapping[str, Any]) -> bool:
        """Return whether a person said nothing later to the notice that a choice is about."""
        for kind, given in identities.items() if choice.key else ():
            for value in [given] if isinstance(given, str) else given:
                with suppress(InvalidInput):  # what is no address has no choices
                    told = self._house.choices.ledger.chain(self._house.handle(kind, value)).told
                    said = counts(told).get(choice.key)
                    if said is not None and said.at_ms > choice.at_ms:
                        return False
        return True

    def _decides(self, known: Known, request: Request, secret: Secret[bytes]) -> Decider | None:
        if request.kind == "rectification":
            return known.corrector(self.journal.corrections(request.id), secret)
        return known.decider(secret) if request.kind == "erasure" else None

    def decider(self, secret: Secret[bytes]) -> Decider:
        """Return what decides over records that are to be erased. Raises InvalidBatch with every fault."""
        return self.known().decider(secret)

    def open(self, dataset: str) -> tuple[Connector, Profile]:
        """Return the open connector of a dataset. Raises Refused where nobody set one up."""
        known = self.known()
        if dataset in known.vaults:
            vault = self._house.vault(known.vaults[dataset])
            return VaultConnector(
                vault, known.datasets[dataset], lambda verb: self._deed(vault, verb), self._wait
            ), PROFILE
        name = known.systems.get(dataset)
        if name is None:
            raise Refused(f"no connector is set up for dataset `{dataset}`", hint="`privet connectors put` sets one up")
        return self._house.systems.open(name)

    def entry(self, event: str, facts: Mapping[str, Any]) -> tuple[Step, ...]:
        """Return the steps of an entry of the house's audit, which the journal writes. `facts`: names and counts."""
        house = self._house
        deed = Deed(
            principal=WORKER,
            verb=event,
            policy=house.policy().version,
            at_ms=house.clock(),
            request=str(facts.get("request", "")),
        )
        said = " ".join(f"{name} {value}" for name, value in facts.items() if name not in ("request", "count"))
        count = facts.get("count", 0)
        return (deed.seen(note=said, count=count if isinstance(count, int) else 0),)

    def _deed(self, vault: Vault, verb: str) -> Deed:
        policy = self._house.policy(vault).version
        return Deed(principal=WORKER, verb=verb, policy=policy, at_ms=vault.clock())

    def _wait(self, work: Awaitable[Any]) -> Any:
        """Return what the vaults' event loop makes of some work, on another thread than its own."""
        if self.loop is None:
            raise Unavailable("requests run beside an event loop, and none is running")

        async def awaited() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(VAULT_SECONDS)


def _rekeyed(dataset: Dataset, key: str) -> Dataset:
    """Return a dataset under another key, references within it, too."""
    if dataset.key == key:
        return dataset

    def moved(field: Field) -> Field:
        links = tuple(
            replace(link, dataset=key) if link.dataset == dataset.key else link for link in field.native.links
        )
        return replace(field, native=replace(field.native, links=links), fields=tuple(map(moved, field.fields)))

    def named(address: str) -> str:
        return f"{key}.{address.partition('.')[2]}" if address.startswith(f"{dataset.key}.") else address

    return replace(
        dataset,
        key=key,
        collections=tuple(
            replace(
                one,
                fields=tuple(map(moved, one.fields)),
                after=tuple(map(named, one.after)),
                erase_after=tuple(map(named, one.erase_after)),
            )
            for one in dataset.collections
        ),
    )


def _merged(described: Dataset, declared: Dataset) -> Dataset:
    """Return the dataset of a connector's file with the collections that a manifest declares under its key."""
    ours = {collection.name for collection in described.collections}
    more = tuple(collection for collection in declared.collections if collection.name not in ours)
    return replace(described, collections=(*described.collections, *more))
