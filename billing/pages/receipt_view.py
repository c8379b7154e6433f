"""What a receipt says, from the tables. Everything in it is text ready for the page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, select

from billing.decisions.cases import Decision
from billing.moments import from_ms
from billing.pages.receipt_parts import Part, parts_of
from billing.pages.receipt_payment import PaymentWords
from billing.pages.render import (
    clock_text,
    date_text,
    kwh,
    money,
    money_exact,
    number,
    price_digits,
    span_text,
    zone_text,
)
from billing.pages.texts import RECEIPT
from billing.payments import store
from billing.payments.payment import Payment
from billing.quarantine import HOLDS_BILL, doubts_of
from billing.tables import events, kiosks
from contract.codec import from_wire
from contract.order import joined
from contract.price import Line, Sample, price
from contract.printed import PrintedKind, PrintedLine, printed, printed_lines
from contract.transaction import ClockQuality, StoppedReason, TransactionEvent, began, samples_of
from contract.vat import VatLine
from contract.words import tariff_words

CLOCKS_APART = timedelta(minutes=1)  # what arrived so long before it happened tells that the kiosk's clock is ahead


@dataclass(frozen=True, slots=True)
class Receipt:
    """One order as its driver sees it. `state`: finished, charging, checking."""

    state: str
    heading: str
    subject: str
    place: str
    lines: tuple[tuple[str, str, str], ...]  # what, sum, amount
    total: str
    without_vat: str
    vat: tuple[tuple[str, str], ...]
    tariff: tuple[str, ...]  # the prices that were agreed at the start, in words
    registers: tuple[tuple[str, str], ...]
    delivered: str
    payment: tuple[tuple[str, str], ...]
    you_paid: str  # in the end, by phone; "" where it was not by phone, or is not settled yet
    paid: str
    notes: tuple[str, ...]
    history: tuple[HistoryRow, ...]  # of a corrected order: the first bill, its credit, the new one
    version: str
    seen: str  # when the receipt was looked up, by the clock of the place
    cdr_id: str


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One bill of an order, or its credit. `why` is what changed, with the credit."""

    when: str
    what: str
    why: str
    amount: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class _Bill:
    """What is owed for the order."""

    currency: str
    excl_vat_minor: int
    incl_vat_minor: int
    lines: tuple[PrintedLine, ...]
    vat: tuple[VatLine, ...]
    cdr_id: str


def find_receipt(connection: Connection, receipt_id: str, language: str, now: datetime) -> Receipt | None:
    """The receipt of that id as far as it arrived; None where nothing did.

    An order that went on after a power cut has several transactions, which are one bill.
    """
    parts = parts_of(connection, receipt_id)
    if not parts:
        return None
    site = connection.execute(select(kiosks).where(kiosks.c.kiosk_id == parts[0].found.kiosk_id)).one()
    held = [p for p in store.of_order(connection, parts[0].found.order_id) if p.sight is not None]
    return _Writer(connection, language, site, parts, now, tuple(held)).write()


@dataclass(frozen=True, slots=True)
class _Writer:
    connection: Connection
    language: str
    site: Row[Any]
    parts: tuple[Part, ...]
    now: datetime
    paid_by: tuple[Payment, ...]  # what phones paid or have held for the order, oldest first

    def write(self) -> Receipt:
        words = RECEIPT[self.language]
        bill = self._bill()
        lines = () if bill is None else bill.lines
        currency = "" if bill is None else bill.currency
        authority = None if self._started is None else self._started.authority
        paid = PaymentWords(self.connection, self.language, self.site.time_zone, authority, self.paid_by)
        delivered = kwh(sum(part.energy_wh for part in self.parts), self.language)
        state = "finished" if bill is not None else self._state()
        total = "" if bill is None else money(bill.incl_vat_minor, currency, self.language)
        evse_id = self.parts[-1].found.evse_id
        return Receipt(
            state=state,
            heading=total or (words["checking_heading"] if state == "checking" else f"{delivered} {words['so_far']}"),
            subject=self._subject("" if state == "checking" else f"{delivered} · "),
            place=" · ".join(
                part for part in (self.site.name, words["connector"].format(evse=evse_id), self.site.place) if part
            ),
            lines=tuple(self._line(line, currency) for line in lines),
            total=total,
            without_vat="" if bill is None else money(bill.excl_vat_minor, currency, self.language),
            vat=() if bill is None else self._vat(bill),
            tariff=self._tariff(),
            registers=self._registers(),
            delivered="" if state == "checking" else delivered,  # the very thing that is in doubt
            payment=paid.rows(None if bill is None else bill.incl_vat_minor, currency),
            you_paid="" if bill is None else paid.you_paid(bill.currency),
            paid=paid.paid(bool(lines)) if bill is not None else "",
            notes=self._notes(),
            history=self._history(bill),
            version=self._version(bill),
            seen=self._moment(self.now),
            cdr_id="" if bill is None else bill.cdr_id,
        )

    def _bill(self) -> _Bill | None:
        """None while a part is not billed yet. The lines of several parts are those of the whole order."""
        bills = [part.cdr for part in self.parts if part.cdr is not None]
        if len(bills) < len(self.parts):
            return None
        currency = bills[-1].currency
        excl, incl = (sum(getattr(cdr, name) for cdr in bills) for name in ("excl_vat_minor", "incl_vat_minor"))
        offer = self.parts[0].started.offer if self.parts[0].started is not None else None
        if len(bills) > 1 and offer is not None:
            samples: tuple[Sample, ...] = ()
            for part in self.parts:
                samples = joined(samples, samples_of(part.story))
            whole = price(offer, samples)
            if (whole.excl_vat_minor, whole.incl_vat_minor) == (excl, incl):
                return _Bill(currency, excl, incl, printed(whole), whole.vat, bills[-1].cdr_id)
        bodies = [json.loads(cdr.body) for cdr in bills]
        lines = tuple(from_wire(Line, line) for body in bodies for line in body["lines"])
        total = sum((Decimal(body["total_cost"]["incl_vat"]) for body in bodies), Decimal(0))
        rule = next((body["total_cost_rule"] for body in bodies if "total_cost_rule" in body), "measured")
        rows = printed_lines(lines, incl, total, rule, currency)
        return _Bill(currency, excl, incl, rows, _summed(bodies), bills[-1].cdr_id)

    @property
    def _started(self) -> TransactionEvent | None:
        return self.parts[0].started

    def _state(self) -> str:
        doubts = [d for p in self.parts for d in doubts_of(self.connection, p.found.kiosk_id, p.found.transaction_id)]
        return "checking" if any(doubt.code in HOLDS_BILL for doubt in doubts) else "charging"

    def _subject(self, lead: str) -> str:
        last = self.parts[-1]
        if not last.story:
            return ""
        zone, language = self.site.time_zone, self.language
        if self._started is None or last.started is None:
            at = last.story[-1].at.wall
            when = f"{date_text(at, zone, language)}, {clock_text(at, zone, language)} ({zone_text(at, zone)})"
            return RECEIPT[language]["as_of"].format(time=when)
        return f"{lead}{span_text(self.parts[0].began_at, last.time_of(last.story[-1]), zone, language)}"

    def _line(self, line: PrintedLine, currency: str) -> tuple[str, str, str]:
        words, language = RECEIPT[self.language], self.language
        amount = money(line.amount_minor, currency, language)
        if line.kind in (PrintedKind.MIN_PRICE, PrintedKind.MAX_PRICE):
            return words[line.kind.value], words[f"{line.kind.value}_means"], amount
        gross, quantity, unit, digits = line.unit_price, line.quantity, "", 0
        if line.kind is PrintedKind.ENERGY:
            unit, digits = "kWh", 3
        elif line.kind in (PrintedKind.TIME, PrintedKind.PARKING_TIME, PrintedKind.RESERVATION_TIME):
            per_minute = gross / 60
            if per_minute == round(per_minute, 4):
                quantity, gross, unit = quantity * 60, per_minute, "min"
                digits = 0 if quantity == round(quantity) else 2
            else:
                unit, digits = "h", 4
        counted = number(quantity, digits, language) + (f"\u00a0{unit}" if unit else "")
        sums = f"{counted} × {money_exact(gross, currency, language, price_digits(gross, currency))}"
        if line.was_rounded_up:
            sums += f", {words['stepped']}"
        grace_s = self._started.offer.parking_grace_s if self._started is not None and self._started.offer else 0
        if line.kind is PrintedKind.PARKING_TIME and grace_s:
            sums += f"; {words['grace'].format(minutes=grace_s // 60)}"
        return words[line.kind.value], sums, amount

    def _vat(self, bill: _Bill) -> tuple[tuple[str, str], ...]:
        words, language = RECEIPT[self.language], self.language
        return tuple(
            (words["vat"].format(rate=_rate(line.rate, language)), money(line.vat_minor, bill.currency, language))
            for line in bill.vat
        )

    def _tariff(self) -> tuple[str, ...]:
        if self._started is None or self._started.offer is None:
            return ()
        words = tariff_words(self._started.offer, self.language)
        return (*(row.text for row in words.rows), words.vat) if words.rows else ()

    def _registers(self) -> tuple[tuple[str, str], ...]:
        words, zone = RECEIPT[self.language], self.site.time_zone
        rows = []
        for part in self.parts:
            if part.started is None:
                continue
            at = clock_text(part.began_at, zone, self.language, "HH:mm:ss")
            rows.append((words["register_start"].format(time=at), kwh(part.started.meter.import_wh, self.language)))
            end = part.ended if part.decision is None else part.story[-1]
            if end is not None:
                at = clock_text(part.time_of(end), zone, self.language, "HH:mm:ss")
                rows.append((words["register_end"].format(time=at), kwh(end.meter.import_wh, self.language)))
        if self._started is not None and self._started.meter.serial is not None:
            rows.append((words["meter_number"], self._started.meter.serial))
        return tuple(rows)

    def _notes(self) -> tuple[str, ...]:
        words = RECEIPT[self.language]
        told = [event for part in self.parts for event in part.story]
        notes = []
        for before, after in pairwise(self.parts):
            if before.ended is not None and after.started is not None:
                cut, on = self._clock(before.time_of(before.ended)), self._clock(after.began_at)
                notes.append(words["note_continued"].format(cut=cut, on=on))
        if any(event.offline for event in told):
            e, last = events.c, self.parts[-1].found
            query = select(e.received_ms).where(
                e.kiosk_id == last.kiosk_id, e.transaction_id.in_([part.found.transaction_id for part in self.parts])
            )
            arrived = from_ms(max(self.connection.execute(query).scalars()))
            happened = max(part.time_of(part.story[-1]) for part in self.parts if part.story)
            is_ahead = happened - arrived > CLOCKS_APART
            name = "note_offline_ahead" if is_ahead else "note_offline"
            notes.append(words[name].format(time=self._moment(arrived)))
        if any(part.started is not None and began(part.story).quality is ClockQuality.UNKNOWN for part in self.parts):
            notes.append(words["note_clock"])
        ended = self.parts[-1].ended
        if ended is not None and ended.stopped_reason is StoppedReason.POWER_LOSS:
            notes.append(words["note_power_loss"])
        meter_was_silent = [part for part in self.parts if part.ended is not None and part.ended.final is False]
        if any(part.cdr is not None and part.late is None for part in meter_was_silent):
            notes.append(words["note_meter"])
        for decision in self._decisions:
            notes.append(words["note_decided"].format(time=self._moment(decision.decided_at or decision.asked_at)))
        return tuple(notes)

    @property
    def _decisions(self) -> tuple[Decision, ...]:
        """What people decided of the parts that are billed."""
        return tuple(part.decision for part in self.parts if part.decision is not None and part.cdr is not None)

    def _history(self, bill: _Bill | None) -> tuple[HistoryRow, ...]:
        """The order's bills one after the other, each taken back in full before the next; empty for a first one."""
        corrected = self._corrected
        if bill is None or not corrected:
            return ()
        words, language = RECEIPT[self.language], self.language
        firsts = [part.history[0] for part in self.parts]
        owed_minor, energy_wh = (sum(getattr(cdr, name) for cdr in firsts) for name in ("incl_vat_minor", "energy_wh"))
        at = self._moment(from_ms(max(cdr.rated_ms for cdr in firsts)))
        what = words["history_first"].format(energy=kwh(energy_wh, language))
        rows = [HistoryRow(at, what, "", money(owed_minor, bill.currency, language), False)]
        for part in corrected:
            assert part.cdr is not None
            first, at = part.history[0], self._moment(from_ms(part.cdr.rated_ms))
            rows.append(
                HistoryRow(
                    at, words["history_credit"], self._why(part), money(-owed_minor, bill.currency, language), False
                )
            )
            owed_minor += part.cdr.incl_vat_minor - first.incl_vat_minor
            energy_wh += part.cdr.energy_wh - first.energy_wh
            is_current = part is corrected[-1]
            what = words["history_new" if is_current else "history_first"].format(energy=kwh(energy_wh, language))
            rows.append(HistoryRow(at, what, "", money(owed_minor, bill.currency, language), is_current))
        return tuple(rows)

    def _version(self, bill: _Bill | None) -> str:
        if bill is None or not (corrected := self._corrected):
            return ""
        at = max(part.cdr.rated_ms for part in corrected if part.cdr is not None)
        return RECEIPT[self.language]["version"].format(number=len(corrected) + 1, time=self._moment(from_ms(at)))

    @property
    def _corrected(self) -> tuple[Part, ...]:
        """Parts that were billed anew, in the order in which that happened."""
        found = [part for part in self.parts if part.cdr is not None and len(part.history) > 1]
        return tuple(sorted(found, key=lambda part: 0 if part.cdr is None else int(part.cdr.rated_ms)))

    def _why(self, part: Part) -> str:
        if part.decision is not None:
            at = part.decision.decided_at or part.decision.asked_at
            return RECEIPT[self.language]["why_decided"].format(time=self._moment(at))
        if part.late is None or part.cdr is None:
            return ""
        return RECEIPT[self.language]["why_meter"].format(
            time=self._moment(part.late.at.wall),
            more=kwh(part.cdr.energy_wh - part.history[0].energy_wh, self.language),
        )

    def _clock(self, moment: datetime) -> str:
        return clock_text(moment, self.site.time_zone, self.language)

    def _moment(self, moment: datetime) -> str:
        zone = self.site.time_zone
        return f"{date_text(moment, zone, self.language)}, {self._clock(moment)} ({zone_text(moment, zone)})"


def _summed(bodies: list[dict[str, Any]]) -> tuple[VatLine, ...]:
    """The VAT of several CDRs, by rate."""
    found: dict[Decimal, VatLine] = {}
    for line in (from_wire(VatLine, line) for body in bodies for line in body.get("vat", ())):
        known = found.get(line.rate, VatLine(line.rate, 0, 0))
        found[line.rate] = VatLine(line.rate, known.gross_minor + line.gross_minor, known.vat_minor + line.vat_minor)
    return tuple(found[rate] for rate in sorted(found))


def _rate(rate: Decimal, language: str) -> str:
    return number(rate, 0 if rate == round(rate) else 1, language)
