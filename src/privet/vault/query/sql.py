"""SQL text to a syntax tree of the few forms that a question may have. What names mean is `wording`'s business.

Words are looked at before the parser sees them: a word of another statement or clause is refused where it stands, and
the parser's own messages and log lines, which quote the text, never come about or are dropped.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from privet.errors import InvalidQuery, TooLarge

LONGEST = 64 << 10
MOST_WORDS = 20_000
MOST_CONDITIONS = 500
DEEPEST = 16

_KINDS = TokenType
_ALLOWED = frozenset(
    {
        *(_KINDS.SELECT, _KINDS.FROM, _KINDS.JOIN, _KINDS.INNER, _KINDS.ON, _KINDS.WHERE, _KINDS.LIMIT),
        *(_KINDS.GROUP_BY, _KINDS.ORDER_BY, _KINDS.ASC, _KINDS.DESC, _KINDS.ALIAS, _KINDS.DISTINCT),
        *(_KINDS.AND, _KINDS.OR, _KINDS.NOT, _KINDS.IN, _KINDS.LIKE, _KINDS.BETWEEN, _KINDS.IS, _KINDS.NULL),
        *(_KINDS.EQ, _KINDS.NEQ, _KINDS.LT, _KINDS.LTE, _KINDS.GT, _KINDS.GTE, _KINDS.TRUE, _KINDS.FALSE),
        *(_KINDS.COMMA, _KINDS.DOT, _KINDS.L_PAREN, _KINDS.R_PAREN, _KINDS.STAR, _KINDS.DASH),
        *(_KINDS.STRING, _KINDS.NUMBER, _KINDS.VAR, _KINDS.IDENTIFIER),
    }
)
_JOINING = frozenset({_KINDS.AND, _KINDS.OR, _KINDS.NOT})
# Two of these in a row nest the parser without a bracket.
_NESTING = frozenset({_KINDS.NOT, _KINDS.DASH, _KINDS.SELECT, _KINDS.DISTINCT})
_FORM = "SELECT … FROM … [JOIN … ON …] [WHERE …] [GROUP BY …] [ORDER BY …] [LIMIT …]"


def place(text: str, offset: int) -> str:
    """Return `line:column` of a character, both from 1."""
    before = text[: max(offset, 0)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def fault(text: str, offset: int, message: str, hint: str = "") -> InvalidQuery:
    """Return the error of one place of a question."""
    return InvalidQuery(message, hint=hint, at=place(text, offset))


def parse(text: str, names: Collection[str]) -> exp.Select:
    """Return the tree of one SELECT. `names`: words of the schema, which are names whatever else SQL calls them.

    Raises InvalidQuery with the place of the first word that cannot stand where it does, TooLarge.
    """
    if len(text) > LONGEST:
        raise TooLarge(f"expected a question of at most {LONGEST:,} characters")
    tokens = _tokens(text)
    _check(text, tokens, names)
    try:
        found = sqlglot.parse_one(text[: tokens[-1].end + 1])
    except ParseError as error:
        raise fault(text, _where(error, text), "expected a question of the form that is allowed", _FORM) from None
    except RecursionError:
        raise fault(text, 0, "expected fewer conditions inside each other") from None
    if not isinstance(found, exp.Select):
        raise fault(text, 0, "expected one SELECT", _FORM)
    return found


def _tokens(text: str) -> list[Token]:
    try:
        tokens = sqlglot.tokenize(text)
    except TokenError:
        raise fault(text, len(text), "expected every quote and comment to be closed") from None
    if tokens and tokens[-1].token_type == _KINDS.SEMICOLON:
        tokens.pop()
    if not tokens or tokens[0].token_type != _KINDS.SELECT:
        raise fault(text, tokens[0].start if tokens else 0, "expected SELECT", _FORM)
    if len(tokens) > MOST_WORDS:
        raise TooLarge(f"expected a question of at most {MOST_WORDS:,} words and signs")
    return tokens


def _check(text: str, tokens: list[Token], names: Collection[str]) -> None:
    depth = conditions = 0
    before = None
    for token in tokens:
        kind = token.token_type
        if kind not in _ALLOWED and token.text.lower() not in names:
            raise fault(text, token.start, f"`{kind.name}` is not part of a question", _FORM)
        if kind == before and kind in _NESTING:
            raise fault(text, token.start, f"`{kind.name}` stands twice")
        depth += (kind == _KINDS.L_PAREN) - (kind == _KINDS.R_PAREN)
        conditions += kind in _JOINING
        if depth > DEEPEST:
            raise fault(text, token.start, f"expected at most {DEEPEST} brackets inside each other")
        if conditions > MOST_CONDITIONS:
            raise fault(text, token.start, f"expected at most {MOST_CONDITIONS} of AND, OR and NOT")
        before = kind


def _where(error: ParseError, text: str) -> int:
    """Return the offset of a parser's fault. Its lines and columns are those of the end of a token."""
    first = error.errors[0] if error.errors else {}
    line, column = first.get("line"), first.get("col")
    if not isinstance(line, int) or not isinstance(column, int):
        return len(text)
    lines = text.split("\n")[: line - 1]
    width = len(first.get("highlight") or "")
    return sum(len(each) + 1 for each in lines) + max(column - max(width, 1), 0)


def offset(node: exp.Expr) -> int:
    """Return where a node begins in the text: the least place of what it, or else what holds it, is made of."""
    while True:
        starts = [start for part in node.walk() if isinstance(start := part.meta.get("start"), int)]
        if starts or node.parent is None:
            return min(starts, default=0)
        node = node.parent


def given(node: exp.Expr) -> set[str]:
    """Return the names of what was said of a node."""
    return {name for name, value in node.args.items() if value not in (None, False, [])}
