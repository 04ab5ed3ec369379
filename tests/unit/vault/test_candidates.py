"""Rows outside of a permit's rules never leave the store; those that remain are what the rules say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from a_vault import Bench, schema
from asked import OTHER, PHONE, filled

from privet import digest
from privet.policy.decide import decide
from privet.policy.permit import Permit
from privet.policy.syntax import Policy, Role, Rule
from privet.store.port import Row, Select
from privet.vault import candidates, records
from privet.vault.access import consents
from privet.vault.access.consents import Consent
from privet.vault.listing import MOST_OPENED, export, page
from privet.vault.people import erasure
from privet.vault.sight import View
from privet.vocabulary.access import Access, Action, Principal
from privet.vocabulary.predicate import ALWAYS, CONSENT, And, Compare, In, Not, Or, Predicate


class Watched:
    """A store that counts the rows of records that it gives away."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.given = 0

    def select(self, question: Select) -> list[Row]:
        rows: list[Row] = self._store.select(question)
        self.given += len(rows) if question.table.startswith("r") and question.table != "refs" else 0
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Shelf:
    """People, a rule on rows, and what each path shows by it."""

    def __init__(self, bench: Bench, where: Predicate) -> None:
        self.bench, self.vault = bench, bench.vault
        self.where = where
        self.names = self.vault.table("people").names()
        self.watched = self.vault.store = Watched(self.vault.store)  # type: ignore[assignment]  # the same verbs
        table = self.vault.table("people").rows
        rows = self.vault.store.select(Select(table=table, columns=("id",), order=(("id", True),)))
        self.ids: list[bytes] = [row[0] for row in rows]  # type: ignore[misc]  # blobs
        self.watched.given = 0

    def permit(self, action: Action) -> Permit:
        policy = Policy("v", (Role("r", "", (Rule(effect="allow", actions=(action,), where=self.where),)),))
        who = Principal(id="p1", name="t", roles=("r",))
        return decide(policy, who, Access(action, "people", self.names), self.vault.table("people").collection)

    def given(self) -> int:
        given, self.watched.given = self.watched.given, 0
        return given

    def at(self, items: Sequence[records.Opened]) -> list[int]:
        return [self.ids.index(item.id) for item in items]

    def got(self) -> list[int]:
        view, deed = View(self.names), self.bench.deed()
        return self.at(self.bench.run(records.get(self.vault, self.permit("read"), self.ids, view, deed)))

    def pages(self, limit: int) -> Iterator[list[int]]:
        view, cursor = View(self.names), ""
        while True:
            permit, deed = self.permit("read"), self.bench.deed()
            found, cursor = self.bench.run(page(self.vault, permit, view, deed, limit=limit, cursor=cursor))
            yield self.at(found)
            if not cursor:
                return

    def exported(self, rows: int) -> list[int]:
        async def all_of() -> list[records.Opened]:
            permit, found = self.permit("export"), list[records.Opened]()
            async for chunk in export(self.vault, lambda: permit, View(self.names), self.bench.deed(), rows=rows):
                found += chunk
            return found

        return self.at(self.bench.run(all_of()))


RULES: list[tuple[Predicate, list[int], int]] = [
    (Compare("state", "=", "CA"), [1, 3, 4], 3),
    (Not(Compare("state", "=", "CA")), [2], 1),
    (Compare("state", "=", None), [0], 1),
    (Compare("phones", "=", PHONE), [0], 1),
    (In("phones", (PHONE, OTHER)), [0, 3], 2),
    (And((In("phones", (PHONE, OTHER)), Compare("state", "=", "CA"))), [3], 1),
    (Or((Compare("email.domain", "=", "example.org"), Compare("name", "=", "Bo"))), [1, 3], 2),
    (Compare("born", "<", "1980-01-01"), [0], 1),
    (ALWAYS, [0, 1, 2, 3, 4], 5),
]


@pytest.mark.parametrize(("where", "expected", "given"), RULES, ids=lambda item: str(item)[:60])
def test_every_path_shows_what_the_rule_says_and_fetches_no_more(
    bench: Bench, where: Predicate, expected: list[int], given: int
) -> None:
    shelf = Shelf(filled(bench), where)
    assert shelf.got() == expected and shelf.given() <= given + 1
    assert list(shelf.pages(10)) == [expected] and shelf.given() <= given + 1
    assert shelf.exported(10) == expected and shelf.given() <= given + 1


@pytest.mark.parametrize(("where", "expected", "given"), RULES, ids=lambda item: str(item)[:60])
@pytest.mark.parametrize("size", [1, 2])
def test_small_pages_and_chunks_leave_nothing_out_and_repeat_nothing(
    bench: Bench, where: Predicate, expected: list[int], given: int, size: int
) -> None:
    shelf = Shelf(filled(bench), where)
    pages = list(shelf.pages(size))
    assert [at for found in pages for at in found] == expected
    assert all(len(found) <= size for found in pages)
    assert shelf.exported(size) == expected


@pytest.mark.parametrize(("where", "expected", "given"), RULES, ids=lambda item: str(item)[:60])
def test_a_rule_without_an_index_shows_the_same(
    bench: Bench, where: Predicate, expected: list[int], given: int
) -> None:
    shelf = Shelf(filled(bench, indexed=False), where)
    assert shelf.got() == expected
    assert [at for found in shelf.pages(2) for at in found] == expected
    assert shelf.exported(2) == expected


@pytest.mark.parametrize("where", [Compare("code", "=", "a7"), Not(Compare("code", "=", "a7"))], ids=str)
def test_a_cut_index_hides_nothing_that_a_rule_shows(bench: Bench, where: Predicate) -> None:
    bench.apply(schema("code: type: string, index: {exact: {bits: 4}}"))
    bench.insert("people", *({"code": f"a{at}"} for at in range(40)))
    shelf = Shelf(bench, where)
    expected = [7] if isinstance(where, Compare) else [at for at in range(40) if at != 7]
    assert shelf.got() == expected
    assert [at for found in shelf.pages(7) for at in found] == expected
    assert Shelf(bench, Compare("code", "=", "a7")).exported(100) == [7]


def test_a_row_rule_on_a_cut_index_narrows(bench: Bench) -> None:
    bench.apply(schema("code: type: string, index: {exact: {bits: 8}}"))
    bench.insert("people", *({"code": f"a{at}"} for at in range(200)))
    shelf = Shelf(bench, Compare("code", "=", "a7"))
    assert shelf.got() == [7]
    assert shelf.given() < 20


def test_a_rule_of_consent_fetches_only_those_who_gave_it(bench: Bench) -> None:
    filled(bench)
    consents.keep(bench.vault)
    shelf = Shelf(bench, Compare(CONSENT, "=", "news"))
    table = bench.vault.table("people")
    for at, state in ((1, "given"), (2, "refused"), (3, "given")):
        subject = erasure.subject_of(bench.vault, table, shelf.ids[at])
        said = Consent(subject=subject, key="news", state=state, at_ms=1)  # type: ignore[arg-type]  # one of the states
        bench.run(consents.say(bench.vault, said, bench.deed()))
    shelf.given()
    assert shelf.got() == [1, 3] and shelf.given() == 2
    assert list(shelf.pages(10)) == [[1, 3]] and shelf.given() == 2
    assert [at for found in shelf.pages(1) for at in found] == [1, 3]
    assert shelf.exported(1) == [1, 3]


def test_a_page_of_a_rule_without_an_index_opens_so_many_and_goes_on_from_there(bench: Bench) -> None:
    bench.apply(schema("code: type: string"))
    for start in range(0, MOST_OPENED + 500, 1500):
        bench.insert("people", *({"code": f"a{start + at}"} for at in range(1500)))
    last = MOST_OPENED + 400
    shelf = Shelf(bench, Compare("code", "=", f"a{last}"))
    pages = list(shelf.pages(1000))
    assert [len(found) for found in pages if found] == [1]
    assert 2 <= len(pages) <= 3


def test_a_rule_is_compiled_once_until_keys_or_schema_change(bench: Bench) -> None:
    shelf = Shelf(filled(bench), Compare("state", "=", "CA"))
    first = candidates.among(shelf.vault, shelf.permit("read"))
    assert candidates.among(shelf.vault, shelf.permit("read")) is first
    shelf.vault.refresh()
    assert candidates.among(shelf.vault, shelf.permit("read")) is not first


def test_no_record_is_shown_twice_where_several_of_its_elements_match(bench: Bench) -> None:
    shelf = Shelf(filled(bench), In("phones", (PHONE, OTHER)))
    assert shelf.got() == [0, 3]
    update = records.update(shelf.vault, shelf.permit("update"), shelf.ids[0], {"name": "X"}, bench.deed())
    assert bench.run(update).version == 2
    other = digest.id_text(shelf.ids[2])
    shelf.where = Or((In("phones", (PHONE, OTHER)), Compare("id", "=", other)))
    assert shelf.got() == [0, 2, 3]
