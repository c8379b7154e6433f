"""Bar charts as inline SVG: no script, they print, their colours come from the tokens. The finding stands in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

WIDTH, HEIGHT = 560, 172
LEFT, RIGHT, TOP, BOTTOM = 38, 6, 12, 28
GAP = 0.2  # of a bar's place


@dataclass(frozen=True, slots=True)
class Bar:
    """One place on the axis: its parts from the ground up, each with the class of its colour. `label` "": not said."""

    label: str
    parts: tuple[tuple[Decimal, str], ...]

    @property
    def height(self) -> Decimal:
        return sum((max(amount, Decimal(0)) for amount, _ in self.parts), Decimal(0))


def bars(shown: Sequence[Bar], finding: str) -> Markup:
    """`finding` says with numbers what a reader sees. Parts below zero are not drawn; the table has them."""
    top = scale_of(max((bar.height for bar in shown), default=Decimal(0)))
    place = (WIDTH - LEFT - RIGHT) / max(1, len(shown))
    ground = HEIGHT - BOTTOM
    drawn = []
    for step in range(5):
        y = ground - (ground - TOP) * step / 4
        drawn.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        drawn.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_plain(top * step / 4)}</text>')
    for number, bar in enumerate(shown):
        x, y = LEFT + place * number + place * GAP / 2, float(ground)
        for amount, kind in bar.parts:
            if amount > 0:
                tall = (ground - TOP) * float(amount / top)
                y -= tall
                wide = place * (1 - GAP)
                drawn.append(f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}"/>')
        if bar.label:
            middle = LEFT + place * (number + 0.5)
            drawn.append(
                Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(middle, HEIGHT - 8, bar.label)
            )
    picture = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>')
    return picture.format(WIDTH, HEIGHT, finding, Markup("".join(drawn)))


def scale_of(highest: Decimal) -> Decimal:
    """The top of the axis: four round steps that reach it."""
    if highest <= 0:
        return Decimal(4)
    unit = Decimal(10) ** (highest.adjusted() - 1)
    for step in (1, 2, Decimal("2.5"), 3, 4, 5, 6, 8, 10, 15, 20, 25):
        if step * unit * 4 >= highest:
            return step * unit * 4
    return 100 * unit


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")
