"""A zip whose entries open with a passphrase alone: AES-256, as WinZip lays it out (AE-2), written front to back.

Each entry has a salt, hence keys, of its own, is deflated, enciphered and then authenticated. What stands in the clear
are the names and sizes of entries. Nothing is held but a piece of each entry that is open, so a caller may fill several
entries at once and let their bytes out one after another. Source: WinZip, "AES Encryption Information", version 1.04;
PKWARE APPNOTE 6.3.10, sections 4.3.7 to 4.3.16.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib
from datetime import UTC, datetime

import numpy as np

from privet import digest
from privet.crypto.aes import Ecb
from privet.errors import InvalidInput, TooLarge
from privet.secret import Secret

MOST_BYTES = 0xFFFF_FFFF
"""Of an entry, before and after it is deflated, and of a whole file: more would ask for zip64, which is not written."""
MOST_ENTRIES = 0xFFFF
ROUNDS, SALT_BYTES, TAG_BYTES = 1_000, 16, 10
"""What the format fixes. The rounds are few: a passphrase must be worth as much as a key by itself."""
PIECE_BYTES = 1 << 16
_FLAGS = 1 | 1 << 3 | 1 << 11  # enciphered; sizes follow the data; names are UTF-8
_VERSION, _METHOD, _DEFLATED = 51, 99, 8
_EXTRA = struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, _DEFLATED)
_LOCAL = struct.Struct("<4s5H3I2H")
_AFTER = struct.Struct("<4s3I")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")


class Entry:
    """One file of a zip: bytes in, deflated and enciphered bytes out."""

    def __init__(self, name: str, passphrase: Secret[str], level: int) -> None:
        self.name = name.encode()
        self.size = 0  # of what came in
        self.stored = 0  # of what went out
        self.offset = -1
        salt = digest.random_bytes(SALT_BYTES)
        secret = passphrase.reveal().encode()
        keys = hashlib.pbkdf2_hmac("sha1", secret, salt, ROUNDS, 66)
        self._cipher = Ecb(keys[:32])
        self._mac = hmac.new(keys[32:64], digestmod="sha1")
        self._head = salt + keys[64:]
        self._deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
        self._held = bytearray()
        self._block = 1

    def add(self, data: bytes) -> bytes:
        """Take more of the file, and return what may go out. Raises TooLarge."""
        self.size += len(data)
        self._held += self._deflate.compress(data)
        if len(self._held) < PIECE_BYTES:
            return b""
        return self._out(len(self._held) // 16 * 16)

    def end(self) -> bytes:
        """Return the rest of the file, and what proves the whole of it."""
        self._held += self._deflate.flush()
        body = self._out(len(self._held)) + self._mac.digest()[:TAG_BYTES]
        self.stored += TAG_BYTES
        return body

    def _out(self, count: int) -> bytes:
        plain, self._held = self._held[:count], self._held[count:]
        cipher = self._enciphered(bytes(plain))
        self._mac.update(cipher)
        head, self._head = self._head, b""
        self.stored += len(head) + len(cipher)
        if max(self.size, self.stored) > MOST_BYTES - TAG_BYTES:
            raise TooLarge("expected a file below 4 GiB in a zip")
        return head + cipher

    def _enciphered(self, plain: bytes) -> bytes:
        """Return bytes under the key stream: AES of a counter from 1 on, its lowest byte first."""
        blocks = -(-len(plain) // 16)
        counters = np.zeros((blocks, 2), "<u8")
        counters[:, 0] = np.arange(self._block, self._block + blocks, dtype=np.uint64)
        self._block += blocks
        stream = self._cipher.blocks(counters.view(np.uint64)).reshape(-1).view(np.uint8)[: len(plain)]
        return (np.frombuffer(plain, np.uint8) ^ stream).tobytes()


class Zipped:
    """A zip being written. An entry's data stands between its `opening` and its `closing`, and nothing else does."""

    def __init__(self, passphrase: Secret[str], *, made_ms: int, level: int = 6) -> None:
        """`made_ms`: UTC milliseconds since 1970, which entries are dated by. `level`: of deflate, 1 to 9."""
        self._passphrase = passphrase
        self._level = level
        self._stamp = _dos(made_ms)
        self._entries: list[Entry] = []
        self._at = 0

    def entry(self, name: str) -> Entry:
        """Return a new file of the zip; it may take data before its `opening`. Raises InvalidInput for a bad name."""
        parts = name.split("/")
        if len(name.encode()) > 1_000 or not all(parts) or {".", ".."} & set(parts) or "\\" in name or "\0" in name:
            raise InvalidInput("expected a relative path of at most 1,000 bytes as the name of an entry")
        return Entry(name, self._passphrase, self._level)

    def opening(self, entry: Entry) -> bytes:
        """Return what stands before an entry's data."""
        if len(self._entries) == MOST_ENTRIES:
            raise TooLarge("expected fewer files in a zip")
        entry.offset = self._at
        self._entries.append(entry)
        fixed = (_VERSION, _FLAGS, _METHOD, *self._stamp, 0, 0, 0, len(entry.name), len(_EXTRA))
        head = _LOCAL.pack(b"PK\x03\x04", *fixed) + entry.name + _EXTRA
        self._at += len(head)
        return head

    def closing(self, entry: Entry) -> bytes:
        """Return what stands after an entry's data, which was ended. Raises TooLarge."""
        tail = _AFTER.pack(b"PK\x07\x08", 0, entry.stored, entry.size)
        self._at += entry.stored + len(tail)
        if self._at > MOST_BYTES:
            raise TooLarge("expected a zip below 4 GiB")
        return tail

    def end(self) -> bytes:
        """Return the directory of the zip: without it, nothing opens. Raises TooLarge."""
        lines = b"".join(self._line(entry) for entry in self._entries)
        count = len(self._entries)
        if self._at + len(lines) > MOST_BYTES:
            raise TooLarge("expected a zip below 4 GiB")
        return lines + _END.pack(b"PK\x05\x06", 0, 0, count, count, len(lines), self._at, 0)

    def _line(self, entry: Entry) -> bytes:
        # AE-2: no checksum of the plain text, which would tell something of it; the tag proves more.
        fixed = (_VERSION, _VERSION, _FLAGS, _METHOD, *self._stamp, 0, entry.stored, entry.size)
        rest = (len(entry.name), len(_EXTRA), 0, 0, 0, 0, entry.offset)
        return _CENTRAL.pack(b"PK\x01\x02", *fixed, *rest) + entry.name + _EXTRA


def _dos(at_ms: int) -> tuple[int, int]:
    """Return (time, date) as MS-DOS writes them: even seconds, from 1980 on."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.hour << 11 | at.minute << 5 | at.second // 2, max(at.year - 1980, 0) << 9 | at.month << 5 | at.day
