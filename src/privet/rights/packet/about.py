"""What stands in a package beside records: who holds them, for what, on which ground, for how long, and who gets them.

Source: GDPR art. 15(1)(a) to (h) and (2). Callers read it from manifests; nothing is concluded here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Template

from privet.vocabulary.dataset import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One purpose of a system. `use`: of the taxonomy; `name`: what the manifest calls it. `categories`: of what is
    used. `basis`, `retention`: in the manifest's words. `sources` and `recipients`: in words; "" among sources stands
    for the person herself. `transfers`, `automated`: None where nobody said, "" for none, else which. `permitted`: a
    policy permits it, of some of the categories, and no manifest declares it."""

    system: str
    use: str
    name: str = ""
    categories: tuple[str, ...] = ()
    basis: str = ""
    retention: str = ""
    recipients: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    transfers: str | None = None
    automated: str | None = None
    permitted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where records of a dataset are held, as people call it, and what they are used for."""

    title: str
    about: str = ""
    uses: tuple[Use, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """Who answers, and what is declared. `contact`: where she may write to. `controller`, `officer`: names and
    addresses, in words. `places`, `datasets`: by the key of a dataset."""

    organization: str = ""
    contact: str = ""
    controller: str = ""
    officer: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)
    datasets: Mapping[str, Dataset] = field(default_factory=dict)

    def place(self, dataset: str) -> Place:
        """Return where a dataset is held; one that nobody declared goes by its key."""
        known = self.datasets.get(dataset)
        return self.places.get(dataset) or Place(title=(known.name if known else "") or dataset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language. `texts`: key → template with `$name`. `plain`: ("category" or "use", key) → its plain name.
    `moment`: UTC milliseconds since 1970 → as people write it."""

    language: str
    texts: Mapping[str, str]
    plain: Callable[[str, str], str]
    moment: Callable[[int], str]

    def say(self, key: str, **facts: object) -> str:
        """Return a text. Raises KeyError for a key or a placeholder that is not there."""
        return Template(self.texts[key]).substitute(facts)
