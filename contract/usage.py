"""What was used: the journaled readings of a transaction, and what their times count as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from contract.values import value


class TimeUse(StrEnum):
    """What the time after a sample counts as."""

    NONE = "None"  # neither charging nor parking: not yet delivering, paused by the vehicle, or closing
    CHARGING = "Charging"  # energy flows or may; while the vehicle pauses the time counts as NONE
    PARKING = "Parking"  # stopped with the cable still in


@value
class Sample:
    """One journaled reading of a transaction. `elapsed_ms` counts from Started and never falls.

    Power and current (summed over the phases) hold until the next sample; a power that is None is what the register
    says. `at_ms` is the wall time in UTC ms since 1970, where the clock was known at Started: counted on from there by
    the monotonic clock, so no clock step moves it. They matter only to a tariff that asks for them.
    """

    elapsed_ms: int
    import_wh: int
    time_use: TimeUse
    power_w: int | None = None
    current_ma: int | None = None
    at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """The time before a session that the place was kept. Ends with Started unless it has expired."""

    duration_ms: int
    has_expired: bool = False


@dataclass(frozen=True, slots=True)
class Quantities:
    """A usage summed up: Wh delivered, ms charged, ms parked beyond the grace."""

    energy_wh: int
    charging_ms: int
    parking_ms: int


def measure(samples: Sequence[Sample], parking_grace_s: int) -> Quantities:
    """Sum a usage. Raises ValueError where time or the register runs backwards."""
    charging_ms = parked_ms = 0
    for now, later in pairwise(samples):
        check_order(now, later)
        span_ms = later.elapsed_ms - now.elapsed_ms
        if now.time_use is TimeUse.CHARGING:
            charging_ms += span_ms
        elif now.time_use is TimeUse.PARKING:
            parked_ms += span_ms
    energy_wh = samples[-1].import_wh - samples[0].import_wh if samples else 0
    return Quantities(energy_wh, charging_ms, max(0, parked_ms - parking_grace_s * 1000))


def check_order(now: Sample, later: Sample) -> None:
    """Raises ValueError where time or the register runs backwards."""
    if later.elapsed_ms < now.elapsed_ms:
        raise ValueError(f"elapsed_ms falls from {now.elapsed_ms} to {later.elapsed_ms}")
    if later.import_wh < now.import_wh:
        raise ValueError(f"import_wh falls from {now.import_wh} to {later.import_wh}")
