"""A transaction as the core keeps it: what was promised at the start, and the samples that price it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from contract.local_time import utc_ms
from contract.order import joined, price_of_part
from contract.price import Price, Sample, owed_minor, settled, span_between, tallied
from contract.tariff import TariffOffer
from contract.transaction import (
    Authority,
    ChargingState,
    Moment,
    StoppedReason,
    TransactionEvent,
    TransactionLimit,
    TriggerReason,
    samples_before,
    samples_of,
)
from contract.values import replace, value
from contract.walk import Tally
from kiosk.session.events import Ids, Now
from kiosk.session.snapshot import CurvePoint, Limit, LimitKind

CURVE_POINTS = 180  # what a power curve on the screen needs; older points are thinned


@value
class Transaction:
    """Running from Started to Ended. `durable_seq`: −1 until Started is known to stand on disk.

    Its time stands still at `closed_ms`, when it left delivering or parked: the wait for the last reading is nobody's
    to pay. For a transaction found open after a restart that is the last durable event.

    `before` is what its order had used before it, where a power cut came between; `goes_on_as` are the ids a
    transaction found open may continue under.
    """

    ids: Ids
    authority: Authority
    offer: TariffOffer
    token_masked: str
    is_offline: bool
    evse_id: int
    connector_id: int
    started: Now
    samples: tuple[Sample, ...] = ()
    tally: Tally | None = None  # the order walked through up to the newest sample; None: not yet
    next_seq: int = 0
    durable_seq: int = -1
    charging_state: ChargingState = ChargingState.EV_CONNECTED  # as last recorded
    meter_serial: str | None = None  # of the meter whose register the samples are
    reading_due_s: float = float("inf")
    limit: Limit | None = None
    limit_changes: int = 0
    curve: tuple[CurvePoint, ...] = ()
    stopped_reason: StoppedReason | None = None
    closed_ms: int | None = None
    is_recovered: bool = False
    continues: str | None = None  # the transaction of the same order that was interrupted
    before: tuple[Sample, ...] = ()
    goes_on_as: Ids | None = None
    last_sign: Moment | None = None  # of a recovered one: its last durable event

    def elapsed_ms(self, now: Now) -> int:
        if self.closed_ms is not None:
            return self.closed_ms
        least = self.samples[-1].elapsed_ms if self.samples else 0
        return max(least, round((now.s - self.started.s) * 1000))

    @property
    def energy_wh(self) -> int:
        return self.samples[-1].import_wh - self.samples[0].import_wh if self.samples else 0

    @property
    def before_wh(self) -> int:
        """What the order had taken before this transaction."""
        return self.before[-1].import_wh - self.before[0].import_wh if self.before else 0

    @property
    def before_ms(self) -> int:
        """How long the order had run before this transaction, the interruption left out."""
        return self.before[-1].elapsed_ms - self.before[0].elapsed_ms if self.before else 0

    def price_with(self, *samples: Sample) -> Price:
        """The price of the whole order if the transaction went on to `samples`: caps and limits hold for that."""
        return settled(self._walked_to(*samples), None, self._begin_ms(*samples))

    def owed_minor_with(self, *samples: Sample) -> int:
        """What that price comes to, in minor units, VAT included."""
        return owed_minor(self._walked_to(*samples), self._begin_ms(*samples))

    def part_with(self, sample: Sample) -> Price:
        """This transaction's own part of the order's price."""
        return price_of_part(self.offer, self.before, (*self.samples, sample))

    def sampled(self, sample: Sample) -> Transaction:
        return replace(self, tally=self._walked_to(sample), samples=self._extended(sample))

    def at_ms(self, elapsed_ms: int) -> int | None:
        """Wall time in UTC ms, counted on from Started; None where the clock was not known then."""
        began = self.started.moment.known_wall
        return None if began is None else utc_ms(began) + elapsed_ms

    def next_change_ms(self) -> int | None:
        """The elapsed time of the next moment known today at which another price may hold; None: there is none."""
        if self.tally is None:
            return None
        last = self.samples[-1]
        in_ms = self.tally.rules.next_change_ms(self.before_ms + last.elapsed_ms, last.at_ms)
        return None if in_ms is None else last.elapsed_ms + in_ms

    def _begin_ms(self, *samples: Sample) -> int | None:
        """When the order began, in UTC ms, as price() takes it from its first sample."""
        return next((sample.at_ms for sample in (*self.before[:1], *self.samples[:1], *samples)), None)

    def _walked_to(self, *samples: Sample) -> Tally:
        if self.tally is None or not self.samples:
            return tallied(self.offer, joined(self.before, (*self.samples, *samples)))
        tally, before_ms = self.tally, self.before_ms
        for now, later in pairwise((self.samples[-1], *samples)):
            span = span_between(now, later)
            if before_ms:
                span = replace(span, from_ms=span.from_ms + before_ms, to_ms=span.to_ms + before_ms)
            tally = tally.after(span)
        return tally

    def _extended(self, new: Sample) -> tuple[Sample, ...]:
        """With one sample more, without the one before it where that changes no price."""
        samples = self.samples
        if len(samples) >= 2 and self.tally is not None:
            first, second = span_between(samples[-2], samples[-1]), span_between(samples[-1], new)
            used_wh = self.before_wh + samples[-2].import_wh - samples[0].import_wh
            if self.tally.rules.is_one_piece(used_wh, first, second):
                return (*samples[:-1], new)
        return (*samples, new)

    def drawn(self, elapsed_s: int, power_w: int) -> Transaction:
        """The curve with a new point; every other old point goes when it grows too long."""
        points = (*self.curve, CurvePoint(elapsed_s, power_w))
        return replace(self, curve=points if len(points) <= CURVE_POINTS else points[::2])


def recovered(events: Sequence[TransactionEvent], now: Now) -> Transaction:
    """A transaction found open on disk, from its events in order of seq_no. Raises ValueError without a Started."""
    started, last = events[0], events[-1]
    if started.authority is None or started.offer is None:
        raise ValueError(f"transaction {started.transaction_id}: first event is {started.event_type}, not Started")
    limit = None
    for event in events:
        if event.trigger_reason is TriggerReason.LIMIT_SET or event is started:
            limit = limit_of(event.limit)
    ids = Ids(started.transaction_id, started.order_id, started.receipt_id, "")
    begun = Now(now.s, started.at.wall, started.at.clock_quality, started.at.boot_id)
    t = Transaction(
        ids=ids,
        authority=started.authority,
        offer=started.offer,
        token_masked="",
        is_offline=started.offline,
        evse_id=started.evse_id,
        connector_id=started.connector_id,
        started=begun,
        next_seq=last.seq_no + 1,
        durable_seq=last.seq_no,
        charging_state=last.charging_state,
        meter_serial=next((event.meter.serial for event in reversed(events) if event.meter.serial), None),
        limit=limit,
        closed_ms=last.elapsed_ms,
        is_recovered=True,
        continues=None if started.continues is None else started.continues.of_transaction_id,
        before=samples_before(events),
        last_sign=last.at,
    )
    for sample in samples_of(events):
        t = t.sampled(sample)
    return t


def transaction_limit(limit: Limit | None) -> TransactionLimit:
    """A driver's limit as it is written down; none is one without a number."""
    if limit is None:
        return TransactionLimit()
    match limit.kind:
        case LimitKind.ENERGY:
            return TransactionLimit(max_energy_wh=limit.value)
        case LimitKind.MONEY:
            return TransactionLimit(max_cost_minor=limit.value)
        case LimitKind.TIME:
            return TransactionLimit(max_time_s=limit.value)


def limit_of(written: TransactionLimit | None) -> Limit | None:
    """The way back."""
    if written is None:
        return None
    numbers = {
        LimitKind.ENERGY: written.max_energy_wh,
        LimitKind.MONEY: written.max_cost_minor,
        LimitKind.TIME: written.max_time_s,
    }
    return next((Limit(kind, number) for kind, number in numbers.items() if number), None)
