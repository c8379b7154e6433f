"""The causes the snapshot gives for a state: what the feedback says, never what was only told."""

from __future__ import annotations

from kiosk.session import events
from kiosk.session.states import State
from kiosk.session.view import About, snapshot
from tests.session.bench import WITH_PARKING, Bench


def why(bench: Bench) -> tuple[str, ...]:
    about = About("K-7", "", "", "", "https://x", "UTC", True, 0, (), (), {}, {})
    return snapshot(bench.kiosk, bench.now, about).evses[0].why


def test_a_parked_evse_says_that_its_current_still_falls_until_the_contactor_is_seen_open() -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.charge(for_s=60)
    bench.say(events.StopCommanded(None, 1, "Mia"))
    assert bench.state() is State.PARKED and bench.plugs[1].closed

    at_once = why(bench)
    bench.run(8)

    assert at_once == ("stopped:Remote", "ramping_down")
    assert not bench.plugs[1].closed
    assert why(bench) == ("stopped:Remote", "waiting_for_unplug")


def test_a_latched_fault_says_that_its_cause_is_gone_and_what_stands_besides() -> None:
    bench = Bench()
    bench.plugs[1].emergency_stop = True
    bench.run(2)
    pressed = why(bench)
    bench.plugs[1].emergency_stop = False
    bench.run(2)
    released = why(bench)
    bench.plugs[1].meter_answers = False
    bench.run(10)

    assert bench.state() is State.OUT_OF_SERVICE
    assert pressed == ("fault:emergency_stop", "needs_reset")
    assert released == ("fault:emergency_stop", "cause_gone")
    assert why(bench) == ("fault:emergency_stop", "cause_gone", "fault:meter_lost")


def test_a_car_that_is_plugged_in_before_anybody_paid_is_not_called_free() -> None:
    bench = Bench()
    bench.run(2)
    empty = why(bench)
    bench.plug_in(1)
    bench.run(2)

    assert bench.state() is State.IDLE
    assert (empty, why(bench)) == (("free",), ("plugged_in",))
