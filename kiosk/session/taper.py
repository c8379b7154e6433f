"""How the end of a charge is approached: less current is offered, so that what flows while it stops hardly counts.

Law:
- What a vehicle may draw is reckoned from the most it was offered and is not yet seen to obey less: its claim.
- An offer is halved, down to the least current (IEC 61851-1: 6 A). The next step down waits until a reading taken
  `follow_s` after the last one shows that the vehicle follows.
- It is never raised again on the way, whatever a reading shows; only another limit ends it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from contract.iec61851 import LEAST_OFFER_A
from contract.metering import MeterReading
from contract.values import replace
from kiosk.session.settings import EvseSettings, Patience

HIGH_VOLTAGE = 1.1  # of the nominal one (EN 50160)
TOLERANCE_A = 1.0  # of vehicle, pilot and meter together, as the site's limit reckons it, too
METER_LAG_S = 1.0  # a meter renews its registers about once a second


@dataclass(frozen=True, slots=True)
class Taper:
    """`most_a`: what is offered at most. `claim_a`: what the vehicle may still draw. Times are monotonic seconds."""

    most_a: int
    claim_a: int
    lowered_at_s: float
    register_wh: int = 0
    moved_s: float = 0.0  # when the register was last seen to move

    @property
    def is_obeyed(self) -> bool:
        return self.claim_a == self.most_a


def begun(evse: EvseSettings, now_s: float) -> Taper:
    """Nothing is taken away yet; the first step down follows."""
    return Taper(evse.max_a, evse.max_a, now_s, moved_s=now_s)


def lowered(taper: Taper, now_s: float) -> Taper:
    """One step down from an offer that is obeyed."""
    return replace(taper, most_a=max(LEAST_OFFER_A, taper.most_a // 2), lowered_at_s=now_s)


def seen(taper: Taper, meter: MeterReading | None, evse: EvseSettings) -> Taper:
    """With the newest reading: a claim falls only when it shows that the vehicle follows."""
    if taper.is_obeyed or meter is None or meter.at_s < taper.lowered_at_s + evse.protection.follow_s:
        return taper
    return replace(taper, claim_a=taper.most_a) if meter.power_w <= most_w(evse, taper.most_a) else taper


def moved(taper: Taper, register_wh: int, now_s: float) -> Taper:
    return taper if register_wh == taper.register_wh else replace(taper, register_wh=register_wh, moved_s=now_s)


def most_w(evse: EvseSettings, amps: int) -> int:
    """The most a vehicle draws that is offered so much."""
    return math.ceil((amps + TOLERANCE_A) * evse.phases * evse.nominal_v * HIGH_VOLTAGE)


def stop_s(patience: Patience) -> float:
    """From the decision to stop until nothing flows: the ramp, and a contactor that takes all its time."""
    return patience.ramp_s + patience.open_s


def most_wh(power_w: int, span_s: float, step_wh: int) -> int:
    """How far a register that moves in steps may go in that time."""
    return math.ceil(power_w * span_s / 3600 / step_wh) * step_wh
