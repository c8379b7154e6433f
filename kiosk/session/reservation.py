"""A connector kept for somebody until a time, by order of the server: who may use it, and how it comes and goes.

Law:
- A reserved connector refuses strangers with words; the one it is for finds it free, by token, account or group.
- It ends with the start it was made for, with its time, or when it is cancelled; never later.
- It is billed with the start it was made for, where the tariff has a price for it; two minutes for a phone that pays
  are free. One that nobody used costs nothing: there is no order it could stand in.
- It is given only on a connector that is idle with no cable in, in service, and sold. For somebody who pays by phone
  a cable may be in: they stand here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contract.identity import is_phone_payer
from contract.transaction import ClockQuality
from contract.values import replace
from kiosk.session.events import Now


@dataclass(frozen=True, slots=True)
class Reservation:
    """`until_s` is kiosk monotonic, and counts; `until` is the same moment for the screen.

    `hold_s` is how long it was given for: more than that is never left, whatever a clock says after a restart.
    """

    reservation_id: str
    until_s: float
    until: datetime
    hold_s: float
    token_hash: str | None = None
    account_id: str | None = None
    group_id: str | None = None

    @property
    def is_for_phone(self) -> bool:
        """A phone pays meanwhile."""
        return is_phone_payer(self.account_id)

    def kept_ms(self, now_s: float) -> int:
        """How long the place has been kept; at least a millisecond."""
        return max(1, round((self.hold_s - max(0.0, self.until_s - now_s)) * 1000))

    def is_for(self, token_hash: str, account_id: str | None, group_id: str | None) -> bool:
        if self.token_hash is not None and self.token_hash == token_hash:
            return True
        if self.account_id is not None and self.account_id == account_id:
            return True
        return self.group_id is not None and self.group_id == group_id


def after_restart(kept: Reservation, now: Now) -> Reservation | None:
    """What is left of it in a new boot, whose monotonic seconds are others; None: its time is over."""
    left_s = kept.hold_s
    if now.clock_quality is not ClockQuality.UNKNOWN:
        left_s = min(left_s, (kept.until - now.wall).total_seconds())
    return replace(kept, until_s=now.s + left_s) if left_s > 0 else None
