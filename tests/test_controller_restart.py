"""What the controller writes beside its rows, and what the next boot makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from contract.iec61851 import PilotState
from contract.tokens import AuthorizationList, ListEntry, sign_list
from contract.transaction import EventType, TransactionEvent, TriggerReason, token_hash
from kiosk.controller import DOCUMENT_MEMORY, Found
from kiosk.session.events import Ids, ReceiptDismissed
from kiosk.session.leftovers import Verdict
from kiosk.session.memory import Memories, from_text
from kiosk.session.states import State
from tests.rig import CARD, KEY, NOON, WITH_PARKING, Rig


def memories(rig: Rig) -> Memories:
    return from_text(rig.disk.documents[DOCUMENT_MEMORY])


def open_stories(rig: Rig) -> tuple[tuple[TransactionEvent, ...], ...]:
    events = rig.disk.events()
    ids = list(dict.fromkeys(event.transaction_id for event in events))
    told = [tuple(event for event in events if event.transaction_id == one) for one in ids]
    return tuple(story for story in told if story[-1].event_type is not EventType.ENDED)


class Rebooted(Rig):
    """The same kiosk a minute later: the disk has what was written, the cable is in."""

    def __init__(self, before: Rig) -> None:
        super().__init__(found=Found(open_transactions=open_stories(before), memories=memories(before)))
        self.boot_id, self.wall = "boot-2", before.wall + timedelta(seconds=60)
        for n, meter in self.meters.items():
            meter.register_wh = before.meters[n].register_wh
            self.pilots[n].at = before.pilots[n].at

    def _mint(self) -> Ids:
        made = super()._mint()
        return replace(made, transaction_id=f"{made.transaction_id}-again")


def test_stop_code_and_token_are_on_disk_with_started_and_go_with_the_stop() -> None:
    rig = Rig()
    rig.charge()
    (memory,) = memories(rig).evses
    assert memory.running is not None
    assert (memory.running.transaction_id, memory.running.stop_code) == ("tx-1", "4711")
    written = next(write for write in rig.disk.written if any(b'"Started"' in entry.body for entry in write.entries))
    assert DOCUMENT_MEMORY in dict(written.documents), "in the commit of Started"
    assert all(b"4711" not in entry.body for write in rig.disk.written for entry in write.entries), "and in no row"

    rig.tap()
    rig.run(1)
    assert all(memory.running is None for memory in memories(rig).evses)


def test_an_interrupted_charge_goes_on_after_a_restart() -> None:
    before = Rig()
    before.charge(for_s=120)
    after = Rebooted(before)
    after.run_until(State.DELIVERING)
    after.run(2)

    begun = after.disk.events()[-2]
    assert begun.trigger_reason is TriggerReason.TX_RESUMED
    assert begun.order_id == "order-1" and begun.transaction_id != "tx-1"
    assert after.server.asked == [], "nobody is asked"
    view = after.controller.snapshot(after.now).evses[0].transaction
    assert view is not None
    assert view.is_continued and view.stop_code == "4711" and view.energy_wh >= 200


def test_a_card_blocked_by_the_list_on_disk_does_not_go_on() -> None:
    before = Rig()
    before.charge(for_s=120)
    after = Rebooted(before)
    entry = ListEntry(token_hash(CARD.kind, CARD.value), "anna", 2000, is_blocked=True)
    newer = AuthorizationList(
        "hk-07", 2, NOON - timedelta(days=1), NOON + timedelta(days=1), {"1": WITH_PARKING, "2": WITH_PARKING}, (entry,)
    )
    after.controller.take_list(sign_list(newer, KEY))
    after.run(30)

    assert after.state() is State.IDLE
    assert all(event.event_type is EventType.ENDED for event in after.disk.events())
    session = after.controller.kiosk.session(1)
    assert session is not None
    assert session.interrupted is None and session.restart_verdict in (Verdict.TOKEN_BLOCKED, Verdict.SWITCHED_OFF)


def test_the_former_customers_connector_is_remembered_until_the_cable_is_out() -> None:
    rig = Rig()
    rig.charge()
    rig.controller.post(ReceiptDismissed(1))
    rig.run(6)
    rig.tap()
    rig.run_until(State.PARKED)
    after = Rebooted(rig)
    after.run_until(State.IDLE)
    after.run(1)
    (memory,) = memories(after).evses
    assert memory.held_for is not None and memory.held_for.account_id == "anna"
    assert memory.interrupted is None, "who had stopped stays stopped"

    after.pilots[1].at = PilotState.A
    after.run(2)
    assert memories(after).evses == ()
