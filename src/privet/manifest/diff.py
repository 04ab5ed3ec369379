"""What changed between two manifests, by meaning: order of entries, files, quotes and former keys do not count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from privet.codec import Place
from privet.manifest.finding import NOWHERE
from privet.manifest.resources import Manifest, ResourceType

What = Literal["added", "removed", "changed"]
_SIGNS: Mapping[What, str] = {"added": "+", "removed": "-", "changed": "~"}

# Words of the vocabulary → the keys that they are written under.
_KEYS = {
    "about": "data_subjects",
    "all_elements": "return_all_elements",
    "categories": "data_categories",
    "custom": "custom_request_field",
    "declarations": "privacy_declarations",
    "kind": "system_type",
    "labels": "data_categories",
    "legal_basis": "legal_basis_for_processing",
    "links": "references",
    "masking": "masking_strategy_override",
    "native": "fides_meta",
    "organization": "organization_fides_key",
    "parent": "parent_key",
    "retention": "retention_period",
    "skipped": "skip_processing",
    "subjects": "data_subjects",
    "use": "data_use",
    "uses": "data_uses",
    "window_seconds": "window",
    "ttl_seconds": "ttl",
}
_OWN_KEYS = {"FidesRule": {"subjects": "data_subjects"}, "System": {"datasets": "dataset_references"}}
_OWN_KEYS |= {"Declaration": {"datasets": "dataset_references"}, "Flow": {"kind": "type"}, "Organization": {}}

# What may say something of a person: that it changed is told, not what it says.
_CONTACTS = frozenset({"controller", "data_protection_officer", "joint_controller", "representative"})
_QUIET = _CONTACTS | {
    "address",
    "description",
    "dpo",
    "email",
    "joint_controller_info",
    "legal_address",
    "name",
    "phone",
}
_UNSEEN = frozenset({"at", "key"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. `kind`, `key`: the resource; `kind` "text" is a file of our own policy language. `path`: keys and
    names down to what changed, () for the resource itself. `before`, `after`: what it said and says, "" where it was
    not there, or where it may tell of a person. `at`: where it stands after, or stood before."""

    what: What
    kind: ResourceType | Literal["text"]
    key: str
    path: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    at: Place = field(default=NOWHERE, compare=False)

    def __str__(self) -> str:
        path = f": {'.'.join(self.path)}" if self.path else ""
        said = f" ({self.before or 'nothing'} → {self.after or 'nothing'})" if self.before or self.after else ""
        return f"{_SIGNS[self.what]} {self.kind} {self.key}{path}{said}"


def diff(before: Manifest, after: Manifest) -> tuple[Change, ...]:
    """Return what was added, removed and changed, by resource and path within it."""
    left, right = dict(_resources(before)), dict(_resources(after))
    found: list[Change] = []
    for kind, key in sorted({*left, *right}):
        one, other = left.get((kind, key)), right.get((kind, key))
        if one is None or other is None:
            what: What = "added" if one is None else "removed"
            found.append(Change(what=what, kind=kind, key=key, at=_at(after if one is None else before, kind, key)))
        else:
            at = _at(after, kind, key)
            found += (
                Change(what=w, kind=kind, key=key, path=p, before=b, after=a, at=at)
                for w, p, b, a in _within((), one, other)
            )
    return tuple(found)


def text(changes: Iterable[Change]) -> str:
    """Return changes as lines: `+`, `-` or `~`, the resource, the path and what it said and says."""
    return "".join(f"{change}\n" for change in changes)


def _resources(manifest: Manifest) -> Iterator[tuple[tuple[Any, str], Any]]:
    for kind, found in (
        ("organization", manifest.organizations),
        ("policy", manifest.policies),
        ("system", manifest.systems),
        ("dataset", manifest.datasets),
    ):
        yield from (((kind, word.key), word) for word in found)
    yield from (((f"data_{label.kind}", label.key), label) for label in manifest.labels)
    yield from ((("text", text.file), text) for text in manifest.texts)


def _at(manifest: Manifest, kind: Any, key: str) -> Place:
    return Place(key, 1, 1) if kind == "text" else manifest.place(kind, key)


Step = tuple[What, tuple[str, ...], str, str]


def _within(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Step]:
    """Yield what differs: (what, path, before, after)."""
    if is_dataclass(before) and type(before) is type(after):
        yield from _words(path, before, after)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _entries(path, before, after)
    elif _is_list(before) and _is_list(after):
        yield from _lists(path, before, after)
    elif before != after:
        yield _change(path, before, after)


def _words(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Step]:
    own = _OWN_KEYS.get(type(before).__name__, {})
    # The type of a field follows from its `data_type`, which is told.
    derived = hasattr(before, "native") and before.native.data_type != after.native.data_type
    for each in fields(before):
        if each.name in _UNSEEN or (derived and each.name in ("type", "array")):
            continue
        one, other = getattr(before, each.name), getattr(after, each.name)
        if each.name == "facts":
            yield from _entries(path, one, other)
        else:
            key = own.get(each.name) or _KEYS.get(each.name, each.name)
            yield from _within((*path, key), one, other)


def _entries(path: tuple[str, ...], before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Step]:
    for key in dict.fromkeys((*before, *after)):
        yield from _within((*path, key), before.get(key), after.get(key))


def _lists(path: tuple[str, ...], before: Sequence[Any], after: Sequence[Any]) -> Iterator[Step]:
    named = [item for item in (*before, *after) if _name(item)]
    if not named or len(named) < len(before) + len(after):
        gone = [item for item in before if item not in after]
        new = [item for item in after if item not in before]
        if gone or new:
            yield _change(path, gone, new)
        return
    left, right = _by_name(before), _by_name(after)
    for name in dict.fromkeys((*left, *right)):
        one, other = left.get(name), right.get(name)
        if one is None or other is None:
            yield ("added" if one is None else "removed"), (*path, name), "", ""
        else:
            yield from _within((*path, name), one, other)


def _by_name(found: Sequence[Any]) -> dict[str, Any]:
    """Return items by name; the second of a name is `name#2`."""
    named: dict[str, Any] = {}
    for item in found:
        name, count = _name(item), 1
        while (name if count == 1 else f"{name}#{count}") in named:
            count += 1
        named[name if count == 1 else f"{name}#{count}"] = item
    return named


def _name(item: Any) -> str:
    """Return what tells an item of a list from its neighbours: its name or key, a declaration's use; "" for none."""
    if not is_dataclass(item):
        return ""
    return next((str(found) for key in ("name", "key", "use") if (found := getattr(item, key, ""))), "")


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _change(path: tuple[str, ...], before: Any, after: Any) -> Step:
    what: What = "added" if _is_empty(before) else "removed" if _is_empty(after) else "changed"
    if path[-1] in _QUIET or not _CONTACTS.isdisjoint(path[:-1]):
        return what, path, "", ""
    return what, path, _said(before), _said(after)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", (), []) or value == {}


def _said(value: Any) -> str:
    """Return a value in a few words."""
    if _is_empty(value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_list(value):
        return ", ".join(map(_said, value))
    if is_dataclass(value):
        return ".".join(str(found) for each in fields(value) if (found := getattr(value, each.name)))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_said(inner)}" for key, inner in value.items())
    return str(value)
