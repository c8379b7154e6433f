"""A charge that a power cut, or a restart of the program, interrupted goes on by itself, unless something speaks
against it.

Law:
- What goes on was preparing or delivering with the cable in. Stopped, parked, faulted and ended stays so.
- The interruption is counted from the last sign of life on disk, so it is never longer than it is taken for. A clock
  that is not known on either side proves nothing, and nothing goes on without proof.
- What speaks against it speaks for good: the cable out, a latched fault, too much time. Doubt only waits.
- It is a new transaction of the same order, at the same price, within the same cap and the driver's own limit.
"""

from __future__ import annotations

from contract.iec61851 import PilotState
from contract.order import joined
from contract.price import Sample, TimeUse
from contract.transaction import ClockQuality
from contract.values import replace
from kiosk.session import limits
from kiosk.session.events import Now
from kiosk.session.leftovers import Interrupted, Verdict
from kiosk.session.session import NEVER_S, Session, same_owner
from kiosk.session.settings import EvseSettings, Patience
from kiosk.session.snapshot import LimitKind
from kiosk.session.states import State
from kiosk.session.transaction import Transaction

CLOCK_SLACK_S = 5.0  # by which two clocks may differ and still agree


def interrupted(t: Transaction, is_final: bool, now: Now) -> Interrupted | Verdict:
    """What is left of a recovered transaction once it has ended: something to go on with, or why not."""
    if t.goes_on_as is None or t.last_sign is None:
        return Verdict.SWITCHED_OFF
    if not is_final:
        return Verdict.NOT_CLEAN
    return Interrupted(
        t.ids.transaction_id,
        t.goes_on_as,
        t.authority,
        t.offer,
        t.token_masked,
        t.is_offline,
        joined(t.before, t.samples),
        t.last_sign,
        t.limit,
        t.started.s,
    )


def verdict(session: Session, left: Interrupted, now: Now, evse: EvseSettings, patience: Patience) -> Verdict:
    """Whether it goes on now. The EVSE's own state and facts decide, and the clock."""
    if session.facts.pilot is PilotState.A:
        return Verdict.UNPLUGGED
    if session.transaction is not None or (
        session.held_for is not None and not same_owner(session.held_for, left.authority)
    ):
        return Verdict.IN_USE
    if (about_time := _verdict_of_time(left, now, patience)).is_final:
        return about_time
    t = continuation(left, now, evse)
    if not _is_covered(session, t, left, evse, patience):
        return Verdict.NO_CREDIT
    if limit_is_reached(left):
        return Verdict.LIMIT_REACHED
    plugged = session.facts.pilot is not None and session.facts.pilot.is_connected
    if session.state is not State.IDLE or not plugged or session.is_blocked or session.reservation is not None:
        return Verdict.WAIT_FOR_SERVICE
    return about_time


def _verdict_of_time(left: Interrupted, now: Now, patience: Patience) -> Verdict:
    up_s = now.s - left.found_s
    if patience.restart_within_s == 0:
        return Verdict.SWITCHED_OFF
    if up_s > patience.restart_within_s:
        return Verdict.TOO_LATE
    if left.last_sign.clock_quality is ClockQuality.UNKNOWN:
        return Verdict.CLOCK_UNKNOWN
    if now.clock_quality is ClockQuality.UNKNOWN:
        return Verdict.WAIT_FOR_CLOCK
    away_s = (now.wall - left.last_sign.wall).total_seconds()
    if away_s < up_s - CLOCK_SLACK_S:
        return Verdict.CLOCK_SET_BACK  # it was away at least as long as this boot lasts
    return Verdict.TOO_LATE if away_s > patience.restart_within_s else Verdict.GO


def _is_covered(session: Session, t: Transaction, left: Interrupted, evse: EvseSettings, patience: Patience) -> bool:
    """The cap still pays for the shortest charge there is."""
    if t.authority.cap_minor is None:
        return True
    end = left.samples[-1]
    most_wh, most_ms = limits.shortest(session, evse, patience, t.offer)
    begin = Sample(0, end.import_wh, TimeUse.CHARGING, evse.max_power_w, evse.max_a * evse.phases * 1000, t.at_ms(0))
    begun = replace(t, samples=(begin,))
    least_minor = begun.owed_minor_with(Sample(most_ms, end.import_wh + most_wh, TimeUse.NONE))
    return least_minor <= limits.charge_cap_minor(t.authority.cap_minor, t.authority, t.offer, evse)


def limit_is_reached(left: Interrupted) -> bool:
    """The driver's own limit, of energy or time; one of money is looked at while it delivers."""
    first, last, limit = left.samples[0], left.samples[-1], left.limit
    if limit is None or limit.kind is LimitKind.MONEY:
        return False
    used = last.import_wh - first.import_wh
    return (used if limit.kind is LimitKind.ENERGY else (last.elapsed_ms - first.elapsed_ms) // 1000) >= limit.value


def continuation(left: Interrupted, now: Now, evse: EvseSettings) -> Transaction:
    """The new transaction, before its first event."""
    return Transaction(
        left.ids,
        left.authority,
        left.offer,
        left.token_masked,
        left.is_offline,
        evse.evse_id,
        evse.connector_id,
        started=now,
        limit=left.limit,
        continues=left.of_transaction_id,
        before=left.samples,
    )


def deadline_s(left: Interrupted | None, patience: Patience) -> float:
    """When waiting for it ends at the latest."""
    return NEVER_S if left is None else left.found_s + patience.restart_within_s + 0.001
