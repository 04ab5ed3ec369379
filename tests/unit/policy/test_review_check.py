"""The design-time reader: what declarations and roles may not be, what is doubtful, and how to mend it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from privet.policy.check import Finding, check
from privet.policy.syntax import DenyUse, Limit, Policy, Promise, RequireConsent, Role, Rule, Span, Target
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.system import Declaration, System

ADS = Purpose("marketing.advertising")
AT = Span(10, 20, 2, 1)
NO_HEALTH = DenyUse(labels=("user.health_and_medical",), purposes=(ADS,), span=AT)
ABOUT = replace(NO_HEALTH, subjects=("customer",))
CONSENT = RequireConsent(key="ads", purposes=(ADS,), span=AT)
CARD = Limit(redaction="plain_text", labels=("user.financial.credit_card",), span=AT)

NESTED = Field(
    name="chart",
    type="json",
    labels=("user",),
    fields=(
        Field(
            name="visits", type="json", fields=(Field(name="why", type="text", labels=("user.health_and_medical",)),)
        ),
    ),
)
CLINIC = Dataset(
    key="clinic",
    labels=("system.operations",),
    collections=(
        Collection(
            name="people",
            subject="self",
            fields=(Field(name="mail", type="contact.email", labels=("user.contact.email",)), NESTED),
        ),
        Collection(
            name="cards",
            about=("employee",),
            fields=(Field(name="pan", type="card.pan", labels=("user.financial.credit_card",)),),
        ),
    ),
)


def use(*categories: str, purpose: str = ADS, **options: object) -> Declaration:
    options = {"subjects": ("customer",), **options}
    return Declaration(categories=categories, use=Purpose(purpose), at="s.yml:3:5", **options)  # type: ignore[arg-type]


def found(promise: Promise, *declared: Declaration) -> list[Finding]:
    return list(check(Policy("v", (), (promise,)), [System(key="ads", declarations=declared)], [CLINIC]))


def grades(findings: list[Finding]) -> list[str]:
    return [finding.severity for finding in findings]


@pytest.mark.parametrize(
    ("promise", "declared", "expected"),
    [
        (NO_HEALTH, use("user.health_and_medical"), ["error"]),
        (NO_HEALTH, use("user.health_and_medical.genetic", purpose="marketing.advertising.serving"), ["error"]),
        (NO_HEALTH, use("user.contact"), []),
        (NO_HEALTH, use("user.health_and_medical", purpose="essential"), []),
        (NO_HEALTH, use("user"), ["warning"]),
        (NO_HEALTH, use("user.health_and_medical", purpose="marketing"), ["warning"]),
        (NO_HEALTH, use("user.health_and_medicals"), []),
        (NO_HEALTH, use("user.health_and_medical.a_teams_own"), ["error"]),
        (NO_HEALTH, use("user.health_and_medical", purpose="marketing.advertising.a_teams_own"), ["error"]),
        (NO_HEALTH, use("user.contact", "user.health_and_medical"), ["error"]),
        (NO_HEALTH, use("user.contact", datasets=("clinic",)), ["warning", "error"]),
        (NO_HEALTH, use("user.contact", datasets=("another",)), []),
        (NO_HEALTH, use("user.health_and_medical", subjects=()), ["error"]),
        (ABOUT, use("user.health_and_medical"), ["error"]),
        (ABOUT, use("user.health_and_medical", subjects=("patient",)), []),
        (ABOUT, use("user.health_and_medical", subjects=("patient", "customer")), ["error"]),
        (ABOUT, use("user.health_and_medical", subjects=()), ["warning"]),
        (CONSENT, use("user.contact"), ["error"]),
        (CONSENT, use("user.contact", purpose="marketing"), ["warning"]),
        (CONSENT, use("user.contact", purpose="marketing.communications"), []),
        (CONSENT, use("user.contact", legal_basis="Consent"), []),
        (CONSENT, use("user.contact", legal_basis="Legitimate interests"), ["error"]),
        (CONSENT, use("user.contact", consents=("ads",)), []),
        (CONSENT, use("user.contact", consents=("news",)), ["error"]),
        (CONSENT, use("system.operations"), []),
        (CONSENT, use("system.operations", datasets=("clinic",)), ["error"]),
        (CARD, use("user.financial.credit_card"), []),
    ],
)
def test_a_declared_use_keeps_a_promise_breaks_it_or_may_break_it(
    promise: Promise, declared: Declaration, expected: list[str]
) -> None:
    assert grades(found(promise, declared)) == expected


def test_a_finding_says_where_why_and_what_mends_it() -> None:
    whole, nested = found(NO_HEALTH, use("user.contact", datasets=("clinic",), name="Banners"))
    assert (whole.rule, whole.at, whole.place) == (AT, "s.yml:3:5", "system `ads`, declaration Banners")
    assert whole.why == "`user` may hold what is denied in `clinic.people.chart`"
    assert whole.mend == "write the labels that are meant in place of `user`"
    assert "`user.health_and_medical` in `clinic.people.chart.visits.why` is not to be used" in nested.why
    unnamed = found(NO_HEALTH, use("user.contact"), use("user.health_and_medical"))
    assert [finding.place for finding in unnamed] == ["system `ads`, declaration 2"]
    assert unnamed[0].mend == "leave `user.health_and_medical` out"


def test_a_finding_on_consent_says_why_and_what_mends_it() -> None:
    (sure,), (doubtful,) = found(CONSENT, use("user")), found(CONSENT, use("user", purpose="marketing"))
    assert sure.why == f"`{ADS}` needs consent to `ads`, and names none"
    assert sure.mend == "name consent as its legal basis, or the consent `ads`"
    assert doubtful.why == "`marketing` may need consent to `ads`, and names none"
    assert doubtful.mend == "name the narrower use that is meant, or the consent `ads`"


def test_a_finding_on_a_denied_use_names_each_doubt() -> None:
    (sure,) = found(NO_HEALTH, use("user.health_and_medical"))
    assert sure.why == f"`user.health_and_medical` is not to be used for `{ADS}`"
    _, held = found(NO_HEALTH, use("user.contact", datasets=("clinic",)))
    assert held.mend == "leave the dataset of `clinic.people.chart.visits.why` out"
    (silent,) = found(ABOUT, use("user.health_and_medical", subjects=()))
    assert (silent.why, silent.mend) == ("it does not say about whom", "add `data_subjects`")
    (doubtful,) = found(ABOUT, use("user", purpose="marketing", subjects=()))
    assert doubtful.why == (
        "`user` may hold what is denied, and `marketing` may be a use that is denied, and it does not say about whom"
    )


def rule(*targets: Target, **options: object) -> Rule:
    fields = {"redaction": "plain_text", "actions": ("read",), "span": Span(1, 2, 7, 1), **options}
    return Rule(effect="allow", targets=targets, **fields)  # type: ignore[arg-type]


def of_rule(promise: Promise, given: Rule, purposes: tuple[str, ...] = (), granted: tuple[str, ...] = ()) -> list[str]:
    role = Role("r", "", (given,), tuple(map(Purpose, purposes)))
    policy = Policy("v", (role,), (promise,))
    return grades(list(check(policy, [], [CLINIC], {"r": tuple(map(Purpose, granted))})))


HEALTH, MAIL = Target(label="user.health_and_medical"), Target("people", "mail")


@pytest.mark.parametrize(
    ("given", "purposes", "granted", "expected"),
    [
        (rule(HEALTH, purposes=(ADS,)), (), (), ["error"]),
        (rule(HEALTH), (ADS,), (), ["error"]),
        (rule(HEALTH), (), (ADS,), ["error"]),
        (rule(HEALTH), (), (), []),
        (rule(HEALTH, purposes=(Purpose("essential"),)), (ADS,), (ADS,), []),
        (rule(HEALTH), (), ("marketing",), ["warning"]),
        (rule(Target(label="user")), (), (ADS,), ["warning"]),
        (rule(MAIL), (), (ADS,), []),
        (rule(HEALTH, actions=("delete",)), (), (ADS,), []),
        (rule(HEALTH, actions=("insert",)), (), (ADS,), ["error"]),
        (replace(rule(HEALTH), effect="deny"), (), (ADS,), []),
    ],
)
def test_a_role_is_not_granted_what_a_promise_denies(
    given: Rule, purposes: tuple[str, ...], granted: tuple[str, ...], expected: list[str]
) -> None:
    assert of_rule(NO_HEALTH, given, purposes, granted) == expected


def test_a_finding_on_a_granted_purpose_says_why_and_what_mends_it() -> None:
    serving = Purpose("marketing.advertising.serving")
    promise = replace(NO_HEALTH, purposes=(serving, ADS))

    def told(given: Rule) -> tuple[str, str, str]:
        (finding,) = check(Policy("v", (Role("r", "", (given,)),), (promise,)), [], [CLINIC])
        return finding.severity, finding.why, finding.mend

    health = "`user.health_and_medical`"
    sure = ("error", f"{health} is not to be used for `{ADS}`", f"leave {health} out, or `{ADS}`")
    assert told(rule(HEALTH, purposes=(ADS,))) == sure
    assert told(rule(HEALTH, purposes=(Purpose("marketing"),))) == (
        "warning",
        f"what it covers for `marketing` may hold {health}, which is denied there",
        f"name columns other than {health}, or a purpose beside `{serving}`",
    )
    assert told(rule(Target(label="user"), purposes=(ADS,))) == (
        "warning",
        f"what it covers for `{ADS}` may hold {health}, which is denied there",
        f"name columns other than {health}, or a purpose beside `{serving}`",
    )


def test_a_column_stands_for_its_labels() -> None:
    contact = replace(NO_HEALTH, labels=("user.contact",))
    assert of_rule(contact, rule(MAIL), granted=(ADS,)) == ["error"]
    assert of_rule(contact, rule(Target("people")), granted=(ADS,)) == ["warning"]
    cards = replace(ABOUT, labels=("user.financial",))
    assert of_rule(cards, rule(Target("cards", "pan")), granted=(ADS,)) == []
    assert of_rule(replace(cards, subjects=("employee",)), rule(Target("cards", "pan")), granted=(ADS,)) == ["error"]


PAN = Target("cards", "pan")


@pytest.mark.parametrize(
    ("given", "limit", "expected"),
    [
        (rule(PAN), "plain_text", ["error"]),
        (rule(PAN, connection="stripe"), "plain_text", []),
        (rule(PAN, redaction="masked"), "plain_text", []),
        (rule(PAN, redaction=""), "masked", ["error"]),
        (rule(PAN, redaction="last_four"), "masked", []),
        (rule(PAN, redaction="redacted"), "last_four", []),
        (rule(Target("cards", "pan", part="brand")), "masked", ["error"]),
        (rule(Target("cards")), "plain_text", ["warning"]),
        (rule(Target(label="user.financial")), "plain_text", ["warning"]),
        (rule(Target(label="user.financial.credit_card")), "plain_text", ["error"]),
        (rule(Target(label="user.financial.credit_card"), redaction="masked"), "plain_text", []),
        (rule(PAN, actions=("search",)), "plain_text", []),
    ],
)
def test_a_rule_gives_no_more_than_a_limit_leaves(given: Rule, limit: str, expected: list[str]) -> None:
    assert of_rule(replace(CARD, redaction=limit), given) == expected


def test_a_finding_on_a_rule_names_the_role_and_both_places() -> None:
    policy = Policy("v", (Role("agent", "", (rule(MAIL), rule(PAN))),), (CARD,))
    (finding,) = check(policy, [], [CLINIC])
    assert (finding.place, finding.rule, finding.span.line) == ("role `agent`, rule 2", AT, 7)
    assert finding.mend == "add `through connection …`, or show a redaction that reveals less"


def test_a_finding_says_which_dataset_holds_what_it_is_about() -> None:
    said, *_ = found(NO_HEALTH, use("user.health_and_medical"))
    assert (said.label, said.held) == ("user.health_and_medical", "")
    _, held = found(NO_HEALTH, use("user.contact", datasets=("clinic",)))
    assert (held.label, held.held) == ("user.health_and_medical", "clinic.people.chart.visits.why")
