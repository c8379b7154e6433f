"""The bench after a power cut: the next boot knows what was journaled, and the document beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from contract.iec61851 import PilotState
from contract.transaction import Authority, ClockQuality, EventType, TransactionEvent
from kiosk.session import memory
from kiosk.session.events import Ids, Now
from kiosk.session.wants import Wants
from tests.session.bench import Bench

WAS_UP_S = 12.0  # the controller's clock when it looks for the first time


def rebooted(
    bench: Bench,
    off_s: float = 30.0,
    quality: ClockQuality = ClockQuality.SYNCHRONISED,
    pilot: PilotState | None = None,
    meter_answers: bool = True,
    may_go_on: Callable[[Authority, bool], bool] = lambda word, offline: True,
) -> Bench:
    """Power is back `off_s` later. `pilot`: what the vehicle shows then, if not the same."""
    stories = [bench.story(tx) for tx in dict.fromkeys(event.transaction_id for event in bench.journal)]
    cut = [story for story in stories if not any(e.event_type is EventType.ENDED for e in story)]
    boot = int(bench.boot_id.split("-")[1]) + 1
    now = Now(WAS_UP_S, bench.wall + timedelta(seconds=off_s), quality, f"boot-{boot}")
    document = memory.to_text(memory.remembered(bench.kiosk))

    def mint() -> Ids:
        return Ids(f"tx-of-{now.boot_id}", "a-new-order", "a-new-receipt", "0000")

    resumed = memory.recalled(cut, memory.from_text(document), now, bench.patience, mint, may_go_on)
    plugs = {
        evse_id: replace(
            plug,
            closed=plug.closed and plug.welded,
            wanted=Wants(),
            reading=None,
            pilot=pilot or plug.pilot,
            meter_answers=meter_answers,
        )
        for evse_id, plug in bench.plugs.items()
    }
    after = Bench(
        len(plugs),
        offer=bench.kiosk.offers[1],
        patience=bench.patience,
        resumed=resumed,
        at_s=now.s,
        wall=now.wall,
        boot_id=now.boot_id,
        plugs=plugs,
        quality=quality,
    )
    after.journal = [*bench.journal, *after.journal]
    return after


def stories(bench: Bench) -> list[list[TransactionEvent]]:
    """Every transaction's events, in the order the transactions began."""
    return [bench.story(tx) for tx in dict.fromkeys(event.transaction_id for event in bench.journal)]
