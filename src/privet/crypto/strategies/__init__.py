"""The shelf of masking strategies: how an erasure overwrites a value for good, one way a file.

A strategy takes values as systems give them and gives values of the same kind back. It says so where it cannot: a mask
that does not fit, or that leaves what was there, is an error and never passed over. Names and settings of Fides mean
what they mean there (https://ethyca.com/docs/dev-docs/privacy-requests/masking-strategies), with two differences that
are on purpose: a result that does not fit its field is refused where Fides cuts it, except for digests and random
texts, of which a shorter one serves as well; and nothing is encrypted, because what a key opens is not erased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from privet import digest
from privet.crypto.derive import subkey
from privet.errors import InvalidInput, InvalidValue, UnknownName
from privet.near import meant
from privet.secret import Secret
from privet.shelf import Shelf

Value = Any
"""One value as a system's own library gives it: None, bool, int, float, Decimal, str, bytes, date, datetime, UUID …"""

Setting = str | int | float | bool | None
Makes = Literal["same", "text", "null", "said"]
"""What a strategy gives: values of the kind that it got; texts; null; what its settings say."""

DELETION = "deletion"
"""What the policy language calls `delete`."""

_SHORTEST_KEY = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One setting of a strategy. `least`, `most`: of numbers, and of how long texts are. `any`: of any type."""

    name: str
    about: str
    kind: Literal["text", "number", "any"] = "text"
    default: Setting = None
    required: bool = False
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where values stand and by what they are masked. `place`: `dataset.collection.field`, for errors. `key`: the
    request's own. `kind`: "email", "phone" or "" for texts of no known form. `length`: characters that fit, None where
    nobody said. `largest`: the greatest whole number that fits. `digits`: of decimal numbers, before and after the
    point. `source`: count → that many random bytes."""

    place: str
    key: Secret[bytes]
    settings: Mapping[str, Setting] = field(default_factory=dict)
    kind: str = ""
    length: int | None = None
    largest: int = 2**31 - 1
    digits: tuple[int, int] | None = None
    source: Callable[[int], bytes] = digest.random_bytes

    def number(self, name: str) -> int:
        """Return a setting that is a number."""
        found = self.settings[name]
        assert isinstance(found, int)  # INVARIANT: `settled` let nothing else through.
        return found

    def text(self, name: str) -> str:
        """Return a setting that is a text, "" where it was not said."""
        found = self.settings.get(name)
        return found if isinstance(found, str) else ""

    def most(self, value: int) -> int:
        """Return the greatest whole number that fits where `value` does."""
        return self.largest if abs(value) <= self.largest else 2**63 - 1

    def subkey(self, label: str) -> bytes:
        """Return 32 bytes that only this request can compute, unlike for every label."""
        return subkey(self.key.reveal(), f"privet.strategy.{label}", length=32)

    def fault(self, rule: str, hint: str = "") -> InvalidValue:
        """Return the error that a value cannot be masked by this strategy."""
        return InvalidValue(rule, hint=hint, at=self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One masking strategy.

    `apply`: a value that is not None → what stands in its place. `deterministic`: under one request the same value
    becomes the same everywhere, so that references still meet. `constant`: what comes does not depend on the value, so
    that one which is there already is no value that was left. `deletes`: it is about whole records and masks nothing.
    `refused`: why Privet does not do it, "" for what it does.
    """

    name: str
    title: str
    settings: tuple[Wanted, ...] = ()
    deterministic: bool
    constant: bool = False
    makes: Makes = "same"
    deletes: bool = False
    refused: str = ""
    apply: Callable[[Value, Context], Value]

    def mask(self, values: Sequence[Value], context: Context) -> list[Value]:
        """Return what stands in the place of each value; where nothing stands, None or "", nothing is put.

        Raises InvalidValue, which names field and rule, for a value that cannot be masked: of a kind that the strategy
        does not know, with a result that does not fit, or with one that is the old value.
        """
        return [value if value is None or value == "" else self._one(value, context) for value in values]

    def _one(self, value: Value, context: Context) -> Value:
        made = self.apply(value, context)
        if made is None:
            return None
        if type(made) is not type(value):
            raise context.fault(f"`{self.name}` gives {_named(made)}, and the field holds {_named(value)}")
        if context.length is not None and isinstance(made, str) and len(made) > context.length:
            raise context.fault(f"what `{self.name}` gives does not fit the length of {context.length}")
        if made == value and not self.constant:
            raise context.fault(f"`{self.name}` leaves the value as it is")
        return made


STRATEGIES: Shelf[Strategy] = Shelf("privet.crypto.strategies", Strategy, word="masking strategy")


def strategy(name: str) -> Strategy:
    """Return the strategy of a name, `deletion` too. Raises UnknownName with the nearest, InvalidInput with the reason
    for one that is refused."""
    found = STRATEGIES.get("delete" if name == DELETION else name)
    if found.refused:
        raise InvalidInput(f"`{name}` is not offered: {found.refused}", hint="say `hash`, `consistent` or `null`")
    return found


def settled(found: Strategy, given: Iterable[tuple[str, Setting]]) -> dict[str, Setting]:
    """Return every setting of a strategy, those that nobody said by default. Raises UnknownName, InvalidInput."""
    known = {wanted.name: wanted for wanted in found.settings}
    said = dict(given)
    for name, value in said.items():
        wanted = known.get(name)
        if wanted is None:
            hint = meant(name, known, otherwise=f"settings: {', '.join(known) or 'none'}")
            raise UnknownName(f"`{found.name}` has no setting of that name", hint=hint)
        _demand(found, wanted, value)
    missing = [name for name, wanted in known.items() if wanted.required and said.get(name) is None]
    if missing:
        raise InvalidInput(f"`{found.name}` needs its setting `{missing[0]}`", hint=known[missing[0]].about)
    return {name: said.get(name, wanted.default) for name, wanted in known.items()}


def stream(seed: bytes) -> Callable[[int], bytes]:
    """Return a source of bytes that look random and are the same for the same seed of 32 bytes."""
    held = bytearray()
    turn = 0

    def take(count: int) -> bytes:
        nonlocal turn
        while len(held) < count:
            held.extend(digest.mac(seed, turn.to_bytes(8, "big")))
            turn += 1
        found = bytes(held[:count])
        del held[:count]
        return found

    return take


def usable(key: Secret[bytes]) -> Secret[bytes]:
    """Return a request's key. Raises ValueError for one that is too short to derive others from."""
    if len(key.reveal()) < _SHORTEST_KEY:
        raise ValueError(f"expected a key of at least {_SHORTEST_KEY} bytes")
    return key


def _demand(found: Strategy, wanted: Wanted, value: Setting) -> None:
    place = f"`{wanted.name}` of `{found.name}`"
    if wanted.kind == "number":
        if type(value) is not int or not wanted.least <= value <= wanted.most:
            raise InvalidInput(f"expected {place} to be a whole number from {wanted.least} to {wanted.most:,}")
    elif wanted.kind == "text":
        if not isinstance(value, str) or not wanted.least <= len(value) <= wanted.most:
            raise InvalidInput(f"expected {place} to be a text of {wanted.least} to {wanted.most:,} characters")
        if wanted.choices and value not in wanted.choices:
            raise InvalidInput(f"expected {place} to be {' or '.join(f'`{one}`' for one in wanted.choices)}")


_NAMES = {"bool": "booleans", "int": "whole numbers", "str": "texts", "bytes": "bytes", "NoneType": "nothing"}


def _named(value: Value) -> str:
    return _NAMES.get(type(value).__name__, f"values of `{type(value).__name__}`")
