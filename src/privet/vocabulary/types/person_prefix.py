"""person.prefix: the form of address before a name."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._choice import chooser

NAME = "person.prefix"
WORDS = {
    "mr": "mister monsieur m herr senor signor",
    "mrs": "missus mme madame frau sra senora signora",
    "ms": "",
    "miss": "mlle mademoiselle senorita srta signorina fraulein",
    "mx": "mix",
    "dr": "doctor doktor docteur dra dott",
    "prof": "professor professeur",
    "prof_dr": "professor_doctor",
    "rev": "reverend the_reverend",
    "fr": "father",
    "sister": "",
    "brother": "",
    "rabbi": "",
    "imam": "",
    "hon": "honorable honourable the_honorable the_honourable",
    "judge": "",
    "sir": "",
    "dame": "",
    "lord": "",
    "lady": "",
    "capt": "captain",
    "col": "colonel",
    "gen": "general",
    "lt": "lieutenant",
    "maj": "major",
    "sgt": "sergeant",
}
normalize = chooser(NAME, WORDS)


def present(text: str) -> Wire:
    """Return the form of address as it is written: `Mr`, `Prof Dr`."""
    return text.replace("_", " ").title()


PART = DataType(
    name=NAME,
    about="The form of address before a name.",
    category="user.name",
    normalize=normalize,
    present=present,
    sources=("HL7 FHIR R5, HumanName.prefix", "OASIS CIQ xNL 3.0, PersonName Title"),
    aliases=("name_prefix",),
    few=True,
    masked=lambda text: text,
    redactions=("redacted", "masked", "plain_text"),
    token="none",
    headers=("prefix", "name_prefix", "salutation", "title", "honorific", "anrede", "civilite", "tratamiento"),
    proves=0.6,
    laws=("GDPR", "CCPA"),
    example="dr",
)
