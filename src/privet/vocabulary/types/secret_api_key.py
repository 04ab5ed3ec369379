"""Key or bearer token of an interface: visible ASCII without spaces."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._text import raw

_NAME = "secret.api_key"
_SHORTEST, _LONGEST = 8, 4096
_FORM = re.compile(rf"[!-~]{{{_SHORTEST},{_LONGEST}}}")


def normalize(value: Wire) -> str:
    """Return the key, letter case kept. Its entropy is no rule but that it be more than one character repeated."""
    key = raw(value, _NAME).strip()
    if not _FORM.fullmatch(key):
        raise InvalidValue(f"expected {_SHORTEST} to {_LONGEST} visible ASCII characters, no space", type_name=_NAME)
    demand(key != key[0] * len(key), "expected more than one character repeated", _NAME)
    return key


PART = DataType(
    name=_NAME,
    about="Interface key or bearer token",
    category="user.authorization.credentials",
    normalize=normalize,
    sources=("RFC 6750, section 2.1 (bearer tokens)", "RFC 9110, section 5.5 (field values, visible characters)"),
    aliases=("api_key",),
    # An index would let anyone with search rights test guesses.
    indexes=(),
    ceiling="redacted",
    token="random",
    shape="uuid",
    pad_bytes=64,
    headers=(
        "api_key",
        "apikey",
        "api_token",
        "access_token",
        "auth_token",
        "bearer_token",
        "refresh_token",
        "secret_key",
        "client_secret",
        "private_key",
        "clave_api",
        "cle_api",
        "api_schluessel",
        "chave_api",
    ),
    proves=0.02,
    laws=("GDPR", "CPRA sensitive"),
    example="example-key-0123456789abcdef",
)
