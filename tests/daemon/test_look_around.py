"""What the daemon notices besides its devices: who is here, a clock that was set, a device that fails."""

from __future__ import annotations

import logging

import pytest

from kiosk.daemon.attendance import GONE_PATIENCE_S, HANGS_PATIENCE_S, START_PATIENCE_S, Attendance
from kiosk.daemon.clock_steps import TOLD_S, ClockSteps
from kiosk.daemon.health_log import HealthLog
from kiosk.session.snapshot import DeviceView
from kiosk.wire import Role

BOTH = frozenset({Role.SCREEN, Role.UPLINK})


def bad(views: tuple[DeviceView, ...]) -> list[str]:
    return [view.message for view in views if not view.is_good]


def test_a_screen_that_is_away_is_told_after_a_while_and_well_when_it_is_back() -> None:
    attendance = Attendance()
    assert bad(attendance.look(BOTH, BOTH, 10.0)) == []
    assert bad(attendance.look(BOTH, {Role.UPLINK}, 12.0)) == []
    assert bad(attendance.look(BOTH, {Role.UPLINK}, 12.0 + GONE_PATIENCE_S)) == [
        "screen process: not here for 15 s. Check systemctl status kiosk-ui."
    ]
    assert bad(attendance.look(BOTH, BOTH, 60.0)) == []


def test_a_screen_that_is_here_and_hangs_is_told_until_one_that_moves_is_here() -> None:
    attendance, silent = Attendance(), {Role.SCREEN: HANGS_PATIENCE_S + 1}
    attendance.look(BOTH, BOTH, 10.0, {Role.SCREEN: 1.0})
    assert bad(attendance.look(BOTH, BOTH, 12.0, {Role.SCREEN: HANGS_PATIENCE_S - 0.1})) == []
    assert bad(attendance.look(BOTH, BOTH, 18.0, silent)) == [
        "screen process: here, and hangs for 6 s. Check systemctl status kiosk-ui."
    ]
    assert bad(attendance.look(BOTH, {Role.UPLINK}, 20.0)) == [
        "screen process: not here for 8 s. Check systemctl status kiosk-ui."
    ], "its watchdog killed it: that is not yet the end of it"
    assert bad(attendance.look(BOTH, BOTH, 22.0)) == []
    assert bad(attendance.look(BOTH, {Role.UPLINK}, 24.0)) == [], "the next absence has its own patience"


def test_a_start_has_more_time() -> None:
    attendance = Attendance()
    assert attendance.look(BOTH, set(), 0.0) == (), "nobody is called well who was not seen"
    assert attendance.look(BOTH, set(), START_PATIENCE_S - 1) == ()
    assert len(bad(attendance.look(BOTH, set(), START_PATIENCE_S))) == 2


def test_only_who_is_wanted_is_missed() -> None:
    attendance = Attendance()
    attendance.look({Role.SCREEN}, set(), 0.0)

    assert [view.name for view in attendance.look({Role.SCREEN}, set(), 999.0)] == ["screen process"]


def test_a_clock_that_is_set_is_told_for_an_hour_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    steps = ClockSteps()
    assert steps.look(100.0, 1_000_000.0) is None
    assert steps.look(102.0, 1_000_002.5) is None, "what NTP slews is no step"
    with caplog.at_level(logging.WARNING):
        told = steps.look(104.0, 1_003_604.5)
        later = steps.look(106.0, 1_003_606.5)

    assert told is not None and "was set forward by 3600 s" in told.message
    assert later is not None and later.is_good
    assert caplog.messages == ["the clock was set forward by 3600 s"]
    assert steps.look(104.0 + TOLD_S, 1_003_604.5 + TOLD_S) is None
    back = steps.look(106.0 + TOLD_S, 1_000_000.0 + TOLD_S)
    assert back is not None and "was set back by" in back.message


def test_a_device_that_fails_has_one_line_in_the_log_and_one_when_it_is_well_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    health, well = HealthLog(), DeviceView("left", True, "")
    with caplog.at_level(logging.INFO):
        health.look([well])
        for seconds in range(4):
            health.look([DeviceView("left", False, f"meter 'left': no answer for {seconds} s")])
        health.look([well])
        health.look([DeviceView("left", False, "no answer")])
        health.look([well])

    assert caplog.messages == ["meter 'left': no answer for 1 s", "left: well again"]
