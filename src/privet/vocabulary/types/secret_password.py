"""Password of a person at some service. The vault keeps it as text; whoever checks logins keeps a hash instead."""

from __future__ import annotations

import unicodedata

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._text import raw

_NAME = "secret.password"
_SHORTEST, _LONGEST = 8, 1024


def normalize(value: Wire) -> str:
    """Return the password in NFC and else as it is: spaces count, at both ends too.

    Weak ones pass: a vault holds what a service once let in.
    """
    text = unicodedata.normalize("NFC", raw(value, _NAME)[: 8 * _LONGEST])
    demand(_SHORTEST <= len(text) <= _LONGEST, f"expected {_SHORTEST} to {_LONGEST} characters", _NAME)
    demand(all(map(_is_typed, text)), "expected printing characters and spaces", _NAME)
    demand(not text.isspace(), "expected more than spaces", _NAME)
    return text


def _is_typed(mark: str) -> bool:
    # Joiners are format characters, yet emoji and several scripts are typed with them.
    return mark.isprintable() or unicodedata.category(mark) in ("Zs", "Cf")


PART = DataType(
    name=_NAME,
    about="Password",
    category="user.authorization.password",
    normalize=normalize,
    sources=("NIST SP 800-63B, section 5.1.1.2 (characters, length)", "Cal. Civ. Code 1798.140(ae)(1)(B)"),
    aliases=("password",),
    # An index would let anyone with search rights test guesses.
    indexes=(),
    ceiling="redacted",
    token="random",
    shape="uuid",
    pad_bytes=64,
    headers=(
        "password",
        "passwd",
        "pwd",
        "pass",
        "passphrase",
        "user_password",
        "login_password",
        "contrasena",
        "clave",
        "mot_de_passe",
        "passwort",
        "kennwort",
        "senha",
        "wachtwoord",
    ),
    proves=0.0,
    laws=("GDPR", "CPRA sensitive"),
    example="correct horse battery staple",
)
