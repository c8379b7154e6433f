"""When a price holds, in words: days, times, dates, amounts. One phrase for one set of restrictions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from babel.dates import format_date, get_day_names

from contract.restrictions import WEEKDAYS, TariffRestrictions, day
from contract.words.numbers import number
from contract.words.texts import Texts


def when(rule: TariffRestrictions | None, texts: Texts) -> str:
    """ "Mon–Fri, 22:00–06:00, from 10 kWh"; "" for always."""
    return "" if rule is None else ", ".join(_phrases(rule, texts))


def _phrases(rule: TariffRestrictions, texts: Texts) -> Iterator[str]:
    if rule.day_of_week:
        yield _days({WEEKDAYS.index(name) for name in rule.day_of_week}, texts)
    if rule.start_time is not None or rule.end_time is not None:
        end = rule.end_time or "00:00"
        yield texts.say("when.time", start=rule.start_time or "00:00", end="24:00" if end == "00:00" else end)
    if rule.start_date is not None or rule.end_date is not None:
        yield _dates(rule, texts)
    for name, least, most in (
        ("kwh", rule.min_kwh, rule.max_kwh),
        ("power", rule.min_power, rule.max_power),
        ("current", rule.min_current, rule.max_current),
    ):
        if least is not None or most is not None:
            yield _range(name, _amount(least, texts), _amount(most, texts), texts)
    if rule.min_duration is not None or rule.max_duration is not None:
        yield _range("duration", _span(rule.min_duration, texts), _span(rule.max_duration, texts), texts)


def _range(name: str, least: str | None, most: str | None, texts: Texts) -> str:
    if least is not None and most is not None:
        return texts.say(f"when.from_to_{name}", least=least, most=most)
    if least is not None:
        return texts.say(f"when.from_{name}", least=least)
    return texts.say(f"when.to_{name}", most=most)


def _amount(amount: Decimal | None, texts: Texts) -> str | None:
    return None if amount is None else number(amount, texts.locale, 0, 3)


def _span(seconds: int | None, texts: Texts) -> str | None:
    if seconds is None:
        return None
    if seconds % 60:
        return texts.say("when.seconds", count=seconds)
    return texts.say("when.minutes", count=seconds // 60)


def _days(chosen: set[int], texts: Texts) -> str:
    """Runs of three and more as a range."""
    names = get_day_names("abbreviated", locale=texts.locale)
    runs: list[list[int]] = []
    for number_of_day in sorted(chosen):
        if runs and runs[-1][-1] == number_of_day - 1:
            runs[-1].append(number_of_day)
        else:
            runs.append([number_of_day])
    parts = []
    for run in runs:
        parts += [f"{names[run[0]]}–{names[run[-1]]}"] if len(run) > 2 else [names[one] for one in run]
    return ", ".join(parts)


def _dates(rule: TariffRestrictions, texts: Texts) -> str:
    """With the last day that counts, not the first that does not."""
    first = None if rule.start_date is None else format_date(day(rule.start_date), "medium", texts.locale)
    last = None
    if rule.end_date is not None:
        last = format_date(day(rule.end_date) - timedelta(days=1), "medium", texts.locale)
    if first is not None and last is not None:
        return first if first == last else texts.say("when.from_to_date", start=first, end=last)
    return texts.say("when.from_date", day=first) if last is None else texts.say("when.to_date", day=last)
