"""p1, the page behind a device's address: is it this one, what does it cost, how much, start. Pure.

Law: the words follow what is true now, and nothing is promised for a connector that cannot be started from a phone.
What a refusal or a wrong code says stands beside what was typed, which is kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Any

from markupsafe import Markup

from billing.pages.phone_amounts import Amounts, Estimate, amounts_of, estimate, estimates
from billing.pages.phone_words import Speech
from billing.pages.render import number
from contract.device_code import CODE_DIGITS
from contract.parking_reserve import charge_cap_of_guest
from contract.tariff import TariffOffer
from contract.words import tariff_words

REFUSALS = ("insufficient_funds", "blocked", "expired_token", "used_token", "unknown_token", "declined")


class DeviceState(StrEnum):
    FREE = "free"
    OCCUPIED = "occupied"
    RESERVED = "reserved"
    OUT_OF_SERVICE = "out_of_service"
    NOT_REACHABLE = "not_reachable"
    NO_PAYMENT = "no_payment"  # this server has no payment provider a phone could use


class Proof(StrEnum):
    """What is known about whether the phone stands before this kiosk."""

    NEEDED = "needed"  # the short code has to be typed
    SCANNED = "scanned"  # the signed address on the screen was
    OLD_SCAN = "old_scan"
    KEPT = "kept"  # proved before, for the payment that was refused
    WRONG = "wrong"
    MISSING = "missing"
    RESTS = "rests"


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another connector that could be started now."""

    kiosk_id: str
    kiosk_name: str
    evse_id: int
    is_same_price: bool


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """One EVSE as a phone finds it. `most_minor`: what may be held here; `until`: of a reservation."""

    kiosk_id: str
    kiosk_name: str
    place: str
    time_zone: str
    evse_id: int
    max_power_w: int
    offer: TariffOffer
    most_minor: int
    state: DeviceState = DeviceState.FREE
    until: datetime | None = None
    last_heard: datetime | None = None
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the phone brought along. `refusal`: the payment provider's code, or ""; `wait_s` of slowed guessing."""

    amount_minor: int | None = None
    proof: Proof = Proof.NEEDED
    tries_left: int | None = None
    wait_s: int = 0
    typed: str = ""
    refusal: str = ""
    has_changed: bool = False  # the price, while the page was open
    has_bad_amount: bool = False


def device_page(facts: DeviceFacts, asked: Asked, language: str, now: datetime) -> dict[str, Any]:
    """The values of phone_device.html."""
    speech = Speech(language, facts.time_zone, facts.offer.tariff.currency)
    values: dict[str, Any] = {
        "say": speech.say,
        "facts": facts,
        "heading": f"{facts.kiosk_name} · {speech.say('page.connector', evse=facts.evse_id)}",
        "place": " · ".join(
            part for part in (facts.place, f"{speech.kilowatts(facts.max_power_w, 0)}\u00a0kW") if part
        ),
        "prices": tariff_words(facts.offer, language),
        "chip": _chip(facts, speech),
        "trouble": _trouble(facts, speech),
        "alternatives": [_alternative(one, speech) for one in facts.alternatives],
        # What a kiosk that is not heard has free is not known.
        "none_free": "" if facts.state is DeviceState.NOT_REACHABLE else speech.say("device.none_free"),
    }
    if facts.state is DeviceState.FREE:
        values |= _form(facts, asked, speech, now)
    return values


def _chip(facts: DeviceFacts, speech: Speech) -> tuple[str, str]:
    kind = {DeviceState.FREE: "ok", DeviceState.OUT_OF_SERVICE: "bad", DeviceState.NOT_REACHABLE: "stale"}
    text = speech.say(f"device.{facts.state.value}")
    if facts.state is DeviceState.RESERVED and facts.until is not None:
        text = speech.say("device.reserved_until", time=speech.clock(facts.until))
    return kind.get(facts.state, "warn"), text


def _trouble(facts: DeviceFacts, speech: Speech) -> tuple[str, ...]:
    """Heading, meaning, and what else may be done; empty for a connector that is free."""
    state = facts.state.value
    if facts.state is DeviceState.FREE:
        return ()
    if facts.state is DeviceState.NOT_REACHABLE:
        key = "not_reachable_means" if facts.last_heard is not None else "not_reachable_never"
        time = "" if facts.last_heard is None else speech.clock(facts.last_heard)
        return (
            speech.say("device.not_reachable_heading"),
            speech.say(f"device.{key}", **({"time": time} if time else {})),
            speech.say("device.not_reachable_card"),
        )
    if facts.state is DeviceState.RESERVED:
        time = "" if facts.until is None else speech.clock(facts.until)
        return (speech.say("device.reserved_heading"), speech.say("device.reserved_means", time=time))
    return (speech.say(f"device.{state}_heading"), speech.say(f"device.{state}_means"))


def _alternative(one: Alternative, speech: Speech) -> tuple[str, str]:
    """Its address and a sentence."""
    device = f"{one.kiosk_name} · {speech.say('page.connector', evse=one.evse_id)}"
    key = "device.free_near" if one.is_same_price else "device.free_other_price"
    return f"/d/{one.kiosk_id}/{one.evse_id}", speech.say(key, device=device)


def _form(facts: DeviceFacts, asked: Asked, speech: Speech, now: datetime) -> dict[str, Any]:
    amounts = amounts_of(speech.currency, facts.most_minor)
    chosen = amounts.nearest(amounts.usual if asked.amount_minor is None else asked.amount_minor)
    bought = estimate(facts.offer, charge_cap_of_guest(chosen, facts.offer), facts.max_power_w, now)
    return {
        "amounts": amounts,
        "chosen": chosen,
        "amount": speech.money(chosen),
        "bought": _bought(bought, speech),
        "table": _table(facts, amounts, speech, now),
        "digits": CODE_DIGITS,
        "needs_code": asked.proof not in (Proof.SCANNED, Proof.KEPT),
        "proof": asked.proof.value,
        "typed": asked.typed if asked.proof in (Proof.WRONG, Proof.RESTS, Proof.MISSING) else "",
        "code_says": _code_says(facts, asked, speech, now),
        "promise": speech.rich("hold.promise", amount=_live(speech.money(chosen))),
        "refusal": _refusal(asked, speech, chosen),
        "note": _note(asked, amounts, speech),
        "never_more": _never_more(facts, chosen, speech),
    }


def _live(amount: str, name: str = "amount") -> Markup:
    """An amount that the script changes while the slider moves."""
    return Markup("<b data-{}>{}</b>").format(name, amount)


def _never_more(facts: DeviceFacts, chosen: int, speech: Speech) -> Markup:
    """Where the charge ends so that staying plugged in is covered too; "" where that costs nothing."""
    if not facts.offer.tariff.bills_parking:
        return Markup("")
    ends, kept = (_live(text, name) for text, name in zip(_kept(facts, chosen, speech), ("ends", "kept"), strict=True))
    return speech.rich("hold.never_more", ends=ends, kept=kept, amount=_live(speech.money(chosen)))


def _kept(facts: DeviceFacts, amount_minor: int, speech: Speech) -> tuple[str, str]:
    """The amount a charge ends at, and what is kept for parking."""
    ends_minor = charge_cap_of_guest(amount_minor, facts.offer)
    return speech.money(ends_minor), speech.money(amount_minor - ends_minor)


def _bought(one: Estimate, speech: Speech) -> tuple[str, str]:
    """About how much energy, and how long it takes."""
    if one.energy_wh == 0:
        return speech.say("amount.nothing_for_it"), ""
    if one.is_full:
        return speech.say("amount.full"), ""
    # Rounded down: an estimate promises no more than it has.
    shown = number((Decimal(one.energy_wh) / 1000).quantize(Decimal("0.1"), ROUND_DOWN), 1, speech.language)
    return speech.say("amount.about_energy", kwh=shown), speech.say(
        "amount.about_time", time=speech.lasting(one.duration_s)
    )


def _table(facts: DeviceFacts, amounts: Amounts, speech: Speech, now: datetime) -> str:
    """What the script shows while the slider moves, for each choice and in the server's words."""
    ends = tuple(charge_cap_of_guest(amount, facts.offer) for amount in amounts.all)
    found = estimates(facts.offer, ends, facts.max_power_w, now)
    rows = [
        [speech.money(amount), *_bought(one, speech), *_kept(facts, amount, speech)]
        for amount, one in zip(amounts.all, found, strict=True)
    ]
    return json.dumps(rows, ensure_ascii=False)


def _code_says(facts: DeviceFacts, asked: Asked, speech: Speech, now: datetime) -> str:
    match asked.proof:
        case Proof.WRONG:
            words = speech.say("code.wrong", device=facts.kiosk_name)
            if asked.wait_s:
                return words + " " + _rests(asked, speech, now)
            if asked.tries_left == 1:
                return f"{words} {speech.say('code.wrong_last')}"
            return (
                words
                if asked.tries_left is None
                else f"{words} {speech.say('code.wrong_left', count=asked.tries_left)}"
            )
        case Proof.RESTS:
            return _rests(asked, speech, now)
        case Proof.MISSING:
            return speech.say("code.missing", digits=CODE_DIGITS)
        case _:
            return ""


def _rests(asked: Asked, speech: Speech, now: datetime) -> str:
    return speech.say("code.rests", time=speech.clock(now + timedelta(seconds=asked.wait_s), "HH:mm:ss"))


def _refusal(asked: Asked, speech: Speech, chosen: int) -> str:
    if not asked.refusal:
        return ""
    key = asked.refusal if asked.refusal in REFUSALS else "other"
    amount = {"amount": speech.money(chosen)} if key == "insufficient_funds" else {}
    return speech.say(f"refused.{key}", **amount)


def _note(asked: Asked, amounts: Amounts, speech: Speech) -> str:
    if asked.has_changed:
        return speech.say("hold.changed")
    if asked.has_bad_amount:
        return speech.say("hold.choose_again", least=speech.money(amounts.least), most=speech.money(amounts.most))
    return ""
