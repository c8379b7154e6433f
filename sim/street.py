"""A whole street of simulated hardware behind a real kiosk: cabinet, meters, boards, readers, cars, mains.

Law:
- Everything the kiosk sees are bytes on terminals and levels on GPIO lines, under paths in one run directory.
- Street time is real monotonic time × `rate`, as the kiosk's own clock is; cars charge and meters count in it.
  The safety relay and the contactors move in real time: safety is not accelerated.
- `physics` is the truth a checker reads. It never comes from anything the kiosk said.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sim.cabinet import Cabinet, ContactorWiring
from sim.gpio_board import GpioBoard
from sim.gpio_server import GpioServer
from sim.nfc_tag import Tag
from sim.pn532 import Pn532
from sim.pty_line import PtyLine
from sim.safety_relay import SafetyRelay
from sim.scanner import QrScanner
from sim.street_evse import StreetEvse
from sim.street_plan import StreetPlan
from sim.street_site import StreetSite

TICK_S = 0.005  # real: how often physics are looked at when nobody asks


class Street:
    """Built and running when the constructor returns; `close` takes everything down."""

    def __init__(self, plan: StreetPlan, run: Path, rate: float = 1.0) -> None:
        self.plan, self.run, self.rate = plan, run, rate
        self.has_mains = True
        self._lock = threading.RLock()
        self._is_running = True
        self.site: StreetSite | None = None
        run.mkdir(parents=True, exist_ok=True)
        self.evses = {evse.evse_id: StreetEvse(evse, self.now_s, time.monotonic, self.settled) for evse in plan.evse}
        self.board = GpioBoard()
        self._connect_inputs()
        wirings = {
            str(evse.evse_id): ContactorWiring(evse.contactor.pin, evse.contactor.feedback_pin)
            for evse in plan.evse
            if evse.contactor is not None
        }
        relay = SafetyRelay(drop_after_s=plan.gpio.relay_drop_s)
        self.cabinet = Cabinet(
            self.board, plan.gpio.heartbeat_pin, wirings, relay=relay, on_change=self._contacts_moved
        )
        self.gpio_socket = str(run / "gpio.sock")
        self._gpio: GpioServer | None = GpioServer(self.board, self.gpio_socket)
        self.lines = {bus.name: PtyLine(run / bus.name, bus.baud, seed=plan.seed) for bus in plan.bus}
        for evse in self.evses.values():
            self.lines[evse.plan.meter.bus].attach(evse.meter_slave)
            self.lines[evse.plan.board.bus].attach(evse.board_slave)
        outlets = [evse.outlet for evse in self.evses.values()]
        if plan.site is not None:
            self.site = StreetSite(plan.site, outlets, self.now_s, self.settled)
            self.lines[self.site.plan.meter.bus].attach(self.site.slave)
        for line in self.lines.values():
            line.start()
        self.nfc = Pn532(str(run / plan.nfc))
        self.scanner = QrScanner(str(run / plan.scanner))
        if plan.gpio.nfc_reset_pin is not None:
            self._watch_nfc_reset(plan.gpio.nfc_reset_pin)
        self._removal: threading.Timer | None = None
        self._thread = threading.Thread(target=self._tick, name="street", daemon=True)
        self._thread.start()

    def now_s(self) -> float:
        """Street seconds."""
        return time.monotonic() * self.rate

    @contextmanager
    def settled(self) -> Iterator[None]:
        """With the lock held and the physics brought up to now, before and after."""
        with self._lock:
            self._advance()
            yield
            self._advance()

    def close(self) -> None:
        self._is_running = False
        self._thread.join(timeout=2.0)
        if self._removal is not None:
            self._removal.cancel()
        for line in self.lines.values():
            line.stop()
        self.nfc.close()
        self.scanner.close()
        if self._gpio is not None:
            self._gpio.close()
        self.cabinet.close()

    # ---- people ------------------------------------------------------------------------------------------------------

    def tap(self, tag: Tag, hold_s: float) -> None:
        """Hold a card or a phone before the reader for so many real seconds; 0: until `remove`."""
        if self._removal is not None:
            self._removal.cancel()
            self._removal = None
        self.nfc.tag = tag
        if hold_s > 0:
            self._removal = threading.Timer(hold_s, self.remove)
            self._removal.daemon = True
            self._removal.start()

    def remove(self) -> None:
        self.nfc.tag = None

    def press(self, evse_id: int | None, is_active: bool) -> None:
        """The emergency stop (evse_id None) or an EVSE's RCD: a normally closed contact to ground."""
        pin = self.plan.gpio.emergency_stop_pin if evse_id is None else self.evses[evse_id].plan.rcd_pin
        if pin is None:
            raise ValueError("this street has no such line")
        self.board.drive(pin, None if is_active else False)

    # ---- mains -------------------------------------------------------------------------------------------------------

    def cut_mains(self) -> None:
        """Everything in the cabinet loses its supply. Whoever runs the kiosk kills it at the same moment."""
        with self.settled():
            self.has_mains = False
            self.cabinet.cut_mains()
            if self._gpio is not None:
                self._gpio.close()
                self._gpio = None
            self.board.power_cycle()
            for line in self.lines.values():
                line.faults.is_silent = True
            self.nfc.is_mute = True
            for evse in self.evses.values():
                evse.supply_lost()

    def restore_mains(self) -> None:
        with self.settled():
            for evse in self.evses.values():
                evse.supply_lost()
            for line in self.lines.values():
                line.faults.is_silent = False
            self.nfc.reset()
            if self._gpio is None:
                self._gpio = GpioServer(self.board, self.gpio_socket)
            self.has_mains = True

    def gpio_lost(self) -> None:
        """The GPIO chip goes away under the programs that hold it."""
        if self._gpio is not None:
            self._gpio.close()
            self._gpio = None

    def gpio_found(self) -> None:
        if self._gpio is None and self.has_mains:
            self._gpio = GpioServer(self.board, self.gpio_socket)

    # ---- the truth ---------------------------------------------------------------------------------------------------

    def physics(self) -> dict[str, Any]:
        """Energies in Wh; times are real monotonic seconds, which every process on the machine shares."""
        with self.settled():
            evses = {str(evse_id): evse.physics() for evse_id, evse in self.evses.items()}
        relay = self.cabinet.relay
        return {
            "now_s": time.monotonic(),
            "rate": self.rate,
            "mains": self.has_mains,
            "relay": {"is_closed": relay.is_closed, "changes": [list(change) for change in relay.changes]},
            "evses": evses,
            "site_a": None if self.site is None else list(self.site.currents_a),
        }

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        now_s = self.now_s()
        for evse in self.evses.values():
            evse.advance(now_s)
        if self.site is not None:
            self.site.advance(now_s)

    def _tick(self) -> None:
        pause = threading.Event()
        while self._is_running:
            with self.settled():
                pass
            pause.wait(TICK_S)

    def _connect_inputs(self) -> None:
        """Safety lines start healthy: closed to ground. A cable lock is watched, so that nobody pulls a locked plug."""
        if self.plan.gpio.emergency_stop_pin is not None:
            self.board.drive(self.plan.gpio.emergency_stop_pin, False)
        for evse in self.evses.values():
            if evse.plan.rcd_pin is not None:
                self.board.drive(evse.plan.rcd_pin, False)
            if evse.plan.lock_pin is not None:
                self._watch_lock(evse, evse.plan.lock_pin)

    def _watch_lock(self, evse: StreetEvse, pin: int) -> None:
        def watcher(level: bool, at_s: float) -> None:
            evse.is_locked = level

        self.board.watch(pin, watcher)

    def _watch_nfc_reset(self, pin: int) -> None:
        """RSTPDN of the reader's chip: it starts anew as the line rises."""
        self.board.pull_externally(pin, True)

        def watcher(level: bool, at_s: float) -> None:
            if level:
                self.nfc.reset()

        self.board.watch(pin, watcher)

    def _contacts_moved(self, name: str, closed: bool, at_s: float) -> None:
        with self._lock:
            self.evses[int(name)].contacts_moved(closed, self.now_s(), at_s)
