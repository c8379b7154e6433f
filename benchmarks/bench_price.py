"""How many charges price() prices in a second of CPU, against the least arithmetic the same readings need.

    python -m benchmarks.bench_price [--rounds 5] [--json FILE]

A charge is an hour of readings, one a minute. Tariffs: flat (energy, parking and a start fee) and clock (night, day and
weekend prices with a kWh step, Berlin's time). The baseline multiplies every reading's energy by one price with VAT and
rounds once: no rules, no periods, no trace. CPU seconds of this process, so that a busy machine does not matter.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from contract.order import price_of_part
from contract.price import Sample
from contract.restrictions import TariffRestrictions
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement, TariffOffer
from contract.transaction import samples_before, samples_of
from tests.billing.stories import OFFER, charge

CHARGES = 200
VAT = Decimal(20)


def energy(price: str, **restrictions: Any) -> TariffElement:
    return TariffElement((PriceComponent(Dimension.ENERGY, Decimal(price), VAT),), TariffRestrictions(**restrictions))


CLOCK = Tariff(
    "clock",
    1,
    "EUR",
    (
        energy("0.29", start_time="22:00", end_time="06:00"),
        energy("0.49", start_time="06:00", end_time="22:00", max_kwh=Decimal(5)),
        energy("0.45"),
        TariffElement((PriceComponent(Dimension.PARKING_TIME, Decimal(3), VAT, 60),)),
    ),
)
OFFERS = {"flat": OFFER, "clock": replace(OFFER, tariff=CLOCK, time_zone="Europe/Berlin")}


def per_second(work: Callable[[], None]) -> float:
    began_s = time.process_time()
    for _ in range(CHARGES):
        work()
    return CHARGES / (time.process_time() - began_s)


def least(samples: tuple[Sample, ...]) -> int:
    total = Decimal(0)
    for before, after in pairwise(samples):
        total += Decimal(after.import_wh - before.import_wh) / 1000 * Decimal("0.45")
    return int((total * (100 + VAT)).quantize(Decimal(1), ROUND_HALF_UP))


def measure(offer: TariffOffer, rounds: int) -> dict[str, float]:
    story = charge(minutes=58, offer=offer, total_incl_vat_minor=0)
    before, own = samples_before(story), samples_of(story)
    samples = tuple(own)
    ratios, rates = [], []
    for _ in range(rounds):
        rate = per_second(lambda: price_of_part(offer, before, own) and None)
        ratios.append(rate / per_second(lambda: least(samples) and None))
        rates.append(rate)
    return {"ratio": round(statistics.median(ratios), 3), "charges_per_s": round(statistics.median(rates))}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    results = {
        f"price(), {name} tariff : bare arithmetic": measure(offer, wanted.rounds) for name, offer in OFFERS.items()
    }
    print(json.dumps({"benchmark": "price", **results}))
    if wanted.json:
        wanted.json.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
