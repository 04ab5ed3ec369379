"""The data type of a field. Typed paths of a json column are parts of it, for which their own types answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from privet.errors import InvalidValue
from privet.vocabulary.dataset import Field
from privet.vocabulary.datatype import DataType, Part, data_type

Paths = tuple[tuple[str, str], ...]


def field_type(field: Field) -> DataType:
    """Return the data type of a field. Raises UnknownName."""
    return _with_paths(field.type, field.paths) if field.paths else data_type(field.type)


def path_type(paths: Paths, part: str) -> str:
    """Return the name of the type of the path that a part is of, "" where it is of none.

    >>> path_type((("home", "json"), ("home.city", "address.city")), "home.city")
    'address.city'
    """
    held = [(path, kind) for path, kind in paths if part == path or part.startswith(f"{path}.")]
    return max(held, key=lambda pair: len(pair[0]))[1] if held else ""


@cache
def _with_paths(name: str, paths: Paths) -> DataType:
    """Return a type with its paths as parts: `home.city` of the whole value there, `home.zip.zip3` of a part of it."""
    kind = data_type(name)
    declared = frozenset(path for path, _ in paths)
    parts, indexes = list(kind.parts), list(kind.indexes)
    for path, type_name in paths:
        inner = data_type(type_name)
        whole = _reader(kind, path, inner)
        parts.append(_whole(path, inner, whole))
        indexes += [path] if "exact" in inner.indexes else []
        for part in inner.parts:
            if f"{path}.{part.name}" not in declared:
                parts.append(_inner(path, part, whole))
                indexes += [f"{path}.{part.name}"] if part.name in inner.indexes else []
    return replace(kind, parts=tuple(parts), indexes=tuple(indexes))


def _whole(path: str, inner: DataType, whole: Callable[[str], str | None]) -> Part:
    return Part(
        name=path,
        about=inner.about,
        of=whole,
        fix=inner.normalize,
        few=inner.few,
        order=inner.order,
        present=inner.present,
    )


def _inner(path: str, part: Part, whole: Callable[[str], str | None]) -> Part:
    def of(text: str) -> str | None:
        found = whole(text)
        return None if found is None else part.of(found)

    return replace(part, name=f"{path}.{part.name}", of=of)


def _reader(kind: DataType, path: str, inner: DataType) -> Callable[[str], str | None]:
    steps = path.split(".")

    def of(text: str) -> str | None:
        value = kind.present(text)
        for step in steps:
            value = value.get(step) if isinstance(value, dict) else None
        try:
            return None if value is None else inner.normalize(value)
        except InvalidValue:
            return None  # stored before the path had its type, which then has no value there

    return of
