"""One invented person, and twenty who are easily taken for her."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`place`: 0 for the one whose data is asked for, 1 to 20 for those who look like her."""

    place: int
    email: str
    phone: str
    first: str
    last: str
    street: str
    city: str
    postcode: str
    user_id: str

    @property
    def name(self) -> str:
        """Return first and last name."""
        return f"{self.first} {self.last}"

    def number(self, base: int) -> int:
        """Return a numeric id: hers is `base`, those of the others begin with hers."""
        return base if self.place == 0 else int(f"{base}{self.place:02d}")

    def code(self, prefix: str) -> str:
        """Return an id of text: hers is the beginning of those of the others."""
        return f"{prefix}Ada7" if self.place == 0 else f"{prefix}Ada7{self.place:02d}"


def people(email: str) -> tuple[Person, ...]:
    """Return her and the others. An e-mail that differs by case alone would be hers, so there is none."""
    local, domain = email.split("@")
    last = domain.rsplit(".", 1)[0]
    likes = [
        email,
        f"{local}.b@{domain}",
        f"{local}1@{domain}",
        f"x{local}@{domain}",
        f"{email}.example.net",
        f"{email}.au",
        f"{local}@mail.{domain}",
        f"{local}+shop@{domain}",
        f"not-{local}@{domain}",
        f"{local}_@{domain}",
        f"_{local}@{domain}",
        f"{local}%@{domain}",
        f"{local}@example.org",
        f"{local}@example.net",
        f"{local}@{last}.test",
        f"{local}{local}@{domain}",
        f"{local}-{last}@{domain}",
        f"o'{local}@{domain}",
        f"{local[:-1]}@{domain}",
        f"{local}.@{last}.invalid",
        f"*{local}@{domain}",
    ]
    return tuple(_person(place, address) for place, address in enumerate(likes))


def _person(place: int, email: str) -> Person:
    number = "+12025550100" if place == 0 else f"+12025550100{place:02d}" if place % 2 else f"+120255501{place:02d}"
    return Person(
        place=place,
        email=email,
        phone=number,
        first="Ada",
        last="Vale" if place % 3 else "Vale-Berg" if place else "Vale",
        street="7 Invented Row" if place == 0 else f"{place + 100} Other Street",
        city="Springfield",
        postcode="00007",
        user_id="u1007" if place == 0 else f"u1007{place:02d}",
    )
