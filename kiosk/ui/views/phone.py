"""Paying by phone as the screen tells it: the card of the first screen, the way beside card and code, the waiting."""

from __future__ import annotations

from dataclasses import dataclass

from contract.device_code import hinted
from kiosk.session.snapshot import EvseView, PhoneCode
from kiosk.ui import acts
from kiosk.ui.acts import Act
from kiosk.ui.views.frame import Frame, Seen, connector_words, frame


@dataclass(frozen=True, slots=True)
class PhoneCard:
    """Beside the connectors: a code to scan, or why there is none. `code` is typed after a sticker was scanned."""

    title: str
    qr: str = ""  # the payload; "" where nobody can pay by phone now
    below: str = ""  # which connector, or an address to read
    code: str = ""
    note: str = ""
    sorry: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class PhoneWay:
    """`qr` "" with `sorry` and `instead` where it is not possible now."""

    title: str
    qr: str
    code_words: str
    code: str
    sorry: str
    instead: str
    status: str


@dataclass(frozen=True, slots=True)
class ReservedView:
    """Somebody pays on their phone; until then nobody else begins here."""

    frame: Frame
    number: str
    until: str
    left: str
    text: str
    stranger: str
    back: str | None
    back_act: Act


def phone_card(seen: Seen) -> PhoneCard | None:
    """For the connector where somebody waits with a cable in, else the first free one; a receipt where none is free."""
    say, snapshot = seen.say, seen.snapshot
    if not snapshot.address:
        return None
    if snapshot.phone_problem is not None and seen.phones_are_taken:
        sorry = say(f"phone.{snapshot.phone_problem.value}")
        below = say("phone.receipts", address=_readable(snapshot.address))
        return PhoneCard(say("phone.not_now"), sorry=sorry, instead=_instead(seen), below=below)
    evse = _offered(seen)
    if evse is None or evse.phone is None:
        below = _readable(snapshot.address)
        return PhoneCard(say("home.phone"), snapshot.address, below, note=say("home.phone_note"))
    below = say("connector.short", number=evse.evse_id) if len(snapshot.evses) > 1 else say("phone.code")
    return PhoneCard(say("phone.title"), _address(seen, evse.phone), below, spaced(evse.phone.code), say("phone.note"))


def phone_way(seen: Seen, evse: EvseView) -> PhoneWay | None:
    """None where this connector is kept for somebody whom the phone would not show, and where no phone can pay."""
    say, problem = seen.say, seen.snapshot.phone_problem
    if not seen.phones_are_taken:
        return None
    if problem is not None:
        words = say(f"phone.{problem.value}"), _instead(seen)
        return PhoneWay(say("phone.way"), "", "", "", *words, say("phone.way_not_now"))
    if evse.phone is None:
        return None
    return PhoneWay(
        say("phone.way"), _address(seen, evse.phone), say("phone.code"), spaced(evse.phone.code), "", "", ""
    )


def reserved_view(seen: Seen, evse: EvseView) -> ReservedView:
    say, formats = seen.say, seen.formats
    is_in = evse.pilot is not None and evse.pilot.is_connected
    until = formats.clock(evse.reserved_until) if evse.reserved_until is not None else "–:––"
    return ReservedView(
        frame(seen, "phone", say("reserved.title"), connector_words(seen, evse)),
        str(evse.evse_id),
        say("reserved.until", time=until),
        say("frame.left", left=formats.duration((evse.reserved_s or 0.0) + 0.999)),
        say("reserved.text" if is_in else "reserved.text_plug", number=evse.evse_id),
        say("reserved.stranger"),
        say("reserved.others") if len(seen.snapshot.evses) > 1 else None,
        acts.Home(),
    )


def _address(seen: Seen, phone: PhoneCode) -> str:
    return hinted(phone.address, seen.nav.language)


def spaced(code: str) -> str:
    """As it is read aloud: two times three digits."""
    return f"{code[:3]}\u00a0{code[3:]}"


def _offered(seen: Seen) -> EvseView | None:
    payable = [evse for evse in seen.snapshot.evses if evse.phone is not None]
    plugged = [evse for evse in payable if evse.pilot is not None and evse.pilot.is_connected]
    return next(iter(plugged + payable), None)


def _instead(seen: Seen) -> str:
    """What works without the network, of what works here."""
    good = {reader.kind for reader in seen.snapshot.readers if reader.is_good}
    if not good:
        return seen.say("phone.use_none", phone=seen.snapshot.helpline) if seen.snapshot.helpline else ""
    if good >= {"nfc", "qr"}:
        return seen.say("phone.use_both")
    return seen.say("phone.use_nfc" if "nfc" in good else "phone.use_qr")


def _readable(address: str) -> str:
    return address.split("://", 1)[-1].lower()
