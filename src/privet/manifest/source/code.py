"""Source text as it is read, never run: Python by its syntax tree, constants as far as they are plain to see."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from privet.codec import Place
from privet.manifest.finding import Finding

Value: TypeAlias = "str | int | float | bool | None | list[Value] | dict[str, Value]"
Names: TypeAlias = Mapping[str, "Value | Unknown"]

NO_NAMES: Names = MappingProxyType({})
LARGEST_DEPTH = 200


@dataclass(frozen=True, slots=True)
class Code:
    """A file's text. `file`: as findings show it, with / between its parts."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that only a run would tell."""


UNKNOWN = Unknown()


def unread(at: Place, message: str, *, rule: str = "unread-code", hint: str = "") -> Finding:
    """Return the note about what cannot be known without running it. `message` quotes no more than names."""
    return Finding(rule=rule, severity="note", subject=f"file {at.file}", message=message, at=at, hint=hint)


def python(code: Code, *, rule: str = "unread-code") -> ast.Module | Finding:
    """Return the syntax tree of a file, or why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the user's own text, such as escapes that no string knows
            return ast.parse(code.text)
    except SyntaxError as error:
        return unread(Place(code.file, error.lineno or 1, error.offset or 1), "expected Python", rule=rule)
    except (ValueError, RecursionError, MemoryError):
        return unread(Place(code.file, 1, 1), "expected Python", rule=rule)


def place(code: Code, node: ast.AST) -> Place:
    """Return where a node begins."""
    return Place(code.file, getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)


def last(node: ast.AST | None) -> str:
    """Return the last word of a name, whatever module it is said to be in; of a call, the name that is called."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def argument(call: ast.Call, name: str, position: int = -1) -> ast.expr | None:
    """Return an argument by its name, else by its position; None where it is not given."""
    found = next((word.value for word in call.keywords if word.arg == name), None)
    if found is None and 0 <= position < len(call.args):
        given = call.args[position]
        return None if isinstance(given, ast.Starred) else given
    return found


def value(node: ast.AST | None, names: Names = NO_NAMES, depth: int = 0) -> Value | Unknown:
    """Return what an expression stands for as far as constants say it. `names`: what names stand for."""
    if depth > LARGEST_DEPTH:
        return UNKNOWN
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str | int | float | bool | None) else UNKNOWN
    if isinstance(node, ast.Name):
        return names.get(node.id, UNKNOWN)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return _list(node.elts, names, depth)
    if isinstance(node, ast.Dict):
        return _dict(node, names, depth)
    if isinstance(node, ast.JoinedStr):
        parts = [value(part, names, depth + 1) for part in node.values]
        return "".join(part for part in parts if isinstance(part, str)) if _texts(parts) else UNKNOWN
    return _made(node, names, depth)


def _made(node: ast.AST | None, names: Names, depth: int) -> Value | Unknown:
    if isinstance(node, ast.FormattedValue) and node.format_spec is None and node.conversion == -1:
        return value(node.value, names, depth + 1)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = value(node.left, names, depth + 1), value(node.right, names, depth + 1)
        return left + right if isinstance(left, str) and isinstance(right, str) else UNKNOWN
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = value(node.operand, names, depth + 1)
        return -inner if isinstance(inner, int | float) else UNKNOWN
    # `text("…")`, `op.f("…")`, `_("…")` give back the text that they are given.
    if (
        isinstance(node, ast.Call)
        and last(node) in ("text", "f", "_", "gettext_lazy", "dedent")
        and len(node.args) == 1
    ):
        return value(node.args[0], names, depth + 1)
    return UNKNOWN


def text(node: ast.AST | None, names: Names = NO_NAMES) -> str | None:
    """Return the text that an expression stands for, None where it is none or cannot be known."""
    found = value(node, names)
    return found if isinstance(found, str) else None


def number(node: ast.AST | None, names: Names = NO_NAMES) -> int | None:
    """Return the whole number that an expression stands for, or None."""
    found = value(node, names)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def flag(node: ast.AST | None, names: Names = NO_NAMES) -> bool | None:
    """Return the yes or no that an expression stands for, or None."""
    found = value(node, names)
    return found if isinstance(found, bool) else None


def texts(node: ast.AST | None, names: Names = NO_NAMES) -> tuple[str, ...] | None:
    """Return the texts of a list, or None where one of them is no text that can be known."""
    found = value(node, names)
    if not isinstance(found, list):
        return None
    said = tuple(one for one in found if isinstance(one, str))
    return said if len(said) == len(found) else None


def constants(body: list[ast.stmt], names: Names = NO_NAMES) -> dict[str, Value | Unknown]:
    """Return what the names stand for that a block gives one plain value, beside those that it is given.

    A name that is bound twice is unknown: which of the values it has depends on the run.
    """
    found = dict(names)
    seen: set[str] = set()
    for name, given in _bound(body):
        found[name] = UNKNOWN if name in seen else value(given, found)
        seen.add(name)
    return found


def _bound(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        for target in targets:
            given = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
            if isinstance(target, ast.Name) and given is not None:
                yield target.id, given


def _texts(parts: list[Value | Unknown]) -> bool:
    return all(isinstance(part, str) for part in parts)


def _list(items: list[ast.expr], names: Names, depth: int) -> Value | Unknown:
    found: list[Value] = []
    for item in items:
        one = value(item, names, depth + 1)
        if isinstance(one, Unknown):
            return UNKNOWN
        found.append(one)
    return found


def _dict(node: ast.Dict, names: Names, depth: int) -> Value | Unknown:
    found: dict[str, Value] = {}
    for key, item in zip(node.keys, node.values, strict=True):
        name, one = value(key, names, depth + 1), value(item, names, depth + 1)
        if not isinstance(name, str) or isinstance(one, Unknown):
            return UNKNOWN
        found[name] = one
    return found
