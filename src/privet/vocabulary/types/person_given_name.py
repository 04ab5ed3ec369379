"""person.given_name: the given name or names of a person, first name where that comes first."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types import _people as people
from privet.vocabulary.types._text import prefix, starred

NAME = "person.given_name"


def normalize(value: Wire) -> str:
    """Return the name trimmed, in NFC, with single spaces; its case stays."""
    return people.name(value, NAME, 100)


PART = DataType(
    name=NAME,
    about="The given name of a person.",
    category="user.name.first",
    small=True,
    normalize=normalize,
    sources=("Unicode Standard Annex 15: NFC", "W3C, Personal names around the world"),
    aliases=("given_name",),
    parts=(prefix(1, few=True),),
    indexes=("exact", "prefix_1"),
    masked=starred,
    redactions=("redacted", "masked", "first_initial", "plain_text"),
    keep="shreddable",
    shape="uuid",
    pad_bytes=32,
    headers=(
        "given_name",
        "first_name",
        "firstname",
        "fname",
        "forename",
        "given",
        "first",
        "vorname",
        "prenom",
        "nombre",
        "nome",
    ),
    proves=0.1,
    laws=("GDPR", "CCPA", "HIPAA"),
    example="Jane",
)
