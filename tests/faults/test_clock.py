"""A real controller on a computer whose clock stands at 1970, and is set right while it runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ENVIRONMENT
from tests.daemon.test_process import Controller
from tests.drivers.patience import until

SHIM = Path(__file__).with_name("clock_shim.c")
COMPILER = shutil.which("cc")
PATIENCE_S = 30.0

pytestmark = [pytest.mark.bytes, pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")]


class SettableClock:
    """The wall clock of the processes that get `environment`."""

    def __init__(self, folder: Path) -> None:
        library, self._file = folder / "clock_shim.so", folder / "offset"
        assert COMPILER is not None
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", str(library), str(SHIM), "-ldl"], check=True)
        self.environment = {"LD_PRELOAD": str(library), "KIOSK_CLOCK_OFFSET": str(self._file)}
        self.set(0)

    def set(self, offset_s: int) -> None:
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(offset_s.to_bytes(8, sys.byteorder, signed=True))


def causes(controller: Controller) -> list[str]:
    around = ENVIRONMENT | {"KIOSK_SOCKET": str(controller.folder / "c.sock")}
    command = [sys.executable, "-m", "kiosk.cli.main", "why", "1", "--json"]
    done = subprocess.run(command, env=around, capture_output=True, text=True, timeout=60, check=False)
    return [cause["code"] for cause in json.loads(done.stdout)["causes"]]


def snapshot(controller: Controller) -> dict[str, Any]:
    with controller.call("technician") as technician:
        found: dict[str, Any] = technician.hear()["snapshot"]
        return found


def test_a_clock_at_1970_is_not_believed_and_one_that_is_set_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    clock = SettableClock(tmp_path)
    before = datetime.now(UTC)
    first = Controller(tmp_path, clock.environment)
    try:
        assert first.notice() == "READY=1"
        until(
            lambda: snapshot(first)["clock_quality"] == "synchronised", "a clock that somebody vouches for", PATIENCE_S
        )
        assert not {"clock_unknown", "clock_set"} & set(causes(first))
        first.stop()
    finally:
        first.close()

    clock.set(-int(time.time()))
    second = Controller(tmp_path, clock.environment)
    try:
        assert second.notice() == "READY=1"
        at_1970 = snapshot(second)
        assert at_1970["clock_quality"] == "unknown"
        assert datetime.fromisoformat(at_1970["at"]) >= before  # time was at least that
        assert "clock_unknown" in causes(second)

        clock.set(0)

        until(lambda: "clock_set" in causes(second), "told that it was set", PATIENCE_S)
        until(lambda: "clock_unknown" not in causes(second), "believed", PATIENCE_S)
        assert datetime.fromisoformat(snapshot(second)["at"]) >= before
        assert "the clock was set forward by" in second.stop()
    finally:
        second.close()
