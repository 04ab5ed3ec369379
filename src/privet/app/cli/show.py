"""Answers and failures as people or programs read them. Text from the vault never reaches the terminal's controls."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from privet.errors import PrivetError

if TYPE_CHECKING:
    from rich.console import Console

MAX_FAULTS = 20
PIPE_COLUMNS = 10_000  # a pipe has no width: nothing is cut

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F, *range(0x80, 0xA0))}


def answer(found: object, *, as_json: bool) -> str:
    """Return an answer of a verb: one line of JSON, or words and tables."""
    import msgspec

    if as_json:
        return msgspec.json.encode(found).decode()
    console = _console()
    with console.capture() as capture:
        _value(console, msgspec.to_builtins(found), "")
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").splitlines())


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table, or one block a row where the terminal is too narrow for it."""
    console = _console()
    with console.capture() as capture:
        _table(console, head, rows)
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").splitlines())


def failure(error: PrivetError, *, as_json: bool) -> str:
    """Return an error with its place, hint and faults: one line of JSON, or lines for people."""
    if as_json:
        import msgspec

        return msgspec.json.encode({"error": _problem(error)}).decode()
    lines = [f"error: {clean(error.message)}"]
    lines += [f"  {word}: {clean(text)}" for word, text in (("at", error.at), ("hint", error.hint)) if text]
    if error.code != "error":
        lines.append(f"  code: {error.code}")
    for fault in error.faults[:MAX_FAULTS]:
        lines.append(f"  - {clean(str(fault))}" + (f" ({clean(fault.hint)})" if fault.hint else ""))
    if len(error.faults) > MAX_FAULTS:
        lines.append(f"  - and {len(error.faults) - MAX_FAULTS:,} more")
    return "\n".join(lines)


def clean(text: str) -> str:
    """Return text without control characters, so that a stored value cannot drive the terminal.

    >>> clean("a" + chr(27) + "[2J")
    'a\\\\x1b[2J'
    """
    return text.translate(_CONTROLS)


def _problem(error: PrivetError) -> dict[str, object]:
    found: dict[str, object] = {"code": error.code, "message": error.message}
    found |= {word: text for word, text in (("at", error.at), ("hint", error.hint)) if text}
    if error.faults:
        found["faults"] = [_problem(fault) for fault in error.faults]
    return found


def _console() -> Console:
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    return Console(
        width=None if is_terminal else PIPE_COLUMNS, highlight=False, markup=False, emoji=False, soft_wrap=not is_terminal
    )


def _value(console: Console, value: Any, name: str) -> None:
    """Print one builtin value; `name` is the field that it stood in."""
    if isinstance(value, dict):
        _fields(console, value)
    elif isinstance(value, list):
        _items(console, value, name)
    else:
        console.print(_cell(value, name))


def _fields(console: Console, fields: dict[str, Any]) -> None:
    if isinstance(fields.get("rows"), list) and isinstance(fields.get("columns"), list):
        _table(console, fields["columns"], fields["rows"])
        fields = {name: value for name, value in fields.items() if name not in ("columns", "rows")}
    plain = {name: value for name, value in fields.items() if not _is_big(value)}
    big = {name: value for name, value in fields.items() if name not in plain}
    lone = len(big) == 1
    first, second = (big, plain) if lone and _is_footer(plain) else (plain, big)
    for part in (first, second):
        if part is plain:
            _pairs(console, plain)
            continue
        for name, value in big.items():
            if not lone or plain:
                console.print(f"\n{name}" if plain or not lone else name, style="bold")
            _value(console, value, name)


def _is_footer(plain: dict[str, Any]) -> bool:
    return set(plain) <= {"next", "used", "suppressed", "plan", "hint"}


def _is_big(value: Any) -> bool:
    if isinstance(value, dict):
        return True
    return isinstance(value, list) and any(isinstance(item, dict | list) for item in value)


def _pairs(console: Console, fields: dict[str, Any]) -> None:
    shown = {_label(name): _cell(value, name) for name, value in fields.items() if value not in ("", [], {}, None)}
    wide = max(map(len, shown), default=0)
    for name, text in shown.items():
        console.print(f"{name.ljust(wide)}  {text}")


def _items(console: Console, items: list[Any], name: str) -> None:
    if not items:
        console.print("none")
    elif not isinstance(items[0], dict):
        for item in items:
            console.print(_cell(item, name))
    elif any(_has_tables(item) for item in items):
        for item in items:
            _fields(console, item)
    else:
        rows = [_flat(item) for item in items]
        head = list(dict.fromkeys(column for row in rows for column in row))
        head = [column for column in head if any(row.get(column) not in ("", [], None) for row in rows)]
        _table(console, head, [[row.get(column) for column in head] for row in rows])


def _has_tables(item: dict[str, Any]) -> bool:
    return any(isinstance(value, list) and value and isinstance(value[0], dict) for value in item.values())


def _flat(item: dict[str, Any]) -> dict[str, Any]:
    """Return a record's fields in one level: `values` by column name, `tokens` as `column (token)`."""
    flat: dict[str, Any] = {}
    for name, value in item.items():
        if not isinstance(value, dict):
            flat[name] = value
            continue
        for column, inner in value.items():
            flat[f"{column} (token)" if name == "tokens" else f"error {column}" if name == "error" else column] = inner
    return flat


def _table(console: Console, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.table import Table
    from rich.text import Text

    texts = [[_cell(value, name) for value, name in zip(row, head, strict=True)] for row in rows]
    labels = [_label(name) for name in head]
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for label in labels:
        grid.add_column(Text(clean(label)), no_wrap=True)
    for line in texts:
        grid.add_row(*(Text(text) for text in line))
    if grid.__rich_measure__(console, console.options.update(width=PIPE_COLUMNS)).maximum <= console.width:
        console.print(grid)
        return
    wide = max(map(len, labels))
    for number, line in enumerate(texts):
        if number:
            console.print()
        for label, text in zip(labels, line, strict=True):
            if text:
                console.print(Text(f"{clean(label).ljust(wide)}  {text}"))


def _label(name: str) -> str:
    return name.removesuffix("_ms").replace("_", " ") if name.endswith("_ms") else name


def _cell(value: Any, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("_ms"):
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list):
        return ", ".join(_cell(item, "") for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{clean(str(key))}: {_cell(item, '')}" for key, item in value.items())
    return clean(str(value))
