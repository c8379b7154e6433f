"""How each node looks: one painter per kind, in one table. A painter gets its place in pixels, y up."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import qrcode
from kivy.graphics import Color, Rectangle, SmoothRoundedRectangle
from kivy.graphics.texture import Texture

from kiosk.ui import nodes
from kiosk.ui.icons import ICONS
from kiosk.ui.layout import Rect
from kiosk.ui.paint import Pen, arc, area, disc, rounded, smooth_line, stroke, text_width, under
from kiosk.ui.tokens import TYPE
from kiosk.ui.words import LINE_PITCH, fit


def paint_box(pen: Pen, box: nodes.Box, at: Rect) -> None:
    if box.ground is None:
        return
    radius = pen.px(box.radius)
    if box.border:
        pen.framed(box.ground, box.border, pen.px(box.border_w), at.x, at.y, at.w, at.h, radius)
    else:
        pen.fill(box.ground, at.x, at.y, at.w, at.h, radius)
    if box.hatched:
        pen.hatch("ink2", at.x, at.y, at.w, at.h, radius, pen.px(11), 0.13)


def paint_text(pen: Pen, text: nodes.Text, at: Rect) -> None:
    logical = Rect(0, 0, at.w / pen.scale, at.h / pen.scale)
    fitted = fit(text, logical, lambda words, size, bold: text_width(pen.face, words, size, bold))
    size = pen.px(fitted.size)
    pitch = size * LINE_PITCH
    block = pitch * (len(fitted.lines) - 1)
    first = at.y + at.h / 2 + block / 2 if text.valign == "middle" else at.y + at.h - size * 0.68
    x = {"left": at.x, "center": at.x + at.w / 2, "right": at.x + at.w}[text.align]
    for number, line in enumerate(fitted.lines):
        pen.words(line, size, text.color, x, first - number * pitch, text.bold, text.align)


def paint_icon(pen: Pen, icon: nodes.Icon, at: Rect) -> None:
    side = min(at.w, at.h)
    s, x0, y0 = side / 24, at.x + (at.w - side) / 2, at.y + (at.h + side) / 2
    w = icon.weight * s / 2
    pen.ink(icon.color)
    for kind, *values in ICONS[icon.name]:
        a = [float(value) for value in values]
        points = [value for i in range(0, len(a) - 1, 2) for value in (x0 + a[i] * s, y0 - a[i + 1] * s)]
        x, y = points[0], points[1]
        match kind:
            case "L":
                stroke(points, 2 * w)
            case "P":
                area(points)
            case "T":
                stroke(points, 2 * w, close=True)
            case "D":
                disc(x, y, a[2] * s)
            case "O":
                arc(x, y, a[2] * s, 2 * w)
            case "A":
                arc(x, y, a[2] * s, 2 * w, a[3], a[4])
            case "E":
                arc(x, y, a[2] * s, 2 * w, radius_y=a[3] * s)
            case "B":
                arc(x, y, a[2] * s, 2 * w, 90, 270, a[3] * s)
            case "R":
                rounded(x, y - a[3] * s, a[2] * s, a[3] * s, a[4] * s, w + 0.4)
            case "F":
                size = (a[2] * s, a[3] * s)
                SmoothRoundedRectangle(pos=(x, y - a[3] * s), size=size, radius=[max(a[4] * s, 1)])


def paint_plug(pen: Pen, plug: nodes.Plug, at: Rect) -> None:
    is_ccs = plug.kind.upper().startswith("CCS")
    tall = 136 if is_ccs else 92
    s = min(at.w / 100, at.h / tall)
    cx, cy = at.x + at.w / 2, at.y + at.h / 2 + (tall / 2 - 46) * s
    pen.ink(plug.color)
    if is_ccs:
        SmoothRoundedRectangle(pos=(cx - 46 * s, cy - 90 * s), size=(92 * s, 56 * s), radius=[27 * s])
    rim = [(46 * s * math.cos(math.tau * i / 96), 46 * s * math.sin(math.tau * i / 96)) for i in range(96)]
    area([value for dx, dy in rim for value in (cx + dx, cy + min(dy, 38 * s))])
    pen.ink(plug.ground)
    inner = [value for dx, dy in rim for value in (cx + dx * 0.87, cy + min(dy * 0.87, 32 * s))]
    smooth_line(inner + inner[:2], max(1.0, 1.1 * s))
    if is_ccs:
        rounded(cx - 40 * s, cy - 84 * s, 80 * s, 43 * s, 21 * s, max(1.0, 1.1 * s))
    pins: list[tuple[float, float, float]] = [(-13, 20, 6.5), (13, 20, 6.5), (0, -2, 9)]
    if is_ccs:
        pins += [(-20, -62, 14), (20, -62, 14)]
    else:
        pins += [(-26, -2, 9), (26, -2, 9), (-13, -25, 9), (13, -25, 9)]
    for dx, dy, radius in pins:
        for r, color in ((radius, plug.ground), (radius * 0.42, plug.color)):
            pen.ink(color)
            disc(cx + dx * s, cy + dy * s, r * s)


def paint_plug_in(pen: Pen, picture: nodes.PlugIn, at: Rect) -> None:
    s = min(at.w / 300, at.h / 190)
    x0, y0 = at.x + at.w / 2 - 150 * s, at.y + at.h / 2 - 95 * s
    shift = 58.0 if picture.is_in else 0.0

    def x(value: float) -> float:
        return x0 + value * s

    def y(value: float) -> float:
        return y0 + value * s

    pen.fill("charge_t", at.x, at.y, at.w, at.h, pen.px(16))
    pen.ink("ink")
    cable = [14, 18, 30 + shift / 2, 22, 44 + shift * 0.8, 34, 52 + shift, 54, 56 + shift, 76]
    stroke([x(v) if i % 2 == 0 else y(v) for i, v in enumerate(cable)], 12 * s)
    pen.framed("surface", "ink", pen.px(3), x(204), y(18), 84 * s, 154 * s, 22 * s)
    inlet = Rect(x(212), y(47), 68 * s, 96 * s)
    paint_plug(pen, nodes.Plug(picture.kind), inlet)
    pen.fill("ink", x(40 + shift), y(70), 70 * s, 66 * s, 16 * s)
    pen.fill("ink", x(104 + shift), y(78), 28 * s, 50 * s, 6 * s)
    pen.fill("ink", x(46 + shift), y(56), 24 * s, 40 * s, 8 * s)
    pen.words(picture.number, 42 * s, "surface", x(75 + shift), y(103), True, "center")
    if picture.is_in:
        pen.ink("charge")
        disc(x(75), y(160), 17 * s)
        paint_icon(pen, nodes.Icon("check", "on", 3.2), Rect(x(65), y(150), 20 * s, 20 * s))
        return
    for k in range(3):
        pen.ink("charge", 1.0 if k < picture.phase else 0.28)
        a = x(144 + k * 20)
        stroke([a, y(117), a + 12 * s, y(103), a, y(89)], 5.5 * s)


@lru_cache(maxsize=8)
def qr_texture(payload: str) -> Any:
    code = qrcode.QRCode(border=4, error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(payload)
    code.make(fit=True)
    matrix = code.get_matrix()
    texture = Texture.create(size=(len(matrix), len(matrix)), colorfmt="luminance")
    grey = bytes(0 if module else 255 for line in reversed(matrix) for module in line)
    texture.blit_buffer(grey, colorfmt="luminance", bufferfmt="ubyte")
    texture.mag_filter = texture.min_filter = "nearest"
    return texture


def paint_qr(pen: Pen, qr: nodes.Qr, at: Rect) -> None:
    """Dark on a white plate with four modules of quiet zone, in both themes; a module is a whole number of pixels."""
    texture = qr_texture(qr.payload)
    modules = texture.width
    side = max(modules, int(min(at.w, at.h) // modules * modules))
    x, y = round(at.x + at.w / 2 - side / 2), round(at.y + at.h / 2 - side / 2)
    Color(1, 1, 1)
    SmoothRoundedRectangle(pos=(x, y), size=(side, side), radius=[pen.px(8)])
    Color(1, 1, 1)
    Rectangle(pos=(x, y), size=(side, side), texture=texture)


def paint_curve(pen: Pen, curve: nodes.Curve, at: Rect) -> None:
    caption = pen.px(TYPE["caption"])
    left = max((text_width(pen.face, words, caption, False) for _, words in curve.y_labels), default=0) + pen.px(8)
    x, y, w, h = at.x + left, at.y + pen.px(24), at.w - left - pen.px(4), at.h - pen.px(34)
    tint = "ink2" if curve.is_stale else "charge"
    for value, words in curve.y_labels:
        level = y + h * value / curve.y_max
        pen.fill("line" if value == 0 else "hairline", x, round(level), w, pen.px(1.5 if value == 0 else 1))
        pen.words(words, caption, "ink2", x - pen.px(8), level, align="right")
    for value, words in curve.x_labels:
        middle = x + w * value / curve.x_max
        half = text_width(pen.face, words, caption, False) / 2
        middle = min(max(middle, x + half), x + w - half)
        pen.words(words, caption, "ink2", middle, at.y + pen.px(9), align="center")
    points = [c for t, v in curve.points for c in (x + w * t / curve.x_max, y + h * min(1.0, v / curve.y_max))]
    if len(points) >= 4:
        pen.ink(tint, 0.16)
        under(points, y)
        pen.ink(tint)
        smooth_line(points, pen.px(1.8))
    if points:
        now_x, now_y = points[-2], points[-1]
        pen.fill("ink2", now_x - pen.px(0.75), y, pen.px(1.5), max(0.0, now_y - y - pen.px(9)), 0, 0.5)
        for radius, color in ((9.0, "surface"), (6.5, tint)):
            pen.ink(color)
            disc(now_x, now_y, pen.px(radius))


def paint_timeline(pen: Pen, line: nodes.Timeline, at: Rect) -> None:
    x, y, w, h = at.x, at.y + pen.px(4), at.w, at.h - pen.px(8)
    a, b = line.charged * w, (line.charged + line.free) * w
    pen.fill("charge", x, y, a, h, pen.px(8))
    pen.fill("charge", x + a / 2, y, a / 2, h)
    if line.free > 0:
        pen.framed("charge_t", "charge", pen.px(2), x + a - pen.px(1), y, b - a, h, pen.px(1.5))
    if b < w - 1:
        pen.framed("warn_t", "warn", pen.px(2), x + b - pen.px(2), y, w - b + pen.px(2), h, pen.px(8))
        inset = pen.px(2)
        pen.hatch("warn", x + b, y + inset, w - b - 2 * inset, h - 2 * inset, pen.px(6), pen.px(9), 0.5)
    at_now = x + w * line.now
    pen.ink("ink")
    stroke([at_now, y - pen.px(4), at_now, y + h + pen.px(4)], pen.px(4))


def paint_card_reader(pen: Pen, reader: nodes.CardReader, at: Rect) -> None:
    s = min(at.w / 150, at.h / 110)
    x, y = at.x + at.w / 2, at.y + at.h / 2
    tint = "charge" if reader.is_good else "ink2"
    pen.framed("sunken", "ink", pen.px(2.5), x - 46 * s, y - 54 * s, 92 * s, 62 * s, pen.px(10))
    for k, radius in enumerate((12, 21, 30)):
        pen.ink(tint, 1.0 if k < reader.phase else 0.28)
        arc(x, y - 40 * s, radius * s, pen.px(4), -42, 42)
    pen.framed(tint, "ink", pen.px(2.5), x - 40 * s, y + 14 * s, 80 * s, 40 * s, pen.px(6))
    pen.fill("ink", x - 40 * s + pen.px(2), y + 37 * s, 80 * s - pen.px(4), 8 * s)


def paint_scanner(pen: Pen, scanner: nodes.Scanner, at: Rect) -> None:
    s = min(at.w / 150, at.h / 110)
    x, y = at.x + at.w / 2, at.y + at.h / 2
    line = pen.px(2.5)
    pen.framed("surface", "ink", line, x - 26 * s, y - 16 * s, 52 * s, 70 * s, pen.px(8))
    for dx, dy in ((-17, 30), (5, 30), (-17, 8)):
        pen.framed("surface", "ink", line, x + dx * s, y + dy * s, 13 * s, 13 * s, 2)
    for dx, dy in ((6, 16), (13, 9), (5, 7), (14, 17)):
        pen.fill("ink", x + dx * s, y + dy * s, 5 * s, 5 * s)
    pen.framed("sunken", "ink", line, x - 52 * s, y - 54 * s, 104 * s, 22 * s, pen.px(6))
    pen.fill("stop" if scanner.is_good else "ink2", x - 40 * s, y - 44.5 * s, 80 * s, 3 * s, 2)


def paint_level(pen: Pen, level: nodes.Level, at: Rect) -> None:
    pen.framed("sunken", "line", pen.px(1.5), at.x, at.y, at.w, at.h, pen.px(7))
    inset = pen.px(3)
    share = min(1.0, max(0.0, level.share))
    pen.fill(level.tint, at.x + inset, at.y + inset, (at.w - 2 * inset) * share, at.h - 2 * inset, pen.px(5))


def paint_ring(pen: Pen, ring: nodes.Ring, at: Rect) -> None:
    radius = min(at.w, at.h) / 2
    x, y = at.x + at.w / 2, at.y + at.h / 2
    pen.ink("charge" if ring.is_done or ring.is_active else "line")
    disc(x, y, radius)
    if not ring.is_active:
        pen.ink("surface")
        disc(x, y, radius - pen.px(2.5))
    if ring.is_done:
        half = radius / 2
        paint_icon(pen, nodes.Icon("check", "charge", 3.2), Rect(x - half, y - half, radius, radius))
    else:
        pen.words(ring.number, pen.px(TYPE["body"]), "on" if ring.is_active else "ink2", x, y, True, "center")


def paint_dots(pen: Pen, dots: nodes.Dots, at: Rect) -> None:
    radius = at.h / 2
    for k in range(3):
        pen.ink("charge", 1.0 if k < dots.lit else 0.28)
        disc(at.x + at.w / 2 + (k - 1) * radius * 3.2, at.y + radius, radius)


PAINTERS: dict[type[nodes.Node], Callable[[Pen, Any, Rect], None]] = {
    nodes.Box: paint_box,
    nodes.Text: paint_text,
    nodes.Icon: paint_icon,
    nodes.Plug: paint_plug,
    nodes.PlugIn: paint_plug_in,
    nodes.Qr: paint_qr,
    nodes.Curve: paint_curve,
    nodes.Timeline: paint_timeline,
    nodes.CardReader: paint_card_reader,
    nodes.Scanner: paint_scanner,
    nodes.Level: paint_level,
    nodes.Ring: paint_ring,
    nodes.Dots: paint_dots,
}
