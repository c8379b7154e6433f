"""Faults: why an EVSE may not deliver. One table, first match wins.

A latched fault needs a healthy input and a named reset before the EVSE returns to service; the others clear by
themselves. The words for drivers stand with the screens, the words for technicians in `kiosk why`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from contract.iec61851 import PilotState
from contract.transaction import StoppedReason
from kiosk.session.facts import Facts


class FaultCode(StrEnum):
    EMERGENCY_STOP = "emergency_stop"
    RCD_TRIPPED = "rcd_tripped"
    CONTACTOR_WELDED = "contactor_welded"
    CONTACTOR_STUCK_OPEN = "contactor_stuck_open"
    RELAY_DROPPED = "relay_dropped"
    PILOT_FAULT = "pilot_fault"
    PILOT_LOST = "pilot_lost"
    FEEDBACK_LOST = "feedback_lost"
    METER_LOST = "meter_lost"
    OFFER_IGNORED = "offer_ignored"
    JOURNAL_FAILED = "journal_failed"


@dataclass(frozen=True, slots=True)
class FaultRule:
    code: FaultCode
    latches: bool
    stopped_reason: StoppedReason
    holds: Callable[[Facts], bool]
    ramps: bool = False  # nothing is at risk: the current goes to zero before the contactor opens


def _never_by_facts(_: Facts) -> bool:
    return False  # welded and stuck-open need the age of the wish; the session finds them


FAULT_RULES: tuple[FaultRule, ...] = (
    FaultRule(FaultCode.EMERGENCY_STOP, True, StoppedReason.EMERGENCY_STOP, lambda f: f.emergency_stop),
    FaultRule(FaultCode.RCD_TRIPPED, True, StoppedReason.GROUND_FAULT, lambda f: f.rcd_tripped),
    FaultRule(FaultCode.CONTACTOR_WELDED, True, StoppedReason.OTHER, _never_by_facts),
    FaultRule(FaultCode.CONTACTOR_STUCK_OPEN, True, StoppedReason.OTHER, _never_by_facts),
    FaultRule(FaultCode.RELAY_DROPPED, False, StoppedReason.OTHER, lambda f: f.relay_dropped),
    FaultRule(FaultCode.PILOT_FAULT, False, StoppedReason.OTHER, lambda f: f.pilot in (PilotState.E, PilotState.F)),
    FaultRule(FaultCode.PILOT_LOST, False, StoppedReason.OTHER, lambda f: f.pilot is None),
    FaultRule(FaultCode.FEEDBACK_LOST, False, StoppedReason.OTHER, lambda f: f.contactor_closed is None),
    FaultRule(FaultCode.METER_LOST, False, StoppedReason.OTHER, lambda f: not f.meter_is_fresh),
    FaultRule(FaultCode.OFFER_IGNORED, False, StoppedReason.OTHER, lambda f: f.ignores_offer),
    # A session without a Started on disk gives up earlier; see Turn._fault.
    FaultRule(FaultCode.JOURNAL_FAILED, False, StoppedReason.OTHER, lambda f: f.journal_given_up, ramps=True),
)
RULE_OF = {rule.code: rule for rule in FAULT_RULES}


def fault_in(facts: Facts) -> FaultCode | None:
    """The first fault the facts show, or None."""
    for rule in FAULT_RULES:
        if rule.holds(facts):
            return rule.code
    return None
