"""One token alone is shown, refused, counted and audited just as it is among others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from a_vault import START_MS, Bench, schema, subject_keys
from hypothesis import given, settings
from hypothesis import strategies as st

from privet import digest
from privet.app.wiring import new_ring
from privet.crypto import token
from privet.crypto.keystores.local import LocalStore
from privet.errors import Denied, LimitExceeded, PrivetError
from privet.policy.decide import decide
from privet.policy.parse import parse
from privet.policy.permit import Permit
from privet.secret import Secret
from privet.store.port import ENGINES, Select, Unit, Update
from privet.vault import glance, locate, records, reveal
from privet.vault.access.budgets import RECORDS, Meter
from privet.vault.holders import AT
from privet.vault.locate import Located
from privet.vault.log.audit import Deed
from privet.vault.people import erasure
from privet.vault.vault import Vault, create_vault
from privet.vocabulary.access import Access, Principal

FIELDS = (
    "email: type: contact.email, keep: sealed, token: stored, index: [exact]",
    "ssn: type: us.ssn, keep: shreddable, token: stored",
    "code: type: string, keep: sealed, token: {kind: stored, shape: uuid}",
    "mail: type: contact.email, keep: sealed, token: {kind: stored, scope: consumer}",
    "twin: type: contact.email, keep: sealed, token: {kind: stored, shape: email}",
    "born: type: person.dob, keep: sealed, token: random",
    "name: type: person.full_name, keep: sealed, token: record",
    "join: type: string, keep: sealed, token: sealed",
)
GUESTS = """      - name: guests
        fides_meta: {privet: {subject: self, ttl: 1h}}
        fields:
          - name: email
            fides_meta: {privet: {type: contact.email, keep: sealed, token: stored}}
"""
RULES = """role plain

allow detokenize with redaction = plain_text

role masked

allow detokenize

role some

allow detokenize on people.email with redaction = plain_text where people.email = 'p1@example.com'
allow detokenize on people.email with redaction = redacted

role spent

allow detokenize on people.email with redaction = plain_text budget 2 per minute
allow detokenize on guests.*

role part

allow detokenize on people.email.domain
"""
POLICY = parse(RULES, "t")
ROLES = ("plain", "masked", "some", "spent", "part", "nobody")
REDACTIONS = ("", "masked", "redacted", "plain_text", "domain", "last_four")
ID = b"vault-of-a-test!"


def person(number: int) -> dict[str, Any]:
    return {
        "email": f"p{number}@example.com",
        "ssn": f"773-01-{1000 + number}",
        "code": f"c{number}",
        "mail": f"m{number}@example.com",
        "twin": f"t{number}@example.com",
        "born": f"1980-01-{1 + number:02}",
        "name": f"Ann Example {'ABCDEFGH'[number]}",
        "join": f"j{number}",
    }


@dataclass(frozen=True)
class Full:
    """A vault that no test changes for good, and a token of every kind and fate, by what it is called."""

    bench: Bench
    tokens: Mapping[str, str]


@cache
def full() -> Full:
    now = [START_MS]
    store, ring = ENGINES.get("memory").open(""), new_ring(LocalStore(Secret(bytes(range(32)))), ID, now[0])
    deed = Deed(principal="p1", verb="make", policy="built-in/1", at_ms=now[0])
    vault = create_vault(id=ID, name="t", store=store, ring=ring, clock=lambda: now[0], deed=deed)
    vault.subjects = subject_keys(ID, now[0])
    bench = Bench(vault, now, asyncio.Runner().run)
    bench.apply(schema(*FIELDS, more=GUESTS))
    return Full(bench, dict(tokens(bench)))


def tokens(bench: Bench) -> Iterator[tuple[str, str]]:
    """Yield (what it is called, text) of tokens, and do to their records what the names say."""
    vault, table = bench.vault, bench.vault.table("people")
    people = bench.insert("people", *(person(number) for number in range(6)), {**person(6), "email": "p1@example.com"})
    for number in range(3):
        yield from ((f"{name} {number}", str(text)) for name, text in people[number].tokens.items())
    yield "a guest's", str(bench.insert("guests", {"email": "g@example.com"})[0].tokens["email"])
    values = ["p2@example.com", *(f"x{number}@example.com" for number in range(RECORDS + 1))]
    allowed, email = bench.permit("tokenize", "people"), table.column("email")
    made = bench.run(reveal.tokenize(vault, allowed, email, values, bench.deed()))
    yield from zip(("a value's", *(f"nobody's {number}" for number in range(RECORDS + 1))), made, strict=True)
    vault.honey.take([table.id + people[2].id])
    # p1 is held twice: without the record that was first, its row names nobody.
    bench.run(records.delete(vault, bench.permit("delete", "people"), [people[1].id], bench.deed()))
    bench.run(erasure.erase(vault, erasure.subject_of(vault, table, people[3].id), bench.deed()))
    yield "an erased person's", str(people[3].tokens["ssn"])
    for name in ("email", "ssn"):
        own, other = (located(bench, str(people[at].tokens[name])).row for at in (4, 5))
        vault.store.write_now(Unit((Update("tokens", ("cell",), ("token",), [(other[AT["cell"]], own[0])]),)))
        yield f"a swapped {name}", str(people[4].tokens[name])
    yield "a slip", "tok_" + "a" * 32
    yield "no token", "p1@example.com"
    yield "an unknown UUID", digest.id_text(bytes(16))
    yield "an unknown opaque", token.opaque_text(bytes(16))


def located(bench: Bench, text: str) -> Located:
    found = locate.locate_all(bench.vault, [text])[0]
    assert isinstance(found, Located)
    return found


def permits(bench: Bench, role: str) -> dict[str, Permit]:
    who = Principal(id="p1", name="test", roles=(role,))
    found = {}
    for table in bench.vault.schema.tables:
        try:
            access = Access("detokenize", table.name, table.names())
            found[table.name] = decide(POLICY, who, access, table.collection)
        except Denied:
            continue
    return found


async def alone(bench: Bench, role: str, text: str, redaction: str) -> list[Any]:
    found = locate.locate(bench.vault, [text], consumer="p1")
    deed = bench.deed("tokens.detokenize")
    return await reveal.detokenize(bench.vault, permits(bench, role), found, deed, redaction=redaction, texts=[text])


async def among_others(bench: Bench, role: str, text: str, redaction: str) -> list[Any]:
    found = locate.locate_all(bench.vault, [text], consumer="p1")
    deed = bench.deed("tokens.detokenize")
    return await reveal.detokenize_all(
        bench.vault, permits(bench, role), found, deed, redaction=redaction, texts=[text]
    )


Way = Callable[[Bench, str, str, str], Any]


def told(way: Way, calls: Sequence[tuple[str, str, str, int]]) -> tuple[list[object], list[tuple[object, ...]]]:
    """Return (what each call gave, the audit entries of all), from a meter that has seen nothing."""
    made = full()
    bench, vault = made.bench, made.bench.vault
    before, start = entries(vault), bench.now[0]
    vault.meter = Meter(vault.store, vault.clock)
    given: list[object] = []
    for role, name, redaction, wait in calls:
        bench.now[0] += wait
        try:
            given.append([plain(item) for item in bench.run(way(bench, role, made.tokens[name], redaction))])
        except PrivetError as error:
            given.append(plain(error))
    bench.now[0] = start
    return given, entries(vault)[len(before) :]


def plain(item: object) -> object:
    return (type(item).__name__, str(item), item.hint) if isinstance(item, PrivetError) else item


def entries(vault: Vault) -> list[tuple[object, ...]]:
    columns = ("at", "kind", "body", "records")
    return list(vault.store.select(Select(table="audit", columns=columns, order=(("seq", True),))))


def calls() -> st.SearchStrategy[list[tuple[str, str, str, int]]]:
    names = st.sampled_from([name for name in full().tokens if not name.startswith("nobody's 1")])
    one = st.tuples(st.sampled_from(ROLES), names, st.sampled_from(REDACTIONS), st.sampled_from((0, 0, 0, 61_000)))
    return st.lists(one, min_size=1, max_size=8)


@settings(deadline=None)
@given(data=st.data())
def test_a_token_alone_is_shown_counted_and_audited_as_among_others(data: st.DataObject) -> None:
    drawn = data.draw(calls())
    assert told(alone, drawn) == told(among_others, drawn)


@pytest.mark.parametrize("role", ROLES)
def test_every_kind_and_fate_of_a_token_gives_the_same_both_ways(role: str) -> None:
    # An hour between them, so that no budget is spent and the guest's record comes to its end.
    drawn = [(role, name, redaction, 61_000) for name in full().tokens for redaction in REDACTIONS]
    assert told(alone, drawn) == told(among_others, drawn)


def test_a_budget_is_spent_by_a_token_alone() -> None:
    made = full()
    drawn = [("spent", name, "", 0) for name in ("email 0", "email 0", "email 2")]
    given, written = told(alone, drawn)
    assert given[:2] == [["p0@example.com"], ["p0@example.com"]]
    assert isinstance(given[2], tuple) and given[2][0] == LimitExceeded.__name__
    assert len(written) == 3  # two that were shown, and the alert
    assert made.tokens["email 0"] != made.tokens["email 2"]


def test_tokens_that_nobody_holds_count_one_by_one() -> None:
    drawn = [("plain", f"nobody's {number}", "", 0) for number in range(RECORDS + 1)]
    given, written = told(alone, drawn)
    assert (given, written) == told(among_others, drawn)
    assert [type(item) for item in given] == [list] * RECORDS + [tuple]


TAKEN = {
    "email 0",
    "email 2",
    "ssn 0",
    "ssn 2",
    "code 0",
    "twin 0",
    "nobody's 0",
    "a value's",
    "a swapped email",
    "a swapped ssn",
}


def test_the_path_for_one_is_taken_for_the_tokens_that_most_calls_are_about() -> None:
    made = full()
    vault, allowed = made.bench.vault, permits(made.bench, "plain")
    found = {name: locate.locate(vault, [text], consumer="p1")[0] for name, text in made.tokens.items()}
    taken = {name for name, item in found.items() if glance.ready(vault, allowed, item) is not None}
    assert taken >= TAKEN
    assert not any(name.startswith(("mail", "name", "join", "a guest", "email 1")) for name in taken)
