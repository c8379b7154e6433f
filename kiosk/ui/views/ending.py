"""After the energy: parked, the last reading, the receipt."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from contract.printed import PrintedKind
from contract.tariff import Dimension
from contract.transaction import StoppedReason
from kiosk.session.snapshot import EvseView, PriceLine, TransactionView
from kiosk.ui import acts
from kiosk.ui.acts import Act, Page
from kiosk.ui.views.charging import sum_words
from kiosk.ui.views.frame import Frame, Seen, connector_words, frame
from kiosk.ui.views.home import free_elsewhere
from kiosk.ui.views.prices import parking_words, per_time, unit_price


@dataclass(frozen=True, slots=True)
class TimelineWords:
    """Shares of the line, and the words above and below it."""

    charged: float
    free: float
    now: float
    above: tuple[str, str, str]
    start: str
    now_words: str
    fee_from: str


@dataclass(frozen=True, slots=True)
class ParkedView:
    frame: Frame
    so_far_words: str
    so_far: str
    sum: str
    is_paying: bool
    fee: str
    left: str
    then: str
    timeline: TimelineWords | None
    unplug: str
    unplug_sub: str
    others: str | None
    others_act: Act
    stuck: str | None
    stuck_act: Act


@dataclass(frozen=True, slots=True)
class ClosingView:
    frame: Frame
    title: str
    text: str
    so_far_words: str
    so_far: str
    energy_words: str
    energy: str
    lit: int


@dataclass(frozen=True, slots=True)
class LineWords:
    what: str
    detail: str
    amount: str


@dataclass(frozen=True, slots=True)
class ReceiptView:
    frame: Frame
    lines: tuple[LineWords, ...]
    total_words: str
    total: str
    vat: str
    why: str
    rest: str  # what happens to the rest of a voucher
    scan: str
    payload: str
    no_account: str
    receipt_no: str
    next: str
    clears: str
    done: str
    done_act: Act
    stuck: str | None
    stuck_act: Act


def parked_view(seen: Seen, evse: EvseView, transaction: TransactionView) -> ParkedView:
    say, formats, bill = seen.say, seen.formats, transaction.bill
    parking = transaction.offer.tariff.component(Dimension.PARKING_TIME)
    fee_from, at = transaction.parking_fee_from, seen.snapshot.at
    is_paying = fee_from is not None and at >= fee_from
    price = per_time(seen, parking.gross, bill.currency) if parking is not None else ""
    if fee_from is None:
        fee, left, then = say("parked.no_fee"), say("parked.unplug_soon"), parking_words(seen, transaction.offer)
    elif is_paying:
        fee = say("parked.fee_runs", time=formats.clock(fee_from))
        left, then = price, say("parked.until_unplug")
    else:
        minutes = max(1, -(-int((fee_from - at).total_seconds()) // 60))
        fee = say("parked.fee_starts", time=formats.clock(fee_from))
        left, then = say("parked.left", minutes=minutes), say("parked.then", price=price)
    is_guest = transaction.is_prepaid or transaction.is_by_phone
    if fee_from is not None and is_guest and transaction.cap_minor is not None:
        then = say("parked.at_most", cap=formats.money(transaction.cap_minor, bill.currency))
        if transaction.parking_is_free:
            used_up = say("parked.used_up_phone" if transaction.is_by_phone else "parked.used_up")
            fee, left = used_up, say("parked.free_now")
    other = free_elsewhere(seen, evse.evse_id)
    return ParkedView(
        frame(
            seen,
            "check",
            say("parked.title"),
            f"{seen.say('connector.short', number=evse.evse_id)} · {reason_words(seen, transaction)}",
        ),
        say("parked.so_far"),
        formats.money(bill.total_minor, bill.currency),
        sum_words(seen, transaction),
        is_paying,
        fee,
        left,
        then,
        _timeline(seen, transaction),
        say("parked.unplug"),
        say("parked.unplug_sub"),
        (say("charging.other_free", number=other.evse_id) if other else say("charging.others"))
        if len(seen.snapshot.evses) > 1
        else None,
        acts.Home(),
        say("unlock.stuck") if evse.has_lock else None,
        acts.Open(Page.UNLOCK),
    )


def _timeline(seen: Seen, transaction: TransactionView) -> TimelineWords | None:
    """Charged, free and paid in proportion, each wide enough for its words."""
    fee_from = transaction.parking_fee_from
    if fee_from is None or transaction.parked_s is None:
        return None
    formats, at = seen.formats, seen.snapshot.at
    grace_s = transaction.offer.parking_grace_s
    charged, free = (0.42, 0.34) if grace_s else (0.58, 0.0)
    if at < fee_from and grace_s:
        now = charged + free * min(1.0, transaction.parked_s / grace_s)
    else:
        paid_s = (at - fee_from).total_seconds()
        now = charged + free + (1 - charged - free) * min(0.96, paid_s / 3600)
    free_words = seen.say("parked.line_free", minutes=grace_s // 60) if grace_s else ""
    above = (seen.say("parked.line_charged"), free_words, seen.say("parked.line_paid"))
    return TimelineWords(
        charged,
        free,
        round(now, 3),
        above,
        formats.clock(transaction.started_at),
        seen.say("parked.line_now", time=formats.clock(at)),
        formats.clock(fee_from),
    )


def reason_words(seen: Seen, transaction: TransactionView) -> str:
    reason = transaction.stopped_reason or StoppedReason.OTHER
    return seen.say(f"reason.{reason.value}")


def closing_view(seen: Seen, evse: EvseView) -> ClosingView:
    say, transaction = seen.say, evse.transaction
    so_far = energy = ""
    if transaction is not None:
        so_far = seen.formats.money(transaction.bill.total_minor, transaction.bill.currency)
        energy = seen.formats.energy(transaction.energy_wh)
    return ClosingView(
        frame(seen, "clock", say("closing.title"), connector_words(seen, evse)),
        say("closing.one_moment"),
        say("closing.text"),
        say("parked.so_far"),
        so_far,
        say("charging.energy"),
        energy,
        seen.phase,
    )


MOST_LINES = 4


def receipt_view(seen: Seen, evse: EvseView, receipt: TransactionView) -> ReceiptView:
    say, formats, bill = seen.say, seen.formats, receipt.bill
    lines = _lines(seen, evse, receipt)
    if not lines:
        text = say("receipt.nothing_text")
        lines = (LineWords(say("receipt.nothing"), text, formats.money(0, bill.currency)),)
    ended = receipt.ended_at or seen.snapshot.at
    total = formats.money(bill.total_minor, bill.currency)
    clears_s = evse.receipt_in_s
    place = f"{seen.snapshot.place} · " if seen.snapshot.place else ""
    next_words = "receipt.unplug" if evse.pilot is not None and evse.pilot.is_connected else "receipt.drive"
    paid_by = "title_prepaid" if receipt.is_prepaid else "title_phone" if receipt.is_by_phone else "title"
    title = say(f"receipt.{paid_by}", total=total)
    if not bill.total_minor:
        title = say("receipt.title_nothing")
    return ReceiptView(
        frame(seen, "receipt", title, f"{place}{formats.date(ended)}, {formats.clock(ended)}"),
        lines,
        say("receipt.total"),
        total,
        say("receipt.vat", vat=formats.money(bill.vat_minor, bill.currency)),
        reason_words(seen, receipt),
        _rest_words(seen, receipt),
        say("receipt.scan"),
        receipt.receipt_url,
        say("receipt.no_account"),
        say("receipt.number", number=short_id(receipt.receipt_id)),
        say(next_words),
        say("receipt.clears", left=formats.duration(clears_s)) if clears_s is not None else "",
        say("receipt.done"),
        acts.DismissReceipt(evse.evse_id),
        say("unlock.stuck") if evse.has_lock and evse.held else None,
        acts.Open(Page.UNLOCK),
    )


def _rest_words(seen: Seen, receipt: TransactionView) -> str:
    """Of a voucher, or of what was held for a phone, that was not used up; "" for any other."""
    is_guest = receipt.is_prepaid or receipt.is_by_phone
    if not is_guest or receipt.cap_minor is None or receipt.bill.total_minor >= receipt.cap_minor:
        return ""
    currency = receipt.bill.currency
    rest = seen.formats.money(receipt.cap_minor - receipt.bill.total_minor, currency)
    if receipt.is_by_phone:
        return seen.say("receipt.rest_phone", held=seen.formats.money(receipt.cap_minor, currency), rest=rest)
    return seen.say("receipt.rest", rest=rest)


def _lines(seen: Seen, evse: EvseView, receipt: TransactionView) -> tuple[LineWords, ...]:
    """What does not fit is one line, so that what is shown still sums to the total."""
    bill = receipt.bill
    if len(bill.lines) <= MOST_LINES:
        return tuple(_line(seen, evse, line, bill.currency) for line in bill.lines)
    shown, rest = bill.lines[: MOST_LINES - 1], bill.lines[MOST_LINES - 1 :]
    amount = seen.formats.money(sum(line.amount_minor for line in rest), bill.currency)
    further = LineWords(seen.say("receipt.further", count=len(rest)), seen.say("receipt.further_text"), amount)
    return (*(_line(seen, evse, line, bill.currency) for line in shown), further)


def _line(seen: Seen, evse: EvseView, line: PriceLine, currency: str) -> LineWords:
    quantity, gross = Decimal(line.quantity), Decimal(line.unit_price_gross)
    amount = seen.formats.money(line.amount_minor, currency)
    match line.dimension:
        case PrintedKind.ENERGY:
            what = seen.say("receipt.energy", number=evse.evse_id)
            price = unit_price(seen, gross, currency)
            return LineWords(what, f"{seen.formats.quantity_kwh(quantity)} × {price}", amount)
        case PrintedKind.FLAT | PrintedKind.RESERVATION_FLAT:
            times = f"{seen.formats.number(quantity, 0, 0)} × {unit_price(seen, gross, currency)}"
            return LineWords(seen.say(f"receipt.{_NAMES[line.dimension]}"), times, amount)
        case PrintedKind.MIN_PRICE | PrintedKind.MAX_PRICE as kind:
            return LineWords(seen.say(f"receipt.{kind.lower()}"), seen.say(f"receipt.{kind.lower()}_text"), amount)
        case kind:
            minutes = seen.formats.number(quantity * 60, 0, 1)
            rate = per_time(seen, gross, currency)
            what = seen.say(f"receipt.{_NAMES[kind]}")
            return LineWords(what, seen.say("receipt.minutes", minutes=minutes, price=rate), amount)


_NAMES: dict[str, str] = {
    PrintedKind.TIME: "time",
    PrintedKind.PARKING_TIME: "parking",
    PrintedKind.FLAT: "flat",
    PrintedKind.RESERVATION_TIME: "reservation",
    PrintedKind.RESERVATION_FLAT: "reservation_fee",
}


def short_id(receipt_id: str) -> str:
    """Enough of the receipt's number to say on the phone."""
    letters = receipt_id.replace("-", "").upper()
    return f"{letters[:4]}-{letters[4:8]}"
