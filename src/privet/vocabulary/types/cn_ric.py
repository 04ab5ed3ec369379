"""The citizen identity number of China. Canonical: seventeen digits, then a digit or X."""

from __future__ import annotations

from privet.vocabulary.checksum import mod_11_2
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, is_day, stars, tail

NAME = "cn.ric"
# Counties come and go, provinces do not: only the first two digits of the place are checked. 81-83 are residents
# from Hong Kong, Macao and Taiwan.
PROVINCES = frozenset(
    (
        *("11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43"),
        *("44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83"),
    )
)


def normalize(value: Wire) -> str:
    text = compact(value, NAME)
    shaped = len(text) == 18 and text[:17].isdigit() and (text[17].isdigit() or text[17] == "X")
    demand(shaped, "expected 17 digits, then a digit or X", NAME)
    demand(text[:2] in PROVINCES, "expected a province of China", NAME)
    year = int(text[6:10])
    exists = 1800 <= year <= 2199 and is_day(year, int(text[10:12]), int(text[12:14]))
    demand(exists, "expected a date of birth that exists", NAME)
    demand(mod_11_2(text), "expected the check character to agree", NAME)
    return text


PART = DataType(
    name=NAME,
    about="Citizen identity number, China",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "GB 11643-1999, Citizen identification number",
        "GB/T 2260, Codes for the administrative divisions",
        "ISO/IEC 7064, MOD 11-2",
    ),
    aliases=("resident_identity_card",),
    parts=(tail(4),),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    pad_bytes=32,
    headers=(
        "cn_id",
        "chinese_id",
        "resident_id_card",
        "id_card_no",
        "shenfenzheng",
        "sfzh",
        "sfz",
        "身份证号",
        "身份证号码",
    ),
    proves=0.95,
    laws=("PIPL",),
    example="110101199003071233",
)
