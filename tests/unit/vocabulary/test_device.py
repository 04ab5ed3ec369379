"""Vehicles, devices, web addresses and secrets: masks, parts, and the rules that only some of them have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import InvalidValue
from privet.vocabulary.datatype import TYPES, Part

IP = TYPES.get("device.ip")
URL = TYPES.get("net.url")
VIN = TYPES.get("vehicle.vin")


def part(datatype_name: str, name: str) -> Part:
    found = TYPES.get(datatype_name).part(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("datatype", "text", "shown"),
    [
        ("vehicle.vin", "1M8GDM9AXKP042788", "1M8***…2788"),
        ("vehicle.plate", "EXA1234", "***34"),
        ("vehicle.plate", "AB12", "***"),
        ("device.imei", "490154203237518", "***********7518"),
        ("device.imsi", "001010123456789", "***********6789"),
        ("device.mac", "00:00:5e:00:53:2a", "00:00:5e:**:**:**"),
        ("device.ip", "203.0.113.7", "203.0.113.0/24"),
        ("device.ip", "2001:db8:1:2::3", "2001:db8:1::/48"),
        ("device.cookie_id", "v2.1f0c9a7be4", "***7be4"),
        ("device.cookie_id", "abcdef", "***"),
        ("device.serial", "EX-2041-00077", "******0077"),
        ("device.serial", "A12345", "******"),
        ("net.url", "https://example.com/people/42?x=1", "https://example.com/…"),
    ],
)
def test_default_mask(datatype: str, text: str, shown: str) -> None:
    assert TYPES.get(datatype).masked(text) == shown


@pytest.mark.parametrize("name", ["secret.password", "secret.api_key", "secret.free_text", "secret.file", "card.pin"])
def test_secrets_have_no_mask_that_shows_a_piece(name: str) -> None:
    datatype = TYPES.get(name)
    assert datatype.masked(datatype.example) is None


@pytest.mark.parametrize("name", ["secret.password", "secret.api_key"])
def test_no_role_sees_a_credential_or_tests_guesses_on_it(name: str) -> None:
    assert (TYPES.get(name).ceiling, TYPES.get(name).indexes) == ("redacted", ())


@pytest.mark.parametrize(
    ("vin", "year"),
    [
        # The seventh character is a digit before 2010 and a letter from then on (49 CFR 565.15(d)(1)).
        ("1M8GDM9AXKP042788", "1989"),
        ("11111111111111111", "2001"),
        ("1HGCMAA26KA000000", "2019"),
        ("WEXZZZ1JZ3W000001", None),
    ],
)
def test_model_year_is_told_of_north_american_vehicles(vin: str, year: str | None) -> None:
    assert part("vehicle.vin", "year").of(vin) == year


def test_check_digit_binds_north_american_vehicles_alone() -> None:
    assert VIN.normalize("WEXZZZ1JZ3W000001") == "WEXZZZ1JZ3W000001"
    with pytest.raises(InvalidValue, match="ninth"):
        VIN.normalize("1M8GDM9A1KP042788")


def test_plates_of_every_script_lose_what_stands_between() -> None:
    plate = TYPES.get("vehicle.plate")
    assert [plate.normalize(text) for text in ("mü-ab 123", "а 123 вс 77", "กก 1234")] == [
        "MÜAB123",
        "А123ВС77",
        "กก1234",
    ]


def test_a_random_hardware_address_names_no_maker() -> None:
    oui = part("device.mac", "oui")
    assert oui.of("00:00:5e:00:53:2a") == "00:00:5e"
    assert oui.of("02:00:5e:00:53:2a") is None
    assert oui.fix("00-00-5E") == oui.fix("00005e") == "00:00:5e"


def test_an_ipv4_address_inside_ipv6_is_the_ipv4_address() -> None:
    assert IP.normalize("::ffff:203.0.113.7") == IP.normalize("::ffff:cb00:7107") == "203.0.113.7"


@pytest.mark.parametrize(
    ("literal", "subnet"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("2001:db8:1::/48", "2001:db8:1::/48"),
        ("2001:DB8:1:2::3", "2001:db8:1::/48"),
    ],
)
def test_subnet_is_asked_for_by_address_or_by_name(literal: str, subnet: str) -> None:
    assert part("device.ip", "subnet").fix(literal) == subnet


@pytest.mark.parametrize("literal", ["203.0.113.0/16", "203.0.113.7/24", "203.0.113.0/", "example.com"])
def test_subnet_of_another_size_is_refused(literal: str) -> None:
    with pytest.raises(InvalidValue):
        part("device.ip", "subnet").fix(literal)


@given(st.ip_addresses())
def test_every_address_is_in_the_subnet_that_it_answers(address: object) -> None:
    text = IP.normalize(str(address))
    subnet = part("device.ip", "subnet").of(text)
    assert subnet is not None
    assert part("device.ip", "subnet").fix(subnet) == subnet


def test_addresses_are_ordered_as_numbers() -> None:
    assert IP.order is not None
    texts = ["2001:db8::1", "203.0.113.10", "203.0.113.9"]
    assert sorted(texts, key=IP.order) == ["203.0.113.9", "203.0.113.10", "2001:db8::1"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        # RFC 3986, section 6.2.2 and 6.2.3.
        ("HTTP://www.EXAMPLE.com:80", "http://www.example.com/"),
        ("https://example.com:0443/%7Ejane/%c3%a9", "https://example.com/~jane/%C3%A9"),
        ("https://example.com/a/./b/../c", "https://example.com/a/c"),
        ("https://example.com/a/%2E%2e/b/..", "https://example.com/"),
        ("https://example.com/../x", "https://example.com/x"),
        ("https://example.com?q=ü#é", "https://example.com/?q=%C3%BC#%C3%A9"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://[2001:DB8::0:1]:8443/", "https://[2001:db8::1]:8443/"),
        ("https://example.com/.well-known/x", "https://example.com/.well-known/x"),
    ],
)
def test_equivalent_urls_have_one_spelling(value: str, canonical: str) -> None:
    assert URL.normalize(value) == canonical
    assert URL.normalize(canonical) == canonical


def test_a_url_with_a_password_is_refused_by_that_name() -> None:
    with pytest.raises(InvalidValue, match="password"):
        URL.normalize("https://jane:hunter2hunter2@example.com/")


@given(st.text(alphabet="ab/.%2eE?#:@é ", max_size=30))
def test_a_canonical_url_is_a_fixed_point(tail: str) -> None:
    try:
        url = URL.normalize(f"https://example.com/{tail}")
    except InvalidValue:
        return
    assert URL.normalize(url) == url
    assert URL.masked(url) == "https://example.com/…"


def test_domain_of_a_url_is_asked_for_in_any_case() -> None:
    assert part("net.url", "domain").fix(" Example.COM ") == part("net.url", "domain").of("https://example.com/x")


def test_a_password_keeps_its_outer_spaces() -> None:
    assert TYPES.get("secret.password").normalize(" two spaces ") == " two spaces "


def test_free_text_keeps_its_lines() -> None:
    assert TYPES.get("secret.free_text").normalize(" one\r\n  two\rthree ") == "one\n  two\nthree"
