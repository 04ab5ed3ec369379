"""A connector's file, read: what is wrong is told at once, each with its place."""

from __future__ import annotations

import pytest
from a_rest import FILE, setup

from privet.connectors.base import Setup
from privet.connectors.rest.config import load
from privet.connectors.rest.merge import dataset_of
from privet.connectors.rest.shelf import named, names, shelf
from privet.connectors.rest.words import Config
from privet.connectors.systems import SYSTEMS
from privet.connectors.systems.saas import profile_of
from privet.errors import InvalidInput, UnknownName
from privet.secret import Secret
from privet.vocabulary.dataset import Link, Masking, every_field

TOP = """
saas_config:
  fides_key: desk
  name: Desk
  type: Desk
  description: A desk
  version: 0.0.1
  connector_params: [{name: domain}, {name: api_key, sensitive: true}, {name: top, default_value: 10}]
  external_references: [{name: customer_ref, label: Customer}]
  client_config:
    protocol: https
    host: <domain>
    authentication: {strategy: bearer, configuration: {token: <api_key>}}
  test_request: {method: GET, path: /ping}
  endpoints:
"""


def whole(endpoint: str) -> str:
    return TOP + "\n".join(f"    {line}" for line in endpoint.strip("\n").split("\n"))


def read(request: str) -> str:
    inner = "\n".join(f"      {line}" for line in request.strip("\n").split("\n"))
    return whole(f"- name: notes\n  requests:\n    read:\n{inner}")


def faults(text: str) -> list[str]:
    """Return `line: message hint` of every fault."""
    with pytest.raises(InvalidInput) as told:
        load(text, "desk.yml")
    assert all(fault.at.startswith("desk.yml:") for fault in told.value.faults)
    return [f"{fault.at.split(':')[1]}: {fault.message} {fault.hint}" for fault in told.value.faults]


def test_a_file_is_read_whole() -> None:
    config = load(FILE, key="shop")
    assert (config.fides_key, config.type, len(config.endpoints)) == ("shop", "desk", 3)
    assert config.dataset is not None and config.dataset.key == "shop"
    people = config.endpoint("people")
    assert people is not None and len(people.reads) == 3 and people.updates[0].method == "PATCH"
    assert people.reads[0].params[0].identity == "email"
    assert isinstance(people.deletes[0].params[0].references[0], Link)


def test_every_fault_is_told_with_its_place_and_the_nearest_name() -> None:
    text = read(
        """
        methd: GET
        path: /notes/<emial>
        postprocessors: [{strategy: filtr, configuration: {field: a, value: b}}]
        pagination: {strategy: ofset, configuration: {incremental_param: page, increment_by: 1}}
        param_values:
          - {name: email, identity: email}
          - {name: key, connector_param: api_kee}
        """
    )
    found = "\n".join(faults(text))
    for part in (
        "unknown key `methd` did you mean `method`?",
        "expected the key `method`",
        "`<emial>` in `path` is none of `param_values` did you mean `email`?",
        "did you mean `filter`?",
        "did you mean `offset`?",
        "`api_kee` is none of `connector_params` did you mean `api_key`?",
    ):
        assert part in found, part


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        ("request_override: my_code", "`request_override` names code of Fides"),
        ("{method: GET, path: /a, async_config: {strategy: callback}}", "`async_config`"),
        ("{method: BREW, path: /a}", "expected one of `GET`"),
        ("{method: GET, path: 'https://example.com/'}", "begins with one `/`"),
        ("{method: GET, path: //example.com/}", "begins with one `/`"),
        ("{method: GET, path: /a/../b}", "without `.` and `..`"),
        ("{method: GET, path: '/a b'}", "printable ASCII"),
        ("{method: GET, path: /a, headers: [{name: Host, value: x}]}", "name of a header"),
        ("{method: GET, path: /a, headers: [{name: 'X Y', value: x}]}", "name of a header"),
        ("{method: POST, path: /a, body: '{\"a\": '}", "expected JSON with placeholders"),
        ("{method: GET, path: /a, param_values: [{name: a}]}", "expected one of `identity`"),
        ("{method: GET, path: /a, param_values: [{name: a, identity: x}, {name: a, identity: x}]}", "stands twice"),
        ("{method: GET, path: /a, param_values: [{name: a, references: [nobody]}]}", "external_references"),
        (
            "{method: GET, path: /a, param_values: [{name: a, references: [{dataset: d, field: c.f, direction: to}]}]}",
            "expected the direction `from`",
        ),
        ("{method: GET, path: /a, grouped_inputs: [b]}", "grouped input `b`"),
        ("{method: GET, path: /a, pagination: {strategy: link, configuration: {source: headers}}}", "`rel`"),
        ("{method: GET, path: /a, pagination: {strategy: cursor, configuration: {field: id}}}", "`cursor_param`"),
        (
            "{method: GET, path: /a, pagination: {strategy: offset, configuration: {incremental_param: p, "
            "increment_by: 0}}}",
            "from 1 on",
        ),
        (
            "{method: GET, path: /a, pagination: {strategy: offset, configuration: {incremental_param: p, "
            "increment_by: 1}}}",
            "among `query_params`",
        ),
        ("{method: GET, path: /a, rate_limit_config: {limits: [{rate: 1, period: fortnight}]}}", "`second`"),
    ],
)
def test_a_request_that_cannot_be_is_refused(request_: str, fault: str) -> None:
    assert any(fault in found for found in faults(read(request_))), faults(read(request_))


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("{strategy: bearr, configuration: {token: a}}", "did you mean `bearer`?"),
        ("{strategy: bearer, configuration: {tokn: a}}", "did you mean `token`?"),
        ("{strategy: basic, configuration: {password: a}}", "`username`"),
        ("{strategy: api_key, configuration: {}}", "expected one of `headers`"),
        ("{strategy: oauth2_client_credentials, configuration: {}}", "`token_request`"),
        ("{strategy: bearer, configuration: {token: <apikey>}}", "did you mean `api_key`?"),
    ],
)
def test_an_authentication_that_cannot_be_is_refused(said: str, fault: str) -> None:
    text = read("{method: GET, path: /a}").replace("{strategy: bearer, configuration: {token: <api_key>}}", said)
    assert any(fault in found for found in faults(text)), faults(text)


def test_broken_yaml_and_other_files_are_refused() -> None:
    assert faults("saas_config: [\n")
    assert faults("a: 1\na: 2\n")
    assert faults("dataset: []\n") == ["1: expected the key `saas_config` "]
    assert faults("saas_config: 7\n")


def test_what_is_not_carried_out_is_noted() -> None:
    text = read("{method: GET, path: /a}") + "\n  user_guide: x\n  colour: red\n"
    config = load(text)
    assert len(config.notes) == 1
    assert "colour" in config.notes[0]


def config_of(endpoint: str) -> Config:
    return load(whole(endpoint))


def test_inputs_become_fields_with_what_leads_to_them() -> None:
    dataset = dataset_of(load(FILE, key="shop"))
    people, orders = dataset.collection("people"), dataset.collection("orders")
    assert people is not None and orders is not None
    by_name = {one.name: one.native for one in people.fields}
    assert by_name["email"].identity == "email" and by_name["phone"].identity == "phone_number"
    assert by_name["id"].links == (Link("shop", "orders.person_id", "from"),)
    assert orders.masking == Masking("delete") and people.masking is None
    held = orders.field("person_id")
    assert held is not None and held.native.links == (Link("shop", "people.id", "from"),)


def test_a_dataset_of_another_key_keeps_it() -> None:
    from dataclasses import replace

    config = load(FILE, key="shop")
    assert config.dataset is not None
    dataset = dataset_of(config, replace(config.dataset, key="shop_eu"))
    links = {link.dataset for one in dataset.collections for _, f in every_field(one.fields) for link in f.native.links}
    assert links == {"shop_eu"}


def test_inputs_that_the_dataset_lacks_are_added() -> None:
    config = config_of(
        """
- name: notes
  after: [desk.people]
  requests:
    read:
      method: GET
      path: /people/<person>/notes
      param_values: [{name: person, references: [customer_ref]}]
"""
    )
    with pytest.raises(InvalidInput):
        dataset_of(config)
    notes = dataset_of(config, external={"customer_ref": "crm.people.id"}).collection("notes")
    assert notes is not None and notes.after == ("desk.people",)
    (field,) = notes.fields
    assert (field.name, field.native.links) == ("person", (Link("crm", "people.id", "from"),))
    assert field.native.read_only, "nothing of it can be changed"


def test_what_changes_are_filled_by_is_part_of_the_key_unless_it_is_of_people() -> None:
    text = """
- name: members
  requests:
    read:
      method: GET
      path: /members
      query_params: [{name: q, value: <email>}]
      param_values: [{name: email, identity: email}]
    delete:
      method: DELETE
      path: /lists/<list>/members/<mail>/<id>
      param_values:
        - {name: list, references: [{dataset: desk, field: members.list.id, direction: from}]}
        - {name: mail, references: [{dataset: desk, field: members.mail, direction: from}]}
        - {name: id, references: [{dataset: desk, field: members.id, direction: from}]}
"""
    data = """
dataset:
  - fides_key: desk
    collections:
      - name: members
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - {name: mail, data_categories: [user.contact.email]}
          - {name: list, fides_meta: {data_type: object}, fields: [{name: id, data_categories: [system.operations]}]}
"""
    members = dataset_of(load(whole(text) + data)).collection("members")
    assert members is not None
    assert [path for path, one in every_field(members.fields) if one.native.primary_key] == ["id", "list.id"]


def test_an_endpoint_without_a_read_is_known_by_what_it_is_asked_by() -> None:
    config = config_of(
        """
- name: forget
  requests:
    delete: {method: DELETE, path: "/forget/<email>", param_values: [{name: email, identity: email}]}
"""
    )
    forget = dataset_of(config).collection("forget")
    assert forget is not None and forget.fields[0].native.primary_key and forget.masking == Masking("delete")
    assert not profile_of(config).reads_back


# --- settings --------------------------------------------------------------------------------------------------------


def test_settings_are_held_against_the_file() -> None:
    bad = Setup(
        name="desk",
        kind="saas",
        settings={"config": read("{method: GET, path: /a}"), "api_key": "shown", "domian": "x", "response_bytes": 1},
        secrets={"nobody": Secret("s")},
    )
    with pytest.raises(InvalidInput) as told:
        SYSTEMS.get("saas").open(bad)
    found = [f"{fault.message} {fault.hint}" for fault in told.value.faults]
    assert any("unknown setting `domian` did you mean `domain`?" in one for one in found)
    assert any("`api_key` is a secret" in one for one in found)
    assert any("expected the setting `domain`" in one for one in found)
    assert any("unknown setting `nobody`" in one for one in found)
    assert any("response_bytes" in one for one in found)
    assert "shown" not in "".join(found)


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1:80", "127.0.0.1@example.com", "localhost.example.com"])
def test_only_a_fake_on_this_machine_stands_in_for_a_system(host: str) -> None:
    with pytest.raises(InvalidInput):
        SYSTEMS.get("saas").open(setup(host))


@pytest.mark.parametrize(
    "domain",
    [
        "https://example.com",
        "a.example.com/x",
        "a b",
        "user@example.com",
        "",
        "a\nb",
        "é",
        "a.example.com:99999",
        "a.example.com:0",
    ],
)
def test_a_host_is_a_host(domain: str) -> None:
    said = Setup(
        name="desk",
        kind="saas",
        settings={"config": read("{method: GET, path: /a}"), "domain": domain},
        secrets={"api_key": Secret("s")},
    )
    with pytest.raises(InvalidInput):
        SYSTEMS.get("saas").open(said)


def test_a_file_may_be_ours_a_path_or_the_text(tmp_path: object) -> None:
    assert "stripe" in names()
    assert shelf("stripe", key="pay").fides_key == "pay"
    with pytest.raises(UnknownName) as told:
        shelf("strip")
    assert "`stripe`" in told.value.hint
    for said in ("/nosuch/file.yml", "nosuch.yaml"):
        with pytest.raises(InvalidInput):
            named(said)
    assert named(FILE, key="a").fides_key == "a"


def test_deep_and_long_files_are_refused() -> None:
    for text in ("saas_config: " + "[" * 5000, "saas_config:\n" + "  a: 1\n" * 400_000):
        with pytest.raises(InvalidInput):
            load(text)


def test_settings_within_settings_of_a_mask_are_dotted_names() -> None:
    """Slack's file says a suffix as Fides writes it, within `format_preservation`."""
    dataset = shelf("slack").dataset
    assert dataset is not None
    masks = [field.native.masking for one in dataset.collections for _, field in every_field(one.fields)]
    wanted = Masking("random_string_rewrite", (("length", 20), ("format_preservation.suffix", "@example.invalid")))
    assert wanted in masks
