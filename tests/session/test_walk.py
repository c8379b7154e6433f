"""Anything may happen in any order: what then still holds, and that it all ends well."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kiosk.session
from contract.identity import TokenKind
from contract.iec61851 import PilotState
from contract.transaction import EventType, TransactionEvent
from kiosk.session import events
from kiosk.session.snapshot import Limit, LimitKind, NoticeCode
from kiosk.session.states import MOVES, State
from tests.session.bench import CODE, ENERGY_ONLY, WITH_PARKING, Bench, Plug, check_story

SESSION_ROOM = Path(kiosk.session.__file__).parent
EVSES = st.integers(1, 2)
LIMITS = st.none() | st.builds(Limit, st.sampled_from(LimitKind), st.integers(1, 400))
SWITCHES = (
    "welded",
    "stuck_open",
    "rcd_tripped",
    "emergency_stop",
    "pilot_answers",
    "feedback_answers",
    "meter_answers",
)

# What may happen: name and arguments, applied by `happen`.
HAPPENINGS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.25, 1.0, 2.5, 6.0, 30.0, 200.0])),
    st.tuples(st.just("pilot"), EVSES, st.sampled_from(PilotState)),
    st.tuples(st.just("switch"), EVSES, st.sampled_from(SWITCHES), st.booleans()),
    st.tuples(st.just("tap"), st.sampled_from("AB"), st.sampled_from([None, "anna", "ben"])),
    st.tuples(st.just("choose"), st.none() | EVSES),
    st.tuples(st.just("accept"), st.sampled_from(["anna", "ben"]), st.sampled_from([None, 20, 500]), st.booleans()),
    st.tuples(st.just("refuse")),
    st.tuples(st.just("start"), EVSES, st.sampled_from(["anna", "ben"])),
    st.tuples(st.just("stop"), EVSES),
    st.tuples(st.just("code"), EVSES, st.sampled_from([CODE, "0000"])),
    st.tuples(st.just("cancel"), EVSES),
    st.tuples(st.just("limit"), EVSES, LIMITS),
    st.tuples(st.just("reset"), EVSES),
    st.tuples(st.just("disk"), st.booleans()),
    st.tuples(st.just("car"), EVSES, st.sampled_from([0, 1_400, 7_360, 22_080])),
)


def happen(bench: Bench, what: tuple[object, ...]) -> None:
    match what:
        case ("wait", float(span_s)):
            bench.run(span_s, every_s=0.25 if span_s < 10 else 2.0)
        case ("pilot", int(evse), PilotState() as pilot):
            bench.plug_in(evse, pilot)
        case ("switch", int(evse), str(name), bool(on)):
            setattr(bench.plugs[evse], name, on)
            bench.sense()
        case ("tap", str(value), account):
            bench.tap(value, None if account is None else str(account))
        case ("choose", evse_or_none):
            bench.choose(evse_or_none if isinstance(evse_or_none, int) else None)
        case ("accept", str(account), cap, bool(is_guest)) if bench.asks:
            cap_minor = cap if isinstance(cap, int) else None
            bench.accept(account, cap_minor, voucher_id="v" if is_guest else None)
        case ("refuse",) if bench.asks:
            bench.refuse(NoticeCode.UNKNOWN_TOKEN)
        case ("start", int(evse), str(account)):
            bench.command_start(evse, f"c-{bench.s}", account)
        case ("stop", int(evse)):
            bench.say(events.StopCommanded(None, evse, "Mia"))
        case ("code", int(evse), str(code)):
            bench.say(events.StopPressed(evse, code))
        case ("cancel", int(evse)):
            bench.say(events.CancelPressed(evse))
        case ("limit", int(evse), limit):
            bench.say(events.LimitChosen(evse, limit if isinstance(limit, Limit) else None))
        case ("reset", int(evse)):
            bench.say(events.ResetPressed(evse, "Mia"))
        case ("disk", bool(works)):
            bench.disk_works = works
        case ("car", int(evse), int(power_w)):
            bench.plugs[evse].car_w = power_w


def check_journal(journal: list[TransactionEvent]) -> None:
    """Contiguous stories, at most one open per EVSE, in the order of the journal."""
    open_at: dict[int, str] = {}
    next_seq: dict[str, int] = {}
    for event in journal:
        assert event.seq_no == next_seq.get(event.transaction_id, 0)
        next_seq[event.transaction_id] = event.seq_no + 1
        if event.event_type is EventType.STARTED:
            assert event.evse_id not in open_at
            open_at[event.evse_id] = event.transaction_id
        if event.event_type is EventType.METER_CORRECTION:
            assert event.transaction_id not in open_at.values()
            continue
        assert open_at[event.evse_id] == event.transaction_id
        if event.event_type is EventType.ENDED:
            del open_at[event.evse_id]


def heal(bench: Bench) -> None:
    """Everything works again, everybody leaves, and somebody resets what needs it."""
    bench.disk_works = True
    for plug in bench.plugs.values():
        healthy = Plug()
        for name in SWITCHES:
            setattr(plug, name, getattr(healthy, name))
        plug.pilot = PilotState.A
    for _ in range(3):
        bench.run(bench.patience.plug_in_s / 2, every_s=1.0)
        bench.say(events.ResetPressed(1, "Mia"), events.ResetPressed(2, "Mia"))


@pytest.mark.parametrize("offer", [ENERGY_ONLY, WITH_PARKING], ids=["plain", "parking"])
@settings(max_examples=150)
@given(st.lists(HAPPENINGS, min_size=5, max_size=45))
def test_whatever_happens_every_transaction_ends_once_and_every_evse_comes_back(
    offer: object, story: list[tuple[object, ...]]
) -> None:
    bench = Bench(count=2, offer=WITH_PARKING if offer is WITH_PARKING else ENERGY_ONLY)
    bench.plug_in(1)
    bench.tap("A", "anna")
    for what in story:
        happen(bench, what)
        check_journal(bench.journal)
    heal(bench)

    assert [session.state for session in bench.kiosk.sessions] == [State.IDLE, State.IDLE]
    check_journal(bench.journal)
    for transaction_id in {event.transaction_id for event in bench.journal}:
        check_story(bench.story(transaction_id))
    for plug in bench.plugs.values():
        assert plug.wanted.heartbeat
        assert not plug.wanted.contactor_closed
        assert not plug.wanted.locked


@settings(max_examples=40)
@given(st.lists(HAPPENINGS.filter(lambda what: what[0] not in ("switch", "disk")), max_size=30))
def test_without_faults_every_watt_hour_is_billed(story: list[tuple[object, ...]]) -> None:
    bench = Bench(count=2)
    for what in (("pilot", 1, PilotState.C), ("tap", "A", "anna"), ("accept", "anna", None, False), *story):
        happen(bench, what)
    heal(bench)

    for evse_id, plug in bench.plugs.items():
        billed_wh = 0
        ids = {event.transaction_id for event in bench.journal if event.evse_id == evse_id}
        for transaction_id in ids:
            told = bench.story(transaction_id)
            billed_wh += told[-1].meter.import_wh - told[0].meter.import_wh
        assert abs(billed_wh - plug.delivered_wh) <= 1 * max(1, len(ids))


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 600, 1_400, 7_360, 22_080]), st.sampled_from(list(PilotState)[1:3])),
        min_size=1,
        max_size=12,
    ),
    st.integers(25, 300),
)
def test_no_mood_of_a_vehicle_takes_a_guest_beyond_the_hold(moods: list[tuple[int, PilotState]], cap: int) -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.plug_in()
    bench.tap(kind=TokenKind.VOUCHER)
    bench.accept(cap_minor=cap, voucher_id="v-1")
    for power_w, pilot in moods * 3:
        bench.plugs[1].car_w = power_w
        bench.plug_in(pilot=pilot)
        bench.run(45, every_s=1.0)
    bench.run(1800, every_s=4)
    bench.unplug()
    bench.run(60, every_s=1.0)

    assert (bench.ended.total_incl_vat_minor or 0) <= cap


def test_a_state_is_changed_in_one_place_only() -> None:
    """`_move` asserts the move against MOVES; nothing else in the core writes a session's state."""
    writers = []
    for path in sorted(SESSION_ROOM.glob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and any(word.arg == "state" for word in call.keywords):
                        writers.append((path.name, function.name))

    first_state_after_a_restart, what_is_only_shown = ("session.py", "resumed_after_restart"), ("view.py", "_evse")
    assert set(writers) - {first_state_after_a_restart, what_is_only_shown} == {("turn.py", "_move")}


def test_every_state_can_be_left_and_reached_and_out_of_service_from_anywhere() -> None:
    assert set(MOVES) == set(State)
    assert all(MOVES.values())
    assert {state for moves in MOVES.values() for state in moves} == set(State)
    for state in State:
        seen, todo = set(), [state]
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo.extend(MOVES[at])
        assert State.OUT_OF_SERVICE in seen
        assert State.IDLE in seen


def test_a_move_that_is_not_in_the_table_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = {end: cause for end, cause in MOVES[State.IDLE].items() if end is not State.AUTHORIZING}
    monkeypatch.setitem(MOVES, State.IDLE, fewer)
    bench = Bench()

    with pytest.raises(AssertionError, match="is no move"):
        bench.tap()
