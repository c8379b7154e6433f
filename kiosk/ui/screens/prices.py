"""All prices of a connector, in the order the law asks for."""

from __future__ import annotations

from kiosk.ui.nodes import Node, Space, Text, col, row
from kiosk.ui.screens.parts import back_button, card, footer, screen
from kiosk.ui.views.prices import PricesView


def prices(view: PricesView) -> Node:
    body = card(*(_line(*line) for line in view.lines), Space(), pad=(16, 8), gap=0)
    foot = footer(back_button(view.back, view.back_act, 220), Text(view.note, "small", "ink2", align="right"))
    return screen(view.frame, col(body, pad=(16, 12)), foot)


def _line(name: str, when: str, price: str) -> Node:
    if not when and not price:
        return Text(name, "body", "ink2", h=31)
    return row(
        Text(name, "body", "ink", True, w=200),
        Text(when, "body", "ink2"),
        Text(price, "body", "ink", True, align="right", w=190),
        gap=12,
        h=31,
    )
