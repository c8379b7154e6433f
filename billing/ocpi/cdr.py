"""An OCPI CDR object (2.2.1 mod_cdrs; 2.3.0 the same here) as what price() walks through.

A period lasts until the next one begins, the last one until `end_date_time`. In a period charging comes first, then
parking; energy is linear over the charging. A volume of time that says the same as the clock but for its own rounding
is taken from the clock. RESERVATION_TIME is the reservation; what else its period holds belongs to the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from billing.ocpi.fields import Fields
from contract.local_time import Exact, utc_ms
from contract.tariff import Tariff
from contract.usage import Reservation, TimeUse
from contract.walk import MS_PER_HOUR, Span

LONGEST_DAYS = 366
ROUNDING_MS = 2_000  # of a time in hours with three decimals
FURTHER = frozenset({"start_date_time", "dimensions", "tariff_id", "encoding_method"})


class Dimension(StrEnum):
    """OCPI CdrDimensionType."""

    CURRENT = "CURRENT"
    ENERGY = "ENERGY"
    ENERGY_EXPORT = "ENERGY_EXPORT"
    ENERGY_IMPORT = "ENERGY_IMPORT"
    MAX_CURRENT = "MAX_CURRENT"
    MIN_CURRENT = "MIN_CURRENT"
    MAX_POWER = "MAX_POWER"
    MIN_POWER = "MIN_POWER"
    PARKING_TIME = "PARKING_TIME"
    POWER = "POWER"
    RESERVATION_TIME = "RESERVATION_TIME"
    STATE_OF_CHARGE = "STATE_OF_CHARGE"
    TIME = "TIME"


@dataclass(frozen=True, slots=True)
class Use:
    """What a CDR says was used. `began_ms` is the session's begin in UTC ms, the end of an expired reservation."""

    spans: tuple[Span, ...]
    reservation: Reservation | None
    began_ms: int


@dataclass(frozen=True, slots=True)
class _Period:
    fields: Fields
    begin_ms: int
    end_ms: int
    volumes: dict[Dimension, Fraction]

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.begin_ms

    def time_ms(self, dimension: Dimension) -> Fraction:
        return self.volumes.get(dimension, Fraction(0)) * MS_PER_HOUR


def read_use(cdr: Fields, tariff: Tariff) -> Use:
    """Raises WireError naming the field."""
    if cdr.has("currency") and cdr.text("currency").upper() != tariff.currency:
        cdr.wrong("currency", f"{cdr.text('currency')}, but the tariff's is {tariff.currency}")
    begin, end = cdr.moment("start_date_time"), cdr.moment("end_date_time")
    if end < begin:
        cdr.wrong("end_date_time", "is before start_date_time")
    if end - begin > timedelta(days=LONGEST_DAYS):
        cdr.wrong("end_date_time", f"is more than {LONGEST_DAYS} days after start_date_time")
    periods = list(_periods(cdr, begin, end))
    has_expired = cdr.flag("reservation_expired")
    if has_expired and any(period.volumes.get(Dimension.ENERGY) for period in periods):
        cdr.wrong("reservation_expired", "true, but ENERGY was charged; an expired reservation has no session")
    reserved_ms, session_ms = _reserved(periods, has_expired), utc_ms(begin)
    if has_expired and not reserved_ms:
        reserved_ms = utc_ms(end) - utc_ms(begin)
    if reserved_ms:
        session_ms += int(reserved_ms)
    reservation = Reservation(int(reserved_ms), has_expired) if reserved_ms else None
    spans: list[Span] = []
    if not has_expired:
        for period in periods:
            spans.extend(_spans(period, tariff, session_ms))
    return Use(tuple(spans), reservation, session_ms)


def _periods(cdr: Fields, begin: datetime, end: datetime) -> list[_Period]:
    found = list(cdr.objects("charging_periods"))
    starts = [period.moment("start_date_time") for period in found]
    for number, start in enumerate(starts):
        before = starts[number - 1] if number else begin
        if number and start == before:
            found[number].wrong("start_date_time", "is also that of the period before")
        if not before <= start <= end:
            found[number].wrong("start_date_time", "want the periods in order, within the CDR's own start and end")
    ends = [*starts[1:], end]
    return [
        _Period(fields, utc_ms(start), utc_ms(stop), _volumes(fields))
        for fields, start, stop in zip(found, starts, ends, strict=True)
    ]


def _volumes(period: Fields) -> dict[Dimension, Fraction]:
    period.only(FURTHER)
    volumes: dict[Dimension, Fraction] = {}
    if period.data.get("dimensions") == []:
        return volumes
    for dimension in period.objects("dimensions"):
        dimension.only({"type", "volume"})
        kind = dimension.choice("type", Dimension)
        if kind in volumes:
            dimension.wrong("type", f"{kind} stands twice in one period")
        volumes[kind] = Fraction(dimension.number("volume"))
    return volumes


def _reserved(periods: list[_Period], has_expired: bool) -> int:
    """How long the place was kept, in ms; by the clock where the period is the reservation alone."""
    total_ms = Fraction(0)
    for period in periods:
        told_ms = period.time_ms(Dimension.RESERVATION_TIME)
        if told_ms and abs(told_ms - period.length_ms) <= ROUNDING_MS:
            told_ms = Fraction(period.length_ms)
        total_ms += told_ms
    return round(total_ms)


def _spans(period: _Period, tariff: Tariff, session_ms: int) -> list[Span]:
    """Charging, parking, and time that is neither."""
    kept_ms = period.time_ms(Dimension.RESERVATION_TIME)
    if abs(kept_ms - period.length_ms) <= ROUNDING_MS and kept_ms:
        return []
    length_ms = period.length_ms - kept_ms
    charging_ms, parking_ms = period.time_ms(Dimension.TIME), period.time_ms(Dimension.PARKING_TIME)
    over_ms = charging_ms + parking_ms - length_ms
    if over_ms > ROUNDING_MS:
        period.fields.wrong("dimensions", "TIME and PARKING_TIME are longer than the period")
    if charging_ms + parking_ms and abs(over_ms) <= ROUNDING_MS:
        if parking_ms:
            parking_ms = max(Fraction(0), length_ms - charging_ms) if charging_ms else length_ms
        charging_ms = length_ms - parking_ms
    energy_wh = period.volumes.get(Dimension.ENERGY, Fraction(0)) * 1000
    use, first_ms = TimeUse.CHARGING, charging_ms
    if not charging_ms and energy_wh:
        use, first_ms = TimeUse.NONE, length_ms - parking_ms
    begin_ms = period.begin_ms + kept_ms
    power_w, current_ma = _flow(period, tariff, "POWER"), _flow(period, tariff, "CURRENT")
    if tariff.needs_current and current_ma is None and (charging_ms or energy_wh):
        missing = "no CURRENT, MIN_CURRENT or MAX_CURRENT, and the tariff's restrictions ask for it"
        period.fields.wrong("dimensions", missing)
    found = [_span(begin_ms, first_ms, energy_wh, use, session_ms, power_w, current_ma)]
    parked_at_ms = begin_ms + first_ms
    found.append(_span(parked_at_ms, parking_ms, 0, TimeUse.PARKING, session_ms, 0, 0))
    rest_at_ms = parked_at_ms + parking_ms
    found.append(_span(rest_at_ms, period.end_ms - rest_at_ms, 0, TimeUse.NONE, session_ms, 0, 0))
    return [span for span in found if span.to_ms > span.from_ms or span.energy_wh]


def _span(
    begin_ms: Exact,
    length_ms: Exact,
    energy_wh: Exact,
    use: TimeUse,
    session_ms: int,
    power_w: Exact | None,
    current_ma: Exact | None,
) -> Span:
    from_ms = begin_ms - session_ms
    return Span(from_ms, from_ms + max(0, length_ms), energy_wh, use, power_w, current_ma, begin_ms)


def _flow(period: _Period, tariff: Tariff, name: str) -> Exact | None:
    """Power in W or current in mA of a period; None where it does not say."""
    told, least, most = (period.volumes.get(Dimension(kind)) for kind in (name, f"MIN_{name}", f"MAX_{name}"))
    if told is not None:
        return told * 1000
    if least is None or most is None:
        known = most if least is None else least
        return None if known is None else known * 1000
    field = name.lower()
    limits: set[Decimal | None] = {getattr(rule, f"min_{field}") for rule in tariff.rules}
    limits |= {getattr(rule, f"max_{field}") for rule in tariff.rules}
    for limit in limits:
        if limit is not None and least < limit <= most:
            period.fields.wrong(
                "dimensions",
                f"MIN_{name} {float(least):g} and MAX_{name} {float(most):g} lie on either side of the tariff's limit "
                f"{limit}; split the period there",
            )
    return least * 1000
