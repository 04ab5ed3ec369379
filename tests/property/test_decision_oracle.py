"""What is decided over records is what a slow, obvious reader of the same promises says, and references still meet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from privet.connectors.base import Record
from privet.errors import InvalidInput
from privet.policy.format import write
from privet.policy.parse import parse
from privet.policy.syntax import Aim, Erase, Keep, Policy, Promise
from privet.rights.fates.decision import Anonymize, Decider, Delete, decisions
from privet.rights.fates.decision import Keep as Kept
from privet.rights.words import Address
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Masking, Native
from privet.vocabulary.predicate import ALWAYS, Compare

KEY = Secret(b"the key of one request, invented")
NOW = datetime(2026, 1, 15, tzinfo=UTC)
LABELS = ("user", "user.contact", "user.contact.email", "user.contact.address.city", "user.name", "system.operations")
NAMES = ("a", "b", "c")
MISSING = object()


@dataclass(frozen=True)
class World:
    """A dataset of two collections, promises about it, and records."""

    dataset: Dataset
    promises: tuple[Promise, ...]
    rows: tuple[tuple[str, dict[str, Any]], ...]


@st.composite
def fields(draw: st.DrawFn) -> tuple[Field, ...]:
    made = [Field(name="id", type="string", native=Native(primary_key=True)), Field(name="state", type="string")]
    for name in NAMES:
        masking = draw(st.none() | st.just(Masking("string_rewrite", (("rewrite_value", f"override {name}"),))))
        native = Native(masking=masking, read_only=draw(st.integers(0, 9)) == 0)
        labels = tuple(draw(st.sets(st.sampled_from(LABELS), max_size=1)))
        made.append(Field(name=name, type="string", labels=labels, native=native))
    return tuple(made)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    masking = st.none() | st.just(Masking("delete"))
    tables = tuple(Collection(name=name, fields=draw(fields()), masking=draw(masking)) for name in ("t", "u"))
    promises: list[Promise] = []
    targets = [("d", "t"), ("d", "u"), *(("d", "t", name) for name in NAMES)]
    for at, label in enumerate(draw(st.sets(st.sampled_from(LABELS)))):
        promises.append(_rewrite(Aim(label), f"category {at}"))
    for at, path in enumerate(draw(st.sets(st.sampled_from(targets)))):
        promises.append(_rewrite(Aim(path=path), f"path {at}"))
    for path in draw(st.sets(st.sampled_from(targets[:2]), max_size=1)):
        promises.append(Erase(targets=(Aim(path=path),), strategy="deletion"))
    for at, path in enumerate(draw(st.lists(st.sampled_from(targets), max_size=2))):
        where = Compare(f"{path[1]}.state", "=", "x") if draw(st.booleans()) else ALWAYS
        promises.append(Keep(targets=(Aim(path=path),), reason=f"reason {at}", where=where))
    row = st.fixed_dictionaries(
        {name: st.sampled_from(("one", "two", None)) for name in NAMES},
        optional={"state": st.sampled_from(("x", "y", None))},
    )
    rows = draw(st.lists(st.tuples(st.sampled_from(("t", "u")), row), min_size=1, max_size=5))
    return World(Dataset(key="d", collections=tables), tuple(draw(st.permutations(promises))), tuple(rows))


def _rewrite(aim: Aim, value: str) -> Erase:
    return Erase(targets=(aim,), strategy="constant", settings=(("value", value),))


# --- the slow reader ------------------------------------------------------------------------------------------


def expected(world: World, name: str, row: dict[str, Any]) -> tuple[Any, ...]:
    """Return ("keep", reasons), ("delete",) or ("mask", new values, kept fields, what remains)."""
    held = [promise for promise in world.promises if isinstance(promise, Keep) and _kept(promise, row)]
    whole = {keep.reason for keep in held for aim in keep.targets if aim.path == ("d", name)}
    if whole:
        return "keep", whole
    kept = {aim.path[2] for keep in held for aim in keep.targets if aim.path[1] == name and len(aim.path) == 3}
    kept = {field for field in kept if row[field] is not None}
    table = world.dataset.collection(name)
    assert table is not None
    deletions = {
        aim.path for p in world.promises if isinstance(p, Erase) and p.strategy == "deletion" for aim in p.targets
    }
    if not kept and (table.masking is not None or ("d", name) in deletions):
        return ("delete",)
    values, remains = {}, set()
    for field in table.fields:
        if field.name in kept or field.name in ("id", "state") or row[field.name] is None:
            continue
        new = _new(world, name, field)
        if new is MISSING:
            continue
        if field.native.read_only:
            remains.add(field.name)
        elif new != row[field.name]:
            values[field.name] = new
    return "mask", values, kept, remains


def _kept(keep: Keep, row: dict[str, Any]) -> bool:
    return keep.where == ALWAYS or row.get("state") in ("x", None)


def _new(world: World, table: str, field: Field) -> Any:
    said = {p.targets[0]: p.settings[0][1] for p in world.promises if isinstance(p, Erase) and p.settings}
    personal = any(label.split(".")[0] == "user" for label in field.labels)
    if field.native.masking:
        return f"override {field.name}"
    if Aim(path=("d", table, field.name)) in said:
        return said[Aim(path=("d", table, field.name))]
    if personal and Aim(path=("d", table)) in said:
        return said[Aim(path=("d", table))]
    for label in field.labels:
        words = label.split(".")
        for count in range(len(words), 0, -1):
            if Aim(".".join(words[:count])) in said:
                return said[Aim(".".join(words[:count]))]
    return None if personal else MISSING


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_the_decider_says_what_the_slow_reader_says(world: World) -> None:
    text = write(Policy("", (), world.promises))
    made = decisions({"p": parse(text)}, [world.dataset], KEY)
    for at, (name, row) in enumerate(world.rows):
        (found,) = made.decide(Address("d", name), [Record({"id": at, **row})], NOW)
        assert _shape(found) == _normal(expected(world, name, row), found)


def _shape(found: object) -> tuple[Any, ...]:
    if isinstance(found, Kept):
        return "keep", found.reason
    if isinstance(found, Delete):
        return ("delete",)
    assert isinstance(found, Anonymize)
    return "mask", found.values, {held.path for held in found.held}, {one.path for one in found.remaining}


def _normal(said: tuple[Any, ...], found: object) -> tuple[Any, ...]:
    """Of several reasons to keep a record any is right."""
    return ("keep", found.reason) if said[0] == "keep" and isinstance(found, Kept) and found.reason in said[1] else said


# --- references -----------------------------------------------------------------------------------------------

STRATEGIES = ("", "null", "consistent", "hash", "hmac", "format_preserving", "random", "random_string_rewrite")


@settings(max_examples=200, deadline=None)
@given(
    st.tuples(*[st.sampled_from(STRATEGIES)] * 3),
    st.tuples(*[st.booleans()] * 3),
    st.lists(st.emails().filter(lambda text: len(text) <= 20), min_size=1, max_size=4),
    st.sampled_from((None, 20, 64)),
)
def test_a_plan_parts_no_records_that_referred_to_each_other_or_is_refused(
    said: tuple[str, ...], nullable: tuple[bool, ...], values: list[str], length: int | None
) -> None:
    tables = [_linked(at, nullable[at], length if at == 1 else None) for at in range(3)]
    policy = "".join(f"erase d.t{at}.mail by {name}\n" for at, name in enumerate(said) if name)
    try:
        made = decisions({"p": parse(policy)}, [Dataset(key="d", collections=tuple(tables))], KEY)
    except InvalidInput as error:
        assert all(fault.hint and fault.at for fault in error.faults)
        return
    for value in values:
        new = [_mail(made, at, value) for at in range(3)]
        referred, *referring = new
        assert all(one in (referred, None) for one in referring)
        assert referred != value


def _linked(at: int, nullable: bool, length: int | None) -> Collection:
    links = (Link("d", "t0.mail"),) if at else ()
    mail = Field(
        name="mail",
        type="string",
        labels=("user.contact.email",),
        native=Native(links=links, nullable=nullable, length=length),
    )
    return Collection(name=f"t{at}", fields=(Field(name="id", type="string", native=Native(primary_key=True)), mail))


def _mail(made: Decider, at: int, value: str) -> Any:
    (found,) = made.decide(Address("d", f"t{at}"), [Record({"id": 1, "mail": value})], NOW)
    assert isinstance(found, Anonymize)
    return found.values["mail"]
