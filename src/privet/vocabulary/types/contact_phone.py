"""contact.phone: a telephone number in E.164."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types import _phone as phone
from privet.vocabulary.types._bulk import in_bulk

NAME = "contact.phone"


def normalize(value: Wire) -> str:
    """Return the number in E.164. The spelling must begin with + and the country code."""
    return phone.normalize(value, NAME)


PART = DataType(
    name=NAME,
    about="A telephone number.",
    category="user.contact.phone_number",
    normalize=normalize,
    normalize_all=in_bulk(phone.accepted, normalize),
    sources=("ITU-T E.164 (2010), section 6", "RFC 3966: visual separators", "libphonenumber metadata"),
    aliases=("phone", "mobile"),
    parts=phone.parts(),
    indexes=("exact", "country", "region", "area", "last_four"),
    masked=phone.masked,
    redactions=("redacted", "last_two", "last_four", "masked", "plain_text"),
    keep="shreddable",
    shape="phone",
    headers=(
        "phone",
        "phone_number",
        "telephone",
        "tel",
        "mobile",
        "mobile_number",
        "cell",
        "cell_phone",
        "msisdn",
        "home_phone",
        "work_phone",
        "telefon",
        "handynummer",
        "telefono",
        "numero_de_telephone",
        "celular",
    ),
    proves=0.7,
    laws=("GDPR", "CCPA", "HIPAA", "TCPA"),
    example="+12015550123",
)
