"""The VAT identification number of the European Union. Canonical: country prefix and number, as in DE136695976."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, piece, stars, tail

NAME = "eu.vat"

# Prefix -> the module of python-stdnum that knows the number. Greece writes EL, Northern Ireland XI.
MODULES = {
    "AT": "at.uid", "BE": "be.vat", "BG": "bg.vat", "CY": "cy.vat", "CZ": "cz.dic", "DE": "de.vat", "DK": "dk.cvr",
    "EE": "ee.kmkr", "EL": "gr.vat", "ES": "es.nif", "FI": "fi.alv", "FR": "fr.tva", "HR": "hr.oib", "HU": "hu.anum",
    "IE": "ie.vat", "IT": "it.iva", "LT": "lt.pvm", "LU": "lu.tva", "LV": "lv.pvn", "MT": "mt.vat", "NL": "nl.btw",
    "PL": "pl.nip", "PT": "pt.nif", "RO": "ro.cf", "SE": "se.vat", "SI": "si.ddv", "SK": "sk.dph", "XI": "gb.vat",
}  # fmt: skip


def normalize(value: Wire) -> str:
    """Accept the prefix with or without a separator, GR for EL. Raises InvalidValue."""
    # Irish numbers of old have + or * as their second character.
    text = compact(value, NAME, separators=" -./", also="+*")
    prefix = "EL" if text[:2] == "GR" else text[:2]
    module = MODULES.get(prefix)
    if module is None:
        raise InvalidValue("expected the prefix of a member state", type_name=NAME)
    # A second prefix would be dropped in silence by some countries' modules.
    number = None if text[2:4] in (text[:2], prefix) else national_number(module, text[2:])
    if number is None:
        raise InvalidValue("expected a number that its country issues", type_name=NAME)
    return f"{prefix}{number}"


def national_number(module: str, text: str) -> str | None:
    """Return `text` as the country writes it, without prefix, or None where python-stdnum finds it wrong."""
    from stdnum.exceptions import ValidationError

    if not 4 <= len(text) <= 20:
        return None
    try:
        number: str = _load(module).validate(text)
    except ValidationError:
        return None
    return number


@cache
def _load(module: str) -> ModuleType:
    return import_module(f"stdnum.{module}")


PART = DataType(
    name=NAME,
    about="VAT identification number, European Union",
    category="user.government_id",
    normalize=normalize,
    sources=(
        "Directive 2006/112/EC, articles 214 and 215",
        "European Commission, VIES, frequently asked question 11, structure of the numbers",
        "python-stdnum, modules of the member states (check digits)",
    ),
    aliases=("vat", "vat_number"),
    parts=(
        piece("country", "Prefix of the country, EL for Greece", lambda text: text[:2], length=2, few=True),
        piece("prefix_2", "The first two characters", lambda text: text[:2], length=2, few=True),
        tail(4),
    ),
    indexes=("exact", "prefix_2"),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "masked", "last_four", "plain_text"),
    # VIES answers for every number, and invoices must show it.
    ceiling="plain_text",
    headers=(
        *("vat", "vat_number", "vat_id", "vat_no", "eu_vat", "vatin", "ust_id", "ust_idnr", "umsatzsteuer_id"),
        *("numero_tva", "tva_intracommunautaire", "partita_iva", "btw_nummer"),
    ),
    proves=0.9,
    laws=("GDPR",),
    example="DE136695976",
)
