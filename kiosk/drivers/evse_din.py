"""EVSE-WB / EVSE-DIN: an IEC 61851 pilot board on Modbus. Registers: config/boards/evse_din.toml.

Law: until the board told whether it counts in amperes or hundredths, nothing but 0 is offered. The board has no
watchdog: whoever uses it needs the safety relay held by the heartbeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from contract.iec61851 import LEAST_OFFER_A, PilotState
from kiosk.devices import Alarm, BoardReport, Health, Observation
from kiosk.drivers.board_report import ReportKeeper
from kiosk.drivers.kept_register import KeptRegister
from kiosk.drivers.modbus_bus import Seat
from kiosk.drivers.modbus_errors import BusError
from kiosk.drivers.quantity_reads import QuantityReads
from kiosk.drivers.register_map import BOARDS, RegisterMap, load_map

SLUG = "evse_din"
MOST_OFFER_A = 80  # IEC 61851-1 table A.8
FIRST_FIRMWARE_IN_HUNDREDTHS = 17
IN_HUNDREDTHS = 1 << 7  # of register 2005
PILOT_FAILED = 5  # short, diode check, or E and F: the board does not tell them apart
STATES = {1: PilotState.A, 2: PilotState.B, 3: PilotState.C, 4: PilotState.D}


def board_map() -> RegisterMap:
    return load_map(SLUG, BOARDS)


class EvseDin:
    """kiosk.devices.Pilot and Reporting; it has no temperature sensor. Polled every `poll_s`; older than `stale_s`
    is bad health."""

    def __init__(
        self, seat: Seat, board: RegisterMap, clock: Callable[[], float], poll_s: float = 0.5, stale_s: float = 3.0
    ) -> None:
        self.name = seat.place.name
        self._seat = seat
        self._clock = clock
        self._poll_s = poll_s
        self._stale_s = stale_s
        offered = board.named(["offered_current"])
        self._offered = KeptRegister(seat, offered[0].address, clock)
        self._reads = QuantityReads(seat, board, board.named(["offered_current", "vehicle_state"]))
        self._identity = QuantityReads(seat, board, board.named(["firmware", "configuration"]))
        self._per_a = 0  # raw steps per ampere, 0 until the board told
        self._must_learn = True
        self._wanted_a = 0
        self._state: Observation[PilotState] | None = None
        self._report = ReportKeeper(seat.place, clock)
        self._trouble = ""

    def state(self) -> Observation[PilotState] | None:
        return self._state

    def report(self) -> Observation[BoardReport] | None:
        return self._report.seen

    def offer(self, amps: int) -> None:
        """0, or 6 to 80 A; less than 6 is 0, more than 80 is 80."""
        self._wanted_a = 0 if amps < LEAST_OFFER_A else min(amps, MOST_OFFER_A)
        self._offered.want(self._wanted_a * self._per_a)

    def health(self) -> Health:
        if self._trouble:
            return Health(False, self._trouble)
        if self._state is None or self._clock() - self._state.at_s > self._stale_s:
            return Health(False, self._seat.silence(self._clock()))
        if self._offered.trouble:
            return Health(False, self._offered.trouble)
        return self._report.health()

    @property
    def holds_zero(self) -> bool:
        """Whether 0 A is wanted, and the board has said that it stands."""
        return self._wanted_a == 0 and self._offered.is_settled

    @property
    def less_within_s(self) -> float:
        """The longest a fall of the offer takes to reach a board that answers."""
        return self._seat.less_within_s

    async def run(self) -> None:
        """Poll and keep the offer until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._offered.run())
            tasks.create_task(self._poll_for_ever())

    async def _poll_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            next_s = loop.time() + self._poll_s
            try:
                await self._poll()
                self._trouble = ""
            except BusError as error:
                self._trouble = str(error)
                self._must_learn = True  # the board that comes back may be another one
            await asyncio.sleep(max(next_s - loop.time(), 0.0))

    async def _poll(self) -> None:
        if self._must_learn:
            await self._learn_step()
        samples = await self._reads.read()
        offered, state = samples["offered_current"], samples["vehicle_state"]
        if state.value is not None:
            code = int(state.value)
            self._state = Observation(STATES.get(code, PilotState.E), state.asked_s)
            failed = Alarm.DIODE_FAILURE if code == PILOT_FAILED else Alarm.BOARD_ERROR
            self._report.take(frozenset(() if code in STATES else (failed,)), None, f"state {code}", state.asked_s)
        if offered.value is not None:
            self._offered.saw(int(offered.value), offered.asked_s)

    async def _learn_step(self) -> None:
        samples = await self._identity.read()
        firmware, bits = samples["firmware"].value, samples["configuration"].value
        counts_fine = firmware is not None and firmware >= FIRST_FIRMWARE_IN_HUNDREDTHS
        self._per_a = 100 if counts_fine and bits is not None and int(bits) & IN_HUNDREDTHS else 1
        self._offered.want(self._wanted_a * self._per_a)
        self._must_learn = False
