"""Masks, parts and rules of the address.* and geo.* types that the vectors do not state."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.errors import InvalidValue
from privet.vocabulary.datatype import TYPES, Part
from privet.vocabulary.types import geo_lat_lon as geo
from privet.vocabulary.types._tables import country_codes, country_names, subdivisions


def part_of(type_name: str, name: str) -> Part:
    found = TYPES.get(type_name).part(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("type_name", "text", "shown"),
    [
        ("address.street", "123 Main St", "1** M*** St"),
        ("address.street", "12 North Oak Avenue, Apt 4", "1** N*** O*** Avenue"),
        ("address.street", "Hauptstraße 12", "H*** 1**"),
        ("address.street", "PO Box 7", "P*** B*** 7**"),
        ("address.city", "Wellington", "Wellington"),
        ("address.state", "US-CA", "US-CA"),
        ("address.postal_us", "94103", "941**"),
        ("address.postal_us", "94103-1234", "941**"),
        ("address.postal_us", "03601", "000**"),
        ("address.postal_intl", "GB:SW1A 1AA", "GB:SW1A ***"),
        ("address.postal_intl", "DE:10115", "DE:101***"),
        ("address.postal_intl", "JP:100-0001", "JP:100***"),
        ("address.country", "NZ", "NZ"),
        ("geo.lat_lon", "37.7749,-122.4194", "37.8,-122.4"),
        ("geo.lat_lon", "-0.01,0", "0.0,0.0"),
    ],
)
def test_default_mask(type_name: str, text: str, shown: str) -> None:
    assert TYPES.get(type_name).masked(text) == shown


@pytest.mark.parametrize(
    ("text", "number", "street", "unit"),
    [
        ("123 Main St", "123", "Main St", None),
        ("123 Main St Apt 4B", "123", "Main St", "Apt 4B"),
        ("12-14 High Street, Flat 2", "12-14", "High Street", "Flat 2"),
        ("Hauptstraße 12a", "12a", "Hauptstraße", None),
        ("Rose Cottage", None, "Rose Cottage", None),
        ("Apt 4", None, None, "Apt 4"),
    ],
)
def test_street_parts(text: str, number: str | None, street: str | None, unit: str | None) -> None:
    found = [part_of("address.street", name).of(text) for name in ("number", "street", "unit")]
    assert found == [number, street, unit]


def test_spellings_of_one_street_match() -> None:
    part = part_of("address.street", "matching")
    assert part.of("12 North Main Street, Apartment 4B") == part.fix("12 N. MAIN ST APT 4B") == "12 n main st apt 4b"
    assert part.of("12 Main St #4") == "12 main st # 4"


def test_zip3_hides_areas_of_few_people() -> None:
    part = part_of("address.postal_us", "zip3")
    assert part.of("94103") == "941"
    # 45 CFR 164.514(b)(2)(i)(B): 17 areas of 20,000 people or fewer in the census of 2000.
    assert part.of("03601") == part.of("89301") == "000"
    assert sum(part.of(f"{area:03}01") == "000" for area in range(5, 1000)) == 17


def test_zip_parts() -> None:
    found = {part.name: part.of("94103-1234") for part in TYPES.get("address.postal_us").parts}
    assert found == {"zip3": "941", "zip5": "94103", "plus4": "1234", "prefix_3": "941"}
    assert part_of("address.postal_us", "plus4").of("94103") is None


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("se-11455", "SE:114 55"),
        ("LV-1010", "LV:1010"),
        ("LV:LV-1010", "LV:1010"),
        ("NL 1012ab", "NL:1012 AB"),
        ("IE D02X285", "IE:D02 X285"),
        ("CA:k1a0b1", "CA:K1A 0B1"),
        ("FK FIQQ 1ZZ", "FK:FIQQ 1ZZ"),
        ("GG GY1 1AA", "GG:GY1 1AA"),
    ],
)
def test_postal_code_of_a_country(sent: str, canonical: str) -> None:
    assert TYPES.get("address.postal_intl").normalize(sent) == canonical


@pytest.mark.parametrize("sent", ["CA D1A 1A1", "HK 999077", "NL 0123 AB", "GB QZ1 1AA", "ZZ 12345"])
def test_postal_code_that_no_such_country_has(sent: str) -> None:
    with pytest.raises(InvalidValue):
        TYPES.get("address.postal_intl").normalize(sent)


def test_postal_code_halves() -> None:
    found = {part.name: part.of("GB:SW1A 1AA") for part in TYPES.get("address.postal_intl").parts}
    assert found == {"country": "GB", "outward": "SW1A", "inward": "1AA"}


def test_state_parts() -> None:
    assert part_of("address.state", "country").of("AU-NSW") == "AU"
    assert part_of("address.state", "code").of("AU-NSW") == "NSW"
    assert part_of("address.state", "country").fix("Australia") == "AU"


def test_states_belong_to_countries() -> None:
    assert {code[:2] for code in subdivisions()} <= country_codes()


def test_country_names_lead_to_country_codes() -> None:
    assert len(country_codes()) == 249
    assert set(country_names().values()) == country_codes()


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ([37.7749, -122.4194], "37.7749,-122.4194"),
        ({"lat": 90, "lng": -180}, "90,-180"),
        ("+37.77490, -122.4194000", "37.7749,-122.4194"),
        ([1e-05, 0.1 + 0.2], "0.00001,0.3"),
        ("-0.0,0", "0,0"),
    ],
)
def test_points_of_every_shape(sent: object, canonical: str) -> None:
    assert geo.normalize(sent) == canonical  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([10**5000, 0], id="5,001 digits"),
        [float("nan"), 0],
        [True, 0],
        [1, 2, 3],
        {"lat": 1, "lon": 2, "alt": 3},
        "37.7749N,122.4194W",
    ],
)
def test_points_that_are_none(sent: object) -> None:
    with pytest.raises(InvalidValue):
        geo.normalize(sent)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lat", "lon", "cell"),
    # G. Niemeyer's example of Geohash, and the two ends of the grid, by hand.
    [(42.6, -5.6, "ezs42"), (57.64911, 10.40744, "u4pruydqqvj"), (-90.0, -180.0, "00000"), (90.0, 180.0, "zzzzz")],
)
def test_geohash(lat: float, lon: float, cell: str) -> None:
    assert geo.geohash(lat, lon, len(cell)) == cell


COORDINATES = st.tuples(st.integers(-85_000, 85_000), st.integers(-179_000, 179_000))


@settings(max_examples=100, deadline=None)
@given(COORDINATES, st.integers(0, 900), st.integers(0, 900), st.integers(0, 100), st.integers(0, 100))
def test_every_point_of_a_box_lies_in_a_cell_that_covers_it(
    corner: tuple[int, int], height: int, width: int, up: int, along: int
) -> None:
    def at(share_up: int, share_along: int) -> str:
        lat, lon = corner[0] + height * share_up // 100, corner[1] + width * share_along // 100
        return geo.normalize([lat / 1000, lon / 1000])

    part = part_of("geo.lat_lon", "geohash_5")
    assert part.cover is not None
    assert part.of(at(up, along)) in part.cover(at(0, 0), at(100, 100))


def test_a_box_may_cross_the_date_line() -> None:
    part = part_of("geo.lat_lon", "geohash_5")
    assert part.cover is not None
    cells = part.cover("0,179.99", "0.01,-179.99")
    assert part.of("0.005,179.995") in cells
    assert part.of("0.005,-179.995") in cells
    assert len(cells) < 10


def test_a_box_of_too_many_cells_is_refused() -> None:
    cover = part_of("geo.lat_lon", "geohash_5").cover
    assert cover is not None
    with pytest.raises(InvalidValue):
        cover("-10,-10", "10,10")
