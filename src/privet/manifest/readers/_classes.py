"""Classes as written, with those that they inherit from: what readers of models share."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from privet.manifest.finding import Finding
from privet.manifest.source.code import Code, Names, constants, last, python
from privet.manifest.source.hints import aliases_of


@dataclass(frozen=True, slots=True)
class Class:
    """One class. `names`, `aliases`: what names of its module stand for."""

    node: ast.ClassDef
    code: Code
    names: Names
    aliases: dict[str, ast.expr]

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def bases(self) -> tuple[str, ...]:
        return tuple(last(base.value if isinstance(base, ast.Subscript) else base) for base in self.node.bases)

    def keyword(self, name: str) -> ast.expr | None:
        """Return a keyword of the class (`table=True`), or None."""
        return next((word.value for word in self.node.keywords if word.arg == name), None)

    def given(self, name: str) -> ast.expr | None:
        """Return what the class itself gives a name, or None."""
        return next((given for target, _, given in self.attributes() if target == name), None)

    def inner(self, name: str) -> ast.ClassDef | None:
        """Return a class within (`Meta`), or None."""
        return next((one for one in self.node.body if isinstance(one, ast.ClassDef) and one.name == name), None)

    def attributes(self) -> Iterator[tuple[str, ast.expr | None, ast.expr | None]]:
        """Yield name, annotation and value of each attribute, in order."""
        for one in self.node.body:
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                yield one.target.id, one.annotation, one.value
            elif isinstance(one, ast.Assign):
                yield from ((target.id, None, one.value) for target in one.targets if isinstance(target, ast.Name))


@dataclass(slots=True)
class Classes:
    """All classes of some files."""

    found: list[Class] = field(default_factory=list)
    trees: list[tuple[Code, ast.Module, Names]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def above(self, one: Class, seen: tuple[str, ...] = ()) -> list[Class]:
        """Return a class and those that it inherits from, the furthest first, as far as they are among the files."""
        line: list[Class] = []
        for base in reversed(one.bases):
            other = self.named(base, one)
            if other is not None and base not in seen and base != one.name:
                line += [each for each in self.above(other, (*seen, one.name)) if each not in line]
        return [*line, one]

    def named(self, name: str, beside: Class) -> Class | None:
        """Return the class of a name: of the same file, else the only one there is."""
        every = [one for one in self.found if one.name == name]
        near = [one for one in every if one.code is beside.code]
        return near[-1] if near else every[0] if len(every) == 1 else None

    def inherits(self, one: Class, roots: Sequence[str]) -> bool:
        """Return whether a class stands below one of some names, whether those are among the files or not."""
        return any(base in roots for each in self.above(one) for base in each.bases)


def read(codes: Sequence[Code], *signs: str) -> Classes:
    """Return the classes of files that hold one of the signs, and what could not be read."""
    classes = Classes()
    for code in codes:
        if not any(sign in code.text for sign in signs):
            continue
        tree = python(code)
        if isinstance(tree, Finding):
            classes.findings.append(tree)
            continue
        names = constants(tree.body)
        classes.trees.append((code, tree, names))
        aliases = aliases_of(tree)
        try:
            nodes = list(ast.walk(tree))
        except RecursionError:
            continue
        classes.found += [Class(node, code, names, aliases) for node in nodes if isinstance(node, ast.ClassDef)]
    return classes
