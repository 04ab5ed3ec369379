"""The shelf of token shapes: random tokens that fit where a value of some type fits.

A shape's token fails the usual validators, so that nobody takes it for a value. Its twin (`looks_real`) passes them,
for applications that validate what they store, and may equal a real value: fields that hold twins must say so.
A shape knows nothing of tokens already issued: the caller inserts under a unique constraint, draws again on a
clash, and stops at the load limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from privet.errors import DomainTooSmall
from privet.shelf import Shelf

Source = Callable[[int], bytes]
"""count → that many bytes of secure randomness."""

SMALLEST_DOMAIN = 10**6
LOAD_PERCENT = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """What a schema may choose. `domain`: of e-mail tokens, lower case; twins need one of the organization's own."""

    keep_last_four: bool = False
    looks_real: bool = False
    domain: str = "token.invalid"


PLAIN = Choice()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape. All functions take the canonical value for its width and kept characters alone.

    `make`: draws a token without looking at the domain: call `draw`. `size`: how many tokens a draw for this value
    picks from, or somewhat less where only a bound is known; none is likelier than another. `recognizes`: whether a
    draw for some value could have given this text. `make` and `size` raise InvalidValue for a value of another type.
    """

    name: str
    about: str
    make: Callable[[str, Choice, Source], str]
    size: Callable[[str, Choice], int]
    recognizes: Callable[[str, Choice], bool]

    def draw(self, value: str, source: Source, choice: Choice = PLAIN) -> str:
        """Return a random token for `value`. Raises DomainTooSmall below 10**6 possible tokens."""
        size = self.size(value, choice)
        if size < SMALLEST_DOMAIN:
            raise DomainTooSmall(f"expected at least 10**6 tokens of shape `{self.name}`, found {size}")
        return self.make(value, choice, source)

    def load_limit(self, value: str, choice: Choice = PLAIN) -> int:
        """Return how many tokens may be alive before guessing one is too easy: 1 % of the domain."""
        return self.size(value, choice) * LOAD_PERCENT // 100


def below(source: Source, bound: int) -> int:
    """Return a random number from 0 to `bound` - 1; 64 bits are drawn beyond need, so that none is likelier."""
    count = (bound.bit_length() + 7) // 8 + 8
    return int.from_bytes(source(count), "big") % bound


def digits(source: Source, count: int) -> str:
    """Return `count` random digits."""
    return f"{below(source, 10**count):0{count}d}" if count else ""


SHAPES: Shelf[Shape] = Shelf("privet.crypto.shapes", Shape, word="token shape")
