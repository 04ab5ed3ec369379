"""The mutants of a file: its tree with one small fault put in.

Left out are what no rule hangs on: annotations, decorators, strings with a space in them and the literal pieces of
f-strings, which are words for people, and deletions that leave a name undefined, which any test would notice.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

_SWAPS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitAnd: (ast.BitOr,),
}
_CALLS = {"any": "all", "all": "any", "min": "max", "max": "min"}
_TYPING = frozenset({"annotation", "returns", "decorator_list", "bases", "type_params"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """`file`: within the policy. `number`: among the mutants of the file, from 0. `what`: the change in words."""

    file: str
    number: int
    line: int
    what: str


def mutants(text: str, file: str) -> Iterator[Mutant]:
    """Yield every mutant of one file."""
    for number, (parent, name, at, other) in enumerate(_sites(ast.parse(text))):
        node = _get(parent, name, at)
        line = getattr(node, "lineno", getattr(parent, "lineno", 0))
        yield Mutant(file, number, line, f"{_words(node)} -> {_words(other)}")


def unparsed(text: str) -> str:
    """Return a file as `mutated` writes it, with no change in it."""
    return ast.unparse(ast.parse(text))


def mutated(text: str, number: int) -> str:
    """Return a file with one change in it."""
    tree = ast.parse(text)
    parent, name, at, other = next(itertools.islice(_sites(tree), number, None))
    if at is None:
        setattr(parent, name, other)
    else:
        getattr(parent, name)[at] = other
    return ast.unparse(ast.fix_missing_locations(tree))


def _sites(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Yield (parent, field, position in it, what may stand there instead)."""
    for parent, name, at in _slots(tree):
        for other in _changes(_get(parent, name, at)):
            yield parent, name, at, other


def _slots(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Yield (parent, field, position in it) of every node that may be changed."""
    for name, value in ast.iter_fields(node):
        if name in _TYPING or _is_typing(node):
            continue
        for at, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(child, ast.AST) and not (isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)):
                yield node, name, at
                yield from _slots(child)


def _is_typing(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return ast.unparse(node.value) in ("Literal", "Callable", "Shelf", "dict", "frozenset")
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) == "__slots__" or ast.unparse(node.value).startswith("TypeVar(")
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)  # a docstring


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in the place of a node."""
    for other in _SWAPS.get(type(node), ()):
        yield other()
    if isinstance(node, ast.Constant):
        yield from _constants(node.value)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        yield ast.Call(ast.Name(_CALLS[node.func.id], ast.Load()), node.args, node.keywords)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.If | ast.While):
        if _is_plain(node.test):
            yield type(node)(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        if isinstance(node, ast.If) and not node.orelse:
            yield ast.Pass()
    elif isinstance(node, ast.comprehension):
        for at, test in enumerate(node.ifs):
            yield ast.comprehension(node.target, node.iter, [*node.ifs[:at], *node.ifs[at + 1 :]], node.is_async)
            if _is_plain(test):
                kept = [*node.ifs[:at], ast.UnaryOp(ast.Not(), test), *node.ifs[at + 1 :]]
                yield ast.comprehension(node.target, node.iter, kept, node.is_async)
    elif _is_deletable(node):
        yield ast.Pass()


def _constants(value: object) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
        yield ast.Constant(value - 1)
    elif isinstance(value, str) and not re.search(r"\s\S|\S\s", value):
        yield ast.Constant("" if value else "x")


def _is_plain(test: ast.AST) -> bool:
    """Return whether no other change turns a condition round."""
    return not isinstance(test, ast.Compare | ast.BoolOp) and not (
        isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    )


def _is_deletable(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    return isinstance(node, ast.AugAssign | ast.Raise | ast.Continue | ast.Break)


def _words(node: ast.AST) -> str:
    if isinstance(node, ast.operator | ast.boolop | ast.cmpop):
        return type(node).__name__
    return ast.unparse(ast.fix_missing_locations(node)).partition("\n")[0]


def _get(parent: ast.AST, name: str, at: int | None) -> ast.AST:
    found: ast.AST | list[ast.AST] = getattr(parent, name)
    return found[at] if isinstance(found, list) and at is not None else found  # type: ignore[return-value]
