"""Identify, authorizing, plug in."""

from __future__ import annotations

from kiosk.ui import acts
from kiosk.ui.nodes import FIT, Button, CardReader, Dots, Node, PlugIn, Qr, Scanner, Space, Text, col, row
from kiosk.ui.screens.parts import (
    back_button,
    badge,
    card,
    chip,
    countdown,
    footer,
    icon,
    rule,
    screen,
    small,
    step_mark,
)
from kiosk.ui.tokens import RADIUS, TARGET
from kiosk.ui.views.phone import PhoneWay, ReservedView
from kiosk.ui.views.start import AuthorizingView, IdentifyView, PlugInView, Way

_SYMBOLS = {"card": "card", "code": "qr"}


def identify(view: IdentifyView) -> Node:
    more = None
    if view.all_prices:
        more = Button(acts.Open(acts.Page.PRICES), view.all_prices, step="body", side=12, w=190, h=TARGET["least"])
    price = row(
        Text(view.price, "title", "ink", True, w=FIT),
        col(Space(), Text(view.terms, "small", "ink", lines=2, h=52), Space()),
        more,
        gap=24, pad=(16, 0), ground="charge_t", radius=RADIUS["card"], h=54,
    )  # fmt: skip
    phone = _phone(view.phone) if view.phone is not None else None
    ways = row(*(_way(way, view.phase) for way in view.ways), phone, gap=12)
    stuck = None
    if view.stuck is not None:
        stuck = Button(acts.Open(acts.Page.UNLOCK), view.stuck, symbol="unlock", w=210)
    kept = countdown(view.kept, view.kept_left, 400 if stuck is None else 350)
    foot = footer(back_button(view.back, acts.Home()), stuck, Space(), kept)
    return screen(view.frame, col(price if view.price else None, ways, gap=8, pad=(16, 8)), foot)


def _way(way: Way, phase: int) -> Node:
    picture: Node = {
        "card": CardReader(way.is_good, 3 if not way.is_good else phase),
        "code": Scanner(way.is_good),
    }[way.kind]
    top = row(icon(_SYMBOLS[way.kind], 30, "charge", 2.4), Text(way.title, "lead", "ink", True), gap=10, h=30)
    state = chip(way.status, "check" if way.is_good else "warn", "charge" if way.is_good else "warn")
    return card(top, picture, Text(way.text, "small", "ink", lines=2, h=46), state, gap=3, pad=(14, 6, 14, 8))


def _phone(way: PhoneWay) -> Node:
    """The code to scan as large as the card allows; the digits under it are for whoever scanned a sticker."""
    top = row(icon("phone", 30, "charge", 2.4), Text(way.title, "lead", "ink", True), gap=10, h=30)
    if not way.qr:
        sorry = Text(way.sorry, "small", "ink", lines=2, h=46)
        instead = Text(way.instead, "small", "ink", True, lines=2, h=46)
        state = chip(way.status, "warn", "warn")
        return card(top, Space(), sorry, instead, Space(), state, gap=3, pad=(14, 6, 14, 8))
    code = row(
        Space(), Text(way.code_words, "body", "ink", w=FIT), Text(way.code, "title", "ink", True, w=FIT), Space(),
        gap=10, h=34,
    )  # fmt: skip
    return card(top, Qr(way.qr), code, gap=0, pad=(14, 6, 14, 4))


def reserved(view: ReservedView) -> Node:
    """For two minutes at most: whose it is, how long still, and what to do."""
    middle = card(
        Space(),
        row(Space(), badge("phone", "charge", 72), Space(), h=72),
        Text(view.until, "lead", "ink", True, "center", lines=2, h=64),
        Text(view.left, "hero", "ink", True, "center", h=70),
        Text(view.text, "body", "ink", align="center", lines=2, h=56),
        Space(),
        gap=4, pad=(40, 8),
    )  # fmt: skip
    back = back_button(view.back, view.back_act, 300) if view.back is not None else None
    foot = footer(back, Text(view.stranger, "body", "ink", align="right", lines=2))
    return screen(view.frame, col(middle, pad=(16, 12)), foot)


def authorizing(view: AuthorizingView) -> Node:
    waits = row(Space(), chip(view.waits, "clock", "warn", FIT, 36), Space(), h=36) if view.waits else Space(h=36)
    middle = card(
        Space(),
        row(Space(), CardReader(True, view.lit, w=150, h=96), Space(), h=96),
        Text(view.title, "figure", "ink", True, "center", h=44),
        Text(view.text, "body", "ink2", align="center", h=28),
        Dots(view.lit, h=12),
        waits,
        Space(),
        gap=6,
    )
    foot = footer(Button(view.cancel_act, view.cancel, symbol="cross", w=336), Space())
    return screen(view.frame, col(middle, pad=(16, 12)), foot)


def plug_in(view: PlugInView) -> Node:
    picture = PlugIn(view.number, view.connector_type, view.phase, view.is_in)
    marks = [
        step_mark(str(number), words.title, words.sub, words.is_done, words.is_active)
        for number, words in enumerate(view.steps, start=1)
    ]
    code: Node = Space(h=36)
    if view.code:
        code = row(
        Text(view.code_words, "lead", "ink", w=FIT), Text(view.code, "title", "ink", True), gap=12, h=36
    )  # fmt: skip
    steps = card(*marks, Space(), rule(), small(view.stop_note), code, gap=6, pad=(16, 12), w=316)
    foot = footer(
        Button(view.cancel_act, view.cancel, symbol="cross", w=336),
        Space(),
        countdown(view.kept, view.kept_left, 400) if view.kept_left else None,
    )
    return screen(view.frame, row(picture, steps, gap=16, pad=(16, 12)), foot)
