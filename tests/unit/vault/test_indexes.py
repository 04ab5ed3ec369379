"""Indexes of several columns, of a few bits, and of paths inside json: declared, kept up, and asked."""

from __future__ import annotations

from typing import Any

import pytest
from a_vault import Bench, schema
from asked import ask, names

from privet.errors import InvalidQuery, InvalidSchema, NotFound
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Policy, Role, Rule
from privet.store.port import Cell, Select
from privet.vault import records
from privet.vault.reader import read_schema
from privet.vault.upkeep import rotation
from privet.vocabulary.dataset import WINDOW_SECONDS
from privet.vocabulary.predicate import Compare

SETS = "[[state, name], [name, born.year, more.home.city]]"
FIELDS = (
    "name: type: string",
    "born: type: person.dob, keep: sealed",
    "state: type: address.state, keep: sealed",
    "more: type: json, paths: {home.city: string, home.Zip: address.postal_us, level: integer}, index: [home.Zip.zip3]",
)
PEOPLE: list[dict[str, Any]] = [
    {"name": "Ann", "born": "1980-02-03", "state": "CA", "more": {"home": {"city": "Oslo", "Zip": "94105"}}},
    {"name": "Ann", "born": "1981-02-03", "state": "NY", "more": {"home": {"city": "Oslo"}, "level": 10}},
    {"name": "Bo", "born": "1980-12-31", "state": "CA", "more": {"home": {"city": "Rome", "Zip": "94199"}, "level": 9}},
    {"name": "Cleo", "state": "CA", "more": {"home": None, "level": -1}},
    {"born": "1980-01-01", "state": "CA"},
]


def indexed(*fields: str, sets: str = SETS) -> str:
    return schema(*(fields or FIELDS)).replace("subject: self", f"subject: self, indexes: {sets}")


@pytest.fixture
def people(bench: Bench) -> Bench:
    bench.apply(indexed())
    bench.extra["ids"] = [item.id for item in bench.insert("people", *PEOPLE)]
    return bench


def update(people: Bench, at: int, **changes: Any) -> None:
    permit, record = people.permit("update", "people"), people.extra["ids"][at]
    people.run(records.update(people.vault, permit, record, changes, people.deed()))


def plan(people: Bench, where: str, **more: Any) -> tuple[list[Any], str]:
    answer = ask(people, f"SELECT name FROM people WHERE {where}", **more)
    return names(answer), answer.used


def tags(people: Bench, slot: int) -> list[Cell]:
    table = people.vault.table("people")
    question = Select(table=table.rows, columns=(f"x{slot}",), order=(("id", True),))
    return [row[0] for row in people.vault.store.select(question)]


# --- several columns ----------------------------------------------------------------------------------------------

TOGETHER: dict[str, list[str]] = {
    "state = 'CA' AND name = 'Ann'": ["Ann"],
    "name = 'Ann' AND (state = 'NY')": ["Ann"],
    "name IN ('Ann', 'Bo') AND state IN ('CA', 'NY')": ["Ann", "Ann", "Bo"],
    "name = 'Ann' AND born.year = 1981 AND more.home.city = 'Oslo'": ["Ann"],
    "(name = 'Ann' AND state = 'NY') OR (name = 'Bo' AND state = 'CA')": ["Ann", "Bo"],
    "name = 'Cleo' AND state = 'CA' AND born IS NULL": ["Cleo"],
    "name = 'Nobody' AND state = 'CA'": [],
    "born IS NOT NULL AND name = 'Bo' AND state = 'CA'": ["Bo"],
}
ALONE: dict[str, list[str]] = {
    "state = 'CA' OR name = 'Ann'": ["", "Ann", "Ann", "Bo", "Cleo"],
    "NOT (state = 'CA' AND name = 'Ann')": ["Ann", "Bo", "Cleo"],
    "state = 'CA' AND name != 'Ann'": ["Bo", "Cleo"],
    "state = 'CA'": ["", "Ann", "Bo", "Cleo"],
    "state = 'CA' AND name LIKE 'a%'": ["Ann"],
}


@pytest.mark.parametrize("where", TOGETHER)
def test_conditions_of_all_its_columns_are_answered_by_a_compound_index(people: Bench, where: str) -> None:
    assert plan(people, where) == (TOGETHER[where], "index")


@pytest.mark.parametrize("where", ALONE)
def test_other_conditions_are_not(people: Bench, where: str) -> None:
    assert plan(people, where) == (ALONE[where], "scan")


def test_the_plan_names_the_compound_index(people: Bench) -> None:
    answer = ask(people, "SELECT count(*) FROM people WHERE state = 'CA' AND name = 'Ann'")
    assert (answer.rows, answer.used) == ([[1]], "index")
    assert "people.state = … and people.name = …: index (state, name)" in answer.plan


def test_more_combinations_than_a_thousand_are_not_asked_for(people: Bench) -> None:
    many = ", ".join(f"'N{at}'" for at in range(500))
    states = "'CA', 'NY'"
    assert plan(people, f"state IN ({states}) AND name IN ({many})") == ([], "index")
    assert plan(people, f"state IN ({states}) AND name IN ({many}, 'Bo')") == (["Bo"], "scan")


def test_what_is_permitted_and_what_is_asked_are_answered_together(people: Bench) -> None:
    californian = Rule(effect="allow", actions=("read",), where=Compare("state", "=", "CA"))
    policy = Policy("test/1", (*BUILT_IN.roles, Role("agent", "sees Californians", (californian,))))
    answer = ask(people, "SELECT name FROM people WHERE name = 'Ann'", role="agent", policy=policy)
    assert (names(answer), answer.used) == (["Ann"], "index")


def test_a_change_of_one_column_changes_the_tag(people: Bench) -> None:
    update(people, 0, state="TX")
    assert plan(people, "state = 'TX' AND name = 'Ann'") == (["Ann"], "index")
    assert plan(people, "state = 'CA' AND name = 'Ann'") == ([], "index")
    update(people, 0, name=None)
    assert plan(people, "state = 'TX' AND name = 'Ann'") == ([], "index")


def test_one_record_and_a_batch_have_the_same_tag(people: Bench) -> None:
    people.insert("people", PEOPLE[0])
    for compound in people.vault.table("people").compounds:
        held = [tag for tag in tags(people, compound.slot) if tag]
        assert len(held) == len(set(held)) + 1 > 3


def test_compound_indexes_are_built_renamed_and_dropped(people: Bench) -> None:
    before = people.vault.table("people").compounds[0]
    renamed = ("called: type: string, was: name", *FIELDS[1:])
    changes = people.apply(indexed(*renamed, sets="[[state, called], [called, born]]"))
    assert [(c.what, c.moves_data) for c in changes] == [
        ("column `name` is renamed", False),
        ("index (called, born) is built", True),
        ("index (name, born.year, more.home.city) is dropped", True),
    ]
    table = people.vault.table("people")
    assert (table.compounds[0].id, table.compounds[0].slot) == (before.id, before.slot)
    answer = ask(people, "SELECT called FROM people WHERE called = 'Bo' AND born = '1980-12-31'")
    assert (answer.rows, answer.used) == ([["Bo"]], "index")
    people.apply(schema(*renamed))
    answer = ask(people, "SELECT called FROM people WHERE called = 'Bo' AND born = '1980-12-31'")
    assert (answer.rows, answer.used) == ([["Bo"]], "scan")


def test_a_compound_index_gets_a_new_key(people: Bench) -> None:
    slot = people.vault.table("people").compounds[0].slot
    before = tags(people, slot)
    people.run(rotation.rotate_unique(people.vault, "people", ["name", "state"], people.deed()))
    assert not {tag for tag in before if tag} & set(tags(people, slot))
    assert plan(people, "state = 'CA' AND name = 'Ann'") == (["Ann"], "index")
    with pytest.raises(NotFound):
        people.run(rotation.rotate_unique(people.vault, "people", ["name", "born"], people.deed()))


def test_half_way_to_a_new_key_records_with_old_and_new_tags_are_found(people: Bench) -> None:
    for compound in people.vault.table("people").compounds:
        people.run(rotation._begin(people.vault, [("index", compound.id)], people.deed()))
    people.insert("people", PEOPLE[0], PEOPLE[2])
    people.insert("people", PEOPLE[0])
    update(people, 2, born="1980-12-30")
    assert plan(people, "state = 'CA' AND name = 'Ann'") == (["Ann"] * 3, "index")
    where = "name = 'Bo' AND born.year = 1980 AND more.home.city = 'Rome'"
    assert plan(people, where) == (["Bo"] * 2, "index")
    people.run(rotation.resume(people.vault, people.deed()))
    assert plan(people, where) == (["Bo"] * 2, "index")


def test_the_key_of_a_shreddable_column_goes_with_each_window(bench: Bench) -> None:
    bench.apply(indexed("name: type: string, keep: shreddable", *FIELDS[1:]))
    bench.insert("people", *PEOPLE)
    slot = bench.vault.table("people").compounds[0].slot
    before = tags(bench, slot)
    bench.run(rotation.advance(bench.vault, bench.deed()))
    assert not {tag for tag in before if tag} & set(tags(bench, slot))
    assert plan(bench, "state = 'CA' AND name = 'Ann'") == (["Ann"], "index")


# --- few bits -----------------------------------------------------------------------------------------------------


@pytest.fixture
def cut(bench: Bench) -> Bench:
    bench.apply(schema("name: type: string, index: {exact: {bits: 4}, prefix_3: }", "score: type: integer"))
    bench.extra["ids"] = [item.id for item in bench.insert("people", *({"name": f"N{at}"} for at in range(100)))]
    return bench


def test_a_cut_index_stores_its_first_bits_alone_and_finds_what_is_asked_for(cut: Bench) -> None:
    index = cut.vault.table("people").column("name").index("exact")
    assert index is not None and index.bits == 4
    stored = tags(cut, index.slot)
    assert all(isinstance(tag, bytes) and len(tag) == 16 and tag[1:] == bytes(15) and not tag[0] & 15 for tag in stored)
    assert 8 < len(set(stored)) <= 16
    assert plan(cut, "name = 'N7'") == (["N7"], "index+scan")
    assert plan(cut, "name IN ('N7', 'N8') AND score IS NULL") == (["N7", "N8"], "index+scan")
    assert plan(cut, "name.prefix_3 = 'n7'") == (["N7"], "index")
    assert (
        "people.name = …: cut index `exact`, then opened and compared"
        in ask(cut, "SELECT id FROM people WHERE name = 'N7'").plan
    )


REFUSED = {
    "SELECT name FROM people WHERE name != 'N7'": "a negation",
    "SELECT name FROM people WHERE NOT (name = 'N7' OR score = 1)": "a negation",
    "SELECT count(*) FROM people WHERE name = 'N7'": "counts or groups",
    "SELECT name, count(*) FROM people GROUP BY name": "counts or groups",
    "SELECT count(distinct name) FROM people": "counts or groups",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_cut_tags_decide_nothing(cut: Bench, sql: str) -> None:
    with pytest.raises(InvalidQuery, match=REFUSED[sql]) as caught:
        ask(cut, sql)
    assert "of `people.name` keeps 4 bits" in str(caught.value)
    assert caught.value.hint == "keep them whole: `index: [exact, prefix_3]`"


def test_cut_tags_do_not_serve_a_row_rule(cut: Bench) -> None:
    rule = Rule(effect="allow", actions=("read",), where=Compare("name", "=", "N7"))
    policy = Policy("test/1", (*BUILT_IN.roles, Role("agent", "sees N7", (rule,))))
    with pytest.raises(InvalidQuery, match="a row rule needs whole tags"):
        ask(cut, "SELECT score FROM people", role="agent", policy=policy)


def test_an_index_with_other_bits_is_built_anew(cut: Bench) -> None:
    changes = cut.apply(schema("name: type: string, index: [exact, prefix_3]", "score: type: integer"))
    assert [change.what for change in changes] == ["index `exact` is built", "index `exact` of 4 bits is dropped"]
    assert plan(cut, "name = 'N7'") == (["N7"], "index")


# --- paths of json ------------------------------------------------------------------------------------------------

PATHS: dict[str, tuple[list[str], str]] = {
    "more.home.city = 'Oslo'": (["Ann", "Ann"], "scan"),
    "people.more.home.city != 'Oslo'": (["Bo"], "scan"),
    "more.home.city IN ('Rome', 'Paris')": (["Bo"], "scan"),
    "more.home.city LIKE 'os%'": (["Ann", "Ann"], "scan"),
    "more.home.city IS NULL": (["", "Cleo"], "scan"),
    "more.level > 9": (["Ann"], "scan"),
    "more.level BETWEEN -5 AND 9": (["Bo", "Cleo"], "scan"),
    "more.home.zip = '94105'": (["Ann"], "scan"),
    "more.home.zip.zip3 = '941'": (["Ann", "Bo"], "index"),
    'more."home".zip.zip3 = 941': (["Ann", "Bo"], "index"),
    "people.more.home.zip.zip3 IS NULL": (["", "Ann", "Cleo"], "index"),
}


@pytest.mark.parametrize("where", PATHS)
def test_a_path_of_json_is_asked_as_its_type_says(people: Bench, where: str) -> None:
    assert plan(people, where) == PATHS[where]


def test_values_at_paths_are_shown_and_ordered_as_their_types_say(people: Bench) -> None:
    answer = ask(people, "SELECT more.level, people.more.home.city FROM people ORDER BY more.level DESC LIMIT 3")
    assert answer.rows == [[10, "Oslo"], [9, "Rome"], [-1, None]]
    assert answer.columns == ("more.level", "people.more.home.city")
    sql = "SELECT people.more.home.zip.zip3, count(*), max(more.level) FROM people GROUP BY people.more.home.zip.zip3"
    assert sorted(map(repr, ask(people, sql).rows)) == ["['941', 2, 9]", "[None, 3, 10]"]


def test_what_was_stored_before_a_path_had_its_type_has_no_value_there(bench: Bench) -> None:
    bench.apply(schema("name: type: string", "more: type: json"))
    bench.insert("people", {"name": "Ann", "more": {"level": "3"}}, {"name": "Bo", "more": {"level": "high"}})
    bench.apply(schema("name: type: string", "more: type: json, paths: {level: integer}, index: level"))
    assert plan(bench, "more.level = 3") == (["Ann"], "index")
    assert plan(bench, "more.level IS NULL") == (["Bo"], "index")
    changes = bench.apply(schema("name: type: string", "more: type: json, paths: {level: string}, index: level"))
    assert ("index `level` is built", True) in [(change.what, change.moves_data) for change in changes]
    assert plan(bench, "more.level = 'high'") == (["Bo"], "index")


def test_an_unknown_path_offers_those_that_there_are(people: Bench) -> None:
    with pytest.raises(InvalidQuery) as caught:
        ask(people, "SELECT name FROM people WHERE more.home.street = 'x'")
    assert "has no part of that name" in str(caught.value) and "home.city" in caught.value.hint


# --- schemas ------------------------------------------------------------------------------------------------------

FAULTS = {
    indexed(sets="[[state]]"): "names of two columns or more",
    indexed(sets="[[state, state]]"): "each once",
    indexed(sets="[[state, nobody]]"): "plain fields",
    indexed(sets="[[name, more]]"): "`more` is no index that type `json` offers",
    indexed(sets="[[name, born.hour]]"): "`born.hour` is no index",
    indexed("a: type: person.gender", "b: type: address.state", sets="[[a, b]]"): "few values even together",
    schema("a: type: string, index: {exact: {bits: 3}}"): "from 4 to 32",
    schema("a: type: string, index: {exact: {bits: true}}"): "from 4 to 32",
    schema("a: type: string, index: {exact: {bits: 16, salt: 1}}"): "unknown key `salt`",
    schema("a: type: 'string[]', index: {exact: {bits: 16}}"): "elements are kept whole",
    schema("a: type: json, paths: {home..city: string}"): "a path of keys",
    schema("a: type: json, paths: {home: string, Home: string}"): "stands twice",
    schema("a: type: json, paths: {card.code: card.cvv}"): "never stored",
    schema("a: type: json, paths: {home: string}, index: city"): "has no index `city`",
    schema("a: type: json, paths: {sex: person.gender}, index: sex"): "few values",
    schema("a: type: string").replace("    collections:", "    fides_meta: {privet: {window: 1m}}\n    collections:"): (
        "from `1h` to `90d`"
    ),
}


@pytest.mark.parametrize("text", FAULTS, ids=list(FAULTS.values()))
def test_a_fault_in_an_index_is_told(text: str) -> None:
    with pytest.raises(InvalidSchema) as caught:
        read_schema(text)
    assert any(FAULTS[text] in fault.message for fault in caught.value.faults), caught.value.faults


def test_an_index_of_few_values_is_offered_a_compound_by_name() -> None:
    with pytest.raises(InvalidSchema) as caught:
        read_schema(
            schema("state: type: address.state, index: exact", "a: type: string", "b: type: string, index: exact")
        )
    [fault] = caught.value.faults
    assert "keep `indexes: [[state, b]]` of the collection in its place" in fault.hint


# --- the window of subject keys -----------------------------------------------------------------------------------


def test_the_schema_says_how_long_a_window_is(bench: Bench) -> None:
    text = schema("a: type: string")
    daily = text.replace("    collections:", "    fides_meta: {privet: {window: 1d}}\n    collections:")
    assert (read_schema(text).window_seconds, read_schema(daily).window_seconds) == (WINDOW_SECONDS, 86_400)
    bench.apply(text)
    bench.now[0] += 86_400_000
    assert not rotation.window_due(bench.vault)
    [change] = bench.apply(daily)
    assert (change.what, change.moves_data) == ("a window of subject keys lasts 86,400 seconds", False)
    assert rotation.window_due(bench.vault)
    bench.run(rotation.advance(bench.vault, bench.deed()))
    assert not rotation.window_due(bench.vault)
