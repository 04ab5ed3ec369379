"""address.postal_intl: a postal code of any country, with the country before it."""

from __future__ import annotations

import re
from functools import cache

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types._places import country
from privet.vocabulary.types._tables import country_codes
from privet.vocabulary.types._text import clean

NAME = "address.postal_intl"

# Shapes after the postal addressing sheets of the Universal Postal Union: signs of `_CLASSES` stand for what they
# say, everything else for itself, the sign or space between the halves included. The British form is below.
_CLASSES = {
    "9": "[0-9]",
    "1": "[1-9]",
    "a": "[A-Z]",
    # Canada Post: no D, F, I, O, Q, U anywhere, no W, Z at the start.
    "f": "[ABCEGHJ-NPRSTVXY]",
    "c": "[ABCEGHJ-NPRSTV-Z]",
    # Eircode: no letter that looks or sounds like another.
    "i": "[AC-FHKNPRTV-Y]",
    "u": "[0-9AC-FHKNPRTV-Y]",
}
_SHAPES = {
    "999": "FO IS LS MG PG TW",
    "9999": "AF AI AL AM AR AT AU AZ BD BE BG CC CH CV CX CY DK ET GE GL GW HM HT HU LI LR LU LV MD MK MZ NE NF NO NZ"
    " PA PH PY SI SJ TN VE ZA",
    "99999": "AS AX BA BL BT CR CU DE DO DZ EE EG EH ES FI FM FR GF GP GT GU HN HR ID IQ IT JO KE KH KR KW LA LK LT MA"
    " MC ME MF MH MM MN MP MQ MV MX MY NC NI NP PE PF PK PM PR PS PW RE RS SA SD SM SN TH TR TW UA US UY UZ VA VI VN"
    " WF XK YT ZM",
    "999999": "BY CN CO EC KG KH KZ MN NG RO RU SG TJ TM TT TW UZ VN",
    "199999": "IN",
    "9999999": "CL IL",
    "99999-99999": "IR",
    "99999-999": "BR",
    "999-9999": "JP",
    "99-999": "PL",
    "9999-999": "PT",
    "99999-9999": "US PR GU VI AS MP SA",
    "999 99": "CZ GR SE SK",
    "9999 9999": "LB",
    "1999 aa": "NL",
    "f9c 9c9": "CA",
    "i99 uuuu": "IE",
    "D6W uuuu": "IE",
    "AD999": "AD",
    "a9999aaa": "AR",
    "a999": "SZ",
    "aa9999": "BN",
    "aa 99": "BM",
    "aa aa": "BM",
    "aa 99999": "SO",
    "aaa 9999": "MT",
    "aaaa 9aa": "FK GS IO PN SH TC",
    "BB99999": "BB",
    "KY9-9999": "KY",
    "VC9999": "VC",
    "VG9999": "VG",
}
# ISO 3166-1 codes of places that write postcodes of the British form. Source: Royal Mail, Programmers' Guide to the
# Postcode Address File; BS 7666-2. The inward half has no C, I, K, M, O, V.
_BRITISH = re.compile(
    r"((?:[A-PR-UWYZ](?:[0-9]{1,2}|[A-HK-Y][0-9]{1,2}|[0-9][A-HJKPS-UW]|[A-HK-Y][0-9][ABEHMNPRV-Y]))|GIR)"
    r" ?([0-9][ABD-HJLNP-UW-Z]{2})"
)
_BRITISH_PLACES = ("GB", "GG", "IM", "JE", "AI", "FK", "GI", "GS", "IO", "PN", "SH", "TC")
_WRITTEN = re.compile(r"([A-Z]{2})[ :\-] ?(.+)")


def normalize(value: Wire) -> str:
    """Return `CC:code`, in upper case with the sign or space that the country writes: `GB:SW1A 1AA`, `SE:114 55`.

    The country, an ISO 3166-1 code, stands first, with a space, colon or hyphen after it: 10115 alone is a place in
    a dozen countries. Raises InvalidValue for a country without postal codes. Codes are checked by form alone.
    """
    text = clean(value, NAME, 24).upper()
    match = _WRITTEN.fullmatch(text)
    if match is None or match[1] not in country_codes():
        raise InvalidValue("expected a country of ISO 3166-1, then the code", type_name=NAME)
    return f"{match[1]}:{_of_country(match[1], match[2])}"


def _of_country(place: str, code: str) -> str:
    # LV-1010, MD-2001 and AZ 1000 repeat the country, which stands before the colon already.
    code = code.removeprefix(f"{place}-") if code[2:3] == "-" else code.removeprefix(f"{place} ")
    british = _british(code) if place in _BRITISH_PLACES else None
    if british:
        return british
    bare = _bare(code)
    for shape in _shapes_of(place):
        if _tight(shape).fullmatch(bare):
            return _respaced(shape, bare)
    raise InvalidValue("expected a postal code of the named country", type_name=NAME)


def _british(text: str) -> str | None:
    match = _BRITISH.fullmatch(text)
    return f"{match[1]} {match[2]}" if match else None


def _bare(text: str) -> str:
    return text.replace(" ", "").replace("-", "")


def _source(shape: str) -> str:
    return "".join(_CLASSES.get(ch, re.escape(ch)) for ch in shape)


@cache
def _shapes_of(place: str) -> tuple[str, ...]:
    return tuple(shape for shape, places in _SHAPES.items() if place in places.split())


@cache
def _tight(shape: str) -> re.Pattern[str]:
    return re.compile(_source(_bare(shape)))


def _respaced(shape: str, bare: str) -> str:
    """Return the bare code with the sign or space of its shape put back."""
    at = next((i for i, ch in enumerate(shape) if ch in " -"), None)
    return bare if at is None else f"{bare[:at]}{shape[at]}{bare[at:]}"


def _split(text: str) -> tuple[str, str]:
    """Return the outward and the inward half of the code: at its sign or space, in the middle where it has none."""
    code = text[3:]
    for sign in " -":
        left, found, right = code.partition(sign)
        if found:
            return left, right
    half = (len(code) + 1) // 2
    return code[:half], code[half:]


def masked(text: str) -> str:
    """Return the country, the outward half and stars: `GB:SW1A ***`, `DE:101***`."""
    outward, _ = _split(text)
    return f"{text[:3]}{outward} ***" if " " in text else f"{text[:3]}{outward}***"


def _fix_half(literal: str) -> str:
    return literal.strip().upper()


PART = DataType(
    name=NAME,
    about="A postal code of any country.",
    category="user.contact.address.postal_code",
    small=True,
    normalize=normalize,
    sources=("UPU S42 and the UPU postal addressing sheets", "BS 7666-2: postcodes of the United Kingdom"),
    aliases=("postal_code", "postcode"),
    parts=(
        Part(
            name="country",
            about="The country, ISO 3166-1 alpha-2.",
            of=lambda text: text[:2],
            fix=lambda literal: country(literal, ""),
            few=True,
        ),
        Part(
            name="outward",
            about="The first half of the code: the district.",
            of=lambda text: _split(text)[0],
            fix=_fix_half,
        ),
        Part(
            name="inward",
            about="The second half of the code.",
            of=lambda text: _split(text)[1] or None,
            fix=_fix_half,
        ),
    ),
    indexes=("exact", "country", "outward"),
    masked=masked,
    redactions=("redacted", "masked", "plain_text"),
    keep="shreddable",
    headers=(
        "postal_code",
        "postcode",
        "post_code",
        "postal",
        "plz",
        "postleitzahl",
        "code_postal",
        "codigo_postal",
        "cep",
        "cap",
        "pin_code",
    ),
    proves=0.3,
    laws=("GDPR", "CCPA"),
    example="GB:SW1A 1AA",
)
