"""An energy meter on a Modbus bus. The model is data (config/meters/); this file is the same for all of them.

Law: a reading is taken whole or not at all, and only when its registers can be true (kiosk.drivers.plausibility).
A doubted one is kept aside and told by `health`; the last good one grows old meanwhile. Another serial number is
another meter: its registers start anew, `change` tells it, and no reading mixes the two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from contract.metering import MeterReading
from kiosk.devices import Health, MeterChange, Observation
from kiosk.drivers.modbus_bus import Seat
from kiosk.drivers.modbus_errors import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    BusError,
    Refused,
    seconds,
)
from kiosk.drivers.plausibility import RegisterWatch
from kiosk.drivers.quantity_reads import QuantityReads, Sample
from kiosk.drivers.register_map import RegisterMap

PHASES = ("l1", "l2", "l3")
ROLES = (
    "energy_import",
    "energy_export",
    "power_total",
    *(f"current_{phase}" for phase in PHASES),
    *(f"voltage_{phase}" for phase in PHASES),
)
WH_PER = {"Wh": 1, "kWh": 1000, "MWh": 1_000_000}
MOST_W_PER_PHASE = 25_000  # 100 A at 250 V: more than any meter here carries directly
SERIAL_EVERY_S = 60.0  # real seconds: how long a meter swapped between two polls may go unnoticed


class ModbusMeter:
    """kiosk.devices.Meter, Exchangeable and Doubting over Modbus. `poll_s` (real seconds) from the start of one poll to
    the next; a reading older than `stale_s` (seconds of `clock`) is bad health; `most_w` bounds what the registers may
    move; every `serial_every_s` (real seconds) the meter is asked for its number."""

    def __init__(
        self,
        seat: Seat,
        register_map: RegisterMap,
        clock: Callable[[], float],
        poll_s: float = 1.0,
        stale_s: float = 5.0,
        most_w: int | None = None,
        serial_every_s: float = SERIAL_EVERY_S,
    ) -> None:
        self.name = seat.place.name
        self.register_step_wh = register_map.energy_step_wh
        self.asides = 0
        self._seat = seat
        self._map = register_map
        self._clock = clock
        self._poll_s = poll_s
        self._stale_s = stale_s
        self._reads = QuantityReads(seat, register_map, register_map.named(ROLES))
        most_w = most_w or MOST_W_PER_PHASE * register_map.phases
        self._import = RegisterWatch("import", most_w, self.register_step_wh)
        self._export = RegisterWatch("export", most_w, self.register_step_wh)
        self._reading: MeterReading | None = None
        self._aside: MeterReading | None = None
        self._serial: str | None = None
        self._last_serial: str | None = None  # the last number any meter told here
        self._serial_every_s = serial_every_s
        self._serial_due_s = float("-inf")  # event loop seconds
        self._change: Observation[MeterChange] | None = None
        self._doubt: Observation[str] | None = None
        self._doubted_since_s: float | None = None
        self._trouble = ""

    def reading(self) -> MeterReading | None:
        return self._reading

    def change(self) -> Observation[MeterChange] | None:
        return self._change

    def doubted(self) -> Observation[str] | None:
        return self._doubt

    def health(self) -> Health:
        if self._trouble:
            return Health(False, self._trouble)
        if self._reading is None:
            return Health(False, f"{self._seat.place}: not read yet.")
        age_s = self._clock() - self._reading.at_s
        if age_s > self._stale_s:
            return Health(False, self._seat.silence(self._clock()))
        if self._change is not None:
            before, after = self._change.value.before, self._change.value.after
            return Health(
                True,
                f"{self._seat.place}: another meter, serial number {after} in place of {before}, "
                f"for {seconds(self._clock() - self._change.at_s)}; it counts from its own register. "
                "If nobody exchanged it, look whether two devices share the address.",
            )
        return Health(True)

    def start_anew(self) -> None:
        """The technician says that the register may start from anywhere: the next reading is believed."""
        self._import.start_anew()
        self._export.start_anew()

    async def run(self) -> None:
        """Poll until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            next_s = loop.time() + self._poll_s
            try:
                await self._poll()
            except BusError as error:
                self._trouble = str(error)
                self._serial_due_s = float("-inf")  # whoever answers next may be another meter
            await asyncio.sleep(max(next_s - loop.time(), 0.0))

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() >= self._serial_due_s:
            await self._learn_serial()
            self._serial_due_s = loop.time() + self._serial_every_s
        reading = self._to_reading(await self._reads.read())
        if reading is None:
            self._trouble = (
                f"{self._seat.place}: gives no energy. Check that the model is really {self._map.name} and wired."
            )
            return
        objection = self._import.objection(reading.import_wh, reading.at_s) or self._export.objection(
            reading.export_wh, reading.at_s
        )
        if objection:
            self._set_aside(reading, objection)
            return
        self._import.accept(reading.import_wh, reading.at_s)
        self._export.accept(reading.export_wh, reading.at_s)
        self._reading, self._trouble, self._doubt, self._doubted_since_s = reading, "", None, None

    def _set_aside(self, reading: MeterReading, objection: str) -> None:
        """A register that cannot be true; whether it is another meter's, the next poll asks first."""
        self._aside, self._doubt = reading, Observation(objection, reading.at_s)
        self.asides += 1
        self._serial_due_s = float("-inf")
        if self._doubted_since_s is None:
            self._doubted_since_s = reading.at_s
        now_s = self._clock()
        last_good = "" if self._reading is None else f"; last good reading {seconds(now_s - self._reading.at_s)} ago"
        self._trouble = (
            f"{self._seat.place}: {objection}; {self.asides} readings set aside for "
            f"{seconds(now_s - self._doubted_since_s)}{last_good}. "
            "Check whether the meter was swapped or reset, or whether two devices share the address."
        )

    async def _learn_serial(self) -> None:
        """Read the meter's own number; another one than before starts the registers anew."""
        place = self._map.serial_number
        if place is None:
            return
        try:
            answer = await self._seat.read(place.function_code, place.address, place.count)
        except Refused as error:
            if error.code not in (ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE):
                raise
            self._serial = None  # this one has no such register
            return
        value = place.decode(answer.registers)
        self._serial = str(value) if value else None
        if self._serial is None:
            return
        if self._last_serial is not None and self._serial != self._last_serial:
            self._change = Observation(MeterChange(self._last_serial, self._serial), answer.asked_s)
            self.start_anew()
            self._reads.forget()
        self._last_serial = self._serial

    def _to_reading(self, samples: Mapping[str, Sample]) -> MeterReading | None:
        """A reading from the samples; None where there is no import energy."""

        def sample(role: str) -> Sample | None:
            quantity = self._map.quantity(role)
            return None if quantity is None else samples.get(quantity.name)

        energy = sample("energy_import")
        import_wh = _wh(energy)
        if energy is None or import_wh is None:
            return None
        return MeterReading(
            at_s=energy.asked_s,
            import_wh=import_wh,
            export_wh=_wh(sample("energy_export")) or 0,
            power_w=_rounded(sample("power_total"), 1) or 0,
            current_ma=_per_phase([sample(f"current_{phase}") for phase in PHASES]),
            voltage_mv=_per_phase([sample(f"voltage_{phase}") for phase in PHASES]),
            serial=self._serial,
            step_wh=_step_wh(energy),
        )


def _wh(sample: Sample | None) -> int | None:
    """Whole watt-hours, rounded down: what was not delivered whole is not billed."""
    if sample is None or sample.value is None:
        return None
    exact_wh = sample.value * WH_PER[sample.quantity.unit]
    return int(exact_wh.to_integral_value(ROUND_FLOOR))


def _step_wh(sample: Sample) -> int:
    """How far the register moves at once, at least 1 Wh."""
    if sample.value is None:
        return 1
    step_wh = sample.quantity.step(sample.value) * WH_PER[sample.quantity.unit]
    return max(1, int(step_wh.to_integral_value(ROUND_CEILING)))


def _rounded(sample: Sample | None, times: int) -> int | None:
    if sample is None or sample.value is None:
        return None
    return int((sample.value * Decimal(times)).to_integral_value(ROUND_HALF_EVEN))


def _per_phase(samples: list[Sample | None]) -> tuple[int, ...]:
    """Thousandths per phase; nothing where a phase the model has is missing, so that no value changes its phase."""
    present = [sample for sample in samples if sample is not None]
    values = [_rounded(sample, 1000) for sample in present]
    return tuple(value for value in values if value is not None) if None not in values else ()
