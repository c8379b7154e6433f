"""The GPIO driver on the real rpi-lgpio, whose `lgpio` is a socket to the simulated board."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.drivers.gpio import GpioContactor, GpioHeartbeat, GpioInput, GpioLines, GpioLock
from sim.cabinet import Cabinet, ContactorWiring
from sim.gpio_board import GpioBoard
from sim.gpio_server import GpioServer
from sim.lgpio_client import FOLDER, environment
from tests.drivers.patience import until

pytestmark = [pytest.mark.bytes, pytest.mark.xdist_group("gpio")]
ROOT = Path(__file__).resolve().parents[2]
COIL, AUX, HEART, STOP, LOCK = 17, 4, 5, 22, 27


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board() -> GpioBoard:
    return GpioBoard()


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("gpio") / "socket")


@pytest.fixture
def server(board: GpioBoard, path: str) -> Iterator[GpioServer]:
    with GpioServer(board, path) as running:
        yield running


@pytest.fixture
def pi(board: GpioBoard, path: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is a Pi whose GPIO is behind `path`."""
    for name, value in environment(path, {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(FOLDER))
    lgpio = importlib.import_module("lgpio")
    assert lgpio.__file__ == str(FOLDER / "lgpio.py"), "another lgpio was imported first"
    lgpio.gpiochip_close(0)  # forgets that a former test's board is gone
    yield
    for pin in range(28):
        board.mend_line(pin)
    importlib.import_module("RPi.GPIO").cleanup()


@pytest.fixture
def lines(server: GpioServer, pi: None, clock: Clock) -> Iterator[GpioLines]:
    owner = GpioLines(clock)
    yield owner
    owner.close()


def contactor(lines: GpioLines, active_high: bool = True) -> GpioContactor:
    return GpioContactor(lines, "contactor 'left'", command_pin=COIL, feedback_pin=AUX, command_active_high=active_high)


@pytest.mark.parametrize("active_high", [True, False])
def test_a_contactor_is_open_from_the_first_instant(board: GpioBoard, lines: GpioLines, active_high: bool) -> None:
    board.pull_externally(COIL, not active_high)
    board.history.clear()

    left = contactor(lines, active_high)

    assert board.level(COIL) is not active_high
    assert [change for change in board.history if change[1] == COIL] == []
    left.command(True)
    assert board.level(COIL) is active_high


def test_a_contactor_that_is_found_closed_after_a_crash_is_opened_by_setting_it_up(
    board: GpioBoard, lines: GpioLines
) -> None:
    board.claim_output(99, COIL, True)
    board.forget(99)

    contactor(lines)

    assert not board.level(COIL)


def test_feedback_is_what_the_auxiliary_contact_shows_and_when(
    board: GpioBoard, lines: GpioLines, clock: Clock
) -> None:
    left = contactor(lines)
    seen = left.feedback()
    assert seen is not None and not seen.value

    board.drive(AUX, False)
    clock.now_s = 101.5
    seen = left.feedback()

    assert seen is not None and seen.value and seen.at_s == 101.5


def test_feedback_that_cannot_be_read_grows_old(board: GpioBoard, lines: GpioLines, clock: Clock) -> None:
    left = contactor(lines)
    left.feedback()
    board.break_line(AUX)
    clock.now_s = 103.0

    seen = left.feedback()

    assert seen is not None and seen.at_s == 100.0
    assert not left.health().is_good
    assert "contactor 'left'" in left.health().message and f"GPIO {AUX}" in left.health().message
    board.mend_line(AUX)
    seen = left.feedback()
    assert seen is not None and seen.at_s == 103.0
    assert left.health().is_good


def test_opening_is_tried_again_at_every_call_until_it_works(board: GpioBoard, lines: GpioLines) -> None:
    left = contactor(lines)
    left.command(True)
    board.break_line(COIL)
    left.command(False)
    assert board.level(COIL) and f"cannot write GPIO {COIL}" in left.health().message
    left.command(False)
    assert "cannot set up" in left.health().message

    board.mend_line(COIL)
    left.command(False)

    assert not board.level(COIL)
    assert left.health().is_good


def test_a_contactor_that_was_lost_with_the_chip_stays_open_until_it_was_told_open(
    board: GpioBoard, lines: GpioLines
) -> None:
    left = contactor(lines)
    left.command(True)
    board.power_cycle()

    for _ in range(3):
        left.command(True)
    assert not board.level(COIL)

    left.command(False)
    left.command(False)
    left.command(True)
    assert board.level(COIL)


def test_a_cut_wire_reads_as_an_emergency_stop(board: GpioBoard, lines: GpioLines) -> None:
    stop = GpioInput(lines, "emergency stop", pin=STOP)
    board.drive(STOP, False)
    assert not stop.is_active()

    board.drive(STOP, None)

    assert stop.is_active()


def test_polarity_of_a_safety_line_is_wiring(board: GpioBoard, lines: GpioLines) -> None:
    tripped = GpioInput(lines, "RCD", pin=STOP, active_high=False)
    board.drive(STOP, True)
    assert not tripped.is_active()

    board.drive(STOP, None)

    assert tripped.is_active()


def test_a_safety_line_that_cannot_be_read_is_active(board: GpioBoard, lines: GpioLines) -> None:
    stop = GpioInput(lines, "emergency stop", pin=STOP)
    board.drive(STOP, False)
    board.break_line(STOP)

    assert stop.is_active()
    assert f"cannot read GPIO {STOP}: bad GPIO read" in stop.health().message


def test_a_lock_starts_as_it_is_found(board: GpioBoard, lines: GpioLines) -> None:
    board.pull_externally(LOCK, True)

    lock = GpioLock(lines, "lock", pin=LOCK)

    assert board.level(LOCK)
    lock.command(False)
    assert not board.level(LOCK)
    lock.command(True)
    assert board.level(LOCK)


def test_each_beat_is_one_edge_and_a_lost_one_is_none(board: GpioBoard, lines: GpioLines) -> None:
    heart = GpioHeartbeat(lines, "heartbeat", pin=HEART)
    levels = []
    for beat in range(6):
        if beat == 3:
            board.break_line(HEART)
        else:
            board.mend_line(HEART)
        heart.beat()
        levels.append(board.level(HEART))

    # The lost beat loses the claim too; setting up again starts from low, which makes an edge of its own.
    assert levels[:4] == [True, False, True, True]
    assert heart.health().is_good
    edges = [change for change in board.history if change[1] == HEART]
    assert 5 <= len(edges) <= 6


def test_closing_puts_outputs_on_their_safe_level_and_gives_them_back(board: GpioBoard, lines: GpioLines) -> None:
    left = contactor(lines)
    left.command(True)

    lines.close()

    assert not board.level(COIL)
    assert board.claim_output(99, COIL, False) == 0
    left.command(True)
    assert not board.level(COIL)
    assert left.health().message == "contactor 'left': GPIO is closed."


def test_a_pin_used_twice_is_refused(lines: GpioLines) -> None:
    contactor(lines)

    with pytest.raises(ValueError, match="GPIO 17 is used twice"):
        GpioHeartbeat(lines, "heartbeat", pin=COIL)
    with pytest.raises(ValueError, match="0 to 27"):
        GpioHeartbeat(lines, "heartbeat", pin=40)


def test_a_line_held_by_another_program_is_told_and_taken_when_it_is_free(board: GpioBoard, lines: GpioLines) -> None:
    assert board.claim_input(99, STOP, 0) == 0
    stop = GpioInput(lines, "emergency stop", pin=STOP)
    board.drive(STOP, False)
    assert stop.is_active() and "GPIO busy" in stop.health().message

    board.forget(99)

    assert not stop.is_active() and stop.health().is_good


def test_a_chip_that_goes_away_is_safe_and_comes_back(
    board: GpioBoard, path: str, lines: GpioLines, server: GpioServer
) -> None:
    left, stop = contactor(lines), GpioInput(lines, "emergency stop", pin=STOP)
    board.drive(STOP, False)
    assert not stop.is_active()
    server.close()

    assert stop.is_active()
    assert "can not open gpiochip" in stop.health().message
    left.command(False)
    assert not left.health().is_good

    with GpioServer(board, path):
        until(lambda: not stop.is_active(), "the emergency stop reads again")
        left.command(False)
        assert left.health().is_good


def test_without_gpio_every_device_is_safe_and_says_why(pi: None, clock: Clock) -> None:
    lines = GpioLines(clock)
    left, stop = contactor(lines), GpioInput(lines, "emergency stop", pin=STOP)

    left.command(True)
    assert left.feedback() is None
    assert stop.is_active()
    assert "the GPIO chip cannot be opened: can not open gpiochip" in stop.health().message
    lines.close()


def test_gpio_that_appears_later_is_found(board: GpioBoard, path: str, pi: None, clock: Clock) -> None:
    lines = GpioLines(clock)
    stop = GpioInput(lines, "emergency stop", pin=STOP)
    board.drive(STOP, False)
    assert stop.is_active()

    with GpioServer(board, path):

        def reads() -> bool:
            clock.now_s += 1.0
            return not stop.is_active()

        until(reads, "the emergency stop is read")
        lines.close()


PROGRAM = """
import time
from kiosk.drivers.gpio import GpioContactor, GpioHeartbeat, GpioLines
lines = GpioLines(time.monotonic)
left = GpioContactor(lines, "left", command_pin=17, feedback_pin=4)
heart = GpioHeartbeat(lines, "heart", pin=5)
while True:
    heart.beat()
    left.command({closed})
    time.sleep(0.02)
"""


def test_a_killed_program_leaves_its_levels_and_the_heartbeat_relay_opens_the_contactor(
    board: GpioBoard, path: str, server: GpioServer
) -> None:
    cabinet = Cabinet(board, HEART, {"left": ContactorWiring(COIL, AUX)})
    left = cabinet.contactors["left"]
    first = subprocess.Popen([sys.executable, "-c", PROGRAM.format(closed=True)], cwd=ROOT, env=environment(path))
    try:
        until(lambda: left.is_closed, "the contactor closes")
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        until(lambda: not left.is_closed, "the relay drops")

        assert board.level(COIL), "a Pi keeps its output levels when a program dies"
        last_beat_s = max(at_s for at_s, pin, _ in board.history if pin == HEART)
        dropped_s, is_closed = cabinet.relay.changes[-1]
        assert not is_closed and dropped_s - last_beat_s == pytest.approx(1.0)
        assert left.changes[-1][0] - dropped_s == pytest.approx(left.open_delay_s)
    finally:
        first.kill()
        first.wait()
    second = subprocess.Popen([sys.executable, "-c", PROGRAM.format(closed=False)], cwd=ROOT, env=environment(path))
    try:
        until(lambda: cabinet.relay.is_closed, "the relay picks up again")
        assert not board.level(COIL)
        time.sleep(0.1)
        assert not left.is_closed
    finally:
        second.kill()
        second.wait()
        cabinet.close()
