"""A meter reading: energy in integer watt-hours, never without its age and quality."""

from __future__ import annotations

from enum import StrEnum

from contract.values import value


class Quality(StrEnum):
    """How far a value may be trusted."""

    GOOD = "good"  # read from the meter within its stale limit
    STALE = "stale"  # older than the stale limit; stands for the last good reading
    MISSING = "missing"  # the meter was never read


@value
class MeterReading:
    """One consistent read of a meter.

    `at_s` is the kiosk's monotonic time at which the meter was asked: its sample is of then or later. Registers are
    lifetime counters in Wh, import is grid → vehicle; `step_wh` is how far the import register moves at once. `serial`
    is the meter's own number where it has a register for it.
    """

    at_s: float
    import_wh: int
    export_wh: int = 0
    power_w: int = 0
    current_ma: tuple[int, ...] = ()  # per phase, L1 first
    voltage_mv: tuple[int, ...] = ()
    serial: str | None = None
    step_wh: int = 1
