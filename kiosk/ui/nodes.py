"""What a screen is made of: frozen values, no drawing. A screen is a function that returns a tree of these.

Lengths are logical pixels of an 800×480 screen, y down. A node without a width (height) shares what is left;
FIT takes what its words need. Colours are token names.
"""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.ui.acts import Act

FIT = -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    w: float | None = None
    h: float | None = None


@dataclass(frozen=True, slots=True)
class Space(Node):
    """Nothing, with a size or a share."""


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Words of one style; they go down the type scale, never below caption, until they fit in `lines`."""

    text: str
    step: str = "body"
    color: str = "ink"
    bold: bool = False
    align: str = "left"
    lines: int = 1
    valign: str = "middle"


@dataclass(frozen=True, slots=True)
class Icon(Node):
    name: str
    color: str = "ink"
    weight: float = 2.1


@dataclass(frozen=True, slots=True)
class Box(Node):
    """Row or column with an optional ground, border and hatch. `pad` is left, top, right, bottom."""

    kids: tuple[Node, ...] = ()
    col: bool = False
    gap: float = 0
    pad: tuple[float, float, float, float] = (0, 0, 0, 0)
    ground: str | None = None
    border: str | None = None
    border_w: float = 2
    radius: float = 0
    hatched: bool = False
    cross: str = "center"  # where kids with a fixed cross size stand: start, center, end


@dataclass(frozen=True, slots=True)
class Button(Node):
    """Anything that can be pressed. `kind` is first (filled), second (outlined) or card (a whole card with `kids`).

    A disabled one is hatched, keeps its place, and its `sub` says why.
    """

    act: Act | None
    text: str = ""
    sub: str | None = None
    kind: str = "second"
    tint: str = "charge"
    symbol: str | None = None
    after: str | None = None
    step: str = "lead"
    is_enabled: bool = True
    is_chosen: bool = False
    gap: float = 14
    side: float = 22
    kids: tuple[Node, ...] = ()
    pad: tuple[float, float, float, float] = (0, 0, 0, 0)


# ---- pictures: drawn as a whole -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plug(Node):
    """The face of a connector: "CCS" or anything else, drawn as Type 2."""

    kind: str
    color: str = "ink"
    ground: str = "surface"


@dataclass(frozen=True, slots=True)
class PlugIn(Node):
    """A plug with its number on the way into a car. `phase` 0–3: how many chevrons are lit; 3 with `is_in`."""

    number: str
    kind: str
    phase: int
    is_in: bool = False


@dataclass(frozen=True, slots=True)
class Qr(Node):
    payload: str


@dataclass(frozen=True, slots=True)
class Curve(Node):
    """Power over time. Points are (seconds, watts); labels are words at an axis value."""

    points: tuple[tuple[float, float], ...]
    x_max: float
    y_max: float
    y_labels: tuple[tuple[float, str], ...]
    x_labels: tuple[tuple[float, str], ...]
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Timeline(Node):
    """Charged, free, paid parking as shares of the width; `now` too."""

    charged: float
    free: float
    now: float


@dataclass(frozen=True, slots=True)
class CardReader(Node):
    is_good: bool = True
    phase: int = 3


@dataclass(frozen=True, slots=True)
class Scanner(Node):
    is_good: bool = True


@dataclass(frozen=True, slots=True)
class Level(Node):
    """A bar filled to `share` of 1."""

    share: float
    tint: str = "charge"


@dataclass(frozen=True, slots=True)
class Ring(Node):
    """A step's mark: its number in a ring, filled when active, a tick when done."""

    number: str
    is_done: bool = False
    is_active: bool = False


@dataclass(frozen=True, slots=True)
class Dots(Node):
    """Waiting: three dots, `lit` of them on."""

    lit: int


# ---- short hands -----------------------------------------------------------------------------------------------------

Pad = float | tuple[float, float] | tuple[float, float, float, float]


def sides(pad: Pad) -> tuple[float, float, float, float]:
    if isinstance(pad, tuple):
        return pad if len(pad) == 4 else (pad[0], pad[1], pad[0], pad[1])
    return (pad, pad, pad, pad)


def row(
    *kids: Node | None,
    gap: float = 0,
    pad: Pad = 0,
    ground: str | None = None,
    border: str | None = None,
    border_w: float = 2,
    radius: float = 0,
    cross: str = "center",
    w: float | None = None,
    h: float | None = None,
) -> Box:
    there = tuple(kid for kid in kids if kid is not None)
    return Box(there, False, gap, sides(pad), ground, border, border_w, radius, False, cross, w=w, h=h)


def col(
    *kids: Node | None,
    gap: float = 0,
    pad: Pad = 0,
    ground: str | None = None,
    border: str | None = None,
    border_w: float = 2,
    radius: float = 0,
    cross: str = "start",
    w: float | None = None,
    h: float | None = None,
) -> Box:
    there = tuple(kid for kid in kids if kid is not None)
    return Box(there, True, gap, sides(pad), ground, border, border_w, radius, False, cross, w=w, h=h)
