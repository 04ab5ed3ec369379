"""person.gender: gender or administrative sex, as a person or a record states it."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType
from privet.vocabulary.types._choice import chooser

NAME = "person.gender"
WORDS = {
    "female": "f woman w",
    "male": "m man",
    "nonbinary": "non_binary nb enby",
    "agender": "",
    "genderfluid": "gender_fluid",
    "genderqueer": "gender_queer",
    "intersex": "",
    "transgender": "trans",
    "transgender_female": "trans_woman transgender_woman trans_female",
    "transgender_male": "trans_man transgender_man trans_male",
    "two_spirit": "",
    "other": "o another diverse divers",
    "unspecified": "x not_specified",
    "undisclosed": "prefer_not_to_say not_disclosed decline_to_state declined",
    "unknown": "u unk not_known",
}

PART = DataType(
    name=NAME,
    about="Gender or administrative sex.",
    category="user.demographic.gender",
    normalize=chooser(NAME, WORDS),
    sources=(
        "HL7 FHIR R5, value set administrative-gender",
        "ICAO Doc 9303-4: sex, where X is unspecified",
        "US Core, value set of gender identities",
    ),
    aliases=("gender", "sex"),
    few=True,
    redactions=("redacted", "plain_text"),
    pad_bytes=32,
    headers=("gender", "sex", "gender_identity", "gender_code", "sex_code", "geschlecht", "sexe", "genero", "sesso"),
    proves=0.7,
    laws=("GDPR", "CCPA"),
    example="nonbinary",
)
