"""Stored policies: texts that never change, which of them is in force, and what they mean under the schema of now.

A text is bound to the ids of the columns that it names, so that it follows them when they are renamed. What is in
force is the last row of a chain: each row names the hash of the row before it and of all that it puts into force, and
the newest is in the audit. So a row that is changed, dropped or put back is found: at once where the chain breaks,
by `verify` where a whole older chain was put back. Nothing is decided by what does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from privet import digest
from privet.errors import Conflict, Damaged, Denied, InvalidInput, InvalidPolicy, NotFound, PolicyDamaged
from privet.policy import format
from privet.policy.bind import Fault, faults, moved, names, renamed
from privet.policy.parse import parse
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Policy, Role
from privet.store.port import Insert, Put, Select, Step
from privet.vault.access import approvals
from privet.vault.access.approvals import Approval, Wanted
from privet.vault.access.budgets import COUNTS
from privet.vault.access.promises import Promises, Shelf
from privet.vault.log.audit import Deed
from privet.vault.schema import Schema
from privet.vault.vault import Vault, vouch, vouched
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.predicate import Compare

FRESH_MS = 1_000  # how long what was read may decide: another process may have changed it
MOST_COUNTS = 100_000
KIND = "policy"
_KEPT = "policies"
_HEAD = "activations"  # the name under which `meta` holds the number and the hash of the last activation
_POLICY, _ACTIVATION = "policy", "activation"
_NONE = bytes(32)
Stands = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A policy as it was saved. `version`: from 1. `names`: of the tables and columns that it names, with their ids
    (hex). `author`: the id of a principal. `created_ms`: UTC milliseconds since 1970."""

    version: int
    text: str
    names: dict[str, str]
    author: str
    created_ms: int

    @property
    def hash(self) -> bytes:
        """Return what an activation names it by."""
        return digest.sha256(msgspec.json.encode(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """What is in force from a moment on. `seq`: from 1. `policy`, `promises`: versions, 0 for none; with the hash of
    each. `two_person`: changes need a second one. `counts_a_day`: different moved counts that a caller may have of a
    table. `by`, `approved_by`: ids of principals. `before`: the hash of the
    activation before. `at_ms`: UTC milliseconds since 1970."""

    seq: int = 0
    policy: int = 0
    policy_hash: bytes = _NONE
    promises: int = 0
    promises_hash: bytes = _NONE
    two_person: bool = False
    by: str = ""
    approved_by: str = ""
    before: bytes = _NONE
    at_ms: int = 0
    counts_a_day: int = COUNTS

    @property
    def hash(self) -> bytes:
        """Return what the next activation and the audit name it by."""
        return digest.sha256(self.body()) if self.seq else _NONE

    def body(self) -> bytes:
        """Return the stored form. It leaves out what activations did not have at first, as long as nobody sets it: the
        hashes of those from then are over what they said."""
        said = msgspec.to_builtins(self)
        if self.counts_a_day == COUNTS:
            del said["counts_a_day"]
        return msgspec.json.encode(said)


@dataclass(frozen=True, slots=True)
class InForce:
    """What decides now: the policy of `activation` under `schema`."""

    activation: Activation
    policy: Policy
    schema: Schema
    read_ms: int


# --- what is in force -------------------------------------------------------------------------------------------


def in_force(vault: Vault) -> InForce:
    """Return what decides now. Raises PolicyDamaged where a row of it is not as Privet wrote it."""
    try:
        return _in_force(vault)
    except Damaged as error:
        hint = "`privet audit verify` says what is wrong; restore a backup of the vault"
        raise PolicyDamaged(error.message, hint=hint) from None


def _in_force(vault: Vault) -> InForce:
    kept, now = vault.kept.get(_KEPT), vault.clock()
    known = kept if isinstance(kept, InForce) and kept.schema is vault.schema else None
    if known is not None and known.read_ms <= now < known.read_ms + FRESH_MS:
        return known
    if known is not None and _last_seq(vault) == known.activation.seq:
        found = InForce(known.activation, known.policy, known.schema, now)
    else:
        chain = history(vault)
        last = chain[-1] if chain else Activation()
        found = InForce(last, _policy(vault, last), vault.schema, now)
    vault.kept[_KEPT] = found
    return found


def history(vault: Vault) -> list[Activation]:
    """Return every activation, oldest first. Raises Damaged for a chain that is not whole."""
    rows = vault.store.select(Select(table="activations", columns=("seq", "body"), order=(("seq", True),)))
    found: list[Activation] = []
    before = _NONE
    for at, (seq, body) in enumerate(rows, start=1):
        item = msgspec.json.decode(vouched(vault.ring, vault.id, _ACTIVATION, body), type=Activation)
        if item.seq != seq or seq != at or item.before != before:
            raise _damaged()
        found.append(item)
        before = item.hash
    heads = vault.store.select(Select(table="meta", columns=("value",), where=Compare("name", "=", _HEAD)))
    head = vouched(vault.ring, vault.id, _HEAD, heads[0][0]) if heads else _NONE
    if head != before:
        raise _damaged()
    return found


def state(vault: Vault) -> bytes | None:
    """Return how the audit names the last activation: number and hash in 20 bytes, None where there is none.

    Raises Damaged where a row is not as Privet wrote it: of the chain, of what it puts into force, of any saved policy.
    """
    chain = history(vault)
    versions = [item.version for item in stored(vault)]
    if versions != list(range(1, len(versions) + 1)):
        raise _damaged()
    _policy(vault, chain[-1] if chain else Activation())
    return _state(chain[-1]) if chain else None


def _state(last: Activation) -> bytes:
    return last.seq.to_bytes(4, "big") + last.hash[:16]


def _last_seq(vault: Vault) -> int:
    rows = vault.store.select(Select(table="activations", columns=("seq",), order=(("seq", False),), limit=1))
    return int(rows[0][0]) if rows else 0  # type: ignore[arg-type]  # a number, as the shape says


def _policy(vault: Vault, last: Activation) -> Policy:
    version, roles, promises = BUILT_IN.version, BUILT_IN.roles, BUILT_IN.promises
    if last.promises:
        held = _shelf(vault).get(last.promises)
        if held is None or held.hash != last.promises_hash:
            raise _damaged()
        promises = (*promises, *_readable(held.text, "promises").promises)
    if last.policy:
        try:
            stored = load(vault, last.policy)
        except NotFound:
            raise _damaged() from None
        if stored.hash != last.policy_hash:
            raise _damaged()
        said = _readable(text_now(vault.schema, stored), f"policy {stored.version}")
        roles, promises = (*roles, *said.roles), (*promises, *said.promises)
        version = f"{version}+{stored.version}"
    if not last.policy and not last.promises:
        return BUILT_IN
    return Policy(f"{version}/p{last.promises}" if last.promises else version, roles, promises)


def _readable(text: str, name: str) -> Policy:
    try:
        return parse(text, name)
    except InvalidPolicy:
        raise Damaged(
            f"the stored {name} cannot be read by this program", hint="run the program that saved it"
        ) from None


def _damaged() -> Damaged:
    return Damaged("the stored policy is not as Privet wrote it", hint="restore a backup of the vault")


def _shelf(vault: Vault) -> Shelf:
    return Shelf(vault.store, vault.ring, vault.id)


# --- saving -----------------------------------------------------------------------------------------------------


def stored(vault: Vault) -> list[Stored]:
    """Return every policy that was saved, oldest first. Raises Damaged."""
    rows = vault.store.select(Select(table="policies", columns=("version", "body"), order=(("version", True),)))
    return [_stored(vault, version, body) for version, body in rows]


def load(vault: Vault, version: int) -> Stored:
    """Return a policy as it was saved. Raises NotFound, Damaged."""
    where = Compare("version", "=", version)
    rows = vault.store.select(Select(table="policies", columns=("body",), where=where))
    if not rows:
        raise NotFound("the vault has no policy of that version")
    return _stored(vault, version, rows[0][0])


def _stored(vault: Vault, version: object, body: object) -> Stored:
    found = msgspec.json.decode(vouched(vault.ring, vault.id, _POLICY, body), type=Stored)
    if found.version != version:
        raise _damaged()
    return found


def text_now(schema: Schema, saved: Stored) -> str:
    """Return what a saved policy says by the names of now: its own text, written anew where columns were renamed."""
    changes = moved(saved.names, _ids(schema))
    return format.write(renamed(parse(saved.text), changes)) if changes else saved.text


async def save(vault: Vault, text: str, file: str, deed: Deed) -> Stored:
    """Store a policy under the next version; nothing is in force by it. Audited.

    The text that was saved last is not stored again. `file`: named in faults. Raises InvalidPolicy, holding every
    fault with its place.
    """

    def prepare() -> tuple[Stored, Sequence[Step]]:
        policy = parse(text, file)
        _demand_sound(policy, vault.schema, file)
        known = stored(vault)
        made = Stored(
            version=len(known) + 1,
            text=text,
            names=names(policy, _ids(vault.schema)),
            author=deed.principal,
            created_ms=vault.clock(),
        )
        if known and (known[-1].text, known[-1].names) == (made.text, made.names):
            return known[-1], deed.settle(b"")
        body = vouch(vault.ring, vault.id, _POLICY, msgspec.json.encode(made))
        row = Insert("policies", ("version", "created", "body"), ((made.version, made.created_ms, body),))
        return made, (row, deed.entry(note=f"policy {made.version}"), *deed.settle(b""))

    return await vault.attempt(prepare)


def _demand_sound(policy: Policy, schema: Schema, file: str) -> None:
    """Raise InvalidPolicy unless a policy says something, and all of it means something under a schema."""
    found = [*_redefined(policy), *faults(policy, dataset(schema))]
    if not policy.roles and not policy.promises:
        raise InvalidPolicy("expected a rule or a promise, found an empty policy", at=file)
    _raise(found, file)


def _raise(found: Sequence[Fault], file: str) -> None:
    if found:
        ordered = sorted(found, key=lambda fault: fault.span.start)
        wrong = [InvalidPolicy(f.message, hint=f.hint, at=f"{file}:{f.span.line}:{f.span.column}") for f in ordered]
        if len(wrong) == 1:
            raise InvalidPolicy(wrong[0].message, hint=wrong[0].hint, at=wrong[0].at, faults=tuple(wrong))
        raise InvalidPolicy(f"{len(wrong)} faults in the policy", at=file, faults=tuple(wrong))


def _redefined(policy: Policy) -> list[Fault]:
    spans = [
        (role.name, span)
        for role in policy.roles
        if BUILT_IN.role(role.name)
        for span in ([role.span] if role.span.line else [rule.span for rule in role.rules])
    ]
    hint = "give the role another name; its holders can have both"
    return [Fault(span, f"`{name}` is built in and stays as it is", hint) for name, span in spans]


def dataset(schema: Schema) -> Dataset:
    """Return a schema as policies are bound to it."""
    return Dataset(key=schema.key, collections=tuple(table.collection for table in schema.tables))


def _ids(schema: Schema) -> dict[str, str]:
    """Return the id (hex) of every table and column by its full name."""
    found = {table.name: table.id.hex() for table in schema.tables}
    for table in schema.tables:
        found |= {f"{table.name}.{column.name}": column.id.hex() for column in table.columns}
    return found


def demand_fit(vault: Vault, schema: Schema) -> None:
    """Raise InvalidPolicy where the policy in force needs what a new schema no longer has, naming its lines."""
    last = in_force(vault).activation
    if last.policy:
        _demand_fit(load(vault, last.policy), vault.schema, schema)


def _demand_fit(saved: Stored, old: Schema, new: Schema) -> None:
    file = f"policy {saved.version}"
    now = parse(text_now(old, saved), file)  # its lines are those that `show` shows
    before, after = _ids(old), _ids(new)
    policy = renamed(now, moved(names(now, before), after))
    _raise([*_replaced(now, saved, before, after), *faults(policy, dataset(new))], file)


def _replaced(policy: Policy, saved: Stored, before: Mapping[str, str], after: Mapping[str, str]) -> list[Fault]:
    """Return the rules that name what will be gone, where something else will have its name."""
    called = {identity: name for name, identity in before.items()}
    living = set(after.values())
    gone = {called.get(identity, name) for name, identity in saved.names.items() if identity not in living}
    reused = {name: name for name in gone if name in after}
    return [
        Fault(rule.span, f"`{name}` is no longer what the rule was written about", "save the policy anew")
        for role in policy.roles
        for rule in role.rules
        for name in names(Policy("", (Role("", "", (rule,)),)), reused)
    ]


# --- putting into force -----------------------------------------------------------------------------------------


async def activate(
    vault: Vault, version: int, promises: Promises | None, deed: Deed, stands: Stands, barred: tuple[str, ...] = ()
) -> Activation | Approval:
    """Put a saved policy into force, with the organization's promises; 0 for the built-in roles alone. Audited.

    Where changes need two persons: return the request that waits for the second one, until she approved it; then the
    same call by the same principal does it. `stands`: whether a principal (by id) may still act, apart from the caller.
    `barred`: who cannot be the second one, beside the authors of what is put into force. Raises NotFound, InvalidPolicy
    where the policy does not fit the schema of now, Denied where the approver may act no longer.
    """
    saved = load(vault, version) if version else None
    if saved is not None:
        _demand_fit(saved, vault.schema, vault.schema)
    last = _last(vault)
    wanted = replace(
        last,
        policy=version,
        policy_hash=saved.hash if saved else _NONE,
        promises=promises.version if promises else last.promises,
        promises_hash=promises.hash if promises else last.promises_hash,
    )
    authors = tuple(item.author for item in (saved, promises) if item is not None)
    return await _change(vault, _Change(last, wanted, promises, (*authors, *barred)), deed, stands)


@dataclass(frozen=True, slots=True)
class Turn:
    """What of the settings is to change; None stays."""

    two_person: bool | None = None
    counts_a_day: int | None = None


async def turn(
    vault: Vault, wanted: Turn, deed: Deed, stands: Stands, barred: tuple[str, ...] = ()
) -> Activation | Approval:
    """Change settings; while changes need two persons, these do. Audited. `barred`: as of `activate`.

    Raises InvalidInput for a number out of its range.
    """
    if wanted.counts_a_day is not None and not 0 <= wanted.counts_a_day <= MOST_COUNTS:
        raise InvalidInput(f"expected 0 to {MOST_COUNTS:,}", at="counts_a_day")
    last = _last(vault)
    changed = replace(
        last,
        two_person=last.two_person if wanted.two_person is None else wanted.two_person,
        counts_a_day=last.counts_a_day if wanted.counts_a_day is None else wanted.counts_a_day,
    )
    return await _change(vault, _Change(last, changed, None, barred), deed, stands)


@dataclass(frozen=True, slots=True)
class _Change:
    """From one activation to the next. `barred`: who cannot approve it."""

    last: Activation
    wanted: Activation
    promises: Promises | None = None
    barred: tuple[str, ...] = ()

    def about(self) -> str:
        last, wanted = self.last, self.wanted
        pairs = (("policy", wanted.policy, last.policy), ("promises", wanted.promises, last.promises))
        words = [f"{what} {new or 'none'} in place of {old or 'none'}" for what, new, old in pairs if new != old]
        words += [f"two_person {'on' if wanted.two_person else 'off'}"] if wanted.two_person != last.two_person else []
        counts = (wanted.counts_a_day, last.counts_a_day)
        words += [f"counts_a_day {counts[0]} in place of {counts[1]}"] if counts[0] != counts[1] else []
        return ", ".join(words)

    def subject(self, vault: Vault) -> bytes:
        """Return the hash of what would be done: in which vault, over what, and what it would be."""
        parts = (b"privet policy 1", vault.id, self.last.hash, msgspec.json.encode(self.wanted))
        return digest.sha256(digest.canonical(parts))


async def _change(vault: Vault, change: _Change, deed: Deed, stands: Stands) -> Activation | Approval:
    if change.wanted == change.last:
        return change.last
    approval = None
    subject = change.subject(vault)
    if change.last.two_person:
        approval = approvals.approved(vault, KIND, subject, deed.principal)
        if approval is None:
            wanted = Wanted(kind=KIND, subject=subject, about=change.about(), barred=change.barred)
            return await approvals.ask(vault, wanted, deed)
        if not stands(approval.approver):
            raise Denied("who approved this may act no longer", hint="withdraw the request and ask again")

    def prepare() -> tuple[Activation, Sequence[Step]]:
        if _last(vault) != change.last:
            raise Conflict("the policy in force changed meanwhile", hint="look at it and try again")
        made = replace(
            change.wanted,
            seq=change.last.seq + 1,
            by=deed.principal,
            approved_by=approval.approver if approval else "",
            before=change.last.hash,
            at_ms=vault.clock(),
        )
        spent = approvals.spend(vault, approval.id, KIND, subject, deed.principal) if approval else ()
        return made, [*spent, *_steps(vault, change, made, deed)]

    done = await vault.attempt(prepare)
    vault.kept.pop(_KEPT, None)
    return done


def _steps(vault: Vault, change: _Change, made: Activation, deed: Deed) -> Iterator[Step]:
    if change.promises is not None:
        held = _shelf(vault).get(change.promises.version)
        if held is None:
            yield _shelf(vault).step(change.promises)
        elif held != change.promises:
            raise _damaged()
    body = vouch(vault.ring, vault.id, _ACTIVATION, made.body())
    yield Insert("activations", ("seq", "body"), ((made.seq, body),))
    yield Put("meta", ("name", "value"), ((_HEAD, vouch(vault.ring, vault.id, _HEAD, made.hash)),))
    second = f", approved by {made.approved_by}" if made.approved_by else ""
    # The vault stands for a record of it, so that the audit knows which activation is the newest.
    records = vault.id + _state(made)
    yield deed.entry(records=records, count=1, note=f"activation {made.seq}: {change.about()}{second}")
    yield from deed.settle(b"")


def _last(vault: Vault) -> Activation:
    chain = history(vault)
    return chain[-1] if chain else Activation()
