"""What was explained or compared, as people read it: text of at most 100 columns, and one HTML page without scripts."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

from privet.policy.review.diff import EVERYBODY, Change
from privet.policy.review.explain import Cell, Line, Matrix

WIDTH = 100
_LEAST = 9  # columns of a table are folded to this before they are cut
_GAP = 2
_HEAD = ("column", "may", "shows", "records", "for", "until", "role", "rule")
_NARROW = ("column", "may", "shows", "records", "for", "rule")
_VERBS = {
    ("allow", True): "may",
    ("allow", False): "may no longer",
    ("deny", True): "is no longer denied to",
    ("deny", False): "is denied to",
}
_WHOLE = "(the whole record)"
_JOINT = re.compile(r"(?<=\w{3}[./])(?=\w)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a page: the texts under `_HEAD`, and what stands out of it."""

    texts: tuple[str, ...]
    unsafe: bool = False
    unused: bool = False
    denied: bool = False


# --- a matrix ---------------------------------------------------------------------------------------------------


def text(matrix: Matrix) -> str:
    """Return a matrix as text, at most WIDTH columns wide."""
    parts = []
    for table, rows in _tables(matrix):
        parts.append(f"{table}\n" + grid(_NARROW, [_narrow(row.texts) for row in rows]))
    if not parts:
        parts.append("These roles may do nothing.")
    for title, items in _lists(matrix):
        parts.append(f"{title}\n" + "\n".join(_listed(item) for item in items))
    return "\n\n".join(parts) + "\n"


def _narrow(texts: Sequence[str]) -> tuple[str, ...]:
    """Return a row with its last four cells in two, for a terminal is narrower than a page."""
    *rest, uses, until, role, rule = texts
    ends = f"until {until}" if until else ""
    return (*rest, ", ".join(filter(None, (uses, ends))), ", ".join(filter(None, (rule, role))))


def html(matrix: Matrix, title: str = "What a policy shows") -> str:
    """Return a matrix as one HTML page that needs nothing else."""
    body = [f"<h1>{escape(title)}</h1>", f"<p>Roles: {_names(matrix.roles)}</p>", _legend(matrix)]
    for table, rows in _tables(matrix):
        body.append(f"<h2>{escape(table)}</h2>\n{_html_table(rows)}")
    for name, items in _lists(matrix):
        listed = "".join(f"<li>{escape(item)}</li>" for item in items)
        body.append(f"<h2>{escape(name)}</h2>\n<ul>{listed}</ul>")
    return _PAGE.format(title=escape(title), body="\n".join(body))


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"<code>{escape(name)}</code>" for name in names)


def _legend(matrix: Matrix) -> str:
    used = " Grey: nobody used it in the time that was looked at." if matrix.watched else ""
    return f"<p>What does not stand here is denied. Red: a type's ceiling is lifted.{used}</p>"


def _html_table(rows: Sequence[Row]) -> str:
    kept = [at for at in range(len(_HEAD)) if any(row.texts[at] for row in rows)]
    head = "".join(f'<th scope="col">{_HEAD[at]}</th>' for at in kept)
    body = "".join(_html_row(row, kept) for row in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"


def _html_row(row: Row, kept: Iterable[int]) -> str:
    marks = [name for name in ("unsafe", "unused", "denied") if getattr(row, name)]
    kind = f' class="{" ".join(marks)}"' if marks else ""
    cells = "".join(f'<td data-is="{_HEAD[at]}">{_breakable(escape(row.texts[at]))}</td>' for at in kept)
    return f"<tr{kind}>{cells}</tr>\n"


def _breakable(said: str) -> str:
    """Return a text whose long names may go on in the next line after a dot or slash, and nowhere else."""
    return _JOINT.sub("<wbr>", said)


def _tables(matrix: Matrix) -> Iterator[tuple[str, list[Row]]]:
    """Yield each table with its rows: columns and actions of which the same is said stand together."""
    names = dict.fromkeys(cell.table for cell in matrix.cells)
    for name in names:
        cells = [cell for cell in matrix.cells if cell.table == name and (cell.lines or cell.denied)]
        rows = [row for columns, actions, cell in _groups(cells) for row in _rows(columns, actions, cell, matrix)]
        if rows:
            yield name or "The vault", rows


def _groups(cells: Iterable[Cell]) -> list[tuple[list[str], list[str], Cell]]:
    by_column: dict[tuple[str, Cell], list[str]] = {}
    for cell in cells:
        said = replace(cell, column="", action="read")
        by_column.setdefault((cell.column, said), []).append(cell.action)
    by_actions: dict[tuple[tuple[str, ...], Cell], list[str]] = {}
    for (column, said), actions in by_column.items():
        by_actions.setdefault((tuple(actions), said), []).append(column)
    return [(columns, list(actions), said) for (actions, said), columns in by_actions.items()]


def _rows(columns: Sequence[str], actions: Sequence[str], cell: Cell, matrix: Matrix) -> Iterator[Row]:
    named = ", ".join(column or (_WHOLE if cell.table else "") for column in columns)
    for at, line in enumerate(cell.lines):
        first = (named, ", ".join(actions)) if not at else ("", "")
        yield Row(texts=(*first, *_line(line, cell.table, matrix)), unsafe=line.words.unsafe, unused=line.unused)
    if not cell.lines:
        yield Row(texts=(named, ", ".join(actions), "denied", "", "", "", "", ", ".join(cell.denied)), denied=True)


def _line(line: Line, table: str, matrix: Matrix) -> tuple[str, ...]:
    words = line.words
    shows = [words.redaction or "yes"]
    shows += [f"through {words.connection}"] if words.connection else []
    shows += [f"not {line.asked}, as the rule says"] if line.asked else []
    shows += ["UNSAFE"] if words.unsafe else []
    shows += [f"{words.budget}"] if words.budget else []
    records = [_within(words.rows, table) or "all", *(f"but {reason}" for reason in line.unless)]
    uses = [*words.purposes, *(f"consent {consent}" for consent in line.consents)]
    uses += [f"not what {place} denies" for place in line.barred]
    roles = [line.role, *line.also] if len(matrix.roles) > 1 else [line.role]
    alone = " alone" if len(matrix.roles) > 1 and not line.also else ""
    rule = line.rule + (" UNUSED" if line.unused else "")
    return ", ".join(shows), "; ".join(records), ", ".join(uses), words.until, ", ".join(roles) + alone, rule


def _within(rows: str, table: str) -> str:
    """Return a condition without the name of its table, which stands above; texts in quotes stay as they are."""
    pieces = rows.split("'")
    return "'".join(piece if at % 2 else piece.replace(f"{table}.", "") for at, piece in enumerate(pieces))


def _lists(matrix: Matrix) -> Iterator[tuple[str, tuple[str, ...]]]:
    titles = {
        "Roles that the policy lacks: they grant nothing": matrix.unknown,
        "Rules that lift the ceilings of types": matrix.unsafe,
        "Promises of the whole organization": matrix.promises,
        "Rules that have ended": matrix.ended,
        "Whom flags hold back, whatever the rules say": matrix.held,
    }
    yield from ((title, items) for title, items in titles.items() if items)


# --- changes ----------------------------------------------------------------------------------------------------


def changes_text(changes: Sequence[Change]) -> str:
    """Return changes as text, at most WIDTH columns wide; "" for none."""
    by_role: dict[str, list[Change]] = {}
    for change in changes:
        by_role.setdefault(change.role, []).append(change)
    parts = []
    for role, found in by_role.items():
        title = f"role {role}" if role != EVERYBODY else "everybody"
        parts.append(f"{title}\n" + "\n".join(_change(change) for change in found))
    return "\n\n".join(parts) + "\n" if parts else ""


def sentence(change: Change) -> str:
    """Return what changes, in one line."""
    words = change.words
    if change.what == "role":
        said = "the role is new" if change.gained else "the role is gone"
    elif change.what == "promise":
        said = f"{'no longer' if change.gained else 'now'}: {words.text}"
    else:
        shown = f" as {words.redaction}" if words.redaction else ""
        verb = _VERBS[change.what, change.gained]
        said = f"{verb} {', '.join(change.actions)} {', '.join(change.places)}{shown}".rstrip()
    return "; ".join([said, *_conditions(change)])


def _conditions(change: Change) -> Iterator[str]:
    words = change.words
    pieces = (
        f"where {words.rows}" if words.rows else "",
        f"for {', '.join(words.purposes)}" if words.purposes else "",
        f"through {words.connection}" if words.connection else "",
        f"budget {words.budget}" if words.budget else "",
        f"until {words.until}" if words.until else "",
        "UNSAFE" if words.unsafe else "",
        change.why,
        "" if change.sure else "cannot tell, so it is shown",
    )
    return (piece for piece in pieces if piece)


def _change(change: Change) -> str:
    mark = "+" if change.gained else "-"
    line = f"{mark} {sentence(change)}  [{change.at}]"
    return textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)


# --- text in columns --------------------------------------------------------------------------------------------


def grid(head: Sequence[str], rows: Sequence[Sequence[str]], width: int = WIDTH) -> str:
    """Return a table whose cells fold, so that no line is wider than `width`. Columns without text are left out."""
    kept = [at for at in range(len(head)) if any(row[at] for row in rows)]
    table = [[head[at] for at in kept], *([row[at] for at in kept] for row in rows)]
    wide = [max(len(row[at]) for row in table) for at in range(len(kept))]
    room = width - _GAP * (len(kept) - 1)
    # Words are broken only where nothing else helps.
    words = [max(len(word) for row in table for word in (row[at].split() or [""])) for at in range(len(kept))]
    for least in (words, [min(size, _LEAST) for size in words]):
        while sum(wide) > room and any(size > low for size, low in zip(wide, least, strict=True)):
            spare = [size if size > low else 0 for size, low in zip(wide, least, strict=True)]
            wide[spare.index(max(spare))] -= 1
    lines = [line for row in table for line in _folded(row, wide)]
    return "\n".join(lines)


def _folded(row: Sequence[str], wide: Sequence[int]) -> Iterator[str]:
    cells = [textwrap.wrap(cell, size, break_on_hyphens=False) or [""] for cell, size in zip(row, wide, strict=True)]
    for at in range(max(map(len, cells))):
        pieces = [cell[at] if at < len(cell) else "" for cell in cells]
        padded = (piece.ljust(size) for piece, size in zip(pieces, wide, strict=True))
        yield (" " * _GAP).join(padded).rstrip()


def _listed(item: str) -> str:
    return textwrap.fill(item, WIDTH, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --line: #ddd; --head: #f4f4f4; --quiet: #626262;
  --unsafe: #fde8e8; --denied: #8a1c1c; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6e6e6; --paper: #161616; --line: #3a3a3a; --head: #242424;
  --quiet: #a5a5a5; --unsafe: #4a1d1d; --denied: #ff9d9d; }} }}
body {{ font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
  color: var(--ink); background: var(--paper); overflow-wrap: break-word; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; }} h2 {{ font-size: 1.1rem; margin: 1.6rem 0 .4rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }}
th {{ font-weight: 600; background: var(--head); }}
[data-is=column], [data-is=shows] {{ font-weight: 600; }} [data-is=until] {{ white-space: nowrap; }}
[data-is=rule], code {{ font-family: ui-monospace, monospace; font-size: .85em; }}
.unsafe td {{ background: var(--unsafe); }} .unused td {{ color: var(--quiet); }}
.denied td {{ color: var(--denied); font-style: italic; }}
ul {{ padding-left: 1.4rem; }} tr {{ break-inside: avoid; }}
@media screen and (max-width: 64rem) {{
  body {{ margin: 1rem auto; }} thead {{ display: none; }} table, tbody {{ display: block; }}
  tr {{ display: block; padding: .4rem 0; border-top: 1px solid var(--line); }} .unsafe {{ background: var(--unsafe); }}
  td {{ display: block; position: relative; border: 0; padding: .1rem .6rem .1rem 5.6rem; }}
  td:empty {{ display: none; }} td::before {{ content: attr(data-is); position: absolute; left: .6rem;
    font: 400 14px/1.45 system-ui, sans-serif; color: var(--quiet); }}
}}
@media print {{ body {{ margin: 0; max-width: none; }} }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
