"""Agreements as people write them: fees in major units, the electricity contract as a price with hours that differ.

Law:
- An agreement begins today or later, at midnight of the site. What began is not changed: the next one follows it.
- The partners of an EVSE (system D) have their own agreement, which stays as it is.
- The preview is computed by the very functions that will settle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, func, select

from billing import directory
from billing.hosts.party import Host
from billing.moments import from_ms, to_ms
from billing.settlement.agreement import Agreement, agree, in_force
from billing.settlement.allocation import Bearer, HostPayment, HostTerms, Sale, allocate
from billing.settlement.electricity import electricity_cost
from billing.settlement.tables import agreements
from billing.tables import kiosks
from contract.codec import from_bytes
from contract.currency import MINOR_DIGITS
from contract.local_time import utc_ms
from contract.price import Line, Sample, TimeUse, price
from contract.restrictions import TariffRestrictions
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer

MOST_WINDOWS = 6


@dataclass(frozen=True, slots=True)
class Window:
    """A price that holds from `start` to `end` of every day, "HH:MM" at the site; the end may be before the start."""

    start: str
    end: str
    per_kwh: Decimal


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked for, in major units of the host's currency. `price` (of a kWh) None: power is not paid back."""

    per_use: Decimal = Decimal(0)
    per_kwh: Decimal = Decimal(0)
    per_hour: Decimal = Decimal(0)
    per_month: Decimal = Decimal(0)
    price: Decimal | None = None
    windows: tuple[Window, ...] = ()
    own_account: str | None = None
    paid_by: Bearer = Bearer.OPERATOR

    def __post_init__(self) -> None:
        if self.windows and self.price is None:
            raise ValueError("electricity: hours that differ need a price for the rest of the day")
        if len(self.windows) > MOST_WINDOWS:
            raise ValueError(f"electricity: at most {MOST_WINDOWS} times of day")


@dataclass(frozen=True, slots=True)
class Preview:
    """What one use would come to: the host's part by its lines, and what is left of what the driver pays."""

    energy_wh: int
    duration: timedelta
    begins: datetime
    electricity: tuple[Line, ...]
    payment: HostPayment
    driver_pays_minor: int | None  # None: nothing is offered at the EVSE
    vat_minor: int = 0
    left_minor: int = 0


@dataclass(frozen=True, slots=True)
class InForce:
    """One agreement of a host and when it holds; `until` None: until another one is written."""

    agreement_no: int
    kiosk_id: str
    kiosk_name: str
    place: str
    time_zone: str
    evse_id: int
    begins: datetime
    until: datetime | None
    written: datetime
    agreement: Agreement


def amount_of(name: str, text: str) -> Decimal:
    """An amount as typed, with a point or a comma; 0 for an empty text. Raises ValueError, which names the field."""
    try:
        amount = Decimal(text.strip().replace(",", ".") or 0)
    except InvalidOperation as error:
        raise ValueError(f"{name} {text[:20]!a}: want an amount, as 0.80") from error
    if not amount.is_finite() or not 0 <= amount <= 10_000 or amount != round(amount, 6):
        raise ValueError(f"{name} {text[:20]!a}: want 0 to 10000, at most six decimals")
    return amount


def agreement_of(host: Host, terms: Terms, before: Agreement, tariff_id: str, version: int) -> Agreement:
    """Raises ValueError."""
    scale = 10 ** MINOR_DIGITS[host.currency]
    fees = HostTerms(
        host.host_id,
        host.currency,
        per_use_minor=_whole("per use", terms.per_use * scale),
        per_kwh=(terms.per_kwh * scale).normalize(),
        per_hour=(terms.per_hour * scale).normalize(),
        per_month_minor=_whole("per month", terms.per_month * scale),
        paid_by=terms.paid_by,
    )
    if terms.paid_by is Bearer.PROVIDER and before.partners is None:
        raise ValueError("paid by: no charging service provider has an agreement at this EVSE")
    electricity = None
    if terms.price is not None:
        elements = [
            _energy(window.per_kwh, TariffRestrictions(start_time=window.start, end_time=window.end))
            for window in terms.windows
        ]
        electricity = Tariff(tariff_id, version, host.currency, (*elements, _energy(terms.price, None)))
    return Agreement(fees, electricity, terms.own_account or None, before.partners)


def write_terms(
    connection: Connection, host: Host, kiosk_id: str, evse_id: int, terms: Terms, begins: date, now: datetime
) -> Agreement:
    """Write down what is in force from that day on. Raises NotKnown, ValueError."""
    agreement, from_ = drafted_terms(connection, host, kiosk_id, evse_id, terms, begins, now)
    agree(connection, kiosk_id, evse_id, agreement, from_, now)
    return agreement


def drafted_terms(
    connection: Connection, host: Host, kiosk_id: str, evse_id: int, terms: Terms, begins: date, now: datetime
) -> tuple[Agreement, datetime]:
    """The agreement and its beginning, written nowhere yet. Raises NotKnown, ValueError."""
    if not 1 <= evse_id <= 99:
        raise ValueError(f"evse {evse_id}: want 1 to 99")
    if terms.own_account and not directory.account_exists(connection, terms.own_account):
        raise directory.NotKnown(f"no account {terms.own_account!r}: the host's own cards need one")
    from_ = _beginning(connection, kiosk_id, begins, now)
    offer = directory.current_offer(connection, kiosk_id, evse_id)
    if offer is None and evse_id not in directory.evses_of(connection, kiosk_id):
        known = ", ".join(str(number) for number in directory.evses_of(connection, kiosk_id)) or "none yet"
        raise ValueError(f"evse {evse_id}: {kiosk_id} has none of that number; known: {known}")
    if offer is not None and offer.tariff.currency != host.currency:
        raise ValueError(
            f"EVSE {evse_id} sells in {offer.tariff.currency}, host {host.host_id} is paid {host.currency}"
        )
    query = select(func.count()).select_from(agreements).where(agreements.c.host_id == host.host_id)
    version = connection.execute(query).scalar_one() + 1
    before = in_force(connection, kiosk_id, evse_id, from_)
    return agreement_of(host, terms, before, f"{host.host_id}-power"[:36], version), from_


def end_terms(connection: Connection, host: Host, kiosk_id: str, evse_id: int, begins: date, now: datetime) -> None:
    """From that day on the EVSE has no host. Raises NotKnown, ValueError."""
    from_ = _beginning(connection, kiosk_id, begins, now)
    before = in_force(connection, kiosk_id, evse_id, from_)
    if before.host is None or before.host.host_id != host.host_id:
        raise directory.NotKnown(f"host {host.host_id} has no agreement at EVSE {evse_id} of {kiosk_id} then")
    agree(connection, kiosk_id, evse_id, Agreement(partners=before.partners), from_, now)


def agreements_of(connection: Connection, host_id: str) -> list[InForce]:
    """Every agreement of a host there was, by EVSE, the newest first."""
    a, k = agreements.c, kiosks.c
    query = (
        select(agreements, k.name, k.place, k.time_zone)
        .join_from(agreements, kiosks, k.kiosk_id == a.kiosk_id)
        .where(_evse_of(host_id))
        .order_by(a.kiosk_id, a.evse_id, a.from_ms, a.agreement_no)
    )
    found: list[InForce] = []
    rows = connection.execute(query).all()
    for row, after in zip_longest(rows, rows[1:]):
        if row.host_id != host_id:
            continue
        is_same = after is not None and (after.kiosk_id, after.evse_id) == (row.kiosk_id, row.evse_id)
        until = from_ms(after.from_ms) if after is not None and is_same else None
        if until is not None and until <= from_ms(row.from_ms):
            continue  # replaced before it began
        found.append(
            InForce(
                row.agreement_no,
                row.kiosk_id,
                row.name,
                row.place,
                row.time_zone,
                row.evse_id,
                from_ms(row.from_ms),
                until,
                from_ms(row.written_ms),
                from_bytes(Agreement, row.body),
            )
        )
    return sorted(found, key=lambda one: (one.kiosk_name, one.evse_id, -to_ms(one.begins)))


def preview(
    agreement: Agreement,
    energy_wh: int,
    duration: timedelta,
    begins: datetime,
    time_zone: str,
    offer: TariffOffer | None = None,
) -> Preview:
    """A made-up charge at even power. `begins` in UTC. Raises ValueError."""
    if not 1 <= energy_wh <= 10**6 or not timedelta(minutes=1) <= duration <= timedelta(days=7):
        raise ValueError("sample use: want 0.001 to 1000 kWh within a minute to seven days")
    duration_ms = duration // timedelta(milliseconds=1)
    samples = [
        Sample(at, wh, use, at_ms=int(utc_ms(begins)) + at)
        for at, wh, use in ((0, 0, TimeUse.CHARGING), (duration_ms, energy_wh, TimeUse.NONE))
    ]
    cost = None if agreement.electricity is None else electricity_cost(agreement.electricity, samples, time_zone)
    driver = None if offer is None else price(offer, samples)
    sale = Sale(
        0 if driver is None else driver.incl_vat_minor,
        {} if driver is None else {format(line.rate, "f"): line.vat_minor for line in driver.vat},
        energy_wh,
        duration_ms,
        0 if cost is None else cost.incl_vat_minor,
    )
    parts = allocate(sale, agreement.host, agreement.partners)
    return Preview(
        energy_wh,
        duration,
        begins,
        () if cost is None else cost.lines,
        parts.host,
        None if driver is None else driver.incl_vat_minor,
        sum(parts.vat_minor.values()),
        parts.operator_minor + parts.provider_minor,
    )


def prices_of(electricity: Tariff) -> list[tuple[TariffRestrictions | None, Decimal]]:
    """The contract as a list: when, and the price of a kWh with its VAT."""
    return [
        (element.restrictions, component.gross)
        for element in electricity.elements
        for component in element.price_components
    ]


def windows_of(rows: Sequence[tuple[str, str, str]]) -> tuple[Window, ...]:
    """From typed rows of start, end and price; empty rows are left out. Raises ValueError."""
    found = []
    for start, end, per_kwh in rows:
        if not any(text.strip() for text in (start, end, per_kwh)):
            continue
        if not all(text.strip() for text in (start, end, per_kwh)):
            raise ValueError("electricity: a time of day wants its beginning, its end and its price")
        found.append(Window(start.strip(), end.strip(), amount_of("electricity", per_kwh)))
    return tuple(found)


def _evse_of(host_id: str) -> ColumnElement[bool]:
    """Of a query over agreements: whatever was agreed where the host ever had an agreement."""
    theirs = agreements.alias("theirs")
    return (
        select(theirs.c.agreement_no)
        .where(
            theirs.c.host_id == host_id,
            theirs.c.kiosk_id == agreements.c.kiosk_id,
            theirs.c.evse_id == agreements.c.evse_id,
        )
        .exists()
    )


def _beginning(connection: Connection, kiosk_id: str, begins: date, now: datetime) -> datetime:
    found = connection.execute(select(kiosks.c.time_zone).where(kiosks.c.kiosk_id == kiosk_id)).scalar()
    if found is None:
        raise directory.NotKnown(f"no kiosk {kiosk_id!r}")
    zone = ZoneInfo(found)
    if begins < now.astimezone(zone).date():
        raise ValueError(f"from {begins}: what is past stays as it was agreed; want today or later")
    return datetime.combine(begins, time(), zone)


def _energy(per_kwh: Decimal, restrictions: TariffRestrictions | None) -> TariffElement:
    return TariffElement((PriceComponent(Dimension.ENERGY, per_kwh),), restrictions)


def _whole(name: str, minor: Decimal) -> int:
    if minor != minor.to_integral_value():
        raise ValueError(f"{name}: smaller than the smallest coin")
    return int(minor)
