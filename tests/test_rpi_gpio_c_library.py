"""The same GPIO driver on the real RPi.GPIO C library, whose registers are a file.

RPi.GPIO and rpi-lgpio both install the package `RPi`, so this one has an environment of its own, .venv-rpigpio/,
made at the first run. Its /dev/gpiomem and /proc/cpuinfo live in a private mount namespace, which needs root.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.bytes, pytest.mark.root, pytest.mark.xdist_group("rpi_gpio")]
ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "tests" / "rpi_gpio"
VENV = ROOT / ".venv-rpigpio"
REQUIREMENT = "RPi.GPIO>=0.7.1,<0.8"
INPUT, OUTPUT = 0, 1
PULL_UP = 1


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        text=True,
        capture_output=True,
        timeout=170,
        check=False,
    )


def environment_python() -> Path:
    """The interpreter of .venv-rpigpio/; made where it is missing or half made."""
    python = VENV / "bin" / "python"
    if python.exists() and run(python, "-m", "pip", "show", "-q", "RPi.GPIO").returncode == 0:
        return python
    shutil.rmtree(VENV, ignore_errors=True)
    steps: list[list[str | Path]] = [
        [sys.executable, "-m", "venv", VENV],
        [python, "-m", "pip", "install", "-q", REQUIREMENT],
    ]
    for command in steps:
        done = run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return python


@pytest.fixture(scope="module")
def saw(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the registers showed while the driver worked."""
    if os.geteuid() != 0:
        pytest.skip("needs root: a private /dev/gpiomem is a mount")
    stage = tmp_path_factory.mktemp("registers")
    tried = run("unshare", "--mount", HERE / "in_namespace.sh", stage, "true")
    if tried.returncode != 0:
        pytest.skip(f"this machine does not permit mounts in a private namespace: {tried.stderr.strip()}")
    if shutil.which("cc") is None and shutil.which("gcc") is None and not VENV.exists():
        pytest.skip("no C compiler, and RPi.GPIO has no wheel for this machine")
    python = environment_python()
    done = run("unshare", "--mount", HERE / "in_namespace.sh", stage, python, HERE / "drive.py", PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    assert list(stage.iterdir()) == [] and not Path("/dev/gpiomem").is_file(), "something was left behind"
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_it_is_the_c_library_that_ran(saw: dict[str, Any]) -> None:
    assert ".venv-rpigpio" in saw["library"] and saw["library"].endswith(".so")
    assert saw["health"] == [""] * 5


def test_pins_are_set_up_as_they_are_wired(saw: dict[str, Any]) -> None:
    assert saw["functions"] == {"17": OUTPUT, "23": OUTPUT, "5": OUTPUT, "27": OUTPUT, "4": INPUT, "22": INPUT}
    assert saw["pulls"] == {"4": PULL_UP, "22": PULL_UP}


def test_contactors_begin_open_and_a_lock_as_it_was(saw: dict[str, Any]) -> None:
    assert saw["first"] == {"coil": 0, "coil_low": 1, "lock": 1}


def test_a_contactor_closes_and_opens_and_its_feedback_is_read(saw: dict[str, Any]) -> None:
    assert saw["closed"] == {"coil": 1, "coil_low": 0}
    assert saw["open"] == 0
    assert saw["feedback_closed"] and saw["feedback_open"]


def test_a_cut_wire_reads_as_active(saw: dict[str, Any]) -> None:
    assert saw["cut_wire_is_active"] and saw["closed_loop_is_inactive"]


def test_each_beat_changes_the_line(saw: dict[str, Any]) -> None:
    assert saw["beats"] == [1, 0, 1, 0, 1, 0]


def test_closing_gives_the_pins_back(saw: dict[str, Any]) -> None:
    assert saw["after_close"] == {"17": INPUT, "23": INPUT, "5": INPUT, "27": INPUT}
