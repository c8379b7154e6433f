"""The clock on the wall: where a window of the day begins and ends, and when that clock is changed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from contract.local_time import from_utc_ms, local_clock, marks_between, marks_of, utc_ms, zone
from contract.restrictions import DayOfWeek, TariffRestrictions

BERLIN = zone("Europe/Berlin")


def at(text: str) -> int:
    return utc_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


def marks(begin: str, end: str, *minutes: int) -> list[str]:
    found = marks_between(at(begin), at(end), BERLIN, minutes)
    return [from_utc_ms(mark).strftime("%d %H:%M") for mark in found]


def test_a_time_of_day_comes_once_on_a_common_day() -> None:
    assert marks("2026-11-20T12:00", "2026-11-22T12:00", 22 * 60) == ["20 21:00", "21 21:00"]


def test_a_time_that_comes_twice_has_two_marks_and_the_change_has_one() -> None:
    assert marks("2026-10-25T00:00", "2026-10-25T03:00", 150) == ["25 00:30", "25 01:00", "25 01:30"]


def test_a_time_that_never_comes_leaves_the_change_itself() -> None:
    found = marks("2026-03-29T00:00", "2026-03-29T03:00", 150)

    assert "29 01:00" in found  # 02:00 becomes 03:00, and a window from 02:30 begins


def test_the_ends_themselves_are_no_marks_between_them() -> None:
    assert marks("2026-11-20T21:00", "2026-11-21T21:00", 22 * 60) == []


def test_half_an_hour_of_daylight_saving_is_found_to_the_second() -> None:
    island = zone("Australia/Lord_Howe")
    found = marks_between(at("2026-04-04T12:00"), at("2026-04-04T18:00"), island, (0,))

    assert at("2026-04-04T15:00") in found  # 02:00 becomes 01:30


def test_weekday_date_and_minute_are_local() -> None:
    assert local_clock(at("2026-12-31T23:30"), BERLIN) == (4, date(2027, 1, 1), 30)


def test_marks_are_where_a_rule_may_begin_or_end() -> None:
    by_time = TariffRestrictions(start_time="22:00", end_time="06:00")
    by_day = TariffRestrictions(day_of_week=(DayOfWeek.MONDAY,))

    assert marks_of([by_time]) == (0, 360, 1320)
    assert marks_of([by_day]) == (0,)
    assert marks_of([TariffRestrictions(min_duration=60)]) == ()


@pytest.mark.parametrize(
    ("rule", "weekday", "minute", "holds"),
    [
        (TariffRestrictions(start_time="22:00", end_time="06:00"), 0, 1320, True),
        (TariffRestrictions(start_time="22:00", end_time="06:00"), 0, 359, True),
        (TariffRestrictions(start_time="22:00", end_time="06:00"), 0, 360, False),
        (TariffRestrictions(start_time="08:00", end_time="00:00"), 0, 1439, True),
        (TariffRestrictions(end_time="08:00"), 0, 0, True),
        (TariffRestrictions(start_time="08:00"), 0, 479, False),
        # Monday from 22:00 to 06:00: its own first six and last two hours
        (TariffRestrictions(start_time="22:00", end_time="06:00", day_of_week=(DayOfWeek.MONDAY,)), 0, 100, True),
        (TariffRestrictions(start_time="22:00", end_time="06:00", day_of_week=(DayOfWeek.MONDAY,)), 1, 100, False),
    ],
)
def test_a_window_holds_by_the_clock(rule: TariffRestrictions, weekday: int, minute: int, holds: bool) -> None:
    assert rule.hold_on_the_clock(weekday, date(2026, 11, 23), minute) is holds


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        utc_ms(datetime(2026, 1, 1))  # noqa: DTZ001


def test_more_than_a_year_is_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        marks("2026-01-01T00:00", "2027-12-31T00:00", 0)
