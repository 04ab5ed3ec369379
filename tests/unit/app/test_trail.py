"""What entries say, how they are found, followed, and how denied attempts are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audited import Bench
from click.testing import CliRunner

from privet.app import denials
from privet.app.cli import audit as command
from privet.app.cli import main
from privet.app.denials import MORE, MOST, WINDOW_MS
from privet.app.services import audit, export, files, queries, records, tokens
from privet.app.services.verb import Caller
from privet.app.settings import load
from privet.app.wiring import House
from privet.errors import Denied, InvalidInput
from privet.vault.log import history
from privet.vocabulary.access import Purpose


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "home")
    made.found()
    yield made
    made.close()


def entries(bench: Bench) -> list[Any]:
    return [audit._shown(entry) for batch in history.read(bench.house.vault("v").store) for entry in batch]


def find(bench: Bench, **said: Any) -> list[Any]:
    return bench.run(audit.find, audit.SearchAsk(vault="v", **said)).entries


def get(bench: Bench, record: str, who: Caller | None = None, redaction: str = "") -> Any:
    return bench.call("records.get", records.GetAsk(vault="v", table="people", id=record, redaction=redaction), who)


def first(bench: Bench) -> str:
    rows = [{"email": "ann@example.com"}]
    [made] = bench.run(records.insert, records.InsertAsk(vault="v", table="people", records=rows)).records
    return str(made.id)


# --- what an entry says ----------------------------------------------------------------------------------------


def test_an_entry_says_by_what_rule_and_credential_what_was_shown(bench: Bench) -> None:
    record = first(bench)
    written = entries(bench)[-1]
    assert (written.rules, written.credential, written.shown) == (["owner/1"], "api_key", {})
    get(bench, record)
    get(bench, record, bench.hire("vi", "viewer"))
    get(bench, record, redaction="redacted")
    owner, viewer, capped = entries(bench)[-3:]
    assert (owner.rules, owner.shown) == (["owner/1"], {"email": "plain_text"})
    assert (viewer.rules, viewer.shown) == (["viewer/1"], {"email": "masked"})
    assert (capped.shown, capped.records, capped.policy) == ({"email": "redacted"}, [record], "built-in/1")


def test_every_way_out_names_its_rule(bench: Bench) -> None:
    record = first(bench)
    people = {"vault": "v", "table": "people"}
    [token] = bench.run(tokens.tokenize, tokens.TokenizeAsk(**people, column="email", values=["a@example.com"])).tokens
    bench.run(tokens.detokenize, tokens.DetokenizeAsk(vault="v", tokens=[token]))
    bench.run(queries.run, queries.QueryAsk(vault="v", sql="select email from people"))
    bench.run(records.update, records.UpdateAsk(**people, id=record, values={"email": "b@example.com"}))
    bench.run(records.list_, records.ListAsk(**people))

    async def exported() -> None:
        async for _ in export.lines(bench.house, bench.who, export.ExportAsk(**people)):
            pass

    bench.runner.run(exported())
    bench.run(records.delete, records.DeleteAsk(**people, ids=[record]))
    named = {entry.verb: entry.rules for entry in entries(bench) if entry.rules}
    verbs = ("tokens.tokenize", "tokens.detokenize", "queries.run", "records.update", "records.list", "records.export")
    assert named == {verb: ["owner/1"] for verb in (*verbs, "records.insert", "records.delete")}


def test_last_use_is_told_of_rule_column_and_action(bench: Bench) -> None:
    record = first(bench)
    get(bench, record, bench.hire("vi", "viewer"))
    with pytest.raises(Denied):
        get(bench, record, bench.hire("to", "tokenizer"))
    vault = bench.house.vault("v")
    found = history.last_used(vault, 0)
    newest = entries(bench)[-2].at_ms
    assert found["viewer/1", "people", "email", "read"] == newest
    assert {use[0] for use in found} == {"owner/1", "viewer/1"}
    assert found["owner/1", "people", "email", "insert"] <= newest
    assert history.last_used(vault, newest + 1_000_000) == {}


# --- finding ---------------------------------------------------------------------------------------------------


def test_entries_are_found_by_each_thing_that_they_say(bench: Bench) -> None:
    record = first(bench)
    viewer = bench.hire("vi", "viewer")
    get(bench, record, viewer)
    get(bench, record)
    with pytest.raises(Denied):
        bench.call("records.delete", records.DeleteAsk(vault="v", table="people", ids=[record]), viewer)
    assert [entry.verb for entry in find(bench, who="vi")] == ["records.delete", "records.get"]
    assert [entry.verb for entry in find(bench, who=viewer.principal.id, denied=True)] == ["records.delete"]
    assert {entry.verb for entry in find(bench, verb="records")} == {"records.insert", "records.get", "records.delete"}
    assert len(find(bench, verb="records.get")) == 2
    assert len(find(bench, table="people", column="email")) == 3
    assert find(bench, table="people", column="mail") == find(bench, verb="record") == find(bench, who="nobody") == []
    assert [entry.verb for entry in find(bench, record=record)] == ["records.get", "records.get", "records.insert"]
    assert find(bench, stated="essential") == []
    with pytest.raises(InvalidInput):
        find(bench, record="x")
    with pytest.raises(InvalidInput):
        find(bench, since="yesterday")


def test_entries_are_found_by_purpose_and_time(bench: Bench) -> None:
    record = first(bench)
    made = bench.hire("vi", "viewer")
    for purpose in ("essential.service", "marketing"):
        who = Caller(made.principal, Purpose(purpose))
        with pytest.raises(Denied):
            get(bench, record, who)
    assert [entry.purpose for entry in find(bench, stated="marketing")] == ["marketing"]
    assert find(bench, since="1h", until="1m") == []
    assert len(find(bench, since="2020-01-01", verb="records.insert")) == 1
    assert find(bench, until="2020-01-01T00:00:00+02:00") == []


def test_pages_go_on_below_what_was_found(bench: Bench) -> None:
    for _ in range(5):
        first(bench)
    seen, below = [], 0
    while True:
        page = bench.run(audit.find, audit.SearchAsk(vault="v", verb="records.insert", limit=2, before=below))
        seen += [entry.seq for entry in page.entries]
        below = page.next
        if not below:
            break
    assert seen == sorted(seen, reverse=True) and len(seen) == 5


# --- following -------------------------------------------------------------------------------------------------


class Enough(Exception):
    pass


def test_following_does_not_follow_itself(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    first(bench)
    rounds = 0

    def pause() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            first(bench)
        if rounds == 6:
            raise Enough

    with pytest.raises(Enough):
        command.follow(
            lambda asked: bench.run(audit.tail, audit.TailAsk(vault="v", **asked)),
            {"follow": True, "after": 1},
            as_json=False,
            pause=pause,
        )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[2] for line in lines] == ["vaults.apply", "records.insert", "records.insert"]
    before = len(entries(bench))
    asked = audit.TailAsk(vault="v", follow=True, after=before - 1)
    assert bench.run(audit.tail, asked).entries == []
    assert len(entries(bench)) == before


def test_a_line_shows_no_control_characters(bench: Bench) -> None:
    entry = audit.EntryShown(seq=1, at_ms=1, kind="read", verb="x\x1b[2J", who="p", count=2, records=["a", "b"])
    assert command.line(entry) == "1  1970-01-01 00:00:00  x\\x1b[2J  p  2 counted  a  and 1 more"


def test_the_command_prints_a_line_an_entry(bench: Bench) -> None:
    first(bench)
    bench.house.close()
    for verb in ("tail", "search"):
        found = CliRunner().invoke(main.cli, ["audit", verb, "--vault", "v", "--home", str(bench.home)])
        assert found.exit_code == 0, found.output
        [line] = [line for line in found.stdout.splitlines() if "records.insert" in line]
        assert line.endswith("by owner/1") and "people(email)" in line
    bench.house = House(load(bench.home))


# --- denied ----------------------------------------------------------------------------------------------------


def test_a_denied_attempt_leaves_an_entry_without_what_was_sent(bench: Bench) -> None:
    record = first(bench)
    editor = bench.hire("to", "tokenizer")
    people = {"vault": "v", "table": "people"}

    async def exported() -> None:
        async for _ in export.lines(bench.house, editor, export.ExportAsk(**people)):
            pass

    attempts = [
        lambda: bench.call("records.get", records.GetAsk(**people, id=record, columns="email"), editor),
        lambda: bench.call("audit.tail", audit.TailAsk(vault="v"), editor),
        lambda: bench.call("queries.run", queries.QueryAsk(vault="v", sql="select email from people"), editor),
        lambda: bench.runner.run(exported()),
        lambda: bench.run(files.get, files.GetAsk(**people, id=record, column="email"), editor),
    ]
    for attempt in attempts:
        with pytest.raises(Denied):
            attempt()
    found = find(bench, denied=True)[::-1]
    verbs = ["records.get", "audit.tail", "queries.run", "records.export", "files.get"]
    assert [entry.verb for entry in found] == verbs
    assert {(entry.who, entry.credential, entry.count) for entry in found} == {(editor.principal.id, "api_key", 1)}
    assert (found[0].table, found[0].columns) == ("people", ["email"])
    bodies = [entry.body or b"" for batch in history.read(bench.house.vault("v").store) for entry in batch]
    assert b"select" not in b"".join(bodies)


def test_names_that_the_vault_lacks_and_purposes_that_are_none_do_not_enter(bench: Bench) -> None:
    viewer = bench.hire("vi", "viewer")
    who = Caller(viewer.principal, Purpose("canary.use"))
    ask = records.GetAsk(vault="v", table="people", id="canary", columns="email")
    with pytest.raises(Denied):
        bench.call("records.get", ask, who)
    bench.runner.run(denials.denied(bench.house, who, "records.get", records.GetAsk(vault="v", table="canary", id="x")))
    told = find(bench, denied=True)
    assert [(entry.table, entry.columns, entry.purpose) for entry in told] == [("", [], ""), ("people", ["email"], "")]


def test_a_token_that_may_not_be_opened_leaves_a_denial(bench: Bench) -> None:
    people = {"vault": "v", "table": "people"}
    [token] = bench.run(tokens.tokenize, tokens.TokenizeAsk(**people, column="email", values=["a@example.com"])).tokens
    found = bench.run(tokens.detokenize, tokens.DetokenizeAsk(vault="v", tokens=[token]), bench.hire("to", "tokenizer"))
    assert found.values[0].error.code == "denied"
    assert [(entry.verb, entry.table) for entry in find(bench, denied=True)] == [("tokens.detokenize", "people")]


def test_what_is_no_vaults_stands_in_the_audit_of_the_house(bench: Bench) -> None:
    viewer = bench.hire("vi", "viewer")
    with pytest.raises(Denied):
        bench.call("audit.house", audit.HouseAsk(), viewer)
    last = [audit._shown(entry) for batch in history.read(bench.house.control) for entry in batch][-1]
    assert (last.verb, last.denied, last.who) == ("audit.house", True, viewer.principal.id)


def test_many_denials_are_counted_in_one_entry(bench: Bench) -> None:
    now = [bench.house.clock()]
    bench.house.clock = lambda: now[0]
    viewer, other = bench.hire("vi", "viewer"), bench.hire("wi", "viewer")

    def attempt(who: Caller, times: int) -> None:
        for _ in range(times):
            with pytest.raises(Denied):
                bench.call("records.delete", records.DeleteAsk(vault="v", table="people", ids=["x"]), who)

    attempt(viewer, MOST + 7)
    attempt(other, 1)
    assert len(find(bench, who="vi", denied=True, limit=1000)) == MOST
    assert len(find(bench, who="wi", denied=True)) == 1
    bench.sequence()
    assert find(bench, verb=MORE) == []
    now[0] += WINDOW_MS
    bench.sequence()
    [counted] = find(bench, verb=MORE)
    assert (counted.who, counted.count, counted.denied) == (viewer.principal.id, 7, True)
    attempt(viewer, MOST + 2)
    bench.house.close()
    bench.house = House(load(bench.home))
    assert [entry.count for entry in find(bench, verb=MORE)] == [2, 7]
