"""All prices of a connector, in the order the law asks for."""

from __future__ import annotations

from kiosk.ui.nodes import Node, Space, Text, col, row
from kiosk.ui.screens.parts import back_button, card, footer, screen
from kiosk.ui.views.prices import PricesView

MOST_LINES = 9  # what fits; a tariff with more is not for a screen, and its last line says where it goes on


def prices(view: PricesView) -> Node:
    lines = [_line(name, entry) for name, entries in view.rows for name, entry in _named(name, entries)]
    body = card(*lines[:MOST_LINES], Space(), pad=(16, 8), gap=0)
    foot = footer(back_button(view.back, view.back_act, 220), Text(view.note, "small", "ink2", align="right"))
    return screen(view.frame, col(body, pad=(16, 12)), foot)


def _named(name: str, entries: tuple[tuple[str, str], ...]) -> list[tuple[str, tuple[str, str]]]:
    """The name stands beside the first of its entries."""
    return [(name if number == 0 else "", entry) for number, entry in enumerate(entries)]


def _line(name: str, entry: tuple[str, str]) -> Node:
    when, price = entry
    return row(
        Text(name, "body", "ink", True, w=200),
        Text(when, "body", "ink2"),
        Text(price, "body", "ink", True, align="right", w=190),
        gap=12,
        h=31,
    )
