"""person.full_name: the whole name of a person, in the order in which it was written."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types import _people as people
from privet.vocabulary.types._bulk import in_bulk

NAME = "person.full_name"
LONGEST = 200


def normalize(value: Wire) -> str:
    """Return the name trimmed, in NFC, with single spaces; its case and order stay."""
    return people.name(value, NAME, LONGEST)


PART = DataType(
    name=NAME,
    about="The whole name of a person.",
    category="user.name",
    normalize=normalize,
    normalize_all=in_bulk(lambda texts: people.names(texts, LONGEST), normalize),
    sources=(
        "Unicode Standard Annex 15: NFC",
        "W3C, Personal names around the world",
        "US National Archives, The Soundex Indexing System",
    ),
    aliases=("name",),
    parts=(
        people.piece(0, "given", "The given name."),
        people.piece(1, "middle", "Middle names and initials."),
        people.piece(2, "family", "The family name with its particles."),
        people.piece(3, "suffix", "Jr, III, PhD and the like.", few=True),
        Part(
            name="soundex",
            about="The American Soundex code of the family name: one code for names that sound alike.",
            of=lambda text: people.soundex(people.split(text)[2]),
            fix=people.fix_soundex,
        ),
    ),
    indexes=("exact", "family", "soundex"),
    masked=people.masked,
    redactions=("redacted", "first_initial", "masked", "plain_text"),
    keep="shreddable",
    shape="uuid",
    pad_bytes=32,
    headers=(
        "name",
        "full_name",
        "fullname",
        "person_name",
        "customer_name",
        "display_name",
        "legal_name",
        "contact_name",
        "patient_name",
        "employee_name",
        "nombre_completo",
        "nom_complet",
        "vollstaendiger_name",
        "nome_completo",
    ),
    proves=0.1,
    laws=("GDPR", "CCPA", "HIPAA"),
    example="Jane Doe",
)
