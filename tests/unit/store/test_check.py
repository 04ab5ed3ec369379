"""What is checked of a step before an engine acts on it, however many rows it has."""

from __future__ import annotations

import pytest

from privet.errors import InvalidInput
from privet.store.check import BY_ROW, check_unit, table_of
from privet.store.port import Column, Insert, Row, Shape, Unit

SHAPE = Shape(
    name="people", columns=(Column("id", "blob", False), Column("tag", "blob"), Column("age", "int")), key=("id",)
)
GOOD: Row = (b"k", b"t", 7)


def check(rows: list[Row]) -> int:
    tables = {"people": table_of(SHAPE)}
    columns = ("id", "tag", "age")
    check_unit(Unit((Insert("people", columns, [GOOD] * len(rows)),)), tables)  # so that good types are known
    return check_unit(Unit((Insert("people", columns, rows),)), tables)


@pytest.mark.parametrize("size", [1, BY_ROW - 1, BY_ROW, 3 * BY_ROW])
@pytest.mark.parametrize(
    "bad",
    [(None, b"t", 7), (b"k", "t", 7), (b"k", b"t", "7"), (b"k", b"t", 2**63), (b"k", b"t"), (b"k", b"t", 7, 7)],
    ids=["null", "text for blob", "text for int", "too great", "short", "long"],
)
def test_one_bad_row_is_found_among_good_ones(size: int, bad: Row) -> None:
    with pytest.raises(InvalidInput):
        check([*[GOOD] * (size - 1), bad])


@pytest.mark.parametrize("size", [1, BY_ROW, 3 * BY_ROW])
def test_good_rows_are_counted(size: int) -> None:
    assert check([(b"k", None, None)] * size) == size
