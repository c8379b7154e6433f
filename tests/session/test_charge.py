"""One charge, told from its beginning: who may start it, what happens meanwhile, and how it ends well."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from contract.api import CommandStatus
from contract.identity import TokenKind
from contract.iec61851 import PilotState
from contract.metering import Quality
from contract.tariff import Dimension
from contract.transaction import ChargingState, EventType, StoppedReason, TriggerReason
from kiosk.session import events
from kiosk.session.snapshot import Limit, LimitKind, NoticeCode
from kiosk.session.states import State
from tests.session.bench import CODE, NOON, WITH_PARKING, Bench, offer_of

WHOLE_WAY = [State.IDLE, State.AUTHORIZING, State.PREPARING, State.DELIVERING, State.CLOSING, State.IDLE]


@pytest.mark.parametrize("kind", [TokenKind.ISO14443, TokenKind.MEMBER_CODE, TokenKind.VOUCHER])
def test_a_token_starts_a_charge_and_the_same_token_stops_it(kind: TokenKind) -> None:
    bench = Bench()
    bench.plug_in()
    bench.tap("TOKEN-1", kind=kind)
    assert bench.state() is State.AUTHORIZING
    bench.accept()
    bench.run_until(State.DELIVERING)
    bench.run(600)
    bench.tap("TOKEN-1", kind=kind)
    bench.run_until(State.IDLE)

    ended = bench.ended
    assert bench.path[1] == WHOLE_WAY
    assert ended.stopped_reason is StoppedReason.LOCAL
    assert ended.trigger_reason is TriggerReason.STOP_AUTHORIZED
    assert ended.final is True
    assert ended.meter.quality is Quality.GOOD
    assert bench.story()[0].authority is not None
    assert bench.story()[0].authority.token_kind is kind  # type: ignore[union-attr]
    billed_wh = ended.meter.import_wh - bench.story()[0].meter.import_wh
    assert abs(billed_wh - bench.plugs[1].delivered_wh) <= 1
    assert ended.total_incl_vat_minor == round(billed_wh * 0.0005 * 1.2 * 100)


def test_a_start_command_charges_and_a_stop_command_ends_it() -> None:
    bench = Bench()
    bench.plug_in()
    bench.command_start()
    bench.run_until(State.DELIVERING)
    bench.run(60)
    bench.say(events.StopCommanded("tx-1", None, "server", "c-2"))
    bench.run_until(State.IDLE)

    assert [(a.command_id, a.status) for a in bench.answers] == [
        ("c-1", CommandStatus.ACCEPTED),
        ("c-2", CommandStatus.ACCEPTED),
    ]
    assert bench.answers[0].transaction_id == "tx-1"
    assert bench.story()[0].trigger_reason is TriggerReason.REMOTE_START
    assert bench.ended.stopped_reason is StoppedReason.REMOTE
    assert [(a.by, a.what, a.evse_id) for a in bench.audits] == [("server", "stop", 1)]


def test_tap_first_then_plug_in() -> None:
    bench = Bench()
    bench.tap()
    bench.accept()
    bench.run(30)
    assert bench.state() is State.PREPARING
    assert not bench.plugs[1].wanted.contactor_closed
    bench.plug_in(pilot=PilotState.B)
    bench.run(5)
    assert not bench.plugs[1].wanted.contactor_closed
    assert bench.plugs[1].wanted.offered_a == 32
    bench.plug_in(pilot=PilotState.C)

    bench.run_until(State.DELIVERING)


def test_nobody_plugs_in_and_nothing_is_owed() -> None:
    sold = offer_of((Dimension.ENERGY, "0.50", 1), (Dimension.FLAT, "1.00", 1), (Dimension.TIME, "1.00", 60))
    bench = Bench(offer=sold)
    bench.tap()
    bench.accept()
    bench.run(bench.patience.plug_in_s + 5)

    assert bench.state() is State.IDLE
    assert bench.ended.stopped_reason is StoppedReason.TIMEOUT
    assert bench.ended.total_incl_vat_minor == 0
    assert bench.notice is NoticeCode.PLUG_IN_TIMEOUT
    assert bench.session().receipt is None


def test_a_vehicle_that_waits_for_the_night_keeps_its_place_beyond_the_plug_in_patience() -> None:
    bench = Bench()
    bench.tap()
    bench.accept()
    bench.plug_in(pilot=PilotState.B)
    bench.run(bench.patience.plug_in_s * 3, every_s=5)

    assert bench.state() is State.PREPARING


def test_unplugging_before_energy_flowed_ends_it() -> None:
    bench = Bench()
    bench.plug_in(pilot=PilotState.B)
    bench.tap()
    bench.accept()
    bench.run(2)
    bench.unplug()
    bench.run_until(State.IDLE)

    assert bench.ended.stopped_reason is StoppedReason.EV_DISCONNECTED
    assert bench.session().held_for is None


def test_unplugging_ends_a_charge_and_opens_at_once() -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.charge(for_s=60)
    bench.unplug()
    assert not bench.plugs[1].wanted.contactor_closed
    bench.run_until(State.IDLE)

    assert State.PARKED not in bench.path[1]
    assert bench.ended.stopped_reason is StoppedReason.EV_DISCONNECTED
    assert bench.ended.trigger_reason is TriggerReason.EV_DEPARTED


def test_a_car_that_pauses_keeps_its_transaction() -> None:
    bench = Bench()
    bench.charge(for_s=30)
    for _ in range(3):
        bench.plug_in(pilot=PilotState.B)
        bench.run(60)
        assert not bench.plugs[1].closed
        bench.plug_in(pilot=PilotState.C)
        bench.run(60)
        assert bench.plugs[1].closed
    bench.unplug()
    bench.run_until(State.IDLE)

    assert len({event.transaction_id for event in bench.journal}) == 1
    shown = [e.charging_state for e in bench.story() if e.trigger_reason is TriggerReason.CHARGING_STATE_CHANGED]
    assert shown[0] is ChargingState.CHARGING
    assert shown.count(ChargingState.SUSPENDED_EV) == 3
    assert abs(bench.ended.meter.import_wh - 1_000_000 - bench.plugs[1].delivered_wh) <= 1


def test_a_pause_of_the_vehicle_costs_no_time() -> None:
    bench = Bench(offer=offer_of((Dimension.TIME, "60.00", 1), vat=0))  # one unit a minute
    bench.charge(for_s=60)
    bench.plug_in(pilot=PilotState.B)
    bench.run(600)
    bench.unplug()
    bench.run_until(State.IDLE)

    assert 95 <= (bench.ended.total_incl_vat_minor or 0) <= 105


def test_a_contactor_opened_by_a_pause_rests_before_it_closes_again() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    bench.plug_in(pilot=PilotState.B)
    opened_s = bench.s
    bench.plug_in(pilot=PilotState.C)
    while not bench.plugs[1].wanted.contactor_closed:
        bench.run(0.25)

    assert bench.s - opened_s >= bench.patience.off_s


def test_a_normal_stop_takes_the_current_to_zero_before_it_opens() -> None:
    bench = Bench()
    bench.charge(for_s=30)
    bench.plugs[1].car_w = 7_360
    bench.tap()

    wanted = bench.plugs[1].wanted
    assert (wanted.offered_a, wanted.contactor_closed) == (0, True)
    bench.run_until(State.IDLE)
    assert bench.ended.final is True


def test_the_ramp_ends_by_itself_when_the_vehicle_does_not_obey() -> None:
    bench = Bench()
    bench.charge(for_s=30)
    bench.tap()
    asked_s = bench.s
    while bench.plugs[1].wanted.contactor_closed:
        for plug in bench.plugs.values():  # goes on drawing against the offer
            plug.register_wh += 1
        bench.pass_time(0.25)
        facts = bench.plugs[1].sense(bench.s)
        assert facts.meter is not None
        meter = type(facts.meter)(facts.meter.at_s, facts.meter.import_wh, 0, 7_360)
        bench.say(events.Sensed({1: type(facts)(**{n: getattr(facts, n) for n in facts.__slots__} | {"meter": meter})}))

    assert bench.s - asked_s == pytest.approx(bench.patience.ramp_s, abs=0.3)


@pytest.mark.parametrize("stop", ["screen code", "technician"])
def test_others_who_may_stop(stop: str) -> None:
    bench = Bench()
    bench.charge(for_s=10)
    if stop == "screen code":
        bench.say(events.StopPressed(1, CODE))
    else:
        bench.say(events.StopCommanded(None, 1, "technician Mia"))
        assert bench.audits[-1].by == "technician Mia"
    bench.run_until(State.IDLE)

    assert bench.ended.stopped_reason is (StoppedReason.LOCAL if stop == "screen code" else StoppedReason.REMOTE)


def test_wrong_codes_lock_the_keypad_for_a_while_even_for_the_right_one() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    for _ in range(2):
        bench.say(events.StopPressed(1, "0000"))
        assert bench.notice is NoticeCode.WRONG_CODE
    bench.say(events.StopPressed(1, ""))
    assert bench.notice is NoticeCode.CODE_LOCKED
    bench.say(events.StopPressed(1, CODE))
    assert bench.notice is NoticeCode.CODE_LOCKED
    assert bench.state() is State.DELIVERING
    bench.run(bench.patience.code_lock_s)
    bench.say(events.StopPressed(1, CODE))

    assert bench.state() is State.CLOSING


def test_a_site_may_switch_the_stop_code_off() -> None:
    bench = Bench(stop_with_code=False)
    bench.charge(for_s=10)
    bench.say(events.StopPressed(1, CODE))

    assert bench.state() is State.DELIVERING
    assert bench.notice is NoticeCode.NOT_YOUR_SESSION


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (Limit(LimitKind.ENERGY, 500), StoppedReason.ENERGY_LIMIT_REACHED),
        (Limit(LimitKind.MONEY, 60), StoppedReason.COST_LIMIT_REACHED),
        (Limit(LimitKind.TIME, 300), StoppedReason.TIME_LIMIT_REACHED),
    ],
)
def test_a_limit_chosen_on_the_screen_ends_it(limit: Limit, reason: StoppedReason) -> None:
    bench = Bench()
    bench.charge()
    bench.say(events.LimitChosen(1, limit))
    bench.run_until(State.IDLE, at_most_s=3600)

    ended = bench.ended
    used_wh = ended.meter.import_wh - bench.story()[0].meter.import_wh
    assert ended.stopped_reason is reason
    match limit.kind:
        case LimitKind.ENERGY:
            assert 480 <= used_wh <= 500
        case LimitKind.MONEY:
            assert 58 <= (ended.total_incl_vat_minor or 0) <= 60
        case LimitKind.TIME:
            assert 300_000 <= ended.elapsed_ms <= 301_000


def test_a_limit_taken_away_limits_nothing() -> None:
    bench = Bench()
    bench.charge()
    bench.say(events.LimitChosen(1, Limit(LimitKind.TIME, 20)), events.LimitChosen(1, None))
    bench.run(60)

    assert bench.state() is State.DELIVERING


@pytest.mark.parametrize(("car_w", "cap_minor"), [(1_400, 100), (7_360, 100), (22_000, 100), (22_000, 37)])
def test_a_cap_is_never_exceeded(car_w: int, cap_minor: int) -> None:
    bench = Bench()
    bench.plugs[1].car_w = car_w
    bench.charge(cap_minor=cap_minor)
    bench.run_until(State.IDLE, at_most_s=7200)

    assert bench.ended.stopped_reason is StoppedReason.LOCAL_OUT_OF_CREDIT
    assert cap_minor - 2 <= (bench.ended.total_incl_vat_minor or 0) <= cap_minor


def test_a_vehicle_that_wakes_up_hungry_at_the_brink_of_its_cap_stays_below_it() -> None:
    bench = Bench()
    bench.plugs[1].car_w = 600
    bench.charge(cap_minor=100)
    while bench.state() is State.DELIVERING:
        cost = bench.plugs[1].delivered_wh * 0.0005 * 1.2 * 100
        bench.plugs[1].car_w = 600 if cost < 95 else 22_080
        bench.run(0.25)
    bench.run_until(State.IDLE)

    assert (bench.ended.total_incl_vat_minor or 0) <= 100


def test_a_cap_below_the_shortest_charge_is_no_credit() -> None:
    bench = Bench(offer=offer_of((Dimension.FLAT, "1.00", 1), (Dimension.ENERGY, "0.50", 1)))
    bench.plug_in()
    bench.tap()
    bench.accept(cap_minor=119)

    assert bench.state() is State.IDLE
    assert bench.notice is NoticeCode.NO_CREDIT
    assert bench.journal == []
    bench.command_start(cap_minor=119)
    assert bench.answers[-1].status is CommandStatus.REJECTED


def test_parking_is_billed_by_the_parked_state_and_only_beyond_its_grace() -> None:
    bench = Bench(offer=WITH_PARKING)  # 6.00/h + 20 % = 12 cents a minute, 300 s grace
    bench.charge(for_s=60)
    bench.tap()
    bench.run(1)
    assert bench.state() is State.PARKED
    bench.run(300 + 240 - 2, every_s=1)
    bench.unplug()
    bench.run_until(State.IDLE)

    used_wh = bench.ended.meter.import_wh - bench.story()[0].meter.import_wh
    parked = (bench.ended.total_incl_vat_minor or 0) - used_wh * 0.06
    assert abs(parked - 4 * 12) <= 0.5
    assert bench.ended.stopped_reason is StoppedReason.LOCAL


def test_parking_within_the_grace_costs_nothing() -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.charge(for_s=60)
    bench.tap()
    bench.run(299)
    bench.unplug()
    bench.run_until(State.IDLE)

    used_wh = bench.ended.meter.import_wh - bench.story()[0].meter.import_wh
    assert bench.ended.total_incl_vat_minor == round(used_wh * 0.06)


def test_waiting_for_the_last_reading_costs_no_parking() -> None:
    bench = Bench(offer=offer_of((Dimension.PARKING_TIME, "60.00", 1), vat=0))
    bench.charge(for_s=60)
    bench.tap()
    bench.run(59.75)
    bench.plugs[1].feedback_answers = False
    bench.unplug()
    bench.run_until(State.IDLE, State.OUT_OF_SERVICE)

    assert bench.path[1][-2:] == [State.CLOSING, State.OUT_OF_SERVICE]
    assert bench.ended.final is False
    assert bench.ended.total_incl_vat_minor == pytest.approx(100, abs=2)


def test_a_guests_parking_stops_counting_at_the_hold() -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.plug_in()
    bench.tap(kind=TokenKind.VOUCHER)
    bench.accept(cap_minor=100, voucher_id="v-1")
    bench.run_until(State.PARKED, at_most_s=7200)
    bench.run(4 * 3600, every_s=2)
    assert bench.state() is State.PARKED
    bench.unplug()
    bench.run_until(State.IDLE)

    assert 85 <= (bench.ended.total_incl_vat_minor or 0) <= 100


def test_a_member_owes_what_was_parked_beyond_the_cap() -> None:
    bench = Bench(offer=WITH_PARKING)
    bench.charge(cap_minor=100)
    bench.run_until(State.PARKED, at_most_s=7200)
    bench.run(3600, every_s=5)
    bench.unplug()
    bench.run_until(State.IDLE)

    assert (bench.ended.total_incl_vat_minor or 0) > 600


def test_a_connector_is_closed_to_others_until_the_cable_was_out() -> None:
    bench = Bench()
    bench.charge(for_s=10, account="anna")
    bench.say(events.StopPressed(1, CODE))
    bench.run_until(State.IDLE)
    bench.run(6)
    bench.tap("OTHER", account="ben")
    assert bench.notice is NoticeCode.CONNECTOR_HELD
    bench.command_start(account="ben")
    assert bench.answers[-1].status is CommandStatus.REJECTED
    bench.unplug()
    bench.run(1)
    bench.tap("OTHER", account="ben")

    assert bench.state() is State.AUTHORIZING


@pytest.mark.parametrize(
    "again", [{"value": "04AABBCC"}, {"value": "X", "account": "anna"}, {"value": "X", "group": "g"}]
)
def test_the_former_customer_may_start_again(again: dict[str, str]) -> None:
    bench = Bench()
    bench.charge(for_s=10, account="anna", group="g")
    bench.say(events.StopPressed(1, CODE))
    bench.run_until(State.IDLE)
    bench.run(6)
    bench.tap(**again)  # type: ignore[arg-type]

    assert bench.state() is State.AUTHORIZING


def test_a_card_that_bounces_does_not_stop_what_it_just_started() -> None:
    bench = Bench()
    bench.plug_in()
    bench.tap()
    bench.tap()
    assert bench.notice is NoticeCode.ALREADY_CHARGING
    bench.accept()
    bench.run(4)
    bench.tap()

    assert bench.state() is State.DELIVERING
    assert bench.notice is NoticeCode.STOP_WITH_CARD
    bench.run(1.5)
    bench.tap()
    assert bench.state() is State.CLOSING


def test_an_impatient_second_tap_at_the_end_starts_nothing() -> None:
    bench = Bench()
    bench.charge(for_s=10)
    bench.tap()
    bench.run_until(State.IDLE)
    bench.tap()
    assert bench.state() is State.IDLE
    assert bench.notice is NoticeCode.UNPLUG_TO_FINISH
    bench.run(bench.patience.bounce_s)
    bench.tap()

    assert bench.state() is State.AUTHORIZING


def test_a_bounce_at_the_second_connector_does_not_stop_the_first() -> None:
    bench = Bench(count=2)
    bench.charge(for_s=60)
    bench.plug_in(2)
    bench.choose(2)
    bench.tap()
    assert bench.state(2) is State.AUTHORIZING
    bench.tap()
    bench.accept()
    bench.run(2)
    bench.tap()

    assert bench.state(1) is State.DELIVERING
    assert bench.state(2) is State.DELIVERING


def test_tap_first_asks_which_connector_and_the_choice_starts_it() -> None:
    bench = Bench(count=2)
    bench.tap()
    assert bench.notice is NoticeCode.WHICH_CONNECTOR
    bench.choose(2)

    assert (bench.state(1), bench.state(2)) == (State.IDLE, State.AUTHORIZING)


def test_a_waiting_token_and_a_chosen_connector_are_forgotten_in_time() -> None:
    for begin in (lambda b: b.tap(), lambda b: b.choose(2)):
        bench = Bench(count=2)
        begin(bench)
        bench.run(bench.patience.choose_s + 1)

        assert bench.kiosk.front.waiting is None
        assert bench.kiosk.front.chosen_evse is None
        assert bench.notice is None


def test_choosing_a_connector_that_was_taken_meanwhile_starts_and_stops_nothing_else() -> None:
    bench = Bench(count=3)
    bench.charge(for_s=60)  # anna's card at EVSE 1
    bench.choose(2)
    bench.command_start(2, account="ben")
    bench.tap()

    assert bench.notice is NoticeCode.CONNECTOR_BUSY
    assert bench.state(1) is State.DELIVERING
    assert bench.state(3) is State.IDLE


@pytest.mark.parametrize("code", [NoticeCode.UNKNOWN_TOKEN, NoticeCode.BLOCKED_TOKEN, NoticeCode.NO_CREDIT])
def test_a_refusal_says_why_and_changes_nothing(code: NoticeCode) -> None:
    bench = Bench()
    bench.tap()
    bench.refuse(code)

    assert (bench.state(), bench.notice, bench.journal) == (State.IDLE, code, [])


def test_an_answer_to_an_older_question_is_nobodys() -> None:
    bench = Bench()
    bench.tap()
    bench.say(events.CancelPressed(1))
    assert bench.notice is NoticeCode.CANCELLED
    bench.accept()
    bench.refuse(NoticeCode.UNKNOWN_TOKEN)

    assert bench.state() is State.IDLE
    assert bench.notice is NoticeCode.CANCELLED


def test_no_answer_at_all_ends_the_wait() -> None:
    bench = Bench()
    bench.tap()
    bench.run(bench.patience.authorize_s)

    assert (bench.state(), bench.notice) == (State.IDLE, NoticeCode.NO_ANSWER)
    assert bench.session().asked is None


def test_cancel_before_the_cable_is_in_costs_nothing() -> None:
    bench = Bench(offer=offer_of((Dimension.FLAT, "1.00", 1)))
    bench.tap()
    bench.accept()
    bench.run(10)
    bench.say(events.CancelPressed(1))
    bench.run_until(State.IDLE)

    assert bench.ended.total_incl_vat_minor == 0
    assert bench.ended.stopped_reason is StoppedReason.LOCAL


def test_cancel_does_nothing_once_a_vehicle_is_connected() -> None:
    bench = Bench()
    bench.charge(for_s=5)
    bench.say(events.CancelPressed(1))

    assert bench.state() is State.DELIVERING


def test_an_evse_without_an_offer_sells_nothing() -> None:
    bench = Bench()
    bench.say(events.OffersChanged({}))
    bench.tap()

    assert (bench.state(), bench.notice) == (State.IDLE, NoticeCode.OUT_OF_SERVICE)


@pytest.mark.parametrize("command", ["start", "stop"])
def test_a_command_that_cannot_be_obeyed_is_rejected_with_a_reason(command: str) -> None:
    bench = Bench()
    if command == "start":
        bench.command_start(evse_id=1)
        bench.command_start(evse_id=1, command_id="c-2")
    else:
        bench.say(events.StopCommanded("tx-unknown", None, "server", "c-2"))

    assert bench.answers[-1].command_id == "c-2"
    assert bench.answers[-1].status is CommandStatus.REJECTED
    assert bench.answers[-1].reason


def test_a_command_for_an_evse_that_is_not_here_is_rejected() -> None:
    bench = Bench()
    word: Any = bench.kiosk.offers[1]
    bench.plug_in()
    bench.charge(for_s=1)
    started = bench.story()[0].authority
    assert started is not None
    bench.say(events.StartCommanded("c-9", 9, started, word, bench.ids()))

    assert (bench.answers[-1].status, bench.answers[-1].reason) == (CommandStatus.REJECTED, "no EVSE 9")


def test_readings_are_journaled_every_minute_and_on_the_quarter_hour() -> None:
    bench = Bench()
    bench.charge(for_s=20 * 60)

    readings = [e for e in bench.story() if e.event_type is EventType.UPDATED]
    times = [e.at.wall for e in readings]
    assert all((later - now).total_seconds() <= 60.5 for now, later in pairwise(times))
    on_the_clock = [e.at.wall for e in readings if e.trigger_reason is TriggerReason.METER_VALUE_CLOCK]
    assert [(at.hour, at.minute) for at in on_the_clock] == [(12, 15)]
    assert on_the_clock[0].second == 0
    assert times[0] >= NOON


def test_a_receipt_stays_for_its_time_and_a_new_customer_clears_it() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    bench.unplug()
    bench.run_until(State.IDLE)
    assert bench.session().receipt is not None
    bench.run(bench.patience.receipt_s + 1)
    assert bench.session().receipt is None

    bench.charge(for_s=60)
    bench.unplug()
    bench.run_until(State.IDLE)
    bench.tap("OTHER")
    assert bench.session().receipt is None
