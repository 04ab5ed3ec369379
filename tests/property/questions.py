"""Questions in SQL as one caller asks them: rows, orders, groups, counts, extremes, sums, joins, masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from rulebook import PARTS, Row, truth
from walk import Faults, Walk
from walked import NOTES, ORDERS, PEOPLE

from privet import digest
from privet.vault.query.blur import MOST
from privet.vault.query.question import shows_all
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import Compare, In

LEAST = 5


Truth = Callable[[Row], bool | None]


def condition(walk: Walk, table: str) -> tuple[str, str, Truth] | None:
    """Return a place, SQL about it and whether it holds on a row."""
    made = one_condition(walk, table)
    if made is None or walk.r.random() < 0.7:
        return made
    place, sql, holds = made

    def turned(row: Row) -> bool | None:
        found = holds(row)
        return None if found is None else not found

    return place, f"NOT ({sql})", turned


def one_condition(walk: Walk, table: str) -> tuple[str, str, Truth] | None:
    r, skipped = walk.r, ("doc", "person", "total")
    column = r.choice([field for field in walk.fields(table) if field.name not in skipped])
    values = [row.values[column.name] for row in walk.rows(table) if row.values[column.name] is not None]
    if not values:
        return None
    name, kind = column.name, data_type(column.type)
    if column.array:
        return name, f"{name} = 'red'", holding(walk, table, Compare(name, "=", "red"))
    value: Any = r.choice(values)
    if name in PARTS and r.random() < 0.4:
        part = kind.part(r.choice(PARTS[name]))
        assert part is not None
        place, value = f"{name}.{part.name}", part.of(kind.normalize(value))
        return place, f"{place} = {quoted(value)}", holding(walk, table, Compare(place, "=", value))
    match r.choice(("=", "=", "!=", "null", "in", "like", "<", ">=")):
        case "null":
            return f"{name}?", f"{name} IS NULL", holding(walk, table, Compare(name, "=", None))
        case "in":
            some = tuple(r.sample(values, min(3, len(values))))
            return name, f"{name} IN ({', '.join(map(quoted, some))})", holding(walk, table, In(name, some))
        case "like" if name in ("name", "plan"):
            start = value[:2].lower()
            return name, f"{name} LIKE {quoted(start + '%')}", lambda row: starts(row.values[name], start)
        case "<" if kind.order:
            return name, f"{name} < {quoted(value)}", holding(walk, table, Compare(name, "<", value))
        case ">=" if kind.order:
            return name, f"{name} >= {quoted(value)}", holding(walk, table, Compare(name, ">=", value))
        case "!=":
            return name, f"{name} != {quoted(value)}", holding(walk, table, Compare(name, "!=", value))
    return name, f"{name} = {quoted(value)}", holding(walk, table, Compare(name, "=", value))


def starts(held: Any, start: str) -> bool | None:
    return None if held is None else held.lower().startswith(start)


def holding(walk: Walk, table: str, leaf: Compare | In) -> Truth:
    return lambda row: truth(walk.rules(table, "read"), leaf, row)


def quoted(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"'{value}'"


def asked(walk: Walk, table: str) -> tuple[list[str], str, list[Row]]:
    """Return places that a random WHERE is about, its SQL, and the rows of which the caller may ask and it holds."""
    found = [made for _ in range(walk.r.choice((0, 1, 1, 2))) if (made := condition(walk, table))]
    places, sql = [place for place, _, _ in found], " AND ".join(text for _, text, _ in found)
    rows = [
        row
        for row in walk.rows(table)
        if all(walk.may_ask(table, row, place) for place in places) and all(holds(row) is True for _, _, holds in found)
    ]
    return places, f" WHERE {sql}" if sql else "", rows


def refused(walk: Walk, table: str, places: Sequence[str], columns: Sequence[str]) -> bool:
    """Return whether the rules let a question be refused: something in it is never to be asked about, or seen."""
    rows = walk.rows(table)
    dead = any(not any(walk.may_ask(table, row, place) for row in rows) for place in places)
    return dead or any(not any(walk.names(table, "read", row, name) for row in rows) for name in columns)


def selected(walk: Walk) -> Faults:
    for table in (PEOPLE, PEOPLE, NOTES):
        for _ in range(3):
            yield from one_select(walk, table)


def one_select(walk: Walk, table: str) -> Faults:
    places, where, rows = asked(walk, table)
    columns = walk.r.sample([f.name for f in walk.fields(table) if f.name != "doc"], 3)
    lower = walk.r.choice(("", "", *data_type(walk.rules(table, "read").table.field(columns[0]).type).redactions))  # type: ignore[union-attr]
    sorting = walk.r.choice((*columns, "", ""))
    if sorting and not walk.rules(table, "read").table.field(sorting).array:  # type: ignore[union-attr]
        places = [*places, sorting]
        rows = [row for row in rows if walk.may_ask(table, row, sorting)]
        where += f" ORDER BY {sorting}"
    texts = [f"redaction({columns[0]}, '{lower}')" if lower else columns[0], *columns[1:]]
    sql = f"SELECT id, {', '.join(texts)} FROM {table}{where}"
    got = walk.query(sql)
    plan = walk.home.ask("POST", "/query/explain", {"sql": sql})
    if (got.status == 200) is not (plan.status == 200):
        yield f"{plan.status} for the plan, {got.status} for the answer"
    if got.status == 403:
        if not refused(walk, table, places, columns) and rows:
            yield f"refused: {sql}"
        return
    if got.status != 200:
        yield f"{got.status}: {sql}"
        return
    expected = {digest.id_text(row.id): row for row in rows if walk.any_of(table, row, "read", "search")}
    found = {line[0]: line[1:] for line in got.json()["rows"]}
    walk.cells += len(walk.rows(table))
    if set(found) != set(expected):
        yield f"{len(found)} rows in place of {len(expected)}: {sql}"
    for identity in set(found) & set(expected):
        for at, (name, value) in enumerate(zip(columns, found[identity], strict=True)):
            walk.cells += 1
            may = walk.shown(table, "read", expected[identity], name, lower if at == 0 else "")
            if value not in (may or [None]):
                yield f"{name} is shown otherwise: {sql}"


def counted(walk: Walk) -> Faults:
    for table in (PEOPLE, PEOPLE, NOTES):
        places, where, rows = asked(walk, table)
        rows = [row for row in rows if places or walk.any_of(table, row, "read", "search")]
        yield from one_count(walk, table, places, f"SELECT count(*) FROM {table}{where}", {"": len(rows)})
        column = walk.r.choice(("state", "plan", "name"))
        rows = [row for row in rows if walk.may_ask(table, row, column)]
        sizes: Counter[str] = Counter(str(row.values[column]) for row in rows)
        sql = f"SELECT count(*) FROM {table}{where} GROUP BY {column}"
        yield from one_count(walk, table, [*places, column], sql, dict(sizes))


def one_count(walk: Walk, table: str, places: list[str], sql: str, sizes: dict[str, int]) -> Faults:
    got = walk.query(sql)
    walk.cells += len(sizes) + 1
    if got.status == 403:
        if not refused(walk, table, places, ()) and any(sizes.values()):
            yield f"refused: {sql}"
        return
    answer = got.json()
    found = [line[0] for line in answer["rows"]]
    counts = [line[0] for line in walk.home.ask("POST", "/exact", {"sql": sql}).json()["rows"]]
    if sorted(counts) != sorted(size for key, size in sizes.items() if size or not key):
        yield f"{sorted(counts)} are counted in place of {sorted(sizes.values())}: {sql}"
    if not answer["perturbed"]:
        if not in_the_clear(walk, table, places):
            yield f"exact for one who may not see all: {sql}"
        if sorted(found) != sorted(size for key, size in sizes.items() if size or not key):
            yield f"{sorted(found)} in place of {sorted(sizes.values())}: {sql}"
        return
    if any(number < LEAST for number in found) or not answer["suppressed"]:
        yield f"a small group is shown: {sql}"
    large = sorted((size for size in sizes.values() if size >= LEAST), reverse=True)
    near = [abs(number - size) <= MOST for number, size in zip(sorted(found, reverse=True), large, strict=False)]
    if len(found) > len(large) or not all(near):
        yield f"{found} where there are {large}: {sql}"


def in_the_clear(walk: Walk, table: str, places: Sequence[str]) -> bool:
    """Return whether the caller sees in the clear, on every row that no flag hides, what a question asks about."""

    def shown(row: Row, place: str) -> bool:
        name = place.rstrip("?").partition(".")[0]
        kind = data_type(walk.rules(table, "read").table.field(name).type)  # type: ignore[union-attr]
        return any(shows_all(kind, held) for held in walk.names(table, "read", row, name))

    rows = [row for row in walk.rows(table) if not walk.held_back(table, row)]
    return all(walk.any_of(table, row, "read", "search") and all(shown(row, p) for p in places) for row in rows)


def extremes(walk: Walk) -> Faults:
    for function, column in (("min", "score"), ("max", "born"), ("max", "ssn"), ("sum", "score")):
        places, where, rows = asked(walk, PEOPLE)
        sql = f"SELECT {function}({column}) FROM people{where}"
        got = walk.query(sql)
        walk.cells += 1
        kind = data_type(walk.rules(PEOPLE, "read").table.field(column).type)  # type: ignore[union-attr]
        if function == "sum":
            rows = [row for row in rows if any(shows_all(kind, n) for n in walk.names(PEOPLE, "read", row, column))]
        else:
            places = [*places, column]
            rows = [
                row for row in rows if walk.may_ask(PEOPLE, row, column) and walk.names(PEOPLE, "read", row, column)
            ]
        if got.status == 403:
            continue
        answer = got.json()
        held = [row for row in rows if row.values[column] is not None]
        if not answer["rows"]:
            if not answer["suppressed"]:
                yield f"no answer: {sql}"
            continue
        if answer["suppressed"] and len(rows) < LEAST:
            yield f"an extreme of few is shown: {sql}"
        if function == "sum":
            expected = [sum(Decimal(row.values[column]) for row in held)] if held else [None]
            found = None if answer["rows"][0][0] is None else Decimal(answer["rows"][0][0])
        else:
            keys: list[Any] = [(kind.order or str)(kind.normalize(row.values[column])) for row in held]
            end = (min if function == "min" else max)(keys) if held else None
            expected = [
                value
                for row, key in zip(held, keys, strict=True)
                if key == end
                for value in walk.shown(PEOPLE, "read", row, column)
            ] or [None]
            found = answer["rows"][0][0]
        if found not in expected:
            yield f"another value: {sql}"


def joined(walk: Walk) -> Faults:
    sql = "SELECT o.id, p.id, o.total, p.name FROM orders o JOIN people p ON o.person = p.id"
    got = walk.query(sql)
    people = {row.id: row for row in walk.rows(PEOPLE)}
    pairs = [
        (order, people[walk.home.owners[order.id]])
        for order in walk.rows(ORDERS)
        if walk.home.owners[order.id] in people
    ]
    held = [
        (o, p)
        for o, p in pairs
        if walk.may_ask(ORDERS, o, "person") and walk.may_ask(PEOPLE, p, "id") and walk.may_ask(ORDERS, o, "id")
    ]
    walk.cells += len(pairs)
    if got.status == 403:
        if held and not (refused(walk, ORDERS, ["person"], ["total"]) or refused(walk, PEOPLE, [], ["name"])):
            yield "refused"
        return
    found = {(line[0], line[1]): line[2:] for line in got.json()["rows"]}
    expected = {(digest.id_text(o.id), digest.id_text(p.id)): (o, p) for o, p in held}
    if set(found) != set(expected):
        yield f"{len(found)} pairs in place of {len(expected)}"
    for ids in set(found) & set(expected):
        order, person = expected[ids]
        may = (walk.shown(ORDERS, "read", order, "total"), walk.shown(PEOPLE, "read", person, "name"))
        for value, some in zip(found[ids], may, strict=True):
            walk.cells += 1
            if value not in (some or [None]):
                yield "a joined value is shown otherwise"
