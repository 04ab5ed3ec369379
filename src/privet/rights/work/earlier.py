"""What an earlier attempt of an erasure asked. What led there may be erased by now, so that a retry, which starts from
the identities alone, would find nothing there and call it done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from privet.rights.outcome import Result
from privet.rights.sealed import RequestKey
from privet.rights.work.spool import stored
from privet.store.port import Step
from privet.store.queue import Queue

DECIDED, ASKS, _EARLIER = "decided", "asks:", "earlier"
Asked = Mapping[str, Mapping[str, Sequence[Any]]]
"""Collection (`dataset.collection`) → dotted path → values."""


def kept(queue: Queue, key: RequestKey, result: Result | None) -> tuple[Step, ...]:
    """Return the step that keeps what was asked where something remains, to be carried out after all else of the
    attempt is dropped. `result`: of the attempt; None where it told nothing. Raises Damaged where chunks are missing.
    """
    notes = queue.notes(key.request)
    datasets = None if result is None else {each.dataset for each in result.systems if each.remaining}
    if DECIDED in notes:
        chunks = key.open_document(DECIDED, notes[DECIDED])["chunks"]
        parts = [part for part in chunks if part.startswith(ASKS) and _is_of(part, datasets)]
        asked = {part.removeprefix(ASKS): _merged(queue, key, part, chunks[part]) for part in parts}
        return (queue.note(key.request, _EARLIER, key.seal_document(_EARLIER, asked)),)
    # That attempt ended before it decided anything: what is known is of the one before.
    return (queue.note(key.request, _EARLIER, notes[_EARLIER]),) if _EARLIER in notes else ()


def asked(queue: Queue, key: RequestKey) -> Asked:
    """Return what an earlier attempt asked, nothing where there was none."""
    cell = queue.notes(key.request).get(_EARLIER)
    found: Asked = key.open_document(_EARLIER, cell) if cell is not None else {}
    return found


def _is_of(part: str, datasets: Collection[str] | None) -> bool:
    return datasets is None or any(part.startswith(f"{ASKS}{dataset}.") for dataset in datasets)


def _merged(queue: Queue, key: RequestKey, part: str, chunks: int) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for matches in stored(queue, key, part, chunks):
        for path, values in matches.items():
            found.setdefault(path, []).extend(values)
    return found
