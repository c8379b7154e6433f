"""The cabinet in real time: heartbeat line → safety relay → contactor coils → auxiliary contacts, on a GPIO board.

One thread with its own timer owns the relay and the contactors. Watchers on the board only leave a note for it, so
the board's lock is never held while a part moves.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.contactor import Contactor
from sim.gpio_board import GpioBoard
from sim.safety_relay import SafetyRelay

OnChange = Callable[[str, bool, float], None]


@dataclass(frozen=True, slots=True)
class ContactorWiring:
    """Which lines a contactor hangs on. A feedback that is closed connects its line to ground by default."""

    command_pin: int
    feedback_pin: int
    command_active_high: bool = True
    feedback_active_high: bool = False


class Cabinet:
    """`on_change(name, is_closed, at_s)` is called in the cabinet's thread as main contacts move.

    `contactors` may get faults set at any time; call `touch` afterwards so that the cabinet looks at once.
    """

    def __init__(
        self,
        board: GpioBoard,
        heartbeat_pin: int,
        wirings: Mapping[str, ContactorWiring],
        *,
        relay: SafetyRelay | None = None,
        on_change: OnChange | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.relay = relay or SafetyRelay()
        self.contactors = {name: Contactor() for name in wirings}
        self._board, self._wirings, self._clock, self._on_change = board, dict(wirings), clock, on_change
        self._notes: deque[tuple[Callable[[float], None], float]] = deque()  # what happened, and when
        self._wake = threading.Condition()
        self._is_running = True
        self._told = dict.fromkeys(wirings, False)
        for wiring in wirings.values():
            board.pull_externally(wiring.command_pin, not wiring.command_active_high)
        self._show()
        board.watch(heartbeat_pin, lambda level, at_s: self._note(self.relay.edge, at_s))
        self._notes.clear()  # the first call only told the level that is
        for name, wiring in wirings.items():
            board.watch(wiring.command_pin, self._commanding(name, wiring.command_active_high))
        self._thread = threading.Thread(target=self._run, name="cabinet", daemon=True)
        self._thread.start()

    def cut_mains(self) -> None:
        """The cabinet loses its supply: the relay drops and every coil with it."""
        self._note(self.relay.lose_power, self._clock())

    def touch(self) -> None:
        """Look at the parts now, because a fault was set or mended."""
        self._note(lambda at_s: None, self._clock())

    def cut_coil(self, name: str) -> None:
        """The wire to this contactor's coil breaks."""
        self._note(self.contactors[name].cut_coil, self._clock())

    def mend(self, name: str) -> None:
        """Every fault of this contactor is repaired."""
        self._note(self.contactors[name].mend, self._clock())

    def close(self) -> None:
        with self._wake:
            self._is_running = False
            self._wake.notify()
        self._thread.join(timeout=2.0)

    def _commanding(self, name: str, active_high: bool) -> Callable[[bool, float], None]:
        contactor = self.contactors[name]

        def watcher(level: bool, at_s: float) -> None:
            self._note(lambda now_s: contactor.command(level == active_high, now_s), at_s)

        return watcher

    def _note(self, action: Callable[[float], None], at_s: float) -> None:
        with self._wake:
            self._notes.append((action, at_s))
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._notes and self._is_running:
                    self._wake.wait(self._patience_s())
                if not self._is_running:
                    return
                notes = list(self._notes)
                self._notes.clear()
                now_s = self._clock()
            for action, at_s in notes:
                self._advance(at_s)
                action(at_s)
            self._advance(now_s)
            self._show()

    def _patience_s(self) -> float | None:
        deadline_s = min([self.relay.deadline_s, *(contactor.deadline_s for contactor in self.contactors.values())])
        return None if deadline_s == float("inf") else max(0.0, deadline_s - self._clock())

    def _advance(self, now_s: float) -> None:
        if self.relay.deadline_s <= now_s:
            dropped_s = self.relay.deadline_s
            self.relay.advance(dropped_s)
            self._supply(dropped_s)
        self.relay.advance(now_s)
        self._supply(now_s)
        for contactor in self.contactors.values():
            contactor.advance(now_s)

    def _supply(self, at_s: float) -> None:
        for contactor in self.contactors.values():
            contactor.supply(self.relay.is_closed, at_s)

    def _show(self) -> None:
        for name, contactor in self.contactors.items():
            wiring = self._wirings[name]
            # A closed contact connects its line; an open one leaves it to the pull resistor of the Pi.
            self._board.drive(wiring.feedback_pin, wiring.feedback_active_high if contactor.feedback else None)
            if contactor.is_closed != self._told[name]:
                self._told[name] = contactor.is_closed
                if self._on_change is not None:
                    self._on_change(name, contactor.is_closed, contactor.changes[-1][0])
