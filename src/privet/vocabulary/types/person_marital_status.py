"""person.marital_status: the legal state of a person's marriage or partnership."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType
from privet.vocabulary.types._choice import chooser

NAME = "person.marital_status"
WORDS = {
    "single": "s never_married unmarried not_married ledig soltero soltera celibataire",
    "married": "m verheiratet casado casada marie mariee",
    "divorced": "d geschieden divorciado divorciada divorce divorcee",
    "widowed": "w widow widower verwitwet viudo viuda veuf veuve",
    "separated": "l legally_separated",
    "domestic_partnership": "t domestic_partner",
    "civil_partnership": "civil_union registered_partnership civil_partner",
    "cohabiting": "living_together common_law",
    "engaged": "",
    "annulled": "a",
    "interlocutory": "i",
    "polygamous": "p",
    "other": "o",
    "undisclosed": "prefer_not_to_say not_disclosed decline_to_state declined",
    "unknown": "u unk not_known",
}

PART = DataType(
    name=NAME,
    about="Marital status.",
    category="user.demographic.marital_status",
    normalize=chooser(NAME, WORDS),
    sources=("HL7 v3 code system MaritalStatus", "HL7 FHIR R5, value set marital-status"),
    aliases=("marital_status",),
    few=True,
    redactions=("redacted", "plain_text"),
    pad_bytes=32,
    headers=(
        "marital_status",
        "marital",
        "civil_status",
        "marriage_status",
        "familienstand",
        "etat_civil",
        "situation_familiale",
        "estado_civil",
    ),
    proves=0.8,
    laws=("GDPR", "CCPA"),
    example="married",
)
