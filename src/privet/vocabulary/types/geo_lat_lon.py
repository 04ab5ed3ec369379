"""geo.lat_lon: a point on the Earth, latitude and longitude in decimal degrees of WGS 84."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types._text import raw

NAME = "geo.lat_lon"

_NUMBER = re.compile(r"[+\-]?[0-9]{1,3}(?:\.[0-9]{0,20})?")
_PAIR = re.compile(r"\(?\s*([^,;\s()]+)\s*[,;\s]\s*([^,;\s()]+)\s*\)?")
# Seven decimals of a degree are about a centimetre; what a float adds beyond is noise.
_STEP = Decimal("0.0000001")
_BASE_32 = "0123456789bcdefghjkmnpqrstuvwxyz"
# A question may touch this many cells of about 4.9 km: an area the size of Switzerland and its neighbours.
_MOST_CELLS = 10_000


def normalize(value: Wire) -> str:
    """Return `lat,lon` in plain decimal degrees, rounded to seven decimals: `37.7749,-122.4194`.

    Takes such text, a list of two, or an object with `lat` and `lon` (or `lng`, `latitude`, `longitude`).
    The latitude comes first, -90 to 90; the longitude is -180 to 180.
    """
    lat, lon = _pair(value)
    return f"{_degrees(lat, 90)},{_degrees(lon, 180)}"


def _pair(value: Wire) -> tuple[Wire, Wire]:
    if isinstance(value, dict):
        return _of_object(value)
    if isinstance(value, list):
        if len(value) != 2:
            raise InvalidValue("expected a latitude and a longitude", type_name=NAME)
        return value[0], value[1]
    match = _PAIR.fullmatch(raw(value, NAME).strip()[:120])
    if match is None:
        raise InvalidValue("expected latitude, comma, longitude", type_name=NAME)
    return match[1], match[2]


def _of_object(value: dict[str, Wire]) -> tuple[Wire, Wire]:
    lats = [value[name] for name in ("lat", "latitude") if name in value]
    lons = [value[name] for name in ("lon", "lng", "longitude") if name in value]
    if len(lats) != 1 or len(lons) != 1 or len(value) != 2:
        raise InvalidValue("expected an object of `lat` and `lon`", type_name=NAME)
    return lats[0], lons[0]


def _degrees(value: Wire, limit: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidValue("expected degrees as numbers", type_name=NAME)
    # The limit comes first for whole numbers: thousands of digits cannot even be written out.
    if isinstance(value, int) and abs(value) > limit:
        raise InvalidValue(f"expected degrees from -{limit} to {limit}", type_name=NAME)
    text = value if isinstance(value, str) else format(Decimal(repr(value)), "f")
    if not _NUMBER.fullmatch(text):
        raise InvalidValue("expected degrees in plain decimal notation", type_name=NAME)
    number = Decimal(text)
    if abs(number) > limit:
        raise InvalidValue(f"expected degrees from -{limit} to {limit}", type_name=NAME)
    plain = format(number.quantize(_STEP, rounding=ROUND_HALF_EVEN), "f").rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def _lat(text: str) -> str:
    return text.partition(",")[0]


def _lon(text: str) -> str:
    return text.partition(",")[2]


def geohash(lat: float, lon: float, length: int) -> str:
    """Return the geohash of a point: base 32, longitude first. Source: G. Niemeyer, Geohash (2008).

    >>> geohash(42.6, -5.6, 5)
    'ezs42'
    """
    rows, columns = _grid(length)
    row = min(int((lat + 90) / 180 * rows), rows - 1)
    column = min(int((lon + 180) / 360 * columns), columns - 1)
    return _cell(row, column, length)


def _grid(length: int) -> tuple[int, int]:
    """Return the number of rows and columns of cells of a geohash of `length` characters."""
    return 1 << (5 * length // 2), 1 << ((5 * length + 1) // 2)


def _cell(row: int, column: int, length: int) -> str:
    bits = 0
    for at in range(5 * length - 1, -1, -1):
        # Bits alternate from the left, beginning with the longitude.
        position, odd = divmod(5 * length - 1 - at, 2)
        source, width = (row, 5 * length // 2) if odd else (column, (5 * length + 1) // 2)
        bits = bits << 1 | source >> (width - 1 - position) & 1
    return "".join(_BASE_32[bits >> 5 * at & 31] for at in range(length - 1, -1, -1))


def _geohash_part(length: int, about: str) -> Part:
    def of(text: str) -> str:
        return geohash(float(_lat(text)), float(_lon(text)), length)

    def fix(literal: str) -> str:
        text = literal.lower()
        if len(text) != length or not set(text) <= set(_BASE_32):
            raise InvalidValue(f"expected a geohash of {length} characters")
        return text

    return Part(
        name=f"geohash_{length}", about=about, of=of, fix=fix, cover=lambda low, high: _cover(low, high, length)
    )


def _cover(lowest: str, highest: str, length: int) -> Sequence[str]:
    """Return the cells of a box from its south-west corner to its north-east corner, both canonical.

    A box whose west lies east of its east crosses the date line. Raises InvalidValue above 10,000 cells.
    """
    rows, columns = _grid(length)
    bottom, top = (min(int((float(_lat(end)) + 90) / 180 * rows), rows - 1) for end in (lowest, highest))
    left, right = (min(int((float(_lon(end)) + 180) / 360 * columns), columns - 1) for end in (lowest, highest))
    if float(_lon(lowest)) > float(_lon(highest)):
        right += columns
    if (top - bottom + 1) * (right - left + 1) > _MOST_CELLS:
        raise InvalidValue("expected a smaller area, of at most 10,000 cells")
    return [_cell(row, column % columns, length) for row in range(bottom, top + 1) for column in range(left, right + 1)]


def _tenth(text: str) -> str:
    """Return the point to one decimal of a degree, about 11 km."""
    pair = (Decimal(side).quantize(Decimal("0.1"), rounding=ROUND_HALF_EVEN) for side in text.split(","))
    return ",".join(format(side + 0, "f") for side in pair)


PART = DataType(
    name=NAME,
    about="A point on the Earth: latitude and longitude in decimal degrees.",
    category="user.location.precise",
    normalize=normalize,
    sources=(
        "ISO 6709:2022: order, sign and limits of latitude and longitude",
        "G. Niemeyer, Geohash (2008)",
        "California Civil Code 1798.140(w): precise geolocation, a radius of 1,850 feet",
    ),
    aliases=("lat_lon", "coordinates"),
    parts=(
        Part(name="lat", about="The latitude.", of=_lat, fix=lambda literal: _degrees(literal, 90)),
        Part(name="lon", about="The longitude.", of=_lon, fix=lambda literal: _degrees(literal, 180)),
        _geohash_part(5, "The cell of about 4.9 by 4.9 km. Ranges are boxes from the south-west to the north-east."),
        _geohash_part(7, "The cell of about 150 by 150 m. Ranges are boxes from the south-west to the north-east."),
    ),
    indexes=("geohash_5", "geohash_7"),
    masked=_tenth,
    redactions=("redacted", "masked", "plain_text"),
    keep="shreddable",
    shape="uuid",
    pad_bytes=32,
    headers=(
        "lat_lon",
        "latlng",
        "lat_lng",
        "coordinates",
        "coords",
        "location",
        "gps",
        "geo",
        "geo_point",
        "position",
        "koordinaten",
        "coordonnees",
        "coordenadas",
    ),
    proves=0.6,
    laws=("GDPR", "CPRA sensitive", "HIPAA"),
    example="37.7749,-122.4194",
)
