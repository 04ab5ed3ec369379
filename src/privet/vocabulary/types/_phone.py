"""Telephone numbers: one fast check for E.164 text, the library for every other spelling. Not a part of the shelf.

The fast check compiles the metadata of `phonenumbers` for one calling code on first use and gives the same answers
as `phonenumbers.is_valid_number`; whatever it cannot settle alone goes to the library.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from privet.errors import InvalidValue
from privet.vocabulary.datatype import Part, Wire
from privet.vocabulary.types._text import raw

_E164 = re.compile(r"\+([1-9][0-9]{6,16})")
# What people put between digits: spaces, hyphens, points, slashes and brackets; the full-width plus of East Asia.
_WRITTEN = re.compile(r"(?:[Tt][Ee][Ll]:)?[(\[]?[+＋][\d \u00a0\u2009\u202f\u3000()\[\]\-.‐‑‒–—/]{1,40}")
_KINDS = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)


@dataclass(frozen=True, slots=True)
class _Region:
    """The rules of one region: `lengths` gives, for a count of digits, its general pattern and that of all kinds.

    They are compiled when they are first asked: a calling code of many regions takes long to compile.
    """

    code: str
    leading: re.Pattern[str] | None
    lengths: dict[int, tuple[str, str]]

    def holds(self, digits: str) -> bool:
        pair = self.lengths.get(len(digits))
        return pair is not None and all(_compiled(pattern).fullmatch(digits) for pattern in pair)


@dataclass(frozen=True, slots=True)
class _Code:
    """One calling code: its regions in the order in which they are asked, and the national prefix of the main one."""

    regions: tuple[_Region, ...]
    prefix: re.Pattern[str] | None

    def region(self, digits: str) -> str | None:
        """Return the region for which these national digits are valid, or None."""
        if len(self.regions) == 1:
            only = self.regions[0]
            return only.code if only.holds(digits) else None
        for region in self.regions:
            if region.leading is None:
                if region.holds(digits):
                    return region.code
            elif region.leading.match(digits):
                return region.code if region.holds(digits) else None
        return None

    def keeps(self, digits: str) -> bool:
        """Return whether a parser surely leaves these digits as they are: no national prefix stands before them."""
        match = self.prefix.match(digits) if self.prefix else None
        return match is None or (match.end() == 0 and all(group is None for group in match.groups()))


def normalize(value: Wire, type_name: str) -> str:
    """Return the number in E.164: `+`, calling code, national number.

    Raises InvalidValue on a number without `+`, which means another line in every country, with an extension, which
    E.164 cannot carry, or that the numbering plan of its country does not have.
    Source: ITU-T E.164, section 6; plans as in the metadata of `phonenumbers`.
    """
    text = raw(value, type_name).strip()
    if _fast(text):
        return text
    if text and text[0] not in "+＋([tT":
        raise InvalidValue("expected + and the country code", type_name=type_name)
    if not _WRITTEN.fullmatch(text):
        raise InvalidValue("expected + and digits, with spaces, hyphens, points or brackets", type_name=type_name)
    found = _parsed(text)
    # A number whose E.164 text reads as another number would not survive a second reading.
    if found is None or not (_fast(found) or _parsed(found) == found):
        raise InvalidValue("expected a number of its country's numbering plan", type_name=type_name)
    return found


def accepted(texts: Sequence[str]) -> list[str]:
    """Return those texts that are E.164 of the main region of a calling code, "" for each other."""
    return [text if (rule := _rule(text[1:4])) and rule.fullmatch(text) else "" for text in texts]


def split(text: str) -> tuple[str, str]:
    """Return (calling code, national number) of E.164 text."""
    for width in (1, 2, 3):
        if _code(text[1 : 1 + width]) is not None:
            return text[1 : 1 + width], text[1 + width :]
    return "", text[1:]


def region(text: str) -> str | None:
    """Return the ISO 3166-1 code of the region of E.164 text, None where the number belongs to no country."""
    calling, national = split(text)
    code = _code(calling)
    found = code.region(national) if code else None
    return found if found and found.isalpha() else None


def area(text: str) -> str | None:
    """Return the area code, or where there is none the national destination code, or None."""
    calling, national = split(text)
    if calling == "1":
        return national[:3]
    import phonenumbers

    number = phonenumbers.parse(text)
    width = phonenumbers.length_of_geographical_area_code(number)
    width = width or phonenumbers.length_of_national_destination_code(number)
    return national[:width] or None


def masked(text: str) -> str:
    """Return `+1 *** *** 2671`; for a national number of fewer than eight digits its last two alone."""
    calling, national = split(text)
    return f"+{calling} *** *** {national[-4:] if len(national) > 7 else national[-2:]}"


def parts() -> tuple[Part, ...]:
    """Return the parts of a telephone number."""
    return (
        Part(
            name="country",
            about="The calling code, without +.",
            of=lambda text: split(text)[0],
            fix=_fix_calling,
            few=True,
        ),
        Part(name="region", about="The country, ISO 3166-1 alpha-2.", of=region, fix=str.upper, few=True),
        Part(name="area", about="The area code or national destination code.", of=area, fix=_fix_digits),
        Part(name="subscriber", about="The digits after the area code.", of=_subscriber, fix=_fix_digits),
        Part(name="last_four", about="The last four digits.", of=lambda text: text[-4:], fix=_fix_four),
    )


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@cache
def _code(calling: str) -> _Code | None:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, region_code_for_country_code

    names = COUNTRY_CODE_TO_REGION_CODE.get(int(calling)) if calling else None
    if names is None:
        return None
    main = PhoneMetadata.metadata_for_region_or_calling_code(int(calling), region_code_for_country_code(int(calling)))
    prefix = main.national_prefix_for_parsing if main else None
    regions = tuple(found for name in names if (found := _region(int(calling), name)))
    return _Code(regions=regions, prefix=re.compile(prefix) if prefix else None)


@lru_cache(1000)
def _rule(start: str) -> re.Pattern[str] | None:
    """Return what all of `_fast` says of numbers that start with three digits, as one pattern; None where it cannot.

    It takes numbers of the region that is asked first, where no national prefix could stand before them.
    """
    if not (start.isdecimal() and start.isascii()):
        return None
    calling, _ = split(f"+{start}")
    code = _code(calling)
    if code is None or not code.regions or code.regions[0].leading:
        return None
    forms = [
        rf"(?=[0-9]{{{count}}}\Z)(?=(?:{general})\Z)(?:{kinds})\Z"
        for count, (general, kinds) in code.regions[0].lengths.items()
        if 7 <= len(calling) + count <= 17
    ]
    prefix = f"(?!{code.prefix.pattern})" if code.prefix else ""
    return re.compile(rf"\+{calling}{prefix}(?:{'|'.join(forms)})") if forms else None


def _region(calling: int, name: str) -> _Region | None:
    from phonenumbers import PhoneMetadata

    plan = PhoneMetadata.metadata_for_region_or_calling_code(calling, name)
    if plan is None or not plan.general_desc or not plan.general_desc.national_number_pattern:
        return None
    general = plan.general_desc.national_number_pattern
    kinds = [kind for label in _KINDS if (kind := getattr(plan, label)) and kind.national_number_pattern]
    lengths = {}
    for count in plan.general_desc.possible_length or range(2, 18):
        # A kind without lengths of its own has those of the general description.
        fitting = [kind.national_number_pattern for kind in kinds if count in (kind.possible_length or (count,))]
        if fitting:
            lengths[count] = general, "|".join(f"(?:{pattern})" for pattern in fitting)
    leading = re.compile(plan.leading_digits) if plan.leading_digits else None
    return _Region(code=name, leading=leading, lengths=lengths)


def _fast(text: str) -> bool:
    """Return whether `text` is E.164 that is valid and that the library would leave as it is."""
    match = _E164.fullmatch(text)
    if match is None:
        return False
    calling, national = split(text)
    code = _code(calling)
    return code is not None and code.keeps(national) and code.region(national) is not None


def _parsed(text: str) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _subscriber(text: str) -> str | None:
    return split(text)[1].removeprefix(area(text) or "") or None


def _fix_calling(literal: str) -> str:
    calling = literal.strip().removeprefix("+")
    if not re.fullmatch(r"[0-9]{1,3}", calling):
        raise InvalidValue("expected a calling code of one to three digits")
    return calling


def _fix_digits(literal: str) -> str:
    if not re.fullmatch(r"[0-9]{1,15}", literal):
        raise InvalidValue("expected digits")
    return literal


def _fix_four(literal: str) -> str:
    if not re.fullmatch(r"[0-9]{4}", literal):
        raise InvalidValue("expected four digits")
    return literal
