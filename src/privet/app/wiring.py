"""The house: settings, keys, stores and open vaults, put together. Services get it as their first argument."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Hashable
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from privet import digest
from privet.app.declared import MANIFESTS, Declared
from privet.app.denials import Denials, counted, policy_name
from privet.app.identity import issue
from privet.app.identity.callers import Callers
from privet.app.identity.rows import SHAPES, Account, Grants
from privet.app.settings import CONFIG, Settings
from privet.app.systems import CONNECTORS, Systems
from privet.app.witness import Witness
from privet.crypto.keys import KeyRing, KeyStore
from privet.crypto.keystores import KEYSTORES, local
from privet.errors import Conflict, Damaged, InvalidInput, NotFound, PrivetError, Refused
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Policy
from privet.rights.identity import person
from privet.secret import Secret
from privet.store.port import ENGINES, Column, Insert, Put, Select, Shape, Step, Store, Unit
from privet.vault.access import consents, policies, tables
from privet.vault.access.promises import Shelf
from privet.vault.blobs import chunks
from privet.vault.log.audit import Deed
from privet.vault.log.checkpoint import Log
from privet.vault.people.ledger import Ledger
from privet.vault.people.subjects import SubjectStore
from privet.vault.schema import FIXED
from privet.vault.upkeep import migrate, rotation
from privet.vault.vault import Vault, create_vault, key_steps, load_keys, open_vault
from privet.vocabulary.predicate import Compare

if TYPE_CHECKING:
    from privet.app.center import Center
    from privet.app.consent import Choices
    from privet.app.desk import Desk
    from privet.app.mail import Mail

SUBJECTS_FILE, EPOCHS_FILE, LEDGER_FILE = "subjects.db", "epochs.db", "ledger"  # beside a vault's database
REQUESTS_FILE = "requests.db"  # in a home: the own keys of people's requests
FORGOTTEN_FILE = "requests.ledger"  # in a home: the requests that were forgotten
SUBJECTS_MADE = "subject_keys"  # the mark, in a vault's `meta`, that it has subject keys
HOUSE = "house"  # who does what nobody asked for: finishing after a crash
CHECKPOINT = "checkpoint"  # the file of a log's signed checkpoint, beside its database
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SHARED = tuple(shape for shape in FIXED if shape.name in ("meta", "keys", "audit", "tiles", "idempotency"))
VAULTS = Shape(
    name="vaults",
    columns=(
        Column("name", "text", null=False),
        Column("id", "blob", null=False),
        Column("created", "int", null=False),
    ),
    key=("name",),
)


def wall_clock() -> int:
    """Return UTC milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Remembered:
    """A few recent answers by question; the oldest half goes when there are too many."""

    def __init__(self, most: int = 2_000) -> None:
        self._most = most
        self._found: dict[Hashable, Any] = {}

    def get(self, question: Hashable) -> Any:
        """Return the answer, None if it is not known."""
        return self._found.get(question)

    def put(self, question: Hashable, answer: Any) -> None:
        """Keep an answer."""
        if len(self._found) >= self._most:
            for old in list(self._found)[: self._most // 2]:
                del self._found[old]
        self._found[question] = answer


class House:
    """Everything that one process holds open. One process holds a home at a time."""

    def __init__(self, settings: Settings, *, clock: Callable[[], int] = wall_clock) -> None:
        """Open a home. Raises Refused (no home), VaultBusy (held by another process), WrongKey, NewerData, Damaged."""
        self.settings = settings
        self.clock = clock
        self.in_flight: set[bytes] = set()
        self.permits = Remembered()  # what was decided, by everything that the decision reads
        self.denials = Denials()
        self._vaults: dict[str, Vault] = {}
        self._logs: dict[str, Log] = {}
        self.witness = Witness(settings.witness) if settings.witness else None
        self.unwitnessed = ""  # why the witness was not given the newest checkpoints the last time
        self.unsequenced: dict[str, str] = {}  # origin of a log → why it was not advanced the last time
        self.keys: KeyStore = KEYSTORES.get(settings.key_provider).open(str(settings.key_file), settings.passphrase)
        self.control: Store = self._open_store(str(settings.control))
        self.control.define((*_SHARED, VAULTS, MANIFESTS, CONNECTORS, tables.PROMISES, *SHAPES))
        try:
            self.id, self.ring = self._control_ring()
            self.log = control_log(settings, self.control, self.ring, self.id)
            self.log.resume()
        except BaseException:
            self.control.close()
            raise
        self.callers = Callers(self.control, self.ring, self.id)
        # Count changes of who may do what, and of policies alone: an answer that began before one is looked at anew.
        self.epoch = self.policies = 0

    def changed(self, *, policy: bool = False) -> None:
        """Make a durable change of principals, credentials or a policy count, for what is under way, too."""
        self.epoch += 1
        self.policies += policy
        self.callers.forget()

    @property
    def audience(self) -> str:
        """Return what assertions to this home name as theirs."""
        return f"urn:uuid:{digest.id_text(self.id)}"

    @property
    def audiences(self) -> frozenset[str]:
        """Return every name of this home that assertions may aim at."""
        public = self.settings.public_url
        return frozenset({self.audience, f"{public}/v1/oauth/token"} if public else {self.audience})

    def _open_store(self, path: str) -> Store:
        return ENGINES.get(self.settings.engine).open(path)

    def _control_ring(self) -> tuple[bytes, KeyRing]:
        rows = self.control.select(Select(table="meta", columns=("value",), where=Compare("name", "=", "house")))
        if not rows:
            raise Damaged(
                "the control database names no house", hint="restore a backup, or run `privet init` elsewhere"
            )
        house = rows[0][0]
        if not isinstance(house, bytes):
            raise Damaged("the control database names no house")
        return house, KeyRing.load(self.keys, house, load_keys(self.control))

    def policy(self, vault: Vault | None = None) -> Policy:
        """Return the policy in force, in a vault or for what concerns none. Raises PolicyDamaged."""
        return BUILT_IN if vault is None else policies.in_force(vault).policy

    def now(self) -> datetime:
        """Return the moment, in UTC, that rules with an end are judged at."""
        return datetime.fromtimestamp(self.clock() / 1000, UTC)

    @property
    def promises(self) -> Shelf:
        """Return where the promises of the whole organization stand."""
        return Shelf(self.control, self.ring, self.id)

    @property
    def declared(self) -> Declared:
        """Return where the manifests of the organization stand."""
        return Declared(self.control, self.ring, self.id)

    @property
    def systems(self) -> Systems:
        """Return the connectors to the systems that requests reach."""
        return Systems(self.control, self.ring, self.id)

    @cached_property
    def desk(self) -> Desk:
        """Return where people's requests are carried out; opened when it is first asked for."""
        from privet.app.desk import Desk  # slow to import, and most commands have no request

        return Desk(self)

    @cached_property
    def mail(self) -> Mail:
        """Return what letters are sent by; opened when it is first asked for. Raises InvalidInput, Refused."""
        from privet.app.mail import Mail  # slow to import, and most commands send nothing

        return Mail(self.settings, self.control, lambda: (self.desk.store, self.ring, self.id))

    @cached_property
    def center(self) -> Center:
        """Return where people prove who they are; opened when it is first asked for."""
        from privet.app.center import Center  # most commands have no use for it

        return Center(self)

    @cached_property
    def choices(self) -> Choices:
        """Return where notices and people's choices stand; opened when it is first asked for."""
        from privet.app.consent import Choices  # most commands have no use for it

        return Choices(self)

    @cached_property
    def handle_key(self) -> Secret[bytes]:
        """Return the key of people's handles. Whatever keys are changed, it stays: rows are found by it."""
        return person.derived(self.ring.raw("idempotency", self.id))

    def handle(self, kind: str, value: str) -> bytes:
        """Return what rows hold in place of a person's identity: 32 bytes. Raises InvalidValue for an address that is
        none."""
        return person.handle(self.handle_key, kind, value)

    def vault_names(self) -> list[str]:
        """Return the names of every vault, sorted."""
        rows = self.control.select(Select(table="vaults", columns=("name",), order=(("name", True),)))
        return [str(row[0]) for row in rows]

    def vault(self, name: str) -> Vault:
        """Return an open vault. Raises NotFound, WrongKey, NewerData, Damaged."""
        found = self._vaults.get(name)
        return found if found is not None else self._open_vault(name)

    def _open_vault(self, name: str) -> Vault:
        rows = self.control.select(Select(table="vaults", columns=("name", "id")))
        identity = next((row[1] for row in rows if row[0] == name), None)
        if not isinstance(identity, bytes):
            raise NotFound("there is no vault of that name")
        with ExitStack() as opened:
            store = opened.enter_context(closing(self._open_store(str(self.settings.vault(name) / "vault.db"))))
            subjects = opened.enter_context(closing(self._open_subjects(name, identity, store)))
            known, lost = subjects.fill(load_keys(store))
            ring = KeyRing.load(self.keys, identity, known)
            vault = open_vault(id=identity, name=name, store=store, ring=ring, clock=self.clock)
            consents.keep(vault)
            log = self._vault_log(vault)
            log.resume()
            vault.subjects = subjects
            vault.ledger = opened.enter_context(closing(self._ledger(vault)))
            # A vault whose policy is damaged opens for `audit.verify` alone: every other verb asks the policy.
            deed = Deed(principal=HOUSE, verb="vaults.open", policy=policy_name(self, vault), at_ms=self.clock())
            migrate.resume(vault, deed)
            rotation.recover(vault, lost, deed)
            chunks.collect(vault, before_ms=self.clock())
            opened.pop_all()  # it stays open
        self._vaults[name], self._logs[name] = vault, log
        return vault

    def create_vault(self, name: str, deed: Deed) -> Vault:
        """Make a new, empty vault in a new folder. Raises Conflict if the name is taken, InvalidInput for a bad name.

        A folder of that name that no vault is listed for may hold the keys of one: it is kept, under another name.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInput("expected a vault name of a-z, 0-9, _ and -, at most 63 characters, from a letter on")
        if name in self.vault_names() or name in self._vaults:
            raise Conflict("a vault of that name exists already")
        folder = self.settings.vault(name)
        folder.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        _move_aside(folder, self.clock())
        folder.mkdir(mode=0o700)
        identity = digest.random_ids(1)[0]
        with ExitStack() as opened:
            store = opened.enter_context(closing(self._open_store(str(folder / "vault.db"))))
            ring = new_ring(self.keys, identity, self.clock())
            vault = create_vault(id=identity, name=name, store=store, ring=ring, clock=self.clock, deed=deed)
            consents.keep(vault)
            vault.subjects = opened.enter_context(closing(self._open_subjects(name, identity, store)))
            vault.ledger = opened.enter_context(closing(self._ledger(vault)))
            log = self._vault_log(vault)
            log.begin()
            # The vault is listed last: a crash before leaves a folder that nothing names, and the name free.
            step = Insert("vaults", ("name", "id", "created"), ((name, identity, self.clock()),))
            self.control.write_now(Unit((step, deed.entry(note=f"vault {name}"), *deed.settle(b""))))
            opened.pop_all()  # it stays open
        self._vaults[name], self._logs[name] = vault, log
        return vault

    def _open_subjects(self, name: str, identity: bytes, store: Store) -> SubjectStore:
        """Return the subject keys of a vault, in two files beside its database."""
        engine = ENGINES.get(self.settings.engine)
        open_ = engine.open_forgetful or engine.open
        folder = self.settings.vault(name)
        marked = bool(store.select(Select(table="meta", columns=("name",), where=Compare("name", "=", SUBJECTS_MADE))))
        with ExitStack() as opened:
            keys = opened.enter_context(closing(open_(str(folder / SUBJECTS_FILE))))
            epochs = opened.enter_context(closing(open_(str(folder / EPOCHS_FILE))))
            found = SubjectStore.open((keys, epochs), self.keys, identity, now=self.clock() // 1000, made=marked)
            opened.pop_all()  # they stay open
        if not marked:
            # From now on a vault without them is one that lost them.
            store.write_now(Unit((Put("meta", ("name", "value"), ((SUBJECTS_MADE, None),)),)))
        return found

    def _ledger(self, vault: Vault) -> Ledger:
        key = digest.mac(vault.ring.raw("idempotency", vault.id).reveal(), b"privet erasure ledger 1")
        return Ledger(self.settings.vault(vault.name) / LEDGER_FILE, key, vault.id)

    def _vault_log(self, vault: Vault) -> Log:
        path = self.settings.vault(vault.name) / CHECKPOINT
        return Log(store=vault.store, ring=vault.ring, owner=vault.id, path=str(path))

    def vault_log(self, name: str) -> Log:
        """Return the audit's log of an open vault. Raises what `vault` raises."""
        self.vault(name)
        return self._logs[name]

    def logs(self) -> list[Log]:
        """Return the logs of the house and of every vault that is open."""
        return [self.log, *self._logs.values()]

    def caps_hit(self) -> int:
        """Return how often a budget of an open vault ran out within the last hour."""
        return sum(vault.meter.refusals() for vault in self._vaults.values())

    def retries(self, ask: object) -> tuple[Store, bytes]:
        """Return where the idempotency keys of a call are kept, and the key of their MACs."""
        name = getattr(ask, "vault", "")
        if name:
            vault = self.vault(name)
            return vault.store, vault.ring.raw("idempotency", vault.id).reveal()
        return self.control, self.ring.raw("idempotency", self.id).reveal()

    def close(self) -> None:
        """Let go of every store. Idempotent."""
        with suppress(PrivetError):
            for vault, step in counted(self, every=True):
                (vault.store if vault else self.control).write_now(Unit((step,)))
        for log in self.logs():
            # What cannot be signed now stays a tail that the next opening goes on with, or refuses.
            with suppress(PrivetError):
                log.advance()
        if self.witness is not None:
            with suppress(PrivetError):  # the next opening tries again, and says so
                self.witness.keep(self.logs())
        if "mail" in self.__dict__:
            self.mail.close()
        if "desk" in self.__dict__:
            self.desk.close()
        for vault in self._vaults.values():
            vault.close()
        self._vaults.clear()
        self._logs.clear()
        with suppress(PrivetError):  # days of use decide nothing
            steps = self.callers.noted()
            if steps:
                self.control.write_now(Unit(steps))
        self.control.close()


def _move_aside(folder: Path, now_ms: int) -> None:
    """Give what stands at `folder`, if anything does, a free name that no vault can have."""
    stamp = now_ms
    while os.path.lexists(folder):
        aside = folder.with_name(f"{folder.name}.unlisted-{stamp}")
        stamp += 1
        if not os.path.lexists(aside):
            folder.rename(aside)


def control_log(settings: Settings, control: Store, ring: KeyRing, house: bytes) -> Log:
    """Return the log over the house's own audit."""
    return Log(store=control, ring=ring, owner=house, path=str(settings.home / CHECKPOINT))


def new_ring(keys: KeyStore, owner: bytes, now_ms: int) -> KeyRing:
    """Return a new ring with the keys that every vault has from the start."""
    ring = KeyRing.create(keys, owner, now=now_ms // 1000)
    for purpose in ("record", "cursor", "idempotency", "audit"):
        ring.add(purpose, owner, now=now_ms // 1000)
    return ring


def initialize(settings: Settings, *, now_ms: int) -> Secret[str]:
    """Make a home: config, key file, control database and the first owner. Return the owner's API key.

    Raises Conflict where a home exists already; nothing is overwritten.
    """
    keys = _begin(settings)

    def first(callers: Callers) -> tuple[Secret[str], tuple[Step, ...]]:
        return first_owner(callers, "owner", now_ms)

    key = _control(settings, keys, first, now_ms)
    keep_cli_key(settings, key)
    _write_config(settings)
    return key


def initialize_unclaimed(settings: Settings, *, now_ms: int) -> Secret[str]:
    """Make a home without an owner. Return the token that `principals.claim` takes, once, within CLAIM_MS.

    In a home that nobody claimed yet, it makes another token, and the older one ends. Raises Conflict in any other.
    """
    if (settings.home / CONFIG).exists():
        return _claim_again(settings, now_ms)
    keys = _begin(settings)
    token = _control(settings, keys, lambda callers: issue.new_claim(callers, now_ms), now_ms)
    _write_config(settings)
    return token


def first_owner(callers: Callers, name: str, now_ms: int) -> tuple[Secret[str], tuple[Step, ...]]:
    """Return the API key of a home's first owner and the steps that store both."""
    owner = Account(id=issue.new_id(), name=name, kind="person", grants=Grants(roles=("owner",)), created_ms=now_ms)
    made = issue.secret(callers, "api_key", owner.id, now_ms=now_ms)
    return made.secret, (issue.new_account(callers, owner), made.step)


def keep_cli_key(settings: Settings, key: Secret[str]) -> None:
    """Write the API key that commands on this machine use."""
    _write_private(settings.cli_key, key.reveal() + "\n")


def _begin(settings: Settings) -> KeyStore:
    config = settings.home / CONFIG
    if config.exists() or settings.control.exists() or settings.key_file.exists():
        raise Conflict(f"{settings.home} holds a home already", hint="choose another place by --home")
    settings.home.mkdir(parents=True, mode=0o700, exist_ok=True)
    os.chmod(settings.home, 0o700)
    return local.create(settings.key_file, settings.passphrase)


def _control(
    settings: Settings,
    keys: KeyStore,
    first: Callable[[Callers], tuple[Secret[str], tuple[Step, ...]]],
    now_ms: int,
) -> Secret[str]:
    """Make the control database with what `first` makes in it, and return its secret."""
    control = ENGINES.get(settings.engine).open(str(settings.control))
    try:
        control.define((*_SHARED, VAULTS, *SHAPES))
        identity = digest.random_ids(1)[0]
        ring = new_ring(keys, identity, now_ms)
        ring.add("cell", identity, now=now_ms // 1000)  # of what the house itself keeps sealed
        secret, steps = first(Callers(control, ring, identity))
        deed = Deed(principal=HOUSE, verb="init", policy=BUILT_IN.version, at_ms=now_ms)
        meta: Step = Insert("meta", ("name", "value"), (("house", identity),))
        control.write_now(Unit((meta, *steps, *key_steps(ring.rows()), deed.entry(note="home made"))))
        control_log(settings, control, ring, identity).begin()
    finally:
        control.close()
    return secret


def _claim_again(settings: Settings, now_ms: int) -> Secret[str]:
    house = House(settings, clock=lambda: now_ms)
    try:
        token, steps = issue.new_claim(house.callers, now_ms)
        deed = Deed(principal=HOUSE, verb="init", policy=BUILT_IN.version, at_ms=now_ms)
        house.control.write_now(Unit((*steps, deed.entry(note="claim made"))))
    finally:
        house.close()
    return token


def _write_config(settings: Settings) -> None:
    listen = f"{settings.host}:{settings.port}"
    lines = ["# Privet's home. See `privet help` and the reference of settings.", f"listen: {listen}"]
    lines += [
        f"key_provider: {settings.key_provider}",
        f"key_file: {settings.key_file.name}",
        f"engine: {settings.engine}",
    ]
    _write_private(settings.home / CONFIG, "\n".join(lines) + "\n")


def _write_private(path: os.PathLike[str], text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def refuse_loose(settings: Settings) -> None:
    """Raise Refused if others may read the home."""
    if settings.home.stat().st_mode & 0o077:
        raise Refused(f"{settings.home} may be read by others", hint=f"chmod 700 {settings.home}")
