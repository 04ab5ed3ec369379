"""The shelf of detectors: systems that a scan can look at, one kind a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from privet.errors import InvalidInput
from privet.scanners.base import Ask, Observed, scheme
from privet.secret import Secret
from privet.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One kind of system. `schemes`: of the DSNs that it opens. `scan`: gives what it sees, a collection at a time, by
    dataset and name; changes nothing there. Raises InvalidInput for what it is asked, Unavailable where the system or
    its driver does not answer. `whole` False: it sees a sample, so that what it does not see may be there."""

    name: str
    about: str
    schemes: tuple[str, ...]
    scan: Callable[[Ask], Iterator[Observed]]
    whole: bool = True


DETECTORS: Shelf[Detector] = Shelf("privet.scanners.detectors", Detector, word="detector")


def detector_of(dsn: Secret[str]) -> Detector:
    """Return the detector that opens a DSN. Raises InvalidInput."""
    wanted = scheme(dsn)
    known = DETECTORS.all()
    found = next((one for one in known if wanted in one.schemes), None)
    if found is None:
        names = ", ".join(f"`{name}`" for one in known for name in one.schemes)
        raise InvalidInput("no detector opens a DSN of that scheme", hint=f"schemes are {names}")
    return found
