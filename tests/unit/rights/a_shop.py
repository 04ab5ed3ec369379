"""Datasets for the tests of plans: short ways to write them, and a shop with a help desk."""

from __future__ import annotations

from typing import Any

from privet.vocabulary.dataset import Collection, Dataset, Direction, Field, Link, Native


def field(name: str, *links: Link, labels: tuple[str, ...] = (), fields: tuple[Field, ...] = (), **said: Any) -> Field:
    return Field(name=name, type="string", labels=labels, fields=fields, native=Native(links=links, **said))


def table(name: str, *fields: Field, **said: Any) -> Collection:
    """Return a collection whose primary key is `id`."""
    return Collection(name=name, fields=(field("id", primary_key=True, nullable=False), *fields), **said)


def to(target: str, direction: Direction = "") -> Link:
    """Return a link to `dataset.collection.field`."""
    dataset, _, rest = target.partition(".")
    return Link(dataset, rest, direction)


EMAIL = ("user.contact.email",)

SHOP = Dataset(
    key="shop",
    collections=(
        table("customers", field("email", identity="email", labels=EMAIL)),
        table("addresses", field("customer_id", to("shop.customers.id"))),
        table(
            "orders",
            field("customer_id", to("shop.customers.id")),
            field("invoice_id", to("shop.invoices.id")),
        ),
        table("invoices", field("order_id", to("shop.orders.id"), nullable=False)),
        table("items", field("order_id", to("shop.orders.id")), field("product_id", to("shop.products.id"))),
        table("products"),
        table("reviews", field("author_id", to("shop.customers.id")), field("parent_id", to("shop.reviews.id"))),
        table("newsletter", field("mail", labels=EMAIL)),
        table("log", skipped=True),
    ),
)
DESK = Dataset(
    key="desk",
    collections=(
        table("tickets", field("email", identity="email"), field("agent_id", to("desk.agents.id"))),
        table("agents", labels=("user.employee",)),
        table("shifts", field("agent_id", to("desk.agents.id"))),
    ),
)
