"""The units: what systemd says of them, and what must never be loosened."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.daemon.attendance import HANGS_PATIENCE_S
from worlds.stage import SCREEN_WATCHDOG_S

SYSTEMD = Path(__file__).resolve().parent.parent / "systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
# systemd's own measure, 0 to 10; a bare unit has 9.2. The screen needs a graphics driver's machine code.
MOST_EXPOSURE = {"kiosk-controller": 1.3, "kiosk-uplink": 1.5, "kiosk-ui": 2.2}

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def settings(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if match := re.fullmatch(r"(\w+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units with a program that exists, as verify looks for it."""
    for unit in UNITS:
        text = re.sub(r"ExecStart=\S+", f"ExecStart={Path(sys.executable).resolve()}", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    return tmp_path


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_has_nothing_to_say(installed: Path, unit: Path) -> None:
    argv = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(installed / unit.name)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    assert (done.stdout + done.stderr).strip() == ""


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_exposes_no_more_than_it_must(installed: Path, unit: Path) -> None:
    argv = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(installed / unit.name)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)

    assert found is not None, done.stderr
    assert float(found[1]) <= MOST_EXPOSURE[unit.stem], done.stdout


def test_the_process_that_closes_contactors_has_no_network() -> None:
    controller = settings(SYSTEMD / "kiosk-controller.service")

    assert controller["PrivateNetwork"] == ["yes"]
    assert controller["RestrictAddressFamilies"] == ["AF_UNIX"]


def test_the_process_with_a_network_has_no_device() -> None:
    uplink = settings(SYSTEMD / "kiosk-uplink.service")

    assert uplink["PrivateDevices"] == ["yes"]
    assert "DeviceAllow" not in uplink


def test_every_process_has_a_user_of_its_own_and_comes_back() -> None:
    found = [settings(unit) for unit in UNITS]

    assert len({unit["User"][0] for unit in found}) == len(UNITS) == 3
    assert "root" not in {unit["User"][0] for unit in found}
    assert all(unit["Restart"] == ["always"] and unit["StartLimitIntervalSec"] == ["0"] for unit in found)
    made = (SYSTEMD / "kiosk.sysusers").read_text()
    assert all(re.search(rf"^u {unit['User'][0]}\s", made, re.MULTILINE) for unit in found)


def test_a_screen_that_hangs_is_killed_by_a_signal_that_stopped_processes_obey() -> None:
    screen = settings(SYSTEMD / "kiosk-ui.service")

    assert screen["Type"] == ["notify"] and screen["WatchdogSignal"] == ["SIGKILL"]
    assert [float(second) for second in screen["WatchdogSec"]] == [SCREEN_WATCHDOG_S]
    assert HANGS_PATIENCE_S < SCREEN_WATCHDOG_S, "it is told before it is over"


def test_every_unit_runs_a_program_that_setup_installs() -> None:
    scripts = (SYSTEMD.parent / "setup.py").read_text()

    for unit in UNITS:
        program = Path(settings(unit)["ExecStart"][0].split()[0]).name
        assert f'"{program}=' in scripts


def test_the_controller_gets_what_its_hardware_needs() -> None:
    devices = settings(SYSTEMD / "kiosk-controller.service")["DeviceAllow"]

    assert {"char-ttyUSB rw", "char-gpiochip rw", "/dev/gpiomem rw"} <= set(devices)


def test_the_controller_is_scheduled_as_its_reaction_time_is_measured() -> None:
    controller = settings(SYSTEMD / "kiosk-controller.service")
    benchmark = (SYSTEMD.parent / "benchmarks" / "bench_fault_latency.py").read_text()

    assert controller["CPUSchedulingPolicy"] == ["rr"] and "os.SCHED_RR" in benchmark
    assert f"UNIT_PRIORITY = {controller['CPUSchedulingPriority'][0]} " in benchmark
