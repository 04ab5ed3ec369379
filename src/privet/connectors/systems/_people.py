"""Systems without a door for programs: what the people there are asked, in words made of plain parts.

Values stand in the words as JSON texts, so that none can pass for a line of the letter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, time

from privet.connectors.base import Batch, Change, Choice, Read, Record, Value, Waiting
from privet.errors import Refused
from privet.secret import Secret
from privet.vocabulary.dataset import Dataset

MOST_LINES = 5_000
Tell = Callable[[str, str], None]
"""(idempotency key, text) → tells the person."""


class People:
    """A connector that asks people. `name`: of the system. `instructions`: the operator's own words, or ""."""

    def __init__(self, name: str, instructions: str, tell: Tell | None = None) -> None:
        self._name = name
        self._instructions = instructions
        self._tell = tell

    def probe(self) -> None:
        """See `Connector`."""

    def describe(self) -> Dataset:
        """See `Connector`. Raises Refused: nobody but the manifest says what such a system holds."""
        raise Refused(f"`{self._name}` cannot say what it holds", hint="describe it in a manifest")

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """See `Connector`. Raises Waiting."""
        names = ", ".join(f"`{each.name}`" for each in ask.dataset.collections if not each.skipped)
        lines = [f"Please look in {self._name} ({names}) for everything that is held about this person:", ""]
        lines += _listed(ask.identities or ask.matches)
        lines += ["", "Answer with the records that you find, by collection; with none where there is nothing."]
        raise self._waiting(lines)

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """See `Connector`. Raises Waiting."""
        lines = [f"Please erase the following in {self._name}:", ""]
        for batch in batches:
            for change in batch.changes:
                if len(lines) > MOST_LINES:
                    raise Refused(f"expected at most {MOST_LINES} records for people to erase, found more")
                lines.append(f"- in `{batch.collection.name}`, the record with {_pairs(change)}")
        lines += ["", "Answer that it is erased once it is done."]
        raise self._waiting(lines)

    def tell(self, dataset: Dataset, choice: Choice, identities: Mapping[str, Sequence[Value]], once: str) -> int:
        """See `Teller`. Raises Waiting."""
        lines = [f"Please see to it in {self._name} that {_wish(choice)}. It is about this person:", ""]
        lines += _listed(identities)
        lines += ["", "Answer once it is so, or once you know that she is not known there."]
        raise self._waiting(lines)

    def close(self) -> None:
        """See `Connector`."""

    def _waiting(self, lines: list[str]) -> Waiting:
        text = "\n".join([*lines, *(["", self._instructions] if self._instructions else [])]) + "\n"
        tell = self._tell
        return Waiting(Secret(text), tell=None if tell is None else lambda once: tell(once, text))


def _wish(choice: Choice) -> str:
    """Return what is to be so from now on."""
    uses = ", ".join(map(_quoted, choice.uses)) or "any purpose"
    notice = f" by the notice {_quoted(choice.key)}" if choice.key else ""
    holds = choice.state == "given"
    if choice.kind == "restriction":
        return "her data are kept and used for nothing else" if holds else "her data are no longer restricted"
    if choice.kind == "objection":
        return f"her data are no longer used for {uses}" if holds else f"her data may be used for {uses} again"
    return f"she {'agrees' if holds else 'does not agree (any more)'}{notice} to the use of her data for {uses}"


def _listed(values: Mapping[str, Iterable[Value]]) -> list[str]:
    return [f"- {name}: {', '.join(_quoted(value) for value in held)}" for name, held in values.items()]


def _pairs(change: Change) -> str:
    found = ", ".join(f"`{path}` {_quoted(value)}" for path, value in change.key.items())
    if change.values is None:
        return f"{found}: delete it"
    return f"{found}: set " + ", ".join(f"`{path}` to {_quoted(value)}" for path, value in change.values.items())


def _quoted(value: Value) -> str:
    plain = value.isoformat() if isinstance(value, date | time) else value
    said = json.dumps(plain, ensure_ascii=False, default=str)
    # What is not seen, or turns the direction of a line, is shown by its number.
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in said)
