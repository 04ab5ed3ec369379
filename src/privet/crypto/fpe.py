"""Format-preserving encryption: FF1 of NIST SP 800-38G, one value or a whole batch a round.

FF3 and FF3-1 are not here and must not be: NIST withdrew them. FF1 is deterministic, so equal values under one key
and tweak have equal results. What may be enciphered so, and in which scope, is `token`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from privet.crypto.aes import LITTLE, Bytes, Ecb, by_key, items, native, shifted, take
from privet.errors import DomainTooSmall, InvalidValue, TooLarge

# SP 800-38G Rev. 1, section 5.1: below a million values a format can be searched, or mapped out, by asking.
MIN_VALUES = 10**6
MAX_LENGTH = 4096
MAX_TWEAK_BYTES = 256
ROUNDS = 10

# Measured: a value alone costs 10 rounds of Python, a batch about as much as five values and little for each.
CROSSING = 6
# Rows go through the ten rounds in runs of this many, so that all temporaries stay in cache.
RUN = 8192
# Up to this modulus a reduction by bytes stays inside 64 bits; longer values take the path of one value.
_MAX_MODULUS = 1 << 56

Numbers = npt.NDArray[np.uint64]
_HALF = np.uint64(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What FF1 needs for one (length, tweak): names as in algorithm 7, steps 1 to 6.

    `state`: CBC-MAC after P and the blocks of Q that hold only tweak and padding. `rest`: what stands before the round
    number in the blocks that follow.
    """

    n: int
    u: int
    b: int
    d: int
    moduli: tuple[int, int]
    state: int
    rest: bytes


class FF1:
    """FF1 under one AES key of 16, 24 or 32 bytes, over the texts of one alphabet. Safe to share between threads.

    `alphabet`: 2 to 94 different printable ASCII characters; their order is the order of digits.

    >>> cipher = FF1(bytes(32))
    >>> sealed = cipher.encrypt(["4111111111"], b"shop")
    >>> cipher.decrypt(sealed, b"shop")
    ['4111111111']
    """

    def __init__(self, key: bytes, alphabet: str = "0123456789") -> None:
        if len(set(alphabet)) != len(alphabet) or len(alphabet) < 2:
            raise ValueError("expected an alphabet of at least two characters, all different")
        if not all("!" <= character <= "~" for character in alphabet):
            raise ValueError("expected an alphabet of printable ASCII characters without space")
        self.alphabet = alphabet
        self.radix = len(alphabet)
        self.min_length = next(n for n in range(2, 21) if self.radix**n >= MIN_VALUES)
        self._ecb = Ecb(key)
        self._allowed = frozenset(alphabet)
        self._plans: dict[tuple[int, bytes], _Plan] = {}
        self._symbols = np.frombuffer(alphabet.encode("ascii"), np.uint8)
        self._digits = np.full(256, 255, np.uint8)
        self._digits[self._symbols] = np.arange(self.radix, dtype=np.uint8)
        consecutive = (np.diff(self._symbols) == 1).all()
        self._first = self._symbols[0] if consecutive else None

    def encrypt(self, texts: Sequence[str], tweak: bytes = b"") -> list[str]:
        """Return each text enciphered to the same length and alphabet.

        `texts`: lengths from `min_length` to 4096, alike or not. `tweak`: 0 to 256 bytes, public; another tweak is
        another permutation. Raises DomainTooSmall, TooLarge, or InvalidValue for a character outside the alphabet;
        `at` names the position. Source: NIST SP 800-38G, algorithm 7.
        """
        return self._batch(texts, tweak, self._encrypt_one, _encrypt_turns)

    def decrypt(self, texts: Sequence[str], tweak: bytes = b"") -> list[str]:
        """Return what `encrypt` was given. Source: NIST SP 800-38G, algorithm 8.

        FF1 has no integrity: any text of the format deciphers to something.
        """
        return self._batch(texts, tweak, self._decrypt_one, _decrypt_turns)

    def encrypt_matrix(self, rows: Bytes, tweak: bytes = b"") -> Bytes:
        """Return the (n, L) texts, as ASCII bytes, enciphered: the fastest way where values lie in a buffer."""
        return self._matrix(rows, tweak, self._encrypt_one, _encrypt_turns)

    def decrypt_matrix(self, rows: Bytes, tweak: bytes = b"") -> Bytes:
        """Return what `encrypt_matrix` was given."""
        return self._matrix(rows, tweak, self._decrypt_one, _decrypt_turns)

    # --- one value -------------------------------------------------------------------------------------------

    def _encrypt_one(self, text: str, plan: _Plan) -> str:
        left, right = self._number(text[: plan.u]), self._number(text[plan.u :])
        for turn in range(ROUNDS):
            left, right = right, (left + self._round(plan, turn, right)) % plan.moduli[turn & 1]
        return self._text(left, plan.u) + self._text(right, plan.n - plan.u)

    def _decrypt_one(self, text: str, plan: _Plan) -> str:
        left, right = self._number(text[: plan.u]), self._number(text[plan.u :])
        for turn in reversed(range(ROUNDS)):
            left, right = (right - self._round(plan, turn, left)) % plan.moduli[turn & 1], left
        return self._text(left, plan.u) + self._text(right, plan.n - plan.u)

    def _round(self, plan: _Plan, turn: int, number: int) -> int:
        """Return y of algorithm 7, step 6: a number below 256**d."""
        block = self._ecb.block
        tail = plan.rest + bytes((turn,)) + number.to_bytes(plan.b, "big")
        state = plan.state
        for at in range(0, len(tail), 16):
            mixed = state ^ int.from_bytes(tail[at : at + 16], "big")
            state = int.from_bytes(block(mixed.to_bytes(16, "big")), "big")
        stream = state.to_bytes(16, "big")
        for more in range(1, -(-plan.d // 16)):
            stream += block((state ^ more).to_bytes(16, "big"))
        return int.from_bytes(stream[: plan.d], "big")

    def _number(self, text: str) -> int:
        if self.alphabet == "0123456789":
            return int(text)
        number = 0
        for symbol in text.encode("ascii"):
            number = number * self.radix + int(self._digits[symbol])
        return number

    def _text(self, number: int, length: int) -> str:
        if self.alphabet == "0123456789":
            return str(number).zfill(length)
        symbols = []
        for _ in range(length):
            number, digit = divmod(number, self.radix)
            symbols.append(self.alphabet[digit])
        return "".join(reversed(symbols))

    # --- many values -----------------------------------------------------------------------------------------

    def _batch(self, texts: Sequence[str], tweak: bytes, one: _One, turns: _Turns) -> list[str]:
        out: list[str] = []
        for start in range(0, len(texts), RUN):
            out += self._mixed(texts[start : start + RUN], start, tweak, one, turns)
        return out

    def _mixed(self, texts: Sequence[str], start: int, tweak: bytes, one: _One, turns: _Turns) -> list[str]:
        """Return the results of texts of any lengths, the first of which is number `start` of the batch."""

        def work(length: int, positions: Sequence[int]) -> list[str]:
            plan = self._plan(length, tweak)
            group = take(texts, positions)
            places = shifted(positions, start)
            if len(group) < CROSSING or max(plan.moduli) > _MAX_MODULUS:
                return [one(self._checked(text, at), plan) for at, text in zip(places, group, strict=True)]
            return self._lines(group, places, plan, turns)

        return by_key(np.fromiter(map(len, texts), np.int64, len(texts)), work)

    def _lines(self, texts: Sequence[str], positions: Sequence[int], plan: _Plan, turns: _Turns) -> list[str]:
        joined = "".join(texts)
        if not joined.isascii():
            for at, text in zip(positions, texts, strict=True):
                self._checked(text, at)
        rows = np.frombuffer(joined.encode("ascii"), np.uint8).reshape(-1, plan.n)
        lines = np.empty((len(texts), plan.n + 1), np.uint8)
        # No alphabet holds a line feed, and splitting at it is far cheaper than cutting out every text.
        lines[:, plan.n] = 0x0A
        self._rows(rows, plan, turns, lines[:, : plan.n], positions)
        out = lines.tobytes().decode("ascii").split("\n")
        out.pop()
        return out

    def _matrix(self, rows: Bytes, tweak: bytes, one: _One, turns: _Turns) -> Bytes:
        count, length = rows.shape
        plan = self._plan(length, tweak)
        out = np.empty((count, length), np.uint8)
        if max(plan.moduli) > _MAX_MODULUS:
            for at in range(count):
                text = one(self._checked(rows[at].tobytes().decode("latin-1"), at), plan)
                out[at] = np.frombuffer(text.encode("ascii"), np.uint8)
            return out
        for start in range(0, count, RUN):
            run = slice(start, start + RUN)
            self._rows(rows[run], plan, turns, out[run], range(start, count))
        return out

    def _rows(self, rows: Bytes, plan: _Plan, turns: _Turns, out: Bytes, positions: Sequence[int]) -> None:
        """Write the rows, ten rounds on, to `out`, which has the same shape."""
        digits = self._digits.take(rows) if self._first is None else rows - self._first
        if digits.max(initial=0) >= self.radix:
            raise self._fault(positions[int((digits >= self.radix).any(axis=1).argmax())])
        left, right = self._numbers(digits[:, : plan.u]), self._numbers(digits[:, plan.u :])
        left, right = turns(_Round(self._ecb, plan, len(rows)), left, right)
        self._write(left, out[:, : plan.u])
        self._write(right, out[:, plan.u :])

    def _numbers(self, digits: Bytes) -> Numbers:
        """Return the number that each row of digits, most significant first, stands for."""
        count, width = digits.shape
        if self.radix != 10:
            numbers = digits[:, 0].astype(np.uint64)
            for at in range(1, width):
                numbers *= np.uint64(self.radix)
                numbers += digits[:, at]
            return numbers
        eights = np.zeros((count, -(-width // 8) * 8), np.uint8)
        items(eights[:, -width:])[...] = items(digits)
        words = eights.view("<u8")
        numbers = _eight_digits(words[:, 0])
        for at in range(1, words.shape[1]):
            numbers = numbers * np.uint64(10**8) + _eight_digits(words[:, at])
        return numbers

    def _write(self, numbers: Numbers, out: Bytes) -> None:
        """Write each number as the text of a row of `out`, which has the width for it."""
        width = out.shape[1]
        size, table = _syllables(self.alphabet)
        base = np.uint64(self.radix**size)
        parts = np.empty((len(numbers), -(-width // size)), table.dtype)
        for at in range(parts.shape[1] - 1, 0, -1):
            rest = numbers // base
            numbers -= rest * base
            parts[:, at] = table.take(numbers.view(np.int64))
            numbers = rest
        parts[:, 0] = table.take(numbers.view(np.int64))
        items(out)[...] = items(parts.view(np.uint8)[:, -width:])

    # --- checks ----------------------------------------------------------------------------------------------

    def _plan(self, length: int, tweak: bytes) -> _Plan:
        plan = self._plans.get((length, tweak))
        if plan is None:
            plan = self._new_plan(length, tweak)
            # One tweak a record would otherwise fill the memory.
            if len(self._plans) >= 256:
                self._plans.clear()
            self._plans[length, tweak] = plan
        return plan

    def _new_plan(self, n: int, tweak: bytes) -> _Plan:
        """Return steps 1 to 6 of algorithm 7, as far as they do not depend on the value."""
        if n < self.min_length:
            raise DomainTooSmall(
                f"expected at least {self.min_length} characters of {self.radix}, found fewer",
                hint="a format needs a million values or more; use a stored token",
            )
        if n > MAX_LENGTH:
            raise TooLarge(f"expected at most {MAX_LENGTH} characters, found more")
        if len(tweak) > MAX_TWEAK_BYTES:
            raise TooLarge(f"expected a tweak of at most {MAX_TWEAK_BYTES} bytes, found more")
        u = n // 2
        moduli = (self.radix**u, self.radix ** (n - u))
        b = ((moduli[1] - 1).bit_length() + 7) // 8
        head = bytes((1, 2, 1)) + self.radix.to_bytes(3, "big") + bytes((ROUNDS, u % 256))
        head += n.to_bytes(4, "big") + len(tweak).to_bytes(4, "big")
        fixed = tweak + bytes((-len(tweak) - b - 1) % 16)
        whole = len(fixed) // 16 * 16
        state = 0
        for block in (head, *(fixed[at : at + 16] for at in range(0, whole, 16))):
            mixed = state ^ int.from_bytes(block, "big")
            state = int.from_bytes(self._ecb.block(mixed.to_bytes(16, "big")), "big")
        return _Plan(n=n, u=u, b=b, d=4 * -(-b // 4) + 4, moduli=moduli, state=state, rest=fixed[whole:])

    def _checked(self, text: str, at: int) -> str:
        if not self._allowed.issuperset(text):
            raise self._fault(at)
        return text

    def _fault(self, at: int) -> InvalidValue:
        return InvalidValue(
            f"expected only characters of the alphabet of {self.radix}, found another", at=f"value {at}"
        )


class _Round:
    """The round function of FF1 for one run of values, with the arrays that it works in."""

    __slots__ = (
        "_block",
        "_into",
        "_low",
        "_out",
        "_plain",
        "_quotient",
        "_wide",
        "_words",
        "moduli",
        "shift",
        "spare",
    )

    def __init__(self, ecb: Ecb, plan: _Plan, count: int) -> None:
        self.moduli = tuple(np.uint64(modulus) for modulus in plan.moduli)
        # INVARIANT: b <= 7, so the round number and the value both lie in the low word of one block.
        self.shift = 8 * plan.b
        fixed = plan.state ^ int.from_bytes(plan.rest + bytes(plan.b + 1), "big")
        self._low = fixed & (1 << 64) - 1
        self._block = np.empty((count, 2), np.uint64)
        self._block[:, 0] = np.frombuffer((fixed >> 64).to_bytes(8, "big"), np.uint64)
        self._plain = self._block.reshape(-1).view(np.uint8).data
        out = np.empty(16 * count + 16, np.uint8)
        self._out = out.data
        self._words = out[: 16 * count].view(np.uint64).reshape(-1, 2)
        self._into = ecb.into
        self._wide = plan.d == 12
        self._quotient = np.empty(count, np.uint64)
        self.spare = np.empty(count, np.uint64)

    def __call__(self, turn: int, numbers: Numbers) -> Numbers:
        """Return y modulo the round's modulus, in an array that the next call overwrites."""
        y = self.spare
        np.bitwise_xor(numbers, np.uint64(self._low ^ turn << self.shift), out=y)
        if LITTLE:
            y.byteswap(inplace=True)
        self._block[:, 1] = y
        self._into(self._plain, self._out)
        y[...] = self._words[:, 0]
        if LITTLE:
            y.byteswap(inplace=True)
        modulus = self.moduli[turn & 1]
        self._reduce(y, modulus)
        if self._wide:
            # y has 96 bits: its low 32 come in by pieces that fit above the modulus.
            low = native(self._words[:, 1])
            bits = 16 if int(modulus) <= 1 << 48 else 8
            mask = np.uint64((1 << bits) - 1)
            for shift in range(64 - bits, 31, -bits):
                np.left_shift(y, np.uint64(bits), out=y)
                np.bitwise_or(y, (low >> np.uint64(shift)) & mask, out=y)
                self._reduce(y, modulus)
        return y

    def _reduce(self, numbers: Numbers, modulus: np.uint64) -> None:
        np.floor_divide(numbers, modulus, out=self._quotient)
        np.multiply(self._quotient, modulus, out=self._quotient)
        np.subtract(numbers, self._quotient, out=numbers)


_One = Callable[[str, _Plan], str]
_Turns = Callable[[_Round, Numbers, Numbers], tuple[Numbers, Numbers]]


def _encrypt_turns(round_: _Round, left: Numbers, right: Numbers) -> tuple[Numbers, Numbers]:
    for turn in range(ROUNDS):
        y = round_(turn, right)
        np.add(left, y, out=left)
        # A difference below zero wraps far above the modulus, so the smaller one is the remainder.
        np.subtract(left, round_.moduli[turn & 1], out=y)
        np.minimum(left, y, out=left)
        left, right = right, left
    return left, right


def _decrypt_turns(round_: _Round, left: Numbers, right: Numbers) -> tuple[Numbers, Numbers]:
    for turn in reversed(range(ROUNDS)):
        y = round_(turn, left)
        np.subtract(right, y, out=right)
        np.add(right, round_.moduli[turn & 1], out=y)
        np.minimum(right, y, out=right)
        left, right = right, left
    return left, right


def _eight_digits(words: Numbers) -> Numbers:
    """Return the number of the eight decimal digits (0-9, the first in the lowest byte) in each word.

    Neighbours are joined three times over: digits to pairs, pairs to fours, fours to the eight.
    """
    pairs = (words * np.uint64(10 << 8 | 1)) >> np.uint64(8) & np.uint64(0x00FF00FF00FF00FF)
    fours = (pairs * np.uint64(100 << 16 | 1)) >> np.uint64(16) & np.uint64(0x0000FFFF0000FFFF)
    return (fours * np.uint64(10000 << 32 | 1)) >> _HALF


@lru_cache(maxsize=64)
def _syllables(alphabet: str) -> tuple[int, npt.NDArray[np.uint16] | npt.NDArray[np.uint32]]:
    """Return how many characters are written at once, and the table of all texts of that length as one word each."""
    radix, size = len(alphabet), 4 if len(alphabet) <= 16 else 2
    symbols = np.frombuffer(alphabet.encode("ascii"), np.uint8)
    numbers = np.arange(radix**size)
    rows = np.empty((radix**size, size), np.uint8)
    for at in range(size - 1, -1, -1):
        rows[:, at] = symbols[numbers % radix]
        numbers //= radix
    if size == 4:
        return size, rows.reshape(-1).view(np.uint32)
    return size, rows.reshape(-1).view(np.uint16)
