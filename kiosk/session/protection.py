"""What readings show only over time: too much current, too little voltage, heat, current through an open contactor.

Law:
- One reading proves nothing but an alarm of the board: each limit must be passed for as long as its setting says,
  by the times of the readings themselves. A stale reading passes and clears nothing.
- Heat takes current away in steps before it stops anything; at the board's own alarm it stops at once.
- This explains and opens. What must act within milliseconds is certified hardware (RCD, breaker, the board).
"""

from __future__ import annotations

from contract.iec61851 import LEAST_OFFER_A, PilotState
from contract.metering import MeterReading
from contract.values import replace, value
from kiosk.session.facts import Facts
from kiosk.session.settings import EvseSettings, Protection

LONG_AGO_S = float("-inf")
FLOWS_MA = 3_000  # no vehicle charges with less (IEC 61851-1: 6 A), and no meter reads that much where nothing flows
VOLTAGE_BACK_PERCENT = 2  # of nominal, above the limit: voltage that has just come back counts as back


@value
class Watch:
    """What has been seen of one EVSE, and since when (kiosk monotonic seconds; None: not now)."""

    over_since_s: float | None = None
    over_ma: int = 0  # the most that was read meanwhile
    is_over_current: bool = False  # until the cable is out
    low_since_s: float | None = None
    low_mv: int = 0  # the least that was read meanwhile
    is_under_voltage: bool = False
    flow_since_s: float | None = None
    flows_though_open: bool = False
    heat: int = 0  # 0: as offered, 1: half of what the EVSE may, 2: the least there is
    heat_since_s: float = LONG_AGO_S  # of this step
    is_too_hot: bool = False  # until it has cooled
    meter_accepted_s: float = LONG_AGO_S  # up to here a technician has said that the change of meters is right

    @property
    def shows_no_fault(self) -> bool:
        return not (self.is_over_current or self.is_under_voltage or self.flows_though_open or self.is_too_hot)


CALM = Watch()


@value
class Offered:
    """What the vehicle was told it may draw, and what it may still be drawing. Amps; `at_s` of the last lowering."""

    now_a: int = 0
    before_a: int = 0
    at_s: float = LONG_AGO_S

    def told(self, amps: int, now_s: float, follow_s: float) -> Offered:
        if amps >= self.now_a:
            return replace(self, now_a=amps)
        before_a = max(self.now_a, self.before_a) if now_s < self.at_s + follow_s else self.now_a
        return Offered(amps, before_a, now_s)

    def most_a(self, at_s: float, follow_s: float) -> int:
        """What a reading of `at_s` may show."""
        return max(self.now_a, self.before_a) if at_s < self.at_s + follow_s else self.now_a


NOTHING_OFFERED = Offered()


def watched(
    watch: Watch,
    facts: Facts,
    reading: MeterReading | None,
    evse: EvseSettings,
    offered: Offered | None,
    open_since_s: float,
    now_s: float,
) -> Watch:
    """The next Watch. `reading`: a new and fresh one, if any. `offered`: None where the contactor is wanted open,
    `open_since_s`: since when it is, infinity where it is not."""
    limits, seen = evse.protection, watch
    if facts.temperature_dc is not None or facts.board_is_too_hot or watch.heat or watch.is_too_hot:
        seen = _warmed(seen, facts, limits, now_s)
    if reading is not None:
        most_ma = max(current_ma(reading, evse), default=0)
        seen = _with_current(seen, most_ma, reading.at_s, limits, offered)
        seen = _with_flow(seen, most_ma, reading.at_s, facts, limits, open_since_s)
        if reading.voltage_mv:
            seen = _with_voltage(seen, min(reading.voltage_mv[: evse.phases]), reading.at_s, evse)
    if seen.is_over_current and facts.pilot is PilotState.A:  # believed again, once the cable was out
        seen = replace(seen, is_over_current=False, over_since_s=None, over_ma=0)
    return CALM if seen is not watch and seen == CALM else seen


def heat_cap_a(watch: Watch, evse: EvseSettings) -> int:
    """What heat leaves of the EVSE's current: all, half, the least."""
    if watch.heat == 0:
        return evse.max_a
    return max(LEAST_OFFER_A, evse.max_a // 2) if watch.heat == 1 else LEAST_OFFER_A


def next_look_s(watch: Watch, limits: Protection) -> float:
    """When a limit that is passed now will have been passed for long enough."""
    if watch is CALM:
        return float("inf")
    due = []
    if watch.over_since_s is not None and not watch.is_over_current:
        due.append(watch.over_since_s + limits.over_current_s)
    if watch.low_since_s is not None and not watch.is_under_voltage:
        due.append(watch.low_since_s + limits.under_voltage_s)
    if watch.flow_since_s is not None and not watch.flows_though_open:
        due.append(watch.flow_since_s + limits.over_current_s)
    if watch.heat and not watch.is_too_hot:
        due.append(watch.heat_since_s + limits.heat_step_s)
    return min(due, default=float("inf"))


def current_ma(reading: MeterReading, evse: EvseSettings) -> tuple[int, ...]:
    """Per conductor, as amounts. On a single phase the power tells it, too; on three it would be a guess."""
    if reading.current_ma or evse.phases != 1:
        return tuple(abs(current) for current in reading.current_ma[: evse.phases])
    return (round(abs(reading.power_w) * 1000 / evse.nominal_v),)


def most_current_ma(limits: Protection, offered_a: int) -> int:
    """The most a vehicle that keeps to its offer is ever read at."""
    return offered_a * (1000 + 10 * limits.over_current_percent) + limits.over_current_noise_ma


# ---- one limit each --------------------------------------------------------------------------------------------------


def _with_current(watch: Watch, most_ma: int, at_s: float, limits: Protection, offered: Offered | None) -> Watch:
    if offered is None or most_ma <= most_current_ma(limits, offered.most_a(at_s, limits.follow_s)):
        over_ma = watch.over_ma if watch.is_over_current else 0  # kept for the technician
        return watch if watch.over_since_s is None else replace(watch, over_since_s=None, over_ma=over_ma)
    if watch.over_since_s is None:
        return replace(watch, over_since_s=at_s, over_ma=most_ma)
    is_proven = watch.is_over_current or at_s - watch.over_since_s >= limits.over_current_s
    over_ma = max(most_ma, watch.over_ma)
    has_news = over_ma != watch.over_ma or is_proven != watch.is_over_current
    return replace(watch, over_ma=over_ma, is_over_current=is_proven) if has_news else watch


def _with_flow(watch: Watch, most_ma: int, at_s: float, facts: Facts, limits: Protection, open_since_s: float) -> Watch:
    """Current though the contactor is seen open: the auxiliary contact, or the contactor, is broken."""
    is_wrong = most_ma >= FLOWS_MA and facts.contactor_closed is False and at_s > open_since_s
    if not is_wrong:
        has_gone = most_ma < FLOWS_MA and (watch.flow_since_s is not None or watch.flows_though_open)
        return replace(watch, flow_since_s=None, flows_though_open=False) if has_gone else watch
    if watch.flow_since_s is None:
        return replace(watch, flow_since_s=at_s)
    is_proven = at_s - watch.flow_since_s >= limits.over_current_s
    return replace(watch, flows_though_open=True) if is_proven and not watch.flows_though_open else watch


def _with_voltage(watch: Watch, least_mv: int, at_s: float, evse: EvseSettings) -> Watch:
    limits = evse.protection
    limit_mv = evse.nominal_v * 10 * limits.under_voltage_percent
    if least_mv >= limit_mv:
        if watch.low_since_s is None:
            return watch
        if watch.is_under_voltage and least_mv < limit_mv + evse.nominal_v * 10 * VOLTAGE_BACK_PERCENT:
            return watch
        return replace(watch, low_since_s=None, low_mv=0, is_under_voltage=False)
    if watch.low_since_s is None:
        return replace(watch, low_since_s=at_s, low_mv=least_mv)
    is_proven = watch.is_under_voltage or at_s - watch.low_since_s >= limits.under_voltage_s
    low_mv = min(least_mv, watch.low_mv)
    has_news = low_mv != watch.low_mv or is_proven != watch.is_under_voltage
    return replace(watch, low_mv=low_mv, is_under_voltage=is_proven) if has_news else watch


def _warmed(watch: Watch, facts: Facts, limits: Protection, now_s: float) -> Watch:
    """Half, then the least, then nothing, a step as long as it stays warm; all of it back once it has cooled."""
    warmth_dc = facts.temperature_dc
    if facts.board_is_too_hot:
        return watch if watch.is_too_hot else replace(watch, heat=2, heat_since_s=now_s, is_too_hot=True)
    if warmth_dc is None:  # a board with an alarm alone takes it back; a silent one is a fault of its own
        is_hot = (watch.heat > 0 or watch.is_too_hot) and facts.pilot is not None
        return replace(watch, heat=0, heat_since_s=LONG_AGO_S, is_too_hot=False) if is_hot else watch
    if warmth_dc <= limits.cool_dc:
        is_hot = watch.heat > 0 or watch.is_too_hot
        return replace(watch, heat=0, heat_since_s=LONG_AGO_S, is_too_hot=False) if is_hot else watch
    if warmth_dc < limits.warm_dc:  # the step helps: it stands, and the next one waits anew
        return watch if watch.heat == 0 or watch.is_too_hot else replace(watch, heat_since_s=now_s)
    if watch.heat == 0:
        return replace(watch, heat=1, heat_since_s=now_s)
    if watch.is_too_hot or now_s < watch.heat_since_s + limits.heat_step_s:
        return watch
    if watch.heat == 1:
        return replace(watch, heat=2, heat_since_s=now_s)
    return replace(watch, is_too_hot=True)
