"""From a driver's history to the lines of the account's pages. Pure: everything it needs is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from billing.checkout.view import CheckoutView
from billing.drivers.cards import Card
from billing.drivers.history import OpenCharge, Use
from billing.pages.phone_words import Speech
from billing.pages.render import clock_text, date_text, kwh, money
from billing.people.browsers import browser_words
from billing.people.sessions import Session
from contract.price import Price
from contract.printed import printed

Words = Mapping[str, str]


def counted(words: Words, what: str, count: int) -> str:
    """No cards yet, 1 card, 2 cards."""
    if count < 2:
        return words[f"{what}_one" if count else f"{what}_none"]
    return words[f"{what}_count"].format(count=count)


def use_lines(uses: Iterable[Use], words: Words, language: str) -> list[dict[str, str]]:
    """One line per order: when and where, how much, and what it cost."""
    return [
        {
            "when": _when(use, words, language),
            "where": f"{use.kiosk_name} · {words['connector'].format(evse=use.evse_id)}",
            "place": use.place,
            "energy": "" if use.currency is None else kwh(use.energy_wh, language),
            "amount": _amount(use, words, language),
            "address": f"/o/{use.link_id}" if use.is_open and use.link_id else f"/r/{use.receipt_key}",
        }
        for use in uses
    ]


def open_lines(
    charges: Sequence[OpenCharge], orders: Sequence[CheckoutView], words: Words, language: str
) -> list[dict[str, str]]:
    """What is open now: orders by phone first, then charges by card. The sum stands under the amount."""
    lines = []
    for view in orders:
        speech = Speech(language, view.time_zone, view.checkout.offer.tariff.currency)
        held = words["held"].format(amount=speech.money(view.money.held_minor)) if view.money.held_minor else ""
        lines.append(
            {
                "what": words["charging_at"].format(kiosk=view.kiosk_name, evse=view.evse_id),
                "sum": _sum(view.price, speech) or kwh(view.energy_wh, language),
                "since": _since(view.started_at, words, speech),
                "amount": speech.money(view.total_minor),
                "held": held,
                "address": f"/o/{view.link_id}",
            }
        )
    for charge in charges:
        speech = Speech(language, charge.time_zone, "" if charge.price is None else charge.price.currency)
        lines.append(
            {
                "what": words["charging_at"].format(kiosk=charge.kiosk_name, evse=charge.evse_id),
                "sum": _sum(charge.price, speech) or kwh(charge.energy_wh, language),
                "since": _since(charge.started, words, speech),
                "amount": "" if charge.price is None else speech.money(charge.price.incl_vat_minor),
                "held": "",
                "address": f"/r/{charge.receipt_key}",
            }
        )
    return lines


def _sum(used: Price | None, speech: Speech) -> str:
    return "" if used is None else speech.sum_of(printed(used), used.incl_vat_minor)


def _since(started: datetime | None, words: Words, speech: Speech) -> str:
    return "" if started is None else words["since"].format(time=speech.clock(started))


def owed_words(owed: Mapping[str, int], words: Words, language: str) -> str:
    """All currencies; without any "nothing due"."""
    if not owed:
        return words["nothing_due"]
    amounts = " + ".join(money(amount, currency, language) for currency, amount in sorted(owed.items()))
    return words["due"].format(amount=amounts)


def card_lines(cards: Iterable[Card], words: Words) -> list[dict[str, object]]:
    return [
        {"name": card.token_hash, "label": f"{words.get(f'kind_{card.kind}', words['kind_other'])} {card.label}",
         "is_blocked": card.is_blocked}
        for card in cards
    ]  # fmt: skip


def session_lines(live: Iterable[Session], here: Session, words: Words, language: str) -> list[dict[str, object]]:
    return [
        {
            "hash": one.session_hash,
            "is_here": one.session_hash == here.session_hash,
            "browser": browser_words(one.browser) or words["some_browser"],
            "seen": words["seen"].format(
                when=f"{date_text(one.seen, 'UTC', language)}, {clock_text(one.seen, 'UTC', language)} UTC",
                address=one.address,
            ),
        }
        for one in live
    ]


def _when(use: Use, words: Words, language: str) -> str:
    if use.started is None:
        return words["not_arrived"]
    return f"{date_text(use.started, use.time_zone, language)}, {clock_text(use.started, use.time_zone, language)}"


def _amount(use: Use, words: Words, language: str) -> str:
    if use.is_open:
        return words["runs"]
    return words["not_billed"] if use.currency is None else money(use.total_minor, use.currency, language)
