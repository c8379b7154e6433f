"""A meter that was silent at the end may correct the bill, once, if nothing speaks against it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contract.metering import Quality
from contract.transaction import ClockQuality, EventType, TransactionEvent
from kiosk.session.settings import Patience
from kiosk.session.states import State
from tests.session.bench import Bench, check_story
from tests.session.reboot import rebooted, stories

HOUR_S = 3600.0


def silent_at_the_end(**accepted: object) -> Bench:
    """Ended with the last good reading, while the register had counted on for some seconds."""
    bench = Bench()
    bench.charge(for_s=60, **accepted)
    bench.plugs[1].meter_answers = False
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=60)
    assert bench.ended.final is False
    return bench


def answers_again(bench: Bench) -> Bench:
    bench.plugs[1].meter_answers = True
    bench.run(3)
    return bench


def correction(bench: Bench) -> TransactionEvent | None:
    found = [event for event in bench.journal if event.event_type is EventType.METER_CORRECTION]
    assert len(found) <= 1
    return found[0] if found else None


def why_not(bench: Bench) -> str:
    return next(audit.what for audit in bench.audits if "last good reading" in audit.what)


def test_the_meter_that_answers_again_corrects_the_bill_once() -> None:
    bench = silent_at_the_end()
    ended = bench.ended
    answers_again(bench)
    bench.run(60)

    late = correction(bench)
    assert late is not None
    assert late.seq_no == ended.seq_no + 1
    assert (late.transaction_id, late.order_id, late.receipt_id) == (
        ended.transaction_id,
        ended.order_id,
        ended.receipt_id,
    )
    assert late.final is True
    assert late.meter.quality is Quality.GOOD
    assert late.elapsed_ms == ended.elapsed_ms, "no time is added"
    began_wh = bench.story(ended.transaction_id)[0].meter.import_wh
    assert abs(late.meter.import_wh - began_wh - bench.plugs[1].delivered_wh) <= 2
    assert late.total_incl_vat_minor is not None and ended.total_incl_vat_minor is not None
    assert late.total_incl_vat_minor >= ended.total_incl_vat_minor
    check_story(bench.story(ended.transaction_id)[:-1])


def test_it_is_remembered_across_power_cuts() -> None:
    bench = silent_at_the_end()
    once = rebooted(bench, meter_answers=False)
    once.run(30)
    twice = rebooted(once, off_s=HOUR_S)
    twice.run(5)

    late = correction(twice)
    assert late is not None
    assert late.seq_no == stories(twice)[0][-2].seq_no + 1


def test_a_power_cut_with_a_dead_meter_is_corrected_when_it_answers() -> None:
    bench = Bench()
    bench.charge(for_s=90)
    after = rebooted(bench, meter_answers=False)
    after.run(30)
    assert after.ended.final is False
    answers_again(after)

    assert correction(after) is not None


@pytest.mark.parametrize("astray_wh", [1_300, 3_000, 5_400, -40_000])
def test_a_register_led_astray_while_the_power_was_cut_bills_and_corrects_nothing(astray_wh: int) -> None:
    """A driver that starts believes what it sees first; a charge did not go on long enough for so much."""
    bench = Bench()
    bench.charge(for_s=90)
    on_disk_wh = bench.journal[-1].meter.import_wh
    bench.plugs[1].register_wh += astray_wh
    after = rebooted(bench)
    after.run(60)

    assert after.ended.meter.import_wh == on_disk_wh
    assert after.ended.final is False
    assert correction(after) is None
    assert "the register moved by" in why_not(after)


def test_after_the_time_limit_the_last_good_reading_stands() -> None:
    bench = Bench(patience=Patience(correct_within_s=600))
    bench.charge(for_s=60)
    bench.plugs[1].meter_answers = False
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=60)
    bench.run(610, every_s=1)
    answers_again(bench)

    assert correction(bench) is None
    assert "too late" in why_not(bench)


def test_the_time_limit_counts_across_a_restart() -> None:
    bench = silent_at_the_end()
    after = rebooted(bench, off_s=25 * HOUR_S)
    after.run(5)

    assert correction(after) is None
    assert "too late" in why_not(after)


def test_an_unknown_clock_is_waited_for() -> None:
    bench = silent_at_the_end()
    after = rebooted(bench, off_s=60, quality=ClockQuality.UNKNOWN)
    after.run(30)
    assert correction(after) is None
    after.wall += timedelta(hours=1)
    after.quality = ClockQuality.SYNCHRONISED
    after.run(1)

    assert correction(after) is not None


def test_another_meter_corrects_nothing() -> None:
    bench = silent_at_the_end()
    bench.plugs[1].serial = "M2"
    answers_again(bench)

    assert correction(bench) is None
    assert "another meter answers: M2, was M1" in why_not(bench)


def test_a_register_that_cannot_be_corrects_nothing() -> None:
    bench = silent_at_the_end()
    bench.plugs[1].register_wh += 7_000
    answers_again(bench)

    assert correction(bench) is None
    assert "the register moved by" in why_not(bench)


def test_a_register_that_fell_corrects_nothing() -> None:
    bench = silent_at_the_end()
    bench.plugs[1].register_wh -= 500
    answers_again(bench)

    assert correction(bench) is None
    assert "the register moved by -" in why_not(bench)


def test_no_correction_takes_an_order_above_its_cap() -> None:
    bench = Bench()
    bench.charge(for_s=60, cap_minor=14)
    bench.plugs[1].meter_answers = False
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=60)
    bench.plugs[1].register_wh += 120
    answers_again(bench)

    assert correction(bench) is None
    assert "above the cap" in why_not(bench)


def test_switched_off_nothing_is_corrected() -> None:
    bench = Bench(patience=Patience(correct_within_s=0))
    bench.charge(for_s=60)
    bench.plugs[1].meter_answers = False
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=60)
    answers_again(bench)

    assert correction(bench) is None


def test_a_welded_contactor_is_no_silent_meter() -> None:
    """The meter answered all along; what flows on after the end is nobody's order."""
    bench = Bench()
    bench.charge(for_s=60)
    bench.plugs[1].welded = True
    bench.tap()
    bench.run_until(State.OUT_OF_SERVICE, at_most_s=60)
    assert bench.ended.final is False
    bench.plugs[1].welded = False
    bench.run(10)

    assert correction(bench) is None


def test_the_last_part_of_an_order_is_corrected_as_a_part() -> None:
    bench = Bench()
    bench.charge(for_s=120)
    after = rebooted(bench)
    after.run_until(State.DELIVERING)
    after.run(60)
    after.plugs[1].meter_answers = False
    after.run_until(State.OUT_OF_SERVICE, at_most_s=60)
    answers_again(after)

    late = correction(after)
    first, second = stories(after)
    assert late is not None
    assert late.transaction_id == second[0].transaction_id
    total_minor = first[-1].total_incl_vat_minor
    assert total_minor is not None and late.total_incl_vat_minor is not None
    assert abs(total_minor + late.total_incl_vat_minor - after.plugs[1].delivered_wh * 0.06) <= 1
