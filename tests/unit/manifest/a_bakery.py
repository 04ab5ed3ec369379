"""An invented bakery: its manifest as values, and the map of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from privet.codec import Node, Place
from privet.manifest.atlas.lineage import NO_LINEAGE, Lineage
from privet.manifest.atlas.whole import Atlas, atlas
from privet.manifest.resources import Manifest, Organization, ResourceType
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Native
from privet.vocabulary.system import Declaration, Flow, System
from privet.vocabulary.taxonomy import Label

MADE = "2026-01-02T03:04:05+00:00"


def node(value: Any) -> Node:
    """Return plain values as a file would give them."""
    if isinstance(value, Mapping):
        return Node({key: node(item) for key, item in value.items()}, Place("bakery.yml", 1, 1))
    if isinstance(value, list):
        return Node([node(item) for item in value], Place("bakery.yml", 1, 1))
    return Node(value, Place("bakery.yml", 1, 1))


ORGANIZATION = Organization(
    key="default_organization",
    name="Crumb & Crust Bakery",
    laws=("gdpr",),
    facts={
        "controller": {
            "name": "Crumb & Crust Ltd",
            "address": "1 Oven Lane, Exampleton",
            "email": "hello@example.com",
            "phone": "+1 202 555 0101",
        },
        "data_protection_officer": {"name": "Pat Officer", "email": "dpo@example.com"},
    },
)

CRM = Dataset(
    key="crm_db",
    name="Customer base",
    description="Who buys bread.",
    collections=(
        Collection(
            name="users",
            description="One line a customer.",
            fields=(
                Field(name="id", type="integer", native=Native(data_type="integer", primary_key=True, nullable=False)),
                Field(
                    name="email",
                    type="contact.email",
                    labels=("user.contact.email",),
                    description="Where receipts go.",
                    native=Native(data_type="string", identity="email", column_type="VARCHAR(80)"),
                ),
                Field(
                    name="address",
                    type="json",
                    fields=(
                        Field(name="street", type="string", labels=("user.contact.address.street",)),
                        Field(name="city", type="string", labels=("user.contact.address.city",)),
                    ),
                ),
                Field(name="tags", type="string", array=True, labels=("user.loyalty",)),
            ),
        ),
    ),
)

ORDERS = Dataset(
    key="orders_db",
    name="",
    collections=(
        Collection(
            name="orders",
            fields=(
                Field(name="id", type="integer", native=Native(primary_key=True)),
                Field(
                    name="user_id",
                    type="integer",
                    labels=("user.unique_id",),
                    native=Native(links=(Link("crm_db", "users.id", "from"),)),
                ),
                Field(name="total", type="decimal", labels=("user.financial",)),
            ),
        ),
    ),
)

LOGS = Dataset(
    key="old_logs",
    collections=(
        Collection(name="visits", fields=(Field(name="ip", type="device.ip", labels=("user.device.ip_address",)),)),
    ),
)

SHOP = System(
    key="shop",
    name="Web shop",
    kind="Service",
    description="Sells bread.",
    ingress=(Flow(key="user", kind="user"),),
    egress=(Flow(key="mailer", kind="system", categories=("user.contact.email",)), Flow(key="bank", kind="system")),
    declarations=(
        Declaration(
            name="Sell bread",
            categories=("user.contact", "user.financial"),
            use=Purpose("essential.service"),
            subjects=("customer",),
            datasets=("crm_db", "orders_db"),
            egress=("bank",),
            legal_basis="Contract",
            retention="6 years",
        ),
        Declaration(
            categories=("user.contact.email", "user.loyalty"),
            use=Purpose("marketing.communications.email"),
            subjects=("customer",),
            datasets=("crm_db",),
            legal_basis="Legitimate interests",
            facts={
                "data_shared_with_third_parties": True,
                "third_parties": "printers of leaflets",
                "shared_categories": ["user.contact.address"],
                "impact_assessment_location": "https://example.com/lia",
            },
        ),
    ),
    facts={
        "administrating_department": "Sales",
        "responsibility": ["Controller"],
        "does_international_transfers": True,
        "legal_basis_for_transfers": ["SCC"],
        "data_security_practices": "Encrypted at rest",
        "requires_data_protection_assessments": True,
        "dpa_progress": "In progress",
        "dpa_location": "https://example.com/dpia",
        "uses_profiling": False,
        "joint_controller_info": "Flour Power GmbH",
    },
)

MAILER = System(
    key="mailer",
    name="Mail sender",
    kind="Service",
    ingress=(Flow(key="shop", kind="system"),),
    declarations=(
        Declaration(
            name="Deliver mail",
            categories=("user.contact.email",),
            use=Purpose("essential.service.notifications.email"),
        ),
    ),
    facts={"responsibility": ["Processor"], "administrating_department": "Not defined"},
)

OVEN = System(key="oven", kind="Service", declarations=(), facts={"processes_personal_data": False})

NODES: dict[tuple[ResourceType, str], Node] = {
    ("data_subject", "customer"): node(
        {
            "fides_key": "customer",
            "rights": {"strategy": "INCLUDE", "values": ["Erasure", "Access"]},
            "automated_decisions_or_profiling": False,
        }
    ),
    ("dataset", "old_logs"): node({"fides_key": "old_logs", "retention": "30 days"}),
    ("organization", "default_organization"): node({"security_policy": "https://example.com/security"}),
}

MANIFEST = Manifest(
    files=("bakery.yml",),
    organizations=(ORGANIZATION,),
    systems=(SHOP, MAILER, OVEN),
    datasets=(CRM, ORDERS, LOGS),
    labels=(
        Label(
            key="user.loyalty", kind="category", name="Loyalty", description="Stamps on the bread card.", parent="user"
        ),
    ),
    nodes=NODES,
)


def bakery(lineage: Lineage = NO_LINEAGE) -> Atlas:
    """Return the map of the bakery."""
    return atlas(MANIFEST, made=MADE, lineage=lineage)
