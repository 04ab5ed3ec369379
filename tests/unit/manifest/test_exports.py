"""Forms of the data map, read again by other programs; what a name says never becomes more than a name."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import openpyxl
import pytest
from a_bakery import MANIFEST, bakery
from a_trap import FORMULAS, MARKUP, columns, line, trap
from hypothesis import given
from hypothesis import strategies as st

from privet.app.cli.map import FORMATS
from privet.drawing import NODE_HEIGHT, NODE_WIDTH, ROWS
from privet.manifest.atlas.cells import TITLES
from privet.manifest.atlas.graph import KINDS
from privet.manifest.atlas.layout import layout
from privet.manifest.atlas.lineage import read_events
from privet.manifest.atlas.whole import Atlas, atlas
from privet.manifest.exports import EXPORTS
from privet.manifest.exports._cells import inert
from privet.manifest.exports.mermaid import quoted
from privet.manifest.exports.openlineage import FACET
from privet.manifest.resources import Manifest

VOID = {"meta", "input", "br", "img", "link", "hr"}


class Page(HTMLParser):
    """What stands in a page: tags with attributes, texts outside style and script, and whether tags are balanced."""

    def __init__(self, data: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.data = ""
        self._open: list[str] = []
        self.feed(data.decode())
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script" and self.tags[-1][1].get("id") == "data":
            self.data = data
        elif self._open and self._open[-1] not in ("script", "style"):
            self.texts.append(data)


def written(name: str, atlas: Atlas) -> bytes:
    return EXPORTS.get(name).write(atlas)


def read_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def book(data: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(data))


# --- all ----------------------------------------------------------------------------------------------------------


def test_the_command_knows_every_form() -> None:
    assert sorted(FORMATS) == list(EXPORTS.names())


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_map_gives_the_same_bytes(name: str) -> None:
    assert written(name, bakery()) == written(name, bakery())


@pytest.mark.parametrize("name", FORMATS)
def test_a_map_of_nothing_is_written(name: str) -> None:
    found = written(name, atlas(Manifest(), made="2026-01-02T03:04:05+00:00"))
    assert found or name == "openlineage"  # an event a collection: none is no line


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("xlsx",)])
def test_control_characters_of_names_do_not_reach_a_file(name: str) -> None:
    text = written(name, trap()).decode()
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text)


# --- csv, xlsx ------------------------------------------------------------------------------------------------------


def test_csv_reads_again_as_the_rows() -> None:
    first, *lines = read_csv(written("csv", bakery()))
    assert tuple(first) == TITLES
    assert [tuple(line) for line in lines] == [row.cells for row in bakery().rows]


@pytest.mark.parametrize("name", ["csv", "ropa_csv"])
def test_no_cell_of_a_csv_is_a_formula(name: str) -> None:
    cells = [cell for line in read_csv(written(name, trap())) for cell in line]
    assert any("=1+1" in cell for cell in cells)
    assert [cell for cell in cells if cell.lstrip(" ")[:1] in set("=+-@\t\r") - {""} and cell] == []


@given(st.text(max_size=20))
def test_an_inert_cell_begins_with_nothing_that_a_spreadsheet_reads(cell: str) -> None:
    made = inert(cell)
    assert made in (cell, f"'{cell}")
    if made[:1] in ("=", "@", "\t", "\r"):
        raise AssertionError("expected an apostrophe")
    assert made[:1] not in ("+", "-") or float(made) is not None


def test_xlsx_reads_again_as_rows_systems_and_fields() -> None:
    sheets = book(written("xlsx", bakery()))
    assert sheets.sheetnames == ["Data map", "Systems", "Fields"]
    first, *lines = sheets["Data map"].iter_rows(values_only=True)
    assert first == TITLES
    assert [tuple(cell or "" for cell in line) for line in lines] == [row.cells for row in bakery().rows]
    assert [line[0] for line in sheets["Systems"].iter_rows(min_row=2, values_only=True)] == ["mailer", "oven", "shop"]
    fields = {line[2]: line for line in sheets["Fields"].iter_rows(min_row=2, values_only=True)}
    assert fields["address.street"][4] == "Street (user.contact.address.street)"
    assert fields["email"][3] == "VARCHAR(80)"
    assert fields["user_id"][8] == "crm_db.users.id"


def test_xlsx_has_a_frozen_head_filters_and_widths() -> None:
    for sheet in book(written("xlsx", bakery())):
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref.startswith("A1:")
        assert all(sheet.column_dimensions[letter].width >= 12 for letter in "ABC")


def test_no_cell_of_an_xlsx_is_a_formula_or_a_link() -> None:
    seen = set()
    for sheet in book(written("xlsx", trap())):
        for cells in sheet.iter_rows():
            for cell in cells:
                assert cell.data_type in ("s", "n", "inlineStr") and cell.hyperlink is None
                assert cell.data_type != "n" or cell.value is None
                seen.add(str(cell.value))
    assert {"=1+1", "@SUM(A1)"} <= seen


def test_a_text_longer_than_a_cell_of_excel_is_cut() -> None:
    long = replace(MANIFEST.systems[0], description="x" * 40_000)
    found = book(written("xlsx", atlas(replace(MANIFEST, systems=(long,)), made=bakery().made)))
    assert found["Systems"]["F2"].value == "x" * 32_766 + "…"


# --- html, ropa -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["html", "ropa"])
def test_names_are_inert_in_a_page(name: str) -> None:
    page = Page(written(name, trap()))
    scripts = [attrs for tag, attrs in page.tags if tag == "script"]
    assert scripts == ([] if name == "ropa" else [{"type": "application/json", "id": "data"}, {}])
    assert not [tag for tag, _ in page.tags if tag in ("img", "iframe", "link", "base", "object", "embed")]
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert MARKUP[0] in "".join(page.texts)


@pytest.mark.parametrize("name", ["html", "ropa"])
def test_a_page_needs_nothing_from_elsewhere(name: str) -> None:
    data = written(name, bakery())
    page = Page(data)
    assert not [attrs for _, attrs in page.tags if {"src", "srcset", "action", "data", "style"} & attrs.keys()]
    assert [attrs["href"] for _, attrs in page.tags if "href" in attrs] in ([], ["#table-title"])
    assert b"@import" not in data and b"url(" not in data.replace(b"url(#tip)", b"")
    (policy,) = [attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv")]
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy and "http" not in policy


def test_the_data_of_the_page_is_json_with_every_row() -> None:
    data = json.loads(Page(written("html", trap())).data)
    assert [tuple(row["c"]) for row in data["rows"]] == [row.cells for row in trap().rows]


def test_the_graph_and_the_table_are_there_without_scripts() -> None:
    page = Page(written("html", bakery()))
    nodes = [attrs["aria-label"] for _, attrs in page.tags if "data-n" in attrs]
    assert "System: Web shop (shop)" in nodes
    assert "System: bank, not declared" in nodes
    assert sum(tag == "tr" for tag, _ in page.tags) == 1 + len(bakery().rows)


def test_lineage_of_columns_is_a_table_of_the_page() -> None:
    lineage, _ = read_events([line(columns("shop.users", "orders"))], MANIFEST.datasets)
    texts = Page(written("html", bakery(lineage))).texts
    assert {"crm_db.users.email", "orders_db.orders.mail"} <= {*texts}


def test_the_record_marks_what_is_not_declared() -> None:
    page = Page(written("ropa", bakery()))
    assert "yes; which countries is not declared" in page.texts
    holes = [attrs for tag, attrs in page.tags if tag == "td" and attrs.get("class") == "hole"]
    assert len(holes) == 6
    assert "Crumb & Crust Ltd, 1 Oven Lane, Exampleton, hello@example.com, +1 202 555 0101" in page.texts


def test_both_forms_of_the_record_say_the_same() -> None:
    texts = {*Page(written("ropa", bakery())).texts}
    first, *lines = read_csv(written("ropa_csv", bakery()))
    skipped = {"Article", "Not declared"}
    cells = {cell for line in lines for title, cell in zip(first, line, strict=True) if title not in skipped and cell}
    assert cells <= texts


# --- json, mermaid --------------------------------------------------------------------------------------------------


def test_json_has_the_shape_that_its_docstring_promises() -> None:
    document = json.loads(written("json", bakery()))
    assert list(document) == [
        "version", "made", "organizations", "columns", "rows", "labels", "systems", "datasets", "graph", "lineage",
    ]  # fmt: skip
    assert document["version"] == 1
    row = document["rows"][2]
    assert (row["system"], row["declaration"], row["dataset"]) == ("shop", "Sell bread", "crm_db")
    assert (row["use"], row["categories"], row["subjects"]) == (
        "essential.service",
        ["user.contact", "user.financial"],
        ["customer"],
    )
    ids = {node["id"] for node in document["graph"]["nodes"]}
    assert {*row["nodes"]} <= ids
    assert all({arc["source"], arc["target"]} <= ids for arc in document["graph"]["arcs"])
    assert document["labels"]["user.loyalty"] == "Loyalty"
    names = [
        field["name"] for data in document["datasets"] for table in data["collections"] for field in table["fields"]
    ]
    assert "address.city" in names


def test_a_mermaid_label_is_only_plain_signs() -> None:
    for text in (*FORMULAS, *MARKUP):
        assert re.fullmatch(r"(?:[\w .,:/-]|#\d+;)+", quoted(text))


def test_every_line_of_a_flowchart_is_a_node_an_arrow_or_a_style() -> None:
    first, *lines = written("mermaid", trap()).decode().splitlines()
    label = r'"(?:[\w .,:/-]|#\d+;)+"'
    node = rf"n\d+(?:\(\[{label}\]\)|\[{label}\]|\[\({label}\)\]|{{{{{label}}}}})"
    arrow = rf"n\d+ (?:-->|---|==>|-\.->)(?:\|{label}\|)? n\d+"
    style = r"classDef \w+ [\w:#,\- ]+|class [n\d,]+ \w+"
    assert first == "flowchart LR"
    assert [each for each in lines if not re.fullmatch(rf"  (?:{node}|{arrow}|{style})", each)] == []


# --- layout ---------------------------------------------------------------------------------------------------------


def test_no_two_nodes_overlap_and_bands_stand_from_left_to_right() -> None:
    graph = trap().graph
    plan = layout(graph)
    assert len({*plan.places.values()}) == len(graph.nodes)
    lefts = [x for x, _ in plan.heads]
    assert [kind for _, kind in plan.heads] == [kind for kind in KINDS if any(n.kind == kind for n in graph.nodes)]
    assert lefts == sorted(lefts)
    for x, y in plan.places.values():
        assert x + NODE_WIDTH <= plan.width and y + NODE_HEIGHT <= plan.height
    taken: dict[int, list[int]] = {}
    for x, y in plan.places.values():
        taken.setdefault(x, []).append(y)
    assert max(map(len, taken.values())) <= ROWS


# --- catalogues -----------------------------------------------------------------------------------------------------


def test_openlineage_says_schema_tags_and_categories_by_field() -> None:
    events = [json.loads(each) for each in written("openlineage", bakery()).decode().splitlines()]
    users = next(event["dataset"] for event in events if event["dataset"]["name"] == "crm_db.users")
    facets = users["facets"]
    assert all(facet["_producer"] and facet["_schemaURL"] for facet in facets.values())
    assert facets[FACET]["fields"]["address.city"] == ["user.contact.address.city"]
    assert {"key": "data_category", "value": "user.contact.email", "source": "PRIVET", "field": "email"} in facets[
        "tags"
    ]["tags"]
    nested = next(field for field in facets["schema"]["fields"] if field["name"] == "address")
    assert [field["name"] for field in nested["fields"]] == ["street", "city"]
    assert all({"eventTime", "producer", "schemaURL", "dataset"} == event.keys() for event in events)


def test_datahub_gives_each_field_its_terms_and_defines_them() -> None:
    records = json.loads(written("datahub", bakery()))
    assert {record["changeType"] for record in records} == {"UPSERT"}
    terms = {record["entityUrn"] for record in records if record["entityType"] == "glossaryTerm"}
    schemas = [record["aspect"]["json"] for record in records if record["aspectName"] == "schemaMetadata"]
    fields = {field["fieldPath"]: field for schema in schemas for field in schema["fields"]}
    assert fields["email"]["glossaryTerms"]["terms"] == [{"urn": "urn:li:glossaryTerm:user.contact.email"}]
    used = {term["urn"] for field in fields.values() for term in field.get("glossaryTerms", {}).get("terms", ())}
    assert used <= terms
    assert fields["id"]["isPartOfKey"]


def test_a_urn_of_datahub_holds_none_of_its_own_signs() -> None:
    for record in json.loads(written("datahub", trap())):
        found = re.fullmatch(
            r"urn:li:\w+:(?:\(urn:li:dataPlatform:privet,([^(),:]*),PROD\)|([^(),:]+))", record["entityUrn"]
        )
        assert found, record["aspectName"]


def test_openmetadata_tags_columns_with_tags_that_it_makes() -> None:
    document = json.loads(written("openmetadata", bakery()))
    tags = {f'{tag["classification"]}."{tag["name"]}"' for tag in document["tags"]}
    users = next(table for table in document["tables"] if table["name"] == "users")
    labels = {column["name"]: [tag["tagFQN"] for tag in column["tags"]] for column in users["columns"]}
    assert labels["email"] == ['DataCategory."user.contact.email"']
    assert {*labels["email"], *labels["tags"]} <= tags
    assert users["databaseSchema"] == "privet.crm_db.default"
    assert users["tableConstraints"] == [{"constraintType": "PRIMARY_KEY", "columns": ["id"]}]
    (loyalty,) = [column for column in users["columns"] if column["name"] == "tags"]
    assert (loyalty["dataType"], loyalty["arrayDataType"]) == ("ARRAY", "STRING")
