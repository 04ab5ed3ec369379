"""Answers and failures as people or programs read them. Text from the vault never reaches the terminal's controls."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from privet.errors import PrivetError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MAX_FAULTS = 20
FOLD_COLUMNS = 18  # words fold down to this before a table becomes blocks
PIPE_COLUMNS = 10_000  # a pipe has no width: nothing is cut

_FOOTERS = frozenset({"cut", "hint", "next", "perturbed", "plan", "suppressed", "used", "version"})
_FOLDED = frozenset({"about", "hint", "message", "plan", "sources", "what", "why", "held"})
_SPARE = ("labels", "required", "category")
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


def table_text(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
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
    if len(error.faults) == 1 and str(error.faults[0]) == str(error):
        return "\n".join(lines)
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


def time_text(at_ms: int) -> str:
    """Return a moment (UTC milliseconds since 1970) in UTC.

    >>> time_text(1_000)
    '1970-01-01 00:00:01'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _problem(error: PrivetError) -> dict[str, object]:
    found: dict[str, object] = {"code": error.code, "message": error.message}
    found |= {word: text for word, text in (("at", error.at), ("hint", error.hint)) if text}
    if error.faults:
        found["faults"] = [_problem(fault) for fault in error.faults]
    return found


def _console() -> Console:
    from rich.console import Console

    wraps = sys.stdout.isatty()
    return Console(
        width=None if wraps else PIPE_COLUMNS,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=not wraps,
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
    """Print an answer's fields: what it is about first, or alone where there is nothing else."""
    if isinstance(fields.get("rows"), list) and isinstance(fields.get("columns"), list):
        _table(console, fields["columns"], fields["rows"])
        console.print()
        fields = {name: value for name, value in fields.items() if name not in ("columns", "rows")}
    main = [name for name, value in fields.items() if isinstance(value, list) and name not in _FOOTERS]
    rest = {name: value for name, value in fields.items() if name not in main}
    if len(main) == 1 and set(rest) <= _FOOTERS:
        _items(console, fields[main[0]], main[0])
        if not all(_is_empty(name, value) for name, value in rest.items()):
            console.print()
        _pairs(console, rest)
        return
    big = [name for name, value in fields.items() if _is_big(value)]
    _pairs(console, {name: value for name, value in fields.items() if name not in big})
    for name in big:
        console.print()
        if not _has_tables(fields[name]):
            console.print(_label(name), style="bold")
        _value(console, fields[name], name)


def _is_big(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def _pairs(console: Console, fields: dict[str, Any]) -> None:
    shown = {_label(name): _lines(value, name) for name, value in fields.items() if not _is_empty(name, value)}
    wide = max(map(len, shown), default=0)
    for name, lines in shown.items():
        # Further lines are set in, so that none of them looks like a field.
        console.print(f"{name.ljust(wide)}  " + f"\n{' ' * (wide + 2)}".join(lines))


def _lines(value: Any, name: str) -> list[str]:
    if name == "plan" and isinstance(value, list):
        return [_cell(item, name) for item in value]
    if isinstance(value, str) and value:
        return [clean(line) for line in value.rstrip("\n").split("\n")]
    return [_cell(value, name)]


def _is_empty(name: str, value: Any) -> bool:
    return value in ("", [], {}, None) or (not value and name in ("cut", "perturbed", "suppressed", "ttl_seconds"))


def _items(console: Console, items: list[Any], name: str) -> None:
    if not items:
        console.print("none")
    elif not isinstance(items[0], dict):
        for item in items:
            console.print(_cell(item, name))
    elif _has_tables(items):
        for number, item in enumerate(items):
            if number:
                console.print()
            console.print(f"{name.removesuffix('s')} {clean(str(item.get('name', number + 1)))}", style="bold")
            _fields(console, {key: value for key, value in item.items() if key != "name"})
    else:
        rows = [_flat(item) for item in items]
        head = sorted(
            dict.fromkeys(column for row in rows for column in row), key=lambda name: name.startswith("error ")
        )
        head = [column for column in head if any(row.get(column) not in ("", [], None) for row in rows)]
        _table(console, head, [[row.get(column) for column in head] for row in rows])


def _has_tables(items: Any) -> bool:
    return isinstance(items, list) and any(
        isinstance(value, list) and value and isinstance(value[0], dict)
        for item in items
        if isinstance(item, dict)
        for value in item.values()
    )


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
    """Print a table; where the terminal is too narrow, without columns that matter less, or as a block a row."""
    texts = [[_cell(value, name) for value, name in zip(row, head, strict=True)] for row in rows]
    for count in range(len(_SPARE) + 1):
        spare = [name for name in _SPARE[:count] if name in head]
        kept = [at for at, name in enumerate(head) if name not in spare]
        grid, needed = _grid([head[at] for at in kept], [[line[at] for at in kept] for line in texts])
        if needed <= console.width:
            console.print(grid)
            if spare:
                console.print(f"(a wider terminal or --json also shows: {', '.join(spare)})", style="dim")
            return
    labels = [clean(_label(name)) for name in head]
    wide = max(map(len, labels))
    for number, line in enumerate(texts):
        if number:
            console.print()
        for label, text in zip(labels, line, strict=True):
            if text:
                console.print(f"{label.ljust(wide)}  {text}")


def _grid(head: Sequence[str], texts: Sequence[Sequence[str]]) -> tuple[Table, int]:
    """Return a table and the columns of the terminal that it needs at least."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    labels = [clean(_label(name)) for name in head]
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    needed = 2 * (len(head) - 1)
    for name, label, *column in zip(head, labels, *texts, strict=True):
        wide = max(map(cell_len, (label, *column)))
        folds = name in _FOLDED and wide > FOLD_COLUMNS
        needed += FOLD_COLUMNS if folds else wide
        grid.add_column(Text(label), no_wrap=not folds, overflow="fold")
    for line in texts:
        grid.add_row(*(Text(text) for text in line))
    return grid, needed


def _label(name: str) -> str:
    return name.removesuffix("_ms").replace("_", " ") if name.endswith("_ms") else name


def _cell(value: Any, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("_ms"):
        return time_text(value)
    if isinstance(value, list):
        return ", ".join(_cell(item, "") for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{clean(str(key))}: {_cell(item, '')}" for key, item in value.items())
    return clean(str(value))
