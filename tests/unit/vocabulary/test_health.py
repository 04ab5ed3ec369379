"""Health types: masks, parts, and the rules that only some of them have."""

from __future__ import annotations

import pytest

from privet.errors import InvalidValue
from privet.vocabulary.datatype import TYPES


def part(datatype_name: str, name: str, text: str) -> str | None:
    found = TYPES.get(datatype_name).part(name)
    assert found is not None
    return found.of(text)


@pytest.mark.parametrize(
    ("datatype", "text", "shown"),
    [
        ("health.mrn", "GH-0012345", "****345"),
        ("health.mrn", "12345", "*****"),
        ("health.npi", "1234567893", "1234567893"),
        ("health.mbi", "1EG4TE5MK73", "*******MK73"),
        ("health.insurance_member_id", "XYZ123456789", "******6789"),
        ("health.insurance_member_id", "AB123", "******"),
        ("health.icd10", "E11.9", "E11.*"),
        ("health.icd10", "E11", "E11.*"),
        ("health.cpt", "99213", "992**"),
        ("health.ndc", "00002143380", "00002******"),
        ("health.dea", "AB1234563", "*****4563"),
    ],
)
def test_default_mask(datatype: str, text: str, shown: str) -> None:
    assert TYPES.get(datatype).masked(text) == shown


def test_mrn_splits_the_facility_off() -> None:
    assert part("health.mrn", "facility", "GH-0012345") == "GH"
    assert part("health.mrn", "facility", "0012345") is None


def test_mrn_counts_the_number_alone_before_it_shows_its_end() -> None:
    assert part("health.mrn", "last_three", "HOSPITAL-12345") is None
    assert part("health.mrn", "last_three", "GH-123456") == "456"


@pytest.mark.parametrize(
    ("code", "chapter"),
    [("A00.0", "1"), ("C7A.1", "2"), ("D49.9", "2"), ("D50.0", "3"), ("H59.9", "7"), ("H60.0", "8"), ("O9A.1", "15"),
     ("T88.9", "19"), ("U07.1", "22"), ("V00.01", "20"), ("Z3A.20", "21")],
)  # fmt: skip
def test_icd10_chapter(code: str, chapter: str) -> None:
    # ICD-10-CM, table of contents of the tabular list.
    assert part("health.icd10", "chapter", code) == chapter


@pytest.mark.parametrize(
    ("code", "section"),
    [
        ("00100", "anesthesia"),
        ("10021", "surgery"),
        ("71045", "radiology"),
        ("80053", "laboratory"),
        ("90471", "medicine"),
        ("99213", "evaluation"),
        ("3074F", "performance"),
        ("0075T", "emerging"),
    ],
)
def test_cpt_section(code: str, section: str) -> None:
    assert part("health.cpt", "section", code) == section


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        ("0002-1433-80", "00002143380"),
        ("50242-040-62", "50242004062"),
        ("60575-4112-1", "60575411201"),
        ("12345-6789-01", "12345678901"),
        ("12345678901", "12345678901"),
    ],
    ids=["4-4-2", "5-3-2", "5-4-1", "5-4-2", "plain"],
)
def test_ndc_gets_the_eleven_digits_of_claims(value: str, canonical: str) -> None:
    assert TYPES.get("health.ndc").normalize(value) == canonical


def test_ten_digits_of_an_ndc_without_hyphens_have_three_readings_and_are_refused() -> None:
    with pytest.raises(InvalidValue):
        TYPES.get("health.ndc").normalize("0002143380")


def test_ndc_parts() -> None:
    assert [part("health.ndc", name, "50242004062") for name in ("labeler", "product", "package")] == [
        "50242",
        "0040",
        "62",
    ]


def test_a_medicare_number_is_never_whole_for_a_role() -> None:
    assert TYPES.get("health.mbi").ceiling == "masked"
