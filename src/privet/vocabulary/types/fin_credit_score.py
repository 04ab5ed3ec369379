"""Credit score on the scale of 300 to 850 that FICO and VantageScore share."""

from __future__ import annotations

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.identifier import demand

_NAME = "fin.credit_score"
_LOWEST, _HIGHEST = 300, 850
# The score ranges that FICO publishes: poor, fair, good, very good, exceptional.
_BUCKETS = ((300, 579), (580, 669), (670, 739), (740, 799), (800, 850))
_NAMES = tuple(f"{low}-{high}" for low, high in _BUCKETS)


def normalize(value: Wire) -> str:
    """Return the score as three digits. A whole number is taken as well as text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InvalidValue("expected a whole number", type_name=_NAME)
    if isinstance(value, str):
        text = value.strip()
        demand(len(text) == 3 and text.isascii() and text.isdigit(), "expected three digits", _NAME)
        value = int(text)
    demand(_LOWEST <= value <= _HIGHEST, f"expected {_LOWEST} to {_HIGHEST}", _NAME)
    return str(value)


def bucket(score: str) -> str:
    """Return the range that the score lies in.

    >>> bucket("712")
    '670-739'
    """
    return next(name for name in _NAMES if int(score) <= int(name[4:]))


def _fix_bucket(literal: str) -> str:
    trimmed = literal.strip()
    if trimmed not in _NAMES:
        raise InvalidValue("expected one of " + ", ".join(f"`{name}`" for name in _NAMES), type_name="bucket")
    return trimmed


def _cover(lowest: str, highest: str) -> list[str]:
    first = _NAMES.index(bucket(lowest)) if lowest else 0
    final = _NAMES.index(bucket(highest)) if highest else len(_NAMES) - 1
    return list(_NAMES[first : final + 1])


PART = DataType(
    name=_NAME,
    about="Credit score",
    category="user.financial",
    normalize=normalize,
    present=int,
    sources=("FICO Score ranges, consumer education page", "15 USC 1681g(f) (disclosure of credit scores)"),
    aliases=("credit_score",),
    parts=(Part(name="bucket", about="The score range", of=bucket, fix=_fix_bucket, few=True, cover=_cover),),
    indexes=("bucket",),
    few=True,
    masked=bucket,
    token="none",
    headers=(
        "credit_score",
        "fico",
        "fico_score",
        "vantage_score",
        "vantagescore",
        "credit_rating",
        "bureau_score",
        "puntaje_credito",
        "score_credit",
        "bonitaet",
        "pontuacao_credito",
    ),
    proves=0.15,
    laws=("GLBA", "FCRA", "GDPR"),
    order=int,
    example="712",
)
