"""Manifests that teams pushed: sets of files that never change, each under a number, in the control database."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from privet.crypto.keys import KeyRing
from privet.errors import Damaged, InvalidInput, TooLarge
from privet.store.port import Column, Insert, Select, Shape, Step, Store
from privet.vault.vault import vouch, vouched
from privet.vocabulary.predicate import ALWAYS, Compare

MANIFESTS = Shape(
    name="manifests",
    columns=(
        Column("version", "int", null=False),
        Column("created", "int", null=False),
        Column("about", "blob", null=False),
        Column("files", "blob", null=False),
    ),
    key=("version",),
)
MOST_BYTES = 24 << 20
MOST_FILES = 10_000
_COLUMNS = ("version", "created", "about", "files")


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A version of the manifests. `version`: from 1. `author`: the id of a principal. `note`: why, in her words.
    `created_ms`: UTC milliseconds since 1970. `count`: of its files."""

    version: int
    author: str
    created_ms: int
    note: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Declared:
    """Where manifests stand: the control database, and the ring and id of the house."""

    store: Store
    ring: KeyRing
    house: bytes
    _kind: str = field(default="manifests", init=False)

    def newest(self) -> Push | None:
        """Return the newest version, None where nothing was pushed. Raises Damaged."""
        found = self._select(limit=1)
        return found[0] if found else None

    def get(self, version: int) -> Push | None:
        """Return a version. Raises Damaged."""
        where = Compare("version", "=", version)
        rows = self.store.select(Select(table="manifests", columns=("version", "about"), where=where))
        return self._push(rows[0]) if rows else None

    def history(self, *, before: int, limit: int) -> list[Push]:
        """Return versions below `before` (0: from the newest), newest first. Raises Damaged."""
        return self._select(before=before, limit=limit)

    def files(self, version: int) -> dict[str, str]:
        """Return the files of a version: path → text. Raises Damaged."""
        where = Compare("version", "=", version)
        rows = self.store.select(Select(table="manifests", columns=("version", "files"), where=where))
        body = vouched(self.ring, self.house, f"{self._kind} {version}", rows[0][1] if rows else b"")
        return msgspec.json.decode(zlib.decompress(body), type=dict[str, str])

    def step(self, push: Push, files: Mapping[str, str]) -> Step:
        """Return the step that stores a version; it clashes where that is taken. Raises InvalidInput, TooLarge."""
        for path in files:
            demand_path(path)
        body = msgspec.json.encode(files, order="sorted")
        if len(body) > MOST_BYTES or len(files) > MOST_FILES:
            raise TooLarge(f"expected at most {MOST_FILES:,} files of {MOST_BYTES >> 20} MiB together, found more")
        about = vouch(self.ring, self.house, self._kind, msgspec.json.encode(push))
        packed = vouch(self.ring, self.house, f"{self._kind} {push.version}", zlib.compress(body))
        return Insert("manifests", _COLUMNS, ((push.version, push.created_ms, about, packed),))

    def _select(self, *, before: int = 0, limit: int) -> list[Push]:
        where = Compare("version", "<", before) if before else ALWAYS
        order = (("version", False),)
        found = self.store.select(
            Select(table="manifests", columns=("version", "about"), where=where, order=order, limit=limit)
        )
        return [self._push(row) for row in found]

    def _push(self, row: tuple[object, ...]) -> Push:
        found = msgspec.json.decode(vouched(self.ring, self.house, self._kind, row[1]), type=Push)
        if found.version != row[0]:
            raise Damaged("the stored manifests stand under another number")
        return found


def demand_path(path: str) -> None:
    """Raise InvalidInput where a file's path could lead anywhere but below the folder that it is pulled into."""
    parts = path.split("/")
    plain = all(
        part.casefold() not in ("", ".", "..", ".git") and part.isprintable() and "\\" not in part for part in parts
    )
    if not plain or len(path) > 400 or not path.endswith((".yml", ".yaml", ".policy")):
        raise InvalidInput(
            "expected paths below one folder that end with .yml, .yaml or .policy",
            at="files",
            hint="parts divided by /, without ..",
        )
