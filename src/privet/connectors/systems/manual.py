"""Tasks for people: somebody looks, and erases, by hand, and answers in our queue of requests."""

from __future__ import annotations

from privet.connectors.base import Connector, Setup
from privet.connectors.profile import Profile
from privet.connectors.systems import Setting, System
from privet.connectors.systems._people import People


def open_(setup: Setup) -> Connector:
    """Return a connector whose every answer is a task."""
    return People(setup.name, str(setup.settings.get("instructions", "")))


PART = System(
    name="manual",
    title="Manual task",
    settings=(Setting(name="instructions", about="what else the person who does it should know", default=""),),
    profile=Profile(
        tried="fake",
        against="a person's answers",
        atomic=False,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=False,
        effect="nature",
        limits=("what is erased is confirmed by a person, not read back",),
    ),
    open=open_,
)
