"""The taxonomy: what data is, what it is used for and whom it is about, as dotted labels.

Keys and hierarchy are those of Fides (fideslang), so that its manifests read the same here; the names and the
descriptions are our own and stand in `data/`. A key is unique over the three kinds, so a label needs no kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from privet.codec import read_yaml
from privet.errors import UnknownName
from privet.near import meant

Kind = Literal["category", "use", "subject"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_FILES: dict[Kind, str] = {"category": "categories.yaml", "use": "uses.yaml", "subject": "subjects.yaml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One entry. `parent` is the key one level up, None at the top; `description` is one sentence."""

    key: str
    kind: Kind
    name: str
    description: str
    parent: str | None


def labels(kind: Kind) -> tuple[Label, ...]:
    """Return every label of a kind, parents before their children. Raises UnknownName for another kind."""
    found = _taxonomy().get(kind)
    if found is None:
        raise UnknownName("there is no taxonomy of that kind", hint="kinds are `category`, `use` and `subject`")
    return tuple(found.values())


def get(label: str) -> Label:
    """Return the entry of a key. Raises UnknownName, with the nearest keys as a hint."""
    found = _index().get(label)
    if found is None:
        raise UnknownName(f"label `{_shown(label)}` is not in the taxonomy", hint=meant(label, _index(), most=2))
    return found


def is_within(label: str, root: str) -> bool:
    """Return whether `label` is `root` or stands below it. Raises UnknownName.

    >>> is_within("user.contact.email", "user.contact"), is_within("user.contact", "user.contact.email")
    (True, False)
    """
    return (get(label).key + ".").startswith(get(root).key + ".")


def common_ancestor(a: str, b: str) -> str | None:
    """Return the lowest key that both stand at or below, None if they share none. Raises UnknownName.

    >>> common_ancestor("user.contact.email", "user.contact.address.city")
    'user.contact'
    """
    get(b)
    above: str | None = a
    while above is not None and not is_within(b, above):
        above = get(above).parent
    return above


def _shown(label: str) -> str:
    # A label comes from a file that a person wrote, yet a value pasted in its place must not reach a log.
    return label if len(label) <= 80 and label.replace(".", "").replace("_", "").isalpha() else "…"


@cache
def _taxonomy() -> dict[Kind, dict[str, Label]]:
    return {kind: {label.key: label for label in _read(kind)} for kind in KINDS}


@cache
def _index() -> dict[str, Label]:
    return {key: label for found in _taxonomy().values() for key, label in found.items()}


def _read(kind: Kind) -> list[Label]:
    text = Path(__file__).with_name("data").joinpath(_FILES[kind]).read_text(encoding="utf-8")
    rows: list[dict[str, str]] = read_yaml(text, _FILES[kind]).plain()
    return [
        Label(
            key=row["key"],
            kind=kind,
            name=row["name"],
            description=row["description"],
            parent=row["key"].rpartition(".")[0] or None,
        )
        for row in rows
    ]
