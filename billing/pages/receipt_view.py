"""What a receipt says, from the tables. Everything in it is text ready for the page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, select

from billing import keys
from billing.moments import from_ms
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
from billing.quarantine import HOLDS_BILL, doubts_of
from billing.rating import read_story
from billing.tables import cdrs, events, kiosks, tokens, transactions, vouchers
from contract.codec import from_wire
from contract.currency import to_minor
from contract.identity import TokenKind
from contract.price import Line
from contract.tariff import Dimension
from contract.transaction import ClockQuality, EventType, StoppedReason, TransactionEvent


@dataclass(frozen=True, slots=True)
class Receipt:
    """One transaction as its driver sees it. `state`: finished, charging, checking."""

    state: str
    heading: str
    subject: str
    place: str
    lines: tuple[tuple[str, str, str], ...]  # what, sum, amount
    total: str
    without_vat: str
    vat: tuple[tuple[str, str], ...]
    is_exact: bool  # the lines are shown to four decimals
    registers: tuple[tuple[str, str], ...]
    delivered: str
    payment: tuple[tuple[str, str], ...]
    paid: str
    notes: tuple[str, ...]
    cdr_id: str


def find_receipt(connection: Connection, receipt_id: str, language: str, now: datetime) -> Receipt | None:
    """The receipt of that id as far as it arrived; None where nothing did."""
    t = transactions.c
    query = select(transactions).where(t.receipt_key == keys.receipt_key(receipt_id))
    # An order that went on after a power cut has several; the newest is what its driver asks for.
    found = connection.execute(query.order_by(t.started_ms.desc(), t.first_received_ms.desc()).limit(1)).one_or_none()
    if found is None:
        return None
    site = connection.execute(select(kiosks).where(kiosks.c.kiosk_id == found.kiosk_id)).one()
    story = read_story(connection, found.kiosk_id, found.transaction_id)
    cdr = connection.execute(
        select(cdrs)
        .where(cdrs.c.kiosk_id == found.kiosk_id, cdrs.c.transaction_id == found.transaction_id)
        .order_by(cdrs.c.rated_ms)
        .limit(1)
    ).one_or_none()
    return _Writer(connection, language, site, found, story).write(cdr)


def cdr_body(connection: Connection, receipt_id: str) -> str | None:
    """The CDR's JSON behind a receipt id."""
    query = (
        select(cdrs.c.body)
        .join_from(
            cdrs,
            transactions,
            (cdrs.c.kiosk_id == transactions.c.kiosk_id) & (cdrs.c.transaction_id == transactions.c.transaction_id),
        )
        .where(transactions.c.receipt_key == keys.receipt_key(receipt_id))
    )
    return connection.execute(query.order_by(cdrs.c.rated_ms.desc()).limit(1)).scalar()


@dataclass(frozen=True, slots=True)
class _Writer:
    connection: Connection
    language: str
    site: Row[Any]
    found: Row[Any]
    story: list[TransactionEvent]

    def write(self, cdr: Row[Any] | None) -> Receipt:
        words = RECEIPT[self.language]
        body: dict[str, Any] = {} if cdr is None else json.loads(cdr.body)
        lines = tuple(from_wire(Line, line) for line in body.get("lines", ()))
        currency = "" if cdr is None else str(cdr.currency)
        cents = [to_minor(line.incl_vat, currency) for line in lines]
        is_exact = cdr is not None and sum(cents) != cdr.incl_vat_minor
        delivered = kwh(self._energy_wh(), self.language)
        state = "finished" if cdr is not None else self._state()
        total = "" if cdr is None else money(cdr.incl_vat_minor, currency, self.language)
        return Receipt(
            state=state,
            heading=total or (words["checking_heading"] if state == "checking" else f"{delivered} {words['so_far']}"),
            subject=self._subject("" if state == "checking" else f"{delivered} · "),
            place=" · ".join(
                part
                for part in (self.site.name, words["connector"].format(evse=self.found.evse_id), self.site.place)
                if part
            ),
            lines=tuple(self._line(line, currency, is_exact) for line in lines),
            total=total,
            without_vat="" if cdr is None else money(cdr.excl_vat_minor, currency, self.language),
            vat=() if cdr is None else self._vat(lines, cdr, currency),
            is_exact=is_exact,
            registers=self._registers(),
            delivered="" if state == "checking" else delivered,  # the very thing that is in doubt
            payment=self._payment(cdr),
            paid=self._paid(bool(lines)) if cdr is not None else "",
            notes=self._notes(),
            cdr_id="" if cdr is None else str(cdr.cdr_id),
        )

    @property
    def _started(self) -> TransactionEvent | None:
        return self.story[0] if self.story and self.story[0].event_type is EventType.STARTED else None

    @property
    def _ended(self) -> TransactionEvent | None:
        return self.story[-1] if self.story and self.story[-1].event_type is EventType.ENDED else None

    def _state(self) -> str:
        doubts = doubts_of(self.connection, self.found.kiosk_id, self.found.transaction_id)
        return "checking" if any(doubt.code in HOLDS_BILL for doubt in doubts) else "charging"

    def _energy_wh(self) -> int:
        if self._started is None:
            return 0
        return max(0, self.story[-1].meter.import_wh - self._started.meter.import_wh)

    def _subject(self, lead: str) -> str:
        if not self.story:
            return ""
        zone, language = self.site.time_zone, self.language
        if self._started is None:
            last = self.story[-1].at.wall
            when = f"{date_text(last, zone, language)}, {clock_text(last, zone, language)} ({zone_text(last, zone)})"
            return RECEIPT[language]["as_of"].format(time=when)
        begin, end = self._started.at.wall, self._time_of(self.story[-1])
        return f"{lead}{span_text(begin, end, zone, language)}"

    def _time_of(self, event: TransactionEvent) -> datetime:
        assert self._started is not None
        return self._started.at.wall + timedelta(milliseconds=event.elapsed_ms)

    def _line(self, line: Line, currency: str, is_exact: bool) -> tuple[str, str, str]:
        words, language = RECEIPT[self.language], self.language
        gross = line.unit_price * (100 + line.vat) / 100
        quantity, unit, digits = line.quantity, "", 0
        if line.dimension is Dimension.ENERGY:
            unit, digits = "kWh", 3
        elif line.dimension in (Dimension.TIME, Dimension.PARKING_TIME):
            per_minute = gross / 60
            if per_minute == round(per_minute, 4):
                quantity, gross, unit = quantity * 60, per_minute, "min"
                digits = 0 if quantity == round(quantity) else 2
            else:
                unit, digits = "h", 4
        counted = number(quantity, digits, language) + (f"\u00a0{unit}" if unit else "")
        sums = f"{counted} × {money_exact(gross, currency, language, price_digits(gross, currency))}"
        if line.rule != "measured":
            sums += f", {words['stepped']}"
        grace_s = self._started.offer.parking_grace_s if self._started is not None and self._started.offer else 0
        if line.dimension is Dimension.PARKING_TIME and grace_s:
            sums += f"; {words['grace'].format(minutes=grace_s // 60)}"
        rounded = (
            money_exact(line.incl_vat, currency, language, 4)
            if is_exact
            else money(to_minor(line.incl_vat, currency), currency, language)
        )
        return words[line.dimension.value], sums, rounded

    def _vat(self, lines: tuple[Line, ...], cdr: Row[Any], currency: str) -> tuple[tuple[str, str], ...]:
        rates: dict[Decimal, Decimal] = {}
        for line in lines:
            rates[line.vat] = rates.get(line.vat, Decimal(0)) + line.incl_vat - line.excl_vat
        vat_minor = cdr.incl_vat_minor - cdr.excl_vat_minor
        whole = {rate: to_minor(amount, currency) for rate, amount in rates.items()}
        named = {rate: RECEIPT[self.language]["vat"].format(rate=_rate(rate, self.language)) for rate in sorted(rates)}
        if len(rates) == 1:
            return tuple((name, money(vat_minor, currency, self.language)) for name in named.values())
        if sum(whole.values()) == vat_minor:
            return tuple((name, money(whole[rate], currency, self.language)) for rate, name in named.items())
        return tuple((name, money_exact(rates[rate], currency, self.language, 4)) for rate, name in named.items())

    def _registers(self) -> tuple[tuple[str, str], ...]:
        words, zone = RECEIPT[self.language], self.site.time_zone
        rows = []
        if self._started is not None:
            at = clock_text(self._started.at.wall, zone, self.language, "HH:mm:ss")
            label = words["register_start"].format(time=at)
            rows.append((label, kwh(self._started.meter.import_wh, self.language)))
            if self._ended is not None:
                at = clock_text(self._time_of(self._ended), zone, self.language, "HH:mm:ss")
                rows.append((words["register_end"].format(time=at), kwh(self._ended.meter.import_wh, self.language)))
            if self._started.meter.serial is not None:
                rows.append((words["meter_number"], self._started.meter.serial))
        return tuple(rows)

    def _payment(self, cdr: Row[Any] | None) -> tuple[tuple[str, str], ...]:
        words = RECEIPT[self.language]
        if self._started is None or self._started.authority is None:
            return ()
        authority = self._started.authority
        query = select(tokens.c.label).where(tokens.c.token_hash == authority.token_hash)
        label = self.connection.execute(query).scalar() or ""
        rows = [(words["authorised_by"], words[authority.token_kind.value].format(label=label).strip())]
        if authority.voucher_id is not None:
            v = vouchers.c
            voucher = self.connection.execute(
                select(v.value_minor, v.currency).where(v.voucher_id == authority.voucher_id)
            ).one_or_none()
            if voucher is not None:
                value = money(voucher.value_minor, voucher.currency, self.language)
                rows.append((words["voucher_value"], value))
                if cdr is not None and cdr.currency == voucher.currency and cdr.incl_vat_minor < voucher.value_minor:
                    rest_minor = voucher.value_minor - cdr.incl_vat_minor
                    rows.append((words["voucher_rest"], money(rest_minor, voucher.currency, self.language)))
        return tuple(rows)

    def _paid(self, has_lines: bool) -> str:
        if self._started is None or self._started.authority is None:
            return ""
        kind = self._started.authority.token_kind
        name = {TokenKind.VOUCHER: "paid_voucher", TokenKind.CENTRAL: "paid_central"}.get(kind, "paid_account")
        words = RECEIPT[self.language]
        sentences = [words[name]] if has_lines else []
        if kind is TokenKind.VOUCHER:
            sentences.append(words["voucher_rule"])
        return " ".join(sentences)

    def _notes(self) -> tuple[str, ...]:
        words, zone = RECEIPT[self.language], self.site.time_zone
        notes = []
        if any(event.offline for event in self.story):
            e = events.c
            query = select(e.received_ms).where(
                e.kiosk_id == self.found.kiosk_id, e.transaction_id == self.found.transaction_id
            )
            arrived = from_ms(max(self.connection.execute(query).scalars()))
            when = f"{date_text(arrived, zone, self.language)}, {clock_text(arrived, zone, self.language)}"
            notes.append(words["note_offline"].format(time=f"{when} ({zone_text(arrived, zone)})"))
        if any(event.at.clock_quality is ClockQuality.UNKNOWN for event in self.story):
            notes.append(words["note_clock"])
        if self._ended is not None and self._ended.stopped_reason is StoppedReason.POWER_LOSS:
            notes.append(words["note_power_loss"])
        if self._ended is not None and self._ended.final is False:
            notes.append(words["note_meter"])
        return tuple(notes)


def _rate(rate: Decimal, language: str) -> str:
    return number(rate, 0 if rate == round(rate) else 1, language)
