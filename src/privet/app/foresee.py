"""Files of programs for those who read them, and what migrations foresee, set beside what is declared."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from privet.codec import Place
from privet.errors import InvalidInput
from privet.manifest.files import Source, below, read, shown, unopened
from privet.manifest.finding import Finding, in_order
from privet.manifest.migrations import Foreseen, observe
from privet.manifest.resources import Manifest
from privet.manifest.source.code import Code
from privet.manifest.source.ledger import RULE
from privet.scanners.base import Observed
from privet.scanners.classify import proposals
from privet.vocabulary.dataset import Dataset

RULES = {RULE: "What a migration does cannot be told without running it."}
"""Rules of its own, beside those of a comparison."""

_SUBJECT = re.compile(r"dataset [^,]*, (?:collection|field) (.*)")


def codes(folder: Path, suffixes: tuple[str, ...], *, root: Path) -> tuple[list[Code], list[Finding]]:
    """Return the files at or below a path whose names end so, by name, and what cannot be read. Hidden folders and
    those of tools are left out."""
    closed: list[str] = []
    paths = list(below(folder, suffixes, closed)) if folder.is_dir() else [folder]
    found, findings = [], [unopened(each, root) for each in closed]
    for path in paths:
        inside = path.relative_to(folder).parts[:-1]
        if path.name.endswith(suffixes) and not any(name.startswith(".") for name in inside):
            text = read(Source(path, shown(path, root), named=False))
            if isinstance(text, Finding):
                findings.append(text)
            else:
                found.append(Code(shown(path, root), text))
    return found, findings


def foresee(folder: Path, manifest: Manifest, named: Sequence[str], *, root: Path) -> Foreseen:
    """Return what the migrations below a folder make. `named`: keys of declared datasets, of which it is the first;
    () where there is only one. Raises InvalidInput."""
    keys = [name.rpartition("=")[2] for name in named] or [dataset.key for dataset in manifest.datasets]
    if len(keys) != 1:
        raise InvalidInput(
            f"expected one dataset that the migrations are of, found {len(keys)}", hint="name it: --dataset KEY"
        )
    if named and manifest.dataset(keys[0]) is None:
        raise InvalidInput(f"expected a declared dataset, found none of key `{keys[0]}`", at="--dataset")
    files, faults = codes(folder, (".py", ".sql"), root=root)
    # Names of files may begin below the folder that names an app of Django.
    above = "" if os.path.isabs(files[0].file if files else "") else Path(os.path.abspath(root)).as_posix()
    foreseen = observe(files, keys[0], above=above)
    return replace(foreseen, findings=(*faults, *foreseen.findings), partial=foreseen.partial or bool(faults))


def proposed(dataset: Dataset) -> Iterator[Observed]:
    """Yield tables with the categories that their names speak for."""
    for collection in dataset.collections:
        yield Observed(dataset=dataset.key, collection=collection, proposals=proposals(collection, {}))


def moved(findings: Sequence[Finding], foreseen: Foreseen) -> tuple[Finding, ...]:
    """Return findings of a comparison at the lines of the migrations that they come from, and what could not be read.

    What is declared elsewhere becomes the place that a finding is because of. Categories are left alone: a name is no
    reason to doubt, with every pull request, what is declared.
    """
    placed = []
    for finding in findings:
        if finding.rule == "changed-category":
            continue
        at = _place(finding, foreseen)
        placed.append(finding if at is None else replace(finding, at=at, length=0, because=finding.at))
    return in_order((*placed, *foreseen.findings))


def _place(finding: Finding, foreseen: Foreseen) -> Place | None:
    about = _SUBJECT.fullmatch(finding.subject)
    return foreseen.places.get(about[1]) if about else None
