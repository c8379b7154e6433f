"""People: who comes to an outlet, how they behave, when they leave. One seed draws them all."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from sim.vehicle import Mood, Vehicle


class Way(StrEnum):
    """How a visit is authorised."""

    CARD = "card"
    VOUCHER = "voucher"
    STRANGER = "stranger"  # a card nobody knows
    PHONE = "phone"  # on the phone's pages, where there is a payment app
    PAYMENT_CODE = "payment code"  # of the payment app, read by the kiosk


class End(StrEnum):
    """How a visit ends."""

    CARD = "card"  # tap again
    CODE = "code"  # four digits on the screen
    LIMIT = "limit"  # energy, money or time, chosen on the screen
    FULL = "full"  # wait until the car wants no more, then stop by card
    UNPLUG = "unplug"  # simply pull the plug
    REGRET = "regret"  # stop by code while the kiosk is still switching on
    EMERGENCY = "emergency"  # press the emergency stop under load


@dataclass(frozen=True, slots=True)
class Visit:
    """One person's plan. Times in seconds after arriving."""

    vehicle: Vehicle
    way: Way
    member: int
    voucher_minor: int
    taps_first: bool
    end: End
    stays_s: float  # until the stop
    lingers_s: float  # from the stop to unplugging
    limit_wh: int
    patience_s: float  # without energy after that long, leave


def draw_visit(rng: random.Random, members: int) -> Visit:
    """A plausible person."""
    end = rng.choices(list(End), weights=[29, 12, 18, 12, 14, 11, 4])[0]
    stays_s = rng.uniform(0.0, 1.5) if end is End.REGRET else rng.uniform(400, 3_000)
    pauses: tuple[tuple[float, float], ...] = ()
    if rng.random() < 0.25:
        start = rng.uniform(60, 1_500)
        pauses = ((start, start + rng.uniform(5, 900)),)
    battery_wh = rng.choice([24_000.0, 42_000.0, 60_000.0, 77_000.0])
    vehicle = Vehicle(
        name="car",
        battery_wh=battery_wh,
        charged_wh=battery_wh * rng.uniform(0.1, 0.9),
        charger_w=rng.choice([3_680.0, 7_360.0, 11_040.0, 22_080.0, 22_080.0]),
        mood=Mood(pauses=pauses, refuses=rng.random() < 0.03, reaction_s=rng.uniform(0.2, 4.0)),
    )
    return Visit(
        vehicle=vehicle,
        way=rng.choices([Way.CARD, Way.VOUCHER, Way.STRANGER], weights=[78, 14, 8])[0],
        member=rng.randrange(members),
        voucher_minor=rng.choice([200, 500, 1_000, 2_000]),
        taps_first=rng.random() < 0.4,
        end=end,
        stays_s=stays_s,
        lingers_s=rng.choice([rng.uniform(5, 60), rng.uniform(60, 1_500)]),
        limit_wh=rng.randrange(300, 9_000),
        patience_s=rng.uniform(90, 400),
    )
