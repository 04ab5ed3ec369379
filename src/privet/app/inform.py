"""Letters about requests: to the person, in the unit of what she is told, and to the house where time runs out.

What a letter says stands in `rights.letters`; when it goes out, and that it does so once, is the business of `mail`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, get_args

from privet.errors import InvalidInput
from privet.rights.asked import Request
from privet.rights.clock import Event, Notice, Place, day_of, days_left, zone_of
from privet.store.port import Step

if TYPE_CHECKING:
    from privet.app.wiring import House

log = logging.getLogger("privet.inform")

# They say that a request was made, what came of it or why it takes longer, and nothing of her: so they may go to an
# address that nobody proved to be hers. The others are about requests that ran, and none runs unproved.
_BEFORE_PROOF = ("received", "denied", "extended")


def place_of(house: House) -> Place:
    """Return where the house's days end."""
    said = house.settings.privacy
    return Place(said.country, said.state, said.time_zone)


def to_person(house: House, event: str, request: Request, identities: Mapping[str, Any]) -> Sequence[Step]:
    """Return the steps that write a letter of an event to the person; () where there is no way to.

    Of a dry run nobody is told. What somebody consents to, or refuses, she sees where she said it.
    """
    said_there = request.kind == "consent" or request.opened_by == "choices"
    if request.dry or said_there or not (request.verified or event in _BEFORE_PROOF):
        return ()
    facts = _facts(house, event, request)
    to = _address(identities)
    return _post(house, event, request, to, request.language, facts) if to and facts is not None else ()


def to_house(house: House, notice: Notice, now_ms: int) -> Sequence[Step]:
    """Return the steps that write to whoever answers people's requests that time runs out; () where nobody is named."""
    said, request = house.settings.privacy, notice.request
    until = _until(notice.event, request)
    if not said.contact or until is None:
        return ()
    facts: dict[str, Any] = {
        "asked": request.kind,
        "received": _day(house, request.received_ms),
        "due": _day(house, until),
    }
    if notice.event == "warning":
        facts["days"] = days_left(until, now_ms, said.time_zone)
    return _post(house, notice.event, request, said.contact, said.language, facts)


def _until(event: str, request: Request) -> int | None:
    """Return the end of the time of which a letter to the house warns."""
    return request.acknowledge_ms if event == "acknowledge" else request.due_ms


def _facts(house: House, event: str, request: Request) -> dict[str, Any] | None:
    """Return what a letter says beside the kind of the request, None where that is not known."""
    asked: dict[str, Any] = {"asked": request.kind}
    due = None if request.due_ms is None else _day(house, request.due_ms)
    if event == "received":
        return None if due is None else {**asked, "received": _day(house, request.received_ms), "due": due}
    if event == "ready":
        until = request.package_until_ms
        if until is None:
            return None
        return {
            **asked,
            "until": datetime.fromtimestamp(until / 1000, zone_of(house.settings.privacy.time_zone)),
            "downloads": house.settings.privacy.downloads,
        }
    if event == "denied":
        return {**asked, "reason": request.reason}
    if event == "extended":
        return None if due is None else {**asked, "reason": request.extended, "due": due}
    return asked


def _post(house: House, event: str, request: Request, to: str, language: str, facts: dict[str, Any]) -> Sequence[Step]:
    if house.settings.mail is None:
        return ()
    from privet.app.mail import post  # many houses have no mail server

    # The date tells a second letter of an event (after a retry, or more time) from the first.
    about = str(_until(event, request) if event in get_args(Event) else request.ended_ms or "")
    try:
        return post(house, event, request=request.id, to=to, language=language, event=about, **facts)
    except InvalidInput as error:
        log.warning("no letter %s about request %s: %s", event, request.id, error.code)
        return ()


def _address(identities: Mapping[str, Any]) -> str:
    held = identities.get("email", "")
    return str(held[0]) if isinstance(held, list) else str(held)


def _day(house: House, at_ms: int) -> date:
    return day_of(at_ms, house.settings.privacy.time_zone)
