"""What a request waits for: people who are told what to do, and systems that do not answer, until patience ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from privet.connectors.base import Halted, Waiting
from privet.errors import PrivetError, StoreFailed, Unavailable
from privet.rights.work.job import Job
from privet.store.port import Step

_WAIT, _TASK, _TELL = "wait:", "task:", "tell:"


@dataclass(slots=True)
class Waits:
    """What came of the blocked systems. `over`: those that will not be waited for, and why. `due_ms`: when to try
    again, None: once somebody says something. `shown`: for people, without values."""

    over: dict[str, str] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    due_ms: int | None = None


def waits(job: Job, what: str, *, patient: bool) -> Waits:
    """Sort the blocked systems, tell people what they are to do, once. `what`: "read" or "erase".

    `patient`: False where somebody asked to try again now, so that the count of tries begins anew.
    Raises Lost before anything goes out that another worker may send.
    """
    found = Waits()
    for dataset, error in sorted(job.blocked.items()):
        if isinstance(error, StoreFailed):
            raise error
        if isinstance(error, Waiting):
            _ask_people(job, found, dataset, what, error)
        elif isinstance(error, Unavailable):
            _try_later(job, found, dataset, error, patient=patient)
        else:
            found.over[dataset] = error.message
    return found


def again(job: Job) -> list[Step]:
    """Return the steps by which waiting begins anew: messages that may not have gone out are sent again."""
    flow = job.request.id
    effects = job.journal.queue.effects(flow)
    notes = [name for name in job.journal.queue.notes(flow) if name.startswith(_WAIT)]
    steps = [job.journal.queue.drop(flow, name) for name, e in effects.items() if name.startswith(_TELL) and not e.done]
    return [*steps, job.journal.queue.unnote(flow, notes)] if notes else steps


def _try_later(job: Job, found: Waits, dataset: str, error: PrivetError, *, patient: bool) -> None:
    now, pace, flow = job.pace.clock(), job.pace, job.request.id
    held = job.journal.queue.notes(flow).get(_WAIT + dataset) if patient else None
    before: Mapping[str, int] = msgspec.json.decode(held) if held else {"since": now, "tries": 0}
    if now - before["since"] > pace.give_up_ms:
        found.over[dataset] = f"it has not answered for {pace.give_up_ms // 86_400_000} days: {error.message}"
        return
    tries = before["tries"] + 1
    pause = min(pace.longest_ms, pace.backoff_ms * 2 ** min(tries - 1, 20))
    due = now + int(pause * (0.5 + pace.jitter() / 2))
    found.due_ms = due if found.due_ms is None else min(due, found.due_ms)
    body = msgspec.json.encode({"since": before["since"], "tries": tries})
    found.steps.append(job.journal.queue.note(flow, _WAIT + dataset, body))
    found.shown.append({"dataset": dataset, "for": "system", "why": error.message, "until_ms": due})


def _ask_people(job: Job, found: Waits, dataset: str, what: str, waiting: Waiting) -> None:
    queue, flow, name = job.journal.queue, job.request.id, f"{what}:{dataset}"
    effect = queue.effects(flow).get(_TELL + name)
    document = {
        "dataset": dataset,
        "what": what,
        "text": waiting.task.reveal(),
        "collections": [each.name for each in job.ground.datasets[dataset].collections],
    }
    task = queue.note(flow, _TASK + name, job.key.seal_document(_TASK + name, document))
    shown: dict[str, Any] = {"dataset": dataset, "for": "person", "task": name}
    found.shown.append(shown)
    if waiting.tell is None or effect is not None:
        # Intended and not done: a crash hides whether it went out, and nobody gets a message twice.
        found.steps.append(task)
        return
    told = job.entry("requests.tell", dataset=dataset)
    job.hold.write((task, queue.intend(flow, _TELL + name), *told))
    job.hold.demand()
    try:
        waiting.tell(job.key.mac(b"tell", name.encode()).hex())
    except Halted:
        return  # it may have gone out: people see that, and may ask for another
    except Unavailable as error:
        found.steps.append(queue.drop(flow, _TELL + name))
        _try_later(job, found, dataset, error, patient=True)
    except PrivetError as error:
        # The task stands in our queue all the same, and whoever mends the settings retries the request.
        found.steps.append(queue.drop(flow, _TELL + name))
        shown["why"] = error.message
    else:
        found.steps.append(queue.done(flow, _TELL + name))
