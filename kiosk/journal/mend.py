"""Stories with pages torn out: the events that close them, so that what is readable can still be billed. Pure.

Rules, all in the driver's favour and never a guess about energy:
- A hole is filled with one event where it begins, from which on time costs nothing, as nobody knows what it was used
  for; and then by repeating the event after it: same register, same time. Energy between two readings is linear, so
  the hole changes nothing about it. The server may know the first rows of the hole, as uploads go in order: what
  follows there stands behind all it knows. Where it has heard of the whole of it, the filling counts as acknowledged:
  it leaves only if the server's data are restored from a backup and everything is sent again.
- No time counts across a restart: the end written after it carries the time of the last event before. Where a restart
  lies in a hole, what repeats that end therefore stands at its time by the clock before the restart, as the lost event
  did; else the server would see time that no clock ran through, and hold the bill. Where nothing but that one event is
  lost, the time up to it counts as the event before says.
- So a story whose beginning is torn out is filled from its second event on: should the server have the beginning, the
  story is whole there.
- A story without Ended is ended with its last readable reading (`final` false, quality stale). The register may have
  counted for somebody else since, of whom every trace is gone, so what it says now is nobody's energy.

Should the server know a row that is repeated here, it keeps the first and puts ours aside; see billing.quarantine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

from contract.metering import Quality
from contract.price import TimeUse
from contract.transaction import EventType, Moment, StoppedReason, TransactionEvent, TriggerReason

MOST_FILLED = 1000  # a longer hole is no hole but a number gone wrong


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it stands in the journal."""

    event: TransactionEvent
    is_acknowledged: bool


def mending(told: Sequence[Told]) -> list[Told]:
    """`told` in the order of the journal. What must be written besides, in the order to write it."""
    stories: dict[str, dict[int, Told]] = {}
    for one in told:
        stories.setdefault(one.event.transaction_id, {})[one.event.seq_no] = one
    mended: list[Told] = []
    for story in stories.values():
        if all(one.event.event_type is not EventType.ENDED for one in story.values()):
            end = _missing_end(story)
            story[end.event.seq_no] = end
            mended.append(end)
        mended.extend(_fillings(story))
    return mended


def _missing_end(story: dict[int, Told]) -> Told:
    """After the last event; before a correction, which was written because there was an end."""
    corrected = next((one for one in story.values() if one.event.event_type is EventType.METER_CORRECTION), None)
    if corrected is None:
        return Told(closing(story[max(story)].event), is_acknowledged=False)
    correction = corrected.event
    before = max((no for no in story if no < correction.seq_no), default=correction.seq_no)
    last = story[before].event
    end = replace(
        closing(last),
        seq_no=correction.seq_no - 1,
        elapsed_ms=correction.elapsed_ms,
        at=_moment_at(correction.elapsed_ms, last),
    )
    return Told(end, corrected.is_acknowledged)


def _fillings(story: dict[int, Told]) -> list[Told]:
    known = sorted(story)
    first = story[known[0]]
    filled = [
        Told(_repeated(first.event, seq_no), first.is_acknowledged)
        for seq_no in range(1, known[0])
        if known[0] <= MOST_FILLED
    ]
    for before, after in pairwise(known):
        if not 1 < after - before <= MOST_FILLED:
            continue
        is_safe = story[before].is_acknowledged and story[after].is_acknowledged  # uploads go in order
        filled += [Told(event, is_safe) for event in _hole(story[before].event, story[after].event)]
    return filled


def _hole(before: TransactionEvent, after: TransactionEvent) -> list[TransactionEvent]:
    """Between two events that are not neighbours."""
    following = [_repeated(after, seq_no) for seq_no in range(before.seq_no + 1, after.seq_no)]
    if before.at.boot_id != after.at.boot_id:
        at = _moment_at(after.elapsed_ms, before)
        following = [replace(event, at=at) for event in following]
        if len(following) == 1:
            return following
    first = replace(_repeated(before, before.seq_no + 1), time_use=TimeUse.NONE)
    return [first, *following[1:]]


def _moment_at(elapsed_ms: int, event: TransactionEvent) -> Moment:
    """When it was so late for the charge, by the clock of the boot that wrote `event`."""
    since_ms = elapsed_ms - event.elapsed_ms
    at = event.at
    return replace(at, wall=at.wall + timedelta(milliseconds=since_ms), monotonic_ms=at.monotonic_ms + since_ms)


def _repeated(event: TransactionEvent, seq_no: int) -> TransactionEvent:
    return replace(
        _last_known(event),
        event_type=EventType.UPDATED,
        seq_no=seq_no,
        time_use=event.time_use,
        trigger_reason=TriggerReason.ABNORMAL_CONDITION,
    )


def closing(last: TransactionEvent) -> TransactionEvent:
    """An Ended with the last journaled reading, where nobody can read the meter any more."""
    return replace(
        _last_known(last),
        event_type=EventType.ENDED,
        seq_no=last.seq_no + 1,
        time_use=TimeUse.NONE,
        trigger_reason=TriggerReason.ABNORMAL_CONDITION,
        stopped_reason=StoppedReason.OTHER,
        final=False,
    )


def _last_known(event: TransactionEvent) -> TransactionEvent:
    return replace(
        event,
        # Any number but Started's, which alone carries authority and offer; the caller sets the right one.
        event_type=EventType.UPDATED,
        seq_no=event.seq_no + 1,
        authority=None,
        offer=None,
        stopped_reason=None,
        final=None,
        total_incl_vat_minor=None,
        continues=None,
        limit=None,
        meter=replace(event.meter, power_w=0, quality=Quality.STALE),
    )
