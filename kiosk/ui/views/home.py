"""The first screen, and the choice of a connector for a card that was read already."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.session.snapshot import Availability, EvseView, NoticeCode
from kiosk.session.states import State
from kiosk.ui.acts import Act, Choose, More, Show
from kiosk.ui.navigation import current_notice
from kiosk.ui.views.frame import Frame, Seen, frame
from kiosk.ui.views.phone import PhoneCard, phone_card
from kiosk.ui.views.prices import price_words, vat_words

HOME_TILES = 4
CHOOSE_TILES = 3


@dataclass(frozen=True, slots=True)
class Tile:
    """One connector. `act` None with `why` means it cannot be chosen; `tone` is free, busy or broken."""

    number: str
    type: str
    power: str
    price: str
    note: str
    status: str
    symbol: str
    tone: str
    action: str
    act: Act | None
    is_choice: bool


@dataclass(frozen=True, slots=True)
class HomeView:
    frame: Frame
    tiles: tuple[Tile, ...]
    more: Act | None
    more_words: str
    phone: PhoneCard | None
    reader: str
    reader_is_good: bool
    vat: str


@dataclass(frozen=True, slots=True)
class ChooseView:
    """A card was read and waits; the touch starts the charge, so the price stands on each card."""

    frame: Frame
    tiles: tuple[Tile, ...]
    more: Act | None
    more_words: str
    back: str
    waits: str
    waits_left: str


def home_view(seen: Seen) -> HomeView:
    snapshot = seen.snapshot
    tiles, more = _page(seen, HOME_TILES, as_choice=False)
    reader, is_good = reader_words(seen)
    offers = [evse.offer for evse in snapshot.evses if evse.offer is not None]
    vats = {vat_words(seen, offer) for offer in offers}
    vat = vats.pop() if len(vats) == 1 else (seen.say("price.vat_mixed") if vats else "")
    sub = f"{snapshot.place} · {snapshot.kiosk_id}" if snapshot.place else snapshot.kiosk_id
    return HomeView(
        frame(seen, "brand", snapshot.operator or seen.say("home.title"), sub, "brand"),
        tiles,
        more,
        seen.say("home.more"),
        phone_card(seen),
        reader,
        is_good,
        vat,
    )


def choose_view(seen: Seen) -> ChooseView:
    tiles, more = _page(seen, CHOOSE_TILES, as_choice=True)
    left = seen.snapshot.token_waits_s
    return ChooseView(
        frame(seen, "charge", seen.say("choose.title"), _why_asked(seen)),
        tiles,
        more,
        seen.say("home.more"),
        seen.say("choose.back"),
        seen.say(f"choose.waits{_of_code(seen)}", token=seen.snapshot.token_waiting),
        seen.say("frame.left", left=seen.formats.duration(left)) if left is not None else "",
    )


def _why_asked(seen: Seen) -> str:
    """Which card it is; or that the connector that was touched is none for it, where that is so."""
    notice = current_notice(seen.snapshot)
    number = notice.evse_id if notice is not None and notice.code is NoticeCode.WHICH_CONNECTOR else None
    if number is not None and number not in (*seen.snapshot.token_starts, *seen.snapshot.token_stops):
        return seen.say(f"choose.busy{_of_code(seen)}", number=number)
    return seen.say(f"choose.sub{_of_code(seen)}", token=seen.snapshot.token_waiting)


def _of_code(seen: Seen) -> str:
    return "_code" if seen.snapshot.token_is_code else ""


def _page(seen: Seen, size: int, as_choice: bool) -> tuple[tuple[Tile, ...], Act | None]:
    evses = seen.snapshot.evses
    pages = max(1, -(-len(evses) // size))
    first = seen.nav.first_tile % pages * size
    tiles = tuple(tile(seen, evse, as_choice) for evse in evses[first : first + size])
    return tiles, More() if pages > 1 else None


def tile(seen: Seen, evse: EvseView, as_choice: bool) -> Tile:
    status, symbol, tone, is_choice = _status(seen, evse)
    stops = as_choice and evse.evse_id in seen.snapshot.token_stops
    if as_choice:
        is_choice = stops or evse.evse_id in seen.snapshot.token_starts
    price, note = seen.say("price.none"), seen.say("price.none_note")
    if evse.offer is not None:
        words = price_words(seen, evse, evse.offer)
        price, note = words.headline, " · ".join(words.terms)
        if words.varies:
            note += "\n" + seen.say("price.varies")
    act: Act | None = None
    if is_choice:
        action = seen.say("home.stop_it" if stops else "home.choose", number=evse.evse_id)
        act = Choose(evse.evse_id)
    elif as_choice or tone == "closed":
        action = seen.say("home.not_free")
    else:
        act, action = Show(evse.evse_id), seen.say("home.show" if tone == "busy" else "home.why")
    return Tile(
        str(evse.evse_id),
        evse.connector_type,
        seen.formats.rating(evse.max_power_w),
        price,
        note,
        status,
        symbol,
        tone,
        action,
        act,
        is_choice,
    )


def _status(seen: Seen, evse: EvseView) -> tuple[str, str, str, bool]:
    """Word, sign, tone, and whether a new charge may begin here."""
    if evse.state is State.OUT_OF_SERVICE or evse.status is Availability.FAULTED:
        return seen.say("status.out_of_service"), "cross", "broken", False
    if evse.state is State.PARKED:
        return seen.say("status.parked"), "check", "busy", False
    if evse.state is State.DELIVERING and evse.transaction is not None:
        energy = seen.formats.energy_about(evse.transaction.energy_wh)
        return seen.say("status.in_use_energy", energy=energy), "clock", "busy", False
    if evse.state is not State.IDLE:
        return seen.say("status.in_use"), "clock", "busy", False
    if evse.offer is None:
        return seen.say("status.no_price"), "clock", "closed", False
    if evse.is_blocked:
        return seen.say("status.blocked"), "cross", "closed", False
    if evse.reserved_for_phone and evse.reserved_s is not None:
        left = seen.formats.duration(evse.reserved_s + 0.999)
        return seen.say("status.reserved_phone", left=left), "phone", "busy", False
    if evse.reserved_until is not None:
        # Whom it is kept for may touch it as well; the card then shows who that is.
        return seen.say("status.reserved", time=seen.formats.clock(evse.reserved_until)), "hand", "free", True
    if evse.status is Availability.UNAVAILABLE:
        return seen.say("status.unavailable"), "cross", "closed", False
    if evse.goes_on:
        return seen.say("status.goes_on"), "clock", "free", True
    if evse.held:
        return seen.say("status.held"), "clock", "free", True
    if evse.pilot is not None and evse.pilot.is_connected:
        return seen.say("status.car_connected"), "car", "free", True
    return seen.say("status.free"), "check", "free", True


def reader_words(seen: Seen) -> tuple[str, bool]:
    """Which readers work, in one sentence; True where at least one does."""
    good = {reader.kind for reader in seen.snapshot.readers if reader.is_good}
    kinds = {reader.kind for reader in seen.snapshot.readers}
    if good == {"nfc", "qr"}:
        return seen.say("readers.both"), True
    if "nfc" in good:
        return seen.say("readers.card_only" if "qr" in kinds else "readers.card"), True
    if "qr" in good:
        return seen.say("readers.code_only" if "nfc" in kinds else "readers.code"), True
    return seen.say("readers.none"), False


def free_elsewhere(seen: Seen, evse_id: int) -> EvseView | None:
    """Another connector where somebody else may begin."""
    others = (evse for evse in seen.snapshot.evses if evse.evse_id != evse_id)
    free = (evse for evse in others if not evse.held and evse.reserved_until is None)
    return next((evse for evse in free if _status(seen, evse)[3]), None)
