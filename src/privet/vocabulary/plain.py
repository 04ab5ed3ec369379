"""The taxonomy in plain words of several languages, for people who are told what is held about them.

Names and sentences stand in `data/plain.<language>.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from privet.codec import read_yaml
from privet.errors import UnknownName
from privet.vocabulary.taxonomy import KINDS, Kind

LANGUAGES = ("en", "de", "fr", "es", "pt")


@dataclass(frozen=True, slots=True)
class Plain:
    """A key of the taxonomy as people say it. `about`: one sentence."""

    name: str
    about: str


def plain(kind: Kind, key: str, language: str = "en") -> Plain:
    """Return the plain words of a key, or of the nearest key above it that has some, else the key itself.

    `language`: a tag; English where we do not speak it. Raises UnknownName for a kind of which there is no taxonomy.

    >>> plain("category", "user.contact.email", "de").name
    'E-Mail-Adresse'
    >>> plain("category", "user.contact.email.work", "pt-BR").name
    'Endereço de e-mail'
    """
    if kind not in KINDS:
        raise UnknownName("there is no taxonomy of that kind", hint="kinds are `category`, `use` and `subject`")
    primary = language.replace("_", "-").partition("-")[0].lower()
    found = words(primary if primary in LANGUAGES else "en")[kind]
    above = key
    while above:
        if above in found:
            return found[above]
        above = above.rpartition(".")[0]
    return Plain(key, "")  # a label that an organization made up: nobody said more of it


@cache
def words(language: str) -> Mapping[Kind, Mapping[str, Plain]]:
    """Return everything that is said in one of LANGUAGES: kind → key → words."""
    path = Path(__file__).with_name("data").joinpath(f"plain.{language}.yaml")
    said = read_yaml(path.read_text(encoding="utf-8"), path.name).plain()
    return {kind: {key: Plain(**each) for key, each in said[kind].items()} for kind in KINDS}
