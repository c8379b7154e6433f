"""An EVSE at rest: where nobody charges and a look shows what the last one showed, only the times are younger. Pure.

Law: a step with such a look changes nothing but `facts` (tests/worlds/test_rest.py takes both ways and compares), so
it is not taken. Most looks of a kiosk are of this kind.
"""

from __future__ import annotations

from contract.metering import MeterReading
from contract.values import replace
from kiosk.session.facts import Facts
from kiosk.session.protection import CALM
from kiosk.session.session import Session
from kiosk.session.states import State


def rested(session: Session, facts: Facts) -> Session | None:
    """The session after a look that brings no news; None where it may bring some."""
    is_at_rest = (
        session.state is State.IDLE
        and session.opened_at_s is not None
        and session.watch is CALM
        and session.receipt_at is None
        and session.interrupted is None
        and session.unread is None
    )
    return replace(session, facts=facts) if is_at_rest and _shows_the_same(session.facts, facts) else None


def _shows_the_same(before: Facts, now: Facts) -> bool:
    if before.meter is None or now.meter is None or now.meter.power_w or not _reads_the_same(before.meter, now.meter):
        return False
    return before == replace(now, meter=before.meter, contactor_sensed_at_s=before.contactor_sensed_at_s)


def _reads_the_same(before: MeterReading, now: MeterReading) -> bool:
    return before is now or before == replace(now, at_s=before.at_s)
