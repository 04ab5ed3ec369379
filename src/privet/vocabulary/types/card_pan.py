"""Payment card number (PAN): 12 to 19 digits with a Luhn check digit.

Whether the account exists, and which lengths a network gives out, is left to the issuer: ISO/IEC 7812-1 allows any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from privet.errors import InvalidValue
from privet.vocabulary.checksum import luhn
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, tail
from privet.vocabulary.types._parts import prefix, word

_NAME = "card.pan"
_LENGTHS = range(12, 20)
_LENGTH_SET = frozenset(_LENGTHS)
# Below this many the numpy calls cost more than they save.
_FEW = 64
_CHECK_RULE = "expected a Luhn check digit that fits"
_ZERO_RULE = "expected a number that is not all zeros"

# First and last prefix of each network, longest prefixes first; of two that overlap, the narrower stands first.
# Sources: ISO/IEC 7812-1 and the networks' public acceptance guides.
_BRANDS = (
    ("222100", "272099", "mastercard"),
    ("352800", "358999", "jcb"),
    ("601100", "601199", "discover"),
    ("220000", "220499", "mir"),
    ("309500", "309599", "diners"),
    ("300000", "305999", "diners"),
    ("644000", "659999", "discover"),
    ("340000", "349999", "amex"),
    ("370000", "379999", "amex"),
    ("360000", "369999", "diners"),
    ("380000", "399999", "diners"),
    ("510000", "559999", "mastercard"),
    ("620000", "629999", "unionpay"),
    ("500000", "509999", "maestro"),
    ("560000", "589999", "maestro"),
    ("630000", "639999", "maestro"),
    ("670000", "679999", "maestro"),
    ("400000", "499999", "visa"),
)


def normalize(value: Wire) -> str:
    """Return the digits. Text only: a JSON number of 19 digits has already lost some."""
    digits = compact_digits(value, _NAME, *_LENGTHS)
    demand(luhn(digits), _CHECK_RULE, _NAME)
    demand(digits.strip("0") != "", _ZERO_RULE, _NAME)
    return digits


def normalize_all(values: Sequence[Wire]) -> tuple[list[str], dict[int, str]]:
    """Return what `normalize` returns for each value, "" at faults, and {position: rule broken}.

    Plain digits go through numpy, a batch for each length; everything else, and every fault, goes one by one.
    """
    texts, batches, doubtful = _sorted_out(values)
    if batches:
        from privet.vocabulary.types._luhn import failing

        for length, places in batches.items():
            batch = texts if len(places) == len(texts) else [texts[place] for place in places]
            doubtful.extend(places[at] for at in failing(batch, length))
    faults = {}
    for place in sorted(doubtful):
        try:
            texts[place] = normalize(values[place])
        except InvalidValue as error:
            texts[place] = ""
            faults[place] = error.rule
    return texts, faults


def masked(digits: str) -> str:
    """Return the first six and last four digits, of a number below 15 digits the last four only.

    Six and four of twelve leave two digits, one of which Luhn gives away.
    """
    if len(digits) < 15:
        return "*" * (len(digits) - 4) + digits[-4:]
    return digits[:6] + "*" * (len(digits) - 10) + digits[-4:]


def brand(digits: str) -> str | None:
    """Return the network that the prefix belongs to, None where we know none."""
    head = digits[:6]
    return next((name for first, final, name in _BRANDS if first <= head <= final), None)


def _sorted_out(values: Sequence[Wire]) -> tuple[list[str], dict[int, Sequence[int]], list[int]]:
    """Return the texts, their places by length, and the places of what is too short, too long or no text."""
    if len(values) >= _FEW and set(map(type, values)) == {str}:
        texts = cast("list[str]", list(values))  # every type was looked at
        lengths = set(map(len, texts))
        if len(lengths) == 1 and lengths <= _LENGTH_SET:
            return texts, {lengths.pop(): range(len(texts))}, []
    texts = [value if isinstance(value, str) else "" for value in values]
    if len(texts) < _FEW:
        return texts, {}, list(range(len(texts)))
    found: dict[int, list[int]] = {}
    for place, text in enumerate(texts):
        found.setdefault(len(text), []).append(place)
    others = [place for length, places in found.items() if length not in _LENGTHS for place in places]
    return texts, {length: places for length, places in found.items() if length in _LENGTHS}, others


PART = DataType(
    name=_NAME,
    about="Payment card number",
    category="user.financial.credit_card",
    normalize=normalize,
    normalize_all=normalize_all,
    sources=(
        "ISO/IEC 7812-1:2017 (number structure; annex B: Luhn)",
        "PCI DSS v4.0.1, requirements 3.4.1 and 3.5.1 (display, storage)",
    ),
    aliases=("card", "pan", "credit_card"),
    parts=(
        prefix(6),
        prefix(8),
        word(
            "brand",
            "The network, by prefix",
            brand,
            ("amex", "diners", "discover", "jcb", "maestro", "mastercard", "mir", "unionpay", "visa"),
        ),
        tail(4),
    ),
    indexes=("exact", "prefix_6", "prefix_8", "brand", "last_four"),
    masked=masked,
    redactions=("redacted", "last_four", "first_six", "masked", "plain_text"),
    # PCI DSS 3.4.1: BIN and last four are the most that may be displayed, which is what `masked` shows.
    ceiling="masked",
    keep="shreddable",
    shape="card",
    pad_bytes=24,
    headers=(
        "pan",
        "card_number",
        "card_no",
        "cardnumber",
        "cc_number",
        "ccnum",
        "credit_card",
        "credit_card_number",
        "debit_card_number",
        "primary_account_number",
        "payment_card",
        "numero_tarjeta",
        "numero_carte",
        "kartennummer",
        "kreditkartennummer",
        "numero_cartao",
    ),
    proves=0.9,
    laws=("PCI", "GDPR", "GLBA", "CPRA sensitive"),
    example="4111111111111111",
)
