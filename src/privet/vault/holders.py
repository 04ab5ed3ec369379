"""Who holds the tokens that stand for values: said when one is made, ended with its last holder.

A token's row names its first holder, if that is a record whose head names the token, or nobody: so the common token
has no other row and is found from its record. All other holders stand in `refs`: further records, subjects, and
records of columns whose tokens each consumer has for itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from privet import digest
from privet.store.port import Aggregate, Cell, Delete, Expect, Put, Row, Select, Step, Update
from privet.vault.schema import Column, Table
from privet.vault.vault import Vault
from privet.vocabulary.predicate import And, Compare, In, Predicate

TOKENS = ("token", "tag", "owner", "text", "cell", "created", "consumer", "holder", "subject")
AT: Mapping[str, int] = {name: at for at, name in enumerate(TOKENS)}
REFS = ("token", "holder", "rows", "subject", "cell")
FIRST = ("token", "holder")
NOBODY = digest.ZERO_ID  # the holder of tokens that belong to no record and no subject
Named = Mapping[Cell, tuple[Cell, Cell]]
"""Token → (holder, subject) as its row names them."""


def first_of(row: Row, table: Table, column: Column) -> Row | None:
    """Return the reference (as REFS) that the row of a token names, None where it names nobody."""
    holder, subject = row[AT["holder"]], row[AT["subject"]]
    if holder is None:
        return None
    copy = row[AT["cell"]] if column.field.keep == "shreddable" else None
    return row[0], holder, None if holder == NOBODY else table.rows, subject, copy


def hold_again(vault: Vault, column: Column, refs: Sequence[Row]) -> Iterator[Step]:
    """Yield the steps by which holders go on holding tokens, under the subjects and with the copies of `refs`."""
    if not refs:
        return
    where = In("token", tuple(dict.fromkeys(ref[0] for ref in refs)))
    found = vault.store.select(Select(table="tokens", columns=(*FIRST, "subject"), where=where))
    named = {row[0]: (row[1], row[2]) for row in found}
    yield from still(named)
    yield from refer(column, named, refs)


def still(named: Named) -> Iterator[Step]:
    """Yield the expectation that tokens are there and that their rows name the same holders as now."""
    for raw, (holder, _) in named.items():
        yield Expect("tokens", And((Compare("token", "=", raw), Compare("holder", "=", holder))), True)


def refer(column: Column, named: Named, refs: Iterable[Row]) -> Iterator[Step]:
    """Yield the steps that put references: into the row of a token that names their holder, else beside it."""
    beside = {ref[:2]: ref for ref in refs}
    own = [beside.pop(pair) for pair in list(beside) if pair[0] in named and named[pair[0]][0] == pair[1]]
    if column.field.keep == "shreddable":
        changed = [(ref[3], ref[4], ref[0], ref[1]) for ref in own]
        if changed:
            yield Update("tokens", ("subject", "cell"), FIRST, changed)
    else:
        moved = [(ref[3], ref[0], ref[1]) for ref in own if named[ref[0]][1] != ref[3]]
        if moved:
            yield Update("tokens", ("subject",), FIRST, moved)
    if beside:
        yield Put("refs", REFS, list(beside.values()))


def personal(vault: Vault) -> frozenset[bytes]:
    """Return the identities of the tokens of tables about people."""
    tables = [table for table in vault.schema.tables if table.collection.subject != "none"]
    return frozenset(column.token_id for table in tables for column in table.columns if column.token_id)


def release(vault: Vault, pairs: Sequence[Row], *, gained: Collection[Cell] = ()) -> Iterator[Step]:
    """Yield the steps that end the hold of (token, record) pairs; a token dies with its last holder.

    In a table about people NOBODY is no holder next to others: a token that was made without a subject, and then came
    to stand for a person's value, goes with the last of those who hold it. `gained`: tokens that get a holder in the
    same unit. The unit clashes if holders come or go so that another decision were right. It takes one release a
    unit: `together` makes one of several.
    """
    if not pairs:
        return
    losing = dict.fromkeys((raw, holder) for raw, holder in pairs)
    yield Delete("refs", FIRST, list(losing))
    stays = _Staying(vault, losing)
    dying = tuple(raw for raw in stays.named if raw not in gained and not stays.holders(raw))
    for columns, left in stays.emptied(frozenset(dying)):
        yield Update("tokens", columns, FIRST, [((None,) * len(columns)) + pair for pair in left])
    if dying:
        forsaken = [(raw, NOBODY) for raw in dying if raw in stays.nobodys]
        if forsaken:
            yield Delete("refs", FIRST, forsaken)
        yield Delete("tokens", ("token",), [(raw,) for raw in dying])
        yield Expect("refs", In("token", dying), False)
    # INVARIANT: of two units that each leave a token to the other's holder, the second clashes.
    for raw in stays.named.keys() - set(dying) - set(gained):
        yield stays.expectation(raw)


class _Staying:
    """Who goes on holding tokens when `losing` (token, holder) pairs go. `named`: token → holder in its row."""

    def __init__(self, vault: Vault, losing: Collection[tuple[Cell, Cell]]) -> None:
        self._losing = losing
        among = In("token", tuple(dict.fromkeys(raw for raw, _ in losing)))
        rows = vault.store.select(Select(table="tokens", columns=(*FIRST, "owner"), where=among))
        about = personal(vault)
        shreds = _shredding(vault)
        self.named = {row[0]: row[1] for row in rows}
        self._personal = {row[0] for row in rows if row[2] in about}
        self._shreds = {row[0] for row in rows if row[2] in shreds}
        counts = vault.store.select(
            Select(table="refs", group=("token",), aggregates=(Aggregate("count"),), where=among)
        )
        self._beside: dict[Cell, int] = {row[0]: row[1] for row in counts}  # type: ignore[misc]  # a count
        for raw, holder in losing:
            if raw in self._beside and self.named.get(raw) != holder:
                self._beside[raw] -= 1
        with_nobody = And((In("token", tuple(self._beside)), Compare("holder", "=", NOBODY)))
        found = vault.store.select(Select(table="refs", columns=("token",), where=with_nobody)) if counts else []
        self.nobodys = {row[0] for row in found}

    def holders(self, raw: Cell) -> int:
        """Return how many hold a token afterwards, NOBODY not counted in a table about people."""
        return int(self._by_row(raw)) + self._beside.get(raw, 0) - int(raw in self._personal and raw in self.nobodys)

    def _by_row(self, raw: Cell) -> bool:
        holder = self.named[raw]
        stays = holder is not None and (raw, holder) not in self._losing
        return stays and not (raw in self._personal and holder == NOBODY)

    def emptied(self, dying: Collection[Cell]) -> Iterator[tuple[tuple[str, ...], list[tuple[Cell, Cell]]]]:
        """Yield (columns that become null, pairs) of rows that name a holder who goes and stay themselves."""
        gone = [pair for pair in self.named.items() if pair[0] not in dying and pair in self._losing]
        for columns, pairs in (
            (("holder", "subject", "cell"), [pair for pair in gone if pair[0] in self._shreds]),
            (("holder", "subject"), [pair for pair in gone if pair[0] not in self._shreds]),
        ):
            if pairs:
                yield columns, pairs

    def expectation(self, raw: Cell) -> Step:
        """Return that somebody goes on holding a token: whom its row names, or one beside it."""
        held: Predicate = Compare("token", "=", raw)
        if self._by_row(raw):
            return Expect("tokens", And((held, Compare("holder", "!=", None))), True)
        return Expect("refs", And((held, Compare("holder", "!=", NOBODY))) if raw in self._personal else held, True)


def _shredding(vault: Vault) -> frozenset[bytes]:
    """Return the identities of the tokens of shreddable columns."""
    columns = (column for table in vault.schema.tables for column in table.columns)
    return frozenset(column.token_id for column in columns if column.field.keep == "shreddable")


def together(vault: Vault, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps of a unit with its releases made one, at its end: a token dies if all of them leave nobody."""
    pairs: list[Row] = []
    gained: set[Cell] = set()
    for step in steps:
        if isinstance(step, Delete) and step.table == "refs":
            pairs += [row for row in step.rows if row[1] != NOBODY]
        elif isinstance(step, Put) and step.table == "refs":
            gained.update(row[0] for row in step.rows)
            yield step
        elif not _of_release(step):
            yield step
    yield from release(vault, pairs, gained=gained)


def _of_release(step: Step) -> bool:
    """Return whether `release` made a step. INVARIANT: nothing else expects somebody in a token's row, or ends it."""
    if isinstance(step, Expect):
        somebody = isinstance(step.where, And) and Compare("holder", "!=", None) in step.where.items
        return step.table == "refs" or (step.table == "tokens" and somebody)
    if step.table != "tokens":
        return False
    return isinstance(step, Delete) or (isinstance(step, Update) and step.columns[0] == "holder")
