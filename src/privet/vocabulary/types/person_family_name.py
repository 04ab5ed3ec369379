"""person.family_name: the family name of a person, with its particles."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types import _people as people
from privet.vocabulary.types._text import prefix, starred

NAME = "person.family_name"


def normalize(value: Wire) -> str:
    """Return the name trimmed, in NFC, with single spaces; its case stays."""
    return people.name(value, NAME, 100)


PART = DataType(
    name=NAME,
    about="The family name of a person.",
    category="user.name.last",
    small=True,
    normalize=normalize,
    sources=(
        "Unicode Standard Annex 15: NFC",
        "W3C, Personal names around the world",
        "US National Archives, The Soundex Indexing System",
    ),
    aliases=("family_name",),
    parts=(
        prefix(1, few=True),
        Part(
            name="soundex",
            about="The American Soundex code: one code for names that sound alike.",
            of=people.soundex,
            fix=people.fix_soundex,
        ),
    ),
    indexes=("exact", "prefix_1", "soundex"),
    masked=starred,
    redactions=("redacted", "masked", "first_initial", "plain_text"),
    keep="shreddable",
    shape="uuid",
    pad_bytes=32,
    headers=(
        "family_name",
        "last_name",
        "lastname",
        "lname",
        "surname",
        "family",
        "last",
        "maiden_name",
        "nachname",
        "nom_de_famille",
        "apellido",
        "apellidos",
        "cognome",
        "sobrenome",
    ),
    proves=0.1,
    laws=("GDPR", "CCPA", "HIPAA"),
    example="Doe",
)
