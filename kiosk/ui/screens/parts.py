"""What screens are put together from."""

from __future__ import annotations

from dataclasses import replace

from kiosk.ui import acts
from kiosk.ui.acts import Act, Page
from kiosk.ui.nodes import FIT, Box, Button, Icon, Node, Pad, Ring, Space, Text, col, row
from kiosk.ui.tokens import RADIUS, TARGET, TYPE
from kiosk.ui.views.frame import Frame

# What a touch can do without a controller.
OWN_ACTS = (
    acts.Show, acts.Home, acts.More, acts.Open, acts.Close, acts.Speak, acts.Digit, acts.Erase, acts.PickLimit,
    acts.StepLimit, acts.StillHere,
)  # fmt: skip


def small(text: str, color: str = "ink2", h: float = 25, bold: bool = False, align: str = "left") -> Text:
    return Text(text, "small", color, bold, align, h=h)


def card(*kids: Node | None, w: float | None = None, h: float | None = None, pad: Pad = 16, gap: float = 4) -> Box:
    return col(*kids, gap=gap, pad=pad, ground="surface", radius=RADIUS["card"], w=w, h=h)


def rule(color: str = "hairline", h: float = 1) -> Box:
    return row(ground=color, h=h)


def icon(name: str, side: float = 24, color: str = "ink", weight: float = 2.1) -> Icon:
    return Icon(name, color, weight, w=side, h=side)


def badge(name: str, tint: str, side: float = 48) -> Box:
    ground, on = ("stop_fill", "stop_on") if tint == "stop" else (tint, "on")
    return row(Icon(name, on), pad=side * 0.19, ground=ground, radius=RADIUS["button"], w=side, h=side)


def chip(text: str, symbol: str, tint: str, w: float | None = None, h: float = 32, ground: str | None = None) -> Box:
    """Status: always a shape and a word; the colour only repeats them."""
    colored = "surface" if tint == "ink2" else f"{tint}_t"
    words = Text(text, "small", tint, True, w=FIT if w == FIT else None, h=h)
    return row(
        icon(symbol, 20, tint, 2.8),
        words,
        gap=8,
        pad=(10, 0),
        ground=ground or colored,
        radius=RADIUS["chip"],
        w=w,
        h=h,
    )


def stat(name: str, value: str, step: str = "figure", color: str = "ink", w: float | None = None) -> Box:
    size = TYPE[step]
    return col(small(name, h=26), Text(value, step, color, True, h=size * 1.14), w=w, h=26 + size * 1.14)


def step_mark(number: str, title: str, sub: str, is_done: bool, is_active: bool, h: float = 58) -> Box:
    color = "ink" if is_done or is_active else "ink2"
    words = col(Space(), Text(title, "body", color, is_active, h=26), small(sub, h=22), Space())
    return row(Ring(number, is_done, is_active, w=36, h=36), words, gap=12, h=h)


def header(frame: Frame) -> Box:
    """Where am I: badge, title, place; then clock, link, Help and the language, always in the same place."""
    below: Node = small(frame.sub, h=24)
    if frame.silent is not None:
        below = row(
            icon("warn", 18, "warn", 2.6),
            Text(frame.silent, "small", "warn", True),
            gap=6, pad=(6, 0), ground="warn_t", radius=RADIUS["chip"], h=24,
        )  # fmt: skip
    title = col(Space(), Text(frame.title, "title", "ink", True, h=32), below, Space())
    link = icon("online" if frame.is_online else "offline", 24, "ink2" if frame.is_online else "ink", 2.4)
    return row(
        badge(frame.symbol, frame.tint),
        title,
        Text(frame.clock, "lead", "ink", True, "right", w=70, h=40),
        link,
        Button(acts.Open(Page.HELP), frame.help, symbol="help", step="body", gap=8, side=12, w=116, h=TARGET["least"]),
        Button(
            acts.Open(Page.LANGUAGES), frame.language, symbol="globe", step="body", gap=8, side=12,
            w=146, h=TARGET["least"],
        ),
        gap=12, pad=(16, 8), ground="surface", h=72,
    )  # fmt: skip


def footer(*kids: Node | None) -> Box:
    return row(*kids, gap=12, pad=(16, 0, 16, 12), h=84)


def countdown(words: str, left: str, w: float | None = None) -> Box:
    return col(
        Text(words, "body", "ink", align="right", h=30), Text(left, "lead", "ink", True, "right", h=36), w=w, h=66
    )


def back_button(words: str, act: Act, w: float = 160) -> Button:
    return Button(act, words, symbol="back", w=w)


def call_strip(call: str, phone: str, say: str) -> Box:
    return row(
        icon("call", 26, "ink", 2.2),
        Text(call, "body", "ink", w=FIT),
        Text(phone, "body", "ink", True, w=FIT),
        Space(),
        Text(say, "body", "ink", True, "right", w=FIT),
        gap=12, pad=(16, 0), ground="surface", radius=RADIUS["card"], h=48,
    )  # fmt: skip


def screen(frame: Frame, body: Node, foot: Node | None = None) -> Node:
    """Header, content and actions; the warnings that may take the actions' place."""
    if frame.silent is not None:
        body, foot = muted(body, frame.no_answer), muted(foot, frame.no_answer) if foot else None
    if frame.still is not None:
        foot = footer(
            Text(frame.still, "lead", "ink", True, lines=2, h=72),
            Button(acts.StillHere(), frame.still_here, kind="first", symbol="hand", w=376),
        )
    elif frame.asked is not None and foot is not None:
        body = _with_line(body, chip(frame.asked, "clock", "warn", h=28))
    return col(header(frame), body, foot, ground="canvas")


def _with_line(body: Node, line: Box) -> Node:
    return col(body, row(line, pad=(16, 0), h=28), Space(h=6))


def muted(node: Node, why: str) -> Node:
    """The same tree with every button off that needs the controller's answer."""
    if isinstance(node, Button):
        if node.act is None or isinstance(node.act, OWN_ACTS) or not node.is_enabled:
            return node
        kids = tuple(muted_look(kid, why) for kid in node.kids)
        return replace(node, is_enabled=False, sub=why, kids=kids)
    if isinstance(node, Box):
        return replace(node, kids=tuple(muted(kid, why) for kid in node.kids))
    return node


def muted_look(node: Node, why: str) -> Node:
    """The picture of a button inside a card that is off."""
    if isinstance(node, Button):
        return replace(node, is_enabled=False, text=why)
    if isinstance(node, Box):
        return replace(node, kids=tuple(muted_look(kid, why) for kid in node.kids))
    return node
