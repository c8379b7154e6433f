"""Safety relay and contactor as state machines in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.contactor import Contactor
from sim.safety_relay import SafetyRelay


def supplied() -> Contactor:
    contactor = Contactor()
    contactor.supply(True, 0.0)
    return contactor


def test_the_relay_picks_up_after_some_good_beats_and_drops_a_second_after_the_last() -> None:
    relay = SafetyRelay(beats_to_close=3)
    for at_s in (0.0, 0.1):
        relay.edge(at_s)
        assert not relay.is_closed
    relay.edge(0.2)
    assert relay.is_closed and relay.deadline_s == pytest.approx(1.2)

    relay.advance(5.0)

    assert not relay.is_closed
    assert list(relay.changes) == [(0.2, True), (pytest.approx(1.2), False)]
    relay.edge(5.0)
    assert not relay.is_closed, "one late beat is not enough"


@given(st.lists(st.floats(0.001, 3.0), max_size=60))
def test_the_relay_is_never_closed_without_an_edge_in_the_last_second(pauses_s: list[float]) -> None:
    relay, now_s = SafetyRelay(), 0.0
    edges: list[float] = []
    for pause_s in pauses_s:
        relay.advance(now_s + pause_s / 2)
        if relay.is_closed:
            assert now_s + pause_s / 2 - edges[-1] < relay.drop_after_s
        now_s += pause_s
        relay.edge(now_s)
        edges.append(now_s)
        if relay.is_closed:
            assert len(edges) >= relay.beats_to_close


def test_without_mains_the_relay_drops_at_once() -> None:
    relay = SafetyRelay(beats_to_close=1)
    relay.edge(1.0)

    relay.lose_power(1.2)

    assert list(relay.changes) == [(1.0, True), (1.2, False)]


def test_a_contactor_takes_its_time() -> None:
    contactor = supplied()
    contactor.command(True, 1.0)
    contactor.advance(1.019)
    assert not contactor.is_closed
    contactor.advance(1.020)
    assert contactor.is_closed and contactor.feedback

    contactor.command(False, 2.0)
    contactor.advance(3.0)

    assert [at_s for at_s, _ in contactor.changes] == [pytest.approx(1.020), pytest.approx(2.012)]


def test_a_contactor_needs_the_relay_and_the_command() -> None:
    contactor = Contactor()
    contactor.command(True, 0.0)
    contactor.advance(1.0)
    assert not contactor.is_closed
    contactor.supply(True, 1.0)
    contactor.advance(2.0)
    assert contactor.is_closed

    contactor.supply(False, 2.0)
    contactor.advance(2.1)

    assert not contactor.is_closed


def test_a_pulse_shorter_than_the_contactor_moves_nothing() -> None:
    contactor = supplied()
    contactor.command(True, 1.0)
    contactor.command(False, 1.01)
    contactor.advance(2.0)

    assert not contactor.changes


def test_a_welded_contactor_stays_closed_and_shows_it() -> None:
    contactor = supplied()
    contactor.command(True, 1.0)
    contactor.advance(1.1)
    contactor.is_welded = True
    contactor.command(False, 2.0)
    contactor.advance(9.0)
    assert contactor.is_closed and contactor.feedback

    contactor.mend(10.0)
    contactor.advance(10.1)

    assert not contactor.is_closed


def test_a_jammed_contactor_does_not_close() -> None:
    contactor = supplied()
    contactor.is_jammed = True
    contactor.command(True, 1.0)
    contactor.advance(2.0)

    assert not contactor.is_closed and not contactor.feedback


def test_a_stuck_auxiliary_contact_hides_what_the_main_contacts_do() -> None:
    contactor = supplied()
    contactor.stuck_feedback = False
    contactor.command(True, 1.0)
    contactor.advance(2.0)

    assert contactor.is_closed and not contactor.feedback
