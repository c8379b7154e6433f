"""Help and languages."""

from __future__ import annotations

from kiosk.ui import acts
from kiosk.ui.nodes import Button, Node, Space, Text, col, row
from kiosk.ui.screens.parts import back_button, badge, call_strip, card, footer, screen
from kiosk.ui.views.help import HelpStep, HelpView, LanguagesView


def help_page(view: HelpView) -> Node:
    pairs = (view.steps[:2], view.steps[2:])
    steps = col(*(row(*(_step(step) for step in pair), gap=12) for pair in pairs), gap=12)
    call = call_strip(view.call, view.phone, view.say)
    foot = footer(back_button(view.back, acts.Close(), 220), Space())
    return screen(view.frame, col(steps, call, gap=12, pad=(16, 12)), foot)


def _step(step: HelpStep) -> Node:
    words = col(
        Text(step.title, "body", "ink", True, h=30),
        Text(step.text, "small", "ink", lines=3, valign="top"),
    )
    return card(
        row(badge(step.symbol, "charge" if step.symbol != "stop" else "stop", 44), words, gap=14, cross="start"),
        pad=(14, 10),
    )


def languages(view: LanguagesView) -> Node:
    buttons = [
        Button(choice.act, choice.name, step="title", is_chosen=choice.is_chosen, h=84) for choice in view.choices
    ]
    rows = [
        row(*(part := buttons[k : k + 3]), *([Space()] * (3 - len(part))), gap=12, h=84)
        for k in range(0, len(buttons), 3)
    ]
    body = col(Space(), *rows, Space(), gap=12, pad=(16, 12))
    return screen(view.frame, body, footer(back_button(view.back, acts.Close(), 220), Space()))
