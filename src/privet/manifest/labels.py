"""The labels of a manifest: the built-in taxonomy, with the team's own in place of built-in ones of the same key.

A key is looked up within its kind, for a team may call a category and a subject by the same word.
"""

from __future__ import annotations

from collections.abc import Iterable

from privet.vocabulary import taxonomy
from privet.vocabulary.taxonomy import KINDS, Kind, Label

_LONGEST = 200


class Labels:
    """Every label that a manifest may use. `own`: the team's, as `Manifest.labels` has them."""

    def __init__(self, own: Iterable[Label] = ()) -> None:
        self._kinds: dict[Kind, dict[str, Label]] = {
            kind: {label.key: label for label in taxonomy.labels(kind)} for kind in KINDS
        }
        for label in own:
            self._kinds[label.kind][label.key] = label
        self._chains: dict[tuple[Kind, str], tuple[str, ...]] = {}

    def keys(self, kind: Kind) -> tuple[str, ...]:
        """Return every key of a kind: built-in ones first, parents before their children, then the team's own."""
        return tuple(self._kinds[kind])

    def get(self, key: str, kind: Kind | None = None) -> Label | None:
        """Return the label of a key, of any kind where none is said; None for a key that is not known."""
        for each in KINDS if kind is None else (kind,):
            found = self._kinds[each].get(key)
            if found is not None:
                return found
        return None

    def known(self, kind: Kind, key: str) -> bool:
        """Return whether a key is a label of a kind."""
        return key in self._kinds[kind]

    def near(self, kind: Kind, key: str) -> str:
        """Return the known key of a kind that is most like `key`, "" where none is.

        >>> Labels().near("category", "user.contact.emial")
        'user.contact.email'
        """
        import difflib  # slow to import, and most keys are known

        if len(key) > _LONGEST:
            return ""
        last = key.rpartition(".")[2]
        keys = self._kinds[kind]
        found = difflib.get_close_matches(key, keys, n=1, cutoff=0.75)
        ends = [known for known in keys if known.rpartition(".")[2] == last]
        return (found or difflib.get_close_matches(key, ends, n=1, cutoff=0.3) or [""])[0]

    def chain(self, kind: Kind, key: str) -> tuple[str, ...]:
        """Return a key and all above it, nearest first; subjects have none above them.

        A key that is not known has those above it that its dots say.

        >>> Labels().chain("category", "user.contact.email")
        ('user.contact.email', 'user.contact', 'user')
        """
        found = self._chains.get((kind, key))
        if found is None:
            found = self._chains[kind, key] = tuple(self._above(kind, key))
        return found

    def is_within(self, kind: Kind, key: str, root: str) -> bool:
        """Return whether a key is `root` or stands below it."""
        return root in self.chain(kind, key)

    def _above(self, kind: Kind, key: str) -> list[str]:
        found = [key]
        while True:
            label = self._kinds[kind].get(found[-1])
            above = label.parent if label is not None else found[-1].rpartition(".")[0]
            if not above or above in found or kind == "subject":
                return found
            found.append(above)
