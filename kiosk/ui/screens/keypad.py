"""Four digits, or the card."""

from __future__ import annotations

from kiosk.ui import acts
from kiosk.ui.nodes import Button, Node, Space, Text, col, row
from kiosk.ui.screens.parts import card, chip, footer, icon, rule, screen, stat
from kiosk.ui.tokens import BORDER, RADIUS
from kiosk.ui.views.keypad import KeypadView


def keypad(view: KeypadView) -> Node:
    ink = "ink2" if view.is_stale else "ink"
    cells = [_cell(view.digits[k : k + 1], k == len(view.digits)) for k in range(4)]
    ask = Text(view.ask, "body", "ink", True, h=30)
    if view.error is not None:
        ask_or_error: Node = chip(view.error, "warn", "stop", h=30)
    else:
        ask_or_error = ask
    about: Node = row(
        stat(view.so_far_words, view.so_far, color=ink), stat(view.energy_words, view.energy, color=ink), gap=8
    )
    if view.advice is not None:
        about = Text(view.advice, "small", "ink", lines=3)
    left = col(
        card(about, pad=(16, 5, 16, 6), h=88),
        card(
            ask_or_error,
            row(*cells, Space(), gap=10, h=64),
            Space(),
            rule(),
            Space(),
            row(icon(view.or_symbol, 28, "charge"), Text(view.or_card, "body", "ink", lines=2), gap=12, h=56),
            gap=3, pad=(16, 8, 16, 12),
        ),
        gap=12,
    )  # fmt: skip
    keys = [[_key(acts.Digit(value), value) for value in line] for line in ("123", "456", "789")]
    keys.append([_key(acts.Erase(True), "", "cross"), _key(acts.Digit("0"), "0"), _key(acts.Erase(), "", "erase")])
    pad = col(*(row(*line, gap=8) for line in keys), gap=8, w=344)
    foot = footer(
        Button(acts.Close(), view.back, kind="first" if view.missing else "second", symbol=view.back_symbol),
        Button(
            view.do_act, view.do, view.missing, kind="first", tint=view.tint, symbol=view.symbol,
            is_enabled=view.missing is None, w=344,
        ),
    )  # fmt: skip
    return screen(view.frame, row(left, pad, gap=16, pad=(16, 12)), foot)


def _cell(digit: str, is_next: bool) -> Node:
    return row(
        Text(digit, "figure", "ink", True, "center"),
        ground="surface",
        border="charge" if is_next else "line",
        border_w=BORDER["chosen"] if is_next else BORDER["control"],
        radius=RADIUS["button"],
        w=62,
        h=64,
    )


def _key(act: acts.Act, text: str, symbol: str | None = None) -> Button:
    return Button(act, text, symbol=symbol, step="title")
