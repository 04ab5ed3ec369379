"""What was observed, brought into the text of a manifest that people wrote: what is new is added, the rest stays.

`merge` adds; `mend` also changes and removes what the database has otherwise. Both prove what they did: the new text is
read again and must say what the old one said with the changes, and nothing else. Reads and writes no file.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from privet.errors import InvalidInput, MalformedBody
from privet.manifest.drift import entry
from privet.manifest.drift.compare import TECHNICAL, is_technical
from privet.manifest.drift.entry import Why
from privet.manifest.drift.splice import Splice
from privet.manifest.places import META
from privet.vocabulary.dataset import Collection, Dataset, Field

_STEP = 2
_NO_WHY: Mapping[str, Why] = {}

Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Work:
    """One merge: the changes to the text, comments by collection. `mends`: it changes what is declared otherwise.
    `removes`: it takes out what is gone."""

    splice: Splice
    why: Mapping[str, Why]
    mends: bool
    removes: bool
    ignored: Sequence[str]


def dataset_text(datasets: Sequence[Dataset], why: Mapping[str, Mapping[str, Why]] | None = None) -> str:
    """Return a new manifest with datasets. `why`: dataset → collection → field → a comment on its category."""
    lines = ["dataset:"] if datasets else ["dataset: []"]
    for dataset in datasets:
        lines += entry.dataset_lines(dataset, (why or {}).get(dataset.key, _NO_WHY), _STEP, _STEP)
    return "\n".join(lines) + "\n"


def merge(text: str, observed: Dataset, *, why: Mapping[str, Why] = _NO_WHY, file: str = "<text>") -> str:
    """Return a manifest's text with the collections and fields that it lacks of an observed dataset.

    What the text says of others, or otherwise, stays. `why`: collection → field → a comment on its category. Raises
    MalformedBody for text that is no manifest, InvalidInput where it is written in a way that cannot be added to.
    """
    return _changed(text, observed, file, lambda splice: _Work(splice, why, False, False, ()))


def mend(
    text: str,
    observed: Dataset,
    *,
    why: Mapping[str, Why] = _NO_WHY,
    file: str = "<text>",
    ignored: Sequence[str] = TECHNICAL,
    whole: bool = True,
) -> str:
    """Return a manifest's text made to say what was observed.

    Adds what it lacks (tables of tools left out) and references, mends types, lengths and emptiness, removes
    collections and fields that are gone; where `whole` is False, what was seen is a sample, and nothing is removed.

    Categories, descriptions and whatever else people declare stay. Raises as `merge`.
    """
    return _changed(text, observed, file, lambda splice: _Work(splice, why, True, whole, ignored))


def unified(old: str, new: str, path: str) -> str:
    """Return what changes as a patch that `git apply` takes, "" where nothing does. `old` "": the file is new."""
    name = path.replace("\\", "/")
    lines = difflib.unified_diff(
        _lines(old), _lines(new), f"a/{name}" if old else "/dev/null", f"b/{name}", n=3, lineterm="\n"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    return [f"{line}\n" for line in text.split("\n")[:-1]] + (
        [text.rpartition("\n")[2]] if text[-1:] not in ("\n", "") else []
    )


# --- changes --------------------------------------------------------------------------------------------------


def _changed(text: str, observed: Dataset, file: str, work_on: Callable[[Splice], _Work]) -> str:
    root, plain = _read(text, file)
    splice = Splice(text)
    work = work_on(splice)
    if root is None:
        plain = {"dataset": [entry.dataset_data(_kept(work, observed))]}
        splice.insert_lines(len(text.splitlines()), ["dataset:", *_dataset_lines(work, observed, _STEP)])
    else:
        _dataset(work, root, plain, observed)
    new = splice.result()
    if _read(new, file)[1] != plain:
        raise InvalidInput(
            "this manifest is written in a way that cannot be added to safely",
            at=file,
            hint="write its datasets in block style, without anchors, or take a new file",
        )
    return new


def _read(text: str, file: str) -> tuple[yaml.MappingNode | None, Plain]:
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
        plain = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        raise MalformedBody("expected YAML", at=file) from None
    if root is None:
        return None, {}
    if not isinstance(root, yaml.MappingNode) or not isinstance(plain, dict):
        raise MalformedBody("expected a manifest: resource types with lists", at=file)
    return root, plain


def _kept(work: _Work, dataset: Dataset) -> Dataset:
    from dataclasses import replace

    chosen = [one for one in dataset.collections if not is_technical(dataset.key, one.name, work.ignored)]
    return replace(dataset, collections=tuple(chosen))


def _dataset_lines(work: _Work, dataset: Dataset, dash: int) -> list[str]:
    return list(entry.dataset_lines(_kept(work, dataset), work.why, dash, _STEP))


def _dataset(work: _Work, root: yaml.MappingNode, plain: Plain, observed: Dataset) -> None:
    listed = _value(root, "dataset")
    found = next(
        (at for at, item in enumerate(_items(plain, "dataset")) if item.get("fides_key") == observed.key), None
    )
    if found is None or listed is None:
        new = entry.dataset_data(_kept(work, observed))
        _append(work, root, plain, "dataset", [(new, lambda dash, _: _dataset_lines(work, observed, dash))])
        return
    node, said = listed.value[found], plain["dataset"][found]
    declared = {item.get("name"): at for at, item in enumerate(_items(said, "collections"))}
    inner = _value(node, "collections")
    for there in observed.collections:
        if there.name in declared and inner is not None:
            at = declared[there.name]
            _fields(work, inner.value[at], said["collections"][at], there.fields, there.name, "")
    news = [one for one in _kept(work, observed).collections if one.name not in declared]
    _append(work, node, said, "collections", [_collection_item(work, one) for one in news])
    if work.removes:
        _remove(work, node, said, "collections", {one.name for one in observed.collections})


def _collection_item(work: _Work, collection: Collection) -> _Item:
    why = work.why.get(collection.name, {})
    return (
        entry.collection_data(collection),
        lambda dash, step: list(entry.collection_lines(collection, why, dash, step)),
    )


def _fields(work: _Work, node: yaml.Node, plain: Plain, there: Sequence[Field], collection: str, prefix: str) -> None:
    why = work.why.get(collection, {})
    declared = {item.get("name"): at for at, item in enumerate(_items(plain, "fields"))}
    inner = _value(node, "fields")
    news = []
    for field in there:
        at = declared.get(field.name)
        if at is None or inner is None:
            news.append(_field_item(field, why, prefix))
            continue
        said = plain["fields"][at]
        if work.mends:
            _native(work, inner.value[at], said, field)
        if field.fields:
            _fields(work, inner.value[at], said, field.fields, collection, f"{prefix}{field.name}.")
    _append(work, node, plain, "fields", news)
    if work.removes and there:
        _remove(work, node, plain, "fields", {field.name for field in there})


def _field_item(field: Field, why: Why, prefix: str) -> _Item:
    return (
        entry.field_data(field),
        lambda dash, step: list(entry.field_lines(field, why, dash, step, prefix)),
    )


def _native(work: _Work, node: yaml.Node, plain: Plain, field: Field) -> None:
    """Make what is said of a field's type, length, emptiness and references what was seen."""
    key = next((name for name in META if isinstance(plain.get(name), dict)), "")
    wanted = entry.meta(field)
    if not key:
        if "references" in wanted:
            _set(work, node, plain, "fides_meta", {"references": wanted["references"]})
        return
    meta, said = _value(node, key), plain[key]
    if meta is None:
        return
    for name in ("data_type", "length"):
        if said.get(name) and name in wanted and said[name] != wanted[name]:
            _set(work, meta, said, name, wanted[name])
    ours, told = _value(meta, "privet"), said.get("privet")
    if ours is not None and isinstance(told, dict):
        for name, value in wanted.get("privet", {}).items():
            if name in told and told[name] != value:
                _set(work, ours, told, name, value)
    pointed = {(one.get("dataset"), one.get("field")) for one in _items(said, "references")}
    news = [one for one in wanted.get("references", ()) if (one["dataset"], one["field"]) not in pointed]
    _append(work, meta, said, "references", [(one, _flow_item(one)) for one in news])


def _flow_item(value: Plain) -> Callable[[int, int], list[str]]:
    return lambda dash, step: [f"{' ' * dash}- {entry.flow(value)}"]


# --- ways of change -------------------------------------------------------------------------------------------

_Item = tuple[Plain, Callable[[int, int], list[str]]]
"""An item of a list: as data, and its lines by column of the dash and step."""


def _append(work: _Work, node: yaml.Node, plain: Plain, key: str, items: Sequence[_Item]) -> None:
    """Add items to the list under a key, which may not be there yet."""
    if not items:
        return
    datas = [data for data, _ in items]
    listed = _value(node, key)
    splice = work.splice
    if isinstance(listed, yaml.SequenceNode) and listed.value:
        if listed.flow_style:
            splice.insert_after(listed.value[-1], "".join(f", {entry.flow(data)}" for data in datas))
        else:
            dash = splice.dash(listed)
            step = max(dash - _column(node, key), 0)
            lines = [line for _, write in items for line in write(dash, step)]
            splice.insert_lines(splice.after(listed, dash), lines)
    elif isinstance(listed, yaml.SequenceNode):
        splice.insert_within(listed, ", ".join(entry.flow(data) for data in datas))
    elif listed is not None and plain.get(key) is None:
        column = _column(node, key)
        splice.insert_lines(listed.start_mark.line + 1, [line for _, w in items for line in w(column + _STEP, _STEP)])
    elif listed is None:
        _set_block(work, node, key, items)
    plain[key] = [*(plain.get(key) or ()), *datas]


def _set_block(work: _Work, node: yaml.Node, key: str, items: Sequence[_Item]) -> None:
    """Add a key with a list to a mapping that lacks it."""
    if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
        _insert_key(work, node, key, [data for data, _ in items])
        return
    column = int(node.value[0][0].start_mark.column)
    lines = [f"{' ' * column}{key}:", *(line for _, w in items for line in w(column + _STEP, _STEP))]
    work.splice.insert_lines(work.splice.after(node, column), lines)


def _set(work: _Work, node: yaml.Node, plain: Plain, key: str, value: Any) -> None:
    """Give a key of a mapping a value, in place of the one that it has."""
    held = _value(node, key)
    if held is None:
        _insert_key(work, node, key, value)
    elif isinstance(held, yaml.ScalarNode) and held.start_mark.line == held.end_mark.line:
        work.splice.replace(held, entry.flow(value))
    else:
        return
    plain[key] = value


def _insert_key(work: _Work, node: yaml.Node, key: str, value: Any) -> None:
    said = f"{key}: {entry.flow(value)}"
    if not isinstance(node, yaml.MappingNode):
        return  # the proof at the end tells that it could not be done
    if not node.value:
        work.splice.insert_within(node, said)
    elif node.flow_style:
        work.splice.insert_after(node.value[-1][1], f", {said}")
    else:
        column = int(node.value[0][0].start_mark.column)
        work.splice.insert_lines(work.splice.after(node, column), [" " * column + said])


def _remove(work: _Work, node: yaml.Node, plain: Plain, key: str, there: set[str]) -> None:
    """Take out the items of a list that are gone; of one in flow style, or of which none would be left, nothing."""
    listed = _value(node, key)
    if not isinstance(listed, yaml.SequenceNode) or listed.flow_style or not listed.value:
        return
    dash = work.splice.dash(listed)
    gone = [at for at, item in enumerate(plain[key]) if at < len(listed.value) and item.get("name") not in there]
    if len(gone) == len(plain[key]):
        return
    for at in gone:
        first = int(listed.value[at].start_mark.line)
        work.splice.remove_lines(first, work.splice.after(listed.value[at], dash))
    plain[key] = [item for at, item in enumerate(plain[key]) if at not in set(gone)]


def _value(node: yaml.Node, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _column(node: yaml.Node, key: str) -> int:
    return next(int(name.start_mark.column) for name, _ in node.value if name.value == key)


def _items(plain: Plain, key: str) -> Iterator[Plain]:
    """Yield the mappings of a list; of what is no list, nothing."""
    listed = plain.get(key)
    yield from (item if isinstance(item, dict) else {} for item in (listed if isinstance(listed, list) else ()))
