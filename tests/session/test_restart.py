"""A charge that a power cut interrupted goes on by itself, as one order, unless something speaks against it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from contract.iec61851 import PilotState
from contract.order import joined, price_of_part
from contract.price import price
from contract.tariff import Dimension
from contract.transaction import ClockQuality, EventType, StoppedReason, TransactionEvent, TriggerReason, samples_of
from kiosk.session import events
from kiosk.session.leftovers import Verdict
from kiosk.session.settings import Patience
from kiosk.session.snapshot import Limit, LimitKind, NoticeCode
from kiosk.session.states import State
from tests.session.bench import CODE, WITH_PARKING, Bench, check_story, offer_of
from tests.session.reboot import rebooted, stories

WITH_FLAT = offer_of((Dimension.ENERGY, "0.50", 100), (Dimension.FLAT, "1.00", 1))


def total(story: list[TransactionEvent]) -> int:
    made = story[-1].total_incl_vat_minor
    assert made is not None
    return made


def whole(bench: Bench) -> int:
    """What the order had cost without the interruption."""
    first, second = (samples_of(story) for story in stories(bench))
    offer = stories(bench)[0][0].offer
    assert offer is not None
    return price(offer, joined(first, second)).incl_vat_minor


def test_an_interrupted_charge_goes_on_as_a_new_transaction_of_the_same_order() -> None:
    bench = Bench()
    bench.charge(for_s=300)
    after = rebooted(bench)
    after.run_until(State.DELIVERING)
    after.run(300)
    after.tap()  # her own card stops it, as it would have stopped the first part
    after.run_until(State.IDLE)

    first, second = stories(after)
    check_story(first)
    check_story(second)
    assert first[-1].stopped_reason is StoppedReason.POWER_LOSS
    assert second[0].trigger_reason is TriggerReason.TX_RESUMED
    assert second[0].transaction_id != first[0].transaction_id
    assert (second[0].order_id, second[0].receipt_id) == (first[0].order_id, first[0].receipt_id)
    assert second[0].continues is not None
    assert second[0].continues.of_transaction_id == first[0].transaction_id
    assert second[0].authority == first[0].authority
    assert second[-1].stopped_reason is StoppedReason.LOCAL
    energy_wh = sum(story[-1].meter.import_wh - story[0].meter.import_wh for story in (first, second))
    assert abs(energy_wh - after.plugs[1].delivered_wh) <= 4
    assert not after.asks, "nobody is asked again"


def test_the_start_fee_and_a_rounded_step_are_paid_once() -> None:
    bench = Bench(offer=WITH_FLAT)
    bench.charge(for_s=100)
    after = rebooted(bench)
    after.run_until(State.DELIVERING)
    after.run(100)
    after.tap()
    after.run_until(State.IDLE)

    first, second = stories(after)
    assert total(first) + total(second) == whole(after)
    assert total(second) < total(first), "the start fee is in the first part alone"
    assert second[0].continues is not None
    assert total(second) == price_of_part(WITH_FLAT, second[0].continues.samples, samples_of(second)).incl_vat_minor


def test_a_third_part_stands_on_both_before_it() -> None:
    bench = Bench(offer=WITH_FLAT)
    bench.charge(for_s=100)
    again = rebooted(bench)
    again.run_until(State.DELIVERING)
    again.run(130)
    third = rebooted(again)
    third.run_until(State.DELIVERING)
    third.run(90)
    third.tap()
    third.run_until(State.IDLE)

    parts = [samples_of(story) for story in stories(third)]
    uninterrupted = price(WITH_FLAT, joined(joined(parts[0], parts[1]), parts[2]))
    assert len(parts) == 3
    assert sum(total(story) for story in stories(third)) == uninterrupted.incl_vat_minor


def test_the_cap_holds_for_the_order() -> None:
    bench = Bench(offer=WITH_FLAT)
    bench.charge(for_s=300, cap_minor=200)
    after = rebooted(bench)
    after.run_until(State.DELIVERING)
    after.run_until(State.IDLE, at_most_s=3600)

    assert stories(after)[-1][-1].stopped_reason is StoppedReason.LOCAL_OUT_OF_CREDIT
    assert 180 < sum(total(story) for story in stories(after)) <= 200


def test_a_voucher_goes_on_with_its_order_and_is_held_to_its_value() -> None:
    bench = Bench()
    bench.charge(for_s=300, voucher_id="v-1", cap_minor=80, offline=True)
    after = rebooted(bench)
    after.run_until(State.DELIVERING)

    begun = stories(after)[-1][0]
    assert begun.authority is not None
    assert (begun.authority.voucher_id, begun.authority.cap_minor, begun.offline) == ("v-1", 80, True)
    after.run_until(State.IDLE, at_most_s=3600)
    assert sum(total(story) for story in stories(after)) <= 80


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (Limit(LimitKind.ENERGY, 900), StoppedReason.ENERGY_LIMIT_REACHED),
        (Limit(LimitKind.TIME, 600), StoppedReason.TIME_LIMIT_REACHED),
        (Limit(LimitKind.MONEY, 60), StoppedReason.COST_LIMIT_REACHED),
    ],
)
def test_the_drivers_own_limit_is_remembered_and_counts_both_parts(limit: Limit, reason: StoppedReason) -> None:
    bench = Bench()
    bench.charge(for_s=20)
    bench.say(events.LimitChosen(1, Limit(LimitKind.ENERGY, 77_000)))
    bench.say(events.LimitChosen(1, limit))
    bench.run(220)
    before_wh = bench.plugs[1].delivered_wh
    assert before_wh < 600
    after = rebooted(bench)
    after.run_until(State.DELIVERING)
    after.run_until(State.IDLE, at_most_s=900)

    first, second = stories(after)
    assert second[-1].stopped_reason is reason
    assert second[0].limit is not None
    if limit.kind is LimitKind.ENERGY:
        assert 880 <= after.plugs[1].delivered_wh <= 901
    elif limit.kind is LimitKind.TIME:
        assert 590_000 <= first[-1].elapsed_ms + second[-1].elapsed_ms <= 605_000
    else:
        assert 45 <= total(first) + total(second) <= 60


def test_a_limit_taken_back_stays_taken_back() -> None:
    bench = Bench()
    bench.charge(for_s=20)
    bench.say(events.LimitChosen(1, Limit(LimitKind.ENERGY, 1_000)))
    bench.say(events.LimitChosen(1, None))
    bench.run(60)
    after = rebooted(bench)
    after.run_until(State.DELIVERING)

    running = after.session().transaction
    assert running is not None
    assert running.limit is None


def test_the_stop_code_shown_at_the_start_still_stops() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench)
    after.run_until(State.DELIVERING)
    after.run(10)
    after.say(events.StopPressed(1, CODE))
    after.run_until(State.IDLE)

    assert stories(after)[-1][-1].stopped_reason is StoppedReason.LOCAL


def test_a_strangers_card_neither_stops_nor_takes_over_what_goes_on() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, quality=ClockQuality.UNKNOWN)
    after.run_until(State.IDLE)
    after.tap("04FFFFFF")
    assert after.notice is NoticeCode.CONNECTOR_HELD, "while it waits for the clock it is kept for her"
    after.quality = ClockQuality.SYNCHRONISED
    after.run_until(State.DELIVERING)
    after.run(10)
    after.tap("04FFFFFF")

    assert after.state() is State.DELIVERING
    assert len(stories(after)) == 2


# ---- what speaks against it ----------------------------------------------------------------------------------------


def test_a_vehicle_that_left_is_never_charged_again() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, pilot=PilotState.A)
    after.run(5)
    after.plug_in()
    after.run(60)

    assert after.state() is State.IDLE
    assert any("unplugged" in audit.what for audit in after.audits)


def test_a_cable_out_while_the_charge_waits_ends_the_waiting() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, quality=ClockQuality.UNKNOWN)
    after.run_until(State.IDLE)
    after.unplug()
    after.run(1)
    after.plug_in()
    after.quality = ClockQuality.SYNCHRONISED
    after.run(60)

    assert after.state() is State.IDLE
    assert len(stories(after)) == 1


def test_after_too_long_nothing_goes_on() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    assert_not_resumed(rebooted(bench, off_s=601), Verdict.TOO_LATE)
    within = rebooted(bench, off_s=540)
    within.run_until(State.DELIVERING)


def test_the_interruption_counts_from_the_last_sign_of_life_on_disk() -> None:
    """The cut itself came up to a minute later; nothing proves it."""
    bench = Bench()
    bench.charge(for_s=59)
    assert_not_resumed(rebooted(bench, off_s=580), Verdict.TOO_LATE)


def test_switched_off_nothing_goes_on() -> None:
    bench = Bench(patience=Patience(restart_within_s=0))
    bench.charge(for_s=60)
    assert_not_resumed(rebooted(bench), Verdict.SWITCHED_OFF)


def test_an_unknown_clock_proves_nothing_and_is_waited_for() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, quality=ClockQuality.UNKNOWN)
    after.run_until(State.IDLE)
    after.run(30)
    assert after.state() is State.IDLE
    assert after.session().restart_verdict is Verdict.WAIT_FOR_CLOCK
    after.quality = ClockQuality.SYNCHRONISED
    after.run_until(State.DELIVERING)


def test_waiting_for_the_clock_ends_with_the_time_limit() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, quality=ClockQuality.UNKNOWN)
    after.run(620, every_s=1)
    assert after.session().restart_verdict is Verdict.TOO_LATE
    after.quality = ClockQuality.SYNCHRONISED
    after.run(10)

    assert after.state() is State.IDLE


def test_a_clock_that_turns_out_much_later_restarts_nothing() -> None:
    """The wall time at boot was only a lower bound; the truth came by NTP."""
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, off_s=0, quality=ClockQuality.UNKNOWN)
    after.run_until(State.IDLE)
    after.wall += timedelta(hours=7)
    after.quality = ClockQuality.SYNCHRONISED
    assert_not_resumed(after, Verdict.TOO_LATE)


def test_a_clock_set_back_restarts_nothing() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    assert_not_resumed(rebooted(bench, off_s=-3600), Verdict.CLOCK_SET_BACK)


def test_a_clock_unknown_before_the_cut_restarts_nothing() -> None:
    bench = Bench(quality=ClockQuality.UNKNOWN)
    bench.charge(for_s=60)
    assert_not_resumed(rebooted(bench), Verdict.CLOCK_UNKNOWN)


def test_a_blocked_card_does_not_go_on() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, may_go_on=lambda word, offline: False)
    after.run(30)

    assert after.state() is State.IDLE
    assert len(stories(after)) == 1


def test_a_card_blocked_while_the_charge_waits_does_not_go_on() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, quality=ClockQuality.UNKNOWN)
    after.run_until(State.IDLE)
    after.say(events.RestartForbidden(1, Verdict.TOKEN_BLOCKED.value))
    after.quality = ClockQuality.SYNCHRONISED
    assert_not_resumed(after, Verdict.TOKEN_BLOCKED)


def test_used_up_credit_does_not_go_on() -> None:
    bench = Bench()
    bench.charge(for_s=240, cap_minor=36)
    assert bench.state() is State.DELIVERING
    bench.plugs[1].register_wh += 105  # what flowed until the safety relay had dropped
    assert_not_resumed(rebooted(bench), Verdict.NO_CREDIT)


def test_a_meter_that_does_not_answer_at_the_end_lets_nothing_go_on() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, meter_answers=False)
    after.run(30)
    after.plugs[1].meter_answers = True
    assert_not_resumed(after, Verdict.NOT_CLEAN)


def test_an_emergency_stop_in_between_needs_a_person_and_a_new_start() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, quality=ClockQuality.UNKNOWN)
    after.run_until(State.IDLE)
    after.plugs[1].emergency_stop = True
    after.run(5)
    after.plugs[1].emergency_stop = False
    after.quality = ClockQuality.SYNCHRONISED
    after.run(5)
    after.say(events.ResetPressed(1, "Mia"))
    assert_not_resumed(after, Verdict.LATCHED_FAULT)


def test_a_fault_that_clears_by_itself_only_delays_it() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, quality=ClockQuality.UNKNOWN)
    after.run_until(State.IDLE)
    after.plugs[1].pilot_answers = False
    after.quality = ClockQuality.SYNCHRONISED
    after.run(5)
    assert after.state() is State.OUT_OF_SERVICE
    after.plugs[1].pilot_answers = True
    after.run_until(State.DELIVERING)


def _stopped_by_card(bench: Bench) -> None:
    bench.run(10)
    bench.tap()


def _by_code(bench: Bench) -> None:
    bench.say(events.StopPressed(1, CODE))


def _by_fault(bench: Bench) -> None:
    bench.plugs[1].rcd_tripped = True
    bench.sense()
    bench.plugs[1].rcd_tripped = False


@pytest.mark.parametrize("stop", [_stopped_by_card, _by_code, _by_fault])
@pytest.mark.parametrize("parks", [False, True])
def test_what_was_stopped_stays_stopped(stop: Callable[[Bench], None], parks: bool) -> None:
    """Even where the power goes before the end was written down."""
    bench = Bench(offer=WITH_PARKING) if parks else Bench()
    bench.charge(for_s=60)
    stop(bench)
    assert bench.state() in (State.PARKED, State.CLOSING)
    after = rebooted(bench)
    after.run(60)

    assert len(stories(after)) == 1
    assert stories(after)[0][-1].event_type is EventType.ENDED
    assert after.state() in (State.IDLE, State.OUT_OF_SERVICE)


def test_a_start_that_still_waited_for_the_cable_is_not_continued() -> None:
    bench = Bench()
    bench.run(1)
    bench.tap()
    bench.accept()
    assert bench.state() is State.PREPARING
    after = rebooted(bench, pilot=PilotState.C)
    after.run(30)

    assert len(stories(after)) == 1


def test_a_pausing_vehicle_goes_on_waiting_with_its_order() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    bench.plug_in(pilot=PilotState.B)
    bench.run(30)
    after = rebooted(bench)
    after.run_until(State.PREPARING)
    after.run(120)
    assert after.state() is State.PREPARING
    after.plug_in(pilot=PilotState.C)
    after.run_until(State.DELIVERING)


# ---- cuts in the middle of it ---------------------------------------------------------------------------------------


def test_a_second_cut_before_it_went_on_changes_nothing() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    between = rebooted(bench, quality=ClockQuality.UNKNOWN)
    between.run_until(State.IDLE)
    after = rebooted(between)
    after.run_until(State.DELIVERING)

    first, second = stories(after)
    assert second[0].continues is not None
    assert second[0].continues.of_transaction_id == first[0].transaction_id
    assert second[0].transaction_id == "tx-of-boot-3"


def test_a_second_cut_does_not_start_the_time_again() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    between = rebooted(bench, off_s=400, quality=ClockQuality.UNKNOWN)
    between.run_until(State.IDLE)
    assert_not_resumed(rebooted(between, off_s=400), Verdict.TOO_LATE)


def test_the_owner_may_start_anew_instead() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    after = rebooted(bench, quality=ClockQuality.UNKNOWN)
    after.run_until(State.IDLE)
    after.run(6)
    after.tap()
    after.accept()
    after.quality = ClockQuality.SYNCHRONISED
    after.run_until(State.DELIVERING)

    assert stories(after)[-1][0].continues is None
    assert after.session().interrupted is None


def test_the_connector_stays_the_former_customers_across_a_restart() -> None:
    bench = Bench()
    bench.charge(for_s=60)
    bench.tap()
    bench.run_until(State.IDLE)
    after = rebooted(bench)
    after.run_until(State.IDLE)
    after.tap("04FFFFFF")
    assert after.notice is NoticeCode.CONNECTOR_HELD
    after.unplug()
    after.run(1)
    after.plug_in()
    after.tap("04FFFFFF")

    assert len(after.asks) == 1


def assert_not_resumed(after: Bench, verdict: Verdict) -> None:
    after.run(60)
    assert after.state() in (State.IDLE, State.OUT_OF_SERVICE)
    assert len(stories(after)) == 1
    assert after.session().interrupted is None
    assert after.session().restart_verdict is verdict
