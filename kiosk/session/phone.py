"""How somebody pays by phone here: what the screen shows for it, or why nobody can. Pure.

The codes are made from the minute, so they change by themselves: whoever looks at the snapshot sees the ones of now,
and where nobody looks nothing is computed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from contract.device_code import short_code, signed_address, step_ends_at
from kiosk.session.events import Now
from kiosk.session.snapshot import PhoneCode, PhoneProblem

_A_MOMENT = timedelta(milliseconds=1)


def problem(is_online: bool, now: Now, secret: str | None, is_taken: bool = True) -> PhoneProblem | None:
    """Why nobody can pay by phone at this kiosk now, what weighs most first. `is_taken`: the server takes payments."""
    if not is_taken:
        return PhoneProblem.NOT_TAKEN
    if not is_online:
        return PhoneProblem.OFFLINE
    if not now.clock_is_known:
        return PhoneProblem.NO_CLOCK
    return PhoneProblem.NO_SECRET if secret is None else None


def code(base_url: str, kiosk_id: str, evse_id: int, secret: str, at: datetime) -> PhoneCode:
    """What one connector shows. Raises ValueError for a secret that is none."""
    ends_at = step_ends_at(at)
    address, digits = _made(base_url, kiosk_id, evse_id, secret, ends_at)
    return PhoneCode(address, digits, (ends_at - at).total_seconds())


@lru_cache(maxsize=64)
def _made(base_url: str, kiosk_id: str, evse_id: int, secret: str, ends_at: datetime) -> tuple[str, str]:
    """For the step that ends then: a screen looks several times a second."""
    at = ends_at - _A_MOMENT
    return signed_address(base_url, kiosk_id, evse_id, secret, at), short_code(secret, evse_id, at)
