"""One EVSE of the street: physics (sim.outlet) joined to the registers that show it.

Law:
- Energy flows in street seconds; contactors and the safety relay move in real time (sim.cabinet). This file is
  where the two clocks meet: `contacts_moved` carries a real movement into the physics.
- The street's lock is held by whoever calls; nothing here waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sim.evse_din import EvseDinBoard
from sim.heidelberg import HeidelbergBoard
from sim.meter_registers import MeterRegisters, MeterState
from sim.modbus_slave import Lagging, ModbusSlave, RegisterSource, frame
from sim.outlet import EnergyMeter, Outlet
from sim.street_plan import EvsePlan

NOMINAL_V = 230.0
PHASES = 3
MOST_MOVES = 2_000  # contact movements remembered
MOST_OFFERS = 200  # changes of the offer remembered


@dataclass(slots=True)
class Settled:
    """A register source behind the street's lock: the physics are brought up to now before and after each access."""

    source: RegisterSource
    settle: Callable[[], Any]

    def read(self, function_code: int, address: int, count: int) -> Sequence[int] | None:
        with self.settle():
            return self.source.read(function_code, address, count)

    def write(self, address: int, values: Sequence[int]) -> bool:
        with self.settle():
            return self.source.write(address, values)


@dataclass(slots=True)
class Unpluggable:
    """A device on a line that may be silent, slow (`lateness_s`), answer one request late (`lags`) or under the
    address of another (`speaks_as`)."""

    slave: ModbusSlave
    is_silent: bool = False
    lateness_s: float = 0.0
    lags: bool = False
    speaks_as: int | None = None
    lagging: Lagging = field(init=False)

    def __post_init__(self) -> None:
        self.lagging = Lagging(self.slave, lambda: self.lags)

    def mend(self) -> None:
        self.is_silent, self.lateness_s, self.lags, self.speaks_as = False, 0.0, False, None

    def delay_s(self) -> float:
        return self.lateness_s

    def answer(self, request: bytes) -> bytes | None:
        answer = None if self.is_silent else self.lagging.answer(request)
        if answer is None or self.speaks_as is None:
            return answer
        return frame(bytes([self.speaks_as]) + answer[1:-2])


@dataclass(slots=True)
class MeterTrouble:
    """What the meter shows beside the truth: another meter's number, a register that is off, a sick mains."""

    serial: int | None = None
    offset_wh: int = 0
    voltage_v: float | None = None


@dataclass(slots=True)
class StreetEvse:
    """`clock_s` gives street seconds; `board_clock_s` real ones, which a Heidelberg's watchdog counts in."""

    plan: EvsePlan
    clock_s: Callable[[], float]
    board_clock_s: Callable[[], float]
    settle: Callable[[], Any]
    outlet: Outlet = field(init=False)
    board: EvseDinBoard | HeidelbergBoard = field(init=False)
    meter_slave: Unpluggable = field(init=False)
    board_slave: Unpluggable = field(init=False)
    first_wh: float = field(init=False)
    meter_trouble: MeterTrouble = field(default_factory=MeterTrouble)
    pilot_fault: str | None = None  # "E" or "F": what the board sees instead of the car
    is_locked: bool = False
    moves: deque[tuple[float, bool, float]] = field(default_factory=lambda: deque(maxlen=MOST_MOVES))
    offers: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=MOST_OFFERS))  # real second, amps

    def __post_init__(self) -> None:
        plan = self.plan
        self.first_wh = float(plan.meter.import_wh)
        self.outlet = Outlet(EnergyMeter(self.first_wh), now_s=self.clock_s())
        self.board = (
            EvseDinBoard(firmware=plan.board.firmware)
            if plan.board.kind == "evse_din"
            else HeidelbergBoard(self.board_clock_s)
        )
        meter = MeterRegisters(plan.meter.map, self._meter_state)
        self.meter_slave = Unpluggable(ModbusSlave(plan.meter.address, Settled(meter, self.settle)))
        self.board_slave = Unpluggable(ModbusSlave(plan.board.address, Settled(self.board, self.settle)))

    @property
    def name(self) -> str:
        return str(self.plan.evse_id)

    def advance(self, now_s: float) -> None:
        """Bring physics and board into agreement at this street second."""
        outlet, board = self.outlet, self.board
        outlet.advance(now_s)
        offered_a = int(board.offered_a)
        if offered_a != outlet.offered_a:
            outlet.offer(offered_a, now_s)
            self.offers.append((self.board_clock_s(), offered_a))
        board.vehicle_state = self.pilot_fault or outlet.pilot
        if isinstance(board, HeidelbergBoard):
            amps = outlet.power_w / (NOMINAL_V * PHASES)
            board.current_a = (amps, amps, amps)
            if board.is_closed != outlet.contactor.is_closed:
                self.contacts_moved(board.is_closed, now_s, self.board_clock_s())

    def contacts_moved(self, closed: bool, now_s: float, real_s: float) -> None:
        """The main contacts are open or closed from now on."""
        self.outlet.advance(now_s)
        self.outlet.contactor.is_closed = closed
        self.moves.append((real_s, closed, self.outlet.meter.import_wh))

    def supply_lost(self) -> None:
        """The mains are gone: the board forgets what it offered."""
        self.board.restart()

    def physics(self) -> dict[str, Any]:
        """What is true, for checkers: energies in Wh, times of movements in real monotonic seconds."""
        outlet, vehicle = self.outlet, self.outlet.vehicle
        return {
            "pilot": self.board.vehicle_state,
            "offered_a": outlet.offered_a,
            "is_closed": outlet.contactor.is_closed,
            "is_locked": self.is_locked,
            "power_w": round(outlet.power_w, 1),
            "import_wh": outlet.meter.import_wh,
            "delivered_wh": outlet.meter.import_wh - self.first_wh,
            "moves": [list(move) for move in self.moves],
            "offers": [list(offer) for offer in self.offers],
            "car": None if vehicle is None else vehicle.name,
            "car_charged_wh": None if vehicle is None else vehicle.charged_wh,
        }

    def _meter_state(self) -> MeterState:
        """Called through `Settled`, so with the lock held and the physics up to date."""
        outlet = self.outlet
        power_w = outlet.power_w
        phases = 1 if outlet.vehicle is not None and outlet.vehicle.phases == 1 else PHASES
        shares = tuple(power_w / phases if phase < phases else 0.0 for phase in range(PHASES))
        trouble = self.meter_trouble
        return MeterState(
            import_wh=max(Fraction(outlet.meter.import_wh) + trouble.offset_wh, Fraction(0)),
            voltage_v=(trouble.voltage_v or NOMINAL_V,) * PHASES,
            current_a=tuple(share / NOMINAL_V for share in shares),
            power_w=shares,
            serial=self.plan.meter.serial if trouble.serial is None else trouble.serial,
        )
