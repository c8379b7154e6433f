"""The table from view-model to screen, and the screens' names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kiosk.ui.choose import View
from kiosk.ui.nodes import Node
from kiosk.ui.screens import charging, ending, help, home, keypad, prices, start, trouble
from kiosk.ui.views.charging import ChargingView, LimitView
from kiosk.ui.views.ending import ClosingView, ParkedView, ReceiptView
from kiosk.ui.views.help import HelpView, LanguagesView
from kiosk.ui.views.home import ChooseView, HomeView
from kiosk.ui.views.keypad import KeypadView
from kiosk.ui.views.phone import ReservedView
from kiosk.ui.views.prices import PricesView
from kiosk.ui.views.start import AuthorizingView, IdentifyView, PlugInView
from kiosk.ui.views.trouble import FaultScreen, NobodyScreen, NoticeScreen

SCREENS: dict[type, tuple[str, Callable[[Any], Node]]] = {
    HomeView: ("home", home.home),
    ChooseView: ("choose-connector", home.choose_connector),
    IdentifyView: ("identify", start.identify),
    AuthorizingView: ("authorizing", start.authorizing),
    PlugInView: ("plug-in", start.plug_in),
    ChargingView: ("charging", charging.charging),
    KeypadView: ("keypad", keypad.keypad),
    LimitView: ("limit", charging.limit),
    ParkedView: ("parked", ending.parked),
    ClosingView: ("closing", ending.closing),
    ReceiptView: ("receipt", ending.receipt),
    FaultScreen: ("out-of-service", trouble.fault),
    NoticeScreen: ("notice", trouble.notice),
    NobodyScreen: ("no-controller", trouble.nobody),
    HelpView: ("help", help.help_page),
    LanguagesView: ("languages", help.languages),
    PricesView: ("prices", prices.prices),
    ReservedView: ("reserved", start.reserved),
}


def draw(view: View) -> Node:
    return SCREENS[type(view)][1](view)


def name_of(view: View) -> str:
    return SCREENS[type(view)][0]
