"""A root key in a file of this machine: 0600, with or without a passphrase.

The file is four lines of ASCII: what it is, how the key is protected, the key, its check value.
With a passphrase the key line is the root under AES-256-SIV with the output of argon2id (RFC 9106; the second of
its recommended settings), and the first two lines are its associated data.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import argon2.low_level
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from privet import digest
from privet.crypto.keys import Provider
from privet.errors import Conflict, Damaged, NotFound, Refused, WrongKey
from privet.secret import Secret

TITLE = "privet root key 1"
ROOT_BYTES = 32
BLOB_VERSION = b"\x01"
# NIST SP 800-63B, section 5.1.1.1.
LEAST_PASSPHRASE = 8
# A file that asks for more would be a way to exhaust the machine, not a stronger key.
MOST_MEMORY_KIB, MOST_PASSES, MOST_LANES = 1 << 20, 16, 16

_PLAIN = "protection none"
_ARGON = re.compile(r"protection argon2id m=([0-9]{1,7}) t=([0-9]{1,2}) p=([0-9]{1,2}) salt=([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess of a passphrase costs."""

    memory_kib: int = 65536
    passes: int = 3
    lanes: int = 4


STANDARD = Cost()


class LocalStore:
    """A root key held by this process. Blobs name their root by its check value."""

    name: Literal["local"] = "local"

    def __init__(self, root: Secret[bytes]) -> None:
        key = root.reveal()
        self._check = _check(key)
        self._cipher = AESSIV(_expand(key, b"wrap", 64))

    @property
    def check(self) -> str:
        """Return the 16 hexadecimal digits that name the root; public."""
        return self._check.hex()

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Return version ‖ check value of the root ‖ AES-256-SIV of `key` with `context` bound."""
        return BLOB_VERSION + self._check + self._cipher.encrypt(key, [context])

    def unwrap(self, blob: bytes, context: bytes) -> bytes:
        """Return the key. Raises WrongKey if another root made the blob, Damaged if it or its context changed."""
        if blob[:1] != BLOB_VERSION or len(blob) < 26:
            raise Damaged("expected a key wrapped by a local root, found something else")
        if not digest.same(blob[1:9], self._check):
            raise WrongKey(f"expected a key of root `{self.check}`, found one of root `{blob[1:9].hex()}`")
        try:
            return self._cipher.decrypt(blob[9:], [context])
        except InvalidTag:
            raise Damaged("a wrapped key fails its check: changed, or swapped with another") from None


def create(path: str | Path, passphrase: Secret[str] | None = None, *, cost: Cost = STANDARD) -> LocalStore:
    """Draw a root, write its key file and return its store. Never overwrites: raises Conflict if the path exists.

    The file appears whole or not at all, and is durable on return. Refuses a passphrase of fewer than 8 characters.
    """
    if passphrase is not None and len(passphrase.reveal()) < LEAST_PASSPHRASE:
        raise Refused(f"expected a passphrase of at least {LEAST_PASSPHRASE} characters")
    place = Path(path)
    root = digest.random_bytes(ROOT_BYTES)
    if passphrase is None:
        head, body = f"{TITLE}\n{_PLAIN}\n", root
    else:
        salt = digest.random_bytes(16)
        words = f"argon2id m={cost.memory_kib} t={cost.passes} p={cost.lanes} salt={salt.hex()}"
        head = f"{TITLE}\nprotection {words}\n"
        body = AESSIV(_stretch(passphrase, salt, cost)).encrypt(root, [head.encode()])
    text = f"{head}key {base64.b64encode(body).decode()}\ncheck {_check(root).hex()}\n"
    _write_once(place, text.encode())
    return LocalStore(Secret(root))


def load(path: str | Path, passphrase: Secret[str] | None = None) -> LocalStore:
    """Return the store of a key file.

    Raises NotFound if there is none; Refused if others may read it, if it is cut or garbled, or if a passphrase is
    missing or was given without need; WrongKey if the passphrase does not open it.
    """
    return LocalStore(Secret(_parse(_read(Path(path)), passphrase)))


def _parse(data: bytes, passphrase: Secret[str] | None) -> bytes:
    try:
        title, protection, key, check, end = data.decode("ascii").split("\n")
    except ValueError:
        raise Refused("the key file is cut or garbled: expected four lines of text") from None
    if title != TITLE:
        raise Refused(f"expected a key file that begins with `{TITLE}`, found another kind of file")
    if end or key[:4] != "key " or not re.fullmatch("check [0-9a-f]{16}", check):
        raise Refused("the key file is garbled: expected the lines `key` and `check`")
    try:
        body = base64.b64decode(key[4:], validate=True)
    except binascii.Error:
        raise Refused("the key file is garbled: its key is not base 64") from None
    if base64.b64encode(body).decode() != key[4:]:  # the last symbol has bits that decoding drops
        raise Refused("the key file is garbled: its key is not written as base 64 writes it")
    root = body if protection == _PLAIN else _unprotect(body, protection, f"{title}\n{protection}\n", passphrase)
    if protection == _PLAIN and passphrase is not None:
        raise Refused("a passphrase was given, but the key file has none", hint="is it the right file?")
    if len(root) != ROOT_BYTES or not digest.same(_check(root), bytes.fromhex(check[6:])):
        raise Refused("the key file is garbled: its key does not match its check value")
    return root


def _unprotect(body: bytes, protection: str, head: str, passphrase: Secret[str] | None) -> bytes:
    found = _ARGON.fullmatch(protection)
    if found is None:
        raise Refused("the key file is garbled: expected `protection none` or `protection argon2id`")
    cost = Cost(*(int(number) for number in found.groups()[:3]))
    fits = 8 * cost.lanes <= cost.memory_kib <= MOST_MEMORY_KIB
    if not (fits and 1 <= cost.passes <= MOST_PASSES and 1 <= cost.lanes <= MOST_LANES):
        raise Refused("the key file is garbled: its argon2id settings are out of bounds")
    if passphrase is None:
        raise Refused("the key file needs a passphrase, found none")
    try:
        return AESSIV(_stretch(passphrase, bytes.fromhex(found[4]), cost)).decrypt(body, [head.encode()])
    except InvalidTag:
        raise WrongKey("the passphrase does not open the key file") from None


def _stretch(passphrase: Secret[str], salt: bytes, cost: Cost) -> bytes:
    return argon2.low_level.hash_secret_raw(
        passphrase.reveal().encode(),
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=64,
        type=argon2.low_level.Type.ID,
    )


def _check(root: bytes) -> bytes:
    return _expand(root, b"check", 8)


def _expand(root: bytes, label: bytes, length: int) -> bytes:
    # RFC 5869, section 2.3: the root is uniform already, so the extract step is left out (section 3.3).
    return HKDFExpand(SHA256(), length, b"privet local root 1 " + label).derive(root)


def _read(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise NotFound("expected a key file, found none", at=str(path)) from None
    except OSError as error:
        raise Refused(f"the key file cannot be opened: {error.strerror}", at=str(path)) from None
    try:
        # The state is asked of the open file, not of the path, so that nothing can be put in between.
        _expect_private(os.fstat(handle), str(path))
        return os.read(handle, 4096)
    finally:
        os.close(handle)


def _expect_private(state: os.stat_result, at: str) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise Refused("expected the key file to be a regular file", at=at)
    if state.st_mode & 0o077:
        mode = f"{stat.S_IMODE(state.st_mode):04o}"
        raise Refused(f"expected a key file of mode `0600`, found `{mode}`", hint="chmod 0600", at=at)
    if state.st_uid not in (os.geteuid(), 0):
        raise Refused("expected a key file of this user, found one of another", at=at)


def _write_once(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{digest.random_bytes(8).hex()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb") as file:
            os.fchmod(handle, 0o600)
            file.write(data)
            file.flush()
            os.fsync(handle)
        # A link, unlike a rename, fails where the name is taken.
        os.link(draft, path)
    except FileExistsError:
        raise Conflict("expected no key file of that name, found one", at=str(path)) from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


PART = Provider("local", "a root key in a file of this machine; the address is its path", load)
