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
from kiosk.session.protection import CALM, Watch


class FaultCode(StrEnum):
    """New ones at the end: a driver tells their number on the phone."""

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
    CONTACTOR_DROPPED = "contactor_dropped"
    FLOWS_THOUGH_OPEN = "flows_though_open"
    SAFETY_LINE_LOST = "safety_line_lost"
    OVER_CURRENT = "over_current"
    OVER_TEMPERATURE = "over_temperature"
    DIODE_FAULT = "diode_fault"
    BOARD_FAULT = "board_fault"
    METER_SWAPPED = "meter_swapped"
    METER_IMPLAUSIBLE = "meter_implausible"
    UNDER_VOLTAGE = "under_voltage"


@dataclass(frozen=True, slots=True)
class FaultRule:
    code: FaultCode
    latches: bool
    stopped_reason: StoppedReason
    holds: Callable[[Facts, Watch], bool]
    ramps: bool = False  # nothing is at risk: the current goes to zero before the contactor opens


def _against_the_wish(_: Facts, __: Watch) -> bool:
    return False  # needs the age of the wish: the session finds it, Turn._fault


_OTHER = StoppedReason.OTHER
FAULT_RULES: tuple[FaultRule, ...] = (
    FaultRule(FaultCode.EMERGENCY_STOP, True, StoppedReason.EMERGENCY_STOP, lambda f, _: f.emergency_stop),
    FaultRule(FaultCode.RCD_TRIPPED, True, StoppedReason.GROUND_FAULT, lambda f, _: f.rcd_tripped),
    FaultRule(FaultCode.CONTACTOR_WELDED, True, _OTHER, _against_the_wish),
    FaultRule(FaultCode.FLOWS_THOUGH_OPEN, True, _OTHER, lambda _, w: w.flows_though_open),
    FaultRule(FaultCode.CONTACTOR_DROPPED, True, _OTHER, _against_the_wish),
    FaultRule(FaultCode.CONTACTOR_STUCK_OPEN, True, _OTHER, _against_the_wish),
    FaultRule(FaultCode.METER_SWAPPED, True, _OTHER, lambda f, w: f.meter_changed_at_s > w.meter_accepted_s),
    FaultRule(FaultCode.SAFETY_LINE_LOST, False, _OTHER, lambda f, _: f.safety_line_lost),
    FaultRule(FaultCode.RELAY_DROPPED, False, _OTHER, lambda f, _: f.relay_dropped),
    FaultRule(FaultCode.OVER_CURRENT, False, StoppedReason.OVERCURRENT_FAULT, lambda _, w: w.is_over_current),
    FaultRule(FaultCode.OVER_TEMPERATURE, False, _OTHER, lambda f, w: f.board_is_too_hot or w.is_too_hot),
    FaultRule(FaultCode.DIODE_FAULT, False, _OTHER, lambda f, _: f.diode_failed),
    FaultRule(FaultCode.BOARD_FAULT, False, _OTHER, lambda f, _: f.board_failed),
    FaultRule(FaultCode.PILOT_FAULT, False, _OTHER, lambda f, _: f.pilot in (PilotState.E, PilotState.F)),
    FaultRule(FaultCode.PILOT_LOST, False, _OTHER, lambda f, _: f.pilot is None),
    FaultRule(FaultCode.FEEDBACK_LOST, False, _OTHER, lambda f, _: f.contactor_closed is None),
    FaultRule(FaultCode.METER_IMPLAUSIBLE, False, _OTHER, lambda f, _: f.meter_is_doubted and not f.meter_is_fresh),
    FaultRule(FaultCode.METER_LOST, False, _OTHER, lambda f, _: not f.meter_is_fresh),
    FaultRule(FaultCode.UNDER_VOLTAGE, False, StoppedReason.POWER_QUALITY, lambda _, w: w.is_under_voltage),
    FaultRule(FaultCode.OFFER_IGNORED, False, _OTHER, lambda f, _: f.ignores_offer),
    # A session without a Started on disk gives up earlier; see Turn._fault.
    FaultRule(FaultCode.JOURNAL_FAILED, False, _OTHER, lambda f, _: f.journal_given_up, ramps=True),
)
RULE_OF = {rule.code: rule for rule in FAULT_RULES}


def fault_in(facts: Facts, watch: Watch = CALM) -> FaultCode | None:
    """The first fault the facts show, or None. Asked on every beat, so the usual answer comes first."""
    if facts.shows_no_fault and (watch is CALM or watch.shows_no_fault):
        return None
    for rule in FAULT_RULES:
        if rule.holds(facts, watch):
            return rule.code
    return None
