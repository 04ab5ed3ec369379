"""Composites: groups of columns that travel together, such as an address. What they hold stands in `data/`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from privet.codec import Node, read_yaml
from privet.errors import UnknownName
from privet.near import meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One column of a composite. `type`: a data type's name. `token` "": no tokens."""

    name: str
    type: str
    about: str
    indexes: tuple[str, ...] = ()
    token: str = ""


@dataclass(frozen=True, slots=True)
class Composite:
    """A group of columns, in the order in which people write them."""

    name: str
    about: str
    members: tuple[Member, ...]


def composite_names() -> tuple[str, ...]:
    """Return the name of every composite, sorted."""
    return tuple(sorted(_composites()))


def composite(name: str) -> Composite:
    """Return the composite called `name`. Raises UnknownName with the nearest names as a hint."""
    found = _composites().get(name)
    if found is None:
        hint = meant(name, composite_names(), most=2, otherwise=", ".join(composite_names()))
        raise UnknownName("there is no composite of that name", hint=hint)
    return found


def expand(found: Composite, prefix: str, place: Node, without: frozenset[str] = frozenset()) -> list[Node]:
    """Return a composite's members as the field nodes that its author could have written, `prefix` before each name.

    `place`: where the schema names the composite: faults of a member are shown there. `without`: names, prefix
    included, that the schema writes out itself or does not want.
    """

    def node(value: str | list[Node] | dict[str, Node]) -> Node:
        return Node(value, place.place)

    fields = []
    for member in found.members:
        if prefix + member.name in without:
            continue
        ours = {"type": node(member.type)}
        if member.indexes:
            ours["index"] = node([node(index) for index in member.indexes])
        if member.token:
            ours["token"] = node(member.token)
        meta = node({"privet": node(ours)})
        fields.append(node({"name": node(prefix + member.name), "description": node(member.about), "fides_meta": meta}))
    return fields


@cache
def _composites() -> dict[str, Composite]:
    text = Path(__file__).with_name("data").joinpath("composites.yaml").read_text(encoding="utf-8")
    rows = read_yaml(text, "composites.yaml").plain()
    return {row["name"]: Composite(row["name"], row["about"], tuple(map(_member, row["members"]))) for row in rows}


def _member(row: dict[str, str | list[str]]) -> Member:
    words = {key: str(value) for key, value in row.items() if key != "index"}
    return Member(**words, indexes=tuple(row.get("index", ())))
