"""The second opinion: it says no to more for every reason of its own, and never to less."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.iec61851 import PilotState
from contract.metering import MeterReading
from kiosk.interlock import allowed, objection
from kiosk.session.facts import NOTHING_KNOWN, Facts
from kiosk.session.wants import SAFE, Wants

HEALTHY = Facts(PilotState.C, False, 10.0, MeterReading(10.0, 5_000), meter_is_fresh=True)
CLOSE = Wants(contactor_closed=True, offered_a=32, locked=True)
FACTS = st.builds(
    Facts,
    st.none() | st.sampled_from(PilotState),
    st.none() | st.booleans(),
    st.just(10.0),
    st.just(HEALTHY.meter),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
WANTS = st.builds(Wants, st.booleans(), st.sampled_from([0, 6, 32]), st.booleans(), st.booleans())


def test_it_consents_where_everything_is_well() -> None:
    for pilot in (PilotState.C, PilotState.D):
        assert objection(CLOSE, replace(HEALTHY, pilot=pilot), is_on_disk=True) is None
    assert allowed(CLOSE, HEALTHY, is_on_disk=True) == CLOSE


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (replace(HEALTHY, emergency_stop=True), "emergency_stop"),
        (replace(HEALTHY, rcd_tripped=True), "rcd_tripped"),
        (replace(HEALTHY, pilot=None), "no_vehicle"),
        (replace(HEALTHY, pilot=PilotState.A), "no_vehicle"),
        (replace(HEALTHY, pilot=PilotState.E), "no_vehicle"),
        (replace(HEALTHY, pilot=PilotState.F), "no_vehicle"),
        (replace(HEALTHY, pilot=PilotState.B), "vehicle_does_not_ask"),
        (replace(HEALTHY, contactor_closed=None), "feedback_unknown"),
        (replace(HEALTHY, meter_is_fresh=False), "meter_unknown"),
        (NOTHING_KNOWN, "no_vehicle"),
    ],
)
def test_each_doubt_has_its_word_and_takes_everything_back(facts: Facts, why: str) -> None:
    assert objection(CLOSE, facts, is_on_disk=True) == why
    assert allowed(CLOSE, facts, is_on_disk=True) == Wants(False, 0, locked=True)


def test_nothing_closes_that_is_not_on_disk() -> None:
    assert objection(CLOSE, HEALTHY, is_on_disk=False) == "not_on_disk"
    assert objection(Wants(False, 6), HEALTHY, is_on_disk=False) == "not_on_disk"


def test_an_offer_alone_needs_a_vehicle_but_not_that_it_asks() -> None:
    assert objection(Wants(False, 6), replace(HEALTHY, pilot=PilotState.B), is_on_disk=True) is None
    assert objection(Wants(False, 6), replace(HEALTHY, pilot=PilotState.A), is_on_disk=True) == "no_vehicle"


@given(FACTS, st.booleans(), st.booleans(), st.booleans())
def test_less_needs_no_consent(facts: Facts, is_on_disk: bool, locked: bool, heartbeat: bool) -> None:
    less = replace(SAFE, locked=locked, heartbeat=heartbeat)

    assert objection(less, facts, is_on_disk) is None
    assert allowed(less, facts, is_on_disk) == less


@given(WANTS, FACTS, st.booleans())
def test_it_never_adds_anything(wants: Wants, facts: Facts, is_on_disk: bool) -> None:
    given_back = allowed(wants, facts, is_on_disk)

    assert not (given_back.contactor_closed and not wants.contactor_closed)
    assert given_back.offered_a in (0, wants.offered_a)
    assert (given_back.locked, given_back.heartbeat) == (wants.locked, wants.heartbeat)
    if given_back.contactor_closed:
        assert is_on_disk
        assert not facts.emergency_stop
        assert not facts.rcd_tripped
        assert facts.pilot in (PilotState.C, PilotState.D)
