"""Counts for callers who may not see all that is counted: off by a small whole number that only the vault knows.

Two counts that differ by one person must not tell whether she is in both. So each count is moved by a number k, drawn
with probability (2/3)**abs(k) / 5: of all ways to move a count by whole numbers, this one keeps the odds between any
two neighbours the same wherever one looks, 3 to 2, and is off by the least for it (Ghosh, Roughgarden, Sundararajan:
Universally utility-maximizing privacy mechanisms, 2009). Who subtracts two answers guesses right at most three times
in five, where a coin does twice in four. The number comes from a MAC over the vault's secret, the rows that the caller
may ask about, what is asked in one canonical form, and the count itself: asking again, in other words, or as another
caller with the same rules gives the same, and a count that changed by one does not move by one.

What it leaves: each question that means something else is another draw, and some hundred of them average out. So a
caller has a budget of draws: a question spends one for each count that it shows, however many groups it has, because
nobody is in two groups of one question.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from privet import digest
from privet.vault.query.question import All, Flip, Leaf, Output, Place, Question, Tree, conjoin
from privet.vault.query.tally import Group
from privet.vault.vault import Vault

MOST = 12  # the most that a count is off by: further out lies one draw in 130, which is drawn again
_WEIGHTS = tuple(2**size * 3 ** (MOST - size) * (2 if size else 1) for size in range(MOST + 1))


def key(vault: Vault) -> bytes:
    """Return the secret that moves the counts of a vault: 32 bytes, the same for as long as the vault lives."""
    return digest.mac(vault.ring.raw("idempotency", vault.id).reveal(), b"privet count noise 1")


class Blur:
    """Moves the counts of one question.

    `key`: see the function of that name. `rows`: those that the caller may ask about. `least`: people in a group that
    may be shown at all.
    """

    def __init__(self, key: bytes, question: Question, rows: Tree, least: int) -> None:
        self._key = key
        self._question = question
        self._where = conjoin(question.where, rows)
        self._least = least

    def spent(self, groups: Sequence[Group]) -> frozenset[bytes]:
        """Return what an answer spends: 16 bytes for each count, the same where the question and all counts are.

        `groups`: all there are. Those that are left out count, too: else what is spent would tell which are.
        """
        outputs = [(at, o.place) for at, o in enumerate(self._question.outputs) if o.function == "count_distinct"]
        counts: dict[bytes, list[int]] = {b"": sorted(group.size for group in groups)}
        for at, place in outputs:
            assert place is not None  # what is counted is distinct by something
            counts[self._place(place)] = sorted(group.values[at][1] for group in groups)  # type: ignore[index]  # a number each
        labels = sorted(map(self._place, self._question.group))
        asked = digest.canonical((self._asked(self._where), *labels))
        return frozenset(
            digest.mac(self._key, digest.canonical((b"spent", asked, place, *(n.to_bytes(8, "big") for n in found))))[
                :16
            ]
            for place, found in counts.items()
        )

    def applied(self, groups: Iterable[Group]) -> list[Group]:
        """Return the groups that may be shown, their counts moved.

        A group is left out by its moved count, or the line itself would tell what the counts do not; the line is so far
        above `least` that no draw lifts a smaller group over it.
        """
        return [group for group in groups if self._move(group)]

    def _move(self, group: Group) -> bool:
        said = self._said(group)
        size = group.size + drawn(self._draw(said, None, group.size))
        if size < self._least + MOST:
            return False
        for at, output in enumerate(self._question.outputs):
            if output.function == "count":
                self._put(group, at, size)
            elif output.function == "count_distinct":
                count = group.values[at][1]  # type: ignore[index]  # (whether there is one, the number)
                self._put(group, at, max(0, count + drawn(self._draw(said, output, count))))
        return True

    @staticmethod
    def _put(group: Group, at: int, count: int) -> None:
        group.cells[at], group.values[at] = count, (True, count)

    def _draw(self, said: bytes, output: Output | None, count: int) -> bytes:
        place = self._place(output.place) if output and output.place else b""
        return digest.mac(self._key, digest.canonical((said, place, count.to_bytes(8, "big"))))

    def _said(self, group: Group) -> bytes:
        """Return what a group is of. `GROUP BY state` asks of each group what `WHERE state = …` asks of one."""
        question = self._question
        labels = [
            Leaf(place, "null") if (text := group.texts.get(place)) is None else Leaf(place, "in", (text,))
            for place in question.group
        ]
        return self._asked(conjoin(self._where, *labels))

    def _asked(self, where: Tree) -> bytes:
        """Return what is asked of the rows that meet a condition."""
        question = self._question
        links = {
            digest.canonical(sorted((self._place(s.link.own), self._place(s.link.other))))
            for s in question.sources
            if s.link
        }
        tables = sorted(source.table.id for source in question.sources)
        said = self._tree(where, flip=False)
        return digest.canonical((digest.canonical(tables), digest.canonical(sorted(links)), said))

    # -- one form for what means the same ----------------------------------------------------------------------------

    def _tree(self, tree: Tree, *, flip: bool) -> bytes:
        if isinstance(tree, Flip):
            return self._tree(tree.item, flip=not flip)
        if isinstance(tree, Leaf):
            values = tree.values if tree.op == "between" else sorted(set(tree.values))
            words = (b"not" if flip else b"is", self._place(tree.place), tree.op.encode())
            return digest.canonical((*words, *(value.encode() for value in values)))
        every = isinstance(tree, All) is not flip
        parts = sorted({self._tree(item, flip=turned) for item, turned in _items(tree, every=every, flip=flip)})
        return parts[0] if len(parts) == 1 else digest.canonical((b"every" if every else b"some", *parts))

    def _place(self, place: Place) -> bytes:
        question = self._question
        source, column = question.source(place), question.column(place)
        same = [other for other in question.sources if other.table is source.table]
        at = same.index(source).to_bytes(2, "big")
        return digest.canonical(
            (source.table.id, at, column.id if column else place.column.encode(), place.part.encode())
        )


def _items(tree: Tree, *, every: bool, flip: bool) -> list[tuple[Tree, bool]]:
    """Return what a tree says all of, or some of, with whether each is negated; the same inside it is taken apart."""
    if isinstance(tree, Flip):
        return _items(tree.item, every=every, flip=not flip)
    if isinstance(tree, Leaf) or (isinstance(tree, All) is not flip) is not every:
        return [(tree, flip)]
    return [found for item in tree.items for found in _items(item, every=every, flip=flip)]


def drawn(seed: bytes) -> int:
    """Return the whole number, from -MOST to MOST, that 32 even bytes stand for.

    >>> drawn(bytes(32)), drawn(b"\\xff" * 32)
    (0, -12)
    """
    # Whole numbers, so that no rounding bends the odds.
    place = int.from_bytes(seed[:16], "big") * sum(_WEIGHTS) >> 128
    size = 0
    while place >= _WEIGHTS[size]:
        place -= _WEIGHTS[size]
        size += 1
    return -size if seed[16] & 1 else size


def counts(outputs: Sequence[Output]) -> bool:
    """Return whether any output is a count, which `Blur` moves."""
    return any(output.function in ("count", "count_distinct") for output in outputs)
