"""The words of a language: read once, looked up by section and key. Dates in its own long form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any

from privet.codec import read_yaml
from privet.errors import UnknownName

LANGUAGES = ("en", "de", "fr", "es", "pt")
SECTIONS = ("asked", "states", "denials", "extensions", "page", "center")


def nearest(language: str) -> str:
    """Return the language that a tag is written to in, English for what we do not speak. Source: RFC 4647, section 3.4.

    >>> [nearest(tag) for tag in ("de-AT", "PT_br", "fr", "ja", "")]
    ['de', 'pt', 'fr', 'en', 'en']
    """
    first = language.replace("_", "-").partition("-")[0].lower()
    return first if first in LANGUAGES else LANGUAGES[0]


def words(section: str, language: str) -> Mapping[str, str]:
    """Return a section of SECTIONS: key → text, in which `$name` stands for what callers put in. Raises UnknownName."""
    if section not in SECTIONS:
        raise UnknownName("there is no section of that name", hint="there are " + ", ".join(SECTIONS))
    found: dict[str, str] = read(nearest(language))[section]
    return MappingProxyType(found)


def word(section: str, key: str, language: str) -> str:
    """Return one text of a section. Raises UnknownName.

    >>> word("states", "complete", "es")
    'Hecha'
    """
    found = words(section, language)
    if key not in found:
        raise UnknownName(f"section `{section}` has no such key", hint="there are " + ", ".join(found))
    return found[key]


def day(when: date, language: str) -> str:
    """Return a date as people write it.

    >>> [day(date(2026, 3, 1), each) for each in LANGUAGES]
    ['1 March 2026', '1. März 2026', '1er mars 2026', '1 de marzo de 2026', '1 de março de 2026']
    """
    said = read(nearest(language))
    number = said["first"] if when.day == 1 else str(when.day)
    return Template(said["date"]).substitute(day=number, month=said["months"][when.month - 1], year=when.year)


def moment(when: datetime, language: str) -> str:
    """Return a date and a time of day, with its zone as it names itself.

    >>> from datetime import UTC
    >>> moment(datetime(2026, 5, 3, 14, 5, tzinfo=UTC), "de")
    '3. Mai 2026, 14:05 (UTC)'
    """
    return f"{day(when, language)}, {when:%H:%M} ({when.tzname() or 'UTC'})"


@cache
def read(language: str) -> Mapping[str, Any]:
    """Return everything that the file of one of LANGUAGES says."""
    path = Path(__file__).with_name(f"{language}.yaml")
    found: dict[str, Any] = read_yaml(path.read_text(encoding="utf-8"), path.name).plain()
    return MappingProxyType(found)
