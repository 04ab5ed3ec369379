"""Dataclasses: `Annotated[str, Privacy(…)]`, or `field(metadata={"privacy": …})`. One within another is an object's
fields."""

from __future__ import annotations

from collections.abc import Sequence

from privet.manifest.finding import Finding
from privet.manifest.readers import Reader
from privet.manifest.readers._classes import Class
from privet.manifest.readers._classes import read as read_classes
from privet.manifest.readers._records import Records, under
from privet.manifest.source.code import Code, last
from privet.vocabulary.dataset import Dataset


def read(codes: Sequence[Code], key: str) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return the dataclasses, each a collection of its name."""
    classes = read_classes(codes, "dataclass")
    records = Records(classes, under("metadata"))
    dataset = records.dataset(key, [one for one in classes.found if _is_dataclass(one)])
    return dataset, (*classes.findings, *records.findings)


def _is_dataclass(one: Class) -> bool:
    return any(last(each) == "dataclass" for each in one.node.decorator_list)


PART = Reader(name="dataclass", about="Dataclasses", suffixes=(".py",), read=read)
