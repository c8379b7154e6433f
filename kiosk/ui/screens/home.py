"""Home, and the choice of a connector for a waiting card."""

from __future__ import annotations

from kiosk.ui import acts
from kiosk.ui.nodes import Box, Button, Node, Plug, Qr, Space, Text, col, row
from kiosk.ui.screens.parts import back_button, card, chip, countdown, footer, icon, screen, small
from kiosk.ui.views.home import ChooseView, HomeView, Tile
from kiosk.ui.views.phone import PhoneCard

_TINT = {"free": "charge", "busy": "ink2", "broken": "stop", "closed": "ink2"}


def home(view: HomeView) -> Node:
    tiles = _tiles(view.tiles)
    body = row(tiles, _phone(view.phone) if view.phone is not None else None, gap=12, pad=(16, 12, 16, 0))
    reader = row(
        icon("waves" if view.reader_is_good else "warn", 22, "charge" if view.reader_is_good else "warn", 2.6),
        Text(view.reader, "small", "ink", not view.reader_is_good),
        Text(view.vat, "small", "ink2", align="right", w=230),
        gap=8, pad=(18, 0), h=38,
    )  # fmt: skip
    if view.more is None:
        return screen(view.frame, body, reader)
    more = Button(view.more, view.more_words, after="next", w=300)
    words = Text(view.reader, "small", "ink", not view.reader_is_good, lines=2, h=72)
    return screen(view.frame, col(body, Space(h=12)), footer(words, more))


def _tiles(tiles: tuple[Tile, ...]) -> Box:
    if len(tiles) <= 2:
        return row(*(tall_tile(tile) for tile in tiles), gap=12)
    halves = (tiles[:2], tiles[2:])
    rows = [row(*(small_tile(tile) for tile in half), *([Space()] * (2 - len(half))), gap=12) for half in halves]
    return col(*rows, gap=12)


def tall_tile(tile: Tile, is_dense: bool = False) -> Button:
    """The whole card is the target; the filled shape in it shows that it is one."""
    is_off = tile.act is None
    color = "ink2" if is_off or tile.tone != "free" else "ink"
    plug = Plug(tile.type, color, "sunken" if is_off else "surface", w=70 if is_dense else 84)
    words = col(Space(), Text(tile.type, "title", color, True, h=36), small(tile.power), Space())
    top = row(Text(tile.number, "hero", color, True, w=40), words, plug, gap=6, h=84 if is_dense else 94)
    return Button(
        tile.act, kind="card", tint=_TINT[tile.tone] if tile.tone != "busy" else "brand", is_enabled=not is_off,
        pad=(14, 6, 14, 12) if is_dense else (14, 10, 14, 14),
        kids=(
            top,
            _price(tile, is_dense),
            Text(tile.note, "small", "ink2", lines=5, valign="top"),
            _status_chip(tile, 32 if is_dense else 34),
            _picture_of_button(tile, 56 if is_dense else 60),
        ),
    )  # fmt: skip


def small_tile(tile: Tile) -> Button:
    is_off = tile.act is None
    color = "ink2" if is_off or tile.tone != "free" else "ink"
    words = col(Space(), Text(tile.type, "lead", color, True, h=30), small(tile.power, h=22), Space())
    plug = Plug(tile.type, color, "sunken" if is_off else "surface", w=56)
    return Button(
        tile.act, kind="card", tint=_TINT[tile.tone] if tile.tone != "busy" else "brand", is_enabled=not is_off,
        pad=(14, 6, 14, 10),
        kids=(
            row(Text(tile.number, "hero", color, True, w=40), words, plug, gap=8, h=56),
            Text(tile.price, "lead", color if is_off else "ink", True),
            _status_chip(tile, 30),
        ),
    )  # fmt: skip


def _price(tile: Tile, is_dense: bool) -> Text:
    color = "ink2" if tile.act is None else "ink"
    return Text(tile.price, "lead" if is_dense else "figure", color, True, h=30 if is_dense else 44)


def _status_chip(tile: Tile, height: float) -> Box:
    ground = "sunken" if tile.tone == "busy" else None
    return chip(tile.status, tile.symbol, _TINT[tile.tone], h=height, ground=ground)


def _picture_of_button(tile: Tile, height: float) -> Button:
    if tile.act is None:
        return Button(None, tile.action, is_enabled=False, h=height)
    return Button(None, tile.action, kind="first" if tile.is_choice else "second", after="next", h=height)


def _phone(phone: PhoneCard) -> Box:
    title = Text(phone.title, "small", "ink", True, "center", lines=2, h=50)
    if not phone.qr:
        sorry = Text(phone.sorry, "small", "ink", align="center", lines=3, h=74)
        instead = Text(phone.instead, "small", "ink", True, "center", lines=3, h=74)
        sign = row(Space(), icon("phone", 56, "ink2"), Space(), h=60)
        receipts = Text(phone.below, "small", "ink2", align="center", lines=2, h=50)
        return card(title, Space(), sign, Space(), sorry, instead, Space(), receipts, pad=8, gap=2, w=216)
    below = Text(phone.below, "small", "ink", True, "center", lines=1 if phone.code else 2, h=24 if phone.code else 46)
    code = Text(phone.code, "title", "ink", True, "center", h=34) if phone.code else None
    return card(title, Qr(phone.qr), below, code, small(phone.note, align="center", h=26), pad=8, gap=2, w=216)


def choose_connector(view: ChooseView) -> Node:
    cards = row(*(tall_tile(tile, True) for tile in view.tiles), gap=12, pad=(16, 12))
    more = Button(view.more, view.more_words, after="next", w=260) if view.more is not None else None
    wait = countdown(view.waits, view.waits_left) if view.waits_left else Space()
    return screen(view.frame, cards, footer(back_button(view.back, acts.Home()), more, wait))
