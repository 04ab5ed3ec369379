"""What the command line shows of answers and failures."""

from __future__ import annotations

import pytest

from privet.app.cli.show import answer, clean, failure, table_text
from privet.errors import Denied, InvalidBatch, InvalidValue


def test_text_from_the_vault_cannot_drive_the_terminal() -> None:
    told = answer({"records": [{"values": {"name": "a\x1b[2J\x9bx\r"}}]}, as_json=False)
    assert "\x1b" not in told
    assert "a\\x1b[2J\\x9bx\\x0d" in told
    assert clean("[bold]plain[/bold]") == "[bold]plain[/bold]"
    assert "\x1b" not in failure(Denied("no \x1b[31m"), as_json=False)


def test_a_pipe_gets_whole_cells_and_no_colour() -> None:
    wide = "x" * 300
    told = table_text(["a", "b"], [[wide, 1], ["y", None]])
    assert told.splitlines()[1].split() == [wide, "1"]
    assert "\x1b" not in told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"records": [], "next": ""}, "none"),
        ({"vaults": ["a", "b"]}, "a\nb"),
        ({"count": 2}, "count  2"),
        ({"at_ms": 0}, "at  1970-01-01 00:00:00"),
        ({"columns": ["n", "c"], "rows": [["a", 1]], "used": "index", "cut": False}, "n  c\na  1\n\nused  index"),
        ({"values": [{"value": "v"}, {"error": {"code": "gone"}}]}, "value  error code\nv\n       gone"),
    ],
)
def test_answers_are_shown_in_the_fewest_words(value: object, told: str) -> None:
    assert answer(value, as_json=False) == told


def test_a_failure_shows_place_hint_code_and_faults() -> None:
    faults = tuple(InvalidValue("expected a date", at=f"records[{n}].dob") for n in range(25))
    told = failure(InvalidBatch("25 records are refused", hint="mend them", at="records", faults=faults), as_json=False)
    lines = told.splitlines()
    assert lines[:4] == ["error: 25 records are refused", "  at: records", "  hint: mend them", "  code: invalid_batch"]
    assert lines[4] == "  - records[0].dob: expected a date"
    assert lines[-1] == "  - and 5 more"
