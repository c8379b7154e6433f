"""Where every node stands: arithmetic only, so a screen's geometry is checked without a window.

Law: fixed sizes first, FIT next, the rest shares what is left in equal parts. Nothing is clipped: what does not fit
sticks out, and `check` reports it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kiosk.ui.acts import Act
from kiosk.ui.nodes import FIT, Box, Button, Icon, Node, Space, Text, col, row
from kiosk.ui.tokens import BORDER, RADIUS, TYPE

Measure = Callable[[str, float, bool], float]  # words, size and boldness → width


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    w: float
    h: float

    def holds(self, x: float, y: float) -> bool:
        return self.x <= x < self.x + self.w and self.y <= y < self.y + self.h

    def sticks_out_of(self, other: Rect, slack: float = 1.0) -> bool:
        return (
            self.x < other.x - slack
            or self.y < other.y - slack
            or self.x + self.w > other.x + other.w + slack
            or self.y + self.h > other.y + other.h + slack
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """A node and its place; `path` names it among its siblings from the root."""

    path: tuple[int, ...]
    node: Node
    rect: Rect
    parent: Rect


@dataclass(frozen=True, slots=True)
class Target:
    """What can be pressed, and where."""

    act: Act
    rect: Rect
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """A screen laid out: what to paint, in order, and what to press."""

    placed: tuple[Placed, ...]
    targets: tuple[Target, ...]
    frames: tuple[Placed, ...] = ()  # boxes that paint nothing; for the check of what sticks out


@dataclass(frozen=True, slots=True)
class Pressing:
    """How the buttons look just now."""

    pressed: Act | None = None
    waiting: Act | None = None
    one_moment: str = "…"


def lay_out(root: Node, width: float, height: float, measure: Measure, pressing: Pressing) -> Scene:
    """Place the whole tree in width × height logical pixels."""
    placed: list[Placed] = []
    targets: list[Target] = []
    frames: list[Placed] = []
    whole = Rect(0, 0, width, height)
    _place(root, whole, whole, (), measure, pressing, placed, targets, frames)
    return Scene(tuple(placed), tuple(targets), tuple(frames))


def _place(
    node: Node,
    rect: Rect,
    parent: Rect,
    path: tuple[int, ...],
    measure: Measure,
    pressing: Pressing,
    placed: list[Placed],
    targets: list[Target],
    frames: list[Placed],
) -> None:
    if isinstance(node, Button):
        if node.act is not None:
            targets.append(Target(node.act, rect, node.is_enabled))
        node = _dressed(node, pressing)
    if isinstance(node, Space):
        return
    if not isinstance(node, Box):
        placed.append(Placed(path, node, rect, parent))
        return
    (frames if node.ground is None else placed).append(Placed(path, replace(node, kids=()), rect, parent))
    for number, (kid, place) in enumerate(zip(node.kids, _shares(node, rect, measure), strict=True)):
        _place(kid, place, rect, (*path, number), measure, pressing, placed, targets, frames)


def _shares(box: Box, rect: Rect, measure: Measure) -> list[Rect]:
    left, top, right, bottom = box.pad
    inner = Rect(rect.x + left, rect.y + top, rect.w - left - right, rect.h - top - bottom)
    along = inner.h if box.col else inner.w
    free = along - box.gap * max(0, len(box.kids) - 1)
    sizes: list[float | None] = []
    for kid in box.kids:
        size = kid.h if box.col else kid.w
        if size == FIT:
            size = natural_width(kid, measure) if not box.col else None
        sizes.append(size)
    sharers = sum(size is None for size in sizes)
    rest = free - sum(size for size in sizes if size is not None)
    share = max(0.0, rest / sharers) if sharers else 0.0
    places = []
    at = inner.y if box.col else inner.x
    for kid, size in zip(box.kids, sizes, strict=True):
        length = share if size is None else size
        across = kid.w if box.col else kid.h
        if across == FIT:
            across = min(natural_width(kid, measure), inner.w)
        room = inner.w if box.col else inner.h
        width = room if across is None else across
        shift = {"start": 0.0, "center": (room - width) / 2, "end": room - width}[box.cross]
        if box.col:
            places.append(Rect(inner.x + shift, at, width, length))
        else:
            places.append(Rect(at, inner.y + shift, length, width))
        at += length + box.gap
    return places


def natural_width(node: Node, measure: Measure) -> float:
    """What a node needs side by side, its own width if it has one."""
    if node.w is not None and node.w != FIT:
        return node.w
    if isinstance(node, Text):
        return measure(node.text, TYPE[node.step], node.bold) + 2
    if isinstance(node, Button):
        node = _dressed(node, Pressing())
    if isinstance(node, Box):
        widths = [natural_width(kid, measure) for kid in node.kids]
        inside = max(widths, default=0.0) if node.col else sum(widths) + node.gap * max(0, len(widths) - 1)
        return inside + node.pad[0] + node.pad[2]
    return 0.0


def _dressed(button: Button, pressing: Pressing) -> Box:
    """A button as the box it looks like, in the state it is in."""
    is_waiting = button.is_enabled and button.act is not None and pressing.waiting == button.act
    is_pressed = is_waiting or (button.is_enabled and button.act is not None and pressing.pressed == button.act)
    fill = {"stop": "stop_fill"}.get(button.tint, button.tint)
    ground, border, on = {
        "first": (fill, None, "stop_on" if button.tint == "stop" else "on"),
        "second": ("surface", "line", "ink"),
        "card": ("surface", "line", "ink"),
    }[button.kind]
    border_w: float = BORDER["control"]
    if button.is_chosen:
        ground, border, border_w = f"{button.tint}_t", button.tint, BORDER["chosen"]
    if not button.is_enabled:
        ground, border, on = "sunken", "line", "ink2"
    if button.kind == "card":
        if is_pressed:
            ground, border, border_w = f"{button.tint}_t", "pressed", BORDER["chosen"]
        return Box(
            button.kids, True, 4, button.pad, ground, border, border_w, RADIUS["card"], False, "start",
            w=button.w, h=button.h,
        )  # fmt: skip
    if is_pressed:
        ground, border, on = "pressed", None, "on"
    words = pressing.one_moment if is_waiting else button.text
    has_side = button.symbol is not None or button.after is not None
    label: Node = Text(words, button.step, on, True, "left" if has_side else "center")
    if button.sub is not None and not is_waiting:
        align = "left" if has_side else "center"
        label = col(Space(), replace(label, h=30.0), Text(button.sub, "small", on, align=align, h=24), Space())
    side = 28.0 if button.text else 36.0
    before = Icon(button.symbol, on, 2.6 if button.text else 2.4, w=side, h=side) if button.symbol else None
    behind = Icon(button.after, on, 2.6, w=26, h=26) if button.after else None
    if not button.text:
        inside = row(Space(), before or behind, Space())
    else:
        inside = row(before, label, behind, gap=button.gap)
    edge = button.side if has_side and button.text else 8
    return Box(
        inside.kids, False, inside.gap, (edge, 0, edge, 0), ground, border, border_w, RADIUS["button"],
        not button.is_enabled, "center", w=button.w, h=button.h,
    )  # fmt: skip
