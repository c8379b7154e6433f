"""The checker: what harm was done, read from the simulated physics and the bills people got.

It never reads the kiosk's own records for an amount: the watt-hours are the ones that passed the contactor.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kiosk.session.states import State
from worlds.world import BEGINNING

if TYPE_CHECKING:
    from worlds.world import World

READINGS_PER_BILL = 2  # the register is read at the start and at the end


@dataclass(slots=True)
class Harm:
    """Zero everywhere is the only good value."""

    unbilled_wh: int = 0
    overbilled_wh: int = 0
    lost: int = 0
    doubled: int = 0
    unsafe: int = 0
    stuck: int = 0

    def any(self) -> bool:
        return any(asdict(self).values())


def check(world: World) -> Harm:
    """Judge a world that has come to rest."""
    harm = Harm(unsafe=world.safety.episodes)
    bills = world.server.bills()
    begins = BEGINNING.timestamp()
    for evse_id, logs in world.visits.items():
        outlet = world.outlets[evse_id]
        step_wh = max(1.0, outlet.meter.step_wh)
        for index, log in enumerate(logs):
            ends_s = logs[index + 1].began_s if index + 1 < len(logs) else float("inf")
            after_wh = log.import_after_wh if log.import_after_wh is not None else outlet.meter.import_wh
            true_wh = after_wh - log.import_before_wh
            mine = [b for b in bills if b[1] == evse_id and log.began_s <= b[2] - begins + 0.01 < ends_s]
            _judge_visit(world, harm, evse_id, log.began_s, true_wh, [b[3] for b in mine], step_wh)
    _judge_copies(world, harm, [b[0] for b in bills])
    _judge_rest(world, harm)
    return harm


def _judge_visit(
    world: World, harm: Harm, evse_id: int, began_s: float, true_wh: float, billed_wh: list[int], step_wh: float
) -> None:
    allowed_wh = READINGS_PER_BILL * step_wh * max(1, len(billed_wh))
    if not billed_wh and true_wh > 0.5:
        harm.lost += 1
        world.tell(f"LOST: evse {evse_id}, visit at {began_s:.0f} s: {true_wh:.1f} Wh and no bill")
    short_wh = true_wh - sum(billed_wh)
    if abs(short_wh) > allowed_wh:
        world.tell(
            f"WRONG ENERGY: evse {evse_id}, visit at {began_s:.0f} s: {true_wh:.1f} Wh through the contactor,"
            f" {billed_wh} Wh billed, allowed {allowed_wh:.0f} Wh"
        )
    if short_wh > allowed_wh:
        harm.unbilled_wh += round(short_wh)
    elif -short_wh > allowed_wh:
        harm.overbilled_wh += round(-short_wh)


def _judge_copies(world: World, harm: Harm, billed: list[str]) -> None:
    for transaction_id, times in Counter(billed).items():
        if times > 1:
            harm.doubled += times - 1
            world.tell(f"DOUBLED: transaction {transaction_id} has {times} bills")
    for (transaction_id, seq_no), times in Counter(world.server.event_keys()).items():
        if times > 1:
            harm.doubled += times - 1
            world.tell(f"DOUBLED: event {transaction_id}/{seq_no} is stored {times} times")
    for reason in world.server.doubts():
        harm.lost += 1
        world.tell(f"SET ASIDE by the server: {reason}")


def _judge_rest(world: World, harm: Harm) -> None:
    waiting = world.disk.store.waiting()
    if waiting:
        harm.stuck += waiting
        world.tell(f"STUCK: {waiting} journal rows never acknowledged")
    if world.kiosk is None:
        harm.stuck += 1
        world.tell("STUCK: no kiosk runs")
        return
    for session in world.kiosk.controller.kiosk.sessions:
        if session.state is not State.IDLE:
            harm.stuck += 1
            world.tell(f"STUCK: evse {session.evse_id} is {session.state} ({session.fault})")
