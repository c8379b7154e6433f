"""Four digits, or the card: stop, free the cable, change a limit. One screen, three purposes."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.session.snapshot import EvseView, TransactionView
from kiosk.ui import acts
from kiosk.ui.acts import Act
from kiosk.ui.navigation import AT_THE_KEYPAD, CODE_LENGTH, current_notice, meter_is_stale
from kiosk.ui.views.frame import Frame, Seen, connector_words, frame


@dataclass(frozen=True, slots=True)
class KeypadView:
    """`missing` says how many digits are; None: the act may be done. `advice` stands where no amounts do."""

    frame: Frame
    advice: str | None
    so_far_words: str
    so_far: str
    energy_words: str
    energy: str
    is_stale: bool
    ask: str
    digits: str
    error: str | None
    or_card: str
    or_symbol: str  # card or phone
    back: str
    back_symbol: str
    do: str
    tint: str
    symbol: str
    missing: str | None
    do_act: Act


def stop_view(seen: Seen, evse: EvseView, transaction: TransactionView) -> KeypadView:
    say, formats = seen.say, seen.formats
    return KeypadView(
        frame=frame(seen, "stop", say("stop.title"), connector_words(seen, evse), "stop"),
        advice=None,
        so_far_words=say("stop.so_far"),
        so_far=formats.money(transaction.bill.total_minor, transaction.bill.currency),
        energy_words=say("stop.energy"),
        energy=formats.energy(transaction.energy_wh),
        is_stale=meter_is_stale(transaction) or seen.is_silent,
        ask=say("stop.ask"),
        digits=seen.nav.digits,
        error=_error(seen),
        or_card=say(f"stop.{_or(transaction)}"),
        or_symbol=_SIGNS[_or(transaction)],
        back=say("stop.keep"),
        back_symbol="bolt",
        do=say("stop.stop"),
        tint="stop",
        symbol="stop",
        missing=_missing(seen),
        do_act=acts.Stop(evse.evse_id),
    )


def unlock_view(seen: Seen, evse: EvseView) -> KeypadView:
    """Help for a cable that will not release."""
    return _plain(seen, evse, "unlock", "unlock", "unlock", acts.Unlock(evse.evse_id))


def limit_code_view(seen: Seen, evse: EvseView) -> KeypadView:
    """A limit set long after the start could stop a stranger's charge."""
    return _plain(seen, evse, "limit_code", "set", "check", acts.ConfirmLimit(evse.evse_id))


def _plain(seen: Seen, evse: EvseView, key: str, do: str, symbol: str, act: Act) -> KeypadView:
    say, shown = seen.say, evse.transaction or evse.receipt
    return KeypadView(
        frame=frame(seen, symbol, say(f"{key}.title"), connector_words(seen, evse)),
        advice=say(f"{key}.advice"),
        so_far_words="",
        so_far="",
        energy_words="",
        energy="",
        is_stale=False,
        ask=say(f"{key}.ask"),
        digits=seen.nav.digits,
        error=_error(seen),
        or_card=say(f"{key}.{_or(shown)}"),
        or_symbol=_SIGNS[_or(shown)],
        back=say(f"{key}.back"),
        back_symbol="back",
        do=say(f"{key}.{do}"),
        tint="charge",
        symbol=symbol,
        missing=_missing(seen),
        do_act=act,
    )


_SIGNS = {"or_card": "card", "or_voucher": "qr", "or_phone": "phone", "or_lost": "help"}


def _or(transaction: TransactionView | None) -> str:
    """What serves beside the digits: what it was begun with, but for a payment app's code, which stops nothing."""
    if transaction is not None and transaction.is_prepaid:
        return "or_voucher"
    if transaction is None or not transaction.is_by_phone:
        return "or_card"
    return "or_phone" if transaction.stops_by_phone else "or_lost"


def _error(seen: Seen) -> str | None:
    notice = current_notice(seen.snapshot)
    is_wrong = notice is not None and notice.code in AT_THE_KEYPAD and not seen.nav.digits
    return seen.say(f"notice.{notice.code.value}.title") if is_wrong and notice is not None else None


def _missing(seen: Seen) -> str | None:
    missing = CODE_LENGTH - len(seen.nav.digits)
    if missing == 1:
        return seen.say("stop.missing_one")
    return seen.say("stop.missing", count=missing) if missing else None
