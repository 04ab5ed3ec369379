"""contact.fax: a fax number in E.164."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types import _phone as phone

NAME = "contact.fax"


def normalize(value: Wire) -> str:
    """Return the number in E.164. The spelling must begin with + and the country code."""
    return phone.normalize(value, NAME)


PART = DataType(
    name=NAME,
    about="A fax number.",
    category="user.contact.fax_number",
    normalize=normalize,
    sources=("ITU-T E.164 (2010), section 6", "RFC 3966: visual separators", "libphonenumber metadata"),
    aliases=("fax",),
    parts=phone.parts(),
    indexes=("exact", "last_four"),
    masked=phone.masked,
    redactions=("redacted", "last_two", "last_four", "masked", "plain_text"),
    keep="shreddable",
    shape="phone",
    headers=("fax", "fax_number", "facsimile", "telefax", "faxnummer", "telecopie", "numero_fax"),
    proves=0.5,
    laws=("GDPR", "CCPA", "HIPAA"),
    example="+12015550124",
)
