"""Read a folder of manifests: every resource in the words of the vocabulary, every fault with its place.

What Fides reads, this reads: files are found below folders, same keys of several files are put together, numbers become
text where text is due. It says more: all faults at once, each with file, line and column.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from privet.codec import Node, parse_yaml
from privet.manifest.files import Source, read, sources
from privet.manifest.finding import Finding, Severity, in_order
from privet.manifest.keys import GONE, LEFT_ALONE, TYPES
from privet.manifest.resources import Manifest, PolicyText, ResourceType
from privet.manifest.shape import Reader, name_of, quotable
from privet.manifest.words import MAKERS

MOST_ALIASED = 100_000
"""How many values aliases may stand for in one file."""

_TYPE_LINE = re.compile(rf"^\W{{0,8}}(?:{'|'.join((*TYPES, *GONE))})[\"']?\s*:", re.MULTILINE)
_KEYED = "fides_key"

_NONE: Mapping[str, str | None] = {}

Words = dict[tuple[str, str], Any]


def load(
    paths: Sequence[Path], *, root: Path, instead: Mapping[str, str | None] = _NONE
) -> tuple[Manifest, tuple[Finding, ...]]:
    """Return the manifest in the files and folders `paths`, and what is wrong with it.

    `root`: what file names in findings start from. A file below a folder that is no manifest is passed over; one that
    is named is told of. Two files of one resource: the first stands, by path. `instead`: name of a file → the text that
    is read in place of what it says, also of one that is not there; None: the file is left out.
    """
    found, findings = sources(paths, root=root)
    loading = _Loading()
    loading.findings += findings
    # Reading only ever adds, so that the collector would go over all of it again and again, and find nothing.
    collecting = gc.isenabled()
    gc.disable()
    try:
        for source in found:
            loading.file(source, instead)
        here = {source.name for source in found}
        for name, text in instead.items():
            if text is not None and name not in here:
                loading.take(text, Source(Path(name), name, named=False))
    finally:
        if collecting:
            gc.enable()
    return loading.manifest(), in_order(tuple(loading.findings))


def read_text(text: str, name: str = "manifest.yml") -> tuple[Manifest, tuple[Finding, ...]]:
    """Return the manifest in one text, as if it stood in a file of that name, and what is wrong with it."""
    loading = _Loading()
    loading.text(text, Source(Path(name), name, named=True))
    return loading.manifest(), in_order(tuple(loading.findings))


def read_texts(texts: Mapping[str, str]) -> tuple[Manifest, tuple[Finding, ...]]:
    """Return the manifest in some files, name → text, as `load` reads them below a folder, and its faults."""
    loading = _Loading()
    for name, text in sorted(texts.items()):
        loading.take(text, Source(Path(name), name, named=False))
    return loading.manifest(), in_order(tuple(loading.findings))


class _Loading:
    """Gathers resources over files. `words`: (type, key) → what it says. `nodes`: (type, key) → as written."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.texts: list[PolicyText] = []
        self.findings: list[Finding] = []
        self.words: Words = {}
        self.nodes: dict[tuple[ResourceType, str], Node] = {}

    def file(self, source: Source, instead: Mapping[str, str | None]) -> None:
        text = instead[source.name] if source.name in instead else read(source)
        if isinstance(text, Finding):
            self.findings.append(text)
        elif text is not None:
            self.take(text, source)

    def take(self, text: str, source: Source) -> None:
        """Read one file, unless it is of something else."""
        if source.is_policy:
            self.files.append(source.name)
            self.texts.append(PolicyText(source.name, text))
        elif source.named or _TYPE_LINE.search(text) or _KEYED in text:
            self.text(text, source)

    def text(self, text: str, source: Source) -> None:
        """Read the resources of one file."""
        root, faults = parse_yaml(text, source.name, aliases=MOST_ALIASED)
        reader = Reader(text, MAKERS)
        reader.path.append(("file", source.name))
        for fault in faults:
            reader.tell("error", "invalid-yaml", fault.place, fault.message, fault.hint)
        if isinstance(root.value, dict):
            self.types(root, root.value, reader, source)
        elif not faults:
            reader.tell("warning", "no-manifest", root.place, "expected a mapping of resource types; passed over")
        self.findings += reader.findings

    def types(self, root: Node, types: Mapping[str, Node], reader: Reader, source: Source) -> None:
        known = [name for name in types if name in TYPES]
        if known:
            self.files.append(source.name)
        for name, node in types.items():
            if name in TYPES:
                self.entries(name, node, reader)
            elif name in GONE:
                place = reader.at_key(root, name)
                reader.tell("note", "deprecated-key", place, f"`{name}` is of older releases", GONE[name], len(name))
            elif name in LEFT_ALONE:
                self.left_alone(reader, node, name)
            elif known or source.named or _KEYED in reader.text:
                self.unknown_type(root, name, reader, bool(known))
        if not types and source.named:
            reader.tell("warning", "no-manifest", root.place, "expected a mapping of resource types; passed over")

    def unknown_type(self, root: Node, name: str, reader: Reader, beside: bool) -> None:
        shown = quotable(name)
        severity: Severity = "error" if beside else "warning"
        hint = reader.near(name, TYPES) or (
            "" if beside else f"resource types are {', '.join(f'`{type_}`' for type_ in TYPES)}"
        )
        place = reader.at_key(root, name)
        reader.tell(severity, "unknown-resource", place, f"`{shown}` is no resource type", hint, len(name))

    def left_alone(self, reader: Reader, node: Node, name: str) -> None:
        message = f"`{name}` of another program: left alone"
        reader.tell("note", "left-alone", node.place, message)

    def entries(self, type_: str, node: Node, reader: Reader) -> None:
        """Read the resources of one type."""
        if node.value is None:
            return
        if not isinstance(node.value, list):
            hint = "put `- ` before it" if isinstance(node.value, dict) else ""
            reader.tell("error", "wrong-type", node, f"expected a list of `{type_}` resources", hint)
            return
        file = reader.path.pop()
        for item in node.value:
            if _is_other_policy(type_, item):
                reader.path.append(file)
                self.left_alone(reader, item, type_)
                reader.path.pop()
                continue
            reader.path.append((type_, name_of(item, _KEYED)))
            self.resource(type_, item, reader)
            reader.path.pop()
        reader.path.append(file)

    def resource(self, type_: str, node: Node, reader: Reader) -> None:
        values = reader.take(node, type_)
        if values is None or _KEYED not in values:
            return
        key, kind = values[_KEYED], _kind(type_)
        first = self.nodes.get((kind, key))
        if first is not None:
            reader.findings.append(_twice(reader, kind, key, node, first))
            return
        maker = MAKERS.get(type_)
        self.words[type_, key] = maker(reader, node, values) if maker else values
        self.nodes[kind, key] = node

    def of(self, *types: str) -> tuple[Any, ...]:
        return tuple(word for (type_, _), word in self.words.items() if type_ in types)

    def manifest(self) -> Manifest:
        return Manifest(
            files=tuple(self.files),
            organizations=self.of("organization"),
            policies=self.of("policy"),
            systems=self.of("system"),
            datasets=self.of("dataset"),
            labels=self.of("data_category", "data_use", "data_subject"),
            evaluations=self.of("evaluation"),
            texts=tuple(self.texts),
            nodes=self.nodes,
        )


def _kind(type_: str) -> ResourceType:
    kinds: tuple[ResourceType, ...] = (
        "data_category",
        "data_subject",
        "data_use",
        "dataset",
        "organization",
        "policy",
        "system",
        "evaluation",
    )
    return next(kind for kind in kinds if kind == type_)


def _is_other_policy(type_: str, node: Node) -> bool:
    """Return whether a policy is one of the rules on purposes that share the word: they have a `key` of their own."""
    return type_ == "policy" and isinstance(node.value, dict) and "key" in node.value and _KEYED not in node.value


def _twice(reader: Reader, kind: ResourceType, key: str, node: Node, first: Node) -> Finding:
    written = node.value[_KEYED] if isinstance(node.value, dict) else node
    before = first.value[_KEYED] if isinstance(first.value, dict) else first
    return Finding(
        rule="duplicate-resource",
        severity="error",
        subject=f"{kind} {key}",
        message=f"{kind} `{key}` stands twice",
        at=written.place,
        length=len(key),
        hint="give one of them another `fides_key`, or make them one",
        because=before.place,
    )
