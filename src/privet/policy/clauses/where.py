"""On which records: a condition on their columns, on queues and on consent. Total and terminating by grammar."""

from __future__ import annotations

from datetime import date

from privet.errors import InvalidPolicy
from privet.policy.clauses import Clause
from privet.policy.clauses._cursor import Cursor, Draft
from privet.policy.clauses._tokens import NUMBER
from privet.policy.clauses._tokens import TEXT as TEXT_KEY
from privet.policy.clauses._words import name, quoted
from privet.policy.syntax import Rule
from privet.vocabulary.predicate import (
    ALWAYS,
    CONSENT,
    QUEUE,
    And,
    Attribute,
    Compare,
    In,
    Not,
    Operator,
    Or,
    Predicate,
    Value,
)

MOST_DEEP = 64
_OPERATORS: dict[str, Operator] = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_FLIPPED: dict[Operator, Operator] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_DATES: dict[str, Operator] = {"before": "<", "after": ">"}
_DATE_WORDS: dict[Operator, str] = {op: word for word, op in _DATES.items()}
_FIRST = frozenset({"not", "consent", "caller"})  # words that a column's table would be taken for
_DIGITS = 40


def _read(cursor: Cursor, draft: Draft) -> None:
    draft.where = _either(cursor, draft, 0)


# --- reading ------------------------------------------------------------------------------------------------


def _either(cursor: Cursor, draft: Draft, depth: int) -> Predicate:
    first = _both(cursor, draft, depth)
    if cursor.keys[cursor.at] != "or":
        return first
    items = [first]
    while cursor.skip("or"):
        items.append(_both(cursor, draft, depth))
    return Or(tuple(items))


def _both(cursor: Cursor, draft: Draft, depth: int) -> Predicate:
    first = _single(cursor, draft, depth)
    if cursor.keys[cursor.at] != "and":
        return first
    items = [first]
    while cursor.skip("and"):
        items.append(_single(cursor, draft, depth))
    return And(tuple(items))


def _single(cursor: Cursor, draft: Draft, depth: int) -> Predicate:
    key = cursor.keys[cursor.at]
    if key in ("not", "("):
        if depth >= MOST_DEEP:
            raise cursor.fault(f"expected at most {MOST_DEEP} levels of `not` and parentheses")
        cursor.at += 1
        if key == "not":
            return Not(_single(cursor, draft, depth + 1))
        inner = _either(cursor, draft, depth + 1)
        cursor.expect(")")
        return inner
    if key == "consent" and cursor.keys[cursor.at + 1] == "(":
        cursor.at += 1
        return Compare(CONSENT, "=", _named(cursor, "the key of a consent"))
    if key == "caller":
        return _caller_first(cursor, draft)
    return _comparison(cursor, draft)


def _named(cursor: Cursor, what: str) -> str:
    cursor.expect("(")
    found = cursor.content(f"{what} in quotes")
    cursor.expect(")")
    return found


def _caller_first(cursor: Cursor, draft: Draft) -> Predicate:
    attribute = _attribute(cursor)
    op = _OPERATORS.get(cursor.keys[cursor.at])
    if op is None:
        cursor.fail("a comparison of the attribute with a column")
    cursor.at += 1
    return Compare(_column(cursor, draft), _FLIPPED[op], attribute)


def _comparison(cursor: Cursor, draft: Draft) -> Predicate:
    target = _column(cursor, draft)
    key = cursor.keys[cursor.at]
    op = _OPERATORS.get(key)
    if op is not None:
        cursor.at += 1
        return Compare(target, op, _attribute(cursor) if cursor.keys[cursor.at] == "caller" else _literal(cursor))
    cursor.at += 1
    if key == "in":
        return _among(cursor, target)
    if key == "not" and cursor.keys[cursor.at] == "in":
        cursor.at += 1
        return Not(_among(cursor, target))
    if key == "is":
        absent: Operator = "!=" if cursor.skip("not") else "="
        cursor.expect("null")
        return Compare(target, absent, None)
    if key in _DATES:
        return Compare(target, _DATES[key], _day(cursor))
    cursor.at -= 1
    cursor.fail("a comparison (`=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `is`, `before`, `after`)")


def _among(cursor: Cursor, target: str) -> Predicate:
    if cursor.keys[cursor.at] == "queue":
        if target != "id":
            raise cursor.fault("expected the `id` of the table before `in queue`, found another column")
        cursor.at += 1
        return Compare(QUEUE, "=", _named(cursor, "the name of a queue"))
    cursor.expect("(")
    values = [_literal(cursor)]
    while cursor.skip(","):
        values.append(_literal(cursor))
    cursor.expect(")")
    return In(target, tuple(values))


def _column(cursor: Cursor, draft: Draft) -> str:
    """Read `table.column` or `table.column.part`; returns it without the table, which must be the rule's."""
    start = cursor.at
    table = cursor.word("a column, as in `table.column`")
    cursor.expect(".", "a column stands after the name of its table")
    target = cursor.word("the name of a column")
    while cursor.skip("."):
        target += "." + cursor.word("the name of a part")
    if table != draft.table:
        _other_table(cursor, draft, table, start)
    draft.column = ""
    return target


def _other_table(cursor: Cursor, draft: Draft, table: str, start: int) -> None:
    # `on payments.people.* where people.region = …`, which is published: the first word is the vault.
    if draft.column and draft.column == table:
        draft.table = table
        return
    if draft.table:
        raise cursor.fault("expected a column of the rule's table, found one of another", at=start)
    hint = "write one rule for each table"
    raise cursor.fault("expected targets of one table where a condition names columns, found others", hint, at=start)


def _attribute(cursor: Cursor) -> Attribute:
    cursor.at += 1
    cursor.expect(".", "an attribute is written `caller.name`")
    found = cursor.word("the name of an attribute")
    while cursor.skip("."):
        found += "." + cursor.word("the rest of the name")
    return Attribute(found)


def _literal(cursor: Cursor) -> Value:
    key = cursor.keys[cursor.at]
    if key == TEXT_KEY:
        return cursor.content("a text")
    if key == NUMBER:
        return _number(cursor)
    if key in ("true", "false"):
        cursor.at += 1
        return key == "true"
    hint = "write `is null`" if key == "null" else "texts stand in single quotes"
    cursor.fail("a literal", hint)


def _number(cursor: Cursor) -> Value:
    raw = cursor.raws[cursor.at]
    digits = raw.lstrip("-")
    if len(digits) > _DIGITS:
        raise cursor.fault(f"expected a number of at most {_DIGITS} digits")
    cursor.at += 1
    # Other than plain whole numbers stay text: a float, or `02139` read as 2139, would change what was written.
    plain = digits.isdecimal() and (digits[0] != "0" or raw == "0")
    return int(raw) if plain else raw


def _day(cursor: Cursor) -> str:
    cursor.expect("date", "as in `before date '2020-01-31'`")
    found = cursor.content("a date in quotes")
    if not _is_date(found):
        raise cursor.fault("expected a date as in '2020-01-31'", at=cursor.at - 1)
    return found


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


# --- writing ------------------------------------------------------------------------------------------------


def _write(rule: Rule) -> str:
    if rule.where == ALWAYS:
        return ""
    tables = {target.table for target in rule.targets}
    return "where " + _text(rule.where, tables.pop() if len(tables) == 1 else "")


def _text(predicate: Predicate, table: str) -> str:
    if isinstance(predicate, And | Or):
        if len(predicate.items) < 2:
            raise InvalidPolicy("expected at least two conditions between `and` and `or`")
        word = " and " if isinstance(predicate, And) else " or "
        return word.join(_nested(item, table, Or if word == " or " else And) for item in predicate.items)
    if isinstance(predicate, Not):
        return _negated(predicate.item, table)
    return _leaf(predicate, table, "")


def _nested(item: Predicate, table: str, outer: type[And] | type[Or]) -> str:
    text = _text(item, table)
    loose = isinstance(item, Or) or (isinstance(item, And) and outer is And)
    return f"({text})" if loose else text


def _negated(item: Predicate, table: str) -> str:
    if isinstance(item, In) or (isinstance(item, Compare) and item.target == QUEUE):
        return _leaf(item, table, "not ")
    text = _text(item, table)
    return f"not ({text})" if isinstance(item, And | Or) else f"not {text}"


def _leaf(predicate: Compare | In, table: str, negation: str) -> str:
    if isinstance(predicate, In):
        if not predicate.values:
            raise InvalidPolicy("expected a value after `in`")
        listed = ", ".join(_value(value) for value in predicate.values)
        return f"{_place(predicate.target, table)} {negation}in ({listed})"
    if predicate.target == CONSENT:
        return f"consent({_value(predicate.value)})"
    if predicate.target == QUEUE:
        return f"{_place('id', table)} {negation}in queue({_value(predicate.value)})"
    place, op, value = _place(predicate.target, table), predicate.op, predicate.value
    if value is None:
        return f"{place} is null" if op == "=" else f"{place} is not null"
    if op in _DATE_WORDS and isinstance(value, str) and _is_date(value):
        return f"{place} {_DATE_WORDS[op]} date {quoted(value)}"
    return f"{place} {op} {_value(value)}"


def _place(target: str, table: str) -> str:
    if not table:
        raise InvalidPolicy("expected targets of one table where a condition names columns")
    return ".".join((name(table, _FIRST), *map(name, target.split("."))))


def _value(value: Value) -> str:
    if isinstance(value, Attribute):
        return "caller." + ".".join(map(name, value.name.split(".")))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise InvalidPolicy("expected a text, a whole number, true or false")
    return quoted(value)


PART = Clause(
    name="where",
    about="the records that the rule is about",
    opens="where",
    form="where CONDITION",
    order=2,
    read=_read,
    write=_write,
)
