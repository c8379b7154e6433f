"""A real PostgreSQL on loopback, as Debian packages it, for as long as the tests run."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, text

from billing.database import open_database

TEMPLATE = "furnished"
# The tests ask whether the words are right, not whether the disk is: what makes it durable is off.
COMMON = "-c max_connections=60"
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB"


def programs() -> Path | None:
    """Where initdb and pg_ctl are; the newest version there is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Postgres:
    """A running server. `fresh()` is a database of its own, copied from the furnished template."""

    def __init__(self, port: int) -> None:
        self._url = f"postgresql://billing@127.0.0.1:{port}"
        self._numbers = itertools.count(1)
        self._is_furnished = False

    def fresh(self, furnish: Callable[[Engine], None]) -> str:
        if not self._is_furnished:
            self._do(f"CREATE DATABASE {TEMPLATE}")
            engine = open_database(f"{self._url}/{TEMPLATE}")
            furnish(engine)
            engine.dispose()
            self._is_furnished = True
        name = f"test_{next(self._numbers)}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return f"{self._url}/{name}"

    def empty(self) -> str:
        name = f"test_{next(self._numbers)}"
        self._do(f"CREATE DATABASE {name}")
        return f"{self._url}/{name}"

    def _do(self, statement: str) -> None:
        url = self._url.replace("postgresql:", "postgresql+psycopg:") + "/postgres"
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def running_postgres(*, is_durable: bool = False, parent: Path | None = None) -> Iterator[Postgres]:
    """`is_durable`: as it keeps what it acknowledged in the field, for benchmarks; `parent`: where its files go.

    Raises FileNotFoundError where PostgreSQL is not installed.
    """
    where = programs()
    if where is None:
        raise FileNotFoundError("no /usr/lib/postgresql/*/bin/initdb: install Debian's postgresql")
    folder = tempfile.mkdtemp(prefix="kiosk-pg-", dir=parent)
    as_owner: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]

    def run(*words: str) -> None:
        subprocess.run([*as_owner, *words], check=True, cwd=folder, capture_output=True, timeout=120)

    data = f"{folder}/data"
    run(f"{where}/initdb", "-D", data, "-U", "billing", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} {COMMON}" + ("" if is_durable else f" {FAST}")
    run(f"{where}/pg_ctl", "-D", data, "-o", options, "-l", f"{folder}/log", "-w", "start")
    try:
        yield Postgres(port)
    finally:
        run(f"{where}/pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
