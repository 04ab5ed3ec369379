"""Name on a payment card, as it is printed or read from the chip."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types import _people as people
from privet.vocabulary.types._text import clean

_NAME = "card.holder_name"
# The chip holds 26 characters, its extension 45 (EMV Book 3, annex A), but people also type the name at a checkout.
_LONGEST = 100


def normalize(value: Wire) -> str:
    """Return the name with single spaces, in the letter case it came in.

    `FAMILY/GIVEN`, the order of the magnetic stripe, stays as it is: `/` is of the name there. So does `&`, which
    joins the holders of a shared card.
    """
    name = clean(value, _NAME, _LONGEST)
    demand(len(name) >= 2, "expected at least 2 characters", _NAME)
    people.name(name.replace("/", " ").replace("&", " "), _NAME, _LONGEST)
    return name


PART = DataType(
    name=_NAME,
    about="Name on a card",
    category="user.name",
    normalize=normalize,
    sources=("ISO/IEC 7813:2006 (name on track 1)", "EMV 4.4 Book 3, annex A (tags 5F20, 9F0B)"),
    aliases=("holder", "cardholder"),
    parts=(
        people.piece(0, "given", "The given name."),
        people.piece(1, "middle", "Middle names and initials."),
        people.piece(2, "family", "The family name with its particles."),
        people.piece(3, "suffix", "Jr, III, PhD and the like.", few=True),
    ),
    indexes=("exact",),
    masked=people.masked,
    redactions=("redacted", "first_initial", "masked", "plain_text"),
    keep="shreddable",
    shape="uuid",
    pad_bytes=32,
    headers=(
        "card_holder",
        "cardholder",
        "card_holder_name",
        "cardholder_name",
        "holder_name",
        "name_on_card",
        "nombre_titular",
        "titulaire_carte",
        "karteninhaber",
        "nome_titular",
    ),
    proves=0.05,
    laws=("PCI", "GDPR"),
    example="JANE Q EXAMPLE",
)
