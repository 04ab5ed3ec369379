"""The audit log: appending leaves, against pymerkle."""

from __future__ import annotations

from collections.abc import Iterator

import pymerkle

from bench import Row, against
from privet.crypto import merkle

BOUNDS = {
    "audit append": "One SHA-256 a leaf and one an inner node, called through Python; the tree itself is numbers.",
}
LEAVES = [(b"%08d" % at) * 15 for at in range(50_000)]
BATCH = 1000


def rows() -> Iterator[Row]:
    """Yield leaves a second: ours in batches with all inner nodes and a root each, theirs singly, each with a root."""
    yield against("audit append", (_append, len(LEAVES)), (_append_peer, len(LEAVES)), 6)


def _append() -> None:
    tree = merkle.Tree()
    for start in range(0, len(LEAVES), BATCH):
        tree.append(LEAVES[start : start + BATCH])
        tree.frontier.root()


def _append_peer() -> None:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in LEAVES:
        tree.append_entry(leaf)
