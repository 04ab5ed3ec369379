"""The systems that requests reach: how each is connected to, kept in the control database with its secrets sealed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import msgspec

from privet import digest
from privet.connectors.base import Connector, Limits, Setup
from privet.connectors.profile import Profile
from privet.connectors.systems import SYSTEMS
from privet.crypto.keys import KeyRing
from privet.errors import Damaged, InvalidInput, NotFound
from privet.secret import Secret
from privet.store.port import Column, Delete, Put, Select, Shape, Step, Store
from privet.vault.vault import vouch, vouched
from privet.vocabulary.predicate import ALWAYS, Compare

CONNECTORS = Shape(
    name="connectors",
    columns=(Column("name", "text", null=False), Column("body", "blob", null=False), Column("secrets", "blob")),
    key=("name",),
)
_COLUMNS = ("name", "body", "secrets")
_WHAT = "connector"
_CONTEXT = digest.sha256(b"privet connector secrets 1")[:16]
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_KEY = re.compile(r"[A-Za-z0-9_.<>-]{1,200}")
_MOST_SECONDS = 600.0


class Connected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One connector as it is set up. `datasets`: keys of the declared datasets that it holds. `changed_ms`: UTC
    milliseconds since 1970; `author`: the id of a principal."""

    name: str
    kind: str
    datasets: tuple[str, ...]
    settings: dict[str, str | int | bool] = {}
    secrets: tuple[str, ...] = ()
    private: bool = False
    seconds: float = 0.0
    author: str = ""
    changed_ms: int = 0


@dataclass(frozen=True, slots=True)
class Systems:
    """Where connectors stand: the control database, and the ring and id of the house."""

    store: Store
    ring: KeyRing
    house: bytes

    def all(self) -> list[Connected]:
        """Return every connector, by name. Raises Damaged."""
        question = Select(table="connectors", columns=("name", "body"), where=ALWAYS, order=(("name", True),))
        return [self._read(name, body) for name, body in self.store.select(question)]

    def get(self, name: str) -> Connected:
        """Return a connector. Raises NotFound, Damaged."""
        where = Compare("name", "=", name)
        rows = self.store.select(Select(table="connectors", columns=("name", "body"), where=where))
        if not rows:
            raise NotFound("there is no connector of that name", hint="`privet connectors list` names them")
        return self._read(*rows[0])

    def put(self, wanted: Connected, secrets: Mapping[str, Secret[str]]) -> Step:
        """Return the step that stores a connector, over an older one of its name. Secrets that are not given anew stay
        where they go: nobody who may change settings alone has them sent to another place.

        Raises InvalidInput for settings that its kind does not know or lacks, UnknownName for the kind.
        """
        if not _NAME.fullmatch(wanted.name):
            raise InvalidInput(
                "expected a name of a-z, 0-9, _ and -, at most 63 characters, from a letter on", at="name"
            )
        taken = [one for one in self.all() if one.name != wanted.name and set(one.datasets) & set(wanted.datasets)]
        if taken:
            raise InvalidInput(f"a dataset is held by the connector `{taken[0].name}` already", at="datasets")
        kept = {name: value for name, value in self._secrets(wanted.name).items() if name not in secrets}
        if kept and not self._goes_where_it_went(wanted):
            named = ", ".join(f"`{name}`" for name in sorted(kept))
            hint = "they were given for what it was before: kind, settings and `private`"
            raise InvalidInput(f"expected {named} anew with changed settings", at="secrets", hint=hint)
        known = {**kept, **secrets}
        settled = check(wanted, known)
        body = vouch(self.ring, self.house, _WHAT, msgspec.json.encode(settled))
        packed = msgspec.json.encode({name: known[name].reveal() for name in settled.secrets})
        sealed = self.ring.cell(self.house).seal(_CONTEXT, [self._place(wanted.name)], [packed])[0]
        return Put("connectors", _COLUMNS, ((wanted.name, body, sealed),))

    def _goes_where_it_went(self, wanted: Connected) -> bool:
        stored = self.get(wanted.name)
        said = (stored.kind, stored.settings, stored.private)
        return said == (wanted.kind, wanted.settings, wanted.private)

    def remove(self, name: str) -> Step:
        """Return the step that removes a connector."""
        return Delete("connectors", ("name",), ((name,),))

    def setup(self, name: str) -> Setup:
        """Return a connector with its secrets, ready to be opened. Raises NotFound, Damaged."""
        found = self.get(name)
        limits = Limits(read_seconds=found.seconds) if found.seconds else Limits()
        return Setup(
            name=found.name,
            kind=found.kind,
            settings=found.settings,
            secrets=self._secrets(name),
            private=found.private,
            limits=limits,
        )

    def open(self, name: str) -> tuple[Connector, Profile]:
        """Return an open connector and what it can do. Raises what the kind's `open` raises."""
        setup = self.setup(name)
        system = SYSTEMS.get(setup.kind)
        return system.open(setup), system.profile_of(setup)

    def _read(self, name: object, body: object) -> Connected:
        found = msgspec.json.decode(vouched(self.ring, self.house, _WHAT, body), type=Connected)
        if found.name != name:
            raise Damaged("the stored connector stands under another name")
        return found

    def _secrets(self, name: str) -> dict[str, Secret[str]]:
        where = Compare("name", "=", name)
        rows = self.store.select(Select(table="connectors", columns=("secrets",), where=where))
        if not rows or not isinstance(rows[0][0], bytes):
            return {}
        opened = self.ring.cell(self.house).open(_CONTEXT, [self._place(name)], [rows[0][0]])[0]
        return {key: Secret(value) for key, value in msgspec.json.decode(opened, type=dict[str, str]).items()}

    def _place(self, name: str) -> bytes:
        return digest.sha256(digest.canonical((self.house, name.encode())))[:16]


def check(wanted: Connected, secrets: Mapping[str, Secret[str]]) -> Connected:
    """Return a connector with the names of its secrets. Raises InvalidInput, UnknownName.

    What `saas` takes beside its own settings stands in its file.
    """
    if not wanted.datasets or not all(map(_KEY.fullmatch, wanted.datasets)):
        raise InvalidInput("expected the key of a dataset that the connector holds", at="datasets")
    if not 0 <= wanted.seconds <= _MOST_SECONDS:
        raise InvalidInput(f"expected at most {_MOST_SECONDS:.0f} seconds", at="seconds")
    system = SYSTEMS.get(wanted.kind)
    known = {setting.name: setting for setting in system.settings}
    free = any(name == "config" for name in known)  # its own file says what else there is
    for name in () if free else (*wanted.settings, *secrets):
        if name not in known:
            raise InvalidInput(
                f"`{wanted.kind}` has no setting of that name", at="settings", hint=f"it has: {', '.join(known)}"
            )
    for name in wanted.settings:
        if name in known and known[name].secret:
            raise InvalidInput(f"expected `{name}` among the secrets, which are sealed", at="settings")
    for setting in system.settings:
        if setting.default is None and setting.name not in (*wanted.settings, *secrets):
            raise InvalidInput(f"expected `{setting.name}`: {setting.about}", at="settings")
    if free:  # nothing is asked over the network to read it
        setup = Setup(
            name=wanted.name, kind=wanted.kind, settings=wanted.settings, secrets=secrets, private=wanted.private
        )
        with closing(system.open(setup)) as connector:
            connector.describe()
    return msgspec.structs.replace(wanted, secrets=tuple(sorted(secrets)))
