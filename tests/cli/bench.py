"""A whole kiosk on the bench: cabinet, meter, pilot board, readers, and its configuration. No controller."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from sim.cabinet import Cabinet, ContactorWiring
from sim.contactor import Contactor
from sim.evse_din import EvseDinBoard
from sim.gpio_board import GpioBoard
from sim.gpio_server import GpioServer
from sim.meter_registers import MeterRegisters, MeterState
from sim.modbus_slave import ModbusSlave
from sim.pn532 import Pn532
from sim.pty_line import PtyLine
from sim.scanner import QrScanner

HEART, COIL, AUX, RCD, STOP = 17, 22, 23, 24, 27
CONFIG = """
[kiosk]
state_dir = "{folder}/state"
socket = "{folder}/panel"
{server}
[[bus]]
name = "main"
device = "{folder}/rs485"
timeout_s = 0.1
[[meter]]
name = "left"
bus = "main"
address = 1
map = "sdm630"
[[board]]
name = "left"
kind = "evse_din"
bus = "main"
address = 2
[gpio]
heartbeat_pin = 17
emergency_stop_pin = 27
[[evse]]
evse_id = 1
meter = "left"
pilot = "left"
contactor = {{ pin = 22, feedback_pin = 23 }}
rcd_pin = 24
[[reader]]
name = "front"
kind = "pn532"
device = "{folder}/nfc"
[[reader]]
name = "scanner"
kind = "qr_scanner"
device = "{folder}/qr"
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """`pi` is the board's socket, for `kiosk(…, pi=…)`."""

    folder: Path
    pi: str
    lines: GpioBoard
    cabinet: Cabinet
    rs485: PtyLine
    evse: EvseDinBoard
    nfc: Pn532
    scanner: QrScanner

    @property
    def contactor(self) -> Contactor:
        return self.cabinet.contactors["left"]

    def configure(self, server: str = "") -> None:
        (self.folder / "kiosk.toml").write_text(CONFIG.format(folder=self.folder, server=server))

    def enrol(self) -> None:
        text = json.dumps({"kiosk_id": "K-7", "server_keys": [], "server_url": "http://127.0.0.1:9"})
        (self.folder / "state" / "enrolment.json").write_text(text)


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    lines, pi = GpioBoard(), str(folder / "gpio")
    for pin in (RCD, STOP):
        lines.drive(pin, False)  # normally closed to ground: healthy
    cabinet = Cabinet(lines, HEART, {"left": ContactorWiring(COIL, AUX)})
    nfc, scanner, evse = Pn532(str(folder / "nfc")), QrScanner(str(folder / "qr")), EvseDinBoard()
    (folder / "state").mkdir()
    try:
        with GpioServer(lines, pi), PtyLine(folder / "rs485") as rs485:
            rs485.attach(ModbusSlave(1, MeterRegisters("sdm630", lambda: MeterState(import_wh=Fraction(4_200)))))
            rs485.attach(ModbusSlave(2, evse))
            made = Bench(folder, pi, lines, cabinet, rs485, evse, nfc, scanner)
            made.configure()
            yield made
    finally:
        nfc.close()
        scanner.close()
        cabinet.close()
