"""person.suffix: what follows a name: generation, degree, order."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._choice import chooser

NAME = "person.suffix"
WORDS = {
    "jr": "junior jnr",
    "sr": "senior snr",
    "i": "1st",
    "ii": "2nd",
    "iii": "3rd",
    "iv": "4th",
    "v": "5th",
    "vi": "6th",
    "phd": "ph_d doctor_of_philosophy",
    "md": "m_d doctor_of_medicine",
    "do": "d_o",
    "dds": "d_d_s",
    "dvm": "d_v_m",
    "edd": "ed_d",
    "jd": "j_d",
    "esq": "esquire",
    "mba": "m_b_a",
    "ma": "m_a",
    "msc": "m_sc",
    "ba": "b_a",
    "bsc": "b_sc",
    "cpa": "c_p_a",
    "rn": "r_n",
    "pe": "p_e",
    "ret": "retired",
    "obe": "",
    "mbe": "",
    "cbe": "",
    "kc": "",
    "qc": "",
}
_WRITTEN = {"jr": "Jr", "sr": "Sr", "phd": "PhD", "edd": "EdD", "esq": "Esq", "ret": "Ret", "msc": "MSc", "bsc": "BSc"}
normalize = chooser(NAME, WORDS)


def present(text: str) -> Wire:
    """Return the suffix as it is written: `Jr`, `III`, `PhD`."""
    return _WRITTEN.get(text) or text.upper()


PART = DataType(
    name=NAME,
    about="What follows a name: generation, degree, order.",
    category="user.name",
    normalize=normalize,
    present=present,
    sources=("HL7 FHIR R5, HumanName.suffix", "OASIS CIQ xNL 3.0, PersonName GenerationIdentifier"),
    aliases=("name_suffix",),
    few=True,
    masked=lambda text: text,
    redactions=("redacted", "masked", "plain_text"),
    token="none",
    headers=("suffix", "name_suffix", "generation", "post_nominal", "namenszusatz", "suffixe", "sufijo"),
    proves=0.6,
    laws=("GDPR", "CCPA"),
    example="jr",
)
