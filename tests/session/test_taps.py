"""What a tap means: every row of the table decides something, and every situation is decided."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.session.snapshot import NoticeCode
from kiosk.session.taps import TAP_RULES, Outcome, Situation, route

PLACES = (
    "own_stoppable",
    "own_too_young",
    "own_authorizing",
    "own_closing",
    "own_parked",
    "own_just_ended",
    "free",
    "free_plugged",
    "held",
    "out_of_service",
    "busy",
)


def situation(places: dict[int, str], chosen: int | None = None) -> Situation:
    """Each EVSE in one place. A plugged one is free too, and one that just ended may start again."""
    at = {place: tuple(evse for evse, where in places.items() if where == place) for place in PLACES}
    at["free"] = tuple(sorted(at["free"] + at["free_plugged"] + at["own_just_ended"]))
    at["free_plugged"] = tuple(sorted(at["free_plugged"] + at["own_just_ended"]))
    del at["busy"]
    return Situation(**at, count=len(places), chosen=chosen)


def deciding(seen: Situation) -> str:
    return next(rule.when for rule in TAP_RULES if rule.holds(seen))


# One situation for every row, in the table's order: (EVSE → place, chosen) → (outcome, EVSE, notice)
EXAMPLES: list[tuple[dict[int, str], int | None, tuple[Outcome, int | None, NoticeCode | None]]] = [
    ({1: "free", 2: "free"}, 2, (Outcome.START, 2, None)),
    ({1: "own_too_young"}, 1, (Outcome.NOTICE, 1, NoticeCode.STOP_WITH_CARD)),
    ({1: "own_stoppable", 2: "own_stoppable"}, 2, (Outcome.STOP, 2, None)),
    ({1: "free", 2: "held"}, 2, (Outcome.NOTICE, 2, NoticeCode.CONNECTOR_HELD)),
    ({1: "free", 2: "out_of_service"}, 2, (Outcome.NOTICE, 2, NoticeCode.OUT_OF_SERVICE)),
    ({1: "own_stoppable", 2: "own_parked"}, 2, (Outcome.NOTICE, 2, NoticeCode.UNPLUG_TO_FINISH)),
    ({1: "own_stoppable", 2: "busy", 3: "free"}, 2, (Outcome.NOTICE, 2, NoticeCode.CONNECTOR_BUSY)),
    ({1: "own_stoppable", 2: "own_authorizing"}, None, (Outcome.NOTICE, 2, NoticeCode.ALREADY_CHARGING)),
    ({1: "own_stoppable", 2: "own_too_young"}, None, (Outcome.NOTICE, 2, NoticeCode.STOP_WITH_CARD)),
    ({1: "own_stoppable", 2: "free_plugged"}, None, (Outcome.STOP, 1, None)),
    ({1: "own_stoppable", 2: "own_stoppable"}, None, (Outcome.CHOOSE, None, NoticeCode.WHICH_CONNECTOR)),
    ({1: "own_closing", 2: "free"}, None, (Outcome.NOTICE, 1, NoticeCode.ALREADY_CHARGING)),
    ({1: "own_parked", 2: "free"}, None, (Outcome.NOTICE, 1, NoticeCode.UNPLUG_TO_FINISH)),
    ({1: "own_just_ended", 2: "busy"}, None, (Outcome.NOTICE, 1, NoticeCode.UNPLUG_TO_FINISH)),
    ({1: "free", 2: "free_plugged", 3: "free"}, None, (Outcome.START, 2, None)),
    ({1: "busy", 2: "free", 3: "held"}, None, (Outcome.START, 2, None)),
    ({1: "free_plugged", 2: "free_plugged"}, None, (Outcome.CHOOSE, None, NoticeCode.WHICH_CONNECTOR)),
    ({1: "out_of_service", 2: "out_of_service"}, None, (Outcome.NOTICE, None, NoticeCode.OUT_OF_SERVICE)),
    ({1: "held", 2: "busy"}, None, (Outcome.NOTICE, 1, NoticeCode.CONNECTOR_HELD)),
    ({1: "busy", 2: "out_of_service"}, None, (Outcome.NOTICE, None, NoticeCode.NONE_FREE)),
]


def all_situations(count: int) -> list[Situation]:
    placings: list[dict[int, str]] = [{}]
    for evse in range(1, count + 1):
        placings = [placing | {evse: place} for placing in placings for place in PLACES]
    return [situation(placing, chosen) for placing in placings for chosen in (None, *range(1, count + 1))]


@pytest.mark.parametrize(("example", "rule"), list(zip(EXAMPLES, TAP_RULES, strict=True)), ids=lambda x: "")
def test_every_row_decides_its_example(example: Any, rule: Any) -> None:
    places, chosen, (outcome, evse_id, notice) = example

    seen = situation(places, chosen)

    assert deciding(seen) == rule.when
    assert (route(seen).outcome, route(seen).evse_id, route(seen).notice) == (outcome, evse_id, notice)


def test_the_table_is_total_and_no_row_is_dead() -> None:
    deciders = {deciding(seen) for count in (1, 2, 3) for seen in all_situations(count)}

    assert deciders == {rule.when for rule in TAP_RULES}


def test_a_chosen_connector_is_the_only_one_a_tap_can_move() -> None:
    for seen in all_situations(2):
        if seen.chosen is not None:
            assert route(seen).evse_id in (seen.chosen, None)


def test_only_what_is_free_is_started_and_only_what_is_ones_own_is_stopped() -> None:
    for seen in chain(all_situations(2), all_situations(3)):
        decided = route(seen)
        match decided.outcome:
            case Outcome.START:
                assert decided.evse_id in seen.free
            case Outcome.STOP:
                assert decided.evse_id in seen.own_stoppable
            case _:
                assert decided.notice is not None


def test_a_bounce_never_stops_anything() -> None:
    for seen in all_situations(3):
        if seen.chosen is None and (seen.own_too_young or seen.own_authorizing):
            assert route(seen).outcome is Outcome.NOTICE


@given(st.dictionaries(st.integers(1, 6), st.sampled_from(PLACES), min_size=1), st.none() | st.integers(1, 7))
def test_a_kiosk_of_any_size_is_decided(places: dict[int, str], chosen: int | None) -> None:
    assert route(situation(places, chosen)).outcome in Outcome


def test_rows_read_differently() -> None:
    words = [rule.when for rule in TAP_RULES]

    assert all(a != b for a, b in combinations(words, 2))
