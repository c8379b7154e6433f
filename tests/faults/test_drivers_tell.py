"""The faults of the real world at the devices: each broken on the simulated wire, told by the driver as what it is.

One test per fault. What the session makes of it (state, bill, words) is tested with the whole kiosk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path

import pytest

from contract.iec61851 import PilotState
from kiosk.cli.conditions import standing
from kiosk.devices import Alarm, Exchangeable, MeterChange, Reporting
from kiosk.drivers import evse_din, heidelberg
from kiosk.drivers.evse_din import EvseDin
from kiosk.drivers.heidelberg import Heidelberg
from kiosk.drivers.meter import ModbusMeter
from kiosk.drivers.modbus_bus import BusSettings, ModbusBus
from kiosk.drivers.register_map import SerialLine, load_map
from sim.evse_din import EvseDinBoard
from sim.heidelberg import HeidelbergBoard
from sim.meter_registers import MeterRegisters, MeterState
from sim.modbus_slave import ModbusSlave
from sim.pty_line import PtyLine
from sim.street_evse import Unpluggable
from tests.drivers.street import bus_on, line_in, running, until

pytestmark = pytest.mark.bytes
TRUE = MeterState(import_wh=Fraction(1_000_000), voltage_v=(230.0,) * 3, current_a=(10.0,) * 3, serial=42)


class Wired:
    """One meter, and a second one on the same line that always works."""

    def __init__(self, directory: Path, bus: Callable[[PtyLine], ModbusBus] | None = None) -> None:
        self.state = TRUE
        self.line = line_in(directory, seed=3)
        self.device = Unpluggable(ModbusSlave(1, MeterRegisters("sdm630", lambda: self.state)))
        self.line.attach(self.device)
        self.line.attach(ModbusSlave(2, MeterRegisters("sdm630", lambda: TRUE)))
        self.make_bus = bus or bus_on

    def play(self, scene: Callable[[ModbusMeter, ModbusMeter], Awaitable[None]]) -> None:
        async def all_of_it() -> None:
            bus, register_map = self.make_bus(self.line), load_map("sdm630")
            meter, other = (
                ModbusMeter(bus.seat("meter", name, "sdm630", address), register_map, time.monotonic, 0.05, stale_s=1.0)
                for name, address in (("left", 1), ("right", 2))
            )
            async with running(bus, meter, other):
                await until(lambda: meter.reading() is not None and other.reading() is not None, "first readings")
                await scene(meter, other)

        with self.line:
            asyncio.run(all_of_it())


async def is_told(meter: ModbusMeter, words: str) -> None:
    await until(lambda: not meter.health().is_good and words in meter.health().message, f"'{words}' told")


def age_s(meter: ModbusMeter) -> float:
    reading = meter.reading()
    assert reading is not None
    return time.monotonic() - reading.at_s


async def grows_old_and_recovers(meter: ModbusMeter, wired: Wired) -> None:
    """What is in doubt is never a reading; mended, it is one again."""
    await until(lambda: age_s(meter) > 1.0, "the last reading grows old")
    wired.device.mend()
    wired.line.faults.babbles = False
    await until(lambda: meter.health().is_good and age_s(meter) < 1.0, "well again")


def test_a_silent_meter_is_told_with_for_how_long_and_what_to_check(tmp_path: Path) -> None:
    wired = Wired(tmp_path)

    async def scene(meter: ModbusMeter, other: ModbusMeter) -> None:
        wired.device.is_silent = True
        await is_told(meter, "no answer for 2 s")
        assert "last good reading" in meter.health().message and "Check A/B wiring" in meter.health().message
        await grows_old_and_recovers(meter, wired)

    wired.play(scene)


def test_a_meter_that_answers_late_is_told_to_be_late(tmp_path: Path) -> None:
    wired = Wired(tmp_path)

    async def scene(meter: ModbusMeter, other: ModbusMeter) -> None:
        wired.device.lateness_s = 0.3
        await is_told(meter, "too late for a patience of 0.1 s")
        await grows_old_and_recovers(meter, wired)

    wired.play(scene)


def test_a_meter_that_answers_one_request_late_gives_no_reading_at_all(tmp_path: Path) -> None:
    wired = Wired(tmp_path)

    async def scene(meter: ModbusMeter, other: ModbusMeter) -> None:
        wired.device.lags = True
        wired.state = MeterState(import_wh=Fraction(1_000_001), serial=42)
        await until(lambda: not meter.health().is_good, "told")
        assert meter.reading().import_wh == 1_000_000  # type: ignore[union-attr]
        await grows_old_and_recovers(meter, wired)
        assert meter.reading().import_wh == 1_000_001  # type: ignore[union-attr]

    wired.play(scene)


def test_another_device_that_answers_in_its_place_is_named_by_its_address(tmp_path: Path) -> None:
    wired = Wired(tmp_path)

    async def scene(meter: ModbusMeter, other: ModbusMeter) -> None:
        wired.device.speaks_as = 99
        await is_told(meter, "device 99 answers in its place")
        await grows_old_and_recovers(meter, wired)

    wired.play(scene)


def test_two_devices_on_one_address_are_suspected_where_the_others_are_heard_well(tmp_path: Path) -> None:
    wired = Wired(tmp_path)

    async def scene(meter: ModbusMeter, other: ModbusMeter) -> None:
        twin = ModbusSlave(1, MeterRegisters("sdm630", lambda: MeterState(voltage_v=(229.0,) * 3, serial=7)))
        wired.line.attach(twin)
        await is_told(meter, "likely two devices have address 1")
        assert "garbled" in meter.health().message
        view = {"name": "left", "is_good": False, "message": meter.health().message}
        quiet = {"readers": [], "is_online": True, "clock_quality": "synchronised"}
        assert standing({"devices": [view], **quiet}) == ["address_doubled"]
        assert age_s(other) < 1.0
        assert meter.reading().import_wh == 1_000_000  # type: ignore[union-attr]
        await until(lambda: age_s(meter) > 1.0, "the last reading grows old")
        wired.line.devices.remove(twin)
        await grows_old_and_recovers(meter, wired)

    wired.play(scene)


def test_a_babbling_device_is_told_as_such_and_less_still_goes_out(tmp_path: Path) -> None:
    wired = Wired(tmp_path)

    async def scene(meter: ModbusMeter, other: ModbusMeter) -> None:
        wired.line.faults.babbles = True
        await is_told(meter, "talks without pause")
        assert str(wired.line.link) in meter.health().message
        assert "unplug one device after the other" in meter.health().message
        heard = wired.line.heard
        await until(lambda: wired.line.heard > heard, "requests go out all the same")
        await grows_old_and_recovers(meter, wired)

    wired.play(scene)


def test_a_register_that_runs_backwards_or_jumps_is_no_reading_and_says_for_how_long(tmp_path: Path) -> None:
    wired = Wired(tmp_path)

    async def scene(meter: ModbusMeter, other: ModbusMeter) -> None:
        for wh, words in ((500_000, "ran backwards from 1000000 to 500000 Wh"), (1_500_000, "jumped by 500000 Wh")):
            wired.state = MeterState(import_wh=Fraction(wh), serial=42)
            await is_told(meter, words)
            assert "last good reading" in meter.health().message
            assert meter.reading().import_wh == 1_000_000  # type: ignore[union-attr]
        wired.state = TRUE
        await until(lambda: meter.health().is_good, "well again")

    wired.play(scene)


def test_a_swapped_meter_is_told_and_its_readings_carry_its_own_number(tmp_path: Path) -> None:
    wired = Wired(tmp_path)

    async def scene(meter: ModbusMeter, other: ModbusMeter) -> None:
        assert isinstance(meter, Exchangeable) and meter.change() is None
        wired.state = MeterState(import_wh=Fraction(7), serial=43)
        await until(lambda: meter.reading().serial == "43", "the new meter")  # type: ignore[union-attr]
        assert meter.reading().import_wh == 7  # type: ignore[union-attr]
        assert meter.change().value == MeterChange("42", "43")  # type: ignore[union-attr]
        assert "another meter, serial number 43 in place of 42" in meter.health().message

    wired.play(scene)


def test_over_current_and_under_voltage_stand_in_the_reading(tmp_path: Path) -> None:
    wired = Wired(tmp_path)

    async def scene(meter: ModbusMeter, other: ModbusMeter) -> None:
        wired.state = MeterState(TRUE.import_wh, voltage_v=(180.0,) * 3, current_a=(41.0, 10.0, 10.0), serial=42)
        await until(lambda: meter.reading().voltage_mv == (180_000,) * 3, "180 V")  # type: ignore[union-attr]
        assert meter.reading().current_ma == (41_000, 10_000, 10_000)  # type: ignore[union-attr]

    wired.play(scene)


def test_an_adapter_that_comes_back_under_another_name_is_found(tmp_path: Path) -> None:
    def by_pattern(line: PtyLine) -> ModbusBus:
        pattern = str(line.link.parent / "ttyRS*")
        settings = BusSettings("rs485", pattern, SerialLine(9600, "N"), 0.05, 0.15, reopen_least_s=0.05)
        return ModbusBus(settings, time.monotonic)

    wired = Wired(tmp_path, by_pattern)

    async def scene(meter: ModbusMeter, other: ModbusMeter) -> None:
        wired.line.unplug()
        await is_told(meter, "Check")
        await until(lambda: "no such port" in meter.health().message, "told that it is gone")
        wired.line.link = wired.line.link.with_name("ttyRS485-again")
        wired.line.plug()
        await until(lambda: meter.health().is_good and age_s(meter) < 1.0, "read again")

    wired.play(scene)


def test_a_pattern_that_fits_two_ports_opens_none(tmp_path: Path) -> None:
    for name in ("ttyUSB0", "ttyUSB1"):
        (tmp_path / name).touch()

    async def ask() -> str:
        bus = ModbusBus(BusSettings("rs485", f"{tmp_path}/ttyUSB*", SerialLine(9600, "N")), time.monotonic)
        seat = bus.seat("meter", "left", "sdm630", 1)
        async with running(bus):
            with pytest.raises(Exception, match="Name one of /dev/serial/by-id/") as caught:
                await seat.read(4, 0, 2)
        return str(caught.value)

    told = asyncio.run(ask())

    assert "ttyUSB0 and" in told and "the wrong one has meters too" in told


def play_board(
    directory: Path, board: EvseDinBoard | HeidelbergBoard, scene: Callable[[EvseDin | Heidelberg], Awaitable[None]]
) -> None:
    line = line_in(directory)
    line.attach(ModbusSlave(1, board))

    async def play() -> None:
        bus = bus_on(line)
        driver: EvseDin | Heidelberg
        if isinstance(board, EvseDinBoard):
            seat = bus.seat("board", "left", "evse_din", 1, min_gap_s=0.01)
            driver = EvseDin(seat, evse_din.board_map(), time.monotonic, poll_s=0.03)
        else:
            seat = bus.seat("board", "left", "heidelberg", 1, min_gap_s=0.01)
            driver = Heidelberg(seat, heidelberg.board_map(), time.monotonic, poll_s=0.03, watchdog_s=1.0)
        async with running(bus, driver):
            await until(lambda: driver.report() is not None, "a report")
            await scene(driver)

    with line:
        asyncio.run(play())


def alarms(driver: EvseDin | Heidelberg) -> frozenset[Alarm]:
    seen = driver.report()
    assert seen is not None
    return seen.value.alarms


def test_a_hot_board_tells_its_temperature_and_what_to_check(tmp_path: Path) -> None:
    board = HeidelbergBoard(time.monotonic, vehicle_state="B", temperature_c=-14.5)

    async def scene(driver: EvseDin | Heidelberg) -> None:
        assert isinstance(driver, Reporting)
        assert driver.report().value.temperature_dc == -145  # type: ignore[union-attr]
        board.temperature_c = 92.0
        await until(lambda: alarms(driver) == {Alarm.OVER_TEMPERATURE}, "too hot")
        told = driver.health()
        assert not told.is_good and "is too hot (state" in told.message and "92.0 °C" in told.message
        assert "loose screw" in told.message
        board.temperature_c = 30.0
        await until(lambda: driver.health().is_good and not alarms(driver), "cool again")

    play_board(tmp_path, board, scene)


def test_a_board_that_derates_goes_on_and_says_so(tmp_path: Path) -> None:
    board = HeidelbergBoard(time.monotonic, vehicle_state="C", shown_state=8)

    async def scene(driver: EvseDin | Heidelberg) -> None:
        await until(lambda: alarms(driver) == {Alarm.DERATING}, "derating")
        assert driver.health().is_good and "lowers the current by itself (state 8" in driver.health().message
        assert driver.state().value is PilotState.C  # type: ignore[union-attr]

    play_board(tmp_path, board, scene)


@pytest.mark.parametrize(
    ("shown", "alarm", "pilot"),
    [
        (9, Alarm.PILOT_FAILURE, PilotState.E),
        (10, Alarm.PILOT_FAILURE, PilotState.F),
        (11, Alarm.BOARD_ERROR, PilotState.E),
    ],
)
def test_a_heidelbergs_own_faults_are_told_by_their_code(
    tmp_path: Path, shown: int, alarm: Alarm, pilot: PilotState
) -> None:
    board = HeidelbergBoard(time.monotonic, vehicle_state="C", shown_state=shown)

    async def scene(driver: EvseDin | Heidelberg) -> None:
        await until(lambda: alarms(driver) == {alarm}, "the alarm")
        assert not driver.health().is_good and f"state {shown}" in driver.health().message
        assert driver.state().value is pilot  # type: ignore[union-attr]
        board.shown_state = None
        await until(lambda: driver.health().is_good, "well again")

    play_board(tmp_path, board, scene)


@pytest.mark.parametrize(("shown", "alarm"), [(5, Alarm.DIODE_FAILURE), (6, Alarm.BOARD_ERROR)])
def test_an_evse_dins_fault_codes_are_told_and_it_has_no_temperature(tmp_path: Path, shown: int, alarm: Alarm) -> None:
    board = EvseDinBoard(vehicle_state="C", shown_state=shown)

    async def scene(driver: EvseDin | Heidelberg) -> None:
        await until(lambda: alarms(driver) == {alarm}, "the alarm")
        assert driver.report().value.temperature_dc is None  # type: ignore[union-attr]
        assert not driver.health().is_good and f"state {shown}" in driver.health().message
        assert driver.state().value is PilotState.E  # type: ignore[union-attr]

    play_board(tmp_path, board, scene)
