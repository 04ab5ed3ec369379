"""The editor's schema: a valid schema, which takes what the loader takes and marks what it marks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from privet.codec import read_yaml
from privet.manifest.schema import json_schema

VALIDATOR = Draft202012Validator(json_schema())
TEMPLATES = sorted((Path(__file__).parents[3] / "src/privet/vault/templates").glob("*[!s].yml"))
GOLDEN = sorted((Path(__file__).parents[2] / "golden/manifest/whole").glob("*.yml"))


def errors(text: str) -> list[str]:
    plain: Any = read_yaml(text, aliases=1000).plain()
    return ["/".join(map(str, error.absolute_path)) for error in VALIDATOR.iter_errors(plain)]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", [path for path in TEMPLATES if ".tests" not in path.name], ids=lambda path: path.stem)
def test_a_vaults_schema_file_fits(path: Path) -> None:
    assert errors(path.read_text()) == []


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_manifest_with_every_resource_fits(path: Path) -> None:
    assert errors(path.read_text()) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("datasets: []", ""),
        ("dataset: [{fides_key: a}]", "dataset/0"),
        ("dataset: [{fides_key: a b, collections: []}]", "dataset/0/fides_key"),
        ("dataset: [{fides_key: a, collections: [{name: b, fields: [{nam: c}]}]}]", "dataset/0/collections/0/fields/0"),
        ("system: [{fides_key: a, system_type: S, privacy_declarations: x}]", "system/0/privacy_declarations"),
        (
            "policy: [{fides_key: a, rules: [{name: r, data_categories: {matches: SOME, values: []}}]}]",
            "policy/0/rules/0/data_categories/matches",
        ),
    ],
)
def test_what_the_loader_tells_of_is_marked(text: str, place: str) -> None:
    assert place in errors(text)
