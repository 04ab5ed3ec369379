"""The tax number of a business, of 47 countries. Canonical: country code, colon, number, as in DE:136695976."""

from __future__ import annotations

import re
from collections.abc import Callable

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, piece, read_layout, stars, tail
from privet.vocabulary.types import br_cnpj, eu_vat, mx_rfc, us_ein

NAME = "org.tax_id"
_LAYOUT = re.compile(r"([A-Za-z]{2}) ?[:\- ]? ?([^\s:].*)")

# ISO 3166 code -> our own type, or the module of python-stdnum that knows the number.
OWN: dict[str, Callable[[Wire], str]] = {
    "BR": br_cnpj.normalize,
    "MX": mx_rfc.normalize,
    "US": us_ein.normalize,
}
MODULES = {
    **{{"EL": "GR", "XI": "GB"}.get(prefix, prefix): module for prefix, module in eu_vat.MODULES.items()},
    "AR": "ar.cuit", "AU": "au.abn", "CA": "ca.bn", "CH": "ch.uid", "CL": "cl.rut", "CN": "cn.uscc", "CO": "co.nit",
    "IL": "il.hp", "IN": "in_.gstin", "JP": "jp.cn", "KR": "kr.brn", "NO": "no.orgnr", "NZ": "nz.ird", "SG": "sg.uen",
    "TR": "tr.vkn", "ZA": "za.tin",
}  # fmt: skip


def normalize(value: Wire) -> str:
    """Accept `DE 136695976`, `DE:136695976` and `DE136695976`, EL for Greece, XI for the United Kingdom.

    A VAT prefix before the number goes; the CHE of Switzerland stays, it is part of the number.
    """
    match = read_layout(value, _LAYOUT, "expected a country, then its number", NAME)
    prefix = match[1].upper()
    country = {"EL": "GR", "XI": "GB"}.get(prefix, prefix)
    if country in OWN:
        return f"{country}:{_own(country, match[2])}"
    module = MODULES.get(country)
    if module is None:
        raise InvalidValue("expected the code of a country whose numbers are known", type_name=NAME)
    text = compact(match[2], NAME, separators=" -./", also="+*")
    number = eu_vat.national_number(module, text)
    if number is None:
        raise InvalidValue("expected a number that its country issues", type_name=NAME)
    return f"{country}:{number}"


def _own(country: str, number: str) -> str:
    try:
        return OWN[country](number)
    except InvalidValue as error:
        raise InvalidValue(error.rule, type_name=NAME) from None


PART = DataType(
    name=NAME,
    about="Tax number of a business, with its country",
    category="user.contact.organization",
    normalize=normalize,
    sources=(
        "OECD, Tax identification numbers by jurisdiction",
        "python-stdnum, modules of the countries (check digits)",
        "ISO 3166-1, alpha-2 codes",
    ),
    aliases=("tax_id", "business_tax_id"),
    parts=(
        piece("country", "ISO 3166 code of the country", lambda text: text[:2], length=2, few=True),
        piece("prefix_2", "The first two characters", lambda text: text[:2], length=2, few=True),
        tail(4),
    ),
    indexes=("exact", "prefix_2"),
    masked=lambda text: text[:3] + stars(text[3:], 4),
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="plain_text",
    pad_bytes=32,
    headers=(
        *("tax_id", "tax_number", "company_tax_id", "business_tax_id", "org_tax_id", "tax_registration_number"),
        *("steuernummer", "numero_fiscal", "identificacion_fiscal", "numero_identification_fiscale"),
    ),
    proves=0.8,
    laws=(),
    example="DE:136695976",
)
