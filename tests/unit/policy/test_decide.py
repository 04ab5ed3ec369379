"""The run-time reader: default deny, deny beats allow, the most revealing that applies, never above a ceiling."""

from __future__ import annotations

import pytest

from privet.errors import Denied
from privet.policy.decide import decide, may, may_anything
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Policy, Role, Rule, Target
from privet.vocabulary.access import ACTIONS, Access, Principal, Purpose
from privet.vocabulary.dataset import Collection, Field
from privet.vocabulary.predicate import ALWAYS, Compare, Not

EMAIL = Field(name="email", type="contact.email", labels=("user.contact.email",))
SSN = Field(name="ssn", type="us.ssn", labels=("user.government_id.national_identification_number",))
STATE = Field(name="state", type="address.state", labels=("user.contact.address.state",))
TABLE = Collection(name="people", fields=(EMAIL, SSN, STATE))
CALIFORNIA = Compare("state", "=", "US-CA")


def policy(*rules: Rule) -> Policy:
    return Policy("v1", (Role("r", "", rules),))


def who(*roles: str, purposes: tuple[str, ...] = (), scopes: tuple[str, ...] = ()) -> Principal:
    return Principal(id="p", name="p", roles=roles, purposes=tuple(map(Purpose, purposes)), scopes=scopes)


def ask(*columns: str, purpose: str | None = None) -> Access:
    return Access("read", "people", columns, Purpose(purpose) if purpose else None)


def allow(redaction: str = "plain_text", **options: object) -> Rule:
    return Rule(effect="allow", actions=("read",), redaction=redaction, **options)  # type: ignore[arg-type]


def test_without_a_rule_everything_is_denied() -> None:
    with pytest.raises(Denied):
        decide(policy(), who("r"), ask("email"), TABLE)
    with pytest.raises(Denied):
        decide(BUILT_IN, who(), ask("email"), TABLE)


def test_a_role_that_does_not_exist_denies_everything() -> None:
    with pytest.raises(Denied):
        decide(BUILT_IN, who("owner", "nobody"), ask("email"), TABLE)


def test_the_most_revealing_redaction_whose_rows_match_comes_first() -> None:
    permit = decide(policy(allow("masked"), allow(where=CALIFORNIA)), who("r"), ask("email"), TABLE)
    assert [(s.redaction, s.where) for s in permit.columns["email"]] == [("plain_text", CALIFORNIA), ("masked", ALWAYS)]
    assert permit.rows == ALWAYS


def test_deny_beats_allow_on_its_rows_and_columns() -> None:
    deny = Rule(effect="deny", actions=("read",), targets=(Target("people", "email"),), where=CALIFORNIA)
    permit = decide(policy(allow(), deny), who("r"), ask("email", "state"), TABLE)
    assert permit.columns["email"][0].where == Not(CALIFORNIA)
    assert permit.columns["state"][0].where == ALWAYS
    whole = Rule(effect="deny", actions=("read",), targets=(Target(label="user.contact"),))
    assert set(decide(policy(allow(), whole), who("r"), ask("email", "ssn"), TABLE).columns) == {"ssn"}


def test_no_role_sees_above_the_ceiling_of_a_type_unless_the_rule_is_unsafe() -> None:
    assert decide(policy(allow()), who("r"), ask("ssn"), TABLE).columns["ssn"][0].redaction == "last_four"
    lifted = decide(policy(allow(unsafe=True)), who("r"), ask("ssn"), TABLE)
    assert lifted.columns["ssn"][0].redaction == "plain_text"


def test_a_mask_that_the_type_does_not_know_shows_nothing() -> None:
    assert decide(policy(allow("zip3")), who("r"), ask("email"), TABLE).columns["email"][0].redaction == "redacted"


def test_a_purpose_must_be_granted_and_fit_the_rule() -> None:
    rules = policy(allow(purposes=(Purpose("essential.service"),)))
    granted = who("r", purposes=("essential",))
    assert decide(rules, granted, ask("email", purpose="essential.service.payment_processing"), TABLE).columns
    for principal, purpose in (
        (granted, None),
        (granted, "essential"),
        (granted, "marketing"),
        (who("r"), "essential.service"),
    ):
        with pytest.raises(Denied):
            decide(rules, principal, ask("email", purpose=purpose), TABLE)


def test_scopes_narrow_what_roles_allow() -> None:
    with pytest.raises(Denied):
        decide(BUILT_IN, who("owner", scopes=("insert",)), ask("email"), TABLE)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (
            "owner",
            {"read", "insert", "update", "delete", "tokenize", "detokenize", "search", "export", "manage", "audit"},
        ),
        ("editor", {"read", "insert", "update", "delete", "tokenize", "detokenize", "search"}),
        ("viewer", {"read", "detokenize"}),
        ("tokenizer", {"tokenize"}),
        ("auditor", {"audit"}),
    ],
)
def test_built_in_roles_allow_just_this(role: str, allowed: set[str]) -> None:
    found = set()
    for action in ACTIONS:
        try:
            may(BUILT_IN, who(role), action, None)
            found.add(action)
        except Denied:
            continue
    assert found == allowed


def test_a_viewer_sees_masks() -> None:
    permit = decide(BUILT_IN, who("viewer"), ask("email", "ssn"), TABLE)
    assert {name: sights[0].redaction for name, sights in permit.columns.items()} == {
        "email": "masked",
        "ssn": "masked",
    }


@pytest.mark.parametrize("purpose", ["marketing", "no.such.purpose", "essential.service\n"])
@pytest.mark.parametrize("grants", [(), ("essential",)], ids=["granted none", "granted another"])
def test_a_purpose_that_is_not_granted_denies_what_names_no_column(purpose: str, grants: tuple[str, ...]) -> None:
    for action in ACTIONS:
        with pytest.raises(Denied, match="purpose"):
            may(BUILT_IN, who("owner", purposes=grants), action, Purpose(purpose))
    with pytest.raises(Denied, match="purpose"):
        may_anything(BUILT_IN, who("owner", purposes=grants), Purpose(purpose))


def test_one_table_is_enough_to_be_let_in_and_a_deny_of_everything_is_not() -> None:
    one = Rule(effect="allow", actions=("read",), targets=(Target("people", "email"),))
    everything = Rule(effect="deny", actions=ACTIONS)
    may_anything(policy(one), who("r"), None)
    for rules in ((), (everything,), (one, everything)):
        with pytest.raises(Denied):
            may_anything(policy(*rules), who("r"), None)
