"""People with orders and keys of their own: a vault of shreddable columns, and short words for what is done with it."""

from __future__ import annotations

from pathlib import Path

from a_vault import Bench, schema

from privet.crypto.keystores.local import LocalStore
from privet.secret import Secret
from privet.store.port import Engine, Select, Store
from privet.vault.people import erasure

ROOT = LocalStore(Secret(bytes(range(32))))
PEOPLE = (
    "name: type: string, keep: shreddable, index: exact, token: stored",
    "email: type: contact.email, keep: shreddable, unique: true",
    "plan: type: string",
)
CARDS = """\
      - name: orders
        fides_meta: {privet: {subject: via owner}}
        fields:
          - name: owner
            fides_meta: {privet: {references: people.id}}
          - name: pan
            fides_meta: {privet: {type: card.pan, keep: shreddable, index: [exact], token: stored}}
          - name: note
            fides_meta: {privet: {type: string, keep: shreddable}}
          - name: code
            fides_meta: {privet: {type: string, keep: shreddable, token: random}}
      - name: lines
        fides_meta: {privet: {subject: via order}}
        fields:
          - name: order
            fides_meta: {privet: {references: orders.id}}
          - name: text
            fides_meta: {privet: {type: string, keep: shreddable}}
"""


def populate(bench: Bench) -> Bench:
    """Return the bench with the tables of people, orders and lines."""
    bench.apply(schema(*PEOPLE, more=CARDS))
    return bench


def person(people: Bench, name: str = "Ann Example", email: str = "ann@example.com") -> bytes:
    return people.insert("people", {"name": name, "email": email, "plan": "basic"})[0].id


def subject(people: Bench, record: bytes, table: str = "people") -> bytes:
    return erasure.subject_of(people.vault, people.vault.table(table), record)


def erase(people: Bench, record: bytes) -> erasure.Erased:
    return people.run(erasure.erase(people.vault, subject(people, record), people.deed("erase")))  # type: ignore[no-any-return]


def kept(people: Bench) -> set[bytes]:
    """Return the subjects that have a durable key."""
    keys, _ = people.vault.demand_subjects().stores
    return {row[0] for row in keys.select(Select(table="subject_keys", columns=("subject",)))}  # type: ignore[misc]


def on_disk(engine: Engine, folder: Path) -> tuple[Store, Store]:
    """Return the stores of subject keys and epochs in files."""
    assert engine.open_forgetful is not None
    return engine.open_forgetful(str(folder / "subjects.db")), engine.open_forgetful(str(folder / "epochs.db"))
