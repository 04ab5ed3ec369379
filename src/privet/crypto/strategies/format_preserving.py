"""Digits become digits and letters letters, under the request's own key; what stands between them stays.

Six digits or more, and five letters or more, go through FF1, so that different values stay different. Fewer have too
few values for it (NIST SP 800-38G, section 5.1): each is replaced by one that key and value give, and two values may
become one. Letters of other scripts become those of a to z.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from privet.crypto.fpe import FF1, MAX_LENGTH
from privet.crypto.strategies import Context, Strategy, Value
from privet.crypto.strategies._text import form

_DIGITS, _LETTERS = "0123456789", "abcdefghijklmnopqrstuvwxyz"
_TURNS = 256


def _apply(value: Value, context: Context) -> Value:
    if isinstance(value, str):
        return _other_text(value, context)
    if isinstance(value, int) and not isinstance(value, bool):
        return _other_number(value, context)
    raise context.fault("expected a text or a whole number, whose digits can be replaced", "say `random` or `null`")


def _other_text(value: str, context: Context) -> str:
    if len(value) > MAX_LENGTH:
        raise context.fault(f"expected at most {MAX_LENGTH:,} characters")
    for turn in range(_TURNS):
        made = _replaced(value, context, turn)
        if made != value:
            return made
    raise context.fault("there is no digit and no letter that could be replaced", "say `null` or `constant`")


def _other_number(value: int, context: Context) -> int:
    old = str(abs(value))
    for turn in range(_TURNS):
        made = _replaced(old, context, turn)
        number = int(made)
        if made != old and len(str(number)) == len(old) and number <= context.most(value):
            return -number if value < 0 else number
    raise context.fault("there is no other number of as many digits that fits")


def _replaced(value: str, context: Context, turn: int) -> str:
    """Return the value with its digits and letters replaced. `turn`: another permutation, for values that stay."""
    tweak = turn.to_bytes(2, "big")
    digits = _run(_DIGITS, [c for c in value if c in _DIGITS], value, context, tweak)
    letters = _run(_LETTERS, [_letter(c) for c in value if c.isalpha()], value, context, tweak)
    made = []
    for character in value:
        if character in _DIGITS:
            made.append(next(digits))
        elif character.isalpha():
            letter = next(letters)
            made.append(letter.upper() if character.isupper() else letter)
        else:
            made.append(character)
    return "".join(made)


def _run(alphabet: str, found: list[str], value: str, context: Context, tweak: bytes) -> Iterator[str]:
    # No cipher is kept from call to call: a request's key is to be forgotten with the request.
    cipher = FF1(context.subkey(f"format_preserving.{len(alphabet)}"), alphabet)
    if len(found) >= cipher.min_length:
        return iter(cipher.encrypt(["".join(found)], tweak)[0])
    stream = hmac.digest(context.subkey("format_preserving.few"), tweak + alphabet.encode() + form(value), "sha256")
    numbers = [int.from_bytes(stream[4 * at : 4 * at + 4], "big") for at in range(len(found))]
    return iter([alphabet[number % len(alphabet)] for number in numbers])


def _letter(character: str) -> str:
    small = character.lower()
    return small if small in _LETTERS else _LETTERS[ord(character) % len(_LETTERS)]


PART = Strategy(
    name="format_preserving",
    title="format-preserving",
    deterministic=True,
    apply=_apply,
)
