"""Runs of entries that follow each other, as an entry says which older ones expired."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from privet.vault.log.audit import RUN_SIZE

Run = tuple[int, int]
"""The numbers of the first and last of entries that follow each other."""


def extend(runs: list[Run], seq: int) -> None:
    """Take one entry more, whose number is above those before."""
    if runs and runs[-1][1] == seq - 1:
        runs[-1] = (runs[-1][0], seq)
    else:
        runs.append((seq, seq))


def packed(part: int, runs: Sequence[Run]) -> bytes:
    """Return runs of one part (BODY or RECORDS) as entries hold them."""
    return b"".join(b"%c%b%b" % (part, first.to_bytes(8, "big"), last.to_bytes(8, "big")) for first, last in runs)


def unpacked(records: bytes) -> Iterator[tuple[int, Run]]:
    """Yield part and run of what `packed` returned."""
    for at in range(0, len(records), RUN_SIZE):
        run = records[at : at + RUN_SIZE]
        yield run[0], (int.from_bytes(run[1:9], "big"), int.from_bytes(run[9:], "big"))


def outside(runs: Iterable[Run], allowed: Iterable[Run]) -> Iterator[Run]:
    """Yield what of ascending `runs` no run of `allowed` covers."""
    cover = sorted(allowed)
    at = 0
    for start, end in runs:
        first = start
        while first <= end:
            while at < len(cover) and cover[at][1] < first:
                at += 1
            if at == len(cover) or cover[at][0] > end:
                yield first, end
                break
            if cover[at][0] > first:
                yield first, cover[at][0] - 1
            first = cover[at][1] + 1
