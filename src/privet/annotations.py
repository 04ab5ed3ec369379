"""What programs say of their own fields: `Annotated[str, Privacy("user.contact.email")]`.

Nothing else of Privet is imported here, and nothing happens at run time: readers find it in the source.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Privacy:
    """The category of a field, or several. `use`: what it is for. `subject`: whom the record is about. `identity`: the
    kind of identity that people are looked up by (`email`). All are keys of the taxonomy, or the team's own.

    >>> Privacy("user.contact.email", subject="customer").category
    'user.contact.email'
    """

    category: str | tuple[str, ...]
    use: str = ""
    subject: str = ""
    identity: str = ""
