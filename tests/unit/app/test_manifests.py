"""Manifests in a home: pushed, pulled, compared, checked beside the vaults, shown as a map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shell import SCHEMA, Shell
from staff import Staff

from privet.app.declared import MOST_FILES, demand_path
from privet.app.services import manifests, policies, vaults
from privet.errors import Conflict, Damaged, Denied, InvalidInput, NotFound, TooLarge
from privet.store.port import Put, Unit

SYSTEM = """system:
  - fides_key: letters
    system_type: Service
    privacy_declarations:
      - name: Send letters
        data_categories: [{label}]
        data_use: marketing.communications.email
        data_subjects: [customer]
"""
PROMISE = "deny use of user.financial for marketing\n"
FIRST = {"letters.yml": SYSTEM.format(label="user.contact.email"), "a/promises.policy": PROMISE}
SECOND = {**FIRST, "letters.yml": SYSTEM.format(label="user.financial")}


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = Staff(tmp_path / "home")
    made.run("vaults.create", vaults.CreateAsk(name="shop", schema=SCHEMA))
    yield made
    made.close()


def push(staff: Staff, files: dict[str, str], **more: Any) -> manifests.Pushed:
    found: manifests.Pushed = staff.run("manifests.push", manifests.PushAsk(files=files, **more))
    return found


# --- versions ---------------------------------------------------------------------------------------------------


def test_what_was_pushed_comes_back_word_for_word(staff: Staff) -> None:
    assert push(staff, FIRST, note="first").version == 1
    staff.reopen()
    assert staff.run("manifests.get", manifests.ShowAsk()).files == FIRST
    assert staff.run("manifests.get", manifests.ShowAsk(version=1)).version == 1


def test_versions_are_listed_newest_first_and_the_same_files_make_no_new_one(staff: Staff) -> None:
    push(staff, FIRST)
    push(staff, SECOND, note="why")
    assert push(staff, SECOND).version == 2
    found = staff.run("manifests.list", manifests.ListAsk())
    assert [(each.version, each.note, each.count, each.author) for each in found.manifests] == [
        (2, "why", 2, "owner"),
        (1, "", 2, "owner"),
    ]
    assert [each.version for each in staff.run("manifests.list", manifests.ListAsk(before=2)).manifests] == [1]


def test_a_push_on_an_older_version_is_refused(staff: Staff) -> None:
    push(staff, FIRST, base=0)
    with pytest.raises(Conflict):
        push(staff, SECOND, base=0)
    assert push(staff, SECOND, base=1).version == 2


def test_what_cannot_be_read_is_refused_with_its_place_and_every_fault(staff: Staff) -> None:
    with pytest.raises(InvalidInput) as told:
        push(staff, {"bad.yml": "system:\n  - fides_key: 'a b'\n    system_type: x\n    privacy_declarations: 7\n"})
    places = [fault.at for fault in told.value.faults]
    assert "bad.yml:2:16" in places
    assert "bad.yml:4:27" in places
    with pytest.raises(NotFound):
        staff.run("manifests.get", manifests.ShowAsk())


OWN = """data_category:
  - {fides_key: user.loyalty, parent_key: user}
data_use:
  - {fides_key: club}
"""
OWN_PROMISE = "deny use of user.loyalty for club\n"


def test_a_policy_that_cannot_be_read_is_refused_with_its_place(staff: Staff) -> None:
    with pytest.raises(InvalidInput) as told:
        push(staff, {**FIRST, "a.policy": f"{OWN_PROMISE}deny use of user.contcat for club\n"})
    assert [fault.at for fault in told.value.faults] == [
        "a.policy:1:13",
        "a.policy:1:30",
        "a.policy:2:13",
        "a.policy:2:30",
    ]


def test_a_policy_names_labels_that_are_pushed_beside_it(staff: Staff) -> None:
    club = SYSTEM.format(label="user.loyalty").replace("marketing.communications.email", "club")
    push(staff, {"own.yml": OWN, "a.policy": OWN_PROMISE, "letters.yml": club})
    errors = [f for f in staff.run("manifests.check", manifests.CheckAsk()).findings if f.severity == "error"]
    assert [(f.rule, f.because) for f in errors] == [("deny-use", "a.policy:1:1")]
    assert staff.run("manifests.impact", manifests.ImpactAsk(field="persons.email")).field == "vault_shop.persons.email"


@pytest.mark.parametrize(
    "path",
    [
        "../up.yml",
        "/etc/x.yml",
        "a//b.yml",
        "a/./b.yml",
        "a\\b.yml",
        "x.sh",
        ".yml/",
        "a/\x1b.yml",
        "",
        "a" * 400 + ".yml",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(staff: Staff, path: str) -> None:
    with pytest.raises(InvalidInput):
        push(staff, {**FIRST, path: PROMISE})
    with pytest.raises(InvalidInput):
        demand_path(path)


def test_too_many_files_are_refused(staff: Staff) -> None:
    with pytest.raises(TooLarge):
        push(staff, {f"{at}.policy": "" for at in range(MOST_FILES + 1)})


def test_a_changed_row_is_damage(staff: Staff) -> None:
    push(staff, FIRST)
    push(staff, SECOND)
    rows = staff.house.control.select(staff_select("files"))
    changed = {"version": 1, "created": 1, "about": rows[0][1], "files": rows[1][2]}
    staff.runner.run(staff.house.control.write(Unit((Put("manifests", tuple(changed), (tuple(changed.values()),)),))))
    with pytest.raises(Damaged):
        staff.run("manifests.get", manifests.ShowAsk(version=1))


def staff_select(*more: str) -> Any:
    from privet.store.port import Select

    return Select(table="manifests", columns=("version", "about", *more), order=(("version", True),))


def test_only_who_manages_pushes_and_only_who_manages_or_audits_looks(staff: Staff) -> None:
    push(staff, FIRST)
    staff.add("viewer_vic", "viewer")
    staff.add("auditor_ada", "auditor")
    vic, ada = staff.add_key("viewer_vic").key, staff.add_key("auditor_ada").key
    for key in (vic, ada):
        with pytest.raises(Denied):
            staff.run("manifests.push", manifests.PushAsk(files=SECOND), key=key)
    for verb, ask in (
        ("manifests.get", manifests.ShowAsk()),
        ("manifests.list", manifests.ListAsk()),
        ("manifests.check", manifests.CheckAsk()),
        ("manifests.diff", manifests.DiffAsk(old=0)),
        ("manifests.map", manifests.MapAsk()),
        ("manifests.impact", manifests.ImpactAsk(field="persons.email")),
    ):
        with pytest.raises(Denied):
            staff.run(verb, ask, key=vic)
        staff.run(verb, ask, key=ada)


# --- what they mean ---------------------------------------------------------------------------------------------


def test_versions_are_compared_by_meaning(staff: Staff) -> None:
    push(staff, FIRST)
    push(staff, SECOND)
    (found,) = staff.run("manifests.diff", manifests.DiffAsk(old=1, version=2)).changes
    assert (found.kind, found.key) == ("system", "letters")
    assert "user.financial" in found.after
    assert staff.run("manifests.diff", manifests.DiffAsk(old=2)).changes == []


def test_a_pushed_promise_binds_pushed_systems(staff: Staff) -> None:
    push(staff, FIRST)
    assert not [f for f in staff.run("manifests.check", manifests.CheckAsk()).findings if f.severity == "error"]
    push(staff, SECOND)
    errors = [f for f in staff.run("manifests.check", manifests.CheckAsk()).findings if f.severity == "error"]
    assert [(f.rule, f.at, f.because) for f in errors] == [("deny-use", "letters.yml:6:27", "a/promises.policy:1:1")]


def test_the_roles_of_a_vault_are_held_against_pushed_promises(staff: Staff) -> None:
    role = "role letters\nallow read on persons.email for marketing.communications.email\n"
    staff.run("policies.save", policies.SaveAsk(vault="shop", policy=role))
    staff.run("policies.activate", policies.ActivateAsk(vault="shop", version=1))
    push(staff, {"a.policy": "deny use of user.contact for marketing\n"})
    found = staff.run("manifests.check", manifests.CheckAsk()).findings
    assert any(f.rule == "deny-use" and f.at.startswith("vault shop:") for f in found if f.severity == "error")


def test_the_vaults_stand_in_the_map_by_themselves(staff: Staff) -> None:
    found = staff.run("manifests.map", manifests.MapAsk()).map
    text = str(found)
    assert all(f"vault_{name}" in text for name in ("v", "w", "shop"))
    push(staff, FIRST)
    assert "letters" in str(staff.run("manifests.map", manifests.MapAsk()).map)


def test_what_depends_on_a_column_of_a_vault_is_known(staff: Staff) -> None:
    push(staff, {**FIRST, "p.policy": "deny use of user.contact for marketing\n"})
    with pytest.raises(InvalidInput):
        staff.run("manifests.impact", manifests.ImpactAsk(field="people.note"))  # two vaults have it
    found = staff.run("manifests.impact", manifests.ImpactAsk(field="persons.email"))
    assert (found.field, found.labels) == ("vault_shop.persons.email", ["user.contact.email"])
    assert {"promise", "key", "use"} <= {touch.kind for touch in found.touches}


READER = """dataset:
  - fides_key: letters_db
    collections:
      - name: sent
        fields:
          - {name: to, data_categories: [user.contact.email],
             fides_meta: {references: [{dataset: vault_shop, field: persons.email, direction: from}]}}
"""
LETTERS = SYSTEM.format(label="user.contact") + "        dataset_references: [vault_shop]\n"
WITHOUT_EMAIL = SCHEMA.replace("          - name: email\n", "          - name: mail\n", 1)
STEWARD = "role steward\nallow manage\nallow read on persons.note\n"


def plan(staff: Staff, schema: str, key: str = "") -> set[tuple[str, str, str]]:
    ask = vaults.SchemaAsk(vault="shop", schema=schema)
    return {(each.column, each.kind, each.what) for each in staff.run("vaults.plan", ask, key=key).touches}


def test_a_plan_tells_what_depends_on_columns_that_go(staff: Staff) -> None:
    push(staff, {"read.yml": READER, "letters.yml": LETTERS, "a.policy": "deny use of user.contact for marketing\n"})
    expected = {
        ("persons.email", "reference", "letters_db.sent.to"),
        ("persons.email", "reach", "letters_db.sent"),
        ("persons.email", "use", "system letters, Send letters"),
        ("persons.email", "promise", "user.contact"),
    }
    assert plan(staff, WITHOUT_EMAIL) == expected
    renamed = WITHOUT_EMAIL.replace(
        "keep: sealed, index: [exact], unique", "was: email, keep: sealed, index: [exact], unique"
    )
    assert plan(staff, renamed) == expected
    assert plan(staff, SCHEMA) == plan(staff, SCHEMA.replace("index: [exact]}}", "index: []}}")) == set()
    other_table = SCHEMA.replace("- name: persons", "- name: people")
    assert plan(staff, other_table) >= expected


def test_a_plan_tells_of_the_vaults_own_rules_and_of_manifests_to_who_may_see_them(staff: Staff) -> None:
    push(staff, {"letters.yml": LETTERS})
    staff.run("policies.save", policies.SaveAsk(vault="shop", policy=STEWARD))
    staff.run("policies.activate", policies.ActivateAsk(vault="shop", version=1))
    staff.add("steward_sue", "steward")
    retyped = SCHEMA.replace("- name: persons", "- name: people").replace(
        "subject: self", "subject: self, was: persons"
    )
    assert ("persons.note", "role", "steward") in plan(staff, retyped)
    assert plan(staff, retyped, staff.add_key("steward_sue").key) == set()


def test_a_plan_goes_by_the_key_under_which_a_vaults_schema_is_declared(staff: Staff) -> None:
    push(staff, {"shop.yml": SCHEMA, "read.yml": READER.replace("vault_shop", "shop")})
    assert ("persons.email", "reference", "letters_db.sent.to") in plan(staff, WITHOUT_EMAIL)


def test_a_vault_whose_schema_is_pushed_stands_in_the_map_once(staff: Staff) -> None:
    push(staff, {"shop.yml": SCHEMA})
    datasets = [each["key"] for each in staff.run("manifests.map", manifests.MapAsk()).map["datasets"]]
    assert sorted(datasets) == ["shop", "vault_v", "vault_w"]


# --- the command line -------------------------------------------------------------------------------------------


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path / "home")
    made.ok("init")
    return made


def fails(shell: Shell, *args: str, code: int = 1) -> str:
    done = shell.run(*args)
    assert done.exit_code == code, done.output
    return done.output


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_push_and_pull_make_the_same_folder(shell: Shell, tmp_path: Path) -> None:
    shell.ok("push", str(write(tmp_path / "one", FIRST)))
    shell.ok("pull", str(tmp_path / "two"))
    assert {name: (tmp_path / "two" / name).read_text(encoding="utf-8") for name in FIRST} == FIRST


def test_pull_keeps_what_differs_unless_forced(shell: Shell, tmp_path: Path) -> None:
    shell.ok("push", str(write(tmp_path / "one", FIRST)))
    mine = write(tmp_path / "two", {"letters.yml": "# mine\n"})
    assert "--force" in fails(shell, "pull", str(mine))
    assert (mine / "letters.yml").read_text(encoding="utf-8") == "# mine\n"
    assert not (mine / "a").exists()
    shell.ok("pull", str(mine), "--force")
    assert (mine / "letters.yml").read_text(encoding="utf-8") == FIRST["letters.yml"]


def test_pull_follows_no_link_out_of_the_folder(shell: Shell, tmp_path: Path) -> None:
    shell.ok("push", str(write(tmp_path / "one", FIRST)))
    (tmp_path / "two").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "two" / "a").symlink_to(tmp_path / "elsewhere")
    fails(shell, "pull", str(tmp_path / "two"))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_pull_that_is_refused_writes_nothing(shell: Shell, tmp_path: Path) -> None:
    shell.ok("push", str(write(tmp_path / "one", {**FIRST, "a.policy": PROMISE})))
    (tmp_path / "two").mkdir()
    last = sorted({**FIRST, "a.policy": ""})[-1]
    (tmp_path / "two" / last).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "two" / last).symlink_to(tmp_path / "elsewhere.yml")
    fails(shell, "pull", str(tmp_path / "two"), "--force")
    assert not (tmp_path / "elsewhere.yml").exists()
    assert [path for path in (tmp_path / "two").rglob("*") if path.is_file()] == []


def test_line_breaks_of_files_are_no_difference(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.yml").write_bytes(b"dataset:\r\n- fides_key: a\r\n  collections: []\r\n")
    shell.ok("push", str(tmp_path / "one"))
    shell.ok("pull", str(tmp_path / "one"))
    assert b"\r\n" in (tmp_path / "one" / "a.yml").read_bytes()


@pytest.mark.parametrize("text", ["9" * 5_000, "\xff", "-1", "a"])
def test_a_damaged_mark_of_a_version_is_told(shell: Shell, tmp_path: Path, text: str) -> None:
    one = write(tmp_path / "one", FIRST)
    (one / ".privet-version").write_text(text, encoding="latin-1")
    assert ".privet-version" in fails(shell, "push", str(one))


def test_the_mark_of_a_version_follows_no_link(shell: Shell, tmp_path: Path) -> None:
    one = write(tmp_path / "one", FIRST)
    (one / ".privet-version").symlink_to(tmp_path / "elsewhere")
    assert ".privet-version" in fails(shell, "push", str(one), "--force")
    assert not (tmp_path / "elsewhere").exists()


def test_a_push_from_a_folder_that_was_pulled_before_another_push_is_refused(shell: Shell, tmp_path: Path) -> None:
    shell.ok("push", str(write(tmp_path / "one", FIRST)))
    shell.ok("pull", str(tmp_path / "two"))
    shell.ok("push", str(write(tmp_path / "one", SECOND)), "--note", "second")
    write(tmp_path / "two", {"more.policy": PROMISE})
    assert "pull them" in fails(shell, "push", str(tmp_path / "two"))
    shell.ok("push", str(tmp_path / "two"), "--force")


def test_compare_tells_what_differs_and_its_exit_code(shell: Shell, tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", FIRST), write(tmp_path / "two", SECOND)
    assert shell.ok("manifest", "compare", str(one), str(one)) == "nothing differs\n"
    assert "user.financial" in fails(shell, "manifest", "compare", str(one), str(two), code=1)


def test_compare_and_impact_say_what_they_could_not_read(shell: Shell, tmp_path: Path) -> None:
    table = "dataset:\n- fides_key: crm\n  collections:\n  - name: t\n    fields: [{name: a}]\n"
    folder = write(tmp_path / "one", {"good.yml": table, "bad.yml": "system: [\n"})
    assert "bad.yml" in fails(shell, "manifest", "compare", str(folder), str(folder))
    assert "bad.yml" in fails(shell, "impact", "crm.t.a", str(folder))
