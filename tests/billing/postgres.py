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

# The tests ask whether the words are right, not whether the disk is: what makes it durable is off.
COMMON = "-c max_connections=60"
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=16MB -c autovacuum=off"


def programs() -> Path | None:
    """Where initdb and pg_ctl are; the newest version there is."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Postgres:
    """A running server. `fresh()` is a database of its own, copied from a template."""

    def __init__(self, port: int) -> None:
        self._url = f"postgresql://billing@127.0.0.1:{port}"
        self._numbers = itertools.count(1)
        self._templates: set[str] = set()
        in_charge = self._url.replace("postgresql:", "postgresql+psycopg:") + "/postgres"
        self._in_charge = create_engine(in_charge, isolation_level="AUTOCOMMIT", pool_size=1)

    def fresh(self, template: str, make: Callable[[Engine], object]) -> str:
        """A copy of `template`, which `make` makes once out of an empty database."""
        if template not in self._templates:
            self._do(f"CREATE DATABASE {template}")
            engine = open_database(f"{self._url}/{template}")
            make(engine)
            engine.dispose()
            self._templates.add(template)
        name = f"test_{next(self._numbers)}"
        # Copying files takes half the time of writing them through the log.
        self._do(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return f"{self._url}/{name}"

    def empty(self) -> str:
        name = f"test_{next(self._numbers)}"
        self._do(f"CREATE DATABASE {name}")
        return f"{self._url}/{name}"

    def drop(self, url: str) -> None:
        """Whoever is still connected is cut off."""
        self._do(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def close(self) -> None:
        self._in_charge.dispose()

    def _do(self, statement: str) -> None:
        with self._in_charge.connect() as connection:
            connection.execute(text(statement))


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
    server = Postgres(port)
    try:
        yield server
    finally:
        server.close()
        run(f"{where}/pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
