"""Pydantic's models: `Annotated[str, Privacy(…)]`, or `Field(json_schema_extra={"privacy": …})`. A model within another
is an object's fields."""

from __future__ import annotations

from collections.abc import Sequence

from privet.manifest.finding import Finding
from privet.manifest.readers import Reader
from privet.manifest.readers._classes import read as read_classes
from privet.manifest.readers._records import Records, under
from privet.manifest.source.code import Code
from privet.vocabulary.dataset import Dataset

_ROOTS = ("BaseModel", "BaseSettings", "RootModel", "GenericModel")


def read(codes: Sequence[Code], key: str) -> tuple[Dataset, tuple[Finding, ...]]:
    """Return the models, each a collection of its class's name."""
    classes = read_classes(codes, *_ROOTS)
    records = Records(classes, under("json_schema_extra"))
    dataset = records.dataset(key, [one for one in classes.found if classes.inherits(one, _ROOTS)])
    return dataset, (*classes.findings, *records.findings)


PART = Reader(name="pydantic", about="Models of Pydantic", suffixes=(".py",), read=read)
