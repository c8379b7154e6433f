"""Charging, stop, limit."""

from __future__ import annotations

from kiosk.ui import acts
from kiosk.ui.nodes import FIT, Button, Curve, Level, Node, Space, Text, col, row
from kiosk.ui.screens.parts import card, chip, footer, icon, rule, screen, small, stat
from kiosk.ui.views.charging import ChargingView, LimitView


def charging(view: ChargingView) -> Node:
    ink = "ink2" if view.is_stale else "ink"
    goal = small("", h=26)
    bar: Node = chip(view.car.text, view.car.symbol, view.car.tint, h=36, ground=_ground(view.car.tint))
    if view.goal_words is not None:
        goal = small(view.goal_words, h=26)
        bar = Level(view.goal_share, "ink2" if view.is_stale else "charge", h=18)
    left = card(
        small(view.cost_words),
        Text(view.cost, "hero", ink, True, h=66),
        Text(view.sum, "body", ink, True, h=28),
        rule(),
        row(stat(view.time_words, view.time, "title"), stat(view.energy_words, view.energy, "title", ink), gap=8, h=62),
        Space(),
        goal if view.goal_words is not None else None,
        bar,
        pad=(16, 10, 16, 12),
        w=316,
    )
    live = chip(view.live.text, view.live.symbol, view.live.tint, FIT)
    top = row(stat(view.power_words, view.power, color="ink"), live, gap=8, h=68, cross="start")
    words = view.curve
    chart = Curve(words.points, words.x_max, words.y_max, words.y_labels, words.x_labels, view.is_stale)
    right = card(top, chart, pad=(16, 10, 14, 8))
    note: Node
    if view.note.tint == "warn":
        note = chip(view.note.text, view.note.symbol, "warn", h=28)
    else:
        note = row(icon(view.note.symbol, 20, "ink2"), small(view.note.text, h=28), gap=8, h=28)
    back = Button(acts.Home(), symbol="back", w=72) if view.others is not None else None
    beside = Text(view.others, "small", "ink2", True, "right", w=FIT) if view.others is not None else None
    foot = footer(
        back,
        Button(view.limit_act, view.limit, view.limit_sub, symbol="bolt", side=18, w=232 if back else 316),
        Button(view.stop_act, view.stop, kind="first", tint="stop", symbol="stop", step="title"),
    )
    body = col(
        row(left, right, gap=12), row(note, beside, gap=12, h=28), gap=6, pad=(16, 10, 16, 6)
    )  # fmt: skip
    return screen(view.frame, body, foot)


def _ground(tint: str) -> str:
    return "sunken" if tint == "ink2" else f"{tint}_t"


def limit(view: LimitView) -> Node:
    kinds = row(
        *(Button(kind.act, kind.name, symbol=kind.symbol, is_chosen=kind.is_chosen) for kind in view.kinds),
        gap=12,
        h=64,
    )
    less = Button(acts.StepLimit(-1), symbol="minus", is_enabled=view.can_less, w=104, h=104)
    more = Button(acts.StepLimit(1), symbol="plus", is_enabled=view.can_more, w=104, h=104)
    value = col(
        Space(),
        Text(view.value, "hero", "ink", True, "center", h=66),
        Text(view.about, "body", "ink2", align="center", h=30),
        Space(),
    )
    picker = card(
        Text(view.ask, "body", "ink", True, h=28),
        row(less, value, more, gap=12),
        small(view.used, h=26),
        Level(view.used_share, h=18),
        gap=6,
        pad=(18, 10, 18, 14),
    )
    remove = Button(view.remove_act, view.remove, symbol="cross", w=256) if view.remove is not None else None
    foot = footer(
        Button(acts.Close(), view.back, symbol="back", w=160),
        remove,
        Button(view.set_act, view.set, kind="first", symbol="check"),
    )
    return screen(view.frame, col(kinds, picker, gap=12, pad=(16, 12)), foot)
