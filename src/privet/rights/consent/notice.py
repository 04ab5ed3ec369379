"""Notices: what people are told of some uses of their data, region by region and language by language.

A notice has versions that never change: a changed text is the next version. A choice names the version by its digest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal, get_args

import msgspec

from privet import codec, digest
from privet.codec import Node
from privet.errors import Damaged, InvalidBatch, InvalidInput, PrivetError
from privet.near import meant
from privet.rights.consent.region import NOWHERE, covers, read_region
from privet.secret import Secret
from privet.store.port import Cell, Column, Insert, Select, Shape, Step, Store
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import Compare

Mechanism = Literal["opt_in", "opt_out", "notice"]
"""opt_in: nothing until she says yes. opt_out: goes on until she says no. notice: she is told, and cannot choose."""
MECHANISMS: tuple[Mechanism, ...] = get_args(Mechanism)
MOST_NOTICES, LONGEST_TITLE, LONGEST_TEXT = 200, 200, 20_000
RESERVED = ("restriction", "objection")
"""Keys by which a vault's ledger knows other things than consent."""
_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_KNOWN = ("key", "uses", "regions", "mechanism", "honours_signal", "texts")
_COLUMNS = ("notice", "version", "created", "body", "mac")

NOTICES = Shape(
    name="notices",
    columns=(
        Column("notice", "text", null=False),
        Column("version", "int", null=False),
        Column("created", "int", null=False),
        Column("body", "blob", null=False),
        Column("mac", "blob", null=False),
    ),
    key=("notice", "version"),
)


class Words(msgspec.Struct, frozen=True):
    """A notice in one language, as it is shown."""

    title: str
    text: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What people are told. `uses`: labels of what the data is used for. `regions`: where it is shown, "" everywhere.
    `honours_signal`: a browser's signal to opt out is a refusal of it, where a law says so. `texts`: by language."""

    key: str
    uses: tuple[str, ...]
    regions: tuple[str, ...] = ("",)
    mechanism: Mechanism
    honours_signal: bool = False
    texts: dict[str, Words]

    @property
    def digest(self) -> bytes:
        """Return what a choice names its version by: SHA-256 over the canonical text, keys in order."""
        return digest.sha256(b"privet notice 1" + msgspec.json.encode(self, order="sorted"))

    def words(self, language: str) -> tuple[str, Words]:
        """Return the texts that fit a language best, and their language: that one, that one in another region,
        English, the first."""
        tag = language.replace("_", "-").lower()  # RFC 5646, section 2.1.1: case says nothing
        base = tag.partition("-")[0]
        known = {name.partition("-")[0].lower(): name for name in reversed(self.texts)}
        known |= {name.lower(): name for name in self.texts}
        found = known.get(tag) or known.get(base)
        name = found or ("en" if "en" in self.texts else next(iter(self.texts)))
        return name, self.texts[name]


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a notice. `version`: from 1. `author`: the id of a principal. `retired`: nobody is asked any more.
    `created_ms`: UTC milliseconds since 1970."""

    notice: Notice
    version: int
    author: str
    created_ms: int
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """Where notices stand. `key`: of the MACs of rows."""

    store: Store
    key: Secret[bytes] = field(repr=False)

    def newest(self) -> list[Edition]:
        """Return the newest version of every notice, by key, retired ones too. Raises Damaged."""
        order = (("notice", True), ("version", True))
        rows = self.store.select(Select(table="notices", columns=_COLUMNS, order=order))
        found = []
        for _, told in groupby(rows, itemgetter(0)):
            every = list(told)
            _demand_whole([row[1] for row in every])
            found.append(self._read(every[-1]))
        return found

    def versions(self, key: str) -> list[Edition]:
        """Return every version of a notice, oldest first; none where there is no such notice. Raises Damaged."""
        order = (("version", True),)
        where = Compare("notice", "=", key)
        rows = self.store.select(Select(table="notices", columns=_COLUMNS, where=where, order=order))
        found = [self._read(row) for row in rows]
        _demand_whole([edition.version for edition in found])
        return found

    def step(self, edition: Edition) -> Step:
        """Return the step that stores a version; it clashes where that is taken."""
        body = msgspec.json.encode(edition)
        row = (edition.notice.key, edition.version, edition.created_ms, body, self._mac(body))
        return Insert("notices", _COLUMNS, (row,))

    def _read(self, row: tuple[Any, ...]) -> Edition:
        key, version, _, body, mac = row
        if not digest.same(mac, self._mac(body)):
            raise Damaged("the stored notice is not as Privet wrote it", hint="restore a backup of the home")
        found = msgspec.json.decode(body, type=Edition)
        if (found.notice.key, found.version) != (key, version):
            raise Damaged("the stored notice stands under another key or version")
        return found

    def _mac(self, body: bytes) -> bytes:
        return digest.mac(self.key.reveal(), b"privet notice 1" + body)


def _demand_whole(versions: Sequence[Cell]) -> None:
    if list(versions) != list(range(1, len(versions) + 1)):
        raise Damaged("a version of a notice is missing", hint="restore a backup of the home")


def shown_in(editions: Collection[Edition], region: str) -> list[Edition]:
    """Return the notices that a person of a region is shown, by key: of those about the same uses, the ones that name
    her region most closely. Retired ones are left out."""
    fits = {each.notice.key: covers(each.notice.regions, region) for each in editions if not each.retired}
    closest: dict[frozenset[str], int] = {}
    for each in editions:
        uses = frozenset(each.notice.uses)
        closest[uses] = max(closest.get(uses, NOWHERE), fits.get(each.notice.key, NOWHERE))
    return [
        each
        for each in editions
        if fits.get(each.notice.key, NOWHERE) != NOWHERE
        and fits[each.notice.key] == closest[frozenset(each.notice.uses)]
    ]


# --- reading ----------------------------------------------------------------------------------------------------


def read(text: str, file: str, uses: Collection[str]) -> list[Notice]:
    """Return the notices of a file, YAML or JSON: `notices:` and a list of them. `uses`: labels that there are.

    Raises InvalidInput with the place of the first fault; `faults` holds all where there are several.
    """
    node = codec.read_yaml(text, file)
    said = node.value if isinstance(node.value, dict) else {}
    listed = said.get("notices")
    if set(said) != {"notices"} or listed is None or not isinstance(listed.value, list) or not listed.value:
        raise InvalidInput("expected `notices:` and a list of them, and nothing else", at=str(node.place))
    if len(listed.value) > MOST_NOTICES:
        raise InvalidInput(f"expected at most {MOST_NOTICES} notices", at=str(listed.place))
    faults: list[PrivetError] = []
    found = [_Reading(each, uses, faults).notice() for each in listed.value]
    keys = [notice.key for notice in found if notice is not None]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        faults.append(InvalidInput(f"expected notice `{key}` once", at=str(listed.place)))
    if faults:
        raise InvalidBatch(str(faults[0].message), hint=faults[0].hint, at=faults[0].at, faults=tuple(faults))
    return [notice for notice in found if notice is not None]


class _Reading:
    """Reads one notice, and gathers what is wrong with it."""

    def __init__(self, node: Node, uses: Collection[str], faults: list[PrivetError]) -> None:
        self._node = node
        self._said: Mapping[str, Node] = node.value if isinstance(node.value, dict) else {}
        self._uses = uses
        self._faults = faults

    def notice(self) -> Notice | None:
        """Return the notice, None where it has faults."""
        before = len(self._faults)
        for name, each in self._said.items():
            if name not in _KNOWN:
                self._fault("unknown key of a notice", each, meant(name, _KNOWN, most=1))
        key, mechanism = self._key(), self._mechanism()
        uses = self._list("uses", self._use)
        regions = self._list("regions", self._region) if "regions" in self._said else ("",)
        signal = self._said.get("honours_signal")
        if signal is not None and not isinstance(signal.value, bool):
            self._fault("expected `honours_signal` as true or false", signal)
        elif signal is not None and signal.value and mechanism == "notice":
            self._fault("a notice without a choice honours no signal", signal, "make it `opt_out`")
        texts = self._texts()
        if len(self._faults) > before or not mechanism:
            return None
        return Notice(
            key=key,
            uses=uses,
            regions=regions,
            mechanism=mechanism,
            honours_signal=signal is not None and signal.value is True,
            texts=texts,
        )

    def _key(self) -> str:
        node = self._said.get("key", self._node)
        key = node.value if isinstance(node.value, str) else ""
        if not _KEY.fullmatch(key):
            self._fault("expected `key` of a-z, 0-9, `_`, `.` and `-`, at most 64", node)
        if key in RESERVED:
            self._fault("expected another key: this one is kept for flags", node)
        return key

    def _mechanism(self) -> Mechanism | None:
        node = self._said.get("mechanism", self._node)
        found = next((each for each in MECHANISMS if each == node.value), None)
        if found is None:
            self._fault("expected `mechanism` as `opt_in`, `opt_out` or `notice`", node)
        return found

    def _list(self, name: str, read_one: Callable[[Node], str]) -> tuple[str, ...]:
        node = self._said.get(name, self._node)
        if name not in self._said or not isinstance(node.value, list) or not node.value:
            self._fault(f"expected `{name}` as a list", node)
            return ()
        return tuple(dict.fromkeys(read_one(each) for each in node.value))

    def _use(self, node: Node) -> str:
        if isinstance(node.value, str) and node.value in self._uses:
            return node.value
        near = meant(node.value, self._uses, most=1) if isinstance(node.value, str) else ""
        self._fault("expected a use of the taxonomy, or of the manifests", node, near)
        return ""

    def _region(self, node: Node) -> str:
        try:
            return read_region(node.value if isinstance(node.value, str) else "?")
        except InvalidInput as error:
            self._fault(error.message, node, error.hint)
            return ""

    def _texts(self) -> dict[str, Words]:
        node = self._said.get("texts", self._node)
        if "texts" not in self._said or not isinstance(node.value, dict) or not node.value:
            self._fault("expected `texts`: language, then title and text", node)
            return {}
        return {name: self._words(each) for name, each in node.value.items() if self._language(name, each)}

    def _language(self, tag: str, node: Node) -> bool:
        try:
            known = data_type("person.language").normalize(tag) == tag
        except PrivetError:
            known = False
        if not known:
            self._fault("expected a language tag such as `en` or `pt-BR`", node)
        return known

    def _words(self, node: Node) -> Words:
        said = node.value if isinstance(node.value, dict) else {}
        if set(said) != {"title", "text"}:
            self._fault("expected `title` and `text`", node)
            return Words("", "")
        for name, longest in (("title", LONGEST_TITLE), ("text", LONGEST_TEXT)):
            text = said[name].value
            if not isinstance(text, str) or not text.strip() or len(text) > longest or "\0" in text:
                self._fault(f"expected `{name}` of 1 to {longest:,} characters", said[name])
        return Words(str(said["title"].value), str(said["text"].value))

    def _fault(self, message: str, node: Node, hint: str = "") -> None:
        self._faults.append(InvalidInput(message, hint=hint, at=str(node.place)))
