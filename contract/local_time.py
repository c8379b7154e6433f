"""Local time as a tariff means it: the clock on the wall of the place, with daylight saving.

A window of the day is what that clock shows: on the day it is put back an hour counts twice, on the day it is put
forward an hour does not exist. All instants are integers or exact fractions of UTC milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from contract.restrictions import MINUTES_PER_DAY, TariffRestrictions

Exact = int | Fraction

LONGEST_DAYS = 400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)


def utc_ms(moment: datetime) -> int:
    """Milliseconds since 1970. Raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return (moment - EPOCH) // MS


def from_utc_ms(at_ms: Exact) -> datetime:
    return EPOCH + (at_ms // 1) * MS


def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_clock(at_ms: Exact, place: ZoneInfo) -> tuple[int, date, int]:
    """Weekday (Monday 0), date and minute of the day at an instant."""
    local = from_utc_ms(at_ms).astimezone(place)
    return local.weekday(), local.date(), local.hour * 60 + local.minute


def marks_of(rules: Iterable[TariffRestrictions]) -> tuple[int, ...]:
    """Minutes of the day at which one of the rules may begin or end; midnight where a date or weekday counts."""
    minutes: set[int] = set()
    for rule in rules:
        if rule.need_clock:
            minutes |= {0, *(minute % MINUTES_PER_DAY for minute in rule.minutes)}
    return tuple(sorted(minutes))


def marks_between(from_ms: Exact, to_ms: Exact, place: ZoneInfo, minutes: tuple[int, ...]) -> list[int]:
    """Instants strictly between two, in order, at which the local clock shows one of `minutes` or is changed.

    Raises ValueError beyond LONGEST_DAYS.
    """
    if not minutes:
        return []
    first = from_utc_ms(from_ms).astimezone(place).date() - timedelta(days=1)
    last = from_utc_ms(to_ms).astimezone(place).date() + timedelta(days=1)
    if (last - first).days > LONGEST_DAYS:
        raise ValueError(f"from {first} to {last}: want at most {LONGEST_DAYS} days")
    found: list[int] = []
    for number in range((last - first).days + 1):
        marks = _marks_of_day(first + timedelta(days=number), place.key, minutes)
        found.extend(at_ms for at_ms in marks if from_ms < at_ms < to_ms)
    return sorted(set(found))


@lru_cache(maxsize=1024)
def _marks_of_day(on_day: date, place_name: str, minutes: tuple[int, ...]) -> tuple[int, ...]:
    place = ZoneInfo(place_name)
    midnight = datetime(on_day.year, on_day.month, on_day.day, tzinfo=place)
    found: set[int] = set()
    for minute in minutes:
        for fold in (0, 1):  # a time that comes twice; one that never comes gives a mark too many, no harm
            local = midnight.replace(hour=minute // 60, minute=minute % 60, fold=fold)
            found.add(utc_ms(local))
    if (changed_ms := _clock_change(on_day, place)) is not None:
        found.add(changed_ms)
    return tuple(sorted(found))


def _clock_change(on_day: date, place: ZoneInfo) -> int | None:
    """When the clock is put forward or back on that UTC day, to the second."""
    low = datetime(on_day.year, on_day.month, on_day.day, tzinfo=UTC)
    high = low + timedelta(days=1)
    before = low.astimezone(place).utcoffset()
    if before == high.astimezone(place).utcoffset():
        return None
    low_s, high_s = 0, 86_400
    while high_s - low_s > 1:
        middle_s = (low_s + high_s) // 2
        if (low + timedelta(seconds=middle_s)).astimezone(place).utcoffset() == before:
            low_s = middle_s
        else:
            high_s = middle_s
    return utc_ms(low + timedelta(seconds=high_s))
