"""A CSV of customers that do not exist: `python bench/customers.py 100000 customers.csv [SEED]`.

Every value is invented by a seeded generator. Addresses of e-mail stand under example.com, .org and .net (RFC 2606);
telephone numbers are of fictional or unassigned ranges where a country has some, and else drawn by its numbering plan;
card numbers are drawn under the prefixes that networks publish for tests, with a Luhn digit; Social Security numbers
fit the form and belong to nobody that we know of. One customer in forty shares a household, and so a telephone.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HEADERS = (
    "customer_no",
    "full_name",
    "email",
    "phone",
    "birth_date",
    "ssn",
    "card_number",
    "card_expiry",
    "street",
    "city",
    "postal_code",
    "state",
    "country",
    "plan",
    "lifetime_spend",
)
PLANS = ("basic", "plus", "pro", "family")
DOMAINS = ("example.com", "example.org", "example.net")
MAIL_HOSTS = ("mail", "post", "inbox", "home", "work", "students", "clients", "box")
# Prefix and length of numbers that networks and processors publish for tests.
CARD_STEMS = (("411111", 16), ("555555", 16), ("222300", 16), ("378282", 15), ("601111", 16), ("353011", 16))
HOUSEHOLD = 40
INITIALS = "ABCDEFGHJKLMNPRSTW"


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """What addresses, names and telephone numbers of a country look like. `9` in a pattern is any digit.

    `cities`: city, ISO 3166-2 code. `streets`: `{n}` is the number, `{name}` one of `street_names`.
    """

    code: str
    weight: int
    given: Sequence[str]
    family: Sequence[str]
    cities: Sequence[tuple[str, str]]
    street: str
    street_names: Sequence[str]
    postal: Sequence[str]
    phones: Sequence[str]


_AREAS = (
    "201 203 205 206 207 208 210 213 214 216 217 218 219 224 225 228 229 231 234 239 240 251 252 253 254 256 260 262"
    " 267 269 270 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 321"
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


COUNTRIES = (
    Country(
        code="US",
        weight=36,
        given=_words(
            "Avery Blake Casey Dana Ellis Frances Gale Harper Imani Jordan Kendall Logan Morgan Noel Parker Quinn"
        ),
        family=_words(
            "Ashwood Birchley Cardenas Dunmore Eastlake Farrow Greenhill Hartwell Ingram Kesler Lockridge Moreno"
        ),
        cities=(("Springfield", "US-IL"), ("Riverton", "US-UT"), ("Fairview", "US-CA"), ("Greenville", "US-SC")),
        street="{n} {name}",
        street_names=("Maple Street", "Cedar Avenue", "Oak Lane", "Hillcrest Drive", "Lakeview Road"),
        postal=("US 62999", "US 84999", "US 94199", "US 29699"),
        # 555-0100 to 555-0199 of every area are kept for fiction (North American Numbering Plan).
        phones=tuple(f"+1{area}55501{{99}}" for area in _words(_AREAS)),
    ),
    Country(
        code="GB",
        weight=14,
        given=_words("Alice Bertie Clement Daphne Edith Fergus Gwen Hamish Isla Jasper Keira Lachlan Maisie Nigel"),
        family=_words("Applegarth Bramwell Coldwell Drummond Elsworth Fairbairn Garside Hollins Ivory Kirkham"),
        cities=(("Leeds", "GB-LDS"), ("Bristol", "GB-BST"), ("Cardiff", "GB-CRF")),
        street="{n} {name}",
        street_names=("Station Road", "Mill Lane", "Church Walk", "Victoria Terrace", "Kings Crescent"),
        postal=("GB LS9 9AA", "GB BS9 9AB", "GB CF9 9AD"),
        # Numbers 0000 to 0999 of these exchanges are kept for drama (Ofcom).
        phones=tuple(f"+44{exchange}0{{999}}" for exchange in _words("207946 113496 117496 292018 121496")),
    ),
    Country(
        code="DE",
        weight=14,
        given=_words("Anke Bernd Clara Dieter Elke Fritz Gesa Holger Ilse Jochen Käthe Lothar Maren Nils Uwe Wiebke"),
        family=_words("Ahlborn Buchwald Dornfeld Eschenbach Grünewald Hagedorn Köhlmann Lindner Mühlbach Römer"),
        cities=(("Berlin", "DE-BE"), ("Hamburg", "DE-HH"), ("München", "DE-BY")),
        street="{name} {n}",
        street_names=("Lindenstraße", "Gartenweg", "Am Markt", "Schulstraße", "Rosenallee"),
        postal=("DE 10999", "DE 20999", "DE 80999"),
        phones=("+4930230{99999}", "+4989999{9999}", "+4940669{9999}"),
    ),
    Country(
        code="FR",
        weight=10,
        given=_words("Amélie Bastien Céline Damien Élodie Florent Gaëlle Hugo Inès Joël Léa Mathis Noémie Octave"),
        family=_words("Aubertin Beaulieu Chastagner Delorme Fontanel Guérinot Lavigne Montclair Perrault Vasseur"),
        cities=(("Paris", "FR-75C"), ("Lyon", "FR-69"), ("Lille", "FR-59")),
        street="{n} {name}",
        street_names=("rue des Lilas", "avenue du Parc", "place du Marché", "chemin Vert", "rue de l'Église"),
        postal=("FR 75099", "FR 69099", "FR 59099"),
        # Kept for audiovisual works (Arcep).
        phones=tuple(f"+33{block}{{9999}}" for block in _words("19900 26191 35301 46571 53649")),
    ),
    Country(
        code="ES",
        weight=8,
        given=_words("Alba Bruno Carmen Diego Elena Fermín Gloria Hugo Inés Joaquín Lucía Marcos Nuria Óscar"),
        family=_words("Aldana Beltrán Carrasco Domínguez Escudero Figueroa Gallardo Ibáñez Montero Quiroga"),
        cities=(("Madrid", "ES-M"), ("Sevilla", "ES-SE"), ("Valencia", "ES-V")),
        street="{name} {n}",
        street_names=("Calle Mayor", "Calle del Sol", "Avenida de la Paz", "Plaza Nueva", "Calle Luna"),
        postal=("ES 28099", "ES 41099", "ES 46099"),
        phones=("+34600{999999}", "+3491{9999999}"),
    ),
    Country(
        code="BR",
        weight=8,
        given=_words("Adriana Breno Camila Davi Eduarda Felipe Giovana Heitor Isadora João Larissa Murilo Natália"),
        family=_words("Almeida Bittencourt Cavalcanti Drummond Esteves Figueiredo Guimarães Lacerda Nogueira"),
        cities=(("São Paulo", "BR-SP"), ("Rio de Janeiro", "BR-RJ"), ("Curitiba", "BR-PR")),
        street="{name} {n}",
        street_names=("Rua das Flores", "Avenida Central", "Rua do Comércio", "Travessa Azul", "Rua Verde"),
        postal=("BR 01999-999", "BR 20999-999", "BR 80999-999"),
        phones=("+55119{99999999}", "+55219{99999999}"),
    ),
    Country(
        code="IN",
        weight=6,
        given=_words("Aarav Bhavna Chetan Divya Eshan Falguni Gaurav Hema Ishaan Jaya Kavita Lakshmi Manoj Nandini"),
        family=_words("Agarwal Bhattacharya Chaudhary Deshpande Gokhale Hegde Iyer Kulkarni Menon Raghavan"),
        cities=(("Mumbai", "IN-MH"), ("Chennai", "IN-TN"), ("Jaipur", "IN-RJ")),
        street="{n} {name}",
        street_names=("Gandhi Road", "Lake View Colony", "Temple Street", "Park Lane", "Station Road"),
        postal=("IN 400999", "IN 600999", "IN 302999"),
        phones=("+9198{99999999}", "+9170{99999999}"),
    ),
    Country(
        code="JP",
        weight=4,
        given=_words("Aiko Daisuke Emi Fumio Haruka Ichiro Junko Kenta Mai Naoki Rin Sora Takumi Yui"),
        family=_words("Aoyama Fujimori Hayashida Ishikura Kawabata Matsuoka Nakashima Okazaki Shirakawa Takemura"),
        cities=(("Tokyo", "JP-13"), ("Osaka", "JP-27"), ("Kyoto", "JP-26")),
        street="{n}-{m} {name}",
        street_names=("Sakura", "Midori", "Honmachi", "Asahi", "Minami"),
        postal=("JP 100-9999", "JP 530-9999", "JP 600-9999"),
        phones=("+81901{9999999}", "+81808{9999999}"),
    ),
)


def customers(count: int, seed: int = 1) -> Iterator[tuple[str, ...]]:
    """Yield `count` rows in the order of HEADERS; the same for the same seed."""
    rng = random.Random(seed)
    countries = rng.choices(COUNTRIES, [country.weight for country in COUNTRIES], k=count)
    phone = ""
    for number, country in enumerate(countries, 1):
        shares = number % HOUSEHOLD == 0 and country is countries[number - 2]
        phone = phone if shares else _digits(rng, rng.choice(country.phones))
        yield _customer(rng, number, country, phone)


def _customer(rng: random.Random, number: int, country: Country, phone: str) -> tuple[str, ...]:
    given, family = rng.choice(country.given), rng.choice(country.family)
    at = rng.randrange(len(country.cities))
    city, state = country.cities[at]
    house = rng.randrange(1, 400)
    street = country.street.format(n=house, m=rng.randrange(1, 30), name=rng.choice(country.street_names))
    return (
        f"C{number:07}",
        f"{given} {rng.choice(INITIALS)}. {family}" if country.code == "US" else f"{given} {family}",
        f"{_plain(given)}.{_plain(family)}{number}@{rng.choice(MAIL_HOSTS)}.{rng.choice(DOMAINS)}",
        phone,
        f"{rng.randrange(1940, 2007)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
        _ssn(rng) if country.code == "US" else "",
        _card(rng),
        f"{rng.randrange(1, 13):02}/{rng.randrange(27, 34)}",
        street,
        city,
        _any_digits(rng, country.postal[at]),
        state,
        country.code,
        rng.choice(PLANS),
        f"{rng.randrange(0, 900_000) / 100:.2f}",
    )


def _ssn(rng: random.Random) -> str:
    # Areas 734 to 749 and 773 to 899 were not given out before the numbers were drawn at random (SSA, 2011).
    return f"{rng.randrange(773, 900)}-{rng.randrange(1, 100):02}-{rng.randrange(1, 10_000):04}"


_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def _card(rng: random.Random) -> str:
    stem, length = rng.choice(CARD_STEMS)
    free = length - len(stem) - 1
    body = f"{stem}{rng.randrange(10**free):0{free}}"
    # ISO/IEC 7812-1, annex B: every other digit counts double, beginning next to the check digit.
    total = sum(_DOUBLED[int(ch)] for ch in body[::-2]) + sum(map(int, body[-2::-2]))
    return f"{body}{-total % 10}"


def _digits(rng: random.Random, pattern: str) -> str:
    """Return the pattern with `{999}` as that many digits of chance."""
    stem, _, free = pattern.removesuffix("}").partition("{")
    return f"{stem}{rng.randrange(10 ** len(free)):0{len(free)}}"


def _any_digits(rng: random.Random, pattern: str) -> str:
    """Return the pattern with each run of `9` at its end replaced by digits of chance."""
    return "".join(str(rng.randrange(10)) if ch == "9" else ch for ch in pattern)


_PLAIN = str.maketrans("äöüßéèêëáàâãçíïñóôõúÉÓáý", "aouseeeeaaaaciinooouEOay")


def _plain(name: str) -> str:
    return name.translate(_PLAIN).lower()


def write(path: Path, count: int, seed: int = 1) -> None:
    """Write the file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        writer.writerows(customers(count, seed))


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[1]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
