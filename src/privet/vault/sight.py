"""What a permit lets a caller see of rows that were fetched and verified: rows first, then redactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from privet import digest
from privet.errors import InvalidValue
from privet.policy.permit import Permit, Sight
from privet.store.port import Row
from privet.vault.access.budgets import Seen
from privet.vault.schema import Column, Table
from privet.vault.sealer import Opened, Sealer, Texts, array_texts
from privet.vault.values import show, within
from privet.vocabulary.datatype import DataType, Wire, data_type, reveals_more
from privet.vocabulary.flag import bare
from privet.vocabulary.predicate import ALWAYS, CONSENT, And, Attribute, Compare, In, Not, Predicate, Value, comparisons
from privet.vocabulary.typed import field_type

Lookup = Callable[[str], str | None]
Test = Callable[[Lookup], bool | None]


@dataclass(frozen=True, slots=True)
class View:
    """What a caller wants to see: columns, and no more of them than `redaction` shows ("" for all that is allowed)."""

    columns: tuple[str, ...]
    redaction: str = ""


def visible(
    sealer: Sealer, permit: Permit, rows: Sequence[Row], view: View, seen: Seen | None = None
) -> tuple[list[Row], list[dict[str, Wire]]]:
    """Return (the rows that the permit covers, what it shows of the view on each).

    A named column that the permit lacks, or that no sight covers on a row, is left out of that row. `seen`: is told
    what is shown, for a caller who lets it leave.
    """
    allowed = [name for name in view.columns if permit.allows(name)]
    columns = permit.columns
    if bare(permit.rows) is not permit.rows:
        # INVARIANT: the flags of a sight are those of its permit's rows, by which the rows are chosen first.
        columns = {name: tuple([s._replace(where=bare(s.where)) for s in columns[name]]) for name in allowed}
    tests = [sight.where for name in allowed for sight in columns[name]]
    needed = set(allowed) | {place_of(leaf) for where in (permit.rows, *tests) for leaf in comparisons(where)}
    held: Opened = {}
    texts = {place: _read(sealer, place, rows, held) for place in sorted(needed)}
    if permit.rows != ALWAYS:
        test = judge(permit.rows, sealer.table)
        keep = [at for at in range(len(rows)) if test(_row(texts, at)) is True]
        rows = [rows[at] for at in keep]
        texts = {name: [column[at] for at in keep] for name, column in texts.items()}
    shown: list[dict[str, Wire]] = [{} for _ in rows]
    for name in allowed:
        column = sealer.table.column(name)
        for sight, at in _by_sight(sealer.table, columns[name], texts, len(rows)):
            chosen = texts[name] if len(at) == len(rows) else [texts[name][i] for i in at]
            capped = least(data_type(column.field.type), sight.redaction, view.redaction)
            if seen is not None and seen.counts(column, sight.rule, capped):
                seen.add(sight.rule, _ids(rows, at, chosen))
            for i, value in zip(at, show(column, chosen, capped), strict=True):
                shown[i][name] = value
    if seen is not None:
        seen.shown += [row[0] for row in rows]  # type: ignore[misc]  # ids are bytes
    return list(rows), shown


def _ids(rows: Sequence[Row], at: Sequence[int], texts: Texts) -> list[bytes]:
    """Return the ids of those of the rows that hold something."""
    return [rows[i][0] for i, text in zip(at, texts, strict=True) if text is not None]  # type: ignore[misc]


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
        test = judge(sight.where, table)
        matching = [at for at in left if test(_row(texts, at)) is True]
        found.append((sight, matching))
        taken = set(matching)
        left = [at for at in left if at not in taken]
    return found


def least(kind: DataType, allowed: str, asked: str) -> str:
    """Return what is shown when `asked` is wanted and `allowed` permitted: nothing that `allowed` hides."""
    if not asked or asked == allowed or reveals_more(kind, asked, allowed):
        return allowed
    return asked if asked in kind.redactions and within(kind, asked, allowed) else "redacted"


def column_of(target: str) -> str:
    """Return the column of a logical target: `email` of `email.domain`."""
    return target.partition(".")[0]


def place_of(leaf: Compare | In) -> str:
    """Return what of a row a comparison reads: a column, `id`, or its person's consent to a key."""
    if leaf.target == CONSENT:
        return f"{CONSENT} {_key(leaf)}"
    return column_of(leaf.target)


def _key(leaf: Compare | In) -> str:
    return leaf.value if isinstance(leaf, Compare) and isinstance(leaf.value, str) else ""


def _read(sealer: Sealer, place: str, rows: Sequence[Row], held: Opened) -> Texts:
    """Return the texts of a place, one a row. Of a consent: "yes", "no", None where nobody can say."""
    if place == "id":
        return [digest.id_text(row[0]) for row in rows]  # type: ignore[arg-type]  # ids are bytes
    if not place.startswith(CONSENT):
        return sealer.open(sealer.table.column(place), rows, held)
    return consents(sealer, place.partition(" ")[2], rows)


def consents(sealer: Sealer, key: str, rows: Sequence[Row]) -> Texts:
    """Return whether the person of each row has consented: "yes", "no", None where the vault keeps no consents."""
    at = sealer.place["subject"]
    subjects = {row[at] for row in rows if isinstance(row[at], bytes)}
    found = sealer.consented(key, subjects)  # type: ignore[arg-type]  # bytes, as just checked
    return [None if found is None else "yes" if row[at] in found else "no" for row in rows]


def judge(predicate: Predicate, table: Table) -> Test:
    """Return what says of a row whether it satisfies a predicate over logical targets; literals are read once.

    Three-valued, as in SQL: None is "unknown", which neither a condition nor its negation accepts.
    Raises InvalidValue for a literal that is none of its column's type.
    """
    if isinstance(predicate, Compare | In):
        return _leaf(predicate, table)
    if isinstance(predicate, Not):
        return _negated(judge(predicate.item, table))
    items = [judge(item, table) for item in predicate.items]
    if isinstance(predicate, And):
        return lambda lookup: _all(items, lookup)
    return _negated(lambda lookup: _all([_negated(item) for item in items], lookup))


def _negated(test: Test) -> Test:
    def turned(lookup: Lookup) -> bool | None:
        found = test(lookup)
        return None if found is None else not found

    return turned


def _all(tests: Sequence[Test], lookup: Lookup) -> bool | None:
    answer: bool | None = True
    for test in tests:
        value = test(lookup)
        if value is False:
            return False
        if value is None:
            answer = None
    return answer


def _leaf(leaf: Compare | In, table: Table) -> Test:
    place, (name, _, part_name) = place_of(leaf), leaf.target.partition(".")
    if leaf.target == CONSENT:
        return lambda lookup: None if (text := lookup(place)) is None else text == "yes"
    column = None if name == "id" else table.column(name)
    part = field_type(column.field).part(part_name) if column and part_name else None
    if isinstance(leaf, Compare) and leaf.value is None:
        wanted = leaf.op == "="
        return lambda lookup: ((text := lookup(place)) is None or bool(part and part.of(text) is None)) is wanted
    negative = isinstance(leaf, Compare) and leaf.op == "!="
    test = _values(leaf, column, part_name)

    def one(text: str) -> bool | None:
        found = part.of(text) if part else text
        return None if found is None else test(found)

    def verdict(lookup: Lookup) -> bool | None:
        text = lookup(place)
        if text is None:
            return None
        # Of an array: whether some element meets it.
        found = any(one(element) for element in array_texts(text)) if column and column.field.array else one(text)
        return found if found is None or not negative else not found

    return verdict


def _values(leaf: Compare | In, column: Column | None, part_name: str) -> Callable[[str], bool]:
    """Return the test of one value that is there. `!=` is told as `=`: the caller negates it."""
    values = leaf.values if isinstance(leaf, In) else (leaf.value,)
    if column is None or column.field.reference:
        ids = frozenset(digest.id_text(v if isinstance(v, bytes) else digest.id_bytes(str(v))) for v in values)
        return lambda text: text in ids
    wanted = frozenset(canonical_literal(column, part_name, value) for value in values)
    if isinstance(leaf, In) or leaf.op in ("=", "!="):
        return lambda text: text in wanted
    kind, op, bound = field_type(column.field), leaf.op, next(iter(wanted))
    return lambda text: ordered(kind, part_name, op, text, bound)


def canonical_literal(column: Column, part_name: str, value: Value) -> str:
    """Return a literal in the form that stored texts have. Raises InvalidValue, or what the part's `fix` raises."""
    kind = field_type(column.field)
    part = kind.part(part_name) if part_name else None
    if part is not None:
        return part.fix(str(value))
    if isinstance(value, bytes | Attribute):
        raise InvalidValue("expected text", type_name=kind.name)
    return kind.normalize(value)


def ordered(kind: DataType, part_name: str, op: str, left: str, right: str) -> bool:
    """Return `left op right` in the type's own order, or the part's; those without one compare as text."""
    part = kind.part(part_name) if part_name else None
    key: Callable[[str], object] = (part.order if part else None if part_name else kind.order) or _part_key
    first, second = key(left), key(right)
    less, equal = bool(first < second), first == second  # type: ignore[operator]  # keys of one type compare
    return {"<": less, "<=": less or equal, ">": not (less or equal), ">=": not less}[op]


def _part_key(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdecimal() else (0, text)
