"""What a permit lets a caller see of rows that were fetched and verified: rows first, then redactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from privet.errors import InvalidValue
from privet.policy.permit import Permit, Sight
from privet.store.port import Row
from privet.vault.schema import Column, Table
from privet.vault.sealer import Sealer, Texts
from privet.vault.values import show
from privet.vocabulary.datatype import DataType, Wire, data_type, reveals_more
from privet.vocabulary.predicate import ALWAYS, And, Attribute, Compare, In, Or, Predicate, Value, targets

Lookup = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class View:
    """What a caller wants to see: columns, and no more of them than `redaction` shows ("" for all that is allowed)."""

    columns: tuple[str, ...]
    redaction: str = ""


def visible(sealer: Sealer, permit: Permit, rows: Sequence[Row], view: View) -> tuple[list[Row], list[dict[str, Wire]]]:
    """Return (the rows that the permit covers, what it shows of the view on each).

    A named column that the permit lacks, or that no sight covers on a row, is left out of that row.
    """
    allowed = [name for name in view.columns if permit.allows(name)]
    tests = [sight.where for name in allowed for sight in permit.columns[name]]
    needed = set(allowed) | {column_of(target) for where in (permit.rows, *tests) for target in targets(where)}
    texts = {name: sealer.open(sealer.table.column(name), rows) for name in sorted(needed)}
    if permit.rows != ALWAYS:
        keep = [at for at in range(len(rows)) if holds(permit.rows, sealer.table, _row(texts, at))]
        rows = [rows[at] for at in keep]
        texts = {name: [column[at] for at in keep] for name, column in texts.items()}
    shown: list[dict[str, Wire]] = [{} for _ in rows]
    for name in allowed:
        column = sealer.table.column(name)
        for sight, at in _by_sight(sealer.table, permit.columns[name], texts, len(rows)):
            chosen = texts[name] if len(at) == len(rows) else [texts[name][i] for i in at]
            capped = least(data_type(column.field.type), sight.redaction, view.redaction)
            for i, value in zip(at, show(column, chosen, capped), strict=True):
                shown[i][name] = value
    return list(rows), shown


def _row(texts: Mapping[str, Texts], at: int) -> Lookup:
    return lambda name: texts[name][at]


def _by_sight(
    table: Table, sights: Sequence[Sight], texts: Mapping[str, Texts], size: int
) -> list[tuple[Sight, Sequence[int]]]:
    """Return which rows each sight decides: the first, most revealing one whose rows match."""
    left: Sequence[int] = range(size)
    found: list[tuple[Sight, Sequence[int]]] = []
    for sight in sights:
        if sight.where == ALWAYS:
            found.append((sight, left))
            break
        matching = [at for at in left if holds(sight.where, table, _row(texts, at))]
        found.append((sight, matching))
        taken = set(matching)
        left = [at for at in left if at not in taken]
    return found


def least(kind: DataType, allowed: str, asked: str) -> str:
    """Return what is shown when `asked` is wanted and `allowed` permitted: never more than either."""
    if not asked or asked == allowed or reveals_more(kind, asked, allowed):
        return allowed
    return asked if asked in kind.redactions else "redacted"


def column_of(target: str) -> str:
    """Return the column of a logical target: `email` of `email.domain`."""
    return target.partition(".")[0]


def holds(predicate: Predicate, table: Table, lookup: Lookup) -> bool:
    """Return whether a row's canonical texts satisfy a predicate over logical targets."""
    return _truth(predicate, table, lookup) is True


def _truth(predicate: Predicate, table: Table, lookup: Lookup) -> bool | None:
    # Three-valued, as in SQL: None is "unknown", which neither a condition nor its negation accepts.
    if isinstance(predicate, And):
        return _all(_truth(item, table, lookup) for item in predicate.items)
    if isinstance(predicate, Or):
        found = _all(_negated(_truth(item, table, lookup)) for item in predicate.items)
        return _negated(found)
    if isinstance(predicate, Compare | In):
        return _compare(predicate, table, lookup)
    return _negated(_truth(predicate.item, table, lookup))


def _negated(value: bool | None) -> bool | None:
    return None if value is None else not value


def _all(values: object) -> bool | None:
    answer: bool | None = True
    for value in values:  # type: ignore[attr-defined]  # any iterable of three-valued truths
        if value is False:
            return False
        if value is None:
            answer = None
    return answer


def _compare(predicate: Compare | In, table: Table, lookup: Lookup) -> bool | None:
    name, _, part_name = predicate.target.partition(".")
    column = table.column(name)
    kind = data_type(column.field.type)
    text = lookup(name)
    part = kind.part(part_name) if part_name else None
    found = part.of(text) if part and text is not None else text
    if isinstance(predicate, Compare) and predicate.value is None:
        return (found is None) is (predicate.op == "=")
    if found is None:
        return None
    if isinstance(predicate, In):
        return any(found == canonical_literal(column, part_name, value) for value in predicate.values)
    wanted = canonical_literal(column, part_name, predicate.value)
    if predicate.op in ("=", "!="):
        return (found == wanted) is (predicate.op == "=")
    return ordered(kind, part_name, predicate.op, found, wanted)


def canonical_literal(column: Column, part_name: str, value: Value) -> str:
    """Return a literal in the form that stored texts have. Raises InvalidValue, or what the part's `fix` raises."""
    kind = data_type(column.field.type)
    part = kind.part(part_name) if part_name else None
    if part is not None:
        return part.fix(str(value))
    if isinstance(value, bytes | Attribute):
        raise InvalidValue("expected text", type_name=kind.name)
    return kind.normalize(value)


def ordered(kind: DataType, part_name: str, op: str, left: str, right: str) -> bool:
    """Return `left op right` in the type's own order; parts and types without one compare as text."""
    key: Callable[[str], object] = kind.order if kind.order and not part_name else _part_key
    first, second = key(left), key(right)
    less, equal = bool(first < second), first == second  # type: ignore[operator]  # keys of one type compare
    return {"<": less, "<=": less or equal, ">": not (less or equal), ">=": not less}[op]


def _part_key(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdecimal() else (0, text)
