"""Random tariffs with restrictions, and sessions that run into them. One seed, one case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from contract.local_time import utc_ms
from contract.price import Sample, TimeUse
from contract.restrictions import DayOfWeek, TariffRestrictions
from contract.tariff import Dimension, PriceComponent, PriceLimit, Tariff, TariffElement, TariffOffer

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Tokyo", "Australia/Lord_Howe", "Asia/Kathmandu")
# Local moments near which a session is begun: clock changes, a leap day, new year, a common night.
MOMENTS = (
    datetime(2026, 3, 29, 1, 30),  # noqa: DTZ001 - the zone is drawn
    datetime(2026, 10, 25, 2, 15),  # noqa: DTZ001
    datetime(2028, 2, 28, 23, 40),  # noqa: DTZ001
    datetime(2028, 2, 29, 23, 50),  # noqa: DTZ001
    datetime(2026, 12, 31, 23, 45),  # noqa: DTZ001
    datetime(2026, 6, 15, 21, 50),  # noqa: DTZ001
)
VATS = ("0", "7", "7.7", "19", "20", "25.5")


@dataclass(frozen=True, slots=True)
class Case:
    offer: TariffOffer
    samples: tuple[Sample, ...]
    started_at: datetime


def case(seed: int, longest_s: int = 5400) -> Case:
    """A tariff of up to five elements and a session of up to `longest_s`, readings on whole seconds."""
    rng = Random(seed)
    moment = rng.choice(MOMENTS)
    zone = "Europe/Berlin" if rng.random() < 0.5 else rng.choice(ZONES)
    local = moment.replace(tzinfo=ZoneInfo(zone), fold=rng.randrange(2))
    started_at = local.astimezone(UTC) + timedelta(seconds=rng.randrange(-2400, 2400))
    begin = started_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    elements = tuple(_element(rng, begin, longest_s) for _ in range(rng.randint(1, 5)))
    least, most = _limits(rng)
    tariff = Tariff(f"t{seed}", 1, rng.choice(("EUR", "JPY", "KRW", "KWD")), elements, least, most)
    return Case(
        TariffOffer(tariff, rng.choice((0, 0, 90, 600)), zone), _samples(rng, longest_s, utc_ms(started_at)), started_at
    )


def _element(rng: Random, near: datetime, longest_s: int) -> TariffElement:
    kinds = [Dimension.ENERGY, *rng.sample(list(Dimension)[1:], rng.randint(0, 2))]
    parts = tuple(
        PriceComponent(kind, _price(rng), Decimal(rng.choice(VATS)), rng.choice((1, 1, 60, 300, 1000)))
        for kind in kinds
    )
    if rng.random() < 0.3:
        return TariffElement(parts)
    found: dict[str, Any] = {}
    kinds_of_rule = ("time", "time", "time", "date", "kwh", "current", "power", "duration", "day")
    for kind in {rng.choice(kinds_of_rule) for _ in range(rng.choice((1, 1, 2)))}:
        _restrict(rng, near, kind, found, min(longest_s, 5400))
    return TariffElement(parts, TariffRestrictions(**found))


def _price(rng: Random) -> Decimal:
    return Decimal(rng.randrange(0, 90_000)) / 10_000


def _restrict(rng: Random, near: datetime, kind: str, found: dict[str, Any], within_s: int) -> None:
    match kind:
        case "time":
            times = [near + timedelta(minutes=rng.randrange(*span)) for span in ((-5, 40), (41, 1300))]
            rng.shuffle(times)
            found["start_time"], found["end_time"] = (at.strftime("%H:%M") for at in times)
        case "date":
            name = rng.choice(("start_date", "end_date"))
            found[name] = (near + timedelta(days=rng.randint(0, 1))).strftime("%Y-%m-%d")
        case "day":
            found["day_of_week"] = tuple(rng.sample(list(DayOfWeek), rng.randint(1, 5)))
        case "duration":
            found[f"{rng.choice(('min', 'max'))}_duration"] = rng.randrange(0, within_s * 3 // 4)
        case _:
            most = {"kwh": 2 * within_s, "current": 60_000, "power": 30_000}[kind]
            found[f"{rng.choice(('min', 'max'))}_{kind}"] = Decimal(rng.randrange(0, most)) / 1000


def _limits(rng: Random) -> tuple[PriceLimit | None, PriceLimit | None]:
    least = most = None
    if rng.random() < 0.2:
        excl = Decimal(rng.randrange(0, 300)) / 100
        least = PriceLimit(excl, excl * Decimal("1.2"))
    if rng.random() < 0.2:
        excl = Decimal(rng.randrange(300, 3000)) / 100
        most = PriceLimit(excl, excl * Decimal("1.19"))
    return least, most


def _samples(rng: Random, longest_s: int, begin_ms: int) -> tuple[Sample, ...]:
    at_s, register_wh, made = 0, rng.randrange(10**8), []
    for _ in range(rng.randint(1, 7)):
        use = rng.choice((TimeUse.CHARGING, TimeUse.CHARGING, TimeUse.PARKING, TimeUse.NONE))
        power_w = rng.choice((None, None, rng.randrange(0, 30_000)))
        amps_ma = rng.randrange(0, 60_000)
        made.append(Sample(at_s * 1000, register_wh, use, power_w, amps_ma, begin_ms + at_s * 1000))
        span_s = rng.randrange(0, max(1, longest_s // 7))
        at_s += span_s
        if use is TimeUse.CHARGING and span_s:
            register_wh += rng.randrange(0, 30_000) * span_s // 3600
    return (*made, Sample(at_s * 1000, register_wh, TimeUse.NONE, at_ms=begin_ms + at_s * 1000))
