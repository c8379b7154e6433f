"""The rest of the tour: what goes wrong at a kiosk without anybody losing money. Every screen of it appears."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import State
from worlds.charges import STEP_PATIENCE_S, Charges
from worlds.hands import Hands
from worlds.stage import NotTrue, program

SILENT_S = 4.0  # without a controller, until the screen says that what it shows is old
COMMAND_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Troubles:
    charges: Charges
    hands: Hands
    tell: Callable[[str], None]

    def run(self) -> None:
        """Raises NotTrue."""
        self.tap_first()
        self.unknown_card()
        self.emergency_stop()
        self.controller_away()

    def tap_first(self) -> None:
        eyes, stage = self.charges.eyes, self.charges.stage
        stage.street("tap", card="anna")
        stage.wait_for(
            "the card waits for a connector",
            lambda: (seen := eyes.snapshot) is not None and seen.token_waits,
            STEP_PATIENCE_S,
            "controller",
        )
        self.hands.shoot("choose-connector")
        self.hands.go_home()
        self.tell("a card before any choice: the screen asks for the connector")

    def unknown_card(self) -> None:
        eyes, stage = self.charges.eyes, self.charges.stage
        self.hands.choose(2)
        stage.street("tap", card="stranger")
        stage.wait_for(
            "the card is refused",
            lambda: (
                (seen := eyes.snapshot) is not None
                and seen.notice is not None
                and seen.notice.code is NoticeCode.UNKNOWN_TOKEN
            ),
            STEP_PATIENCE_S,
            "controller",
            "uplink",
        )
        self.hands.shoot("notice")
        self.hands.dismiss_notice()
        self.tell("a card nobody knows is refused, with words")

    def emergency_stop(self) -> None:
        """In the middle of a charge: it opens at once, latches, and needs a named reset."""
        charges, stage = self.charges, self.charges.stage
        before_wh = stage.delivered_wh(1)
        stage.street("plug", evse=1, car="id3")
        charges.wait_for(1, "sees the car", lambda e: e.pilot is not None and e.pilot.is_connected)
        stage.street("tap", card="ben")
        evse = charges.wait_until_delivering(1, 50)
        assert evse.transaction is not None
        stage.street("press-estop")
        pressed_s = time.monotonic()
        charges.wait_for(1, "is out of service", lambda e: e.state is State.OUT_OF_SERVICE)
        opened_s, is_closed, _ = stage.physics()["evses"]["1"]["moves"][-1]
        if is_closed or opened_s - pressed_s > 1.0:
            raise NotTrue(f"the contactor did not open at the emergency stop: {opened_s - pressed_s:.3f} s")
        self.hands.shoot("out-of-service")
        checked = charges.billed_once(evse.transaction.transaction_id, stage.delivered_wh(1) - before_wh)
        self.tell(
            f"emergency stop in mid-charge: open within {max(0.0, opened_s - pressed_s) * 1000:.0f} ms, "
            f"{checked.billed.energy_wh} Wh, {checked.minor / 100:.2f} EUR, once on the server"
        )
        stage.street("release-estop")
        stage.street("unplug", evse=1)
        for evse_id in (1, 2):
            charges.wait_for(
                evse_id,
                "waits for the reset",
                lambda e: e.fault is not None and e.fault.code is FaultCode.EMERGENCY_STOP,
            )
            self._reset(evse_id)
            charges.wait_until_ready(evse_id)
        self.tell("released, and reset by the technician's command: kiosk reset")

    def controller_away(self) -> None:
        """The screen outlives its controller and says that what it shows is old."""
        stage = self.charges.stage
        stage.launcher.cut(("controller",))
        time.sleep(SILENT_S)
        self.hands.shoot("stale")
        stage.launcher.restore(("controller",))
        self.charges.wait_until_ready(1)
        self.charges.wait_until_online()
        self.hands.wait_for_first_screen()
        self.hands.shoot("home-again")
        self.tell("controller killed and back: the screen said so, and went on")

    def _reset(self, evse_id: int) -> None:
        argv = [program("kiosk"), "reset", str(evse_id), "--socket", self.charges.stage.places.panel]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=COMMAND_PATIENCE_S, check=False)
        if done.returncode != 0:
            raise NotTrue(f"kiosk reset {evse_id}: {done.stderr or done.stdout}")
