"""What stands in a street: a TOML file, read strictly (an unknown key is an error that names it).

`config/demo/street.toml` is the example; docs/simulation.md explains every key.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from contract.codec import WireError, from_wire
from sim.vehicle import Mood, Vehicle

BOARDS = ("evse_din", "heidelberg")
MOST_EVSES = 16


class PlanError(ValueError):
    """A street file that cannot be built; the message names file and key."""


@dataclass(frozen=True, slots=True)
class GpioPlan:
    """Lines of the whole cabinet, BCM numbers. `relay_drop_s` after its last beat the safety relay drops."""

    heartbeat_pin: int
    emergency_stop_pin: int | None = None
    nfc_reset_pin: int | None = None
    relay_drop_s: float = 0.9


@dataclass(frozen=True, slots=True)
class BusPlan:
    """One RS-485 line; its terminal appears as RUN_DIRECTORY/name. Baud 0 understands every speed."""

    name: str
    baud: int = 0


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """`map` is a file of config/meters/; `import_wh` is where its register stands when the street is built."""

    map: str
    bus: str
    address: int
    serial: int = 0
    import_wh: int = 1_234_000


@dataclass(frozen=True, slots=True)
class BoardPlan:
    """An EVSE controller. A Heidelberg switches its own contactor; beside an EVSE-DIN stands one on GPIO."""

    kind: str
    bus: str
    address: int
    firmware: int = 17


@dataclass(frozen=True, slots=True)
class ContactorPlan:
    pin: int
    feedback_pin: int


@dataclass(frozen=True, slots=True)
class EvsePlan:
    evse_id: int
    meter: MeterPlan
    board: BoardPlan
    contactor: ContactorPlan | None = None
    rcd_pin: int | None = None
    lock_pin: int | None = None


@dataclass(frozen=True, slots=True)
class SitePlan:
    """The connection that all EVSEs share, with a meter of its own."""

    meter: MeterPlan


@dataclass(frozen=True, slots=True)
class PausePlan:
    """Seconds of street time after the car was plugged in."""

    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class CarPlan:
    """A car and its moods; powers in W, energies in Wh, times in street seconds."""

    name: str
    battery_wh: float = 60_000.0
    charged_wh: float = 20_000.0
    charger_w: float = 11_000.0
    phases: int = 3
    refuses: bool = False
    reaction_s: float = 1.0
    pauses: tuple[PausePlan, ...] = ()

    def vehicle(self) -> Vehicle:
        mood = Mood(tuple((pause.from_s, pause.to_s) for pause in self.pauses), self.refuses, self.reaction_s)
        return Vehicle(self.name, self.battery_wh, self.charged_wh, self.charger_w, self.phases, mood)


@dataclass(frozen=True, slots=True)
class CardPlan:
    """`uid`: 4 or 7 bytes in hex."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class StreetPlan:
    """The whole file. `nfc` and `scanner` name the readers' terminals under the run directory."""

    gpio: GpioPlan
    bus: tuple[BusPlan, ...]
    evse: tuple[EvsePlan, ...]
    car: tuple[CarPlan, ...] = ()
    card: tuple[CardPlan, ...] = ()
    site: SitePlan | None = None
    nfc: str = "nfc"
    scanner: str = "scanner"
    seed: int = 1


def load_plan(path: Path) -> StreetPlan:
    """Read a street file. Raises PlanError."""
    try:
        plan = from_wire(StreetPlan, tomllib.loads(path.read_text(encoding="utf-8")), str(path))
    except (OSError, tomllib.TOMLDecodeError, WireError) as error:
        text = str(error)
        raise PlanError(text if str(path) in text else f"{path}: {text}") from error
    buses = {bus.name for bus in plan.bus}
    if not 1 <= len(plan.evse) <= MOST_EVSES:
        raise PlanError(f"{path}: evse: want 1 to {MOST_EVSES}")
    if plan.site is not None and plan.site.meter.bus not in buses:
        raise PlanError(f"{path}: site: there is no [[bus]] named '{plan.site.meter.bus}'")
    for evse in plan.evse:
        where = f"{path}: evse {evse.evse_id}"
        for bus in (evse.meter.bus, evse.board.bus):
            if bus not in buses:
                raise PlanError(f"{where}: there is no [[bus]] named '{bus}'")
        if evse.board.kind not in BOARDS:
            raise PlanError(f"{where}: board.kind: want one of {', '.join(BOARDS)}, got {evse.board.kind!r}")
        if (evse.contactor is None) != (evse.board.kind == "heidelberg"):
            raise PlanError(f"{where}: contactor: a heidelberg has its own, an evse_din needs one")
    return plan
