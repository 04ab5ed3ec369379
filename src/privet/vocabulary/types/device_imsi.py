"""International mobile subscriber identity (IMSI): country, network and subscriber, 14 or 15 digits.

The country is checked. Where the network code ends depends on the country's plan, so it is no part.
"""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, piece, stars, tail

_NAME = "device.imsi"
# Mobile country codes that ITU-T E.212 assigns, runs by first and last; 001 is for tests, 90x is shared.
_RUNS = (
    "001 202 204 206 208 212-214 216 218-222 226 228 230-232 234-235 238 240 242 244 246-248 250 255 257 259-260 262 "
    "266 268 270 272 274 276 278 280 282-284 286 288-290 292-295 297 302 308 310-316 330 332 334 338 340 342 344 346 "
    "348 350 352 354 356 358 360 362-366 368 370 372 374 376 400-402 404-406 410 412-422 424-432 434 436-438 440-441 "
    "450 452 454-457 460-461 466-467 470 472 502 505 510 514-515 520 525 528 530 536-537 539-555 602-643 645-655 "
    "657-659 702 704 706 708 710 712 714 716 722 724 730 732 734 736 738 740 742 744 746 748 750 901-902 991 995 999"
)


def _codes() -> frozenset[str]:
    found: set[str] = set()
    for run in _RUNS.split():
        first, _, final = run.partition("-")
        found.update(f"{code:03d}" for code in range(int(first), int(final or first) + 1))
    return frozenset(found)


_COUNTRIES = _codes()


def normalize(value: Wire) -> str:
    """Return the digits. E.212 allows fewer than 14, but no network gives them out."""
    imsi = compact_digits(value, _NAME, 14, 15)
    demand(imsi[:3] in _COUNTRIES, "expected a mobile country code of ITU-T E.212", _NAME)
    return imsi


PART = DataType(
    name=_NAME,
    about="International mobile subscriber identity",
    category="user.device.device_id",
    normalize=normalize,
    sources=(
        "ITU-T E.212, clause 6 and annexes (structure, mobile country codes)",
        "3GPP TS 23.003, clause 2.2 (composition of IMSI)",
    ),
    aliases=("imsi",),
    parts=(
        piece("mcc", "Mobile country code, three digits", lambda text: text[:3], length=3, few=True),
        tail(4),
    ),
    indexes=("exact", "mcc"),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "last_four", "masked", "plain_text"),
    keep="shreddable",
    headers=(
        "imsi",
        "imsi_number",
        "subscriber_imsi",
        "sim_imsi",
        "mobile_subscriber_id",
        "identidad_abonado_movil",
        "imsi_nummer",
    ),
    proves=0.4,
    laws=("GDPR", "CCPA"),
    example="001010123456789",
)
