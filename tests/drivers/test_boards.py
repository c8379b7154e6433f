"""The pilot boards' drivers against simulated boards on real bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from contract.iec61851 import PilotState
from kiosk.drivers import evse_din, heidelberg
from kiosk.drivers.evse_din import EvseDin
from kiosk.drivers.heidelberg import Heidelberg
from kiosk.drivers.kept_register import KeptRegister
from sim.evse_din import EvseDinBoard
from sim.heidelberg import FAIL_SAFE, MAX_CURRENT, STANDBY, WATCHDOG, HeidelbergBoard
from sim.modbus_slave import WRITE_ONE, ModbusSlave
from sim.pty_line import PtyLine
from sim.street_evse import Unpluggable
from tests.drivers.street import Counting, bus_on, line_in, running, until

pytestmark = pytest.mark.bytes
OFFERED = 1000


def play_evse(
    line: PtyLine, board: EvseDinBoard, scene: Callable[[EvseDin], Awaitable[None]], poll_s: float = 0.03
) -> EvseDin:
    line.attach(ModbusSlave(1, board))

    async def play() -> EvseDin:
        bus = bus_on(line)
        seat = bus.seat("board", "pilot left", "evse_din", 1, min_gap_s=0.01)
        driver = EvseDin(seat, evse_din.board_map(), time.monotonic, poll_s)
        async with running(bus, driver):
            await scene(driver)
        return driver

    with line:
        return asyncio.run(play())


def play_heidelberg(
    line: PtyLine,
    board: HeidelbergBoard,
    scene: Callable[[Heidelberg], Awaitable[None]],
    device: Unpluggable | None = None,
) -> Heidelberg:
    line.attach(device or ModbusSlave(1, board))

    async def play() -> Heidelberg:
        bus = bus_on(line)
        seat = bus.seat("board", "left", "heidelberg", 1, min_gap_s=0.01)
        driver = Heidelberg(
            seat, heidelberg.board_map(), time.monotonic, poll_s=0.03, watchdog_s=1.0, guard_check_s=0.2
        )
        async with running(bus, driver):
            await scene(driver)
        return driver

    with line:
        return asyncio.run(play())


@pytest.mark.parametrize(("hundredths", "raw"), [(False, 16), (True, 1600)])
def test_an_offer_stands_on_the_pilot_in_the_boards_own_steps(tmp_path: Path, hundredths: bool, raw: int) -> None:
    board = EvseDinBoard(counts_hundredths=hundredths)

    async def scene(driver: EvseDin) -> None:
        driver.offer(16)
        await until(lambda: board.offered_a == 16, "16 A offered")
        await until(lambda: driver.health().is_good, "health")

    play_evse(line_in(tmp_path), board, scene)

    assert board.raw_offered == raw


@pytest.mark.parametrize(("car", "state"), [("A", "A"), ("B", "B"), ("C", "C"), ("D", "D"), ("F", "E")])
def test_the_car_is_seen_as_the_pilot_sees_it(tmp_path: Path, car: str, state: str) -> None:
    board = EvseDinBoard(vehicle_state=car)

    async def scene(driver: EvseDin) -> None:
        await until(lambda: driver.state() is not None, "a state")

    driver = play_evse(line_in(tmp_path), board, scene)

    seen = driver.state()
    assert seen is not None and seen.value is PilotState(state)


def test_a_board_that_offers_from_before_the_start_is_taken_to_zero(tmp_path: Path) -> None:
    board = EvseDinBoard(raw_offered=32)

    async def scene(driver: EvseDin) -> None:
        await until(lambda: board.offered_a == 0, "0 A")

    play_evse(line_in(tmp_path), board, scene)


def test_the_first_thing_an_evse_din_hears_is_zero(tmp_path: Path) -> None:
    slave = ModbusSlave(1, EvseDinBoard(raw_offered=32))
    line = line_in(tmp_path)
    line.attach(slave)

    async def play() -> None:
        bus = bus_on(line)
        seat = bus.seat("board", "left", "evse_din", 1, min_gap_s=0.01)
        driver = EvseDin(seat, evse_din.board_map(), time.monotonic, poll_s=0.03)
        async with running(bus, driver):
            await until(lambda: driver.holds_zero, "0 A stands")

    with line:
        asyncio.run(play())

    assert slave.requests[0] == (WRITE_ONE, OFFERED, 0)


def test_a_board_that_forgot_its_offer_is_told_again(tmp_path: Path) -> None:
    board = EvseDinBoard()

    async def scene(driver: EvseDin) -> None:
        driver.offer(10)
        await until(lambda: board.offered_a == 10, "10 A")
        board.restart()
        await until(lambda: board.offered_a == 10, "10 A again")

    play_evse(line_in(tmp_path), board, scene)


class _SpokenFor(EvseDinBoard):
    """On one address with a board that holds nothing and answers louder: what is written reaches both."""

    def read(self, function_code: int, address: int, count: int) -> Sequence[int] | None:
        return EvseDinBoard(self.vehicle_state, self.firmware).read(function_code, address, count)


def test_zero_is_written_though_the_board_seems_to_hold_it_already(tmp_path: Path) -> None:
    board = _SpokenFor()

    async def scene(driver: EvseDin) -> None:
        driver.offer(16)
        await until(lambda: board.offered_a == 16, "16 A offered")
        await until(lambda: "reads back 0" in driver.health().message, "the other one answers")
        driver.offer(0)
        await until(lambda: board.offered_a == 0, "0 A offered")

    play_evse(line_in(tmp_path), board, scene, poll_s=60)  # what is heard is what was read back


def test_a_fall_to_zero_gets_through_a_bad_wire_and_stays(tmp_path: Path) -> None:
    board = EvseDinBoard()
    line = line_in(tmp_path, seed=3)

    async def scene(driver: EvseDin) -> None:
        for amps in (16, 0, 32, 0, 6, 0):
            driver.offer(amps)
            if amps:
                await until(lambda amps=amps: board.offered_a == amps, f"{amps} A")  # type: ignore[misc]
            line.faults.lost = line.faults.garbled = 0.3
        await until(lambda: board.offered_a == 0, "0 A")
        line.faults.lost = line.faults.garbled = 0.0
        await until(lambda: driver.health().is_good, "health")
        assert board.offered_a == 0

    play_evse(line, board, scene)


def test_an_offer_out_of_range_is_held_to_what_a_pilot_can_say(tmp_path: Path) -> None:
    board = EvseDinBoard()

    async def scene(driver: EvseDin) -> None:
        driver.offer(99)
        await until(lambda: board.offered_a == 80, "80 A")
        driver.offer(5)
        await until(lambda: board.offered_a == 0, "0 A")

    play_evse(line_in(tmp_path), board, scene)


def test_a_dead_board_grows_old_and_says_what_to_check(tmp_path: Path) -> None:
    line = line_in(tmp_path)

    async def scene(driver: EvseDin) -> None:
        await until(lambda: driver.state() is not None, "a state")
        line.faults.is_silent = True
        await until(lambda: not driver.health().is_good, "silence noticed")

    driver = play_evse(line, EvseDinBoard(), scene)

    assert driver.health().message.startswith(f"board 'pilot left' (evse_din, {line.link}, address 1): no answer for")
    assert "the address set on the board is 1" in driver.health().message


def test_a_heidelberg_is_guarded_before_anything_is_offered(tmp_path: Path) -> None:
    board = HeidelbergBoard(time.monotonic, vehicle_state="C")
    offered_unguarded: list[float] = []

    async def scene(driver: Heidelberg) -> None:
        driver.offer(16)
        driver.command(True)
        await until(lambda: board.offered_a == 0, "the maker's 16 A taken away")
        while board.offered_a == 0:
            await asyncio.sleep(0.001)
        offered_unguarded.append(board.held[WATCHDOG])
        await until(lambda: board.is_closed, "closed")
        await until(lambda: bool(driver.feedback() and driver.feedback().value), "feedback closed")  # type: ignore[union-attr]

    play_heidelberg(line_in(tmp_path), board, scene)

    assert offered_unguarded == [1000]
    assert (board.held[WATCHDOG], board.held[STANDBY], board.held[FAIL_SAFE]) == (1000, 4, 0)


def test_opening_a_heidelberg_is_zero_amps_and_is_seen_in_its_state(tmp_path: Path) -> None:
    board = HeidelbergBoard(time.monotonic, vehicle_state="C", current_a=(16.0, 16.0, 16.0))

    async def scene(driver: Heidelberg) -> None:
        driver.offer(16)
        driver.command(True)
        await until(lambda: bool(driver.feedback() and driver.feedback().value), "closed")  # type: ignore[union-attr]
        driver.command(False)
        await until(lambda: not board.is_closed, "open")
        await until(lambda: bool(driver.feedback() and not driver.feedback().value), "seen open")  # type: ignore[union-attr]

    driver = play_heidelberg(line_in(tmp_path), board, scene)

    seen = driver.state()
    assert seen is not None and seen.value is PilotState.C


def test_a_welded_heidelberg_is_not_believed_to_be_open_while_current_flows(tmp_path: Path) -> None:
    board = HeidelbergBoard(time.monotonic, vehicle_state="C", current_a=(9.0, 0.0, 0.0))

    async def scene(driver: Heidelberg) -> None:
        driver.offer(16)
        driver.command(True)
        await until(lambda: bool(driver.feedback() and driver.feedback().value), "closed")  # type: ignore[union-attr]
        board.is_welded = True
        driver.command(False)
        await until(lambda: board.offered_a == 0, "0 A")
        after = time.monotonic()
        await until(lambda: bool(driver.feedback() and driver.feedback().at_s > after), "fresh feedback")  # type: ignore[union-attr]
        assert driver.feedback() is not None and driver.feedback().value  # type: ignore[union-attr]

    play_heidelberg(line_in(tmp_path), board, scene)


def test_the_boards_own_watchdog_bites_when_the_kiosk_dies_and_is_fed_while_it_lives(tmp_path: Path) -> None:
    board = HeidelbergBoard(time.monotonic, vehicle_state="C")

    async def scene(driver: Heidelberg) -> None:
        driver.offer(16)
        driver.command(True)
        await until(lambda: board.is_closed, "closed")
        lived_until = time.monotonic() + 1.5  # longer than the watchdog's second
        await until(lambda: time.monotonic() > lived_until, "a life")
        assert board.bites == 0 and board.is_closed

    play_heidelberg(line_in(tmp_path), board, scene)
    end_s = time.monotonic() + 10
    while board.is_closed and time.monotonic() < end_s:
        time.sleep(0.01)

    assert not board.is_closed
    assert board.bites == 1


def test_a_heidelberg_that_started_anew_is_guarded_and_told_again(tmp_path: Path) -> None:
    board = HeidelbergBoard(time.monotonic, vehicle_state="C")
    line = line_in(tmp_path)

    async def scene(driver: Heidelberg) -> None:
        driver.offer(10)
        driver.command(True)
        await until(lambda: board.offered_a == 10, "10 A")
        line.faults.is_silent = True
        await until(lambda: not driver.health().is_good, "silence noticed")
        board.restart()
        line.faults.is_silent = False
        await until(lambda: board.held[WATCHDOG] == 1000 and board.offered_a == 10, "guarded, 10 A")

    play_heidelberg(line, board, scene)


def test_a_watchdog_shorter_than_the_polls_that_feed_it_is_a_mistake(tmp_path: Path) -> None:
    async def build() -> None:
        seat = bus_on(line_in(tmp_path)).seat("board", "left", "heidelberg", 1)
        with pytest.raises(ValueError, match=r"watchdog_s: want 1.5 to 60, got 1"):
            Heidelberg(seat, heidelberg.board_map(), time.monotonic, poll_s=0.5, watchdog_s=1.0)

    asyncio.run(build())


def test_what_a_board_held_before_the_last_write_says_nothing_about_it(tmp_path: Path) -> None:
    async def look() -> None:
        seat = bus_on(line_in(tmp_path)).seat("board", "left", "evse_din", 1)
        kept = KeptRegister(seat, OFFERED, lambda: 100.0)

        kept.saw(0, asked_s=99.0)
        assert not kept.is_settled

        kept.saw(0, asked_s=100.0)
        assert kept.is_settled

    asyncio.run(look())


def test_a_car_that_waits_for_an_offer_gets_it_before_anything_is_closed(tmp_path: Path) -> None:
    board = HeidelbergBoard(time.monotonic, vehicle_state="B")
    early: list[bool] = []

    async def scene(driver: Heidelberg) -> None:
        driver.command(False)
        driver.offer(16)
        await until(lambda: board.offered_a == 16, "the offer")
        board.vehicle_state = "C"
        await until(lambda: bool(driver.state() and driver.state().value is PilotState.C), "the car asks")  # type: ignore[union-attr]
        early.append(driver.feedback() is not None and driver.feedback().value)  # type: ignore[union-attr]
        driver.command(True)
        await until(lambda: bool(driver.feedback() and driver.feedback().value), "told as closed")  # type: ignore[union-attr]

    play_heidelberg(line_in(tmp_path), board, scene)

    assert early == [False]


def test_a_board_whose_watchdog_bit_hears_of_zero_before_anything_else(tmp_path: Path) -> None:
    board = HeidelbergBoard(time.monotonic, vehicle_state="C")
    board.held[MAX_CURRENT], board.held[WATCHDOG] = 160, 1
    slave = ModbusSlave(1, board)
    line = line_in(tmp_path)
    line.attach(slave)
    line.attach(ModbusSlave(2, Counting()))

    async def play() -> None:
        bus = bus_on(line)
        seat = bus.seat("board", "left", "heidelberg", 1, min_gap_s=0.01)
        other = bus.seat("meter", "left", "counting", 2)
        driver = Heidelberg(seat, heidelberg.board_map(), time.monotonic, poll_s=0.03, watchdog_s=1.0)
        async with running(bus):
            driver._current.run = lambda: asyncio.sleep(60)  # type: ignore[method-assign]  # the write is held up
            async with running(driver):
                for _ in range(20):
                    await other.read(3, 0, 1)
            assert slave.requests == []
            del driver._current.run
            async with running(driver):
                await until(lambda: bool(slave.requests), "the first request")

    with line:
        asyncio.run(play())

    assert slave.requests[0] == (6, MAX_CURRENT, 0)


class Eavesdropper:
    """Hangs on the line and answers nobody."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def delay_s(self) -> float:
        return 0.0

    def answer(self, request: bytes) -> bytes | None:
        self.heard.append(request)
        return None


def test_a_silent_board_that_may_offer_again_hears_of_zero_before_anything_else(tmp_path: Path) -> None:
    board, ear = HeidelbergBoard(time.monotonic, vehicle_state="C"), Eavesdropper()
    device = Unpluggable(ModbusSlave(1, board))
    line = line_in(tmp_path)
    line.attach(ear)

    async def scene(driver: Heidelberg) -> None:
        driver.offer(16)
        driver.command(True)
        await until(lambda: driver.is_guarded and board.is_closed and driver._current.is_settled, "closed, and guarded")
        device.is_silent = True
        await until(lambda: not driver.health().is_good, "told")
        driver.command(False)
        driver.offer(0)
        await until(lambda: ear.heard[-1][1] == WRITE_ONE, "the write of 0 A")
        ear.heard.clear()
        await until(lambda: not board.is_closed and len(ear.heard) >= 2, "its watchdog bites, and it is told again")
        told = list(ear.heard)
        device.is_silent = False
        await until(lambda: driver.health().is_good, "well again")
        assert {request[1:6] for request in told} == {bytes([WRITE_ONE]) + MAX_CURRENT.to_bytes(2, "big") + bytes(2)}

    play_heidelberg(line, board, scene, device)
