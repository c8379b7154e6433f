"""One charge in the bytes tier, step by step, and what must be true of it afterwards.

The steps act as people do (a cable, a card, a code) and wait for what the kiosk's snapshot shows; the check compares
the server's record with the simulated physics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from contract.transaction import StoppedReason
from kiosk.session.events import ConnectorChosen, StopPressed
from kiosk.session.snapshot import EvseView
from kiosk.session.states import State
from kiosk.wire import Intent
from worlds.eyes import Eyes
from worlds.stage import NotTrue, Stage
from worlds.till import Billed

READY_PATIENCE_S = 20.0
STEP_PATIENCE_S = 15.0
SERVER_PATIENCE_S = 20.0
STEP_WH = 1  # both meters of the demo's street count whole watt-hours


@dataclass(frozen=True, slots=True)
class Checked:
    """A charge that was found right: `true_wh` flowed, `minor` was billed."""

    billed: Billed
    true_wh: float
    minor: int

    @property
    def stopped_reason(self) -> StoppedReason | None:
        return self.billed.story[-1].stopped_reason


class Charges:
    """The steps, on one stage."""

    def __init__(self, stage: Stage, eyes: Eyes) -> None:
        self.stage, self.eyes = stage, eyes

    def wait_for(
        self, evse_id: int, what: str, is_true: Callable[[EvseView], bool], patience_s: float = STEP_PATIENCE_S
    ) -> EvseView:
        """Wait until the snapshot shows it. Raises NotTrue, with what it shows instead."""

        def look() -> EvseView | None:
            evse = self.eyes.evse(evse_id)
            return evse if evse is not None and is_true(evse) else None

        try:
            return self.stage.wait_for(f"EVSE {evse_id} {what}", look, patience_s, "controller", "street")
        except NotTrue as error:
            raise NotTrue(f"{error}\n---- the kiosk shows: {self.eyes.evse(evse_id)}") from error

    def wait_until_ready(self, evse_id: int = 1) -> EvseView:
        """The EVSE is idle and sells something."""
        return self.wait_for(
            evse_id,
            "is free and has a price",
            lambda e: e.state is State.IDLE and e.offer is not None,
            READY_PATIENCE_S,
        )

    def wait_until_delivering(self, evse_id: int, least_wh: int = 1, patience_s: float = STEP_PATIENCE_S) -> EvseView:
        return self.wait_for(
            evse_id,
            f"delivers, {least_wh} Wh at least",
            lambda e: e.state is State.DELIVERING and e.transaction is not None and e.transaction.energy_wh >= least_wh,
            patience_s,
        )

    def wait_until_online(self, online: bool = True) -> None:
        self.stage.wait_for(
            f"the kiosk knows that the server is {'there' if online else 'away'}",
            lambda: (seen := self.eyes.snapshot) is not None and seen.is_online is online,
            SERVER_PATIENCE_S,
            "uplink",
            "controller",
        )

    def wait_until_sent(self) -> None:
        """Nothing waits for the server any more."""
        self.stage.wait_for(
            "everything has reached the server",
            lambda: (seen := self.eyes.snapshot) is not None and seen.outbox_rows == 0,
            SERVER_PATIENCE_S,
            "uplink",
            "server",
        )

    def touch(self, intent: Intent) -> None:
        """In place of a finger, where there is no screen."""
        self.stage.wait_for("a touch arrives", lambda: self.eyes.send(intent), STEP_PATIENCE_S, "controller")

    def choose(self, evse_id: int) -> None:
        self.touch(ConnectorChosen(evse_id))
        self.stage.wait_for(
            f"connector {evse_id} is chosen",
            lambda: (seen := self.eyes.snapshot) is not None and seen.chosen_evse == evse_id,
            STEP_PATIENCE_S,
            "controller",
        )

    def stop_with_code(self, evse_id: int) -> None:
        evse = self.wait_for(evse_id, "has a transaction", lambda e: e.transaction is not None)
        assert evse.transaction is not None
        self.touch(StopPressed(evse_id, evse.transaction.stop_code))

    def billed_once(self, transaction_id: str, true_wh: float, readings: int = 2) -> Checked:
        """Wait for the server's bill, then hold it against the physics and the kiosk's own price. Raises NotTrue."""
        billed = self._billed(transaction_id)
        off_wh = abs(billed.energy_wh - true_wh)
        if off_wh > readings * STEP_WH:
            raise NotTrue(
                f"transaction {transaction_id}: {true_wh:.2f} Wh flowed, the kiosk recorded {billed.energy_wh} Wh, "
                f"the server billed {billed.cdr_wh} Wh"
            )
        assert billed.cdr_minor is not None
        return Checked(billed, true_wh, billed.cdr_minor)

    def order_billed_once(self, transaction_id: str, true_wh: float) -> list[Checked]:
        """The same for an order of several transactions, of which one is named: all of them, in order; `true_wh` of
        each is what was billed, as physics knows no transactions. Raises NotTrue."""
        self._billed(transaction_id)
        found = self.stage.till.billed()
        order_id = found[transaction_id].story[0].order_id
        parts = [self._billed(b.transaction_id) for b in found.values() if b.story[0].order_id == order_id]
        parts.sort(key=lambda part: part.story[0].at.wall)
        off_wh = abs(sum(part.energy_wh for part in parts) - true_wh)
        if off_wh > 2 * STEP_WH * len(parts):
            raise NotTrue(f"order {order_id}: {true_wh:.2f} Wh flowed, billed {[part.energy_wh for part in parts]} Wh")
        for before, after in pairwise(parts):
            continues = after.story[0].continues
            if continues is None or continues.of_transaction_id != before.transaction_id:
                raise NotTrue(f"transaction {after.transaction_id} does not say that it goes on with the one before")
        return [Checked(part, part.energy_wh, part.cdr_minor or 0) for part in parts]

    def _billed(self, transaction_id: str) -> Billed:
        """A transaction's bill, there once, and the same on kiosk and server."""

        def look() -> Billed | None:
            found = self.stage.till.billed().get(transaction_id)
            return found if found is not None and found.cdrs else None

        billed = self.stage.wait_for(
            f"transaction {transaction_id} is billed", look, SERVER_PATIENCE_S, "uplink", "server"
        )
        if not billed.is_once:
            raise NotTrue(f"transaction {transaction_id} is not there exactly once: {billed}")
        if billed.cdr_wh != billed.energy_wh:
            raise NotTrue(f"transaction {transaction_id}: the kiosk {billed.energy_wh} Wh, the server {billed.cdr_wh}")
        if billed.cdr_minor is None or billed.cdr_minor != billed.kiosk_minor:
            raise NotTrue(
                f"transaction {transaction_id}: the kiosk says {billed.kiosk_minor}, the server {billed.cdr_minor}"
            )
        return billed
