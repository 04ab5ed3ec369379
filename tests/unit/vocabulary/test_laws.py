"""The laws data: whole rows, and some of their figures as the texts have them."""

from __future__ import annotations

import re
from datetime import date

import pytest

from privet.errors import UnknownName
from privet.vocabulary.laws import NEEDS, RIGHTS, Period, law, laws

# States whose comprehensive privacy act was in force on 2026-11-01, by the day it began, as each act says.
STATES = {
    "US-CA": date(2020, 1, 1),
    "US-VA": date(2023, 1, 1),
    "US-CO": date(2023, 7, 1),
    "US-CT": date(2023, 7, 1),
    "US-UT": date(2023, 12, 31),
    "US-FL": date(2024, 7, 1),
    "US-TX": date(2024, 7, 1),
    "US-OR": date(2024, 7, 1),
    "US-MT": date(2024, 10, 1),
    "US-IA": date(2025, 1, 1),
    "US-DE": date(2025, 1, 1),
    "US-NE": date(2025, 1, 1),
    "US-NH": date(2025, 1, 1),
    "US-NJ": date(2025, 1, 15),
    "US-TN": date(2025, 7, 1),
    "US-MN": date(2025, 7, 31),
    "US-MD": date(2025, 10, 1),
    "US-IN": date(2026, 1, 1),
    "US-KY": date(2026, 1, 1),
    "US-RI": date(2026, 1, 1),
}


def test_every_state_act_in_force_is_there_with_its_day() -> None:
    assert {row.region: row.since for row in laws() if row.region.startswith("US-")} == STATES


def test_the_others_that_are_promised_are_there() -> None:
    assert {"gdpr", "uk_gdpr", "ccpa", "lgpd", "hipaa", "pipeda"} <= {row.key for row in laws()}


@pytest.mark.parametrize("row", laws(), ids=lambda row: row.key)
def test_every_row_names_its_source_and_only_known_words(row: object) -> None:
    found = law(getattr(row, "key", ""))
    assert re.fullmatch(r"https://[a-z0-9.-]+/\S+", found.url)
    assert found.source
    assert set(found.needs) <= set(NEEDS)
    assert all(found.needs.values())
    rights = [right for request in found.requests for right in request.rights]
    assert len(rights) == len(set(rights))
    assert set(rights) <= set(RIGHTS)
    assert all(request.source for request in found.requests)
    assert found.request("access") is not None


@pytest.mark.parametrize(
    ("key", "right", "within", "extend"),
    [
        ("gdpr", "erasure", Period(1, "months"), Period(2, "months")),  # Art. 12(3): one month, two further months
        ("ccpa", "access", Period(45, "days"), Period(45, "days")),  # § 1798.130(a)(2)(A)
        ("ccpa", "opt_out", Period(15, "business days"), None),  # tit. 11 § 7026(f)(1)
        ("icdpa", "access", Period(90, "days"), Period(45, "days")),  # Iowa Code 715D.3(2)(a)
        ("fdbr", "access", Period(45, "days"), Period(15, "days")),  # Fla. Stat. 501.706
        ("lgpd", "access", Period(15, "days"), None),  # Art. 19 II
        ("hipaa", "access", Period(30, "days"), Period(30, "days")),  # 45 CFR 164.524(b)(2)
        ("pipeda", "access", Period(30, "days"), Period(30, "days")),  # s. 8(3), 8(4)
    ],
)
def test_periods_are_those_of_the_texts(key: str, right: str, within: Period, extend: Period | None) -> None:
    request = next(request for request in law(key).requests if right in request.rights)
    assert (request.within, request.extend) == (within, extend)


def test_an_extension_is_in_the_unit_of_the_period_that_it_is_added_to() -> None:
    for row in laws():
        for request in row.requests:
            if request.extend is not None:
                assert request.within is not None
                assert request.extend.unit == request.within.unit


def test_only_where_a_text_says_so_does_a_last_day_move() -> None:
    assert {row.key for row in laws() if row.moves} == {"gdpr", "uk_gdpr"}
    assert "1182/71" in law("gdpr").moves
    assert {row.key: row.sector for row in laws() if row.sector} == {"hipaa": "health"}


def test_a_right_that_a_law_does_not_have_is_none() -> None:
    assert law("hipaa").request("erasure") is None
    assert law("icdpa").request("rectification") is None


def test_an_unknown_key_names_near_ones() -> None:
    with pytest.raises(UnknownName) as told:
        law("gdrp")
    assert "gdpr" in told.value.hint
