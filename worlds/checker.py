"""The checker: what harm was done, read from the simulated physics and the bills people got.

It never reads the kiosk's own records for an amount: the watt-hours are the ones that passed the contactor.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kiosk.session.states import State
from worlds.coins import judge_money
from worlds.forgiveness import Stay, forgivable, stays

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
    unbalanced: int = 0
    paid_not_supplied: int = 0
    charged_twice: int = 0

    def any(self) -> bool:
        return any(asdict(self).values())


def check(world: World) -> Harm:
    """Judge a world that has come to rest; what a rule gave up is added to its `activity.forgiven_wh`."""
    harm = Harm(unsafe=world.safety.episodes)
    bills = world.server.bills()
    for stay in stays(world):
        # By the moment of its first id: the kiosk's time of day may be anything.
        mine = [
            bill.energy_wh
            for bill in bills
            if bill.evse_id == stay.evse_id and stay.from_s <= world.minted_s[bill.transaction_id] < stay.to_s
        ]
        _judge_stay(world, harm, stay, mine)
    _judge_copies(world, harm, [bill.transaction_id for bill in bills])
    _judge_rest(world, harm)
    judge_money(world, harm)
    return harm


def _judge_stay(world: World, harm: Harm, stay: Stay, billed_wh: list[int]) -> None:
    step_wh = max(1.0, world.outlets[stay.evse_id].meter.step_wh)
    allowed_wh = READINGS_PER_BILL * step_wh * max(1, len(billed_wh))
    short_wh = stay.true_wh - sum(billed_wh)
    is_lost = not billed_wh and stay.true_wh > 0.5
    if not is_lost and abs(short_wh) <= allowed_wh:
        return
    what = (
        f"evse {stay.evse_id}, visit at {stay.from_s:.0f} s: {stay.true_wh:.1f} Wh through the contactor,"
        f" {billed_wh} Wh billed, allowed {allowed_wh:.0f} Wh"
    )
    if short_wh < 0:
        harm.overbilled_wh += round(-short_wh)
        world.tell(f"OVERBILLED: {what}")
        return
    rules = forgivable(world, stay)
    if rules and short_wh <= sum(rules.values()) + allowed_wh:
        _forgive(world, rules, short_wh)
        world.tell(f"forgiven: {what}, {_bounds(rules)}")
        return
    bound = f", {_bounds(rules)}" if rules else ""
    if is_lost:
        harm.lost += 1
        world.tell(f"LOST: {what}{bound}")
    if short_wh > allowed_wh:
        harm.unbilled_wh += round(short_wh)
        world.tell(f"UNBILLED: {what}{bound}")


def _bounds(rules: dict[str, float]) -> str:
    return ", ".join(f"{name} forgives {wh:.0f} Wh" for name, wh in rules.items())


def _forgive(world: World, rules: dict[str, float], short_wh: float) -> None:
    """Each rule up to its bound, in their order."""
    for name, most_wh in rules.items():
        given_wh = min(short_wh, most_wh)
        world.activity.forgiven_wh[name] += round(given_wh)
        short_wh -= given_wh


def _judge_copies(world: World, harm: Harm, billed: list[str]) -> None:
    for transaction_id, times in Counter(billed).items():
        if times > 1:
            harm.doubled += times - 1
            world.tell(f"DOUBLED: transaction {transaction_id} has {times} bills")
    for (transaction_id, seq_no), times in Counter(world.server.event_keys()).items():
        if times > 1:
            harm.doubled += times - 1
            world.tell(f"DOUBLED: event {transaction_id}/{seq_no} is stored {times} times")
    for code, reason in world.server.doubts():
        if code == "other_bytes" and world.disk.setbacks:
            continue  # a kiosk that lost its memory tells the end again: decision 0030; the first word stands
        if code == "kiosk_price" and world.disk.setbacks:
            continue  # nor does it know any more what the time was used for; energy is judged above
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
