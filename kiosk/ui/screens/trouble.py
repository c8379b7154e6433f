"""Out of service, notices, and no controller."""

from __future__ import annotations

from kiosk.ui.nodes import Button, Dots, Node, Space, Text, col, row
from kiosk.ui.screens.parts import back_button, badge, call_strip, card, footer, screen, small
from kiosk.ui.tokens import TARGET
from kiosk.ui.views.trouble import Answer, FaultScreen, NobodyScreen, NoticeScreen


def fault(view: FaultScreen) -> Node:
    answers = row(*(_answer(answer) for answer in view.answers), gap=12)
    call = call_strip(view.call, view.phone, view.say)
    other: Node = Space()
    if view.use_other is not None and view.use_other_act is not None:
        other = Button(view.use_other_act, view.use_other, kind="first", after="next")
    receipt = None
    if view.receipt is not None:
        receipt = Button(view.receipt_act, view.receipt, symbol="receipt", w=200)
    stuck = Button(view.stuck_act, view.stuck, symbol="unlock", w=210) if view.stuck is not None else None
    back = back_button(view.back, view.back_act, 150) if view.back is not None else None
    foot = footer(back, receipt, stuck, other)
    return screen(view.frame, col(answers, call, gap=8, pad=(16, 10, 16, 12)), foot)


def _answer(answer: Answer) -> Node:
    return card(
        row(badge(answer.symbol, answer.tint, 40), small(answer.question, bold=True), gap=12, h=40),
        Text(answer.text, "lead", "ink", True, lines=3, h=92, valign="top"),
        Text(answer.detail, "small", "ink", lines=4, valign="top"),
        pad=(16, 10),
    )


def notice(view: NoticeScreen) -> Node:
    middle = card(
        Space(),
        row(Space(), badge(view.symbol, view.tint, 88), Space(), h=88),
        Space(h=8),
        Text(view.title, "figure", "ink", True, "center", lines=2, h=84),
        Text(view.text, "lead", "ink", align="center", lines=3, h=92),
        Space(),
        gap=4,
        pad=(40, 8),
    )
    foot = footer(
        Text(view.clears, "small", "ink2", w=300),
        Button(view.act, view.action, kind="first", symbol="check"),
    )
    return screen(view.frame, col(middle, pad=(16, 12)), foot)


def nobody(view: NobodyScreen) -> Node:
    head = row(
        badge("brand", "brand"),
        Space(),
        Button(
            view.language_act, view.language, symbol="globe", step="body", gap=8, side=12,
            w=146, h=TARGET["least"],
        ),
        gap=12, pad=(16, 8), ground="surface", h=72,
    )  # fmt: skip
    middle = card(
        Space(),
        Text(view.title, "figure", "ink", True, "center", lines=2, h=92),
        Dots(view.lit, h=14),
        Space(h=16),
        Text(view.text, "body", "ink", align="center", lines=2, h=58),
        Text(view.safe, "body", "ink2", align="center", lines=2, h=58),
        Text(view.call, "body", "ink", True, "center", h=40),
        Space(),
        gap=4,
        pad=(40, 12),
    )
    return col(head, col(middle, pad=(16, 16)), ground="canvas")
