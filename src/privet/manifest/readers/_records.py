"""Classes whose annotated attributes are fields, one within another: what Pydantic's models and dataclasses share."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from privet.manifest.finding import Finding
from privet.manifest.readers._classes import Class, Classes
from privet.manifest.source import annotate
from privet.manifest.source.code import argument, number, place
from privet.manifest.source.hints import Said, entry, mark_of, mark_of_value, said
from privet.vocabulary import native
from privet.vocabulary.dataset import Collection, Dataset, Field

Given = Callable[[ast.Call], "ast.expr | None"]
_DEEPEST = 8


@dataclass(slots=True)
class Records:
    """What is read of some classes. `given`: what stands under `privacy` in what a field is given."""

    classes: Classes
    given: Given
    findings: list[Finding] = field(default_factory=list)
    parts: set[str] = field(default_factory=set)

    def collection(self, one: Class) -> Collection:
        """Return a class as a collection."""
        about: list[str] = []
        fields = self._fields(one, (one.name,), about)
        return Collection(name=one.name, fields=fields, about=tuple(dict.fromkeys(about)), description=_first_line(one))

    def dataset(self, key: str, chosen: list[Class]) -> Dataset:
        """Return classes as a dataset, each a collection of its name; not those that are part of another."""
        found = {one.name: self.collection(one) for one in chosen}
        return Dataset(key=key, collections=tuple(found[name] for name in sorted(found) if name not in self.parts))

    def _fields(self, one: Class, above: tuple[str, ...], about: list[str]) -> tuple[Field, ...]:
        found: dict[str, Field] = {}
        for each in self.classes.above(one):
            for name, annotation, given in each.attributes():
                if annotation is None or name.startswith("_") or name == "model_config":
                    continue
                hint = said(annotation, each.aliases)
                if not hint.is_class_var:
                    found[name] = self._field(each, name, hint, given, (above, about))
        return tuple(found.values())

    def _field(
        self, one: Class, name: str, hint: Said, given: ast.expr | None, within: tuple[tuple[str, ...], list[str]]
    ) -> Field:
        above, about = within
        call = given if isinstance(given, ast.Call) else None
        inner = self.classes.named(hint.model, one) if hint.model and hint.model not in above else None
        deeper = inner is not None and len(above) < _DEEPEST
        fields = self._fields(inner, (*above, hint.model), about) if inner is not None and deeper else ()
        if fields:
            self.parts.add(hint.model)
        kind = "JSON" if fields else hint.kind
        lengths = [number(argument(item, "max_length"), one.names) for item in _calls(hint, call)]
        length = next((each for each in lengths if each is not None), None)
        kind = f"VARCHAR({length})" if kind == "VARCHAR" and length else kind
        held = native.native(f"{kind}[]" if hint.array and kind else kind, nullable=hint.optional)
        held = replace(held, column_type="", data_type=held.data_type if kind else "")
        made = native.field(name, held, fields=fields)
        for mark in self._marks(one, hint, call):
            subject = f"class {one.name}, field {name}"
            self.findings += annotate.findings(mark, place(one.code, _line(one, name)), subject)
            about += mark.subjects
            made = replace(made, labels=mark.labels, native=replace(made.native, identity=mark.identity))
        return made

    def _marks(self, one: Class, hint: Said, call: ast.Call | None) -> list[annotate.Mark]:
        beside = [mark_of(item, one.names) for item in hint.beside]
        extras = [extra for item in _calls(hint, call) if (extra := self.given(item)) is not None]
        return [mark for mark in beside if mark is not None] + [mark_of_value(extra, one.names) for extra in extras]


def _calls(hint: Said, call: ast.Call | None) -> list[ast.Call]:
    """Return what a field is given, within `Annotated` and beside it."""
    return [item for item in (*hint.beside, call) if isinstance(item, ast.Call)]


def under(word: str) -> Given:
    """Return what finds `privacy` in a dictionary that a call is given as an argument."""
    return lambda call: entry(argument(call, word))


def _line(one: Class, name: str) -> ast.AST:
    named = (node for node in one.node.body if isinstance(node, ast.AnnAssign))
    return next((node for node in named if isinstance(node.target, ast.Name) and node.target.id == name), one.node)


def _first_line(one: Class) -> str:
    text = ast.get_docstring(one.node) or ""
    return text.strip().partition("\n")[0]
