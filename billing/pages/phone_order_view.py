"""p2, p3 and p5, the pages behind an order's link: pay, plug in, charge, stop, receipt, trouble. Pure.

Law:
- The heading is the answer, the sum stands under the amount, and a value that is old is told as old.
- A page in trouble says what happened, what it means for the money, what to do now, and what happens by itself.
- No sentence promises what is not known: a start the kiosk has taken is never called cancelled before it says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.checkout.checkout import Reason
from billing.checkout.view import CheckoutView, Step, Stopping
from billing.pages.curve import curve
from billing.pages.phone_device_view import Alternative
from billing.pages.phone_words import SECONDS, Speech
from billing.pages.receipt_view import Receipt
from billing.pages.render import kwh, number
from contract.printed import printed

FRESH_FOR_S = 150  # readings come once a minute: two in a row are missing, and a half
STOP_TAKES_S = 30
START_TAKES_S = 15
LIVE_EVERY_S = 2
PLAIN_EVERY_S = 15  # without JavaScript the page reloads so often


@dataclass(frozen=True, slots=True)
class Start:
    """The start command: when it was sent, until when it counts, and whether the kiosk has taken it."""

    sent: datetime
    until: datetime
    was_heard: bool


@dataclass(frozen=True, slots=True)
class Moments:
    """When the provider said so first."""

    held: datetime | None = None
    taken: datetime | None = None
    released: datetime | None = None
    refunded: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order as its link shows it. `powers`: (elapsed ms, W) of its readings; `parked_at`: since when it parks."""

    view: CheckoutView
    elapsed_ms: int = 0
    powers: tuple[tuple[int, int], ...] = ()
    is_paused: bool = False
    parked_at: datetime | None = None
    start: Start | None = None
    stop_asked_at: datetime | None = None
    stop_code: str = ""
    moments: Moments = Moments()
    receipt: Receipt | None = None
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A template and its values. `state` changes when more than numbers did; `every_s` 0: nothing changes any more."""

    template: str
    state: str
    values: dict[str, Any]
    every_s: int = LIVE_EVERY_S


def order_page(facts: OrderFacts, language: str, now: datetime, *, notice: str = "") -> Shown:
    """What the link shows now. `notice`: what became of a button that was pressed, a key of the texts or ""."""
    view = facts.view
    speech = Speech(language, view.time_zone, view.checkout.currency)
    show = _SHOWS[view.step]
    if view.step is Step.STARTING and _is_silent(facts, now):
        show = _silent
    shown = show(facts, speech, now)
    common = {
        "say": speech.say,
        "view": view,
        "subject": subject(view, speech),
        "hold": speech.money(view.checkout.hold_minor),
        "order_name": order_name(view),
        "notice": notice and speech.say(notice, **_way(facts, speech, notice)),
        "device_address": f"/d/{view.kiosk_id}/{view.evse_id}",
    }
    return Shown(shown.template, shown.state, common | shown.values, shown.every_s)


def subject(view: CheckoutView, speech: Speech) -> str:
    parts = (view.kiosk_name, speech.say("page.connector", evse=view.evse_id), view.place)
    return " · ".join(part for part in parts if part)


def order_name(view: CheckoutView) -> str:
    """What to say on the telephone: enough to find the order, too little to open its page."""
    return view.checkout.payment_id[:9]


def is_stale(view: CheckoutView) -> bool:
    return view.value_age_s is None or view.value_age_s > FRESH_FOR_S


# ---- before it runs ------------------------------------------------------------------------------------------------


def _pay(facts: OrderFacts, speech: Speech, now: datetime) -> Shown:
    view = facts.view
    until = speech.clock(view.kept_until, SECONDS)
    values = {
        "title": speech.say("pay.title"),
        "until": until,
        "left_s": max(0, int((view.kept_until - now).total_seconds())),
        "is_asking": view.step is Step.PAYING,
        "expires": speech.say("pay.else", time=until),
    }
    return Shown("phone_pay.html", view.step.value, values)


def _starting(facts: OrderFacts, speech: Speech, now: datetime) -> Shown:
    values = {"title": speech.say("start.title"), "is_plug": False, "cancelling": _cancelling(facts, speech)}
    return Shown("phone_start.html", f"starting{'-ends' * bool(values['cancelling'])}", values)


def _plug_in(facts: OrderFacts, speech: Speech, now: datetime) -> Shown:
    values = {"title": speech.say("start.plug_title"), "is_plug": True, "cancelling": _cancelling(facts, speech)}
    return Shown("phone_start.html", f"plug_in{'-ends' * bool(values['cancelling'])}", values)


def _cancelling(facts: OrderFacts, speech: Speech) -> str:
    """That a cancel is under way; "" where none is, and where the kiosk refused it."""
    if facts.view.stopping is not Stopping.ASKED:
        return ""
    return speech.say("start.cancel_asked", amount=speech.money(facts.view.checkout.hold_minor))


def _is_silent(facts: OrderFacts, now: datetime) -> bool:
    return facts.start is not None and (now - facts.start.sent).total_seconds() > START_TAKES_S


def _silent(facts: OrderFacts, speech: Speech, now: datetime) -> Shown:
    """p5: the kiosk was told to start and has said nothing."""
    view, start = facts.view, facts.start
    assert start is not None
    until = speech.clock(start.until, SECONDS)
    heard_s = None if view.last_heard is None else (now - view.last_heard).total_seconds()
    events = [(speech.say("trouble.last_answered"), view.last_heard, "")] if view.last_heard is not None else []
    events += _held_event(facts, speech)
    seconds = int((start.until - start.sent).total_seconds())
    events.append((speech.say("trouble.start_sent", seconds=seconds), start.sent, ""))
    is_open, cancelling = not start.was_heard, _cancelling(facts, speech)
    if is_open:
        events.append((speech.say("trouble.by_itself"), start.until, "wait"))
        means, wait = speech.say("trouble.silent_means", time=until), speech.say("trouble.or_wait", time=until)
    else:
        means, wait = speech.say("trouble.heard_means", amount=_held(facts, speech)), speech.say("trouble.heard_wait")
    values = {
        "title": speech.say("trouble.silent_title"),
        "heading": speech.say("trouble.silent_heading"),
        "asked_at": speech.clock(now, SECONDS),
        "chips": [
            ("warn", speech.say("trouble.held")),
            *([] if heard_s is None else [("stale", speech.say("trouble.last_seen", age=speech.age(heard_s)))]),
        ],
        "amount": _held(facts, speech),
        "means": means,
        "steps": [speech.say("trouble.look_at_screen"), wait, *_hurry(facts, speech)],
        "check": True,
        "cancelling": cancelling,
        "cancel": speech.say("trouble.cancel", amount=_held(facts, speech)) if is_open and not cancelling else "",
        "events": [(text, speech.clock(at, SECONDS), kind) for text, at, kind in _by_time(events)],
    }
    state = f"silent{'-heard' * (not is_open)}{'-ends' * bool(cancelling)}"
    return Shown("phone_trouble.html", state, values)


# ---- while it runs -------------------------------------------------------------------------------------------------


def _charging(facts: OrderFacts, speech: Speech, now: datetime) -> Shown:
    view = facts.view
    is_old, values = is_stale(view), _so_far(facts, speech, now)
    heading = "paused_heading" if facts.is_paused else "heading"
    is_stopping = view.stopping is Stopping.ASKED
    values |= {
        "title": speech.say("live.title"),
        "heading": speech.say("live.stopping_heading" if is_stopping else f"live.{heading}"),
        "power": "–" if view.power_w is None else speech.kilowatts(view.power_w),
        "energy": number(Decimal(view.energy_wh) / 1000, 3, speech.language),
        "lasts": _lasts(facts.elapsed_ms, speech),
        "curve": _curve(facts, speech),
        "after": _after(facts, speech),
        "stop_code": facts.stop_code,
        "stop_says": _stop_says(facts, speech, now),
        "can_stop": not is_stopping or _stop_is_silent(facts, now),
    }
    return Shown("phone_live.html", f"charging{'-old' * is_old}{'-stop' * is_stopping}", values)


def _so_far(facts: OrderFacts, speech: Speech, now: datetime) -> dict[str, Any]:
    view = facts.view
    lines = () if view.price is None else printed(view.price)
    total, hold_minor = view.total_minor, view.checkout.hold_minor
    age = speech.age(view.value_age_s or 0)
    as_of = now - timedelta(seconds=view.value_age_s or 0)
    is_old = is_stale(view)
    chip = (
        ("stale", speech.say("live.stale", time=speech.clock(as_of), age=age))
        if is_old
        else ("ok", speech.say("live.fresh", age=age))
    )
    held = speech.money(hold_minor)
    return {
        "is_stale": is_old,
        "chip": chip,
        "no_news": speech.say("live.no_news", age=age, amount=held) if is_old else "",
        "total": speech.money(total),
        "share": f"{min(100.0, 100 * total / hold_minor) if hold_minor else 0:.1f}",
        "of": speech.say("live.of", now=speech.money(total), most=held),
        "sum": speech.sum_of(lines, total) or speech.say("live.nothing_yet"),
    }


def _parked(facts: OrderFacts, speech: Speech, now: datetime) -> Shown:
    view = facts.view
    offer = view.checkout.offer
    price, held = speech.parking_price(offer), speech.money(view.checkout.hold_minor)
    means = speech.say("parked.costs_nothing")
    if price and facts.parked_at is not None:
        free_until = facts.parked_at + timedelta(seconds=offer.parking_grace_s)
        if now < free_until:
            means = speech.say("parked.free_until", time=speech.clock(free_until), price=price)
        else:
            means = speech.say("parked.counts", price=price, amount=held)
    values = _so_far(facts, speech, now) | {
        "title": speech.say("parked.title"),
        "heading": speech.say("parked.heading"),
        "means": means,
        "energy": kwh(view.energy_wh, speech.language),
    }
    return Shown("phone_parked.html", f"parked{'-old' * values['is_stale']}", values)


def _lasts(elapsed_ms: int, speech: Speech) -> tuple[str, str]:
    """Number and unit: minutes in the first hour, then hours and minutes."""
    minutes = elapsed_ms // 60_000
    if minutes < 60:
        return str(minutes), speech.say("live.unit_minutes")
    return f"{minutes // 60}:{minutes % 60:02}", speech.say("live.unit_hours")


def _curve(facts: OrderFacts, speech: Speech) -> dict[str, Any] | None:
    drawn = curve(facts.powers)
    if drawn is None or facts.view.started_at is None:
        return None
    since = facts.view.started_at
    now_w, most_w = facts.powers[-1][1], max(power for _, power in facts.powers)
    time = speech.clock(since)
    return {
        "drawn": drawn,
        "caption": speech.say("live.since", time=time),
        "says": speech.say("live.curve", now=speech.kilowatts(now_w), most=speech.kilowatts(most_w), time=time),
        "rows": [(y, number(power, 0 if power == int(power) else 1, speech.language)) for y, power in drawn.rows],
        "marks": [(x, anchor, speech.clock(since + timedelta(milliseconds=ms))) for x, anchor, ms in drawn.marks],
    }


def _after(facts: OrderFacts, speech: Speech) -> str:
    parking = speech.parking(facts.view.checkout.offer)
    return speech.say("live.after", parking=parking) if parking else speech.say("live.after_free")


def _stop_is_silent(facts: OrderFacts, now: datetime) -> bool:
    asked = facts.stop_asked_at
    return asked is not None and (now - asked).total_seconds() > STOP_TAKES_S


def _stop_says(facts: OrderFacts, speech: Speech, now: datetime) -> tuple[str, str]:
    """How the stop that was asked for stands: kind of note, and its words; empty where none was."""
    stopping, asked = facts.view.stopping, facts.stop_asked_at
    if stopping is Stopping.NOT_ASKED or asked is None:
        return ("", "")
    time = speech.clock(asked, SECONDS)
    if stopping is Stopping.REFUSED or _stop_is_silent(facts, now):
        return ("warn", speech.say("live.stop_silent", time=time, **_way(facts, speech, "stop")))
    return ("", speech.say("live.stop_asked", time=time))


def _way(facts: OrderFacts, speech: Speech, key: str) -> dict[str, str]:
    """How to stop without the phone, for the texts that say so."""
    if not key.startswith("stop"):
        return {}
    if facts.stop_code:
        return {"way": speech.say("stop.with_code", code=facts.stop_code)}
    return {"way": speech.say("stop.without_code")}


def stop_page(facts: OrderFacts, language: str) -> dict[str, Any]:
    """The page that asks once more before it stops."""
    view = facts.view
    speech = Speech(language, view.time_zone, view.checkout.currency)
    parking = speech.parking(view.checkout.offer)
    return {
        "say": speech.say,
        "view": view,
        "subject": subject(view, speech),
        "title": speech.say("stop.title"),
        "means": speech.say(
            "stop.means", amount=speech.money(view.total_minor), held=speech.money(view.checkout.hold_minor)
        ),
        "parking": speech.say("stop.parking", parking=parking) if parking else "",
    }


def cancel_page(facts: OrderFacts, language: str) -> dict[str, Any]:
    view = facts.view
    speech = Speech(language, view.time_zone, view.checkout.currency)
    return {
        "say": speech.say,
        "view": view,
        "subject": subject(view, speech),
        "title": speech.say("trouble.cancel_heading"),
        "means": speech.say("trouble.cancel_means", amount=speech.money(view.checkout.hold_minor)),
        "parking": "",
    }


# ---- after it ------------------------------------------------------------------------------------------------------


def _finishing(facts: OrderFacts, speech: Speech, now: datetime) -> Shown:
    view = facts.view
    values = _so_far(facts, speech, now) | {
        "title": speech.say("finishing.title"),
        "heading": speech.say("finishing.heading"),
        "energy": kwh(view.energy_wh, speech.language),
        "means": speech.say("finishing.may_go_on" if view.may_go_on else "finishing.means"),
        "held": speech.say("finishing.held", amount=speech.money(view.money.held_minor))
        if view.money.held_minor
        else "",
    }
    return Shown("phone_finishing.html", "finishing", values)


def _finished(facts: OrderFacts, speech: Speech, now: datetime) -> Shown:
    money = facts.view.money
    is_moving = money.held_minor > 0 or not money.is_known
    values = {
        "title": speech.say("finished.title"),
        "receipt": facts.receipt,
        "chip": _paid_chip(facts, speech),
        "payment": _payment_rows(facts, speech),
        "paid": speech.money(money.taken_minor - money.given_back_minor),
        "has_back": money.released_minor + money.given_back_minor > 0,
    }
    return Shown(
        "phone_finished.html", f"finished-{'moving' if is_moving else 'paid'}", values, 15 if is_moving else 60
    )


def _paid_chip(facts: OrderFacts, speech: Speech) -> tuple[str, str]:
    view, money = facts.view, facts.view.money
    if facts.receipt is not None and facts.receipt.state == "checking":
        return "warn", speech.say("finished.checking")
    if money.owed_minor:
        return "warn", speech.say("finished.owed")
    if view.total_minor == 0 and money.taken_minor == 0:
        return "ok", speech.say("finished.nothing")
    if money.taken_minor == 0:
        return "stale", speech.say("finished.paying")
    return "ok", speech.say("finished.paid")


def _payment_rows(facts: OrderFacts, speech: Speech) -> list[tuple[str, str]]:
    money, at = facts.view.money, facts.moments

    def row(name: str, amount_minor: int, moment: datetime | None) -> tuple[str, str]:
        time = "" if moment is None else speech.clock(moment)
        return speech.say(f"finished.{name}", time=time).strip(), speech.money(amount_minor)

    held_minor = money.held_minor or money.taken_minor + money.released_minor
    rows = [row("held", held_minor, at.held)] if held_minor else []
    rows += [row("taken", money.taken_minor, at.taken)] if money.taken_minor else []
    rows += [row("released", money.released_minor, at.released or at.taken)] if money.released_minor else []
    rows += [row("refunded", -money.given_back_minor, at.refunded)] if money.given_back_minor else []
    return rows


def _failed(facts: OrderFacts, speech: Speech, now: datetime) -> Shown:
    """p5: nothing began; what became of the money."""
    view, money = facts.view, facts.view.money
    reason = view.reason or Reason.CANCELLED
    chip, means, amount = ("ok", speech.say("trouble.nothing_held")), speech.say("trouble.you_pay_nothing"), ""
    if money.held_minor:
        amount = speech.money(money.held_minor)
        chip, means = ("warn", speech.say("trouble.releasing")), speech.say("trouble.release_means", amount=amount)
    elif not money.is_known:
        amount = speech.money(money.wanted_minor)
        chip = ("stale", speech.say("trouble.releasing"))
        means = speech.say("trouble.payment_unavailable_means", amount=amount)
    elif money.released_minor:
        amount = speech.money(money.released_minor)
        chip = ("ok", speech.say("trouble.released"))
    events = _held_event(facts, speech)
    if facts.start is not None:
        seconds = int((facts.start.until - facts.start.sent).total_seconds())
        events.append((speech.say("trouble.start_sent", seconds=seconds), facts.start.sent, ""))
    if facts.moments.released is not None:
        text = speech.say("trouble.was_released", amount=speech.money(money.released_minor))
        events.append((text, facts.moments.released, "now"))
    values = {
        "title": speech.say(f"trouble.{reason.value}"),
        "heading": speech.say(f"trouble.{reason.value}"),
        "asked_at": "",
        "chips": [chip],
        "amount": amount,
        "means": means,
        "steps": _hurry(facts, speech),
        "check": False,
        "cancelling": "",
        "cancel": "",
        "events": [(text, speech.clock(at, SECONDS), kind) for text, at, kind in _by_time(events)],
    }
    is_moving = money.held_minor > 0 or not money.is_known
    return Shown("phone_trouble.html", f"failed-{reason.value}-{is_moving}", values, 5 if is_moving else 0)


def _held(facts: OrderFacts, speech: Speech) -> str:
    return speech.money(facts.view.money.held_minor or facts.view.checkout.hold_minor)


_Event = tuple[str, datetime, str]


def _held_event(facts: OrderFacts, speech: Speech) -> list[_Event]:
    if facts.moments.held is None:
        return []
    return [
        (speech.say("trouble.was_held", amount=speech.money(facts.view.checkout.hold_minor)), facts.moments.held, "")
    ]


def _by_time(events: list[_Event]) -> list[_Event]:
    return sorted(events, key=lambda event: event[1])


def _hurry(facts: OrderFacts, speech: Speech) -> list[str]:
    found = facts.alternatives[:1]
    devices = (f"{one.kiosk_name} · {speech.say('page.connector', evse=one.evse_id)}" for one in found)
    return [speech.say("trouble.in_a_hurry", device=device) for device in devices]


_SHOWS: dict[Step, Callable[[OrderFacts, Speech, datetime], Shown]] = {
    Step.RESERVED: _pay,
    Step.PAYING: _pay,
    Step.STARTING: _starting,
    Step.PLUG_IN: _plug_in,
    Step.CHARGING: _charging,
    Step.PARKED: _parked,
    Step.FINISHING: _finishing,
    Step.FINISHED: _finished,
    Step.FAILED: _failed,
}
