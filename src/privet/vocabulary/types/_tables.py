"""Code tables of ISO 639, 3166 and 15924, read from `vocabulary/data` on first use. Not a part of the shelf."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from privet.vocabulary.types._text import key


def _lines(name: str) -> Iterator[str]:
    # Imported here: most programs load the shelf and never look a country up.
    from importlib.resources import files

    text = (files("privet.vocabulary") / "data" / name).read_text(encoding="utf-8")
    return (line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def country_codes() -> frozenset[str]:
    """Return the alpha-2 codes of ISO 3166-1."""
    return frozenset(line[:2] for line in _lines("countries.txt"))


@cache
def country_names() -> dict[str, str]:
    """Return alpha-2, alpha-3 codes and English names, as `_text.key` writes them, → alpha-2."""
    found = {}
    for line in _lines("countries.txt"):
        two, three, names = line.split(" ", 2)
        found.update({key(word): two for word in (two, three, *names.split(";"))})
    return found


@cache
def state_names() -> dict[str, str]:
    """Return English and local names of states and provinces, as `_text.key` writes them, → ISO 3166-2 code."""
    found = {}
    for line in _lines("states.txt"):
        code, _, names = line.partition(" ")
        found.update({key(name): code for name in names.split(";")})
    return found


@cache
def subdivisions() -> frozenset[str]:
    """Return the codes of ISO 3166-2, and the military "states" of the US Postal Service."""
    codes = {line.partition(" ")[0] for line in _lines("states.txt")}
    for line in _lines("subdivisions.txt"):
        country, *tails = line.split(" ")
        codes.update(f"{country}-{tail}" for tail in tails)
    return frozenset(codes)


@cache
def languages() -> dict[str, str]:
    """Return every language code of ISO 639 sets 1 to 3 → the one that RFC 5646, section 2.2.1, prefers."""
    found = {}
    for line in _lines("languages3.txt"):
        stem, thirds = line.split(" ")
        found.update({stem + third: stem + third for third in thirds})
    for line in _lines("languages.txt"):
        two, *others = line.split(" ")
        found.update(dict.fromkeys((two, *others), two))
    # Withdrawn two-letter codes that old systems still write, with their preferred values in the IANA registry.
    found.update({"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro"})
    return found


@cache
def scripts() -> frozenset[str]:
    """Return the codes of ISO 15924."""
    return frozenset(code for line in _lines("scripts.txt") for code in line.split(" "))
