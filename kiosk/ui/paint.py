"""Strokes and fills on Kivy's canvas, in real pixels, y up. Antialiased without asking the GPU for multisampling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kivy.core.text import Label as CoreLabel
from kivy.graphics import (
    Color,
    Line,
    Mesh,
    Rectangle,
    SmoothEllipse,
    SmoothLine,
    SmoothRoundedRectangle,
    StencilPop,
    StencilPush,
    StencilUnUse,
    StencilUse,
)
from kivy.graphics.tesselator import Tesselator

from kiosk.ui.tokens import Theme


@lru_cache(maxsize=4096)
def text_width(face: str, words: str, size: float, bold: bool) -> float:
    """Width of one line in the unit of `size`."""
    # Measured large and scaled down, so that equal words break equally on every screen size.
    width = CoreLabel(font_name=face, font_size=100, bold=bold).get_extents(words)[0]
    return float(width) * size / 100


@dataclass(frozen=True, slots=True)
class Pen:
    """What every painter needs: the colours, the face and how many pixels a logical one has."""

    theme: Theme
    face: str
    scale: float

    def px(self, logical: float) -> float:
        return logical * self.scale

    def ink(self, color: str, alpha: float = 1.0) -> None:
        Color(*self.theme.rgba(color, alpha))

    def fill(self, color: str, x: float, y: float, w: float, h: float, radius: float = 0, alpha: float = 1.0) -> None:
        self.ink(color, alpha)
        if w <= 0 or h <= 0:
            return
        if radius:
            SmoothRoundedRectangle(pos=(x, y), size=(w, h), radius=[min(radius, w / 2, h / 2)])
        else:
            Rectangle(pos=(x, y), size=(w, h))

    def framed(
        self, ground: str, border: str, width: float, x: float, y: float, w: float, h: float, radius: float
    ) -> None:
        self.fill(border, x, y, w, h, radius)
        self.fill(ground, x + width, y + width, w - 2 * width, h - 2 * width, max(radius - width, 1))

    def hatch(
        self, color: str, x: float, y: float, w: float, h: float, radius: float, gap: float, alpha: float = 0.22
    ) -> None:
        """Diagonal lines: the mark of "not for you now", readable without colour."""
        StencilPush()
        SmoothRoundedRectangle(pos=(x, y), size=(w, h), radius=[radius])
        StencilUse()
        self.ink(color, alpha)
        for k in range(int((w + h) / gap) + 1):
            Line(points=[x + k * gap - h, y, x + k * gap, y + h], width=self.px(1))
        StencilUnUse()
        SmoothRoundedRectangle(pos=(x, y), size=(w, h), radius=[radius])
        StencilPop()

    def words(
        self, text: str, size: float, color: str, x: float, y: float, bold: bool = False, align: str = "left"
    ) -> None:
        """One line of `size` pixels around the height y, from, around or up to x."""
        if not text:
            return
        label: Any = CoreLabel(text=text, font_name=self.face, font_size=max(1.0, size), bold=bold)
        label.refresh()
        texture = label.texture
        w, h = texture.size
        left = {"left": x, "center": x - w / 2, "right": x - w}[align]
        self.ink(color)
        Rectangle(texture=texture, pos=(round(left), round(y - h / 2)), size=(w, h))


def stroke(points: list[float], width: float, close: bool = False) -> None:
    """A line with round ends and joints."""
    ends = list(zip(points[::2], points[1::2], strict=True))
    for (x1, y1), (x2, y2) in zip(ends, ends[1:] + (ends[:1] if close else []), strict=False):
        SmoothLine(points=[x1, y1, x2, y2], width=width / 2 + 0.4, overdraw_width=1.0)
    for x, y in ends:
        SmoothEllipse(pos=(x - width / 2, y - width / 2), size=(width, width))


def disc(x: float, y: float, radius: float) -> None:
    SmoothEllipse(pos=(x - radius, y - radius), size=(2 * radius, 2 * radius))


def arc(
    x: float, y: float, radius: float, width: float, start: float = 0, end: float = 360, radius_y: float | None = None
) -> None:
    """Degrees clockwise from the top."""
    steps = max(6, int((end - start) / 7))
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    tall = radius if radius_y is None else radius_y
    points = [value for a in angles for value in (x + radius * math.sin(a), y + tall * math.cos(a))]
    SmoothLine(points=points, width=width / 2 + 0.4, overdraw_width=1.0)
    for px, py in ((points[0], points[1]), (points[-2], points[-1])):
        SmoothEllipse(pos=(px - width / 2, py - width / 2), size=(width, width))


def rounded(x: float, y: float, w: float, h: float, radius: float, width: float) -> None:
    SmoothLine(rounded_rectangle=(x, y, w, h, radius, 24), width=width, overdraw_width=1.0)


def area(points: list[float]) -> None:
    shape: Any = Tesselator()
    shape.add_contour(list(points))
    if shape.tesselate():
        for vertices, indices in shape.meshes:
            Mesh(vertices=vertices, indices=indices, mode="triangle_fan")
    SmoothLine(points=list(points), width=0.6, overdraw_width=1.1, close=True)


def smooth_line(points: list[float], width: float) -> None:
    SmoothLine(points=points, width=width, overdraw_width=1.2)


def under(points: list[float], ground_y: float) -> None:
    """The area between a line and the height ground_y."""
    pairs = list(zip(points[::2], points[1::2], strict=True))
    vertices = [value for x, y in pairs for value in (x, y, 0, 0, x, ground_y, 0, 0)]
    Mesh(vertices=vertices, indices=list(range(len(vertices) // 4)), mode="triangle_strip")
