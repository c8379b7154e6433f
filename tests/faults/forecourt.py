"""A kiosk with ten cables for faults: eight EVSEs on wires of their own, so that eight faults can be had at once, and
two whose meters and boards share one bus, as most kiosks are wired.

Every patience is as short as the real waits behind it allow; kiosk time runs ten times as fast as real time. A bus is
quiet for a real second after an answer in doubt, so what comes over a shared one may be three real seconds old.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sim.street_faults import SECOND_NAME

RATE = 10
HEARTBEAT, EMERGENCY_STOP, NFC_RESET = 17, 27, 26
DIN, HEIDELBERG = "evse_din", "heidelberg"
METERS = ("sdm630", "iem3155")  # the second tells no serial number
LAST = 8
SHARED_BUS = "shared"
START_WH = 1_234_000


@dataclass(frozen=True, slots=True)
class Pins:
    contactor: int
    feedback: int
    rcd: int


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a device is reached."""

    bus: str
    address: int


@dataclass(frozen=True, slots=True)
class Cable:
    """One EVSE of the forecourt. `pins` only where the board has no contactor of its own; `place` counts from 0 on the
    shared bus, None where the EVSE has buses of its own."""

    evse_id: int
    board: str
    pins: Pins | None = None
    place: int | None = None

    @property
    def meter(self) -> str:
        return METERS[self.evse_id == LAST]

    @property
    def meter_seat(self) -> Seat:
        return Seat(f"meter{self.evse_id}", 1) if self.place is None else Seat(SHARED_BUS, 1 + 2 * self.place)

    @property
    def board_seat(self) -> Seat:
        return Seat(f"board{self.evse_id}", 1) if self.place is None else Seat(SHARED_BUS, 2 + 2 * self.place)

    @property
    def serial(self) -> int:
        return 22_041_500 + self.evse_id

    @property
    def who(self) -> str:
        """The name of car, card and account."""
        return f"person{self.evse_id}"


ALONE = (
    Cable(1, DIN, Pins(22, 23, 24)),
    Cable(2, DIN, Pins(5, 6, 25)),
    Cable(3, DIN, Pins(0, 1, 2)),
    Cable(4, DIN, Pins(3, 4, 7)),
    Cable(5, DIN, Pins(8, 9, 10)),
    Cable(6, DIN, Pins(11, 12, 13)),
    Cable(7, HEIDELBERG),
    Cable(8, HEIDELBERG),
)
SHARED = (Cable(9, DIN, Pins(14, 15, 16), 0), Cable(10, DIN, Pins(18, 19, 20), 1))
CABLES = (*ALONE, *SHARED)

PATIENCE = """
authorize_s = 150
answer_s = 40
payment_s = 120
plug_in_s = 1_800
close_s = 10
ramp_s = 20
open_s = 10
end_s = 40
off_s = 5
pilot_stale_s = 30
feedback_stale_s = 30
meter_stale_s = 30
bounce_s = 5
reading_every_s = 100
notice_s = 50
choose_s = 600
receipt_s = 600
record_s = 1_200
code_lock_s = 600
[protection]
heat_step_s = 10
follow_s = 20
"""


SITE_LIMIT_A, FALLBACK_A = 32, 20
STREET_SITE = f"""
[[bus]]
name = "grid"
[site]
meter = {{ map = "sdm630", bus = "grid", address = 1, serial = 7, import_wh = {START_WH} }}
"""
KIOSK_SITE = f"""
[[bus]]
name = "grid"
device = "/run/kiosk-demo/grid"
timeout_s = 0.1
[[meter]]
name = "grid"
bus = "grid"
address = 1
map = "sdm630"
poll_s = 0.1
[site]
limit_a = {SITE_LIMIT_A}
meter = "grid"
fallback_a = {FALLBACK_A}
"""


def street(cables: tuple[Cable, ...] = CABLES) -> str:
    """The street file."""
    text = f"seed = 1\n[gpio]\nheartbeat_pin = {HEARTBEAT}\nemergency_stop_pin = {EMERGENCY_STOP}\n"
    text += f"nfc_reset_pin = {NFC_RESET}\nrelay_drop_s = 0.9\n"
    for name, (baud, _) in _buses(cables).items():
        text += f'[[bus]]\nname = "{name}"\nbaud = {baud}\n'
    for cable in cables:
        n, meter, board = cable.evse_id, cable.meter_seat, cable.board_seat
        text += f"[[evse]]\nevse_id = {n}\n"
        text += f'meter = {{ map = "{cable.meter}", bus = "{meter.bus}", address = {meter.address}, '
        text += f"serial = {cable.serial}, import_wh = {START_WH} }}\n"
        text += f'board = {{ kind = "{cable.board}", bus = "{board.bus}", address = {board.address} }}\n'
        if cable.pins is not None:
            text += f"contactor = {{ pin = {cable.pins.contactor}, feedback_pin = {cable.pins.feedback} }}\n"
            text += f"rcd_pin = {cable.pins.rcd}\n"
        text += f'[[car]]\nname = "{cable.who}"\nbattery_wh = 500_000\ncharger_w = 22_000\n'
        text += f'[[card]]\nname = "{cable.who}"\nuid = "04A2B3C4D5E6{n:02X}"\n'
    return text


def kiosk(cables: tuple[Cable, ...] = CABLES) -> str:
    """The kiosk's own file; `worlds.stage` puts its directories in place of the paths here."""
    text = '[kiosk]\nplace = "Forecourt"\noperator = "Harbour Charging"\naddress = "https://localhost:8000"\n'
    text += 'state_dir = "/var/lib/kiosk-demo"\nsocket = "/run/kiosk-demo/controller.sock"\nboard_serial = "1000"\n'
    text += f"[clock]\nrate = {RATE}\ntrusted = true\n"
    text += '[server]\nurl = "https://127.0.0.1:8000"\ntimeout_s = 3\npoll_s = 2\nlist_every_s = 1\n'
    text += "retry_least_s = 0.1\nretry_most_s = 0.5\n"
    text += f"[patience]\n{PATIENCE}"
    text += f"[gpio]\nheartbeat_pin = {HEARTBEAT}\nemergency_stop_pin = {EMERGENCY_STOP}\n"
    for name, (baud, parity) in _buses(cables).items():
        text += f'[[bus]]\nname = "{name}"\ndevice = "/run/kiosk-demo/{name}"\n'
        text += f'other_devices = ["/run/kiosk-demo/{name}{SECOND_NAME}"]\n'
        text += f'baud = {baud}\nparity = "{parity}"\ntimeout_s = 0.1\n'
    for cable in cables:
        n, meter, board = cable.evse_id, cable.meter_seat, cable.board_seat
        text += f'[[meter]]\nname = "meter{n}"\nbus = "{meter.bus}"\naddress = {meter.address}\n'
        text += f'map = "{cable.meter}"\npoll_s = 0.2\n'
        text += f'[[board]]\nname = "board{n}"\nkind = "{cable.board}"\nbus = "{board.bus}"\n'
        text += f"address = {board.address}\npoll_s = 0.3\n"
        most_a = 32 if cable.board == DIN else 16
        text += f'[[evse]]\nevse_id = {n}\nmax_a = {most_a}\nmeter = "meter{n}"\npilot = "board{n}"\n'
        if cable.pins is not None:
            text += f"contactor = {{ pin = {cable.pins.contactor}, feedback_pin = {cable.pins.feedback} }}\n"
            text += f"rcd_pin = {cable.pins.rcd}\n"
        else:
            text += f'contactor = "board{n}"\n'
    text += '[[reader]]\nname = "card reader"\nkind = "pn532"\ndevice = "/run/kiosk-demo/nfc"\n'
    text += f"reset_pin = {NFC_RESET}\n"
    text += '[[reader]]\nname = "scanner"\nkind = "qr_scanner"\ndevice = "/run/kiosk-demo/scanner"\n'
    return text


def files(folder: Path, cables: tuple[Cable, ...] = CABLES, has_site: bool = False) -> tuple[Path, Path]:
    """The street's file and the kiosk's, written."""
    folder.mkdir(parents=True, exist_ok=True)
    plan, config = folder / "street.toml", folder / "kiosk.toml"
    plan.write_text(street(cables) + STREET_SITE * has_site, encoding="utf-8")
    config.write_text(kiosk(cables) + KIOSK_SITE * has_site, encoding="utf-8")
    return plan, config


def _buses(cables: tuple[Cable, ...]) -> dict[str, tuple[int, str]]:
    """Speed and parity of each bus."""
    found: dict[str, tuple[int, str]] = {}
    for cable in cables:
        found[cable.meter_seat.bus] = (9_600, "N")
        found[cable.board_seat.bus] = (19_200, "E") if cable.board == HEIDELBERG else (9_600, "N")
    return found
