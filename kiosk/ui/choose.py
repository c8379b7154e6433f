"""Which screen: a pure function of the newest snapshot, where the screen is, and the time."""

from __future__ import annotations

from kiosk.session.snapshot import EvseView, NoticeCode, Snapshot
from kiosk.session.states import State
from kiosk.ui.acts import Page
from kiosk.ui.navigation import AT_THE_KEYPAD, KEYPADS, Nav, current_notice, evse_of
from kiosk.ui.texts import LANGUAGES
from kiosk.ui.tokens import SECONDS
from kiosk.ui.views.charging import (
    ChargingView,
    LimitView,
    charging_view,
    limit_view,
)
from kiosk.ui.views.ending import ClosingView, ParkedView, ReceiptView, closing_view, parked_view, receipt_view
from kiosk.ui.views.frame import Seen
from kiosk.ui.views.help import HelpView, LanguagesView, help_view, languages_view
from kiosk.ui.views.home import ChooseView, HomeView, choose_view, home_view
from kiosk.ui.views.keypad import KeypadView, limit_code_view, stop_view, unlock_view
from kiosk.ui.views.phone import ReservedView, reserved_view
from kiosk.ui.views.prices import PricesView, prices_view
from kiosk.ui.views.start import (
    AuthorizingView,
    IdentifyView,
    PlugInView,
    authorizing_view,
    identify_view,
    plug_in_view,
)
from kiosk.ui.views.trouble import (
    FaultScreen,
    NobodyScreen,
    NoticeScreen,
    fault_screen,
    nobody_screen,
    notice_screen,
)

View = (
    HomeView
    | ChooseView
    | IdentifyView
    | AuthorizingView
    | PlugInView
    | ChargingView
    | KeypadView
    | LimitView
    | ParkedView
    | ClosingView
    | ReceiptView
    | FaultScreen
    | NoticeScreen
    | NobodyScreen
    | HelpView
    | LanguagesView
    | PricesView
    | ReservedView
)


def choose(snapshot: Snapshot | None, nav: Nav, now_s: float, silence_s: float = 0.0) -> View:
    """`silence_s`: how long ago the controller was heard last, in the screen's own seconds."""
    if snapshot is None:
        return nobody_screen(LANGUAGES[nav.language], now_s, False, "")
    if silence_s > SECONDS["gone_after"]:
        return nobody_screen(LANGUAGES[nav.language], now_s, True, snapshot.helpline)
    seen = Seen(snapshot, nav, now_s, silence_s)
    if nav.page is Page.LANGUAGES:
        return languages_view(seen)
    if nav.page is Page.HELP:
        return help_view(seen)
    notice = current_notice(snapshot)
    is_at_keypad = notice is not None and notice.code in AT_THE_KEYPAD and nav.page in KEYPADS
    if notice is not None and not is_at_keypad and notice.code is not NoticeCode.WHICH_CONNECTOR:
        return notice_screen(seen, notice)
    if snapshot.token_waits:
        return choose_view(seen)
    evse = evse_of(snapshot, nav.focus)
    return home_view(seen) if evse is None else _session(seen, evse)


def _session(seen: Seen, evse: EvseView) -> View:
    transaction = evse.transaction
    if seen.nav.page is Page.UNLOCK and evse.has_lock and evse.state is not State.DELIVERING:
        return unlock_view(seen, evse)
    match evse.state:
        case State.AUTHORIZING:
            return authorizing_view(seen, evse)
        case State.PREPARING:
            return plug_in_view(seen, evse)
        case State.DELIVERING if transaction is not None:
            if seen.nav.page is Page.STOP:
                return stop_view(seen, evse, transaction)
            if seen.nav.page is Page.LIMIT_CODE:
                return limit_code_view(seen, evse)
            if seen.nav.page is Page.LIMIT:
                return limit_view(seen, evse, transaction)
            return charging_view(seen, evse, transaction)
        case State.PARKED if transaction is not None:
            return parked_view(seen, evse, transaction)
        case State.OUT_OF_SERVICE if seen.nav.page is Page.RECEIPT and evse.receipt is not None:
            return receipt_view(seen, evse, evse.receipt)
        case State.OUT_OF_SERVICE:
            return fault_screen(seen, evse)
        case State.IDLE if evse.receipt is not None:
            return receipt_view(seen, evse, evse.receipt)
        case State.IDLE if evse.reserved_for_phone:
            return reserved_view(seen, evse)
        case State.IDLE if seen.snapshot.chosen_evse == evse.evse_id:
            if seen.nav.page is Page.PRICES and evse.offer is not None:
                return prices_view(seen, evse, evse.offer)
            return identify_view(seen, evse)
        case State.IDLE:
            return home_view(seen)
        case _:
            return closing_view(seen, evse)
