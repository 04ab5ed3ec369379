"""Data types: list them, explain one."""

from __future__ import annotations

from typing import Any

from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.vocabulary.datatype import TYPES, DataType, data_type


class NoAsk(Ask, kw_only=True):
    """Nothing to say."""


class TypeAsk(Ask, kw_only=True):
    """Name a data type, or its alias."""

    name: str = ""


class TypeShown(Answer):
    """A data type in one line."""

    name: str
    category: str
    about: str


class Types(Answer):
    """Every data type, by name."""

    types: list[TypeShown]


class PartShown(Answer):
    """A part of a value, and what it is of the example."""

    name: str
    about: str
    example: str | None


class TypeExplained(Answer):
    """All that a data type says."""

    name: str
    aliases: list[str]
    about: str
    category: str
    example: str
    masked: Any
    parts: list[PartShown]
    indexes: list[str]
    redactions: list[str]
    ceiling: str
    keep: str
    token: str
    shape: str
    laws: list[str]
    sources: list[str]


async def list_(house: House, who: Caller, ask: NoAsk) -> Types:
    """List every data type."""
    return listed(ask)


def listed(ask: NoAsk) -> Types:
    """Return every data type in one line."""
    return Types(types=[TypeShown(name=t.name, category=t.category, about=t.about) for t in TYPES.all()])


async def show(house: House, who: Caller, ask: TypeAsk) -> TypeExplained:
    """Explain one data type."""
    return explained(ask)


def explained(ask: TypeAsk) -> TypeExplained:
    """Return all that the named type says."""
    return explain(data_type(ask.name))


def explain(kind: DataType) -> TypeExplained:
    """Return all that a type says, with its parts and mask shown on its invented example."""
    text = kind.normalize(kind.example) if kind.example else ""
    return TypeExplained(
        name=kind.name,
        aliases=list(kind.aliases),
        about=kind.about,
        category=kind.category,
        example=kind.example,
        masked=kind.masked(text) if text else None,
        parts=[PartShown(name=p.name, about=p.about, example=p.of(text) if text else None) for p in kind.parts],
        indexes=list(kind.indexes),
        redactions=list(kind.redactions),
        ceiling=kind.ceiling,
        keep=kind.keep,
        token=kind.token,
        shape=kind.shape,
        laws=list(kind.laws),
        sources=list(kind.sources),
    )


VERBS: tuple[Verb, ...] = (
    Verb(
        name="types.list",
        method="GET",
        path="/v1/types",
        ask=NoAsk,
        answer=Types,
        run=list_,
        about="List every data type.",
        alone=listed,
    ),
    Verb(
        name="types.show",
        method="GET",
        path="/v1/types/{name}",
        ask=TypeAsk,
        answer=TypeExplained,
        run=show,
        about="Explain one data type.",
        alone=explained,
    ),
)
