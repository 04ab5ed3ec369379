"""Masks, parts and special rules of the numbers and codes that name persons and bodies. All values are invented."""

from __future__ import annotations

import pytest

from privet.errors import InvalidValue
from privet.vocabulary.datatype import TYPES
from privet.vocabulary.types.us_ssn import normalize_all

MASKS = {
    "us.ssn": ("856-45-6789", "***-**-6789"),
    "us.itin": ("912-90-3456", "***-**-3456"),
    "us.ein": ("91-1144442", "**-***4442"),
    "us.atin": ("900-93-0001", "***-**-0001"),
    "us.ptin": ("P01234567", "*****4567"),
    "us.driver_license": ("CA A1234567", "*****567"),
    "us.passport": ("a00012345", "******345"),
    "ca.sin": ("130 692 544", "***-***-544"),
    "gb.nino": ("ab 12 34 56 c", "AB******C"),
    "gb.nhs": ("943 476 5919", "******5919"),
    "in.aadhaar": ("2341 2341 2346", "**** **** 2346"),
    "in.pan": ("ABCPX1234K", "AB***1234*"),
    "br.cpf": ("111.444.777-35", "***.***.***-35"),
    "br.cnpj": ("12.ABC.345/01DE-35", "**.***.***/****-35"),
    "fr.nir": ("2 95 10 99 126 111 93", "*************93"),
    "es.dni": ("12345678-Z", "***4567**"),
    "es.nie": ("x-1234567-l", "****4567*"),
    "it.codicefiscale": ("RSSMRA85T10A562S", "**************2S"),
    "de.idnr": ("36 574 261 809", "********809"),
    "nl.bsn": ("111222333", "******333"),
    "pl.pesel": ("44051401359", "**********9"),
    "se.personnummer": ("19811228-9874", "***********4"),
    "be.nn": ("85.07.30-033.28", "*********28"),
    "au.tfn": ("123 456 782", "*****6782"),
    "mx.curp": ("BOXW310820HNERXN09", "**************XN09"),
    "mx.rfc": ("GODE-561231-GR8", "*********1GR8"),
    "za.idnr": ("750330 5044 089", "*********4089"),
    "kr.rrn": ("971013-9019902", "*********9902"),
    "cn.ric": ("110101199003071233", "**************1233"),
    "eu.vat": ("DE 136695976", "*******5976"),
    "org.tax_id": ("DE 136695976", "DE:*****5976"),
    "org.lei": ("213800KUD8LAJWSQ9D15", "213800KUD8LAJWSQ9D15"),
    "org.duns": ("15-048-3782", "150483782"),
}

PARTS = [
    ("us.ssn", "856-45-6789", "area", "856"),
    ("us.ssn", "856-45-6789", "group", "45"),
    ("us.ssn", "856-45-6789", "serial", "6789"),
    ("us.ssn", "856-45-6789", "last_four", "6789"),
    ("us.ein", "94-1144442", "campus", "Memphis"),
    ("us.driver_license", "FL G544-061-73-925-0", "state", "FL"),
    ("us.driver_license", "FL G544-061-73-925-0", "number", "G544061739250"),
    ("us.driver_license", "FL G544-061-73-925-0", "last_three", "250"),
    ("us.driver_license", "AK 1234", "last_three", None),
    ("ca.sin", "130 692 544", "last_three", "544"),
    ("in.pan", "ABCPX1234K", "holder_type", "individual"),
    ("br.cpf", "111.444.777-35", "root", "111444777"),
    ("br.cpf", "111.444.777-35", "region", "7"),
    ("br.cnpj", "12.ABC.345/01DE-35", "root", "12ABC345"),
    ("br.cnpj", "12.ABC.345/01DE-35", "branch", "01DE"),
    ("fr.nir", "2 95 10 99 126 111 93", "sex", "female"),
    ("fr.nir", "2 95 10 99 126 111 93", "year", "95"),
    ("fr.nir", "2 95 10 99 126 111 93", "department", "99"),
    ("it.codicefiscale", "RSSMRA85T10A562S", "sex", "male"),
    ("it.codicefiscale", "RSSMRA85T10A562S", "year", "85"),
    ("it.codicefiscale", "RSSMRA85T10A562S", "place", "A562"),
    ("pl.pesel", "44051401359", "year", "1944"),
    ("pl.pesel", "44051401359", "sex", "male"),
    ("se.personnummer", "19811228-9874", "year", "1981"),
    ("se.personnummer", "811228-9874", "year", None),
    ("se.personnummer", "19811228-9874", "sex", "male"),
    ("se.personnummer", "19811228-9874", "ten_digits", "8112289874"),
    ("se.personnummer", "811228+9874", "ten_digits", "8112289874"),
    ("be.nn", "85.07.30-033.28", "year", "1985"),
    ("be.nn", "17.07.30-033.84", "year", "2017"),
    ("be.nn", "85.07.30-033.28", "sex", "male"),
    ("eu.vat", "EL 094259216", "prefix_2", "EL"),
    ("eu.vat", "GR 094259216", "country", "EL"),
    ("org.tax_id", "US 91-1144442", "country", "US"),
    ("org.lei", "213800KUD8LAJWSQ9D15", "lou", "2138"),
]

FIXES = [
    ("us.driver_license", "state", " ca ", "CA"),
    ("us.ein", "campus", "kansas city", "Kansas City"),
    ("in.pan", "holder_type", "P", "individual"),
    ("in.pan", "holder_type", "Hindu undivided family", "hindu_undivided_family"),
    ("fr.nir", "sex", "F", "female"),
    ("fr.nir", "year", "1995", "95"),
    ("fr.nir", "department", "2a", "2A"),
    ("pl.pesel", "year", "1944", "1944"),
    ("se.personnummer", "ten_digits", "19811228-9874", "8112289874"),
    ("id.passport_mrz", "dob", "1985-04-13", "850413"),
    ("br.cnpj", "branch", "01de", "01DE"),
]

REFUSED_LITERALS = [
    ("us.ssn", "last_four", "67890"),
    ("us.ein", "campus", "Atlantis"),
    ("in.pan", "holder_type", "Q"),
    ("fr.nir", "sex", "1"),
    ("pl.pesel", "year", "44"),
    ("se.personnummer", "ten_digits", "8112289875"),
    ("id.passport_mrz", "dob", "April"),
]

NAMES = sorted({*MASKS, "id.passport_mrz"})


def zone(number: str = "X00012345", birth: str = "850413", optional: str = "<" * 14) -> str:
    """Return an invented passport zone with check digits of its own sum."""

    def check(field: str) -> str:
        values = [0 if letter == "<" else int(letter, 36) for letter in field]
        return str(sum(value * (7, 3, 1)[at % 3] for at, value in enumerate(values)) % 10)

    line = number + check(number) + "UTO" + birth + check(birth) + "F310228" + check("310228") + optional
    line += check(optional)
    return "P<UTOEXAMPLE<<ANNA".ljust(44, "<") + "\n" + line + check(line[:10] + line[13:20] + line[21:43])


def test_all_of_them_are_on_the_shelf() -> None:
    assert set(NAMES) - set(TYPES.built_in) == set()
    assert len(NAMES) == 34


@pytest.mark.parametrize(("name", "value", "seen"), [(name, *pair) for name, pair in MASKS.items()], ids=MASKS)
def test_default_mask_shows_what_the_table_says(name: str, value: str, seen: str) -> None:
    datatype = TYPES.get(name)
    assert datatype.masked(datatype.normalize(value)) == seen


@pytest.mark.parametrize(("name", "value", "part", "found"), PARTS)
def test_part_of_a_value(name: str, value: str, part: str, found: str | None) -> None:
    datatype = TYPES.get(name)
    row = datatype.part(part)
    assert row is not None
    assert row.of(datatype.normalize(value)) == found


@pytest.mark.parametrize(("name", "part", "literal", "fixed"), FIXES)
def test_literal_of_a_question_becomes_the_form_of_its_part(name: str, part: str, literal: str, fixed: str) -> None:
    row = TYPES.get(name).part(part)
    assert row is not None
    assert row.fix(literal) == fixed


@pytest.mark.parametrize(("name", "part", "literal"), REFUSED_LITERALS)
def test_literal_that_no_part_can_have_is_refused_unquoted(name: str, part: str, literal: str) -> None:
    row = TYPES.get(name).part(part)
    assert row is not None
    with pytest.raises(InvalidValue) as caught:
        row.fix(literal)
    assert f"`{literal}`" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_row_is_consistent(name: str) -> None:
    row = TYPES.get(name)
    generic = {"redacted", "masked", "plain_text"}
    assert (row.redactions[0], row.redactions[-1]) == ("redacted", "plain_text")
    assert row.ceiling in row.redactions
    assert all(step in generic or row.part(step) for step in row.redactions)
    assert all(index == "exact" or row.part(index) for index in row.indexes)
    assert row.normalize(row.example)


@pytest.mark.parametrize("name", NAMES)
def test_number_on_the_wire_is_refused_because_its_leading_zeros_are_gone(name: str) -> None:
    with pytest.raises(InvalidValue):
        TYPES.get(name).normalize(123456782)


# --- rules of single types --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["078-05-1120", "219-09-9999"])
def test_void_social_security_numbers_are_refused_alone_and_in_batches(value: str) -> None:
    assert normalize_all([value, value.replace("-", "")]) == (
        ["", ""],
        dict.fromkeys((0, 1), "expected a number that is not void"),
    )


def test_number_beside_a_void_one_is_accepted() -> None:
    assert normalize_all(["078051121", "219-09-9998"]) == (["078051121", "219099998"], {})


def test_hyphens_of_another_number_are_refused() -> None:
    for name, value in (("us.ein", "911-14-4442"), ("us.ssn", "85-6456789"), ("us.itin", "912-903456")):
        with pytest.raises(InvalidValue):
            TYPES.get(name).normalize(value)


@pytest.mark.parametrize("value", ["856\u201345\u20116789", "856\u00a045\u00a06789"])
def test_typeset_hyphens_and_spaces_are_read(value: str) -> None:
    assert TYPES.get("us.ssn").normalize(value) == "856456789"


@pytest.mark.parametrize("value", ["CA A1234567", "CA-A1234567", "CA:A1234567", "ca: a123-4567"])
def test_licence_is_read_with_any_separator_after_its_state(value: str) -> None:
    assert TYPES.get("us.driver_license").normalize(value) == "CA:A1234567"


@pytest.mark.parametrize("value", ["WA DOE**MJ501P1", "NH NHL12345678", "VT 1234567A", "NV X12345678", "MO A123456R"])
def test_licence_formats_with_letters_of_their_own(value: str) -> None:
    assert TYPES.get("us.driver_license").normalize(value) == value.replace(" ", ":")


@pytest.mark.parametrize("value", ["WA DOE**MJ501P", "CA 1234567", "XX 1234567", "PR 1234567", "CAA1234567"])
def test_licence_of_no_state_or_another_format_is_refused(value: str) -> None:
    with pytest.raises(InvalidValue):
        TYPES.get("us.driver_license").normalize(value)


def test_short_licence_numbers_show_nothing() -> None:
    assert TYPES.get("us.driver_license").masked("AK:1234") == "****"


def test_passport_zone_of_two_lines_and_of_one_are_the_same_text() -> None:
    row = TYPES.get("id.passport_mrz")
    assert row.normalize(zone()) == row.normalize(zone().replace("\n", "")) == zone().replace("\n", "")


def test_passport_zone_mask_and_parts() -> None:
    row, text = TYPES.get("id.passport_mrz"), zone().replace("\n", "")
    assert row.masked(text) == "******345"
    assert {part.name: part.of(text) for part in row.parts} == {
        "issuer": "UTO",
        "number": "X00012345",
        "dob": "850413",
        "expiry": "310228",
        "last_three": "345",
    }


def test_passport_zone_may_leave_month_and_day_of_birth_unknown() -> None:
    row = TYPES.get("id.passport_mrz")
    part = row.part("dob")
    assert part is not None
    assert part.of(row.normalize(zone(birth="85<<<<"))) is None


@pytest.mark.parametrize("birth", ["851301", "850230", "85<413"])
def test_passport_zone_with_an_impossible_birth_is_refused(birth: str) -> None:
    with pytest.raises(InvalidValue, match="date of birth"):
        TYPES.get("id.passport_mrz").normalize(zone(birth=birth))


@pytest.mark.parametrize("place", [9, 19, 27, 42, 43])
def test_passport_zone_checks_each_of_its_check_digits(place: int) -> None:
    first, second = zone(optional="ZE184226B<<<<<").split("\n")
    wrong = second[:place] + str((int(second[place]) + 1) % 10) + second[place + 1 :]
    with pytest.raises(InvalidValue, match="check digit"):
        TYPES.get("id.passport_mrz").normalize(f"{first}\n{wrong}")


def test_swedish_plus_stays_because_it_is_the_century() -> None:
    row = TYPES.get("se.personnummer")
    assert [row.normalize(text) for text in ("811228-9874", "811228+9874", "19811228-9874")] == [
        "8112289874",
        "811228+9874",
        "198112289874",
    ]


def test_korean_check_digit_is_asked_of_births_before_its_end_only() -> None:
    row = TYPES.get("kr.rrn")
    accepted = []
    for stem in ("201004300000", "201005300000"):
        for last in "0123456789":
            _, faults = row.canonicalize([stem + last])
            accepted.append(not faults)
    assert (sum(accepted[:10]), sum(accepted[10:])) == (1, 10)


def test_italian_stand_in_letters_read_as_digits() -> None:
    row = TYPES.get("it.codicefiscale")
    text = row.normalize("RSSMRA85T10A56NH")
    assert [part.of(text) for part in row.parts if part.name in ("year", "place")] == ["85", "A562"]


def test_italian_women_count_days_from_forty_one() -> None:
    row = TYPES.get("it.codicefiscale")
    part = row.part("sex")
    assert part is not None
    assert part.of(row.normalize("RSSMRA85T50A562W")) == "female"


def test_dutch_number_of_eight_digits_gets_its_zero_back() -> None:
    assert TYPES.get("nl.bsn").normalize("10000008") == "010000008"


def test_brazilian_number_of_one_repeated_digit_is_refused() -> None:
    with pytest.raises(InvalidValue):
        TYPES.get("br.cpf").normalize("111.111.111-11")


def test_mexican_code_of_letters_outside_ascii() -> None:
    row = TYPES.get("mx.rfc")
    assert row.normalize("n\u0303&a 930714 8t4") == "Ñ&A9307148T4"


def test_mexican_code_with_refused_initials() -> None:
    with pytest.raises(InvalidValue, match="initials"):
        TYPES.get("mx.rfc").normalize("RUIN9307148T4")


def test_german_number_with_three_equal_digits_in_a_row_is_refused() -> None:
    with pytest.raises(InvalidValue, match="in a row"):
        TYPES.get("de.idnr").normalize("11134567891")


def test_greek_and_northern_irish_numbers_have_one_spelling_each() -> None:
    assert TYPES.get("eu.vat").normalize("GR 094259216") == "EL094259216"
    assert TYPES.get("org.tax_id").normalize("EL 094259216") == "GR:094259216"


def test_vat_prefix_written_twice_is_refused() -> None:
    with pytest.raises(InvalidValue):
        TYPES.get("eu.vat").normalize("DEDE136695976")


def test_tax_numbers_of_own_types_keep_their_rules() -> None:
    row = TYPES.get("org.tax_id")
    assert row.normalize("MX Ñ&A-930714-8T4") == "MX:Ñ&A9307148T4"
    assert row.normalize("CH CHE-107.787.577") == "CH:CHE107787577"
    assert row.normalize("CN 91110000600037341L") == "CN:91110000600037341L"
    with pytest.raises(InvalidValue, match="prefix that the IRS assigns") as caught:
        row.normalize("US 07-1144442")
    assert caught.value.type_name == "org.tax_id"
