"""A transaction as the core keeps it: what was promised at the start, and the samples that price it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from contract.price import Price, Sample, price
from contract.tariff import TariffOffer
from contract.transaction import Authority, ChargingState, StoppedReason, TransactionEvent
from kiosk.session.events import Ids, Now
from kiosk.session.snapshot import CurvePoint, Limit

CURVE_POINTS = 180  # what a power curve on the screen needs; older points are thinned


@dataclass(frozen=True, slots=True)
class Transaction:
    """Running from Started to Ended. `durable_seq` is the newest event known to stand on disk, −1 before the first.

    Its time stands still at `closed_ms`, when it left delivering or parked: the wait for the last reading is nobody's
    to pay. For a transaction found open after a restart that is the last durable event.
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
    next_seq: int = 0
    durable_seq: int = -1
    charging_state: ChargingState = ChargingState.EV_CONNECTED  # as last recorded
    meter_serial: str | None = None  # of the meter whose register the samples are
    reading_due_s: float = float("inf")
    limit: Limit | None = None
    curve: tuple[CurvePoint, ...] = ()
    stopped_reason: StoppedReason | None = None
    closed_ms: int | None = None
    is_recovered: bool = False

    def elapsed_ms(self, now: Now) -> int:
        if self.closed_ms is not None:
            return self.closed_ms
        least = self.samples[-1].elapsed_ms if self.samples else 0
        return max(least, round((now.s - self.started.s) * 1000))

    @property
    def energy_wh(self) -> int:
        return self.samples[-1].import_wh - self.samples[0].import_wh if self.samples else 0

    def price_with(self, sample: Sample) -> Price:
        """The price if the transaction stood at `sample` now."""
        return price(self.offer, (*self.samples, sample))

    def sampled(self, sample: Sample) -> Transaction:
        return replace(self, samples=extended(self.samples, sample))

    def drawn(self, elapsed_s: int, power_w: int) -> Transaction:
        """The curve with a new point; every other old point goes when it grows too long."""
        points = (*self.curve, CurvePoint(elapsed_s, power_w))
        return replace(self, curve=points if len(points) <= CURVE_POINTS else points[::2])


def extended(samples: tuple[Sample, ...], new: Sample) -> tuple[Sample, ...]:
    """Samples with one more, without those that change no price.

    Energy is linear between samples and no component is restricted to part of a session, so the middle one of three
    samples that count alike may go. A tariff with restrictions will have to keep the samples at its boundaries.
    """
    if len(samples) >= 2 and samples[-1].time_use is samples[-2].time_use:
        return (*samples[:-1], new)
    return (*samples, new)


def recovered(events: Sequence[TransactionEvent], now: Now) -> Transaction:
    """A transaction found open on disk, from its events in order of seq_no. Raises ValueError without a Started."""
    started, last = events[0], events[-1]
    if started.authority is None or started.offer is None:
        raise ValueError(f"transaction {started.transaction_id}: first event is {started.event_type}, not Started")
    samples: tuple[Sample, ...] = ()
    for event in events:
        samples = extended(samples, event.sample)
    ids = Ids(started.transaction_id, started.order_id, started.receipt_id, "")
    begun = Now(now.s, started.at.wall, started.at.clock_quality, started.at.boot_id)
    return Transaction(
        ids=ids,
        authority=started.authority,
        offer=started.offer,
        token_masked="",
        is_offline=started.offline,
        evse_id=started.evse_id,
        connector_id=started.connector_id,
        started=begun,
        samples=samples,
        next_seq=last.seq_no + 1,
        durable_seq=last.seq_no,
        charging_state=last.charging_state,
        meter_serial=next((event.meter.serial for event in reversed(events) if event.meter.serial), None),
        closed_ms=samples[-1].elapsed_ms,
        is_recovered=True,
    )
