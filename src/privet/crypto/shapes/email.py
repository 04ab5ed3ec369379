"""E-mail-shaped tokens: 130 random bits before the at sign, a domain that is nobody's after it.

By default the domain lies under `.invalid`, which no server has (RFC 2606, section 2), and validators refuse.
The twin lies under a domain of the organization's own.
"""

from __future__ import annotations

import re

from privet.crypto.shapes import Choice, Shape, Source, below
from privet.errors import InvalidInput

SYMBOLS = "abcdefghijklmnopqrstuvwxyz234567"
LENGTH = 26

# RFC 6761 and RFC 2606: names that never resolve, so that a twin there would fail validators.
_SPECIAL = ("invalid", "test", "example", "localhost", "local", "onion")
_HOST = re.compile(r"(?=.{4,190}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_LOCAL = re.compile(f"[{SYMBOLS}]{{{LENGTH}}}")


def _make(value: str, choice: Choice, source: Source) -> str:
    if not _HOST.fullmatch(choice.domain):
        raise InvalidInput("expected the token domain to be a host name in lower case")
    last = choice.domain.rpartition(".")[2]
    if choice.looks_real and last in _SPECIAL:
        raise InvalidInput(f"expected a token domain of the organization's own, found one under `.{last}`")
    if not choice.looks_real and last != "invalid":
        raise InvalidInput("expected a token domain under `.invalid`", hint="set `looks_real` for a domain of your own")
    number = below(source, 32**LENGTH)
    local = "".join(SYMBOLS[number >> 5 * at & 31] for at in range(LENGTH))
    return f"{local}@{choice.domain}"


def _recognizes(text: str, choice: Choice) -> bool:
    local, _, domain = text.partition("@")
    return domain == choice.domain and _LOCAL.fullmatch(local) is not None


PART = Shape(
    name="email",
    about="an address under a token domain",
    make=_make,
    size=lambda value, choice: 32**LENGTH,
    recognizes=_recognizes,
)
