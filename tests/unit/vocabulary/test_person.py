"""Masks, parts and rules of the person.* types that the vectors do not state."""

from __future__ import annotations

import pytest

from privet.errors import InvalidValue
from privet.vocabulary.datatype import TYPES, DataType, Part, Wire
from privet.vocabulary.types import _people as people


def part_of(datatype: DataType, name: str) -> Part:
    found = datatype.part(name)
    assert found is not None
    return found


FULL_NAME = TYPES.get("person.full_name")
DOB = TYPES.get("person.dob")
AGE = TYPES.get("person.age")


@pytest.mark.parametrize(
    ("type_name", "text", "shown"),
    [
        ("person.full_name", "Jane Doe", "J***oe"),
        ("person.full_name", "Li Wu", "L***"),
        ("person.full_name", "X", "***"),
        ("person.given_name", "Jane", "J***"),
        ("person.given_name", "J", "***"),
        ("person.family_name", "Doe", "D***"),
        ("person.username", "abcz", "a***z"),
        ("person.username", "abc", "a***"),
        ("person.dob", "1985-04-12", "1985-**-**"),
        ("person.age", "42", "40-49"),
        ("person.age", "93", "90+"),
        ("person.gender", "female", None),
        ("person.race_ethnicity", "asian", None),
        ("person.marital_status", "married", None),
        ("person.nationality", "NZ", "NZ"),
        ("person.language", "en-NZ", "en-NZ"),
        ("person.prefix", "dr", "dr"),
    ],
)
def test_default_mask(type_name: str, text: str, shown: str | None) -> None:
    assert TYPES.get(type_name).masked(text) == shown


@pytest.mark.parametrize("type_name", ["person.photo", "person.biometric"])
def test_pictures_and_biometrics_are_hidden_whole(type_name: str) -> None:
    datatype = TYPES.get(type_name)
    assert datatype.masked(datatype.normalize(datatype.example)) is None


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Jane Doe", ("Jane", "", "Doe", "")),
        ("Jane Q. Public", ("Jane", "Q.", "Public", "")),
        ("Dr. Jane Doe, PhD", ("Jane", "", "Doe", "PhD")),
        ("Doe, Jane Mary", ("Jane", "Mary", "Doe", "")),
        ("John Smith Jr.", ("John", "", "Smith", "Jr.")),
        ("Ana Maria van der Berg", ("Ana", "Maria", "van der Berg", "")),
        ("Smith, John, III", ("John", "", "Smith", "III")),
        ("Cher", ("Cher", "", "", "")),
        ("Van", ("Van", "", "", "")),
    ],
)
def test_full_name_splits(text: str, pieces: tuple[str, str, str, str]) -> None:
    assert people.split(text) == pieces


@pytest.mark.parametrize(
    ("word", "code"),
    # US National Archives, The Soundex Indexing System: the examples of the page.
    [
        ("Washington", "W252"),
        ("Lee", "L000"),
        ("Gutierrez", "G362"),
        ("Pfister", "P236"),
        ("Jackson", "J250"),
        ("Tymczak", "T522"),
        ("Ashcraft", "A261"),
        ("VanDeusen", "V532"),
    ],
)
def test_soundex(word: str, code: str) -> None:
    assert people.soundex(word) == code


def test_soundex_ignores_accents_and_takes_a_code_as_it_stands() -> None:
    part = part_of(FULL_NAME, "soundex")
    assert part.of("Ana Muñoz") == part.fix("Munoz")
    assert part.fix("m520") == "M520"


def test_prefix_ignores_case() -> None:
    part = part_of(TYPES.get("person.family_name"), "prefix_1")
    assert part.of("doe") == part.of("Doe") == part.fix("D") == "d"
    with pytest.raises(InvalidValue):
        part.fix("Do")


def test_dob_year_covers_a_range() -> None:
    part = part_of(DOB, "year")
    assert part.cover is not None
    assert part.cover("1984-12-31", "1986-01-01") == ["1984", "1985", "1986"]
    assert part.cover("", "1891-01-01") == ["1890", "1891"]
    assert part.cover("2099-01-01", "") == ["2099", "2100"]
    assert list(part.cover("1986-01-01", "1985-01-01")) == []


def test_dob_month_and_decade_cover_a_range() -> None:
    month, decade = part_of(DOB, "year_month"), part_of(DOB, "decade")
    assert month.cover is not None and decade.cover is not None
    assert month.cover("1985-11-30", "1986-02-01") == ["1985-11", "1985-12", "1986-01", "1986-02"]
    assert decade.cover("1979-12-31", "1990-01-01") == ["1970s", "1980s", "1990s"]
    assert decade.of("1985-04-12") == decade.fix("1980") == "1980s"


def test_dob_month_is_two_digits() -> None:
    part = part_of(DOB, "month")
    assert part.of("1985-04-12") == part.fix("4") == "04"
    with pytest.raises(InvalidValue):
        part.fix("13")


def test_ages_from_90_on_share_a_bucket() -> None:
    part = part_of(AGE, "decade")
    assert part.of("89") == "80-89"
    assert {part.of("90"), part.of("104"), part.of("130")} == {"90+"}


def test_age_bucket_covers_a_range() -> None:
    cover = part_of(AGE, "decade").cover
    assert cover is not None
    assert cover("18", "41") == ["10-19", "20-29", "30-39", "40-49"]
    assert cover("85", "") == ["80-89", "90+"]
    assert cover("95", "100") == ["90+"]
    assert cover("50", "40") == []


def test_every_age_lies_in_the_buckets_that_cover_it() -> None:
    part = part_of(AGE, "decade")
    assert part.cover is not None
    for age in range(131):
        assert [part.of(str(age))] == list(part.cover(str(age), str(age)))


def test_age_is_presented_as_a_number() -> None:
    assert AGE.present(AGE.normalize("007")) == 7


@pytest.mark.parametrize(("sent", "shown"), [("DR.", "Dr"), ("Prof. Dr.", "Prof Dr"), ("señora", "Mrs")])
def test_prefix_is_presented_as_it_is_written(sent: str, shown: str) -> None:
    prefix = TYPES.get("person.prefix")
    assert prefix.present(prefix.normalize(sent)) == shown


@pytest.mark.parametrize(("sent", "shown"), [("junior", "Jr"), ("Ph.D.", "PhD"), ("iii", "III")])
def test_suffix_is_presented_as_it_is_written(sent: str, shown: str) -> None:
    suffix = TYPES.get("person.suffix")
    assert suffix.present(suffix.normalize(sent)) == shown


def test_a_refused_word_is_told_its_list_in_the_hint() -> None:
    with pytest.raises(InvalidValue) as caught:
        TYPES.get("person.gender").normalize("emale")
    assert "female" in caught.value.hint
    assert "emale" not in str(caught.value)


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [("ENG", "en"), ("zh-hant-tw", "zh-Hant-TW"), ("iw", "he"), ("es-419", "es-419"), ("de-de-1996", "de-DE-1996")],
)
def test_language_tags(sent: str, canonical: str) -> None:
    assert TYPES.get("person.language").normalize(sent) == canonical


def test_language_parts() -> None:
    language = TYPES.get("person.language")
    assert part_of(language, "primary").of("zh-Hant-TW") == "zh"
    assert part_of(language, "region").of("zh-Hant-TW") == "TW"
    assert part_of(language, "region").of("en-x-private") is None


def test_photo_takes_images_alone() -> None:
    photo = TYPES.get("person.photo")
    held: dict[str, Wire] = {"name": "letter.pdf", "mime": "application/pdf", "size": 1, "sha256": "ab" * 32}
    with pytest.raises(InvalidValue):
        photo.normalize(held)
    assert part_of(photo, "hash").of(photo.normalize({**held, "mime": "image/png"})) == "ab" * 32
