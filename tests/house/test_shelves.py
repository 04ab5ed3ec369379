"""Adding a part is one file: each file of a shelf holds PART, named as the file."""

from __future__ import annotations

import importlib

import pytest
from tree import SHELVES, Shelf

FILES = [(shelf, path.stem) for shelf in SHELVES for path in sorted(shelf.folder.glob("[!_]*.py"))]


@pytest.mark.parametrize(("shelf", "stem"), FILES, ids=[f"{shelf.package}.{stem}" for shelf, stem in FILES])
def test_every_file_of_a_shelf_is_the_part_of_its_name(shelf: Shelf, stem: str) -> None:
    part = importlib.import_module(f"{shelf.package}.{stem}").PART
    assert part.name == (stem.replace("_", ".", 1) if shelf.dotted else stem)


def test_the_shelves_are_found() -> None:
    assert {"privet.vocabulary.types", "privet.store.engines"} <= {shelf.package for shelf in SHELVES}
