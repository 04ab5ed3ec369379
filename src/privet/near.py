"""What may have been meant: the known names that are most like one that nobody knows, as a hint."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 128


def meant(word: str, known: Iterable[str], *, most: int = 1, otherwise: str = "") -> str:
    """Return `did you mean …?` with at most so many known names, the nearest first; `otherwise` where none is near.

    Nothing is near to a word of more than 128 characters: it is no name, and to compare it takes long.

    >>> meant("emial", ["email", "phone"]), meant("x", ["email"], otherwise="see the list")
    ('did you mean `email`?', 'see the list')
    """
    from difflib import get_close_matches  # slow to import, and most runs have nothing to hint at

    found = get_close_matches(word, known, n=most) if len(word) <= LONGEST else []
    return f"did you mean {' or '.join(f'`{name}`' for name in found)}?" if found else otherwise
