"""person.race_ethnicity: race or ethnicity in the categories of US federal statistics."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType
from privet.vocabulary.types._choice import chooser

NAME = "person.race_ethnicity"
WORDS = {
    "american_indian_or_alaska_native": "american_indian alaska_native native_american 1002_5",
    "asian": "2028_9",
    "black_or_african_american": "black african_american 2054_5",
    "hispanic_or_latino": "hispanic latino latina latinx hispanic_latino 2135_2",
    "middle_eastern_or_north_african": "middle_eastern north_african mena 2118_8",
    "native_hawaiian_or_pacific_islander": "native_hawaiian pacific_islander"
    " native_hawaiian_or_other_pacific_islander 2076_8",
    "white": "caucasian 2106_3",
    "not_hispanic_or_latino": "not_hispanic non_hispanic 2186_5",
    "two_or_more": "two_or_more_races multiracial mixed multiethnic",
    "other": "other_race some_other_race 2131_1",
    "undisclosed": "prefer_not_to_say not_disclosed decline_to_state declined asku",
    "unknown": "unk not_known",
}

PART = DataType(
    name=NAME,
    about="Race or ethnicity, in the categories of US federal statistics.",
    category="user.demographic.race_ethnicity",
    normalize=chooser(NAME, WORDS),
    sources=(
        "OMB Statistical Policy Directive 15 (2024): minimum categories",
        "CDC Race and Ethnicity Code Set, version 1.2",
        "GDPR art. 9(1) and (2): why it is hidden by default, and may still be seen under an exception",
    ),
    aliases=("race", "ethnicity"),
    few=True,
    redactions=("redacted", "plain_text"),
    pad_bytes=48,
    headers=(
        "race",
        "ethnicity",
        "race_ethnicity",
        "ethnic_group",
        "ethnic_origin",
        "race_code",
        "ethnische_herkunft",
        "origine_ethnique",
        "raza",
        "etnia",
    ),
    proves=0.9,
    laws=("GDPR", "GDPR Art. 9", "CPRA sensitive"),
    example="two_or_more",
)
