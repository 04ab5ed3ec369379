"""A value that does not print itself."""

from __future__ import annotations

from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")


class Secret(Generic[T]):
    """Hold a protected value so that no repr, log, format, pickle or comparison shows it.

    >>> card = Secret("4111111111111111")
    >>> f"{card} {card!r}"
    '*** ***'
    >>> len(card.reveal())
    16
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """Return the value. Every call site is a place to review."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        # Equality of secrets is decided by digest.same, in constant time.
        return self is other

    __hash__ = object.__hash__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")
