"""A vault whose every key can be changed: its schema, its records, and each rotation by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from a_vault import Bench, schema

from privet.app.wiring import new_ring
from privet.crypto.keys import Purpose
from privet.crypto.keystores.local import LocalStore
from privet.secret import Secret
from privet.store.port import ENGINES
from privet.vault import records
from privet.vault.log.audit import Deed
from privet.vault.people.subjects import SubjectStore
from privet.vault.upkeep import rotation
from privet.vault.vault import create_vault, load_keys

ROOT = LocalStore(Secret(bytes(range(32))))
FIELDS = (
    "name: type: string, keep: shreddable, index: exact, token: stored",
    "email: type: contact.email, keep: sealed, index: [exact, domain], unique: true, token: stored",
    "code: type: string, keep: shreddable, token: random",
    "note: type: string, token: record",
    "made: type: string, keep: sealed, token: {kind: stored, scope: consumer}",
    "hers: type: string, keep: shreddable, token: {kind: stored, scope: consumer}",
    "tags: type: 'string[]', keep: shreddable, index: exact",
    "paper: type: file, keep: shreddable",
    "plain: type: string",
)
TABLE = "people"
SETS = "[[name, plain]], indexes: [[email.domain, plain], [name, made]]"


def prepared(bench: Bench) -> Bench:
    """Return the bench with the table of everything that has keys."""
    bench.apply(schema(*FIELDS, unique=SETS))
    return bench


@contextmanager
def served(people: Bench, tmp_path: Path) -> Iterator[Bench]:
    """Give the same vault on the engine that commits on a thread of its own, so that calls run side by side."""
    engine = ENGINES.get("sqlite")
    assert engine.open_forgetful is not None
    keys = LocalStore(Secret(bytes(range(32))))
    store = engine.open(str(tmp_path / "vault.db"))
    stores = engine.open_forgetful(str(tmp_path / "subjects.db")), engine.open_forgetful(str(tmp_path / "epochs.db"))
    vault = create_vault(
        id=people.vault.id,
        name="t",
        store=store,
        ring=new_ring(keys, people.vault.id, people.now[0]),
        clock=lambda: people.now[0],
        deed=people.deed(),
    )
    vault.subjects = SubjectStore.open(stores, ROOT, vault.id, now=people.now[0] // 1000, made=False)
    found = Bench(vault, people.now, people.run)
    found.apply(schema(*FIELDS, unique=SETS))
    try:
        yield found
    finally:
        vault.close()


def row(number: int, **more: Any) -> dict[str, Any]:
    """Return an invented record."""
    return {
        "name": f"Ann {number % 40}",
        "email": f"ann{number}@example.com",
        "code": f"C-{number}",
        "note": f"N-{number}",
        "made": f"M-{number % 7}",
        "hers": f"H-{number % 7}",
        "tags": [f"t{number % 5}", "all"],
        "plain": f"P-{number}",
        **more,
    }


def fill(people: Bench, count: int) -> list[records.Written]:
    return people.insert(TABLE, *(row(n) for n in range(count)))


def deeds(people: Bench) -> Deed:
    return people.deed("keys.rotate")


def values(people: Bench, ids: list[bytes]) -> list[dict[str, Any]]:
    out = []
    for record in ids:
        found = people.get(TABLE, record)
        assert found is not None
        out.append({"values": dict(found.values), "tokens": dict(found.tokens), "version": found.version})
    return out


def states(people: Bench, purpose: Purpose, owner: bytes) -> list[str]:
    stored = sorted(load_keys(people.vault.store), key=lambda item: item.version)
    return [item.state for item in stored if (item.purpose, item.owner) == (purpose, owner)]


def column(people: Bench, name: str) -> Any:
    return people.vault.table(TABLE).column(name)


ROTATIONS: dict[str, Callable[[Bench], Awaitable[Any]]] = {
    "sealed column": lambda b: rotation.rotate_column(b.vault, TABLE, "email", deeds(b)),
    "shreddable column": lambda b: rotation.rotate_column(b.vault, TABLE, "name", deeds(b)),
    "random tokens": lambda b: rotation.rotate_column(b.vault, TABLE, "code", deeds(b)),
    "file column": lambda b: rotation.rotate_column(b.vault, TABLE, "paper", deeds(b)),
    "index": lambda b: rotation.rotate_index(b.vault, TABLE, "email", "domain", deeds(b)),
    "shreddable index": lambda b: rotation.rotate_index(b.vault, TABLE, "name", "exact", deeds(b)),
    "array index": lambda b: rotation.rotate_index(b.vault, TABLE, "tags", "exact", deeds(b)),
    "unique": lambda b: rotation.rotate_unique(b.vault, TABLE, ["email"], deeds(b)),
    "unique pair": lambda b: rotation.rotate_unique(b.vault, TABLE, ["plain", "name"], deeds(b)),
    "compound index": lambda b: rotation.rotate_unique(b.vault, TABLE, ["plain", "email.domain"], deeds(b)),
    "shreddable compound index": lambda b: rotation.rotate_unique(b.vault, TABLE, ["name", "made"], deeds(b)),
    "token tags": lambda b: rotation.rotate_token_tags(b.vault, TABLE, "email", deeds(b)),
    "shreddable token tags": lambda b: rotation.rotate_token_tags(b.vault, TABLE, "name", deeds(b)),
    "consumer token tags": lambda b: rotation.rotate_token_tags(b.vault, TABLE, "hers", deeds(b)),
    "key-encryption key": lambda b: rotation.rewrap(b.vault, deeds(b)),
    "window": lambda b: rotation.advance(b.vault, deeds(b)),
}
