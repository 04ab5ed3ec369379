"""Where a person lives, as notices name it: countries and their parts by ISO 3166, the European Union, everywhere.

Which signals bind there is for the laws to say. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from privet.errors import InvalidInput
from privet.vocabulary.laws import laws
from privet.vocabulary.types._tables import country_codes

EVERYWHERE = ""
# The member states (Art. 52 TEU); EEA: with those of the agreement's other side (OJ L 1, 3.1.1994, p. 3).
EU = frozenset({"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"})
EU |= {"IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
GROUPS = {"EU": EU, "EEA": EU | {"IS", "LI", "NO"}}
_PART = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
NOWHERE = -1


def read_region(text: str, *, at: str = "region") -> str:
    """Return a region as notices write it. Raises InvalidInput.

    >>> read_region("us-ca"), read_region("eu"), read_region("")
    ('US-CA', 'EU', '')
    """
    found = text.strip().upper()
    country = found.partition("-")[0]
    if not found or found in GROUPS or (_PART.fullmatch(found) and country in country_codes()):
        return found
    raise InvalidInput(
        "expected a region as ISO 3166 writes it", at=at, hint='such as `DE` or `US-CA`; `EU`, `EEA`; "" for everywhere'
    )


def covers(regions: Iterable[str], region: str) -> int:
    """Return how closely some regions name one: 3 it itself as a part of a country, 2 its country, 1 a union of
    countries, 0 everywhere, NOWHERE. Where nobody knows a region (""), everywhere alone fits.

    >>> covers(("", "US"), "US-CA"), covers(("EU",), "DE"), covers(("DE",), "FR"), covers(("US-CA",), "US")
    (2, 1, -1, -1)
    """
    return max((_closeness(each, region) for each in regions), default=NOWHERE)


def binds(region: str, day: date) -> bool:
    """Return whether a browser's signal to opt out binds in a region on a day, by the laws that Privet knows of; for a
    country, or where nobody knows a region, whether it does anywhere within.

    >>> binds("US-CA", date(2023, 1, 1)), binds("US-CA", date(2022, 12, 31)), binds("DE", date(2026, 1, 1))
    (True, False, False)
    >>> binds("US", date(2023, 1, 1)), binds("", date(2023, 1, 1))
    (True, True)
    """
    return any(law.signal is not None and law.signal <= day and _may_be_in(law.region, region) for law in laws())


def _may_be_in(named: str, region: str) -> bool:
    """Return whether whoever is in a region may be in one that a law names."""
    return _closeness(named, region) > 0 or region == EVERYWHERE or named.startswith(f"{region}-")


def _closeness(named: str, region: str) -> int:
    if named == EVERYWHERE:
        return 0
    country = region.partition("-")[0]
    if named in GROUPS:
        return (
            1 if region == named or country in GROUPS[named] or GROUPS.get(region, {""}) <= GROUPS[named] else NOWHERE
        )
    if named == region:
        return 3 if "-" in named else 2
    return 2 if named == country else NOWHERE
