"""A world may sleep until the core's next deadline: it misses nothing that a look every 50 ms would see."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contract.iec61851 import PilotState
from contract.transaction import TransactionEvent
from kiosk.session import events
from kiosk.session.snapshot import Limit, LimitKind
from kiosk.session.states import State
from tests.session.bench import WITH_PARKING, Bench

Happening = tuple[float, Callable[[Bench], None]]
LONGEST_NAP_S = 3600.0


def by_looking_often(bench: Bench, until_s: float) -> None:
    while bench.s < until_s - 1e-9:
        bench.pass_time(min(0.05, until_s - bench.s))
        bench.sense()


def by_deadlines_alone(bench: Bench, until_s: float) -> None:
    """Looks when the core asks for it, and when the contactor has something to show."""
    while bench.s < until_s - 1e-9:
        due = [until_s, bench.kiosk.next_deadline_s(bench.s), bench.s + LONGEST_NAP_S]
        for plug in bench.plugs.values():
            if plug.closed != plug.wanted.contactor_closed:
                due += [plug.wanted_since_s + plug.slow_s, plug.wanted_since_s + plug.slow_s + 0.05]
        if bench.state() is State.CLOSING and not bench.plugs[1].closed:
            due.append(bench.s + 0.05)  # the next reading of the meter
        bench.pass_time(min(at for at in due if at > bench.s + 1e-9) - bench.s)
        bench.sense()


def charge_and_park(bench: Bench) -> list[Happening]:
    return [
        (0.0, lambda b: b.plug_in()),
        (2.0, lambda b: b.tap()),
        (3.0, lambda b: b.accept()),
        (200.0, lambda b: b.plug_in(pilot=PilotState.B)),
        (300.0, lambda b: b.plug_in(pilot=PilotState.C)),
        (301.0, lambda b: b.say(events.LimitChosen(1, Limit(LimitKind.TIME, 500)))),
        (1200.0, lambda b: b.unplug()),
    ]


def nobody_answers(bench: Bench) -> list[Happening]:
    return [(1.0, lambda b: b.tap()), (40.0, lambda b: b.tap()), (41.0, lambda b: b.accept())]


def a_contactor_that_sticks(bench: Bench) -> list[Happening]:
    bench.plugs[1].stuck_open = True
    return [(1.0, lambda b: b.plug_in()), (2.0, lambda b: b.tap()), (3.0, lambda b: b.accept())]


def a_card_stop(bench: Bench) -> list[Happening]:
    return [
        (1.0, lambda b: b.plug_in()),
        (2.0, lambda b: b.tap()),
        (3.0, lambda b: b.accept()),
        (400.0, lambda b: b.unplug()),
    ]


def a_short_pause(bench: Bench) -> list[Happening]:
    return [
        (0.0, lambda b: b.plug_in()),
        (2.0, lambda b: b.tap()),
        (3.0, lambda b: b.accept()),
        (20.0, lambda b: b.plug_in(pilot=PilotState.B)),
        (20.5, lambda b: b.plug_in(pilot=PilotState.C)),
        (50.0, lambda b: b.unplug()),
    ]


def told(event: TransactionEvent) -> tuple[object, ...]:
    return (event.transaction_id, event.seq_no, event.event_type, event.trigger_reason, event.charging_state,
            event.time_use, event.stopped_reason, event.final)  # fmt: skip


STORIES = [charge_and_park, nobody_answers, a_contactor_that_sticks, a_card_stop, a_short_pause]


def live(story: Callable[[Bench], list[Happening]], pass_until: Callable[[Bench, float], None]) -> Bench:
    bench = Bench(offer=WITH_PARKING)
    began_s = bench.s
    for at_s, happening in story(bench):
        pass_until(bench, began_s + at_s)
        happening(bench)
    pass_until(bench, began_s + 1300.0)
    return bench


@pytest.mark.parametrize("story", STORIES)
def test_deadlines_alone_tell_the_same_story(story: Callable[[Bench], list[Happening]]) -> None:
    often, seldom = live(story, by_looking_often), live(story, by_deadlines_alone)

    assert [told(event) for event in seldom.journal] == [told(event) for event in often.journal]
    assert seldom.path == often.path
    assert seldom.journal, "a story in which nothing is written proves nothing"
    for a, b in zip(seldom.journal, often.journal, strict=True):
        assert abs(a.elapsed_ms - b.elapsed_ms) <= 50 * (a.seq_no + 1)  # each look may be one look late
        assert abs(a.meter.import_wh - b.meter.import_wh) <= 1 + a.seq_no // 8
        assert abs((a.total_incl_vat_minor or 0) - (b.total_incl_vat_minor or 0)) <= 1


def test_a_limit_is_looked_at_soon_enough_by_deadlines_alone() -> None:
    bench = Bench()
    bench.charge(cap_minor=200)
    by_deadlines_alone(bench, bench.s + 7200)

    assert bench.ended.stopped_reason is not None
    assert 190 <= (bench.ended.total_incl_vat_minor or 0) <= 200


def test_a_deadline_always_lies_ahead() -> None:
    bench = live(charge_and_park, by_deadlines_alone)

    assert bench.kiosk.next_deadline_s(bench.s) > bench.s


def test_an_idle_kiosk_wants_no_look_at_all() -> None:
    bench = Bench()
    bench.run(600, every_s=10)

    assert bench.kiosk.next_deadline_s(bench.s) == float("inf")
