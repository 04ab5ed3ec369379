"""Copies of a home while it serves, and homes from copies.

A copy has two parts. `home` holds settings, databases, checkpoints and erasure ledgers. `keys` holds the subject keys,
their epochs and the keys of people's requests: whoever keeps it can open erased people's values in older copies, so
keep it apart and only as long as the window of subject keys. The root key and API keys are in neither: without the root
key a copy opens nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from privet import __version__
from privet.app.settings import CONFIG
from privet.app.wiring import (
    CHECKPOINT,
    EPOCHS_FILE,
    FORGOTTEN_FILE,
    LEDGER_FILE,
    REQUESTS_FILE,
    SUBJECTS_FILE,
    SUBJECTS_MADE,
    House,
)
from privet.errors import Conflict, Damaged, InvalidInput, NewerData, NotFound, Refused
from privet.store.port import ENGINES, Delete, Store, Unit
from privet.vault.vault import Vault

FORMAT = 1
MANIFEST = "manifest.json"
HOME, KEYS = "home", "keys"
BACKUPS = "backups"  # the folder, in a home, where a server puts copies
_CONTROL = "control.db"
_VAULT = "vault.db"
_BLOCK = 1 << 20


class Piece(msgspec.Struct, frozen=True):
    """One file of a copy. `format`: of the stored data, 0 for files that are no database."""

    path: str
    size: int
    sha256: str
    format: int


class Manifest(msgspec.Struct, frozen=True):
    """What a part of a copy holds. `made_ms`: UTC milliseconds since 1970."""

    format: int
    part: str
    program: str
    engine: str
    made_ms: int
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Made:
    """A finished copy. `vaults`: their names."""

    folder: Path
    vaults: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored home. `missing`: what must be put there by hand. `keyless`: vaults without subject keys."""

    home: Path
    vaults: tuple[str, ...]
    missing: tuple[str, ...]
    keyless: tuple[str, ...]


def make(house: House, folder: Path) -> Made:
    """Copy a home into a new folder, while it serves; durable on return.

    Every vault is open already where this runs beside an event loop. Raises Conflict where `folder` exists or keys
    are being changed, Unavailable where a database cannot be copied.
    """
    if folder.exists():
        raise Conflict("expected a new folder for the backup, found one", at=str(folder))
    vaults = [house.vault(name) for name in house.vault_names()]
    _folders(folder)
    home, keys = _Part(house, folder / HOME), _Part(house, folder / KEYS)
    home.file(house.settings.home / CONFIG, CONFIG)
    # A checkpoint is copied before what it proves: the copy then holds all of that, and perhaps more.
    home.file(house.settings.home / CHECKPOINT, CHECKPOINT)
    home.store(house.control, _CONTROL)
    if (house.settings.home / REQUESTS_FILE).exists():
        keys.store(house.desk.store, REQUESTS_FILE)
        home.file(house.settings.home / FORGOTTEN_FILE, FORGOTTEN_FILE)
    for vault in vaults:
        with vault.maintenance("backup"):
            _copy_vault(house, vault, home, keys)
    size = home.finish(HOME, house.clock()) + keys.finish(KEYS, house.clock())
    return Made(folder, tuple(vault.name for vault in vaults), size)


def _copy_vault(house: House, vault: Vault, home: _Part, keys: _Part) -> None:
    """Copy the records, then the keys, then the ledger.

    So that every record of the copy has its key there, unless she was erased in between: then the ledger says so.
    """
    folder, name = house.settings.vault(vault.name), f"vaults/{vault.name}"
    home.file(folder / CHECKPOINT, f"{name}/{CHECKPOINT}")
    home.store(vault.store, f"{name}/{_VAULT}")
    subjects, epochs = vault.demand_subjects().stores
    keys.store(subjects, f"{name}/{SUBJECTS_FILE}")
    keys.store(epochs, f"{name}/{EPOCHS_FILE}")
    home.file(folder / LEDGER_FILE, f"{name}/{LEDGER_FILE}")


class _Part:
    """One part of a copy as it is made."""

    def __init__(self, house: House, folder: Path) -> None:
        self._engine = house.settings.engine
        self._folder = folder
        self._pieces: list[Piece] = []
        folder.mkdir(mode=0o700)

    def file(self, source: Path, name: str) -> None:
        """Copy a small file."""
        _write(self._place(name), [source.read_bytes()])
        self._note(name, 0)

    def store(self, store: Store, name: str) -> None:
        """Copy a database."""
        store.backup(str(self._place(name)))
        self._note(name, ENGINES.get(self._engine).newest_format)

    def finish(self, part: str, now_ms: int) -> int:
        """Write the manifest and return the size of the part."""
        manifest = Manifest(FORMAT, part, __version__, self._engine, now_ms, self._pieces)
        _write(self._folder / MANIFEST, [msgspec.json.format(msgspec.json.encode(manifest)), b"\n"])
        _sync(self._folder)
        return sum(piece.size for piece in self._pieces)

    def _place(self, name: str) -> Path:
        place = self._folder / name
        _folders(place.parent)
        return place

    def _note(self, name: str, number: int) -> None:
        place = self._folder / name
        self._pieces.append(Piece(name, place.stat().st_size, _sha256(place), number))


# --- restoring ------------------------------------------------------------------------------------------------


def restore(
    folder: Path, home: Path, *, keys: Path | None = None, survivor: Path | None = None, without_keys: bool = False
) -> Restored:
    """Make a home from a copy, in an empty or new folder. It serves once the root key is put back.

    `keys`: where the keys part lies, if not beside the home part. `survivor`: what is left of the home that was lost;
    its erasure ledgers go on where the copy's end, so whoever was erased since stays erased. `without_keys`: go on
    where the subject keys are lost for good; shreddable columns then open no more.

    Raises Refused (the home is not empty, the keys part is missing, a survivor's ledger is another one), Damaged
    (a file is not what its manifest says), NewerData, NotFound.
    """
    if home.exists() and any(home.iterdir()):
        raise Refused("expected an empty folder for the home", at=str(home))
    pieces = [(folder / HOME, _manifest(folder / HOME, HOME))]
    key_part = keys or folder / KEYS
    if (key_part / MANIFEST).exists() or not without_keys:
        pieces.append((key_part, _manifest(key_part, KEYS)))
    for part, manifest in pieces:
        _verify(part, manifest)
    _folders(home)
    os.chmod(home, 0o700)
    for part, manifest in pieces:
        for piece in manifest.pieces:
            _copy(part / piece.path, home / piece.path)
    vaults = tuple(sorted(path.parent.name for path in home.glob(f"vaults/*/{_VAULT}")))
    keyless = tuple(name for name in vaults if not (home / "vaults" / name / EPOCHS_FILE).exists())
    for name in keyless:
        _give_up_keys(pieces[0][1].engine, home / "vaults" / name / _VAULT)
    if survivor is not None:
        for name in vaults:
            _go_on(home / "vaults" / name / LEDGER_FILE, survivor / "vaults" / name / LEDGER_FILE)
        _go_on(home / FORGOTTEN_FILE, survivor / FORGOTTEN_FILE)
    for path in sorted((path for path in home.rglob("*") if path.is_dir()), reverse=True):
        _sync(path)
    _sync(home)
    return Restored(home, vaults, ("root.key", "cli.key"), keyless)


def _manifest(folder: Path, part: str) -> Manifest:
    try:
        text = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        hint = "name its place, or say that the subject keys are lost for good" if part == KEYS else ""
        raise NotFound(f"expected the `{part}` part of a backup, found none", at=str(folder), hint=hint) from None
    try:
        number = msgspec.json.decode(text, type=dict[str, object]).get("format")
        if isinstance(number, int) and number > FORMAT:
            raise NewerData(f"the backup has format {number}, this program reads up to {FORMAT}", at=str(folder))
        found = msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError:
        raise Damaged("expected the manifest of a backup", at=str(folder / MANIFEST)) from None
    if found.part != part:
        raise InvalidInput(f"expected the `{part}` part of a backup, found another", at=str(folder))
    return found


def _verify(folder: Path, manifest: Manifest) -> None:
    newest = ENGINES.get(manifest.engine).newest_format
    for piece in manifest.pieces:
        parts = PurePosixPath(piece.path).parts
        if not parts or piece.path.startswith("/") or ".." in parts:
            raise Damaged("the manifest names a place outside the home", at=str(folder / MANIFEST))
        if piece.format > newest:
            raise NewerData(f"the backup's data has format {piece.format}, this program reads up to {newest}")
        path = folder / piece.path
        if not path.is_file() or path.stat().st_size != piece.size or _sha256(path) != piece.sha256:
            raise Damaged("a file of the backup is not what its manifest says", at=str(path))


def _give_up_keys(engine: str, path: Path) -> None:
    store = ENGINES.get(engine).open(str(path))
    try:
        store.write_now(Unit((Delete("meta", ("name",), ((SUBJECTS_MADE,),)),)))
    finally:
        store.close()


def _go_on(ledger: Path, survivor: Path) -> None:
    """Take over the ledger of a lost home, if it goes on where the copy's ends or the copy has none yet."""
    if not survivor.exists():
        return
    # The last line may be cut short in either: nobody was told that it was written.
    ours, theirs = (path.read_bytes().rpartition(b"\n") if path.exists() else (b"",) * 3 for path in (ledger, survivor))
    before, after = ours[0] + ours[1], theirs[0] + theirs[1]
    if before.startswith(after):
        return
    if not after.startswith(before):
        raise Refused("the surviving erasure ledger does not go on from the backup's", at=str(survivor))
    _replace(ledger, after)


# --- files ----------------------------------------------------------------------------------------------------


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    for block in _blocks(path):
        found.update(block)
    return found.hexdigest()


def _copy(source: Path, target: Path) -> None:
    _folders(target.parent)
    _write(target, _blocks(source))


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    _write(fresh, [content])
    os.replace(fresh, path)


def _folders(folder: Path) -> None:
    """Make a folder and those above it that are missing, all of them private."""
    for path in (*reversed(folder.parents), folder):
        path.mkdir(mode=0o700, exist_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
