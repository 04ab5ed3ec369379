"""Every path to a vault's records, walked as one caller; what comes back is held against the slow reading of the rules.

Each path yields a line for whatever differs: more shown than the rules allow, or less.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from questions import counted, extremes, joined, selected
from rulebook import Row, best, deletable, visible
from walk import Faults, Walk, capped
from walked import CONTENT, NOTES, ORDERS, PEOPLE

from privet import digest
from privet.policy.syntax import Policy, Role
from privet.vocabulary.access import Action
from privet.vocabulary.predicate import ALWAYS, And, Not, Or, Predicate

NOWHERE = {404, 403}


def faults(walk: Walk, only: str = "") -> Faults:
    """Yield what differs, path by path. `only`: of this path alone."""
    for path in PATHS if not only else [path for path in PATHS if path.__name__ == only]:
        yield from (f"{path.__name__}: {line}" for line in path(walk))


# --- records ------------------------------------------------------------------------------------------------------


def get(walk: Walk) -> Faults:
    for table in (PEOPLE, NOTES, ORDERS):
        for row in walk.r.sample(walk.rows(table), 4):
            asked = walk.r.choice(("", "", "masked", "redacted", "last_four"))
            columns = [f.name for f in walk.fields(table)]
            columns = walk.r.choice((columns, columns, walk.r.sample(columns, 2)))
            view = f"?redaction={asked}&columns={','.join(columns)}"
            got = walk.home.ask("GET", f"/tables/{table}/records/{digest.id_text(row.id)}{view}")
            if (got.status == 200) is not any(walk.names(table, "read", row, name) for name in columns):
                yield f"{got.status} for a record of {table}"
            elif got.status == 200:
                yield from walk.compare(table, "read", row, got.json()["values"], asked, columns)
                yield from tokens(walk, table, row, got.json(), "read")
            else:
                none = walk.home.ask("GET", f"/tables/{table}/records/{uuid.uuid4()}{view}")
                if got.without_request() != none.without_request() or got.status not in NOWHERE:
                    yield f"a hidden record of {table} is told from none"


def tokens(walk: Walk, table: str, row: Row, shown: dict[str, Any], action: Action) -> Faults:
    made = walk.home.tokens[row.id]
    for name, token in shown["tokens"].items():
        walk.cells += 1
        if not walk.names(table, action, row, name):
            yield f"the token of {table}.{name} stands beside no cell"
        elif token != made[name]:
            yield f"the token of {table}.{name} is another"


def listed(walk: Walk) -> Faults:
    for table in (PEOPLE, NOTES, ORDERS):
        found: dict[str, Any] = {}
        cursor, limit, full = "", walk.r.randint(3, 9), True
        while full:
            got = walk.home.ask("GET", f"/tables/{table}/records?limit={limit}&cursor={cursor}")
            if got.status != 200:
                break
            page = got.json()
            full, cursor = bool(page["next"]), page["next"]
            found |= {item["id"]: item for item in page["records"]}
            if full and len(page["records"]) < limit:
                yield f"a page of {table} that is not full says that there is more"
            if (
                not full
                and len(page["records"]) == limit
                and len(walk.visible_rows(table, "read")) < len(walk.rows(table))
            ):
                yield f"a full page of {table} says whether hidden records follow"
        yield from whole(walk, table, "read", found)


def exported(walk: Walk) -> Faults:
    for table in (PEOPLE, NOTES, ORDERS):
        got = walk.home.ask("GET", f"/tables/{table}/export")
        found = {item["id"]: item for item in got.lines()} if got.status == 200 else {}
        yield from whole(walk, table, "export", found)


def whole(walk: Walk, table: str, action: Action, found: dict[str, Any]) -> Faults:
    expected = {digest.id_text(row.id): row for row in walk.visible_rows(table, action)}
    walk.cells += len(walk.rows(table))
    if set(found) != set(expected):
        yield f"{len(found)} records of {table} in place of {len(expected)}"
    for identity in set(found) & set(expected):
        yield from walk.compare(table, action, expected[identity], found[identity]["values"])
        yield from tokens(walk, table, expected[identity], found[identity], action)


def files(walk: Walk) -> Faults:
    for row in walk.rows(PEOPLE)[::3][:4]:
        got = walk.home.ask("GET", f"/tables/people/records/{digest.id_text(row.id)}/files/doc")
        expected = "plain_text" in walk.names(PEOPLE, "read", row, "doc")
        walk.cells += 1
        if (got.status == 200) is not expected or (got.body == CONTENT) is not expected:
            yield f"{got.status} for a file"


# --- tokens -------------------------------------------------------------------------------------------------------


def detokenized(walk: Walk) -> Faults:
    for name in ("name", "email", "phone", "born", "ssn", "pan"):
        held = [(row, token) for row in walk.rows(PEOPLE) if (token := walk.home.tokens[row.id].get(name))]
        hint = {"table": PEOPLE, "column": name} if name in ("ssn", "phone", "born") else {}
        asked = walk.r.choice(("", "", "masked", "redacted"))
        sent = {"tokens": [token for _, token in held], "redaction": asked, **hint}
        got = walk.home.ask("POST", "/detokenize", sent)
        if got.status != 200:
            yield f"{got.status} for tokens"
            continue
        for (row, token), answer in zip(held, got.json()["values"], strict=True):
            walk.cells += 1
            yield from one_token(walk, name, row, token, asked, answer)


def one_token(walk: Walk, name: str, row: Row, token: str, asked: str, answer: dict[str, Any]) -> Faults:
    if name in ("ssn", "pan") and any(
        other.values[name] == row.values[name] and walk.held_back(PEOPLE, other) for other in walk.rows(PEOPLE)
    ):
        most, least = [], []
    elif name in ("ssn", "pan"):
        most, least = (of_no_record(walk, row, name, asked, generous=generous) for generous in (True, False))
    else:
        holders = [other for other in walk.rows(PEOPLE) if walk.home.tokens[other.id].get(name) == token]
        most = [value for holder in holders for value in walk.shown(PEOPLE, "detokenize", holder, name, asked)]
        least = most
    if "error" in answer:
        if least:
            yield f"a token of {name} is not opened"
        return
    value = answer.get("value")
    value = value[name] if name in ("phone", "born") and isinstance(value, dict) else value
    if value not in most:
        yield f"a token of {name} is opened as the rules do not say"


def of_no_record(walk: Walk, row: Row, name: str, asked: str, *, generous: bool) -> list[Any]:
    """Return what a token of no record may show: a condition holds on nothing, and a denial with one denies.

    `generous`: conditions that hold whatever they are about count as none.
    """

    def role(role: Role) -> Role:
        rules = [
            (rule, anyway(rule.where) if generous else True if rule.where == ALWAYS else None) for rule in role.rules
        ]
        kept = [
            replace(rule, where=ALWAYS)
            for rule, holds in rules
            if (holds is True if rule.effect == "allow" else holds is not False)
        ]
        return replace(role, rules=tuple(kept))

    made = walk.rules(PEOPLE, "detokenize")
    policy = Policy("v", tuple(map(role, made.policy.roles)), made.policy.promises)
    field = made.table.field(name)
    assert field is not None
    names = best(field, visible(replace(made, policy=policy), replace(row, consents=None, flags=frozenset()), field))
    return [walk.home.cell(PEOPLE, row, name, capped(field, redaction, asked)) for redaction in names]


def anyway(where: Predicate) -> bool | None:
    """Return what a condition says where nothing is known of any column."""
    if isinstance(where, Not):
        inner = anyway(where.item)
        return None if inner is None else not inner
    if isinstance(where, And | Or):
        found, stop = [anyway(item) for item in where.items], isinstance(where, Or)
        return stop if stop in found else None if None in found else not stop
    return None


def tokenized(walk: Walk) -> Faults:
    for name, value in (("name", "Ann Example"), ("ssn", "536-90-4000")):
        walk.cells += 1
        got = walk.home.ask("POST", "/tables/people/tokenize", {"column": name, "values": [value]})
        allowed = bool(walk.names(PEOPLE, "tokenize", walk.rows(PEOPLE)[0], name))
        if (got.status == 200) is not allowed or got.status not in (200, 403):
            yield f"{got.status} for a value of {name}"


# --- writing ------------------------------------------------------------------------------------------------------


def updated(walk: Walk) -> Faults:
    people = [row for row in walk.rows(PEOPLE) if row.flags]
    for table, row in [(NOTES, row) for row in walk.r.sample(walk.rows(NOTES), 3)] + [(PEOPLE, row) for row in people]:
        path, value = f"/tables/{table}/records/{digest.id_text(row.id)}", walk.r.choice((1, 10, 30))
        allowed = bool(walk.names(table, "update", row, "score"))
        got = walk.home.ask("PATCH", path, {"values": {"score": value}})
        walk.cells += 1
        if (got.status == 200) is not allowed:
            yield f"{got.status} for a change"
        if got.status == 200:
            walk.home.change(table, row, "score", value)
            walk.forget()
            continue
        none = walk.home.ask("PATCH", f"/tables/{table}/records/{uuid.uuid4()}", {"values": {"score": value}})
        if got.without_request() != none.without_request():
            yield "a record that may not be changed is told from none"


def deleted(walk: Walk) -> Faults:
    notes, orders = walk.rows(NOTES), walk.rows(ORDERS)
    of_hers = next((row for row in orders if row.flags), walk.r.choice(orders))
    for table, like in ((NOTES, walk.r.choice(notes)), (ORDERS, of_hers)):
        row = walk.home.add(table, dict(like.values), like.consents)
        walk.forget()
        allowed = deletable(walk.rules(table, "delete"), row)
        got = walk.home.ask("POST", f"/tables/{table}/records/delete", {"ids": [digest.id_text(row.id)]})
        count = got.json()["count"] if got.status == 200 else 0
        walk.cells += 1
        if count != int(allowed):
            yield f"{count} records of {table} deleted"
        walk.home.drop(table, row)
        walk.forget()


def inserted(walk: Walk) -> Faults:
    """Values of a unique column: who writes one that is taken learns so only where she may search all of them."""
    taken = next(row.values["email"] for row in walk.rows(PEOPLE) if row.values["email"])
    got = walk.home.ask("POST", "/tables/people/records", {"records": [{"email": taken}]})
    walk.cells += 1
    first = walk.rows(PEOPLE)[0]
    allowed = bool(walk.names(PEOPLE, "insert", first, "email"))
    told = walk.told(PEOPLE, "email")
    if got.status != (409 if allowed else 403):
        yield f"{got.status} for a value that is taken"
    if b"duplicate" in got.body and not told:
        yield "a value is said to be taken"


def upserted(walk: Walk) -> Faults:
    having = [row for row in walk.rows(PEOPLE) if row.values["email"]]
    row = next((row for row in having if row.flags), having[0])
    value = walk.r.choice((1, 10, 30))
    body = {"on": ["email"], "records": [{"email": row.values["email"], "score": value}]}
    got = walk.home.ask("PUT", "/tables/people/records", body)
    walk.cells += 1
    told, finds = walk.told(PEOPLE, "email"), walk.told(PEOPLE, "email", flags=False)
    allowed = all(walk.names(PEOPLE, "update", row, name) for name in ("email", "score"))
    if got.status == 200:
        if not (finds and allowed):
            yield "a record is found by its e-mail address and changed"
        walk.home.change(PEOPLE, row, "score", value)
        walk.home.tokens[row.id] = {**walk.home.tokens[row.id], **got.json()["records"][0]["tokens"]}
        walk.forget()
    elif b"duplicate" in got.body and not told:
        yield "a value is said to be taken"


PATHS: tuple[Callable[[Walk], Faults], ...] = (
    *(get, listed, exported, files, detokenized, tokenized, selected, counted, extremes, joined),
    *(updated, deleted, inserted, upserted),
)
