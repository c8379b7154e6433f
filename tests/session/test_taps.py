"""What a tap means: every row of the table decides something, and every situation is decided by exactly one row."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.identity import TokenKind
from contract.iec61851 import PilotState
from contract.transaction import StoppedReason
from kiosk.session import events
from kiosk.session.diagram import situations
from kiosk.session.snapshot import NoticeCode
from kiosk.session.states import State
from kiosk.session.taps import (
    RIGHTFUL,
    STARTABLE,
    STOPPABLE,
    TAP_RULES,
    Outcome,
    Place,
    Route,
    Situation,
    Touch,
    deciding,
    route,
)
from tests.session.bench import WITH_PARKING, Bench

OWN = {place for place in Place if place.name.startswith(("OWN_", "HELD_OWN", "JUST_"))}


def of(*places: Place, touch: Touch = Touch.NOTHING, at: int | None = None, pays: bool = False) -> Situation:
    return Situation(tuple(enumerate(places, 1)), touch, at, pays)


# One situation for every row, in the table's order.
EXAMPLES: list[tuple[Situation, Route]] = [
    (
        of(Place.BUSY, Place.FREE, touch=Touch.LOOKED_AT, at=1, pays=True),
        Route(Outcome.NOTICE, 1, NoticeCode.PAYMENT_STOPS_NOTHING),
    ),
    (of(Place.HELD_OWN, touch=Touch.UNLOCK, at=1), Route(Outcome.UNLOCK, 1)),
    (of(Place.OWN_RUNNING, touch=Touch.LIMIT, at=1), Route(Outcome.LIMIT, 1)),
    (of(Place.BUSY, Place.FREE, touch=Touch.LIMIT, at=1), Route(Outcome.NOTICE, 1, NoticeCode.NOT_YOUR_SESSION)),
    (of(Place.FREE, Place.FREE, touch=Touch.CHOSEN, at=2), Route(Outcome.START, 2)),
    (of(Place.OWN_YOUNG, touch=Touch.LOOKED_AT, at=1), Route(Outcome.NOTICE, 1, NoticeCode.STOP_WITH_CARD)),
    (of(Place.OWN_RUNNING, Place.GROUP_RUNNING, touch=Touch.LOOKED_AT, at=2), Route(Outcome.STOP, 2)),
    (of(Place.FREE, Place.OWN_PARKED, touch=Touch.CHOSEN, at=2), Route(Outcome.NOTICE, 2, NoticeCode.UNPLUG_TO_FINISH)),
    (of(Place.FREE, Place.HELD, touch=Touch.CHOSEN, at=2), Route(Outcome.NOTICE, 2, NoticeCode.CONNECTOR_HELD)),
    (of(Place.FREE, Place.RESERVED, touch=Touch.CHOSEN, at=2), Route(Outcome.NOTICE, 2, NoticeCode.CONNECTOR_RESERVED)),
    (of(Place.FREE, Place.CLOSED, touch=Touch.CHOSEN, at=2), Route(Outcome.NOTICE, 2, NoticeCode.OUT_OF_SERVICE)),
    (of(Place.OWN_RUNNING, Place.BUSY, touch=Touch.CHOSEN, at=2), Route(Outcome.NOTICE, 2, NoticeCode.CONNECTOR_BUSY)),
    (of(Place.BUSY, Place.FREE, touch=Touch.LOOKED_AT, at=1), Route(Outcome.CHOOSE, 1, NoticeCode.WHICH_CONNECTOR)),
    (of(Place.BUSY, Place.CLOSED, touch=Touch.LOOKED_AT, at=1), Route(Outcome.NOTICE, 1, NoticeCode.NOT_YOUR_SESSION)),
    (of(Place.OWN_RUNNING, Place.OWN_AUTHORIZING), Route(Outcome.NOTICE, 2, NoticeCode.ALREADY_CHARGING)),
    (of(Place.OWN_RUNNING, Place.FREE, pays=True), Route(Outcome.NOTICE, 1, NoticeCode.PAYMENT_STOPS_NOTHING)),
    (of(Place.OWN_RUNNING, Place.OWN_YOUNG), Route(Outcome.NOTICE, 2, NoticeCode.STOP_WITH_CARD)),
    (of(Place.OWN_RUNNING, Place.FREE_PLUGGED), Route(Outcome.STOP, 1)),
    (of(Place.OWN_RUNNING, Place.OWN_RUNNING), Route(Outcome.CHOOSE, None, NoticeCode.WHICH_CONNECTOR)),
    (of(Place.OWN_CLOSING, Place.FREE), Route(Outcome.NOTICE, 1, NoticeCode.ALREADY_CHARGING)),
    (of(Place.OWN_PARKED, Place.FREE), Route(Outcome.NOTICE, 1, NoticeCode.UNPLUG_TO_FINISH)),
    (of(Place.JUST_ENDED, Place.BUSY), Route(Outcome.NOTICE, 1, NoticeCode.UNPLUG_TO_FINISH)),
    (of(Place.FREE, Place.RESERVED_OWN), Route(Outcome.START, 2)),
    (of(Place.FREE, Place.FREE_PLUGGED, Place.FREE), Route(Outcome.START, 2)),
    (of(Place.BUSY, Place.FREE, Place.HELD), Route(Outcome.START, 2)),
    (of(Place.RESERVED_OWN, Place.FREE_PLUGGED), Route(Outcome.CHOOSE, None, NoticeCode.WHICH_CONNECTOR)),
    (of(Place.BUSY, Place.GROUP_RUNNING), Route(Outcome.CHOOSE, None, NoticeCode.WHICH_CONNECTOR)),
    (of(Place.CLOSED, Place.CLOSED), Route(Outcome.NOTICE, None, NoticeCode.OUT_OF_SERVICE)),
    (of(Place.HELD, Place.RESERVED), Route(Outcome.NOTICE, 2, NoticeCode.CONNECTOR_RESERVED)),
    (of(Place.HELD, Place.BUSY), Route(Outcome.NOTICE, 1, NoticeCode.CONNECTOR_HELD)),
    (of(Place.BUSY, Place.CLOSED), Route(Outcome.NOTICE, None, NoticeCode.NONE_FREE)),
]


@pytest.mark.parametrize("row", range(len(TAP_RULES)), ids=lambda row: f"row {row + 1}")
def test_every_row_decides_its_example(row: int) -> None:
    seen, expected = EXAMPLES[row]

    assert deciding(seen).when == TAP_RULES[row].when
    assert route(seen) == expected
    assert len(EXAMPLES) == len(TAP_RULES)


def test_every_combination_of_place_touch_and_connector_has_exactly_one_row() -> None:
    """The first row that holds; the count shows that none is left over and no row is dead."""
    decided = Counter(deciding(seen).when for count in (1, 2) for seen in situations(count))

    assert set(decided) == {rule.when for rule in TAP_RULES}
    assert decided.total() == 2 * (15 * (1 + 4) + 15**2 * (1 + 4 * 2))


def test_a_payment_code_starts_and_never_stops_unlocks_or_limits_whatever_was_touched() -> None:
    for seen in situations(2):
        if seen.is_payment:
            assert route(seen).outcome in (Outcome.START, Outcome.CHOOSE, Outcome.NOTICE)


def test_only_what_is_free_is_started_and_only_what_is_ones_own_is_moved() -> None:
    for seen in situations(2):
        decided = route(seen)
        match decided.outcome:
            case Outcome.START:
                assert decided.evse_id in seen.at(*STARTABLE)
            case Outcome.STOP:
                assert decided.evse_id in seen.at(*STOPPABLE)
            case Outcome.UNLOCK | Outcome.LIMIT:
                assert decided.evse_id in seen.at(*RIGHTFUL)
            case Outcome.NOTICE | Outcome.CHOOSE:
                assert decided.notice is not None


def test_a_touched_connector_that_cannot_serve_is_never_exchanged_for_another() -> None:
    for seen in situations(2):
        if seen.touch in (Touch.CHOSEN, Touch.UNLOCK, Touch.LIMIT):
            assert route(seen).evse_id == seen.touched
        elif (
            seen.touch is Touch.LOOKED_AT and not seen.at(*OWN) and seen.touched not in seen.at(*STARTABLE, *STOPPABLE)
        ):
            assert route(seen).outcome in (Outcome.CHOOSE, Outcome.NOTICE)


def test_a_token_of_the_group_stops_a_session_only_at_a_connector_that_was_touched() -> None:
    for seen in situations(2):
        decided = route(seen)
        if decided.evse_id in seen.at(Place.GROUP_RUNNING) and decided.outcome is not Outcome.NOTICE:
            assert seen.touched == decided.evse_id


def test_a_bounce_never_stops_anything() -> None:
    for seen in situations(2):
        if seen.touch is Touch.NOTHING and seen.at(Place.OWN_YOUNG, Place.OWN_AUTHORIZING):
            assert route(seen).outcome is Outcome.NOTICE


@given(
    st.lists(st.sampled_from(Place), min_size=1, max_size=6),
    st.sampled_from(Touch),
    st.none() | st.integers(1, 6),
    st.booleans(),
)
def test_a_kiosk_of_any_size_is_decided(places: list[Place], touch: Touch, at: int | None, pays: bool) -> None:
    if at is None or at > len(places):
        touch, at = Touch.NOTHING, None

    assert route(of(*places, touch=touch, at=at, pays=pays)).outcome in Outcome


def test_rows_read_differently() -> None:
    words = [rule.when for rule in TAP_RULES]

    assert all(a != b for a, b in combinations(words, 2))


# ---- the table at work -----------------------------------------------------------------------------------------


def two(**more: object) -> Bench:
    """EVSE 1 charges for anna's card A; EVSE 2 is free."""
    bench = Bench(count=2)
    bench.charge(for_s=10, **more)
    return bench


def test_an_unknown_card_does_not_disturb_a_running_charge() -> None:
    bench = two()
    bench.plugs[2].emergency_stop = False
    before = bench.session(1).transaction
    bench.tap("STRANGER")
    bench.refuse(NoticeCode.UNKNOWN_TOKEN)
    bench.run(2)

    after = bench.session(1).transaction
    assert before is not None and after is not None
    assert (bench.state(1), after.ids, after.stopped_reason) == (State.DELIVERING, before.ids, None)


def test_a_tap_after_touching_a_busy_connector_asks_which_one_is_meant() -> None:
    bench = two()
    bench.say(events.ConnectorShown(1))
    bench.tap("B", "ben")

    assert bench.notice is NoticeCode.WHICH_CONNECTOR
    assert bench.kiosk.front.notice is not None and bench.kiosk.front.notice.evse_id == 1
    assert bench.state(2) is State.IDLE
    bench.choose(2)
    assert bench.state(2) is State.AUTHORIZING


def test_a_touch_of_long_ago_is_no_touch() -> None:
    bench = two()
    bench.say(events.ConnectorShown(1))
    bench.run(bench.patience.choose_s + 1, every_s=1.0)
    bench.tap("B", "ben")

    assert bench.state(2) is State.AUTHORIZING


def test_a_colleagues_card_starts_a_charge_of_its_own_and_stops_nothing() -> None:
    bench = two(group="fleet")
    bench.tap("B", "ben", group="fleet")
    assert (bench.state(1), bench.state(2)) == (State.DELIVERING, State.AUTHORIZING)
    bench.refuse(NoticeCode.UNKNOWN_TOKEN)
    bench.say(events.ConnectorShown(1))
    bench.tap("B", "ben", group="fleet")

    assert bench.state(1) is State.CLOSING


def test_a_token_left_waiting_is_forgotten_before_somebody_else_comes() -> None:
    bench = Bench(count=2)
    bench.tap("A", "anna")
    assert bench.notice is NoticeCode.WHICH_CONNECTOR
    bench.run(bench.patience.token_waits_s + 0.5)
    bench.choose(1)

    assert bench.asks == []
    assert bench.state(1) is State.IDLE


def test_a_cable_put_in_just_before_the_card_is_seen_just_after_it_and_nobody_is_asked() -> None:
    bench = Bench(count=2)
    bench.tap("A", "anna")
    assert bench.notice is NoticeCode.WHICH_CONNECTOR
    bench.run(bench.patience.plug_seen_s - 0.5)
    bench.plugs[2].pilot = PilotState.B
    bench.run(0.25)

    assert (bench.state(1), bench.state(2), bench.notice) == (State.IDLE, State.AUTHORIZING, None)
    assert bench.kiosk.front.waiting is None


@pytest.mark.parametrize("why", ["late", "two cables", "another touched", "one went away", "out of service"])
def test_whatever_else_happens_while_a_card_waits_starts_nothing(why: str) -> None:
    bench = Bench(count=2)
    if why == "one went away":
        bench.plugs[1].pilot = bench.plugs[2].pilot = PilotState.B
        bench.run(0.25)
    if why == "another touched":
        bench.charge(for_s=10)
        bench.say(events.ConnectorShown(1))
    bench.tap("B", "ben")
    assert bench.notice is NoticeCode.WHICH_CONNECTOR
    bench.run(bench.patience.plug_seen_s + 0.25 if why == "late" else 0.5)
    if why in ("late", "another touched", "two cables"):
        bench.plugs[2].pilot = PilotState.B
    if why == "two cables":
        bench.plugs[1].pilot = PilotState.B
    if why == "one went away":
        bench.plugs[1].pilot = PilotState.A
    if why == "out of service":
        bench.plugs[1].emergency_stop = True
    bench.run(1)

    assert bench.kiosk.front.waiting is not None and bench.state(2) is State.IDLE


def test_an_event_that_comes_late_does_not_find_a_token_whose_time_is_over() -> None:
    bench = Bench(count=2)
    bench.tap("A", "anna")
    bench.pass_time(bench.patience.token_waits_s + 0.5)  # and nobody looked meanwhile
    bench.choose(1)

    assert bench.asks == []


def test_an_accepted_card_without_a_cable_gives_the_connector_up() -> None:
    bench = Bench()
    bench.tap("A", "anna")
    bench.accept()
    bench.run(bench.patience.plug_in_s + 5)
    bench.plug_in()
    bench.run(10)

    assert bench.ended.stopped_reason is StoppedReason.TIMEOUT
    assert bench.state() is State.IDLE
    assert bench.plugs[1].delivered_wh == 0


def test_a_voucher_shown_again_stops_the_charge_it_began() -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.plug_in(1)
    bench.run(1)
    bench.tap("V", kind=TokenKind.VOUCHER)
    bench.accept("voucher:1", cap_minor=2_000, voucher_id="1", offline=True)
    bench.run_until(State.DELIVERING)
    bench.run(20)
    bench.tap("V", kind=TokenKind.VOUCHER)
    bench.run(10)

    assert bench.state() is State.PARKED
