"""A curve of power over time as numbers for an inline SVG: no script, prints, readable without colour. Pure.

Missing readings are a gap, never a line drawn through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

WIDTH, HEIGHT = 350, 128
LEFT, RIGHT, TOP, BOTTOM = 34, 342, 8, 108
GAP_MS = 180_000  # beyond three readings a minute apart something is missing
SHORTEST_MS = 3_600_000
SOMETHING_MS = 120_000
NICE_W = (1_000, 2_000, 4_000, 8_000, 12_000, 24_000, 50_000, 100_000, 200_000, 400_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class Curve:
    """`lines` and `areas`: points as SVG writes them; `rows`: (y, power in kW) of the grid; `marks`: (x, ms) below."""

    lines: tuple[str, ...]
    areas: tuple[str, ...]
    end: tuple[str, str]
    rows: tuple[tuple[str, Decimal], ...]
    marks: tuple[tuple[str, str, int], ...]


def curve(points: Sequence[tuple[int, int]]) -> Curve | None:
    """(elapsed ms, power in W) in order of time; None before there is anything to see."""
    if len(points) < 2 or points[-1][0] < SOMETHING_MS:
        return None
    most_w = next((limit for limit in NICE_W if limit >= max(power for _, power in points)), NICE_W[-1])
    span_ms = SHORTEST_MS
    while span_ms < points[-1][0]:
        span_ms *= 2

    def at(ms: int, power: int) -> str:
        x = LEFT + Decimal(RIGHT - LEFT) * ms / span_ms
        y = BOTTOM - Decimal(BOTTOM - TOP) * min(power, most_w) / most_w
        return f"{x:.1f},{y:.1f}"

    runs = [[points[0]]]
    for before, point in pairwise(points):
        if point[0] - before[0] > GAP_MS:
            runs.append([])
        runs[-1].append(point)
    lines = tuple(" ".join(at(ms, power) for ms, power in run) for run in runs)
    areas = tuple(f"{at(run[0][0], 0)} {line} {at(run[-1][0], 0)}" for run, line in zip(runs, lines, strict=True))
    x, _, y = at(*points[-1]).partition(",")
    rows = tuple((f"{BOTTOM - (BOTTOM - TOP) * part / 2:.1f}", Decimal(most_w) * part / 2000) for part in range(3))
    marks = tuple(
        (f"{LEFT + (RIGHT - LEFT) * part / 2:.1f}", anchor, span_ms * part // 2)
        for part, anchor in enumerate(("start", "middle", "end"))
    )
    return Curve(lines, areas, (x, y), rows, marks)
