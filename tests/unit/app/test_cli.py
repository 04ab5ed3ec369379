"""The command line: every rule through the command itself, on a real home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from shell import ANN, BOB, CANARY, SCHEMA, Shell, insert

from privet.app import services
from privet.app.cli.main import COMMANDS, NOUNS, Root, cli, show_fault
from privet.app.cli.verbs import WRITINGS, exit_code

GOLDEN = Path(__file__).parents[2] / "golden" / "cli_help.txt"
HEAVY = {"apsw", "cryptography", "httpx2", "msgspec", "numpy", "rich", "sqlglot", "starlette", "uvicorn", "yaml"}

# --- init ---------------------------------------------------------------------------------------------------


def test_init_names_what_it_made_and_shows_the_key_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    told = Shell(home).ok("init", "--home", str(home))
    for name in ("privet.yaml", "root.key", "control.db", "cli.key"):
        assert name in told
        assert (home / name).stat().st_mode & 0o077 == 0
    key = (home / "cli.key").read_text().strip()
    assert told.count(key) == 1
    assert "every value is lost" in told


def test_init_tells_of_backup_only_where_the_command_exists(tmp_path: Path) -> None:
    assert ("privet backup" in Shell(tmp_path / "home").ok("init")) == ("backup" in COMMANDS)


def test_a_home_is_not_overwritten(shell: Shell) -> None:
    key = (shell.home / "root.key").read_bytes()
    done = shell.run("init")
    assert done.exit_code == 1
    assert "code: conflict" in done.stderr
    assert (shell.home / "root.key").read_bytes() == key


def test_a_passphrase_locks_the_key_file(tmp_path: Path) -> None:
    phrase = tmp_path / "phrase"
    phrase.write_text("correct horse battery staple\n", encoding="utf-8")
    locked = Shell(tmp_path / "home")
    locked.ok("init", "--passphrase-file", str(phrase))
    assert locked.run("vaults").exit_code == 1
    locked.env["PRIVET_PASSPHRASE_FILE"] = str(phrase)
    assert locked.ok("vaults") == "none\n"


def test_an_empty_passphrase_is_refused(tmp_path: Path) -> None:
    phrase = tmp_path / "phrase"
    phrase.write_text("\n", encoding="utf-8")
    done = Shell(tmp_path / "home").run("init", "--passphrase-file", str(phrase))
    assert (done.exit_code, (tmp_path / "home").exists()) == (1, False)


def test_without_a_home_the_hint_names_init(tmp_path: Path) -> None:
    done = Shell(tmp_path / "nowhere").run("vaults")
    assert done.exit_code == 1
    assert "privet init" in done.stderr


# --- the verbs ----------------------------------------------------------------------------------------------


def test_a_record_goes_in_and_comes_back(shop: Shell) -> None:
    stored = insert(shop, ANN, BOB)
    got = shop.json("records", "get", "--vault", "shop", "--table", "persons", "--id", str(stored[0]["id"]))
    assert got["values"] == ANN | {"note": None}
    masked = shop.json("records", "list", "--vault", "shop", "--table", "persons", "--redaction", "masked")
    assert "ann@example.com" not in json.dumps(masked)


def test_one_object_is_a_batch_of_one(shop: Shell, tmp_path: Path) -> None:
    file = tmp_path / "ann.json"
    file.write_text(json.dumps(ANN), encoding="utf-8")
    found = shop.json("records", "insert", "--vault", "shop", "--table", "persons", "--records", f"@{file}")
    assert len(found["records"]) == 1


def test_tokens_are_arguments_or_lines_of_standard_input(shop: Shell) -> None:
    token = insert(shop, ANN)[0]["tokens"]["email"]
    by_argument = shop.json("tokens", "detokenize", "--vault", "shop", str(token))
    by_line = shop.json("tokens", "detokenize", "--vault", "shop", "-", text=f"{token}\n")
    assert by_argument == by_line == {"values": [{"value": "ann@example.com"}]}


def test_a_person_is_erased_by_her_record(shop: Shell) -> None:
    ann, _ = insert(shop, ANN, BOB)
    told = shop.json("subjects", "erase", "--vault", "shop", "--table", "persons", "--record", str(ann["id"]))
    assert told["records"] == 1
    token = str(ann["tokens"]["email"])
    assert "ann@example.com" not in shop.ok("tokens", "detokenize", "--vault", "shop", token)
    left = shop.json("records", "list", "--vault", "shop", "--table", "persons")
    assert [each["values"]["name"] for each in left["records"]] == ["Bob Sample"]


def test_an_idempotency_key_makes_a_command_safe_to_repeat(shop: Shell) -> None:
    said = ("records", "insert", "--vault", "shop", "--table", "persons", "--records", "-", "--idempotency-key", "k1")
    assert shop.json(*said, text=json.dumps([ANN])) == shop.json(*said, text=json.dumps([ANN]))


def test_a_principal_acts_with_her_own_key(shop: Shell) -> None:
    made = shop.json("principal", "create", "reader", "--role", "viewer")
    shop.env["PRIVET_API_KEY"] = str(made["key"])
    done = shop.run(
        "records", "insert", "--vault", "shop", "--table", "persons", "--records", "-", text=json.dumps([ANN])
    )
    assert done.exit_code == 1
    assert "code: denied" in done.stderr


def test_a_noun_alone_lists_and_its_singular_is_the_same(shop: Shell) -> None:
    assert shop.ok("vaults") == shop.ok("vault", "list") == "shop\n"
    assert shop.json("types") == shop.json("types", "list")
    assert shop.ok("vault", "show", "shop") == shop.ok("vaults", "get", "shop")


def test_a_type_is_explained(shell: Shell) -> None:
    told = shell.ok("types", "show", "card")
    assert "card.pan" in told
    assert "Payment card number" in told


def test_a_schema_is_planned_asked_for_and_applied(shop: Shell, tmp_path: Path) -> None:
    file = tmp_path / "next.yml"
    file.write_text(SCHEMA.replace("index: [exact]", "index: [exact, domain]", 2), encoding="utf-8")
    bad = shop.run("vault", "plan", "shop", str(file))
    assert bad.exit_code == 1
    assert "next.yml:" in bad.stderr
    file.write_text(SCHEMA + "          - name: nick\n", encoding="utf-8")
    assert "persons.nick" in shop.ok("vault", "plan", "shop", str(file))
    refused = shop.run("vault", "apply", "shop", str(file), text="n\n")
    assert (refused.exit_code, "--yes" in refused.stderr) == (1, True)
    assert "nick" not in shop.ok("vault", "show", "shop")
    shop.ok("vault", "apply", "shop", str(file), "--yes")
    assert "nick" in shop.ok("vault", "show", "shop")


def test_options_of_all_commands_stand_before_or_after(shop: Shell) -> None:
    shop.env["PRIVET_HOME"] = None
    before, after = (
        ("--home", str(shop.home), "--json", "vaults"),
        ("vaults", "list", "--json", "--home", str(shop.home)),
    )
    assert shop.ok(*before) == shop.ok(*after) == '{"vaults":["shop"]}\n'


# --- failures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param(("records", "get", "--vault", "none", "--table", "t", "--id", "x"), 1, id="no such vault"),
        pytest.param(("records", "get", "--vault", "shop"), 2, id="an option is missing"),
        pytest.param(
            ("records", "list", "--vault", "shop", "--table", "persons", "--limit", CANARY + "x"), 2, id="no number"
        ),
        pytest.param(("types", "show", "card", CANARY), 2, id="one argument too many"),
        pytest.param(("export", "--vault", "shop", "--table", "persons", "--format", CANARY), 2, id="no such choice"),
        pytest.param(("nonsense",), 2, id="no such command"),
        pytest.param(
            ("records", "insert", "--vault", "shop", "--table", "persons", "--records", '{"email": "' + CANARY),
            1,
            id="no JSON",
        ),
        pytest.param(
            ("records", "insert", "--vault", "shop", "--table", "persons", "--records", f'[{{"email": "{CANARY}"}}]'),
            1,
            id="no address",
        ),
        pytest.param(
            ("records", "insert", "--vault", "shop", "--table", "persons", "--records", f'"{CANARY}"'), 1, id="no list"
        ),
        pytest.param(("tokens", "detokenize", "--vault", "shop", "@nowhere"), 1, id="no such file"),
    ],
)
def test_failures_have_a_code_and_hold_no_value(shop: Shell, args: tuple[str, ...], code: int) -> None:
    done = shop.run(*args)
    assert done.exit_code == code
    assert isinstance(done.exception, SystemExit)
    assert CANARY not in done.output
    assert "Traceback" not in done.output
    assert done.stdout == ""
    assert done.stderr.startswith("error: " if code == 1 else "Usage: ")


def test_a_batch_names_the_place_of_each_fault(shop: Shell) -> None:
    text = json.dumps([ANN, {"name": "B", "email": CANARY}, {"email": "c@example.com", CANARY: "x"}])
    done = shop.run("records", "insert", "--vault", "shop", "--table", "persons", "--records", "-", text=text)
    assert "records[1].email" in done.stderr
    assert CANARY not in done.output


def test_failures_are_json_where_json_was_asked_for(shop: Shell) -> None:
    done = shop.run("--json", "vault", "show", "none")
    assert json.loads(done.stderr)["error"]["code"] == "not_found"
    assert (done.exit_code, done.stdout) == (1, "")


def test_a_fault_of_privet_itself_is_told_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        int(CANARY + "x")
    except ValueError as error:
        show_fault(ValueError, error, error.__traceback__)
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert "test_cli.py" in told
    assert CANARY not in told.replace("int(CANARY", "")


def test_a_server_is_asked_only_with_a_key_and_only_if_it_answers(tmp_path: Path) -> None:
    far = Shell(tmp_path / "home")
    assert "code: unauthenticated" in far.run("vaults", "--url", "http://127.0.0.1:9").stderr
    far.env["PRIVET_API_KEY"] = "pvt_none_none"
    assert "code: refused" in far.run("vaults", "--url", "http://vault.example.com").stderr


def test_a_vault_that_is_not_sound_ends_with_1() -> None:
    @dataclass
    class Report:
        sound: bool

    assert [exit_code(Report(sound)) for sound in (True, False)] == [0, 1]
    assert exit_code({"count": 1}) == 0


def test_an_interrupt_ends_with_130(shell: Shell) -> None:
    @click.command("stop")
    def stop() -> None:
        raise KeyboardInterrupt

    class Stopped(Root):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            return stop

    assert CliRunner().invoke(Stopped("privet"), ["stop"]).exit_code == 130


def test_an_output_that_nobody_reads_ends_quietly(shop: Shell) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "privet.app.cli.main", "types", "--home", str(shop.home)],
        stdout=writer,
        stderr=subprocess.PIPE,
        env=os.environ,
        check=False,
        text=True,
    )
    os.close(writer)
    assert done.stderr == ""


# --- names, help and what is loaded -------------------------------------------------------------------------


def test_the_static_table_of_nouns_is_that_of_the_services() -> None:
    assert set(NOUNS) == set(services.NOUNS)
    assert not set(NOUNS) & set(COMMANDS)


def test_every_verb_is_a_command_and_every_writing_a_verb() -> None:
    ctx = click.Context(cli)
    names = {verb.name for verb in services.verbs()}
    for name in names:
        noun, _, action = name.partition(".")
        group = cli.get_command(ctx, noun)
        assert isinstance(group, click.Group)
        assert group.get_command(ctx, action) is not None
    assert set(WRITINGS) <= names


def test_the_help_of_every_command_is_what_it_was() -> None:
    """Written anew by `PRIVET_GOLDEN=write`."""
    told = "".join(f"$ {' '.join(words)} --help\n{text}\n\n" for words, text in every_help())
    if os.environ.get("PRIVET_GOLDEN") == "write":
        GOLDEN.write_text(told, encoding="utf-8")
    assert told == GOLDEN.read_text(encoding="utf-8")


def every_help() -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    waiting: list[tuple[tuple[str, ...], click.Command]] = [(("privet",), cli)]
    while waiting:
        words, command = waiting.pop(0)
        name = " ".join(words)
        ctx = click.Context(command, info_name=name, terminal_width=80, help_option_names=["-h", "--help"])
        found.append((words, command.get_help(ctx)))
        if isinstance(command, click.Group):
            below = ((name, command.get_command(ctx, name)) for name in command.list_commands(ctx))
            waiting += [((*words, name), each) for name, each in below if each is not None]
    return sorted(found, key=lambda page: page[0])


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom privet.app.cli.main import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
