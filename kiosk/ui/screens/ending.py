"""Parked, closing, receipt."""

from __future__ import annotations

from kiosk.ui.nodes import Button, Dots, Node, Qr, Space, Text, Timeline, col, row
from kiosk.ui.screens.parts import card, footer, icon, rule, screen, small, stat
from kiosk.ui.tokens import RADIUS
from kiosk.ui.views.ending import ClosingView, LineWords, ParkedView, ReceiptView, TimelineWords


def parked(view: ParkedView) -> Node:
    lead = card(
        small(view.so_far_words, h=26),
        Text(view.so_far, "hero", "ink", True, h=66),
        small(view.sum, h=26),
        Space(),
        pad=(18, 10, 18, 8),
        w=316,
    )
    fee = card(
        row(icon("clock", 24, "warn", 2.4), Text(view.fee, "lead", "ink", True), gap=10, h=38),
        Text(view.left, "title", "ink", view.is_paying, h=40),
        small(view.then, h=28),
        Space(),
        pad=(18, 10),
    )
    line = _timeline(view.timeline) if view.timeline is not None else None
    unplug = row(
        icon("unlock", 30, "charge", 2.4),
        col(
            Space(),
            Text(view.unplug, "lead", "ink", True, h=30),
            small(view.unplug_sub, "ink", 24),
            Space(),
        ),
        gap=14, pad=(18, 0), ground="charge_t", radius=RADIUS["button"],
    )  # fmt: skip
    others = None
    if view.others is not None:
        is_short = view.stuck is not None
        others = Button(view.others_act, "" if is_short else view.others, symbol="back", w=72 if is_short else 300)
    stuck = Button(view.stuck_act, view.stuck, symbol="unlock", w=210) if view.stuck is not None else None
    body = col(row(lead, fee, gap=12), line, gap=12, pad=(16, 12))
    return screen(view.frame, body, footer(others, unplug, stuck))


def _timeline(words: TimelineWords) -> Node:
    total = 732.0
    widths = (words.charged * total, words.free * total)
    above = row(
        Text(words.above[0], "small", "ink2", True, w=widths[0]),
        Text(words.above[1], "small", "ink2", True, w=widths[1]) if words.free else None,
        Text(words.above[2], "small", "ink2", True),
        h=24,
    )
    below = row(
        Text(words.start, "caption", "ink2", w=widths[0]),
        Text(words.now_words, "caption", "ink", True, w=widths[1]) if words.free else None,
        Text(words.fee_from, "caption", "ink2"),
        h=24,
    )
    line = Timeline(words.charged, words.free, words.now, h=38)
    return card(above, line, below, gap=4, pad=(18, 10, 18, 8), h=124)


def closing(view: ClosingView) -> Node:
    numbers = row(
        Space(), stat(view.so_far_words, view.so_far, w=220), stat(view.energy_words, view.energy, w=220), Space(),
        gap=16, h=68,
    )  # fmt: skip
    middle = card(
        Space(),
        Text(view.title, "figure", "ink", True, "center", h=46),
        Text(view.text, "body", "ink2", align="center", lines=2, h=58),
        Dots(view.lit, h=12),
        Space(h=16),
        numbers if view.so_far else None,
        Space(),
        gap=6,
    )
    return screen(view.frame, col(middle, pad=(16, 12)))


def receipt(view: ReceiptView) -> Node:
    most = 2 if view.rest else 3
    lines = [_line(line) if len(view.lines) <= most else _short_line(line) for line in view.lines]
    bill = card(
        *lines,
        Space(),
        rule("ink", 2),
        row(
            Text(view.total_words, "title", "ink", True),
            Text(view.total, "figure", "ink", True, "right", w=260),
            h=48,
        ),
        row(small(view.vat), Text(view.why, "small", "ink2", align="right"), gap=8, h=26),
        small(view.rest, "ink", 26) if view.rest else None,
        gap=4,
        pad=(18, 8, 18, 6),
    )
    scan = card(
        Text(view.scan, "body", "ink", True, "center", lines=2, h=30),
        Qr(view.payload),
        small(view.no_account, align="center"),
        small(view.receipt_no, align="center"),
        gap=2,
        pad=10,
        w=232,
    )
    words = col(
        Space(),
        Text(view.next, "body", "ink", True, h=30),
        small(view.clears, h=28),
        Space(),
        w=340 if view.stuck is None else 250,
    )
    stuck = Button(view.stuck_act, view.stuck, symbol="unlock", w=210) if view.stuck is not None else None
    foot = footer(words, stuck, Button(view.done_act, view.done, kind="first", symbol="check"))
    return screen(view.frame, row(bill, scan, gap=12, pad=(16, 12)), foot)


def _line(line: LineWords) -> Node:
    what = col(Text(line.what, "body", "ink", True, h=28), small(line.detail))
    return row(what, Text(line.amount, "lead", "ink", align="right", w=130, h=40), gap=8, h=53)


def _short_line(line: LineWords) -> Node:
    return row(
        Text(line.what, "body", "ink", True, w=180),
        small(line.detail, h=34),
        Text(line.amount, "lead", "ink", align="right", w=96),
        gap=8,
        h=39,
    )
