"""The format of stored data: numbered scripts that lead from one to the next, and the refusal of newer data.

The number stands in the file's header, with a mark that the file is ours. Tables that `define` makes are not the
business of these scripts: only what the engine itself keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files

import apsw

from privet.errors import NewerData, Refused

MARK = 0x50525654  # SQLite's application_id; the letters PRVT


def scripts(engine: str) -> tuple[str, ...]:
    """Return an engine's scripts, `sql/<engine>_0001.sql` onwards; the last one's number is the newest format."""
    folder = files("privet.store").joinpath("sql")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.startswith(f"{engine}_"))
    return tuple(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def migrate(connection: apsw.Connection, steps: Sequence[str], save: Callable[[int], object]) -> None:
    """Bring the database to format `len(steps)`, each step in a transaction of its own.

    `save` is called once with the present format, before the first step, unless the database is empty. Raises
    NewerData where the file's format is above ours, Refused where the file is not ours.
    """
    mark, at = connection.pragma("application_id"), connection.pragma("user_version")
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    if (mark != MARK or at < 1) and not empty:
        raise Refused("expected a Privet store, found the database of another program")
    if at > len(steps):
        raise NewerData(
            f"the store has format {at}, this program reads up to {len(steps)}", hint="install a newer Privet"
        )
    if at < len(steps) and not empty:
        save(at)
    for number in range(at + 1, len(steps) + 1):
        with connection:
            connection.execute(steps[number - 1])
            connection.pragma("application_id", MARK)
            connection.pragma("user_version", number)
