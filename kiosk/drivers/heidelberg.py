"""Heidelberg Energy Control and Walther basicEVO PRO: pilot, contactor and watchdog in one board on Modbus.
Registers: config/boards/heidelberg.toml.

Law:
- The board switches by itself: an offer of 0 A opens its contactor, so "open" is 0 A and takes the next gap.
- An offer is consent: a car asks only after it was offered current, and the board closes when it asks. Whoever offers
  must mean it. An offer that stands while it was told to open comes back after `rest_s`, for a car that paused.
- Nothing is offered before the board confirmed its watchdog, with 0 A as what it falls back to, and its unlock.
- Polling feeds the watchdog; a kiosk that dies is a board at 0 A within `watchdog_s`.
- A board whose watchdog bit takes the first request it hears for a kiosk that is back, and offers again what it was
  told last. So as long as it may hold more than is wanted and does not answer, nothing but the write of less goes out.
- Feedback says open only where neither the state nor a measured current says otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal

from contract.iec61851 import LEAST_OFFER_A, PilotState
from kiosk.devices import Alarm, BoardReport, Health, Observation
from kiosk.drivers.board_report import ReportKeeper
from kiosk.drivers.kept_register import KeptRegister
from kiosk.drivers.modbus_bus import Seat
from kiosk.drivers.modbus_errors import BusError
from kiosk.drivers.quantity_reads import QuantityReads, Sample
from kiosk.drivers.register_map import BOARDS, RegisterMap, load_map

SLUG = "heidelberg"
MOST_OFFER_A = 16
TENTHS = 10  # of an ampere, in the register
LIVE_A = Decimal("0.5")  # a current above this flows through a closed contactor
C2, DERATING = 7, 8
STATES = {
    2: PilotState.A,
    3: PilotState.A,
    4: PilotState.B,
    5: PilotState.B,
    6: PilotState.C,
    7: PilotState.C,
    8: PilotState.C,
    9: PilotState.E,
    10: PilotState.F,
    11: PilotState.E,
}
ALARMS = {8: Alarm.DERATING, 9: Alarm.PILOT_FAILURE, 10: Alarm.PILOT_FAILURE, 11: Alarm.BOARD_ERROR}
CODES = {8: "derating", 9: "pilot E", 10: "pilot F, or locked", 11: "error"}
CURRENTS = ("current_l1", "current_l2", "current_l3")
STANDBY_OFF, UNLOCKED = 4, 1


def board_map() -> RegisterMap:
    return load_map(SLUG, BOARDS)


class Heidelberg:
    """kiosk.devices.Pilot, Reporting and Contactor. `watchdog_s` (1 to 60) must leave room for a few polls of `poll_s`;
    every `guard_check_s` the board is asked whether it still is guarded, as it may start anew unnoticed. `rest_s` is
    the least time between opening and closing again; it must not be shorter than the session's own."""

    def __init__(
        self,
        seat: Seat,
        board: RegisterMap,
        clock: Callable[[], float],
        poll_s: float = 0.5,
        stale_s: float = 3.0,
        watchdog_s: float = 5.0,
        guard_check_s: float = 3.0,
        rest_s: float = 3.0,
    ) -> None:
        if not max(1.0, 3 * poll_s) <= watchdog_s <= 60:
            raise ValueError(f"{seat.place}: watchdog_s: want {max(1.0, 3 * poll_s):g} to 60, got {watchdog_s:g}")
        self.name = seat.place.name
        self.watchdog_s = watchdog_s
        self._seat = seat
        self._board = board
        self._clock = clock
        self._poll_s = poll_s
        self._stale_s = stale_s
        self._guard_check_s = guard_check_s
        self._rest_s = rest_s
        self._rests_until_s = float("-inf")
        self._current = KeptRegister(seat, board.named(["max_current"])[0].address, clock)
        self._guard = {
            "fail_safe_current": 0,
            "watchdog": round(watchdog_s * 1000),
            "standby": STANDBY_OFF,
            "remote_lock": UNLOCKED,
        }
        self._reads = QuantityReads(seat, board, board.named(["state", *CURRENTS, "temperature", "max_current"]))
        self._guard_reads = QuantityReads(seat, board, board.named(self._guard))
        self._guarded_s: float | None = None
        self._must_check = True
        self._wanted_a = 0
        self._is_wanted_closed = False
        self._state: Observation[PilotState] | None = None
        self._feedback: Observation[bool] | None = None
        self._report = ReportKeeper(seat.place, clock)
        self._trouble = ""

    def state(self) -> Observation[PilotState] | None:
        return self._state

    def report(self) -> Observation[BoardReport] | None:
        return self._report.seen

    def feedback(self) -> Observation[bool] | None:
        return self._feedback

    def offer(self, amps: int) -> None:
        """0, or 6 to 16 A; less than 6 is 0, more than 16 is 16."""
        self._wanted_a = 0 if amps < LEAST_OFFER_A else min(amps, MOST_OFFER_A)
        self._apply()

    def command(self, closed: bool) -> None:
        if self._is_wanted_closed and not closed:
            self._rests_until_s = self._clock() + self._rest_s
        self._is_wanted_closed = closed
        self._apply()

    def health(self) -> Health:
        if self._trouble:
            return Health(False, self._trouble)
        if self._state is None or self._clock() - self._state.at_s > self._stale_s:
            return Health(False, self._seat.silence(self._clock()))
        if self._current.trouble:
            return Health(False, self._current.trouble)
        return self._report.health()

    @property
    def is_guarded(self) -> bool:
        """Whether the board confirmed that it falls back to 0 A when it is no longer fed."""
        return self._guarded_s is not None

    @property
    def holds_zero(self) -> bool:
        """Whether 0 A is wanted, and the board has said that it stands."""
        return self._wanted_a == 0 and self._current.is_settled

    @property
    def less_within_s(self) -> float:
        """The longest a fall of the offer takes to reach a board that answers."""
        return self._seat.less_within_s

    async def run(self) -> None:
        """Poll, feed the watchdog and keep the offer until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._current.run())
            tasks.create_task(self._poll_for_ever())

    def _apply(self) -> None:
        self._current.want(self._wanted_a * TENTHS if self._consents else 0)

    @property
    def _consents(self) -> bool:
        """Whether the board may close as soon as the car asks."""
        has_rested = self._is_wanted_closed or self._clock() >= self._rests_until_s
        return self._wanted_a > 0 and self.is_guarded and has_rested

    async def _poll_for_ever(self) -> None:
        await self._current.was_tried.wait()
        loop = asyncio.get_running_loop()
        while True:
            next_s = loop.time() + self._poll_s
            try:
                await self._poll_or_let_less_go()
            except BusError as error:
                self._trouble = str(error)
                self._must_check = True  # the board that comes back may have started anew
            await asyncio.sleep(max(next_s - loop.time(), 0.0))

    async def _poll_or_let_less_go(self) -> None:
        """A poll of a board that does not answer may wait for long: it is taken back once less is wanted."""
        if self._must_check and self._current.owes_less:
            self._trouble = self._current.trouble
            return
        poll = asyncio.ensure_future(self._poll())
        less = asyncio.ensure_future(self._current.less_was_wished.wait())
        try:
            await asyncio.wait({poll, less}, return_when=asyncio.FIRST_COMPLETED)
            if not self._must_check:
                await asyncio.wait({poll})
            if poll.done():
                poll.result()
        finally:
            poll.cancel()
            less.cancel()

    async def _poll(self) -> None:
        self._take(await self._reads.read())
        if self._must_check or self._guarded_s is None or self._clock() - self._guarded_s > self._guard_check_s:
            self._trouble = await self._guard_board()
        else:
            self._trouble = ""

    def _take(self, samples: Mapping[str, Sample]) -> None:
        state, limit = samples["state"], samples["max_current"]
        currents = [samples[name].value for name in CURRENTS]
        if limit.value is not None:
            self._current.saw(int(limit.value * TENTHS), limit.asked_s)
        if state.value is None:
            return
        code = int(state.value)
        flows = any(current is not None and current >= LIVE_A for current in currents)
        may_flow = code == C2 or (code == DERATING and limit.value != 0)
        self._state = Observation(STATES.get(code, PilotState.E), state.asked_s)
        alarms = frozenset({ALARMS[code]} if code in ALARMS else ())
        warmth = samples["temperature"].value
        temperature_dc = None if warmth is None else int(warmth * TENTHS)
        self._report.take(alarms, temperature_dc, f"state {code}, {CODES.get(code, 'well')}", state.asked_s)
        is_closed = flows or may_flow
        # It closed on the standing offer, before anybody wished: told at the next poll, once the wish is there. If
        # none comes, the old feedback grows stale, and that is a fault.
        if not (is_closed and self._consents and not self._is_wanted_closed):
            self._feedback = Observation(is_closed, state.asked_s)

    async def _guard_board(self) -> str:
        """Make the board safe without us; until it confirms that, nothing may flow. Says what it does not take."""
        held = await self._guard_reads.read()
        for name, wanted in self._guard.items():
            quantity = self._board.named([name])[0]
            if held[name].value is not None and int(held[name].value or 0) == wanted:
                continue
            self._lose_guard()
            await self._seat.write(quantity.address, (wanted,))
            answer = await self._seat.read(quantity.function_code, quantity.address, quantity.count)
            if answer.registers[0] != wanted:
                return (
                    f"{self._seat.place}: {name} was set to {wanted} and reads back {answer.registers[0]}; "
                    "nothing is offered. Check the board's DIP switches and its firmware."
                )
        self._guarded_s = self._clock()
        self._must_check = False
        self._apply()
        return ""

    def _lose_guard(self) -> None:
        self._guarded_s = None
        self._apply()
