"""Batches: the common spelling of values in one go, every other value one by one. Not a part of the shelf."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from privet.errors import InvalidValue
from privet.vocabulary.datatype import Wire

Accept = Callable[[Sequence[str]], list[str]]


def in_bulk(
    accept: Accept, normalize: Callable[[Wire], str]
) -> Callable[[Sequence[Wire]], tuple[list[str], dict[int, str]]]:
    """Return a `normalize_all` that gives for each value what `normalize` does.

    `accept`: texts → their canonical forms, "" for each that needs the closer look of `normalize`.
    """

    def normalize_all(values: Sequence[Wire]) -> tuple[list[str], dict[int, str]]:
        texts = accept([value if type(value) is str else "" for value in values])
        faults: dict[int, str] = {}
        for at in [at for at, text in enumerate(texts) if not text] if "" in texts else ():
            try:
                texts[at] = normalize(values[at])
            except InvalidValue as error:
                faults[at] = error.rule
        return texts, faults

    return normalize_all
