"""Texts of tokens: opaque (`tok_…`), sealed (`sivt_…`) and enciphered in the value's own format (FF1).

Opaque tokens are random and mean something only where they are stored; sealed and enciphered ones carry their value
and need no storage. Random tokens in the shape of a value are in `shapes`. Which kind a column uses, and who may
reveal it, is decided elsewhere. Every batch function names the first bad position (from 0) in `at`.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cache
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from privet.crypto.fpe import FF1
from privet.crypto.seal import CellKey, key_id
from privet.errors import Damaged, InvalidInput, InvalidToken, InvalidValue, Refused
from privet.secret import Secret

Bytes = npt.NDArray[np.uint8]
Form = Literal["digits", "alphanumeric", "card"]
H = TypeVar("H", bound=Hashable)

OPAQUE_PREFIX = "tok_"
SEALED_PREFIX = "sivt_"
OPAQUE_LENGTH = len(OPAQUE_PREFIX) + 32
# No letter in two cases and none of 0 1 8 9: a store that folds case, or a person who reads aloud, keeps tokens
# apart. Source: RFC 4648, section 6, in lower case.
SYMBOLS = "abcdefghijklmnopqrstuvwxyz234567"
# One token alone is written ten bits at a time, and read as a number in base 32: a third of the batch's cost for it.
_TENS = tuple(first + second for first in SYMBOLS for second in SYMBOLS)
_TEN_BITS = tuple(range(150, -1, -10))
_BASE_32 = {n: "!" for n in range(128)} | dict(zip(map(ord, SYMBOLS), "0123456789abcdefghijklmnopqrstuv", strict=True))
# Measured: a batch costs 13 us (decoding 38 us) to begin, one value alone 4 us: below this many values go singly.
CROSSING = 6
OPAQUE_CROSSING = 24  # their checksums make a batch dearer to begin
# Rows are worked on in slices of this many, so that every temporary stays in the second-level cache.
SLICE = 2048


# --- opaque -----------------------------------------------------------------------------------------------


def opaque_text(raw: bytes) -> str:
    """Return the token text of 16 random bytes: `tok_` and 32 symbols, whose last 32 bits are a CRC against slips.

    >>> opaque_text(bytes(16))
    'tok_aaaaaaaaaaaaaaaaaaaaaaaaadwlws2v'
    """
    if len(raw) != 16:
        raise InvalidInput("expected 16 bytes for each token")
    number = int.from_bytes(raw + _crc(raw), "big")
    return OPAQUE_PREFIX + "".join([_TENS[number >> at & 1023] for at in _TEN_BITS])


def opaque_raw(text: str) -> bytes:
    """Return the 16 bytes of a token text. Raises InvalidToken."""
    body = text[len(OPAQUE_PREFIX) :]
    if text.startswith(OPAQUE_PREFIX) and len(text) == OPAQUE_LENGTH and body.isascii():
        try:
            data = int(body.translate(_BASE_32), 32).to_bytes(20, "big")
        except ValueError:
            data = b""
        if data and data[16:] == _crc(data[:16]):
            return data[:16]
    return opaque_raws([text])[0]  # which names the fault


def opaque_texts(raws: Sequence[bytes]) -> list[str]:
    """Return the token text of each 16 bytes."""
    if set(map(len, raws)) - {16}:
        raise InvalidInput("expected 16 bytes for each token")
    if len(raws) < OPAQUE_CROSSING:
        return [opaque_text(raw) for raw in raws]
    out: list[str] = []
    for start in range(0, len(raws), SLICE):
        data = np.frombuffer(b"".join(raws[start : start + SLICE]), np.uint8).reshape(-1, 16)
        out += _texts(OPAQUE_PREFIX, np.concatenate([data, _crcs(data)], axis=1))
    return out


def opaque_raws(texts: Sequence[str]) -> list[bytes]:
    """Return the 16 bytes of each token text. Raises InvalidToken if one is not of the form or fails its checksum."""
    raws = []
    for at, data in enumerate(_decode(OPAQUE_PREFIX, texts)):
        raw = data[:16]
        if len(data) != 20 or data[16:] != _crc(raw):
            raise _not_a_token(at, "misspelled: its checksum does not match")
        raws.append(raw)
    return raws


# --- sealed -----------------------------------------------------------------------------------------------


class SealedTokens:
    """Tokens that are their value under AES-256-SIV: equal values in one scope have equal tokens.

    `key`: a token key of suite "siv". `context`: 16 bytes of the column. `scope`: 16 bytes that part recipients from
    each other, zeros for the whole column. `pad_bytes`: hide lengths up to multiples of this.
    """

    def __init__(self, key: CellKey, context: bytes, *, scope: bytes = bytes(16), pad_bytes: int = 16) -> None:
        if key.suite != "siv":
            raise Refused("expected a key of suite `siv`, for other ciphers would not give equal values equal tokens")
        self._key, self._context, self._scope, self._pad_bytes = key, context, scope, pad_bytes

    def seal(self, values: Sequence[str]) -> list[str]:
        """Return the token of each value."""
        texts = [value.encode() for value in values]
        return _encode(SEALED_PREFIX, self._key.seal(self._context, self._scopes(texts), texts, self._pad_bytes))

    def open(self, tokens: Sequence[str]) -> list[str]:
        """Return the value of each token. Raises InvalidToken if one was not made here, by this key."""
        cells = _decode(SEALED_PREFIX, tokens)
        try:
            texts = self._key.open(self._context, self._scopes(cells), cells)
        except Damaged as error:
            raise InvalidToken(
                "expected a sealed token of this column, scope and key", at=error.at.replace("cell", "token")
            ) from None
        return [text.decode() for text in texts]

    def _scopes(self, values: Sequence[bytes]) -> list[bytes]:
        return [self._scope] * len(values)


def sealed_key_id(token: str) -> int:
    """Return the id of the key that made a sealed token, unproved. Raises InvalidToken."""
    cell = _decode(SEALED_PREFIX, [token])[0]
    if len(cell) < 22:
        raise _not_a_token(0, "too short")
    return key_id(cell)


# --- enciphered -------------------------------------------------------------------------------------------

_DIGITS, _LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LUHN_NEVER = 5


class FF1Tokens:
    """Tokens in the format of their value: a permutation of it by FF1 (NIST SP 800-38G) under a token key.

    `form`: "digits" and "alphanumeric" (0-9 A-Z) encipher the whole value; "card" enciphers what the Luhn digit does
    not fix and then makes the Luhn sum 5, so that no token is ever taken for a card. `keep_last_four` leaves them
    as they are and binds them to the rest. `looks_real` makes card tokens pass Luhn. `context`: 16 bytes of column
    and scope. `key`: 32 bytes. Raises DomainTooSmall where what is left to encipher has under 10**6 values.
    """

    def __init__(
        self,
        key: Secret[bytes],
        context: bytes,
        *,
        form: Form = "digits",
        keep_last_four: bool = False,
        looks_real: bool = False,
    ) -> None:
        self._cipher = FF1(key.reveal(), _DIGITS + _LETTERS if form == "alphanumeric" else _DIGITS)
        self._context = context
        self._card = form == "card"
        self._kept = 4 if keep_last_four else 0
        self._sum = 0 if looks_real else _LUHN_NEVER

    def make(self, values: Sequence[str]) -> list[str]:
        """Return the token of each canonical value. Raises InvalidValue where one is not of the form."""
        if not self._card:
            return self._cross(values, self._cipher.encrypt)
        _expect_luhn(values, 0, InvalidValue("Luhn check digit", type_name="card.pan"))
        return self._card_cross(values, self._cipher.encrypt, self._sum)

    def open(self, tokens: Sequence[str]) -> list[str]:
        """Return the value of each token. Raises InvalidToken where one is not of the form."""
        fault = InvalidToken("expected a token in the format of its value")
        try:
            if not self._card:
                return self._cross(tokens, self._cipher.decrypt)
            _expect_luhn(tokens, self._sum, fault)
            return self._card_cross(tokens, self._cipher.decrypt, 0)
        except InvalidValue:
            raise fault from None

    def _cross(self, texts: Sequence[str], cipher: Callable[[Sequence[str], bytes], list[str]]) -> list[str]:
        if not self._kept:
            return cipher(texts, self._context)
        out = [""] * len(texts)
        # What stays visible is part of the tweak, so that two values which differ there alone share nothing.
        # Source: NIST SP 800-38G, appendix C.
        for tail, places in _grouped(text[-4:] for text in texts).items():
            heads = cipher([texts[at][:-4] for at in places], self._context + tail.encode())
            for at, head in zip(places, heads, strict=True):
                out[at] = head + tail
        return out

    def _card_cross(
        self, texts: Sequence[str], cipher: Callable[[Sequence[str], bytes], list[str]], luhn_sum: int
    ) -> list[str]:
        """Encipher all but one digit (and the kept ones); that digit then brings the Luhn sum to `luhn_sum`."""
        kept = self._kept
        free = [text[: len(text) - kept - 1] + text[len(text) - kept :] for text in texts]
        crossed = self._cross(free, cipher)
        blank = [f"{text[: len(text) - kept]}0{text[len(text) - kept :]}" for text in crossed]
        # The digit before none or four others is one that Luhn does not double, so the missing sum is the digit.
        missing = [(luhn_sum - found) % 10 for found in luhn_sums(blank)]
        return [
            f"{text[: len(text) - kept]}{digit}{text[len(text) - kept :]}"
            for text, digit in zip(crossed, missing, strict=True)
        ]


def luhn_sums(texts: Sequence[str]) -> list[int]:
    """Return the Luhn sum of each text of digits, modulo 10: 0 passes. Raises InvalidValue for anything else.

    Source: ISO/IEC 7812-1, annex B.
    """
    sums = [0] * len(texts)
    for length, places in _grouped(map(len, texts)).items():
        data = "".join([texts[at] for at in places]).encode("ascii", "replace")
        digits = np.frombuffer(data, np.uint8).reshape(len(places), length) - np.uint8(48)
        if (digits > 9).any():
            raise InvalidValue("digits only")
        plain, doubled = digits[:, ::-1][:, ::2], digits[:, ::-1][:, 1::2]
        totals = plain.sum(axis=1, dtype=np.int64) + _DOUBLED[doubled].sum(axis=1, dtype=np.int64)
        for at, total in zip(places, (totals % 10).tolist(), strict=True):
            sums[at] = total
    return sums


_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], np.uint8)


def _expect_luhn(texts: Sequence[str], want: int, fault: InvalidInput) -> None:
    if any(not 12 <= len(text) <= 19 for text in texts) or any(found != want for found in luhn_sums(texts)):
        raise fault


def _grouped(names: Iterable[H]) -> dict[H, list[int]]:
    places: dict[H, list[int]] = {}
    for at, name in enumerate(names):
        places.setdefault(name, []).append(at)
    return places


# --- base 32 ----------------------------------------------------------------------------------------------

# Two symbols at a time, as they lie in memory: 10 bits → uint16.
_PAIRS = np.frombuffer("".join(a + b for a in SYMBOLS for b in SYMBOLS).encode(), np.uint16)
_BITS = np.full(256, 255, np.uint8)
_BITS[np.frombuffer(SYMBOLS.encode(), np.uint8)] = np.arange(32, dtype=np.uint8)
_PAIR_SHIFTS = np.array([30, 20, 10, 0], np.uint64)
_BYTE_SHIFTS = np.array([32, 24, 16, 8, 0], np.uint64)


def _encode(prefix: str, items: Sequence[bytes]) -> list[str]:
    if len(items) < CROSSING:
        return [prefix + base64.b32encode(item).decode().rstrip("=").lower() for item in items]
    out = [""] * len(items)
    for length, places in _grouped(map(len, items)).items():
        for start in range(0, len(places), SLICE):
            some = places[start : start + SLICE]
            data = np.frombuffer(b"".join([items[at] for at in some]), np.uint8).reshape(len(some), length)
            for at, text in zip(some, _texts(prefix, data), strict=True):
                out[at] = text
    return out


def _texts(prefix: str, data: Bytes) -> list[str]:
    """Return the text of each row."""
    rows = _encode_rows(prefix.encode(), data)
    text, width = rows.tobytes().decode("ascii"), rows.shape[1]
    return [text[at : at + width] for at in range(0, len(text), width)]


def _encode_rows(prefix: bytes, data: Bytes) -> Bytes:
    count, length = data.shape
    groups = -(-length // 5)
    whole = np.zeros((count, groups, 8), np.uint8)
    # Five bytes are the low end of a big-endian word of eight.
    padded = np.zeros((count, 5 * groups), np.uint8)
    padded[:, :length] = data
    whole[:, :, 3:] = padded.reshape(count, groups, 5)
    words = whole.view(">u8").astype(np.uint64)
    symbols = _PAIRS[(words >> _PAIR_SHIFTS) & np.uint64(1023)].view(np.uint8).reshape(count, 8 * groups)
    used = _symbols(length)
    rows = np.empty((count, len(prefix) + used), np.uint8)
    rows[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
    rows[:, len(prefix) :] = symbols[:, :used]
    return rows


def _decode(prefix: str, texts: Sequence[str]) -> list[bytes]:
    if len(texts) >= CROSSING:
        items = _decode_many(prefix.encode(), texts)
        if items is not None:
            return items
    # The slow way also names the text that the fast way stumbled over.
    return [_decode_one(prefix, text, at) for at, text in enumerate(texts)]


def _decode_one(prefix: str, text: str, at: int) -> bytes:
    body = text.removeprefix(prefix)
    if len(body) == len(text) or not body or body.strip(SYMBOLS):
        raise _not_a_token(at, f"not `{prefix}` and symbols")
    try:
        data = base64.b32decode(body.upper() + "=" * (-len(body) % 8))
    except binascii.Error:
        raise _not_a_token(at, "cut") from None
    # One value has one spelling: bits beyond the last byte are zero.
    if SYMBOLS.index(body[-1]) & (1 << 5 * len(body) - 8 * len(data)) - 1:
        raise _not_a_token(at, "not in its one spelling")
    return data


def _decode_many(prefix: bytes, texts: Sequence[str]) -> list[bytes] | None:
    """Return the bytes of each text, or None if one is not a token."""
    out = [b""] * len(texts)
    for width, places in _grouped(map(len, texts)).items():
        for start in range(0, len(places), SLICE):
            some = places[start : start + SLICE]
            raw = "".join([texts[at] for at in some]).encode("ascii", "replace")
            data = _decode_rows(prefix, np.frombuffer(raw, np.uint8).reshape(len(some), width))
            if data is None:
                return None
            blob, length = data.tobytes(), data.shape[1]
            for turn, at in enumerate(some):
                out[at] = blob[turn * length : turn * length + length]
    return out


def _decode_rows(prefix: bytes, rows: Bytes) -> Bytes | None:
    count, used = rows.shape[0], rows.shape[1] - len(prefix)
    length = used * 5 // 8
    if used < 1 or _symbols(length) != used or (rows[:, : len(prefix)] != np.frombuffer(prefix, np.uint8)).any():
        return None
    groups = -(-used // 8)
    bits = np.zeros((count, 8 * groups), np.uint8)
    bits[:, :used] = _BITS[rows[:, len(prefix) :]]
    if (bits > 31).any():
        return None
    words = np.zeros((count, groups), np.uint64)
    for symbol in np.moveaxis(bits.reshape(count, groups, 8), 2, 0):
        words <<= np.uint64(5)
        words |= symbol
    whole = words.astype(">u8").view(np.uint8).reshape(count, groups, 8)[:, :, 3:].reshape(count, 5 * groups)
    return None if whole[:, length:].any() else whole[:, :length]


def _symbols(length: int) -> int:
    return -(-8 * length // 5)


def _crc(raw: bytes) -> bytes:
    return zlib.crc32(raw).to_bytes(4, "big")


@cache
def _crc_tables() -> tuple[npt.NDArray[np.uint32], int]:
    """Return (what each value of each of 16 bytes changes in the CRC-32, the CRC-32 of zeros)."""
    zeros = zlib.crc32(bytes(16))
    found = [[zlib.crc32(bytes(at) + bytes([b]) + bytes(15 - at)) ^ zeros for b in range(256)] for at in range(16)]
    return np.array(found, np.uint32), zeros


def _crcs(rows: Bytes) -> Bytes:
    """Return the (n, 4) CRC-32 of (n, 16) rows. A CRC is linear: each byte changes it on its own."""
    tables, zeros = _crc_tables()
    found = np.full(len(rows), zeros, np.uint32)
    for table, column in zip(tables, rows.T, strict=True):
        found ^= table[column]
    return found.astype(">u4").view(np.uint8).reshape(-1, 4)


def _not_a_token(at: int, found: str) -> InvalidToken:
    return InvalidToken(f"expected a token, found text that is {found}", at=f"token {at}")
