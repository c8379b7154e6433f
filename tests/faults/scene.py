"""A forecourt of real processes on which faults are had: people, the street's commands, the technician's command."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

from kiosk.cli.conditions import standing
from kiosk.session.faults import FaultCode
from kiosk.session.snapshot import Snapshot
from kiosk.session.states import State
from kiosk.wire import snapshot_line
from tests.cli.conftest import ENVIRONMENT
from tests.faults.forecourt import Cable
from tests.faults.words import one_cause
from worlds.charges import Charges, Checked
from worlds.eyes import Eyes
from worlds.stage import Stage

PATIENCE_S = 20.0
LEAST_WH = 5


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge under way; `before_wh` is what the EVSE had delivered before it."""

    cable: Cable
    transaction_id: str
    before_wh: float


class Scene:
    """Several threads may use it at once, one per EVSE."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.open_eyes()
        self._front = threading.Lock()  # one person at a time stands before screen and reader
        self._charges: dict[Cable, Charge] = {}
        self._logs = stage.places.logs / "controller.log"

    def open_eyes(self) -> None:
        """In place of the screen: a client in its role."""
        self.eyes = Eyes(self.stage.places.panel)
        self.charges = Charges(self.stage, self.eyes)

    def close_eyes(self) -> None:
        self.eyes.__exit__()

    # ---- people ------------------------------------------------------------------------------------------------------

    def begin(self, cable: Cable) -> Charge:
        """Somebody plugs in and is authorised by card."""
        evse_id = cable.evse_id
        before_wh = self.stage.delivered_wh(evse_id)
        self.charges.wait_until_ready(evse_id)
        self.stage.street("plug", evse=evse_id, car=cable.who)
        with self._front:
            self.charges.choose(evse_id)
            self.stage.street("tap", card=cable.who, hold_s=0)  # until it is taken: a busy reader may be slow
            try:
                seen = self.charges.wait_for(evse_id, "knows the card", lambda e: e.transaction is not None)
            finally:
                self.stage.street("remove")
        assert seen.transaction is not None
        self._charges[cable] = Charge(cable, seen.transaction.transaction_id, before_wh)
        return self._charges[cable]

    def under_way(self, cable: Cable) -> Charge:
        """The charge begun there last."""
        return self._charges[cable]

    def charge(self, cable: Cable) -> Charge:
        """The same, and energy flows."""
        begun = self.begin(cable)
        self.charges.wait_until_delivering(cable.evse_id, least_wh=LEAST_WH)
        return begun

    def several(self, *cables: Cable) -> list[Charge]:
        """All of them at once."""
        begun = [self.begin(cable) for cable in cables]
        for cable in cables:
            self.charges.wait_until_delivering(cable.evse_id, least_wh=LEAST_WH)
        return begun

    def leave(self, cable: Cable) -> None:
        self.stage.street("unplug", evse=cable.evse_id)

    def clear(self, cable: Cable) -> None:
        """For the next story, also after one that went wrong: whole, without a car and without a fault."""
        self.stage.street("mend", evse=cable.evse_id)
        if self.physics(cable)["car"] is not None:
            self.leave(cable)
        seen = self.eyes.evse(cable.evse_id)
        if seen is not None and seen.fault is not None:
            self.reset(cable)
            self.wait_until_idle(cable)

    # ---- looking -----------------------------------------------------------------------------------------------------

    def physics(self, cable: Cable) -> dict[str, Any]:
        """The truth at one EVSE."""
        found: dict[str, Any] = self.stage.physics()["evses"][str(cable.evse_id)]
        return found

    def delivered_wh(self, charge: Charge) -> float:
        return self.stage.delivered_wh(charge.cable.evse_id) - charge.before_wh

    def wait_until_open(self, cable: Cable, patience_s: float = PATIENCE_S) -> None:
        what = f"the contactor of EVSE {cable.evse_id} is open"
        self.stage.wait_for(what, lambda: not self.physics(cable)["is_closed"], patience_s, "controller", "street")

    def wait_until_relay_is_open(self) -> None:
        what = "the safety relay has dropped"
        self.stage.wait_for(what, lambda: not self.stage.physics()["relay"]["is_closed"], PATIENCE_S, "street")

    def wait_until_offered(self, cable: Cable, amps: int) -> None:
        """The board tells the car that it may draw so much."""
        what = f"EVSE {cable.evse_id} offers {amps} A"
        self.stage.wait_for(what, lambda: self.physics(cable)["offered_a"] == amps, PATIENCE_S, "controller", "street")

    def wait_until_out(self, cable: Cable, code: str) -> None:
        """Out of service for this fault; Ended is written."""
        self.charges.wait_for(
            cable.evse_id,
            f"is out of service for {code}",
            lambda e: e.state is State.OUT_OF_SERVICE and e.fault is not None and e.fault.code.value == code,
            PATIENCE_S,
        )

    def wait_until_idle(self, cable: Cable) -> None:
        self.charges.wait_for(
            cable.evse_id, "is well again", lambda e: e.state is State.IDLE and e.fault is None, PATIENCE_S
        )

    def billed(self, charge: Charge, least_wh: float | None = None) -> Checked:
        """Its one bill. Right to the register's step; with `least_wh`, where the meter could not be read at the end,
        between that and what flowed."""
        true_wh = self.delivered_wh(charge)
        if least_wh is None:
            return self.charges.billed_once(charge.transaction_id, true_wh)
        between_wh = (least_wh + true_wh) / 2
        steps = round((true_wh - least_wh) / 2) + 2
        return self.charges.billed_once(charge.transaction_id, between_wh, readings=steps)

    def logged(self) -> str:
        return self._logs.read_text(encoding="utf-8", errors="replace")

    # ---- the technician ----------------------------------------------------------------------------------------------

    def kiosk(self, *words: str) -> subprocess.CompletedProcess[str]:
        places = self.stage.places
        around = ENVIRONMENT | {"KIOSK_SOCKET": places.panel, "KIOSK_CONFIG": str(places.config)}
        command = [sys.executable, "-m", "kiosk.cli.main", *words]
        return subprocess.run(command, env=around, capture_output=True, text=True, timeout=60, check=False)

    def reset(self, *cables: Cable) -> list[int]:
        """The exit codes of `kiosk reset`."""
        return [self.kiosk("reset", str(cable.evse_id)).returncode for cable in cables]

    def reset_once_healthy(self, cable: Cable) -> None:
        """A reset that comes before the kiosk has seen the repair is refused: the technician tries again."""
        what = f"EVSE {cable.evse_id} is reset"
        self.stage.wait_for(what, lambda: self.reset(cable) == [0], PATIENCE_S, "controller")

    def journaled(self, transaction_id: str) -> list[dict[str, Any]]:
        """The kiosk's own events of a transaction, in order, as `kiosk journal list` tells them."""
        told = json.loads(self.kiosk("journal", "list", "--kind", "transaction", "--json", "--limit", "1000").stdout)
        return [row["body"] for row in told if row["body"]["transaction_id"] == transaction_id]

    def status(self, cable: Cable) -> dict[str, Any]:
        """The EVSE as `kiosk status --json` tells it."""
        found: dict[str, Any] = next(evse for evse in self.shown()["evses"] if evse["evse_id"] == cable.evse_id)
        return found

    def shown(self) -> dict[str, Any]:
        """The whole snapshot, as the technician gets it."""
        found: dict[str, Any] = json.loads(self.kiosk("status", "--json").stdout)
        return found

    def causes(self, cable: Cable) -> list[dict[str, Any]]:
        """All causes of `kiosk why N --json`, the deciding one first."""
        found: list[dict[str, Any]] = json.loads(self.kiosk("why", str(cable.evse_id), "--json").stdout)["causes"]
        return found

    def tells(self, cable: Cable, code: FaultCode, condition: str = "", words: str = "") -> dict[str, Any]:
        """Screen, `kiosk why` and doctor give the same cause, and the technician's command prints it.

        `condition`: the row of the kiosk's own table beside it; `words` of the driver's complaint. A driver may say
        something else at each of its tries, so both are waited for. Raises AssertionError.
        """

        def snapshot() -> Snapshot | None:
            seen = self.eyes.snapshot
            is_told = seen is not None and condition in (*standing(snapshot_line(seen)["snapshot"]), "")
            return seen if is_told else None

        def cause() -> dict[str, Any] | None:
            first, *others = self.causes(cable)
            assert first["code"] == f"fault:{code}"
            is_told = condition in (*(other["code"] for other in others), "") and words in first["detail"]
            return first if is_told else None

        seen = self.stage.wait_for(f"{condition} is told", snapshot, PATIENCE_S, "controller")
        one_cause(seen, cable.evse_id, code, condition)
        return self.stage.wait_for(f"why says {condition} {words}", cause, PATIENCE_S, "controller")
