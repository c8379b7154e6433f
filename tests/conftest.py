"""What every test shares."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.billing.databases import Databases
    from tests.billing.postgres import Postgres

# The same examples every time on a build machine; new ones at a desk. No deadline: machines differ.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

# Kivy reads pytest's command line and writes log files into the home unless told otherwise.
os.environ.setdefault("KIVY_NO_ARGS", "1")
os.environ.setdefault("KIVY_NO_FILELOG", "1")


# What tests write waits for no disk, which others use too: in memory, where there is room. Nothing that is durable is
# proved by a disk here: tests of it watch and cut off the calls that ask for it.
MEMORY, ROOM_BYTES = "/dev/shm", 4 * 10**9
if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
    os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = MEMORY


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """One PostgreSQL server for all tests of this process. Imported here: most tests need no server at all."""
    from tests.billing.databases import Databases
    from tests.billing.postgres import programs, running_postgres

    with ExitStack() as stack:

        @cache
        def postgres() -> Postgres:
            if programs() is None:
                pytest.skip("PostgreSQL is not installed")
            return stack.enter_context(running_postgres())

        yield Databases(tmp_path_factory.mktemp("databases"), postgres)
