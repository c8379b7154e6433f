"""From the chosen connector to the car: identify, authorizing, plug in."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.session.snapshot import EvseView, ReaderView, TransactionView
from kiosk.session.states import State
from kiosk.ui.acts import Act, Cancel
from kiosk.ui.tokens import SECONDS
from kiosk.ui.views.frame import Frame, Seen, connector_words, frame
from kiosk.ui.views.phone import PhoneWay, phone_way
from kiosk.ui.views.prices import price_words


@dataclass(frozen=True, slots=True)
class Way:
    """A way to identify with its reader's state."""

    kind: str  # card or code
    title: str
    text: str
    status: str
    is_good: bool


@dataclass(frozen=True, slots=True)
class IdentifyView:
    frame: Frame
    price: str
    terms: str
    all_prices: str  # "" where the terms say it all
    ways: tuple[Way, ...]
    phone: PhoneWay | None
    back: str
    kept: str
    kept_left: str
    phase: int
    stuck: str | None = None  # help for the former customer, whose cable is still in


@dataclass(frozen=True, slots=True)
class AuthorizingView:
    frame: Frame
    number: str
    title: str
    text: str
    waits: str | None
    lit: int
    cancel: str
    cancel_act: Act


@dataclass(frozen=True, slots=True)
class StepWords:
    title: str
    sub: str
    is_done: bool
    is_active: bool


@dataclass(frozen=True, slots=True)
class PlugInView:
    frame: Frame
    number: str
    connector_type: str
    phase: int
    is_in: bool
    steps: tuple[StepWords, ...]
    stop_note: str
    code_words: str
    code: str
    cancel: str
    cancel_act: Act
    kept: str
    kept_left: str


def identify_view(seen: Seen, evse: EvseView) -> IdentifyView:
    say = seen.say
    price = terms = all_prices = ""
    if evse.offer is not None:
        words = price_words(seen, evse, evse.offer)
        price, terms = words.headline, " · ".join(words.terms)
        terms += (" · " if len(words.terms) > 1 else "\n") + words.vat
        all_prices = seen.say("price.all") if words.varies else ""
    left_s = SECONDS["idle_end"] - (seen.now_s - seen.nav.touched_at_s)
    return IdentifyView(
        frame(
            seen,
            "charge",
            say("identify.title"),
            f"{connector_words(seen, evse)} · {say('connector.to_power', power=seen.formats.rating(evse.max_power_w))}",
        ),
        price,
        terms,
        all_prices,
        _ways(seen),
        phone_way(seen, evse),
        say("identify.back"),
        say("frame.kept", number=evse.evse_id),
        say("frame.left", left=seen.formats.duration(left_s + 0.999)),
        seen.phase,
        say("unlock.stuck") if evse.has_lock and evse.held else None,
    )


def _ways(seen: Seen) -> tuple[Way, ...]:
    ways = []
    for kind, name in (("nfc", "card"), ("qr", "code")):
        readers = [reader for reader in seen.snapshot.readers if reader.kind == kind]
        if readers:
            ways.append(_reader_way(seen, name, readers))
    return tuple(ways)


def _reader_way(seen: Seen, name: str, readers: list[ReaderView]) -> Way:
    is_good = any(reader.is_good for reader in readers)
    status = seen.say(f"identify.{name}_{'ready' if is_good else 'broken'}")
    text = f"identify.{name}_text{'' if seen.phones_are_taken else '_no_phones'}"
    return Way(name, seen.say(f"identify.{name}"), seen.say(text), status, is_good)


def authorizing_view(seen: Seen, evse: EvseView) -> AuthorizingView:
    say, about = seen.say, "_payment" if evse.asks_payment else ""
    waits = None
    if seen.now_s - seen.nav.touched_at_s >= SECONDS["asked_after"]:
        waits = say("authorizing.waits_server" if seen.snapshot.is_online else "authorizing.waits_offline")
    return AuthorizingView(
        frame(seen, "card", say(f"authorizing.title{about}"), connector_words(seen, evse)),
        str(evse.evse_id),
        say("authorizing.one_moment"),
        say(f"authorizing.text{about}"),
        waits,
        seen.phase,
        say("authorizing.cancel"),
        Cancel(evse.evse_id),
    )


def plug_in_view(seen: Seen, evse: EvseView) -> PlugInView:
    say, transaction = seen.say, evse.transaction
    number = evse.evse_id
    is_in = evse.pilot is not None and evse.pilot.is_connected
    asks = evse.pilot is not None and evse.pilot.asks_for_energy
    offer = transaction.offer if transaction else evse.offer
    price = price_words(seen, evse, offer).headline if offer else ""
    accepted = say("plug_in.accepted_offline" if transaction and transaction.is_offline else "plug_in.accepted_text")
    if transaction and transaction.is_prepaid:
        accepted = say("plug_in.accepted_prepaid")
        if transaction.cap_minor is not None:
            cap = seen.formats.money(transaction.cap_minor, transaction.bill.currency)
            accepted = say("plug_in.accepted_up_to", cap=cap)
    if transaction and transaction.is_by_phone and transaction.cap_minor is not None:
        held = seen.formats.money(transaction.cap_minor, transaction.bill.currency)
        accepted = say("plug_in.accepted_phone", cap=held)
    waits = say("plug_in.starting_text" if asks else "plug_in.waiting_text")
    if evse.offered_a == 0 and any(cause.startswith("site_limit:") for cause in evse.why):
        waits = say("plug_in.turn_text")
    steps = (
        StepWords(say("plug_in.accepted"), accepted, True, False),
        StepWords(say("plug_in.plug", number=number), say("plug_in.plug_text"), is_in, not is_in),
        StepWords(say("plug_in.starts"), waits if is_in else price, False, is_in),
    )
    title = say("plug_in.title", number=number)
    sub = say("plug_in.sub")
    if is_in:
        title, sub = say("plug_in.title_in"), connector_words(seen, evse)
    left_s = evse.deadline_in_s if evse.state is State.PREPARING else None
    by_phone = transaction is not None and transaction.is_by_phone
    return PlugInView(
        frame(seen, "charge", title, sub),
        str(number),
        evse.connector_type,
        seen.phase,
        is_in,
        steps,
        say(f"plug_in.{_stop_note(transaction)}"),
        say("plug_in.stop_code"),
        " ".join(transaction.stop_code) if transaction else "",
        say("plug_in.cancel"),
        Cancel(number),
        say("frame.kept_card", token=transaction.token)
        if transaction and transaction.token and not by_phone and not transaction.is_prepaid
        else say("frame.kept", number=number),
        say("frame.left", left=seen.formats.duration(left_s)) if left_s is not None else "",
    )


def _stop_note(transaction: TransactionView | None) -> str:
    """How it is stopped: with what, beside the digits that follow where there are any."""
    has_code = transaction is not None and bool(transaction.stop_code)
    if transaction is not None and transaction.is_prepaid:
        return "stop_note_voucher" if has_code else "stop_voucher"
    if transaction is None or not transaction.is_by_phone:
        return "stop_note" if has_code else "stop_card"
    if not transaction.stops_by_phone:
        return "stop_note_code"
    return "stop_note_phone" if has_code else "stop_phone"
