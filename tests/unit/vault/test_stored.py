"""Stored policies: what is saved, what is in force, and that nothing else decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from a_vault import Bench, schema

from privet.errors import Conflict, Damaged, Denied, InvalidPolicy, LimitExceeded, NotFound
from privet.policy.roles import BUILT_IN
from privet.store.port import Delete, Insert, Put, Row, Select, Unit
from privet.vault.access import approvals, policies
from privet.vault.access.approvals import Approval, Wanted
from privet.vault.access.policies import Activation, Stored
from privet.vault.access.promises import Promises, Shelf, read
from privet.vault.log.audit import Deed
from privet.vocabulary.predicate import Compare

PEOPLE = schema(
    "name: type: person.full_name, keep: sealed",
    "email: type: contact.email, keep: sealed, index: [exact]",
    "note: type: text",
)
TEXT = """role desk

allow read on people.name with redaction = masked
allow read on people.email where people.email = 'ann@example.com'  # her own
"""
OTHER = "role desk\n\nallow read on people.note\n"
FIRST_BODY = Select(table="promises", columns=("body",), where=Compare("version", "=", 1))
PROMISE = "deny use of user.contact for marketing\n"


@pytest.fixture
def shop(bench: Bench) -> Bench:
    bench.apply(PEOPLE)
    return bench


def by(shop: Bench, who: str, verb: str = "test") -> Deed:
    return Deed(principal=who, verb=verb, policy="built-in/1", at_ms=shop.now[0])


def save(shop: Bench, text: str = TEXT, who: str = "ann") -> Stored:
    saved: Stored = shop.run(policies.save(shop.vault, text, "desk.policy", by(shop, who)))
    return saved


def activate(
    shop: Bench, version: int, who: str = "ann", promises: Promises | None = None, stands: bool = True
) -> Activation | Approval:
    done: Activation | Approval = shop.run(
        policies.activate(shop.vault, version, promises, by(shop, who), lambda principal: stands)
    )
    return done


def roles(shop: Bench) -> list[str]:
    return [role.name for role in policies.in_force(shop.vault).policy.roles if BUILT_IN.role(role.name) is None]


def asked(done: Activation | Approval) -> Approval:
    assert isinstance(done, Approval)
    return done


# --- saving -------------------------------------------------------------------------------------------------------


def test_a_saved_policy_decides_nothing_until_it_is_activated(shop: Bench) -> None:
    assert save(shop).version == 1
    assert policies.in_force(shop.vault).policy is BUILT_IN
    activate(shop, 1)
    found = policies.in_force(shop.vault).policy
    assert (found.version, roles(shop)) == ("built-in/1+1", ["desk"])
    assert found.roles[: len(BUILT_IN.roles)] == BUILT_IN.roles


def test_every_fault_is_told_at_once_and_nothing_is_stored(shop: Bench) -> None:
    text = (
        "role desk\nallow read on people.nam\nallow read on people.name where people.note = 'x'\n"
        "role owner\nallow read on *\n"
    )
    with pytest.raises(InvalidPolicy) as caught:
        save(shop, text)
    assert [fault.at for fault in caught.value.faults] == ["desk.policy:2:15", "desk.policy:3:1", "desk.policy:4:1"]
    assert policies.stored(shop.vault) == []


@pytest.mark.parametrize(
    ("column", "hint"),
    [("name", "add `index: [exact]` to `people.name`")],
)
def test_a_condition_without_its_index_is_refused_with_the_line_to_add(shop: Bench, column: str, hint: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        save(shop, f"role r\nallow read on people.name where people.{column} = 'Ann Example'\n")
    assert caught.value.hint == hint


def test_a_built_in_role_stays_as_it_is_by_whatever_form(shop: Bench) -> None:
    for text in ("role viewer\nallow read on *", "deny read on people.name to owner", "allow read on * to viewer, x"):
        with pytest.raises(InvalidPolicy, match="is built in"):
            save(shop, text)


def test_an_empty_text_is_no_policy(shop: Bench) -> None:
    with pytest.raises(InvalidPolicy):
        save(shop, "# nothing yet\n")


def test_versions_count_up_and_the_last_text_is_not_stored_twice(shop: Bench) -> None:
    assert [save(shop).version, save(shop).version, save(shop, OTHER).version, save(shop).version] == [1, 1, 2, 3]


# --- in force -----------------------------------------------------------------------------------------------------


def test_going_back_is_one_call(shop: Bench) -> None:
    save(shop), save(shop, OTHER)
    activate(shop, 1)
    activate(shop, 2)
    activate(shop, 1)
    assert policies.in_force(shop.vault).policy.version == "built-in/1+1"
    activate(shop, 0)
    assert policies.in_force(shop.vault).policy is BUILT_IN
    chain = policies.history(shop.vault)
    assert [(item.seq, item.policy) for item in chain] == [(1, 1), (2, 2), (3, 1), (4, 0)]


def test_activating_what_is_in_force_changes_nothing(shop: Bench) -> None:
    save(shop)
    activate(shop, 1)
    activate(shop, 1)
    assert len(policies.history(shop.vault)) == 1


def test_an_unknown_version_is_not_found(shop: Bench) -> None:
    with pytest.raises(NotFound):
        activate(shop, 3)


def test_what_another_process_put_into_force_decides_within_a_second(shop: Bench) -> None:
    save(shop), save(shop, OTHER)
    activate(shop, 1)
    rows = rows_of(shop, "activations"), rows_of(shop, "meta")
    activate(shop, 2)
    put_back = rows_of(shop, "activations")[1:], rows_of(shop, "meta")
    forget(shop, "activations", rows, 1)
    assert policies.in_force(shop.vault).policy.version == "built-in/1+1"
    for table, found in zip(("activations", "meta"), put_back, strict=True):
        shop.vault.store.write_now(Unit((Put(table, columns(table), found),)))
    assert policies.in_force(shop.vault).policy.version == "built-in/1+1"
    shop.now[0] += policies.FRESH_MS
    assert policies.in_force(shop.vault).policy.version == "built-in/1+2"


def test_the_organizations_promises_come_with_an_activation_and_stay_when_the_policy_goes(shop: Bench) -> None:
    promises = Promises(version=4, text=PROMISE, author="eve", created_ms=0)
    save(shop)
    activate(shop, 1, promises=promises)
    found = policies.in_force(shop.vault).policy
    assert (found.version, len(found.promises)) == ("built-in/1+1/p4", 1)
    activate(shop, 0)
    found = policies.in_force(shop.vault).policy
    assert (found.version, len(found.promises)) == ("built-in/1/p4", 1)


@pytest.mark.parametrize("text", ["role r\nallow read on *\n", "deny use of user.nonsense for marketing"])
def test_promises_hold_no_roles_and_only_words_of_the_taxonomy(text: str) -> None:
    with pytest.raises(InvalidPolicy):
        read(text, "promises")


# --- names that change --------------------------------------------------------------------------------------------


def test_a_policy_follows_the_columns_and_tables_that_it_names(shop: Bench) -> None:
    save(shop)
    activate(shop, 1)
    moved = PEOPLE.replace("name: email\n", "name: mail\n").replace(
        "type: contact.email", "was: email, type: contact.email"
    )
    moved = moved.replace("- name: people\n", "- name: clients\n").replace(
        "subject: self", "subject: self, was: people"
    )
    shop.apply(moved)
    text = policies.text_now(shop.vault.schema, policies.load(shop.vault, 1))
    assert "allow read on clients.mail where clients.mail = 'ann@example.com'  # her own" in text
    [rule] = [rule for rule in policies.in_force(shop.vault).policy.roles[-1].rules if rule.targets[0].column == "mail"]
    assert rule.where == Compare("mail", "=", "ann@example.com")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda text: without(text, "name"), "policy 1:3:15"),
        (lambda text: text.replace(", index: [exact]", ""), "policy 1:4:1"),
        (lambda text: text.replace("type: person.full_name", "type: text"), "policy 1:3:15"),
        (lambda text: text.replace("- name: people\n", "- name: folk\n"), "policy 1:3:15"),
    ],
    ids=["column", "index", "redaction", "table"],
)
def test_a_schema_that_takes_what_a_rule_needs_is_refused_with_its_line(
    shop: Bench, change: Callable[[str], str], place: str
) -> None:
    save(shop)
    activate(shop, 1)
    wanted = change(PEOPLE)
    assert wanted != PEOPLE
    with pytest.raises(InvalidPolicy) as caught:
        shop.apply(wanted, allow_loss=True)
    assert place in [caught.value.at, *(fault.at for fault in caught.value.faults)]
    activate(shop, 0)
    shop.apply(wanted, allow_loss=True)


def without(text: str, column: str) -> str:
    lines = text.splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if line.strip() == f"- name: {column}")
    return "".join([*lines[:at], *lines[at + 2 :]])


def test_a_column_that_was_dropped_is_not_the_one_that_has_its_name_now(shop: Bench) -> None:
    save(shop)
    shop.apply(without(PEOPLE, "name"), allow_loss=True)
    shop.apply(PEOPLE)
    with pytest.raises(InvalidPolicy, match="no longer what the rule was written about"):
        activate(shop, 1)
    save(shop)
    activate(shop, 2)


# --- who writes the database file ---------------------------------------------------------------------------------


def columns(table: str) -> tuple[str, ...]:
    named = {"policies": ("version", "created", "body"), "activations": ("seq", "body"), "meta": ("name", "value")}
    return named[table]


def rows_of(shop: Bench, table: str) -> list[Row]:
    return shop.vault.store.select(Select(table=table, columns=columns(table), order=((columns(table)[0], True),)))


def forget(shop: Bench, table: str, rows: tuple[list[Row], list[Row]], most: int) -> None:
    """Put an older state of activations and of their head back."""
    later = [(row[0],) for row in rows_of(shop, table)[most:]]
    shop.vault.store.write_now(Unit((Delete(table, columns(table)[:1], later), Put("meta", columns("meta"), rows[1]))))
    shop.vault.kept.clear()


def flipped(body: object) -> bytes:
    assert isinstance(body, bytes)
    return body[:-2] + bytes([body[-2] ^ 1]) + body[-1:]


def change_text(shop: Bench) -> None:
    version, created, body = rows_of(shop, "policies")[0]
    shop.vault.store.write_now(Unit((Put("policies", columns("policies"), ((version, created, flipped(body)),)),)))


def swap_texts(shop: Bench) -> None:
    one, two = rows_of(shop, "policies")
    shop.vault.store.write_now(Unit((Put("policies", columns("policies"), ((one[0], one[1], two[2]),)),)))


def change_activation(shop: Bench) -> None:
    seq, body = rows_of(shop, "activations")[-1]
    shop.vault.store.write_now(Unit((Put("activations", columns("activations"), ((seq, flipped(body)),)),)))


def drop_last(shop: Bench) -> None:
    shop.vault.store.write_now(Unit((Delete("activations", ("seq",), ((2,),)),)))


def drop_first(shop: Bench) -> None:
    shop.vault.store.write_now(Unit((Delete("activations", ("seq",), ((1,),)),)))


def repeat_first(shop: Bench) -> None:
    body = rows_of(shop, "activations")[0][1]
    shop.vault.store.write_now(Unit((Insert("activations", columns("activations"), ((3, body),)),)))


def drop_all(shop: Bench) -> None:
    shop.vault.store.write_now(Unit((Delete("activations", ("seq",), ((1,), (2,))),)))


def drop_head(shop: Bench) -> None:
    shop.vault.store.write_now(Unit((Delete("meta", ("name",), (("activations",),)),)))


@pytest.mark.parametrize(
    "tamper",
    [change_text, swap_texts, change_activation, drop_last, drop_first, repeat_first, drop_all, drop_head],
    ids=lambda tamper: tamper.__name__,
)
def test_a_stored_policy_that_was_tampered_with_decides_nothing(shop: Bench, tamper: Callable[[Bench], None]) -> None:
    save(shop), save(shop, OTHER)
    activate(shop, 2)
    activate(shop, 1)
    tamper(shop)
    shop.vault.kept.clear()
    with pytest.raises(Damaged):
        policies.in_force(shop.vault)


def test_the_audit_knows_the_newest_activation(shop: Bench) -> None:
    save(shop)
    activate(shop, 1)
    [records] = [
        row[0]
        for row in shop.vault.store.select(Select(table="audit", columns=("records",)))
        if isinstance(row[0], bytes) and row[0].startswith(shop.vault.id)
    ]
    assert records == shop.vault.id + (policies.state(shop.vault) or b"")


# --- two persons --------------------------------------------------------------------------------------------------


def turn(shop: Bench, two_person: bool, who: str = "ann") -> Activation | Approval:
    done: Activation | Approval = shop.run(
        policies.turn(shop.vault, policies.Turn(two_person), by(shop, who), lambda principal: True)
    )
    return done


def approve(shop: Bench, found: Approval, who: str, subject: bytes = b"") -> Approval:
    done: Approval = shop.run(approvals.approve(shop.vault, found.id, subject or found.subject, by(shop, who)))
    return done


def test_with_two_persons_an_activation_waits_for_the_second(shop: Bench) -> None:
    save(shop)
    turn(shop, True)
    waits = asked(activate(shop, 1))
    assert waits.about == "policy 1 in place of none"
    assert roles(shop) == []
    assert asked(activate(shop, 1)).id == waits.id
    approve(shop, waits, "bea")
    assert roles(shop) == []
    done = activate(shop, 1)
    assert isinstance(done, Activation)
    assert (done.by, done.approved_by, roles(shop)) == ("ann", "bea", ["desk"])


def test_neither_the_asker_nor_the_author_is_the_second_person(shop: Bench) -> None:
    save(shop, who="eve")
    turn(shop, True)
    waits = asked(activate(shop, 1, "ann"))
    for who in ("ann", "eve"):
        with pytest.raises(Denied):
            approve(shop, waits, who)
    approve(shop, waits, "bea")


def test_an_approval_is_of_exactly_what_was_asked(shop: Bench) -> None:
    save(shop), save(shop, OTHER)
    turn(shop, True)
    waits = asked(activate(shop, 1))
    with pytest.raises(Conflict):
        approve(shop, waits, "bea", bytes(32))
    approve(shop, waits, "bea")
    asked(activate(shop, 2))
    asked(activate(shop, 1, "carl"))
    assert isinstance(activate(shop, 1), Activation)


def test_an_approval_is_spent_once(shop: Bench) -> None:
    save(shop)
    turn(shop, True)
    approve(shop, asked(activate(shop, 1)), "bea")
    activate(shop, 1)
    approve(shop, asked(activate(shop, 0)), "bea")
    activate(shop, 0)
    asked(activate(shop, 1))


def test_an_approval_ends_with_its_time_and_with_the_approver(shop: Bench) -> None:
    save(shop)
    turn(shop, True)
    waits = asked(activate(shop, 1))
    approve(shop, waits, "bea")
    with pytest.raises(Denied):
        activate(shop, 1, stands=False)
    shop.now[0] = waits.expires_ms
    assert asked(activate(shop, 1)).id != waits.id


def test_a_request_that_was_withdrawn_is_approved_no_more(shop: Bench) -> None:
    save(shop)
    turn(shop, True)
    waits = asked(activate(shop, 1))
    shop.run(approvals.withdraw(shop.vault, waits.id, by(shop, "bea")))
    with pytest.raises(NotFound):
        approve(shop, waits, "bea")


def test_to_stop_asking_for_two_persons_takes_two(shop: Bench) -> None:
    turn(shop, True)
    waits = asked(turn(shop, False))
    approve(shop, waits, "bea")
    assert isinstance(turn(shop, False), Activation)
    assert policies.in_force(shop.vault).activation.two_person is False


def test_who_writes_the_database_approves_nothing(shop: Bench) -> None:
    save(shop)
    turn(shop, True)
    waits = asked(activate(shop, 1))
    forged = approvals._row(shop.vault, replace(waits, approver="bea", approved_ms=1))
    body = bytes(32) + bytes(forged[2] or b"")[32:]  # type: ignore[arg-type]  # a blob, as the shape says
    shop.vault.store.write_now(Unit((Put("approvals", ("id", "expires", "body"), ((*forged[:2], body),)),)))
    with pytest.raises(Damaged):
        activate(shop, 1)


def test_requests_are_bounded(shop: Bench) -> None:
    first: Approval = shop.run(approvals.ask(shop.vault, Wanted(kind="x", subject=bytes(32)), by(shop, "ann")))
    others = [replace(first, id=n.to_bytes(16, "big")) for n in range(approvals.MOST_LIVING - 1)]
    rows = [approvals._row(shop.vault, item) for item in others]
    shop.vault.store.write_now(Unit((Insert("approvals", ("id", "expires", "body"), rows),)))
    wanted = Wanted(kind="x", subject=bytes([2]) * 32)
    with pytest.raises(LimitExceeded):
        shop.run(approvals.ask(shop.vault, wanted, by(shop, "ann")))
    shop.run(approvals.withdraw(shop.vault, first.id, by(shop, "ann")))
    shop.run(approvals.ask(shop.vault, wanted, by(shop, "ann")))


def test_promises_are_numbered_and_tell_when_they_were_changed(shop: Bench) -> None:
    shelf = Shelf(shop.vault.store, shop.vault.ring, shop.vault.id)
    assert shelf.newest() is None
    for version in (1, 2):
        made = Promises(version=version, text=PROMISE, author="eve", created_ms=0)
        shop.vault.store.write_now(Unit((shelf.step(made),)))
    assert [item.version for item in shelf.history()] == [1, 2]
    swapped = Put("promises", columns("policies"), ((2, 0, shop.vault.store.select(FIRST_BODY)[0][0]),))
    shop.vault.store.write_now(Unit((swapped,)))
    with pytest.raises(Damaged):
        shelf.newest()
