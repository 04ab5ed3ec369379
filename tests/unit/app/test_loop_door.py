"""The way to a house that is open in this process, for callers without an event loop."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from privet.app.embedded import LoopDoor
from privet.app.settings import Settings
from privet.app.wiring import House, initialize, wall_clock


class Loud:
    """An answer that tells whether somebody wrote it out."""

    def __init__(self) -> None:
        self.written = 0

    def __repr__(self) -> str:
        self.written += 1
        return "loud"


def test_an_answer_is_not_written_out_on_its_way(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", key_file=tmp_path / "home" / "root.key")
    key, loud = initialize(settings, now_ms=wall_clock()), Loud()

    async def answer() -> Loud:
        return loud

    with closing(House(settings)) as house, closing(LoopDoor(house, key)) as door:
        assert door._wait(answer) is loud
    assert loud.written == 0
