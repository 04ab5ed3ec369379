"""What promises about erasures name, held against the datasets that are declared.

Strategies are names here: which there are, and what they can do, is known above.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from privet.errors import UnknownName
from privet.near import meant
from privet.policy.bind import Fault
from privet.policy.syntax import DELETION, NOWHERE, Aim, Erase, Keep, Span
from privet.vocabulary.dataset import Collection, Dataset, every_field
from privet.vocabulary.predicate import ALWAYS, Compare, In, Predicate, comparisons, rewritten

_LONGEST = 128
_RECORD_ID = "id"  # what a vault calls its records by, though no schema declares it


@dataclass(frozen=True, slots=True)
class Aimed:
    """A collection, or a field of it by its dotted path ("" for the collection as a whole)."""

    dataset: Dataset
    collection: Collection
    field: str = ""

    @property
    def name(self) -> str:
        """Return the collection's name with that of its dataset."""
        return f"{self.dataset.key}.{self.collection.name}"

    @property
    def fields(self) -> tuple[str, ...]:
        """Return every field of the collection by its dotted path."""
        return tuple(path for path, _ in every_field(self.collection.fields))


def aimed(aim: Aim, datasets: Mapping[str, Dataset]) -> Aimed:
    """Return what the names of an aim stand for. What a dataset or collection is called may hold dots of its own.

    `datasets`: by key. Raises UnknownName with the nearest name.
    """
    words = aim.path
    cuts = [(".".join(words[:at]), ".".join(words[at:])) for at in range(1, len(words))]
    held = [(datasets[key], rest) for key, rest in cuts if key in datasets]
    if not held:
        raise UnknownName(f"there is no dataset `{_said(words[0])}`", hint=meant(words[0], datasets))
    tables = [(dataset, table, rest) for dataset, rest in held for table in dataset.collections]
    for dataset, table, rest in tables:
        if table.name == rest:
            return Aimed(dataset, table)
    fields: list[str] = []
    for dataset, table, rest in tables:
        if rest.startswith(f"{table.name}."):
            fields = list(Aimed(dataset, table).fields)
            if (path := rest[len(table.name) + 1 :]) in fields:
                return Aimed(dataset, table, path)
    if fields:
        raise UnknownName(f"there is no field `{_said('.'.join(words))}`", hint=meant(words[-1], fields))
    dataset, rest = held[0]
    table_names = [table.name for table in dataset.collections]
    first = rest.partition(".")[0]
    raise UnknownName(f"`{dataset.key}` has no collection `{_said(first)}`", hint=meant(first, table_names))


def within(where: Predicate, place: Aimed) -> Predicate | None:
    """Return a condition by dotted paths of a collection; None where it names something else."""
    known = {*place.fields, _RECORD_ID}

    def change(leaf: Compare | In) -> Predicate | None:
        path = _path(leaf.target, place)
        if path not in known:
            return None
        return In(path, leaf.values) if isinstance(leaf, In) else Compare(path, leaf.op, leaf.value)

    return rewritten(where, change)


def misaimed(promise: Erase | Keep, datasets: Mapping[str, Dataset]) -> Iterator[Fault]:
    """Yield all that a promise names and no dataset has, or that cannot be meant. `datasets`: by key."""
    places: list[Aimed] = []
    for aim in promise.targets:
        if aim.label:
            continue
        try:
            places.append(aimed(aim, datasets))
        except UnknownName as error:
            yield Fault(_span(aim, promise), error.message, error.hint)
            continue
        if isinstance(promise, Erase) and promise.strategy in DELETION and places[-1].field:
            hint = f"write `erase {places[-1].name} by deletion`"
            yield Fault(_span(aim, promise), "deletion is about whole records, found a field", hint)
    if isinstance(promise, Keep) and places and (promise.where != ALWAYS or promise.term):
        yield from _misbound(promise, places, datasets)


def _misbound(promise: Keep, places: list[Aimed], datasets: Mapping[str, Dataset]) -> Iterator[Fault]:
    """Yield what is wrong with condition and term, which are about the records of one collection."""
    place = places[0]
    if any(other.name != place.name for other in places):
        hint = "write one promise for each collection"
        yield Fault(promise.span, "expected one collection where fields are named, found several", hint)
        return
    known = {*place.fields, _RECORD_ID}
    for leaf in comparisons(promise.where):
        if _path(leaf.target, place) not in known:
            near = meant(leaf.target.rpartition(".")[2], place.fields)
            yield Fault(promise.span, f"expected fields of `{place.name}` in the condition, found another", near)
    if promise.term is None:
        return
    after = promise.term.after
    try:
        moment = aimed(after, datasets)
    except UnknownName as error:
        yield Fault(_span(after, promise), error.message, error.hint)
        return
    if moment.name != place.name or not moment.field:
        message = f"expected a field of `{place.name}` after `after`, found another"
        yield Fault(_span(after, promise), message)


def _path(target: str, place: Aimed) -> str:
    """Return the dotted path that a condition's target, which begins with the collection, has in it; "" for others."""
    table = f"{place.collection.name}."
    return target[len(table) :] if target.startswith(table) else ""


def _span(aim: Aim, promise: Erase | Keep) -> Span:
    return promise.span if aim.span == NOWHERE else aim.span


def _said(name: str) -> str:
    # A name comes from a file that a person wrote, yet a value pasted in its place must not reach a log.
    return name if len(name) <= _LONGEST and name.replace(".", "").replace("_", "").isalnum() else "…"
