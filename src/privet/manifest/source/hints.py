"""Python's annotations as written: the type, whether it may be None, and the `Privacy` that stands beside it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace

from privet.manifest.source.annotate import Mark, of_value
from privet.manifest.source.code import NO_NAMES, Names, Unknown, argument, last, value

_SQL = {
    "str": "VARCHAR",
    "EmailStr": "VARCHAR",
    "AnyUrl": "VARCHAR",
    "HttpUrl": "VARCHAR",
    "int": "INTEGER",
    "float": "FLOAT",
    "Decimal": "NUMERIC",
    "bool": "BOOLEAN",
    "bytes": "BLOB",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "time": "TIME",
    "timedelta": "INTERVAL",
    "UUID": "UUID",
    "dict": "JSON",
    "Dict": "JSON",
    "Mapping": "JSON",
}
_MANY = frozenset(("list", "List", "set", "Set", "frozenset", "tuple", "Tuple", "Sequence", "Iterable"))
_THROUGH = frozenset(("Mapped", "Final", "Required", "NotRequired", "ReadOnly", "Annotated", "Optional"))
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Said:
    """What an annotation says. `kind`: SQL of a plain type, "" for another. `model`: the name of a type that is none of
    Python's own. `beside`: what `Annotated` holds besides the type."""

    kind: str = ""
    model: str = ""
    optional: bool = False
    array: bool = False
    is_class_var: bool = False
    mapped: bool = False
    beside: tuple[ast.expr, ...] = field(default=())


def said(node: ast.expr | None, aliases: dict[str, ast.expr], depth: int = 0) -> Said:
    """Return what an annotation says. `aliases`: names that a module gives to annotations."""
    if depth > _DEEPEST:
        return Said()
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return said(ast.parse(node.value, mode="eval").body, aliases, depth + 1)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return Said()
    if isinstance(node, ast.Subscript):
        return _subscript(node, aliases, depth)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _either([node.left, node.right], aliases, depth)
    if isinstance(node, ast.Name) and node.id in aliases:
        return said(aliases[node.id], {key: item for key, item in aliases.items() if key != node.id}, depth + 1)
    word = last(node) if isinstance(node, ast.Name | ast.Attribute) else ""
    return Said(kind=_SQL.get(word, ""), model="" if word in _SQL else word, is_class_var=word == "ClassVar")


def mark_of(node: ast.expr, names: Names = NO_NAMES) -> Mark | None:
    """Return what `Privacy(…)` says, None for another expression. What only a run would tell is a fault."""
    if not isinstance(node, ast.Call) or last(node) != "Privacy":
        return None
    given = {"category": argument(node, "category", 0)}
    given |= {word: argument(node, word, at) for at, word in enumerate(("use", "subject", "identity"), 1)}
    return mark_of_value(
        ast.Dict(
            keys=[ast.Constant(value=word) for word, item in given.items() if item is not None],
            values=[item for item in given.values() if item is not None],
        ),
        names,
    )


def mark_of_value(node: ast.expr, names: Names = NO_NAMES) -> Mark:
    """Return what the value under `privacy` says."""
    found = value(node, names)
    if isinstance(found, Unknown):
        return Mark(faults=("expected plain text, found what only a run would tell",))
    return of_value(found)


def entry(node: ast.expr | None, key: str = "privacy") -> ast.expr | None:
    """Return what stands under a key of a dictionary as written, or None."""
    if not isinstance(node, ast.Dict):
        return None
    pairs = zip(node.keys, node.values, strict=True)
    return next((item for name, item in pairs if isinstance(name, ast.Constant) and name.value == key), None)


def aliases_of(tree: ast.Module) -> dict[str, ast.expr]:
    """Return names that a module gives to `Annotated[…]`."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        given = node.value if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Name) and isinstance(given, ast.Subscript) and last(given.value) == "Annotated":
            found[target.id] = given
    return found


def _subscript(node: ast.Subscript, aliases: dict[str, ast.expr], depth: int) -> Said:
    word = last(node.value)
    items = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if word == "Union":
        return _either(items, aliases, depth)
    if word == "ClassVar":
        return Said(is_class_var=True)
    if word in _THROUGH and items:
        inner = said(items[0], aliases, depth + 1)
        beside = (*inner.beside, *items[1:]) if word == "Annotated" else inner.beside
        return replace(
            inner,
            optional=inner.optional or word == "Optional",
            mapped=inner.mapped or word == "Mapped",
            beside=tuple(beside),
        )
    if word in _MANY and items:
        return replace(said(items[0], aliases, depth + 1), array=True, optional=False)
    if word == "Literal":
        return Said(kind="VARCHAR" if all(isinstance(item, ast.Constant) for item in items) else "")
    return Said(kind=_SQL.get(word, ""), model="" if word in _SQL else word)


def _either(items: list[ast.expr], aliases: dict[str, ast.expr], depth: int) -> Said:
    rest = [item for item in items if not (isinstance(item, ast.Constant) and item.value is None)]
    inner = said(rest[0], aliases, depth + 1) if rest else Said()
    if len(rest) > 1:
        others = [said(item, aliases, depth + 1) for item in rest[1:]]
        if any((one.kind, one.model) != (inner.kind, inner.model) for one in others):
            inner = Said(optional=any(one.optional for one in (inner, *others)), beside=inner.beside)
    return replace(inner, optional=inner.optional or len(rest) < len(items))
