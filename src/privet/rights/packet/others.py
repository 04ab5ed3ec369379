"""What a person is not shown because it is somebody else's, or, to take along, because she did not give it.

A record that hers refer to may be about somebody else: of it she sees what is declared and labelled as no person's
(`system`), and, where its collection holds no data of people at all, what has no label. In texts of her own records,
e-mail addresses that are not hers are replaced; a name that stands in a text is not found. Source: GDPR art. 15(4).
A copy to take along has her own records alone, without fields that are labelled `system` throughout: she gave neither.
Source: GDPR art. 20(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from privet.rights.packet.opened import Row
from privet.vocabulary.dataset import Collection, Dataset, Field, every_field

COVERED = "[✉]"
"""What stands in place of somebody else's e-mail address, in any language."""
_EMAIL = "user.contact.email"
# Lengths are bounded, and what was taken is not given back, so that no text takes long.
_LOCAL, _DOMAIN = r"""[^\s@＠<>()\[\]{},;:"'=|/\\]{1,256}+""", r"""[^\s@＠<>()\[\]{},;:"'=|/\\?&#]{1,256}"""
_ADDRESS = re.compile(rf"{_LOCAL}[@＠]{_DOMAIN}")


@dataclass(slots=True)
class Left:
    """What was left out of a package: values of others, addresses of others in texts, values that are not hers to take
    along."""

    values: int = 0
    mails: int = 0
    derived: int = 0


@dataclass(frozen=True, slots=True)
class Shared:
    """A record as she gets it. `withheld`: dotted paths of what is left out."""

    bond: str
    values: dict[str, Any]
    withheld: tuple[str, ...] = ()


class Sieve:
    """What of one collection's records a person gets."""

    def __init__(self, dataset: Dataset | None, collection: Collection | None, hers: Iterable[str], left: Left) -> None:
        """`hers`: her e-mail addresses. `left` is counted up."""
        self._left = left
        self._hers = frozenset(address.strip().casefold() for address in hers)
        self._fields = dict(every_field(collection.fields)) if collection else {}
        self._around = (*(dataset.labels if dataset else ()), *(collection.labels if collection else ()))
        labels = [*self._around, *(label for field in self._fields.values() for label in field.labels)]
        about = collection is None or bool(collection.about) or collection.subject != "none"
        self._is_peoples = about or any(not _is_systems(label) for label in labels)
        self._mails = frozenset(path for path, field in self._fields.items() if _holds_mail(field))
        self._holders = frozenset(path for path, field in self._fields.items() if field.fields)
        self._made = frozenset(path for path, field in self._fields.items() if _is_made(field, self._around))

    def access(self, rows: Iterable[Row]) -> list[Shared]:
        """Return records as they go into a copy."""
        return [
            Shared("own", self._own(values)) if bond == "own" else self._referred(bond, values) for bond, values in rows
        ]

    def portable(self, rows: Iterable[Row]) -> list[Shared]:
        """Return her own records without what she did not give."""
        return [Shared("own", self._own(self._given(values, ""))) for bond, values in rows if bond == "own"]

    # --- hers -----------------------------------------------------------------------------------------------------

    def _own(self, values: dict[str, Any]) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        for name, value in values.items():
            kind = type(value)
            if kind is str and (("@" not in value and "＠" not in value) or value.casefold() in self._hers):
                continue  # most values: looked at once, and left as they are
            if kind is str or kind is dict or kind is list:
                changed[name] = self._covered(value, name, self._known(values))
        values = values | changed if changed else values
        return self._covered(values, "", self._known(values)) if "@" in "".join(values) else values

    def _known(self, values: Mapping[str, Any]) -> frozenset[str]:
        """Return her addresses, with those in fields of this record that hold one."""
        named = (values.get(path) for path in self._mails)
        more = {value.strip().casefold() for value in named if isinstance(value, str) and _ADDRESS.fullmatch(value)}
        return self._hers | more

    def _covered(self, value: Any, path: str, known: frozenset[str]) -> Any:
        if isinstance(value, str):
            return self._text(value, path, known) if "@" in value or "＠" in value else value
        if isinstance(value, dict):
            return {
                self._text(name, "", known): self._covered(item, f"{path}.{name}" if path else name, known)
                for name, item in value.items()
            }
        return [self._covered(item, path, known) for item in value] if isinstance(value, list) else value

    def _text(self, text: str, path: str, known: frozenset[str]) -> str:
        if path in self._mails and _ADDRESS.fullmatch(text):
            return text

        def shown(found: re.Match[str]) -> str:
            address = found[0].rstrip(".!?…")
            if address.casefold() in known:
                return found[0]
            self._left.mails += 1
            return COVERED + found[0][len(address) :]

        return _ADDRESS.sub(shown, text)

    # --- others' --------------------------------------------------------------------------------------------------

    def _referred(self, bond: str, values: dict[str, Any]) -> Shared:
        withheld: list[str] = []
        shown = self._allowed(values, "", withheld)
        self._left.values += len(withheld)
        return Shared(bond, self._covered(shown, "", self._hers), tuple(withheld))

    def _allowed(self, values: Mapping[str, Any], prefix: str, withheld: list[str]) -> dict[str, Any]:
        shown = {}
        for name, value in values.items():
            path = f"{prefix}{name}"
            field = self._fields.get(path)
            if field is not None and field.fields and isinstance(value, dict):
                shown[name] = self._allowed(value, f"{path}.", withheld)
            elif field is not None and not field.fields and self._is_nobodys(field):
                shown[name] = value
            elif value is not None:
                # A name that nobody declared may be somebody's, too.
                withheld.append(path if field is not None else "…")
        return shown

    def _is_nobodys(self, field: Field) -> bool:
        labels = field.labels or self._around
        return all(map(_is_systems, labels)) if labels else not self._is_peoples

    # --- to take along --------------------------------------------------------------------------------------------

    def _given(self, values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        found = {}
        for name, value in values.items():
            path = f"{prefix}{name}"
            if path in self._made:
                self._left.derived += 1
            elif isinstance(value, dict) and path in self._holders:
                found[name] = self._given(value, f"{path}.")
            else:
                found[name] = value
        return found


def _is_systems(label: str) -> bool:
    return label == "system" or label.startswith("system.")


def _is_made(field: Field, around: tuple[str, ...]) -> bool:
    labels = field.labels or around
    return bool(labels) and not field.fields and all(map(_is_systems, labels))


def _holds_mail(field: Field) -> bool:
    labelled = any(label == _EMAIL or label.startswith(f"{_EMAIL}.") for label in field.labels)
    return labelled or field.type == "contact.email" or field.native.identity == "email"
