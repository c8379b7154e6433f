"""Stories with holes: what is written besides so that they can be billed, and that it changes no bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.plausible import doubts_about
from contract.metering import Quality
from contract.order import Continuation
from contract.price import price
from contract.tariff import Dimension
from contract.transaction import EventType, StoppedReason, TransactionEvent
from kiosk.journal.mend import Told, mending
from tests.billing.stories import OFFER, charge

MAX_POWER_W = 11_000


def told(story: Sequence[TransactionEvent], acknowledged_to: int = -1) -> list[Told]:
    return [Told(event, event.seq_no <= acknowledged_to) for event in story]


def assert_no_dearer(mended: Sequence[TransactionEvent], true: Sequence[TransactionEvent]) -> None:
    """The same energy, and nobody pays for time of which nothing is known any more."""
    paid, owed = (price(OFFER, [event.sample for event in story]) for story in (mended, true))
    energy_kwh = [sum(x.quantity for x in p.lines if x.dimension is Dimension.ENERGY) for p in (paid, owed)]
    assert energy_kwh[0] == energy_kwh[1]
    assert paid.incl_vat_minor <= owed.incl_vat_minor


def test_a_whole_story_needs_nothing() -> None:
    assert mending(told(charge())) == []


@given(data=st.data(), parked=st.sampled_from([0, 12]))
@settings(max_examples=50)
def test_a_story_with_holes_becomes_whole_and_its_energy_is_as_it_was(data: st.DataObject, parked: int) -> None:
    story = charge(minutes=8, wh_per_minute=150, parked_minutes=parked)
    inner = range(1, len(story) - 1)
    kept = {0, len(story) - 1} | data.draw(st.sets(st.sampled_from(inner)))
    left = [event for event in story if event.seq_no in kept]

    mended = sorted([*left, *(one.event for one in mending(told(left)))], key=lambda event: event.seq_no)

    assert [event.seq_no for event in mended] == list(range(len(story)))
    assert all(event.meter.quality is Quality.STALE for event in mended if event.seq_no not in kept)
    assert_no_dearer(mended, story)


def test_the_filling_of_a_hole_the_server_has_heard_of_is_kept_and_not_sent() -> None:
    story = charge(minutes=6)
    left = [event for event in story if event.seq_no not in (2, 3)]

    for acknowledged_to, is_safe in ((4, True), (1, False)):
        mended = mending(told(left, acknowledged_to))
        assert [(one.event.seq_no, one.is_acknowledged) for one in mended] == [(2, is_safe), (3, is_safe)]


@given(known_to=st.integers(1, 6))
def test_a_hole_of_which_the_server_knows_the_beginning_leaves_a_story_that_goes_forward(known_to: int) -> None:
    story = charge(minutes=8, wh_per_minute=150)
    left = [event for event in story if not 2 <= event.seq_no <= 6]

    told_later = {one.event.seq_no: one.event for one in mending(told(left, acknowledged_to=1))}
    known = told_later | {event.seq_no: event for event in [*left, *story[: known_to + 1]]}

    assert_no_dearer([known[seq_no] for seq_no in range(len(story))], story)


def cut_by_a_restart(parked_minutes: int = 0) -> list[TransactionEvent]:
    """The end was written by the next boot: it adds no time, but what flowed after the last event before the cut."""
    *story, end = charge(minutes=8, wh_per_minute=150, parked_minutes=parked_minutes)
    went_on_wh = 0 if parked_minutes else 150
    meter = replace(end.meter, import_wh=end.meter.import_wh + went_on_wh)
    at = replace(end.at, boot_id="boot-2", monotonic_ms=14_000)
    return [*story, replace(end, at=at, meter=meter, stopped_reason=StoppedReason.POWER_LOSS)]


@given(data=st.data(), parked=st.sampled_from([0, 12]))
@settings(max_examples=100)
def test_a_charge_that_a_restart_ended_is_believed_whatever_is_torn_out_of_its_middle(
    data: st.DataObject, parked: int
) -> None:
    story = cut_by_a_restart(parked)
    kept = {0, len(story) - 1} | data.draw(st.sets(st.sampled_from(range(1, len(story) - 1))))
    left = [event for event in story if event.seq_no in kept]
    server_knows = data.draw(st.integers(0, len(story) - 1))

    told_later = {one.event.seq_no: one.event for one in mending(told(left))}
    known = told_later | {event.seq_no: event for event in [*left, *story[:server_knows]]}
    mended = [known[seq_no] for seq_no in range(len(story))]

    assert doubts_about(mended, MAX_POWER_W) == []
    assert_no_dearer(mended, story)


def test_an_end_that_was_lost_before_its_correction_is_believed() -> None:
    story = charge(minutes=6, wh_per_minute=150)
    correction = replace(
        story[-1], event_type=EventType.METER_CORRECTION, seq_no=len(story), stopped_reason=None, final=True
    )

    mended = [one.event for one in mending(told([*story[:3], correction]))]

    assert doubts_about(sorted([*story[:3], *mended], key=lambda event: event.seq_no), MAX_POWER_W) == []


def test_a_story_without_end_ends_with_its_last_reading() -> None:
    story = charge(minutes=6)[:4]

    end = mending(told(story))[0].event

    assert (end.event_type, end.seq_no, end.final) == (EventType.ENDED, 4, False)
    assert end.meter.import_wh == story[-1].meter.import_wh
    assert end.elapsed_ms == story[-1].elapsed_ms


def test_a_story_that_lost_its_beginning_ends_too() -> None:
    end = mending(told(charge(minutes=6)[2:4]))[0].event

    assert (end.event_type, end.seq_no, end.authority, end.offer) == (EventType.ENDED, 4, None, None)


def test_a_story_that_lost_its_beginning_is_whole_where_the_server_has_it() -> None:
    story = charge(minutes=6, wh_per_minute=150)
    kept = story[4:]

    known = {event.seq_no: event for event in [*(one.event for one in mending(told(kept))), *kept, *story[:3]]}

    assert sorted(known) == list(range(len(story)))
    assert price(OFFER, [known[n].sample for n in sorted(known)]) == price(OFFER, [event.sample for event in story])


@given(st.sets(st.integers(0, 8), min_size=1))
def test_whatever_is_left_of_a_charge_that_went_on_and_was_corrected_has_one_end_and_no_hole(kept: set[int]) -> None:
    story = charge(minutes=6, wh_per_minute=150)
    story[0] = replace(story[0], continues=Continuation("t0", (story[0].sample, story[1].sample)))
    last = story[-1]
    correction = replace(
        last, event_type=EventType.METER_CORRECTION, seq_no=last.seq_no + 1, stopped_reason=None, final=True
    )
    left = [event for event in [*story, correction] if event.seq_no in kept] or [correction]

    known = {event.seq_no: event for event in [*(one.event for one in mending(told(left))), *left]}

    ends = [event for event in known.values() if event.event_type is EventType.ENDED]
    assert len(ends) == 1 and max(known) - ends[0].seq_no == sum(
        event.event_type is EventType.METER_CORRECTION for event in left
    )
    assert sorted(known) == list(range(min(known), max(known) + 1)) and min(known) <= 1
