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


# Whole files are handed out (--dist loadfile). These take longest, by seconds seen, and go first: one that is begun
# last keeps a single process busy for minutes while the others have nothing left. A file that is gone may stay here.
LONGEST = (
    "test_kills", "test_disk", "test_phone_purchase", "test_fleet", "test_conditions", "test_stale_answers",
    "test_host_pages", "test_rows", "test_failures", "test_serving", "test_site_limit", "test_street",
    "test_whole_kiosk", "test_frozen_screen", "test_one_price", "test_site", "test_phone_gallery", "test_clock",
    "test_modbus_bus", "test_real_controller", "test_probe_commands", "test_every_door", "test_account_pages",
    "test_payment_pages", "test_people_pages", "test_operator_pages", "test_passkeys", "test_shared_bus", "test_caps",
)  # fmt: skip


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONGEST)))


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
