"""P1: what a process acknowledged is there after it was killed in mid work."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from privet.errors import VaultBusy
from privet.store.engines.sqlite import open_store
from privet.store.port import Select

CHILD = """
import asyncio, os, sys
from privet.store.engines.sqlite import open_store
from privet.store.port import Column, Insert, Shape, Unit

store = open_store(sys.argv[1], checkpoint_pages=200)
columns = (Column("n", "int"), Column("body", "blob"))
store.define((Shape(name="one", columns=columns, key=("n",)), Shape(name="two", columns=columns, key=("n",))))

async def writer(first):
    for n in range(first, first + 1_000_000, 64):
        row = ((n, os.urandom(200)),)
        await store.write(Unit((Insert("one", ("n", "body"), row), Insert("two", ("n", "body"), row))))
        os.write(1, b"%d\\n" % n)

async def main():
    await asyncio.gather(*(writer(int(sys.argv[2]) + n) for n in range(64)))

asyncio.run(main())
"""


@pytest.mark.parametrize("round_number", range(4))
def test_every_acknowledged_write_survives_kill_9(tmp_path: Path, round_number: int) -> None:
    path = str(tmp_path / "vault")
    acked: set[int] = set()
    for start in (0, 10_000_000):
        child = subprocess.Popen([sys.executable, "-c", CHILD, path, str(start)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        for _ in range(random.Random(round_number + start).randrange(50, 1500)):
            acked.add(int(child.stdout.readline()))
        if start == 0 and round_number == 0:
            with pytest.raises(VaultBusy):
                open_store(path)
        os.kill(child.pid, signal.SIGKILL)
        # The last line may be cut short, and then its writer was not answered.
        rest = child.stdout.read()
        acked.update(int(line) for line in rest.split(b"\n")[:-1])
        child.wait()
        child.stdout.close()
    store = open_store(path)
    one, two = ({row[0] for row in store.select(Select(table=t, columns=("n",)))} for t in ("one", "two"))
    store.close()
    assert acked <= one
    assert one == two
