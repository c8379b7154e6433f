"""Time in the controller: never before the bound, never more trusted than it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.transaction import ClockQuality
from kiosk.daemon import clock as clock_module
from kiosk.daemon.clock import Clock


@pytest.fixture(autouse=True)
def unsynchronised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(clock_module, "is_system_clock_synchronised", lambda: False)


def test_wall_time_is_never_before_the_last_one_known() -> None:
    later = datetime.now(UTC) + timedelta(days=30)

    now = Clock(1, True, later).now()

    assert now.wall == later
    assert now.clock_quality is ClockQuality.UNKNOWN  # whoever vouches for it, it contradicts the journal


def test_a_clock_nobody_vouches_for_is_unknown() -> None:
    assert Clock(1, False, None).now().clock_quality is ClockQuality.UNKNOWN


def test_a_trusted_clock_is_synchronised() -> None:
    assert Clock(1, True, None).now().clock_quality is ClockQuality.SYNCHRONISED


def test_a_clock_that_was_synchronised_is_estimated_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_module, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(clock_module, "is_system_clock_synchronised", lambda: True)
    clock = Clock(1, False, None)
    assert clock.now().clock_quality is ClockQuality.SYNCHRONISED

    monkeypatch.setattr(clock_module, "is_system_clock_synchronised", lambda: False)

    assert clock.now().clock_quality is ClockQuality.ESTIMATED


def test_every_start_is_a_boot_of_its_own() -> None:
    assert Clock(1, True, None).boot_id != Clock(1, True, None).boot_id


def test_wall_time_runs_as_fast_as_kiosk_time(monkeypatch: pytest.MonkeyPatch) -> None:
    real_s = [100.0]
    monkeypatch.setattr(clock_module.time, "monotonic", lambda: real_s[0])
    clock = Clock(60, True, None)
    before = clock.now()
    real_s[0] += 10

    after = clock.now()

    assert after.s - before.s == 600
    assert after.wall - before.wall == timedelta(seconds=600)
