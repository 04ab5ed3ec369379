"""Plans: what is read after what, what is erased before what, what is not reached and why, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from a_shop import DESK, EMAIL, SHOP, field, table, to

from privet.errors import InvalidSchema
from privet.rights.plans.whole import plan
from privet.rights.words import Address, Cut, Edge, Plan
from privet.vocabulary.dataset import Collection, Dataset, Direction, Field, Reference


def ways(made: Plan) -> set[tuple[str, str, str]]:
    return {(f"{one.source}.{one.source_field}", f"{one.target}.{one.target_field}", one.way) for one in made.edges}


def own(made: Plan) -> set[str]:
    return {str(member) for turn in made.turns if turn.bond == "own" for member in turn.members}


def referred(made: Plan) -> set[str]:
    return {str(member) for turn in made.turns if turn.bond == "referred" for member in turn.members}


def two(*collections: Collection, key: str = "d") -> Dataset:
    people = table("people", field("email", identity="email", labels=EMAIL))
    return Dataset(key=key, collections=(people, *collections))


def faults(*datasets: Dataset, kinds: tuple[str, ...] = ("email",)) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidSchema) as caught:
        plan("access", datasets, kinds)
    return [(fault.at, fault.message, fault.hint) for fault in caught.value.faults]


# --- ways ---------------------------------------------------------------------------------------------------------


def test_without_a_direction_hers_leads_down_and_what_it_refers_to_is_only_referred_to() -> None:
    made = plan("access", [SHOP, DESK], ["email"])
    assert own(made) == {
        *("shop.customers", "shop.addresses", "shop.orders", "shop.invoices", "shop.items", "shop.reviews"),
        "desk.tickets",
    }
    assert referred(made) - own(made) == {"shop.products", "desk.agents"}


@pytest.mark.parametrize(
    ("link", "way"),
    [
        (to("d.people.id", "from"), ("d.people.id", "d.notes.person", "from")),
        (to("d.people.id"), ("d.people.id", "d.notes.person", "down")),
    ],
)
def test_a_reference_to_her_leads_to_what_refers(link: object, way: tuple[str, str, str]) -> None:
    made = plan("access", [two(table("notes", field("person", link)))], ["email"])  # type: ignore[arg-type]
    assert way in ways(made)
    assert own(made) == {"d.people", "d.notes"}


def test_a_reference_said_to_lead_away_leads_nowhere_back() -> None:
    made = plan("access", [two(table("notes", field("person", to("d.people.id", "to"))))], ["email"])
    assert own(made) == {"d.people"}
    assert made.unreached[0].hint == "leave `direction: to` out of the reference of `d.notes.person`"
    assert made.unreached[0].place == "d.notes.person"


def test_two_whole_keys_are_one_thing_in_two_places() -> None:
    profiles = Collection(name="profiles", fields=(field("person", to("d.people.id"), primary_key=True),))
    made = plan("access", [two(profiles)], ["email"])
    assert ("d.people.id", "d.profiles.person", "same") in ways(made)
    assert own(made) == {"d.people", "d.profiles"}


def test_part_of_a_key_is_an_ordinary_reference() -> None:
    parts = (field("person", to("d.people.id"), primary_key=True), field("line", primary_key=True))
    made = plan("access", [two(Collection(name="lines", fields=parts))], ["email"])
    assert ("d.people.id", "d.lines.person", "down") in ways(made)


def test_a_key_that_points_at_what_refers_to_it_is_read_the_other_way_and_said() -> None:
    items = table("items", field("owner", to("d.people.id")), field("product"))
    products = Collection(name="products", fields=(field("id", to("d.items.product"), primary_key=True),))
    made = plan("erasure", [two(items, products)], ["email"])
    assert ("d.items.product", "d.products.id", "up") in ways(made)
    assert own(made) == {"d.people", "d.items"}
    assert any("`d.products.id`" in note and "say `direction`" in note for note in made.notes)


def test_a_direction_said_at_either_end_counts_once() -> None:
    people = table("people", field("email", identity="email"))
    people = replace(people, fields=(field("id", to("d.notes.person", "to"), primary_key=True), *people.fields[1:]))
    notes = table("notes", field("person", to("d.people.id", "from")))
    made = plan("access", [Dataset(key="d", collections=(people, notes))], ["email"])
    assert made.edges == (Edge(Address("d", "people"), "id", Address("d", "notes"), "person", "to"),)


def test_references_of_a_vault_are_followed_to_ids_that_it_does_not_declare() -> None:
    people = Collection(name="people", fields=(field("email", identity="email"),))
    cards = Collection(name="cards", fields=(Field(name="owner", type="uuid", reference=Reference("people")),))
    made = plan("erasure", [Dataset(key="vault", collections=(people, cards))], ["email"])
    assert ("vault.people.id", "vault.cards.owner", "down") in ways(made)
    assert made.visits[0].order == (Address("vault", "cards"), Address("vault", "people"))


def test_names_with_dots_are_found() -> None:
    odd = Dataset(
        key="a.b",
        collections=(
            table("public.people", field("e.mail", identity="email"), field("at", fields=(field("ho.me"),))),
            table("x", field("p", to("a.b")), after=("a.b.public.people",)),
        ),
    )
    link = replace(to("x.y"), dataset="a.b", field="public.people.at.ho.me")
    odd = replace(odd, collections=(odd.collections[0], table("x", field("p", link), after=("a.b.public.people",))))
    assert own(plan("access", [odd], ["email"])) == {"a.b.public.people", "a.b.x"}


NEXT = field("next", to("d.notes.id", "to"))


@pytest.mark.parametrize("said", ["", "from", "to"])
def test_a_reference_of_a_collection_to_itself_is_followed_as_said_or_neither_way(said: Direction) -> None:
    people = table("people", field("email", identity="email"), field("by", to("d.people.id", said)))
    made = plan("access", [Dataset(key="d", collections=(people,))], ["email"])
    found = {"": set(), "from": {("d.people.id", "d.people.by", "from")}, "to": {("d.people.by", "d.people.id", "to")}}
    assert ways(made) == found[said]
    told = [note for note in made.notes if "`d.people.by`" in note]
    assert len(told) == (not said)
    assert all("`direction: from`" in note and "`direction: to`" in note for note in told)


def test_a_self_reference_that_has_its_direction_at_the_other_end_is_not_told() -> None:
    fields = (field("id", to("d.people.by", "to"), primary_key=True), field("email", identity="email"))
    people = Collection(name="people", fields=(*fields, field("by", to("d.people.id"))))
    made = plan("access", [Dataset(key="d", collections=(people,))], ["email"])
    assert ways(made) == {("d.people.id", "d.people.by", "to")}
    assert made.notes == ()


def test_a_self_reference_of_what_is_not_read_is_not_told() -> None:
    assert plan("access", [two(table("island", field("next", to("d.island.id"))))], ["email"]).notes == ()


STAFF = table("staff", field("badge", identity="badge"), field("office", to("d.offices.id")))


def served(direction: Direction = "") -> Dataset:
    orders = table("orders", field("person", to("d.people.id")), field("handler", to("d.staff.id", direction)))
    return two(orders, STAFF, table("offices"), table("desks", field("staff", to("d.staff.id"))))


def test_without_a_direction_nothing_leads_up_to_where_people_are_looked_up() -> None:
    made = plan("access", [served()], ["email"])
    assert own(made) == {"d.people", "d.orders"}
    assert referred(made) == set()
    staff, offices, desks = (
        next(gap for gap in made.unreached if gap.address.collection == name) for name in ("staff", "offices", "desks")
    )
    assert staff.why == "people are looked up here by `badge`, which the request does not give"
    assert staff.hint.startswith("give `badge` as well; or, if what `d.orders.handler` refers to")
    assert "where people are looked up" in offices.why and "`d.staff`" in offices.why
    for gap in (staff, offices, desks):
        assert "add `direction: to` to the reference of `d.orders.handler` to `d.staff.id`" in gap.hint
        assert gap.place == "d.orders.handler"
    assert own(plan("access", [served("to")], ["email"])) == {"d.people", "d.orders", "d.staff", "d.desks"}


def test_of_a_reference_that_is_read_from_the_other_end_the_line_stands_there() -> None:
    items = table("items", field("owner", to("d.people.id")), field("maker"))
    fields = (field("id", to("d.items.maker"), primary_key=True), field("badge", identity="badge"))
    made = plan("access", [two(items, Collection(name="makers", fields=fields))], ["email"])
    assert made.unreached[0].place == "d.makers.id"
    assert "add `direction: from` to the reference of `d.makers.id` to `d.items.maker`" in made.unreached[0].hint


def test_what_is_only_referred_to_leads_to_what_it_is_said_to_refer_to_and_to_nothing_that_refers_to_it() -> None:
    held = two(
        table("orders", field("person", to("d.people.id")), field("shop", to("d.shops.id"))),
        table("shops", field("town", to("d.towns.id")), field("owner", to("d.owners.id", "to"))),
        table("sales", field("shop", to("d.shops.id", "from"))),
        Collection(name="signs", fields=(field("shop", to("d.shops.id"), primary_key=True),)),
        table("owners"),
        table("towns"),
    )
    made = plan("access", [held], ["email"])
    assert referred(made) - own(made) == {"d.shops", "d.towns", "d.owners"}
    assert {str(gap.address): gap.place for gap in made.unreached} == {
        "d.sales": "d.orders.shop",
        "d.signs": "d.orders.shop",
    }
    assert "`d.signs.shop` is the same as `d.shops.id`" in made.unreached[1].why


# --- order --------------------------------------------------------------------------------------------------------


def number(made: Plan, name: str) -> int:
    return min(turn.number for turn in made.turns for member in turn.members if str(member) == name)


def over(made: Plan, name: str) -> set[str]:
    found: set[str] = set()
    waiting = [number(made, name)]
    while waiting:
        for before in made.turns[waiting.pop()].after:
            waiting.append(before)
            found |= {str(member) for member in made.turns[before].members}
    return found


def test_circles_are_read_together() -> None:
    made = plan("access", [SHOP], ["email"])
    turn = made.turns[number(made, "shop.orders")]
    assert [str(member) for member in turn.members] == ["shop.invoices", "shop.orders"]
    assert turn.again
    assert not made.turns[number(made, "shop.items")].again
    made = plan("access", [two(table("notes", field("person", to("d.people.id")), NEXT))], ["email"])
    assert made.turns[number(made, "d.notes")].again


def test_collections_wait_for_those_that_they_are_said_to_come_after() -> None:
    made = plan("access", [two(table("a", field("e", identity="email"), after=("d.people",)))], ["email"])
    assert over(made, "d.a") == {"d.people"}
    assert made.turns[number(made, "d.people")].after == ()


def test_datasets_wait_for_datasets() -> None:
    late = replace(two(key="a"), after=("z",))
    made = plan("access", [late, two(key="z")], ["email"])
    assert "z.people" in over(made, "a.people")
    assert [str(member) for turn in made.turns for member in turn.members] == ["z.people", "a.people"]


def test_an_order_that_references_forbid_is_told_and_left() -> None:
    people = table("people", field("email", identity="email"), after=("d.notes",))
    notes = table("notes", field("person", to("d.people.id")))
    made = plan("access", [Dataset(key="d", collections=(people, notes))], ["email"])
    assert number(made, "d.people") < number(made, "d.notes")
    assert "`d.people` cannot be read after `d.notes` in every turn: references lead the other way" in made.notes


# --- erasing ------------------------------------------------------------------------------------------------------


def order(made: Plan, key: str) -> list[str]:
    return next([one.collection for one in visit.order] for visit in made.visits if visit.dataset == key)


def test_what_refers_is_erased_before_what_it_refers_to() -> None:
    made = plan("erasure", [SHOP, DESK], ["email"])
    assert order(made, "shop") == ["addresses", "items", "invoices", "orders", "reviews", "customers"]


def test_circles_are_cut_at_a_field_that_can_be_null() -> None:
    made = plan("erasure", [SHOP], ["email"])
    shop = made.visits[0]
    orders, invoices, reviews = (Address("shop", name) for name in ("orders", "invoices", "reviews"))
    assert shop.cuts == (Cut(orders, "invoice_id", invoices), Cut(reviews, "parent_id", reviews))
    assert any("`shop.orders.invoice_id`" in note and "set to null" in note for note in made.notes)


def test_a_circle_of_fields_that_cannot_be_null_is_told() -> None:
    a = table("a", field("b", to("d.b.id"), nullable=False), field("person", to("d.people.id")))
    b = table("b", field("a", to("d.a.id"), nullable=False))
    made = plan("erasure", [two(a, b)], ["email"])
    assert [cut.nullable for cut in made.visits[0].cuts] == [False]
    assert any("cannot be null" in note for note in made.notes)


def test_what_is_said_of_erasing_orders_collections_and_datasets() -> None:
    one, other = two(table("a", field("p", to("d.people.id")))), two(key="e")
    first = replace(one.collections[1], erase_after=("d.people",))
    last = replace(one.collections[0], erase_after=("e.people",))
    made = plan("erasure", [replace(one, collections=(last, first)), other], ["email"])
    assert [visit.dataset for visit in made.visits] == ["e", "d"]
    assert made.visits[1].after == ("e",)
    assert order(made, "d") == ["people", "a"]


def test_foreign_keys_that_only_the_system_tells_of_order_the_erasure() -> None:
    drawn = two(table("a", field("email", identity="email"), field("p")), table("z", field("email", identity="email")))
    seen = replace(drawn, collections=(drawn.collections[0], table("a"), table("z", field("p", to("d.a.id", "from")))))
    assert order(plan("erasure", [drawn], ["email"]), "d") == ["a", "people", "z"]
    assert order(plan("erasure", [drawn], ["email"], seen=[seen]), "d") == ["people", "z", "a"]


def test_what_is_read_only_or_only_referred_to_is_not_visited() -> None:
    fixed = Collection(name="ledger", fields=(field("person", to("d.people.id"), read_only=True),))
    made = plan(
        "erasure",
        [two(fixed, table("x", field("p", to("d.people.id")), field("y", to("d.y.id"))), table("y"))],
        ["email"],
    )
    assert order(made, "d") == ["x", "people"]
    assert "`d.ledger` is read only: what it holds of her remains" in made.notes


def test_an_access_visits_nothing() -> None:
    assert plan("access", [SHOP], ["email"]).visits == ()


# --- what is not reached ------------------------------------------------------------------------------------------


def gaps(*datasets: Dataset) -> dict[str, tuple[str, str]]:
    return {str(gap.address): (gap.why, gap.hint) for gap in plan("access", datasets, ["email"]).unreached}


def test_what_hangs_on_what_is_only_referred_to_says_which_line_to_add() -> None:
    mails = table("mails", field("email", identity="email"), field("user_id", to("d.users.id")))
    orders = table("orders", field("user_id", to("d.users.id")))
    made = plan("access", [Dataset(key="d", collections=(mails, table("users"), orders))], ["email"])
    assert [str(gap.address) for gap in made.unreached] == ["d.orders"]
    assert made.unreached[0].place == "d.mails.user_id"
    assert "add `direction: to` to the reference of `d.mails.user_id` to `d.users.id`" in made.unreached[0].hint
    said = table("mails", field("email", identity="email"), field("user_id", to("d.users.id", "to")))
    mended = plan("access", [Dataset(key="d", collections=(said, table("users"), orders))], ["email"])
    assert own(mended) == {"d.mails", "d.users", "d.orders"}


def test_every_gap_has_its_reason() -> None:
    by_phone = table("calls", field("phone", identity="phone_number"))
    island = table("island", field("name", labels=("user.name",)))
    shore = table("shore", field("i", to("d.island.id")))
    found = gaps(SHOP, two(by_phone, island, shore, table("colours")))
    assert found["shop.log"] == ("requests leave it out (`skip_processing`)", "")
    assert found["shop.newsletter"][1] == "add `identity: email` to the `fides_meta` of `shop.newsletter.mail`"
    assert found["d.calls"][1] == "give `phone_number` as well"
    assert "`references`" in found["d.island"][1]
    assert found["d.shore"][0] == "nothing leads here but `d.island`, and nothing leads there"
    assert found["d.colours"] == ("no field of it holds an identity, and no reference leads here", "")


def test_people_who_count_as_hers_are_told() -> None:
    def told(*fields: Field, direction: Direction = "") -> list[str]:
        made = plan("erasure", [two(table("friends", field("of", to("d.people.id", direction)), *fields))], ["email"])
        return [note for note in made.notes if "counts as hers" in note]

    assert told() == told(field("email", identity="email"), direction="from") == []
    assert "`d.friends` holds people" in told(field("phone", identity="phone"))[0]
    assert "unless" not in told(field("phone", identity="phone"))[0]
    assert "unless it holds another's `email`" in told(field("email", identity="email"))[0]


def test_people_who_are_only_referred_to_are_told() -> None:
    made = plan("erasure", [DESK], ["email"])
    assert any("`desk.agents` is only referred to" in note and "`desk.tickets.agent_id`" in note for note in made.notes)


# --- faults -------------------------------------------------------------------------------------------------------


def test_all_faults_are_told_at_once_with_their_places_and_near_names() -> None:
    broken = two(
        table("a", field("p", to("d.peple.id"))),
        table("b", field("p", to("d.people.emial"))),
        table("c", field("p", to("e.people.id")), after=("d.peopel",), erase_after=("d.zzz",)),
    )
    found = faults(broken)
    assert [at for at, _, _ in found] == ["d.a.p", "d.b.p", "d.c.p", "d.c", "d.c"]
    assert found[0][2] == "did you mean `people.id`?"
    assert found[1][2] == "did you mean `email`?"
    assert found[3][2] == "did you mean `d.people`?"


def test_orders_that_go_in_a_circle_are_refused() -> None:
    a, b = table("a", after=("d.b",)), table("b", after=("d.a",))
    assert faults(two(a, b)) == [("d.a", "`after` goes in a circle: `d.a`, `d.b`", "take one of them away")]
    assert faults(two(table("a", erase_after=("d.a",))))[0][1] == "`erase_after` goes in a circle: `d.a`"
    x, y = replace(two(key="x"), after=("y",)), replace(two(key="y"), after=("x",))
    assert "circle" in faults(x, y)[0][1]
    assert "no such dataset" in faults(replace(x, after=("q",)))[0][1]


def test_kinds_of_identity_that_nobody_declares_are_told() -> None:
    assert faults(SHOP, kinds=("emial",)) == [
        ("identities", "no field is looked up by `emial`", "did you mean `email`?")
    ]
    assert faults(SHOP, kinds=()) == [("identities", "expected at least one identity", "")]
    made = plan("access", [SHOP], ["email", "e_mail"])
    assert "no field is looked up by `e_mail`; did you mean `email`?" in made.notes
