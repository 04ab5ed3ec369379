"""The page on annotations in code, run as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from following import follow

from privet.codec import read_yaml


@pytest.mark.slow
def test_the_page_on_annotations_writes_a_manifest(tmp_path: Path) -> None:
    follow("docs/howto/annotate.md", tmp_path)
    (dataset,) = read_yaml((tmp_path / "crm.yml").read_text(), "crm.yml").plain()["dataset"]
    (customer,) = dataset["collections"]
    assert [(one["name"], one.get("data_categories")) for one in customer["fields"]] == [
        ("email", ["user.contact.email"]),
        ("name", ["user.name"]),
        ("orders", None),
    ]
