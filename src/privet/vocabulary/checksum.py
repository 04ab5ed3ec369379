"""Check digits. Every function takes text that is already of the right alphabet and length, check digits included."""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul

_LUHN_DOUBLED = str.maketrans("0123456789", "0246813579")
_BASE_36 = {ord(letter): str(10 + at) for at, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}

# Verhoeff works in the dihedral group of the pentagon: 0-4 turn it, 5-9 turn its mirror image.
_TURN = [
    [(i + j) % 5 if j < 5 else 5 + (i + j) % 5 for j in range(10)]
    if i < 5
    else [5 + (i - j) % 5 if j < 5 else (i - j) % 5 for j in range(10)]
    for i in range(10)
]
_SHUFFLE = [list(range(10))]
while len(_SHUFFLE) < 8:
    _SHUFFLE.append([(1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit] for digit in _SHUFFLE[-1]])


def luhn(digits: str) -> bool:
    """Return whether the last digit is the Luhn check digit. Source: ISO/IEC 7812-1, annex B.

    >>> luhn("79927398713"), luhn("79927398710")
    (True, False)
    """
    doubled = digits[-2::-2].translate(_LUHN_DOUBLED)
    return (sum(map(int, digits[-1::-2])) + sum(map(int, doubled))) % 10 == 0


def verhoeff(digits: str) -> bool:
    """Return whether the last digit is the Verhoeff check digit.

    Source: J. Verhoeff, Error Detecting Decimal Codes, Mathematical Centre Tracts 29, 1969.

    >>> verhoeff("2363"), verhoeff("2364")
    (True, False)
    """
    state = 0
    for at, digit in enumerate(reversed(digits)):
        state = _TURN[state][_SHUFFLE[at % 8][int(digit)]]
    return state == 0


def mod_97_10(text: str) -> bool:
    """Return whether the last two of these digits and letters A-Z check the rest. Source: ISO/IEC 7064, MOD 97-10.

    >>> mod_97_10("79444"), mod_97_10("79445")
    (True, False)
    """
    return int(text.translate(_BASE_36)) % 97 == 1


def mod_11_10(digits: str) -> bool:
    """Return whether the last digit checks the rest. Source: ISO/IEC 7064, MOD 11,10.

    >>> mod_11_10("07945"), mod_11_10("07946")
    (True, False)
    """
    state = 10
    for digit in digits[:-1]:
        state = ((state + int(digit)) % 10 or 10) * 2 % 11
    return (state + int(digits[-1])) % 10 == 1


def mod_11_2(text: str) -> bool:
    """Return whether the last character, a digit or X, checks the digits before it. Source: ISO/IEC 7064, MOD 11-2.

    >>> mod_11_2("079X"), mod_11_2("0791")
    (True, False)
    """
    state = 0
    for digit in text[:-1]:
        state = (state + int(digit)) * 2 % 11
    return (state + (10 if text[-1] == "X" else int(text[-1]))) % 11 == 1


def weighted(digits: str, weights: Sequence[int]) -> int:
    """Return the sum of each digit times the weight at its place; the shorter of the two ends it.

    >>> weighted("123", (3, 2, 1))
    10
    """
    return sum(map(mul, map(int, digits), weights))


def keccak_256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 digest as Ethereum uses it: Keccak as submitted, padding 0x01, so not SHA3-256.

    Source: G. Bertoni et al., The Keccak reference, version 3.0, 2011; Ethereum Yellow Paper, section 3.

    >>> keccak_256(b"").hex()[:16]
    'c5d2460186f7233c'
    """
    short = _KECCAK_RATE - len(data) % _KECCAK_RATE
    padding = b"\x81" if short == 1 else b"\x01" + bytes(short - 2) + b"\x80"
    padded = data + padding
    lanes = [0] * 25
    for start in range(0, len(padded), _KECCAK_RATE):
        block = padded[start : start + _KECCAK_RATE]
        for at in range(_KECCAK_RATE // 8):
            lanes[at] ^= int.from_bytes(block[8 * at : 8 * at + 8], "little")
        lanes = _keccak_f(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


_KECCAK_RATE = 136
_MASK_64 = (1 << 64) - 1


def _keccak_f(lanes: list[int]) -> list[int]:
    """Return the state after the 24 rounds of Keccak-f[1600]. Lane (x, y) stands at x + 5 y."""
    for constant in _ROUND_CONSTANTS:
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixes = [columns[x - 1] ^ (columns[x - 4] << 1 & _MASK_64 | columns[x - 4] >> 63) for x in range(5)]
        turned = [0] * 25
        for source, column, target, turn in _MOVES:
            lane = lanes[source] ^ mixes[column]
            turned[target] = lane << turn & _MASK_64 | lane >> 64 - turn
        lanes = []
        for row in range(0, 25, 5):
            a, b, c, d, e = turned[row : row + 5]
            lanes += (a ^ ~b & c, b ^ ~c & d, c ^ ~d & e, d ^ ~e & a, e ^ ~a & b)
        lanes[0] ^= constant
    return lanes


def _moves() -> list[tuple[int, int, int, int]]:
    """Return (source, its column, target, rotation) of each lane: the steps rho and pi of a round together."""
    x, y = 1, 0
    found = [(0, 0, 0, 0)]
    for step in range(24):
        target_x, target_y = y, (2 * x + 3 * y) % 5
        found.append((x + 5 * y, x, target_x + 5 * target_y, (step + 1) * (step + 2) // 2 % 64))
        x, y = target_x, target_y
    return found


def _round_constants() -> list[int]:
    """Return the 24 constants of the step iota, whose bits come from a shift register of eight bits."""
    state, found = 1, []
    for _ in range(24):
        constant = 0
        for power in range(7):
            if state & 1:
                constant |= 1 << ((1 << power) - 1)
            state = state << 1 ^ (0x171 if state & 0x80 else 0)
        found.append(constant)
    return found


_MOVES = _moves()
_ROUND_CONSTANTS = _round_constants()
