"""person.language: a language that a person speaks or prefers, as a language tag."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types._tables import country_codes, languages, scripts
from privet.vocabulary.types._text import clean

NAME = "person.language"

# RFC 5646, section 2.1, without grandfathered tags. Three-letter "extended" languages are read as the language that
# the registry prefers to them, so that they never come after another language here.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
    r"(?P<extensions>(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*)"
    r"(?P<private>-x(?:-[a-z0-9]{1,8})+)?"
)


def normalize(value: Wire) -> str:
    """Return the tag in the case of RFC 5646, section 2.1.1: `en-US`, `zh-Hant-TW`.

    The language, script and region are looked up in ISO 639, 15924 and 3166-1; "eng" becomes "en". Variants and
    extensions are checked by form alone.
    """
    tag = clean(value, NAME, 64).lower().replace("_", "-")
    match = _TAG.fullmatch(tag)
    if match is None:
        raise InvalidValue("expected a language tag such as en or en-US", type_name=NAME)
    language = _language(match["language"])
    script, region = (match["script"] or "").title(), (match["region"] or "").upper()
    if script and script not in scripts():
        raise InvalidValue("expected a script of ISO 15924", type_name=NAME)
    if region.isalpha() and region not in country_codes():
        raise InvalidValue("expected a region of ISO 3166-1", type_name=NAME)
    _once(match["variants"], match["extensions"])
    head = "-".join(piece for piece in (language, script, region) if piece)
    return head + match["variants"] + match["extensions"] + (match["private"] or "")


def _language(code: str) -> str:
    # ISO 639-2: qaa to qtz are reserved for local use.
    known = code if "qaa" <= code <= "qtz" and len(code) == 3 else languages().get(code)
    if known is None:
        raise InvalidValue("expected a language of ISO 639", type_name=NAME)
    return known


def _once(variants: str, extensions: str) -> None:
    """Raise InvalidValue where a variant or the letter of an extension comes twice. Source: RFC 5646, section 2.2.9."""
    names = variants.split("-")[1:]
    letters = [piece for piece in extensions.split("-") if len(piece) == 1]
    if len(set(names)) < len(names) or len(set(letters)) < len(letters):
        raise InvalidValue("expected each variant and extension once", type_name=NAME)


def _region(text: str) -> str | None:
    match = re.match(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?-([A-Z]{2}|[0-9]{3})(?:-|$)", text)
    return match[1] if match else None


PART = DataType(
    name=NAME,
    about="A language, as a language tag.",
    category="user.demographic.language",
    normalize=normalize,
    sources=("RFC 5646 (BCP 47), sections 2.1 and 2.2", "ISO 639-1, 639-2 and 639-3", "ISO 15924", "ISO 3166-1"),
    aliases=("language",),
    parts=(
        Part(
            name="primary",
            about="The language without script and region.",
            of=lambda text: text.split("-", 1)[0],
            fix=normalize,
            few=True,
        ),
        Part(name="region", about="The region, where one is named.", of=_region, fix=str.upper, few=True),
    ),
    indexes=("exact", "primary"),
    few=True,
    masked=lambda text: text,
    redactions=("redacted", "masked", "plain_text"),
    token="none",
    headers=(
        "language",
        "lang",
        "locale",
        "language_code",
        "preferred_language",
        "mother_tongue",
        "sprache",
        "langue",
        "idioma",
        "lingua",
    ),
    proves=0.4,
    laws=("GDPR",),
    example="en-NZ",
)
