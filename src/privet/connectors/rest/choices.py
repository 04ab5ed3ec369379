"""What a person chose, as the consent requests that a file declares for it: for identities, or for each record found.

A file says by `consent_uses` what its requests are about (mailings, where it says nothing): another choice is not told,
since it would stop, or start, what nobody spoke of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from privet.connectors.base import Choice, Read, Untold, Value
from privet.connectors.rest.changes import System, once_of
from privet.connectors.rest.draft import draft
from privet.connectors.rest.inputs import usable
from privet.connectors.rest.merge import askers, inputs
from privet.connectors.rest.template import Unfit
from privet.connectors.rest.words import Config, Param, Request, at_path
from privet.vocabulary.dataset import Dataset, Link

Filled = dict[str, Value]


def tell(system: System, dataset: Dataset, choice: Choice, identities: Mapping[str, Sequence[Value]], once: str) -> int:
    """Make the consent requests that a choice asks for, and return how many of the system's records they were about.

    Raises Untold where the file has none for it, and what calls raise.
    """
    told = 0
    for number, request in enumerate(_requests(system.config, choice)):
        about = 0
        for at, values in enumerate(_rounds(system, dataset, request, identities)):
            about += _make(system, request, values, once_of(once, 1_000 * number + at))
        told = max(told, about)
    return told


def _requests(config: Config, choice: Choice) -> tuple[Request, ...]:
    """Return the requests that a choice asks for; none where it takes back what needs no request."""
    if choice.kind == "restriction":
        raise Untold("its API has no way to keep data and use them for nothing else")
    near = (_within(use, one) or _within(one, use) for use in choice.uses for one in config.consent_uses)
    if choice.uses and not any(near):
        raise Untold(f"its consent requests are about {', '.join(f'`{one}`' for one in config.consent_uses)} alone")
    if choice.kind == "objection" and choice.state != "given":
        return ()  # that she objects no more is no consent
    agrees = choice.kind == "consent" and choice.state == "given"
    found = config.opt_in if agrees else config.opt_out
    if not found:
        raise Untold(f"the connector's file has no `consent_requests` of `{'opt_in' if agrees else 'opt_out'}`")
    return found


def _within(use: str, root: str) -> bool:
    # A team's own uses are in no taxonomy: their keys alone say what is below what.
    return use == root or use.startswith(f"{root}.")


def _rounds(
    system: System, dataset: Dataset, request: Request, identities: Mapping[str, Sequence[Value]]
) -> Iterator[Filled]:
    """Yield the fillings of a request: each identity, beside each record of the endpoint that it refers to."""
    params = inputs(request)
    people = [param for param in params if param.identity]
    linked = [param for param in params if param.references]
    known = [[(one.name, value) for value in _fit(identities, one)] for one in people]
    seen: set[tuple[tuple[str, str], ...]] = set()
    for chosen in product(*known):
        for row in _records(system, dataset, linked, identities) if linked else [{}]:
            values = {**row, **dict(chosen)}
            mark = tuple(sorted((name, str(value)) for name, value in values.items()))
            if mark not in seen:
                seen.add(mark)
                yield values


def _records(
    system: System, dataset: Dataset, linked: Sequence[Param], identities: Mapping[str, Sequence[Value]]
) -> Iterator[Filled]:
    paths = {one.name: one.references[0].field for one in linked if isinstance(one.references[0], Link)}
    name = next(iter(paths.values()), "").partition(".")[0]
    collection, endpoint = dataset.collection(name), system.endpoint(name)
    if collection is None:
        return
    asked = [param for each in askers(endpoint) for param in inputs(each) if param.identity]
    matches = {param.name: list(identities.get(param.identity, ())) for param in asked}
    ask = Read(dataset=dataset, collection=collection, matches=matches, identities=identities)
    for found in system.found(endpoint, ask):
        row = {param: at_path(found.whole, tuple(path.split(".")[1:])) for param, path in paths.items()}
        if None not in row.values():
            yield row


def _fit(identities: Mapping[str, Sequence[Value]], param: Param) -> list[Value]:
    return [value for value in identities.get(param.identity, ()) if usable(value, None)]


def _make(system: System, request: Request, values: Filled, once: str) -> int:
    """Make one request, which may be made again: it sets what was chosen."""
    try:
        made = draft(request, system.filling(request, values, once=once))
    except Unfit:
        return 0  # nobody there can be known by that
    if system.config.idempotency_header:
        made = made.with_header(system.config.idempotency_header, once)
    told = system.caller(request).call(request, made, name="consent", mode="again", gone=True)
    return 0 if told.absent else 1
