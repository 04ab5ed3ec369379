"""Policies: reading a text into its tree and writing it, deciding at run time, checking at design time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from typing import Any

from bench import Row, most, seconds
from privet.policy.check import check
from privet.policy.decide import decide
from privet.policy.format import write
from privet.policy.parse import parse
from privet.policy.review.diff import diff
from privet.policy.review.explain import explain
from privet.policy.syntax import DenyUse, Limit, Policy, RequireConsent, Role, Rule, Target
from privet.vocabulary import taxonomy
from privet.vocabulary.access import Access, Principal, Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.predicate import ALWAYS, QUEUE, Attribute, Compare
from privet.vocabulary.system import Declaration, System

# Rules as people write them: a condition on one in three, two columns on another, a category on the third.
BLOCK = """
role role_{at}
allow read on customers.name, customers.email with redaction = masked where customers.state = 'CA'
allow tokenize on customers.*
allow detokenize on user.financial with redaction = plain_text through connection stripe
"""
ROLES, RULES_EACH = 1_000, 3


def language() -> Iterator[Row]:
    """Yield the rows of the text."""
    text = "".join(BLOCK.format(at=at) for at in range(ROLES))
    policy = parse(text)
    rules = ROLES * RULES_EACH
    taken = seconds(lambda: parse(text)) / rules * 1e6
    yield most("microseconds a rule: parse a policy of 3,000 rules in 1,000 roles", taken, 30)
    taken = seconds(lambda: write(policy)) / rules * 1e6
    yield most("microseconds a rule: write that policy in its canonical form", taken, None)


TYPES = ("contact.email", "contact.phone", "us.ssn", "card.pan", "person.dob")
FIELDS = tuple(Field(name=f"f{at}", type=TYPES[at % 5], labels=("user.contact",)) for at in range(14))
TABLE = Collection(name="people", fields=(*FIELDS, Field(name="state", type="address.state", labels=("user.contact",))))
NAMES = tuple(field.name for field in TABLE.fields)
WHO = Principal(id="p", name="p", roles=("r",))
READ = Access("read", "people", NAMES)


def fifty(*wheres: Any) -> Policy:
    """Return a policy of one role with 50 rules over 15 columns, each third of them with one of the conditions."""
    where, masks = cycle((ALWAYS, ALWAYS, *wheres)), cycle(("masked", "last_four", "plain_text", "domain", "year"))
    rules = [
        Rule(
            effect="deny" if at % 10 == 9 else "allow",
            actions=("read", "search"),
            targets=(Target("people", NAMES[at % 15]), Target("people", NAMES[at * 7 % 15])),
            redaction=next(masks),
            where=next(where),
        )
        for at in range(50)
    ]
    return Policy("v", (Role("r", "", tuple(rules)),))


def decisions() -> Iterator[Row]:
    """Yield the rows of the run-time reader. `kept`: the same caller asks again."""
    plain = fifty(Compare("state", "=", "CA"))
    asking = fifty(Compare("f0", "=", Attribute("mail")))
    queueing = fifty(Compare(QUEUE, "=", "support"))
    ids = {"support": [bytes([at]) * 16 for at in range(5)]}
    callers = [replace(WHO, id=f"p{at}") for at in range(2_000)]
    mailing = [replace(WHO, id=f"p{at}", attributes={"mail": f"p{at}@example.com"}) for at in range(2_000)]
    what = "50 rules over 15 columns"

    def micro(call: Any, count: int) -> float:
        call()
        return seconds(call) / count * 1e6

    taken = micro(lambda: [decide(plain, WHO, READ, TABLE) for _ in range(10_000)], 10_000)
    yield most(f"microseconds: decide again, {what}", taken, 2)
    taken = micro(lambda: [decide(plain, who, READ, TABLE) for who in callers], len(callers))
    yield most(f"microseconds: decide for another caller of the role, {what}", taken, 20)
    taken = micro(lambda: [decide(asking, who, READ, TABLE) for who in mailing], len(mailing))
    yield most(f"microseconds: decide for another caller's attributes, {what}", taken, 20)
    taken = micro(lambda: [decide(queueing, WHO, READ, TABLE, queues=ids) for _ in range(2_000)], 2_000)
    yield most(f"microseconds: decide by a queue, {what}", taken, 20)
    taken = seconds(lambda: [decide(replace(plain), WHO, READ, TABLE) for _ in range(20)]) / 20 * 1e6
    yield most(f"microseconds: decide under a policy that is new, {what}", taken, None)


def checks() -> Iterator[Row]:
    """Yield the row of the design-time reader."""
    uses = cycle([Purpose(label.key) for label in taxonomy.labels("use")])
    labels = cycle([label.key for label in taxonomy.labels("category")])
    promises: list[Any] = [
        DenyUse(labels=(next(labels), next(labels)), purposes=(next(uses),), subjects=("customer",) if at % 2 else ())
        for at in range(30)
    ]
    promises += [RequireConsent(key=f"k{at}", purposes=(next(uses),)) for at in range(10)]
    promises += [Limit(redaction="plain_text", labels=(next(labels),)) for _ in range(10)]
    systems = [
        System(
            key=f"s{at}",
            declarations=tuple(
                Declaration(
                    categories=(next(labels), next(labels)), use=next(uses), subjects=("customer",), datasets=("d",)
                )
                for _ in range(10)
            ),
        )
        for at in range(50)
    ]
    data = Dataset(key="d", collections=(TABLE,))
    policy = Policy("v", (), tuple(promises))
    found = len(check(policy, systems, [data]))
    taken = seconds(lambda: check(policy, systems, [data])) * 1e3
    yield most(f"milliseconds: check 500 declarations against 50 promises, {found} findings", taken, 50)


def reviews() -> Iterator[Row]:
    """Yield the rows of seeing what a policy does."""
    text = "".join(BLOCK.format(at=at) for at in range(ROLES))
    policy, data = parse(text), Dataset(key="d", collections=(TABLE,))
    other = parse(text.replace("last_four", "masked").replace("= 'CA'", "= 'NY'", 5))
    taken = seconds(lambda: diff(policy, policy)) * 1e3
    yield most("milliseconds: compare a policy of 3,000 rules with itself", taken, None)
    taken = seconds(lambda: diff(policy, other)) * 1e3
    yield most(f"milliseconds: compare it with one in which {len(diff(policy, other))} things differ", taken, None)
    fiftieth = fifty(Compare("state", "=", "CA"))
    taken = seconds(lambda: explain(fiftieth, ("r",), data)) * 1e3
    yield most("milliseconds: explain a role of 50 rules over 15 columns, 10 actions", taken, None)


def rows() -> Iterator[Row]:
    """Yield every row."""
    yield from language()
    yield from decisions()
    yield from checks()
    yield from reviews()
