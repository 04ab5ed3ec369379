"""The physical tables of this room."""

from __future__ import annotations

from dataclasses import replace

from privet.store.port import Column, Shape

QUEUES = Shape(
    name="queues",
    columns=(
        Column("queue", "text", null=False),
        Column("principal", "text", null=False),
        Column("record", "blob", null=False),
        Column("owner", "blob", null=False),
        Column("until", "int", null=False),
        Column("mac", "blob", null=False),
    ),
    key=("queue", "principal", "record"),
    indexes=(("principal",), ("record",), ("until",)),
)
CONSENTS = Shape(
    name="consents",
    columns=(
        Column("subject", "blob", null=False),
        Column("key", "text", null=False),
        Column("place", "int", null=False),
        Column("newest", "int", null=False),
        Column("state", "text", null=False),
        Column("at", "int", null=False),
        Column("written", "int", null=False),
        Column("source", "text", null=False),
        Column("text", "text", null=False),
        Column("mac", "blob", null=False),
    ),
    key=("subject", "key", "place"),
    # A question of those who consented to a key begins at its index where they are few among many records. What counts
    # stands in it, too: who has a flag is looked up for each of the records that are counted.
    indexes=(("key", "subject", "newest", "state"),),
)
POLICIES = Shape(
    name="policies",
    columns=(Column("version", "int", null=False), Column("created", "int", null=False), Column("body", "blob")),
    key=("version",),
)
PROMISES = replace(POLICIES, name="promises")  # of the control database, too
ACTIVATIONS = Shape(
    name="activations",
    columns=(Column("seq", "int", null=False), Column("body", "blob")),
    key=("seq",),
)
APPROVALS = Shape(
    name="approvals",
    columns=(Column("id", "blob", null=False), Column("expires", "int", null=False), Column("body", "blob")),
    key=("id",),
    indexes=(("expires",),),
)
SPENT = Shape(
    name="spent",
    columns=(Column("name", "blob", null=False), Column("until", "int", null=False), Column("body", "blob")),
    key=("name",),
    indexes=(("until",),),
)
SHAPES = (QUEUES, CONSENTS, POLICIES, PROMISES, ACTIVATIONS, APPROVALS, SPENT)
