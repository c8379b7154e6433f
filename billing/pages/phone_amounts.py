"""The amounts a driver may choose to stop at, and what one buys, by price(): an estimate, never a promise. Pure.

Law: the estimate is the most energy whose price, charged at even power and then unplugged, is not above the amount.
What binds is the amount; the kiosk stops at it whatever the estimate said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from contract.currency import MINOR_DIGITS
from contract.price import Quantities, price_of
from contract.tariff import TariffOffer

MOST_WH = 200_000  # more than a car takes: beyond it an amount buys no more
EXACT_WH = 50
MS_PER_HOUR = 3_600_000
_STEPS = {"JPY": 100, "KRW": 1_000, "KWD": 500}  # in minor units; others one major unit
_LEAST_STEPS, _MOST_CHOICES = 5, 50


@dataclass(frozen=True, slots=True)
class Amounts:
    """What may be chosen, in minor units: `least`, `least + step`, … `most`; `usual` is chosen already."""

    least: int
    most: int
    step: int
    usual: int

    def nearest(self, amount_minor: int) -> int:
        """The choice nearest to an amount."""
        steps = round((min(max(amount_minor, self.least), self.most) - self.least) / self.step)
        return min(self.most, self.least + steps * self.step)

    @property
    def all(self) -> range:
        return range(self.least, self.most + 1, self.step)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an amount buys. `energy_wh` 0: nothing can begin with it; `is_full`: more than a car takes."""

    amount_minor: int
    energy_wh: int
    duration_s: int
    is_full: bool = False


def amounts_of(currency: str, most_minor: int) -> Amounts:
    """Up to what is held at this place. The usual one is 15 steps, as a small car takes."""
    step = _STEPS.get(currency, 10 ** MINOR_DIGITS[currency])
    while most_minor // step > _MOST_CHOICES:
        step *= 2
    most = max(step, most_minor - most_minor % step)
    least = min(_LEAST_STEPS * step, most)
    return Amounts(least, most, step, min(3 * _LEAST_STEPS * step, most))


def estimate(offer: TariffOffer, amount_minor: int, power_w: int, begins: datetime) -> Estimate:
    """What `amount_minor` buys at `power_w`, beginning at `begins`."""
    return estimates(offer, (amount_minor,), power_w, begins)[0]


def estimates(
    offer: TariffOffer, amounts: tuple[int, ...] | range, power_w: int, begins: datetime
) -> tuple[Estimate, ...]:
    """One for each of the amounts, which rise."""
    quarter = begins.replace(minute=begins.minute // 15 * 15, second=0, microsecond=0)
    return _estimates(offer, tuple(amounts), power_w, quarter if offer.tariff.is_restricted else None)


@lru_cache(maxsize=256)
def _estimates(
    offer: TariffOffer, amounts: tuple[int, ...], power_w: int, begins: datetime | None
) -> tuple[Estimate, ...]:
    found, known_wh = [], 0
    for amount_minor in amounts:
        known_wh = _most_energy(offer, amount_minor, power_w, begins, known_wh)
        duration_s = known_wh * 3600 // power_w
        found.append(Estimate(amount_minor, known_wh, duration_s, known_wh >= MOST_WH))
    return tuple(found)


def _most_energy(offer: TariffOffer, amount_minor: int, power_w: int, begins: datetime | None, least_wh: int) -> int:
    def costs(energy_wh: int) -> int:
        used = Quantities(energy_wh, energy_wh * MS_PER_HOUR // power_w, 0)
        return price_of(offer, used, begins).incl_vat_minor

    if costs(MOST_WH) <= amount_minor:
        return MOST_WH
    low, high = least_wh, MOST_WH
    while high - low > EXACT_WH:
        middle = (low + high) // 2
        low, high = (middle, high) if costs(middle) <= amount_minor else (low, middle)
    return low
