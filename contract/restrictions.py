"""When a tariff element is in force: OCPI 2.2.1 mod_tariffs, class TariffRestrictions.

Law: every restriction that is given must hold now. A `min_` is inclusive, a `max_` exclusive, `end_date` exclusive.
Times of day and dates are the place's own (contract.local_time). `start_time` after `end_time` wraps at midnight;
`end_time` "00:00" is the end of the day. A weekday is that of the moment, also in a window that began the day before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache

MINUTES_PER_DAY = 1440
LARGEST_AMOUNT = 10**6  # kWh, A, kW
LARGEST_DURATION_S = 366 * 86_400


class DayOfWeek(StrEnum):
    """OCPI DayOfWeek, Monday first."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


WEEKDAYS = tuple(DayOfWeek)


class ReservationRestriction(StrEnum):
    """OCPI ReservationRestrictionType: the element prices a reservation, or one that expired."""

    RESERVATION = "RESERVATION"
    RESERVATION_EXPIRES = "RESERVATION_EXPIRES"


@dataclass(frozen=True, slots=True)
class TariffRestrictions:
    """OCPI TariffRestrictions. Energy in kWh, current in A summed over the phases, power in kW, duration in s."""

    start_time: str | None = None  # "HH:MM"
    end_time: str | None = None
    start_date: str | None = None  # "YYYY-MM-DD"
    end_date: str | None = None
    min_kwh: Decimal | None = None
    max_kwh: Decimal | None = None
    min_current: Decimal | None = None
    max_current: Decimal | None = None
    min_power: Decimal | None = None
    max_power: Decimal | None = None
    min_duration: int | None = None
    max_duration: int | None = None
    day_of_week: tuple[DayOfWeek, ...] = ()
    reservation: ReservationRestriction | None = None

    def __post_init__(self) -> None:
        for name in ("start_time", "end_time"):
            if (text := getattr(self, name)) is not None:
                _named(name, minute_of_day, text)
        for name in ("start_date", "end_date"):
            if (text := getattr(self, name)) is not None:
                _named(name, day, text)
        if self.start_time is not None and self.start_time == self.end_time != "00:00":
            raise ValueError(f"end_time {self.end_time}: is also start_time, so no time of day is left")
        if self.start_date is not None and self.end_date is not None and self.start_date >= self.end_date:
            raise ValueError(f"end_date {self.end_date}: want a day after start_date {self.start_date}")
        for name in ("kwh", "current", "power", "duration"):
            self._check_range(name, LARGEST_DURATION_S if name == "duration" else LARGEST_AMOUNT)
        if len(set(self.day_of_week)) != len(self.day_of_week):
            raise ValueError("day_of_week: a day stands twice")

    def _check_range(self, name: str, most: int) -> None:
        least_value, most_value = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
        for which, value in (("min", least_value), ("max", most_value)):
            if value is not None and not 0 <= value <= most:
                raise ValueError(f"{which}_{name} {value}: want 0 to {most}")
        if least_value is not None and most_value is not None and least_value >= most_value:
            raise ValueError(f"max_{name} {most_value}: want more than min_{name} {least_value}")

    @property
    def need_clock(self) -> bool:
        """Depends on the time of day or the date, and so on a clock that is right."""
        given = (self.start_time, self.end_time, self.start_date, self.end_date)
        return bool(self.day_of_week) or any(text is not None for text in given)

    @property
    def need_flow(self) -> bool:
        """Depends on the present current or power."""
        given = (self.min_current, self.max_current, self.min_power, self.max_power)
        return any(amount is not None for amount in given)

    @property
    def need_current(self) -> bool:
        return self.min_current is not None or self.max_current is not None

    def hold_on_the_clock(self, weekday: int, on_day: date, minute: int) -> bool:
        """At a local date, its weekday (Monday is 0) and the minute of that day, 0 to 1439."""
        if self.day_of_week and WEEKDAYS[weekday] not in self.day_of_week:
            return False
        if self.start_date is not None and on_day < day(self.start_date):
            return False
        if self.end_date is not None and on_day >= day(self.end_date):
            return False
        start, end = self.minutes
        return start <= minute < end if start < end else minute >= start or minute < end

    @property
    def minutes(self) -> tuple[int, int]:
        """The window as minutes of the day; the end 1 to 1440."""
        start = 0 if self.start_time is None else minute_of_day(self.start_time)
        end = MINUTES_PER_DAY if self.end_time is None else minute_of_day(self.end_time) or MINUTES_PER_DAY
        return start, end


@cache
def minute_of_day(text: str) -> int:
    """ "HH:MM" as minutes. Raises ValueError."""
    if not re.fullmatch(r"([0-1][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError(f"{text!a}: want HH:MM from 00:00 to 23:59")
    return int(text[:2]) * 60 + int(text[3:])


@cache
def day(text: str) -> date:
    """ "YYYY-MM-DD" as a date. Raises ValueError."""
    try:
        if not re.fullmatch(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!a}: want a day as 2026-12-24") from error


def _named(name: str, read: Callable[[str], object], text: str) -> None:
    try:
        read(text)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from error
