"""What would this session cost? Past sessions by their own readings, others as somebody makes them up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, or_, select

from billing import keys
from billing.decisions.cases import as_billed, in_force
from billing.decisions.tables import is_decided
from billing.directory import NotKnown
from billing.rating import read_story
from billing.tables import cdrs, kiosks, transactions
from billing.tariffs.form import plain
from contract.local_time import utc_ms
from contract.order import joined
from contract.price import Price, Reservation, Sample, TimeUse, price
from contract.tariff import Tariff, TariffOffer
from contract.transaction import began, samples_of

MOST_KWH, MOST_MINUTES = Decimal(100_000), 60 * 24 * 30
VOLTS = 230
RECENT = 30
YEARS = range(1970, 2200)
MADE_UP = {"kwh": "10", "charging_min": "60", "parking_min": "0", "reserved_min": "0", "begins": "", "zone": "UTC"}


class NotASession(ValueError):
    """A made-up session that cannot be; `field` is the one to look at."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Usage:
    """A session to be priced. `grace_s` and `zone` are those of the place."""

    label: str
    samples: tuple[Sample, ...]
    grace_s: int
    zone: str
    began: datetime
    reservation: Reservation | None = None


def priced(tariff: Tariff, usage: Usage) -> Price:
    """By the one price(). Raises ValueError where the readings do not tell what the tariff asks for."""
    return price(TariffOffer(tariff, usage.grace_s, usage.zone), usage.samples, usage.reservation)


def past(connection: Connection, name: str) -> Usage:
    """A session by its transaction, order, receipt or CDR id; an order of several parts is one. Raises NotKnown."""
    t, c, text = transactions.c, cdrs.c, name.strip()
    of_cdr = select(c.transaction_id).where(c.cdr_id == text)
    named = or_(
        t.transaction_id == text,
        t.order_id == text,
        t.receipt_key == keys.receipt_key(text),
        t.transaction_id.in_(of_cdr),
    )
    order_id = connection.execute(select(t.order_id).where(named).limit(1)).scalar()
    if order_id is None:
        raise NotKnown(f"no session {text[:64]!r}")
    query = select(transactions, kiosks.c.name, kiosks.c.time_zone).join_from(transactions, kiosks)
    is_part = or_(t.started_ms.is_not(None), ~is_decided())  # what was given up without a beginning is none
    query = query.where(t.order_id == order_id, is_part).order_by(t.started_ms, t.first_received_ms)
    rows = connection.execute(query).all()
    samples: tuple[Sample, ...] = ()
    first = None
    for row in rows:
        decision = in_force(connection, row.kiosk_id, row.transaction_id)
        story = list(as_billed(read_story(connection, row.kiosk_id, row.transaction_id), decision))
        if not story or story[0].offer is None:
            raise NotKnown(f"the beginning of session {text[:64]!r} has not arrived yet")
        first = first or story
        samples = joined(samples, samples_of(story))
    if first is None or first[0].offer is None:
        raise NotKnown(f"the beginning of session {text[:64]!r} never came")
    begun = began(first).wall
    if samples and samples[0].at_ms is None:  # a clock that was not known then; what became known since will do
        samples = tuple(replace(sample, at_ms=utc_ms(begun) + sample.elapsed_ms) for sample in samples)
    kwh = Decimal(samples[-1].import_wh - samples[0].import_wh) / 1000
    label = f"{rows[0].name}, {begun.astimezone(ZoneInfo(rows[0].time_zone)):%d %b %Y %H:%M}, {kwh} kWh"
    kept_ms = first[0].offer.reserved_ms
    reservation = None if kept_ms is None else Reservation(kept_ms)
    return Usage(label, samples, first[0].offer.parking_grace_s, rows[0].time_zone, begun, reservation)


def recent(connection: Connection) -> list[tuple[str, str]]:
    """The newest rated sessions: transaction id and words."""
    t = transactions.c
    query = (
        select(t.transaction_id, t.started_ms, cdrs.c.energy_wh, kiosks.c.name, kiosks.c.time_zone)
        .join_from(transactions, kiosks)
        .join(cdrs, (cdrs.c.kiosk_id == t.kiosk_id) & (cdrs.c.transaction_id == t.transaction_id))
        .where(cdrs.c.credit_reference_id.is_(None), t.started_ms.is_not(None))
        .order_by(t.first_received_ms.desc())
        .limit(RECENT)
    )
    found: dict[str, str] = {}
    for row in connection.execute(query):
        at = datetime.fromtimestamp(row.started_ms / 1000, ZoneInfo(row.time_zone))
        kwh = Decimal(row.energy_wh) / 1000
        found.setdefault(row.transaction_id, f"{row.name} · {at:%d %b %Y, %H:%M} · {kwh} kWh")
    return list(found.items())


def made_up(fields: Mapping[str, str], grace_s: int, now: datetime) -> Usage:
    """Even power, then the parking. `begins` is the local time of the zone; "" is now. Raises NotASession."""
    kwh = _amount(fields, "kwh", MOST_KWH)
    charging, parking, reserved = (
        _amount(fields, name, Decimal(MOST_MINUTES)) for name in ("charging_min", "parking_min", "reserved_min")
    )
    if kwh and not charging:
        raise NotASession("charging_min", "energy without a charging time")
    zone_name = fields.get("zone", "").strip() or "UTC"
    begun = _begin(fields.get("begins", "").strip(), zone_name, now)
    charging_ms, parking_ms = int(charging * 60_000), int(parking * 60_000)
    wh = int(kwh * 1000)
    current_ma = round(wh * 3_600_000 / charging_ms / VOLTS * 1000) if charging_ms else 0
    at_ms = utc_ms(begun)
    ends = [
        (0, 0, TimeUse.CHARGING, current_ma),
        (charging_ms, wh, TimeUse.PARKING, 0),
        (charging_ms + parking_ms, wh, TimeUse.NONE, 0),
    ]
    samples = tuple(Sample(ms, so_far, use, None, ma, at_ms + ms) for ms, so_far, use, ma in ends)
    reservation = Reservation(int(reserved * 60_000), "expired" in fields) if reserved else None
    if reservation is not None and reservation.has_expired:
        samples = samples[:1]
    label = f"{plain(kwh)} kWh in {plain(charging)} min, then {plain(parking)} min plugged in"
    return Usage(label, samples, grace_s, zone_name, begun, reservation)


def _begin(text: str, zone_name: str, now: datetime) -> datetime:
    try:
        zone = ZoneInfo(zone_name)
    except (ValueError, KeyError, OSError) as error:
        raise NotASession("zone", "want a name as Europe/Berlin") from error
    if not text:
        return now
    try:
        local = datetime.fromisoformat(text)
    except ValueError as error:
        raise NotASession("begins", "want a day and time, as 2026-12-24T18:30") from error
    if local.tzinfo is not None or local.year not in YEARS:
        raise NotASession("begins", f"want the time of the place, in a year from {YEARS.start} to {YEARS.stop - 1}")
    return local.replace(tzinfo=zone).astimezone(UTC)


def _amount(fields: Mapping[str, str], name: str, most: Decimal) -> Decimal:
    text = (fields.get(name, "").strip() or "0").replace(",", ".")
    if len(text) > 20 or not text.replace(".", "", 1).isdecimal() or not text.isascii() or Decimal(text) > most:
        raise NotASession(name, f"{text[:20]!r}: want a number from 0 to {most}")
    return Decimal(text)
