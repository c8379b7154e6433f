"""How an order was paid, on its receipt: by what, what was held, taken, freed and given back, and in the end paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from billing.ledger import book
from billing.ledger.chart import Kind
from billing.moments import from_ms
from billing.pages.render import clock_text, money
from billing.pages.texts import RECEIPT
from billing.payments import store
from billing.payments.payment import Payment
from billing.payments.provider import HoldState
from billing.tables import tokens, vouchers
from contract.identity import TokenKind
from contract.transaction import Authority


@dataclass(frozen=True, slots=True)
class PaymentWords:
    """`authority`: on whose word it began; None where Started is not here yet. `paid_by`: what phones paid or have held
    for the order, oldest first."""

    connection: Connection
    language: str
    time_zone: str
    authority: Authority | None
    paid_by: tuple[Payment, ...]

    def rows(self, bill_minor: int | None, currency: str) -> tuple[tuple[str, str], ...]:
        words = RECEIPT[self.language]
        if self.authority is None:
            return ()
        authority = self.authority
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
                if bill_minor is not None and currency == voucher.currency and bill_minor < voucher.value_minor:
                    rest_minor = voucher.value_minor - bill_minor
                    rows.append((words["voucher_rest"], money(rest_minor, voucher.currency, self.language)))
        for payment in self.paid_by:
            rows += self._steps(payment)
        return tuple(rows)

    def _steps(self, payment: Payment) -> list[tuple[str, str]]:
        """What was held, taken, given free and given back of one payment, each with its time."""
        sight = payment.sight
        if sight is None:
            return []
        story = store.story(self.connection, payment.payment_id)
        words, found = RECEIPT[self.language], []

        def told(word: str, request: str, amount_minor: int) -> None:
            label, at = words[word], _answered_at(story, request)
            label += "" if at is None else f", {clock_text(at, self.time_zone, self.language)}"
            found.append((label, money(amount_minor, payment.currency, self.language)))

        told("held", "Hold", sight.held_minor)
        if sight.captured_minor:
            told("taken", "Capture", sight.captured_minor)
        free_minor = sight.held_minor - sight.captured_minor
        if free_minor and sight.state is not HoldState.AUTHORISED:
            told("given_free", "Capture" if sight.captured_minor else "Release", free_minor)
        if sight.refunded_minor:
            told("refunded", "Refund", -sight.refunded_minor)
            if vat_minor := _vat_given_back(self.connection, payment):
                found.append((words["refund_vat"], money(-vat_minor, payment.currency, self.language)))
        if sight.charged_back_minor:
            told("charged_back", "Look", -sight.charged_back_minor)
        if payment.owed_minor > 0:
            found.append((words["still_owed"], money(payment.owed_minor, payment.currency, self.language)))
        return found

    def you_paid(self, currency: str) -> str:
        seen = [payment.sight for payment in self.paid_by if payment.sight is not None]
        if not seen or any(sight.state is HoldState.AUTHORISED for sight in seen):
            return ""
        paid_minor = sum(sight.captured_minor - sight.refunded_minor - sight.charged_back_minor for sight in seen)
        return money(paid_minor, currency, self.language)

    def paid(self, has_lines: bool) -> str:
        if self.authority is None:
            return ""
        kind = self.authority.token_kind
        name = {TokenKind.VOUCHER: "paid_voucher", TokenKind.CENTRAL: "paid_central"}.get(kind, "paid_account")
        words = RECEIPT[self.language]
        if self.paid_by:
            back = [p for p in self.paid_by if p.sight is not None and p.sight.refunded_minor]
            reasons = [f"“{wish.why}”" for payment in back for wish in payment.refunds if wish.is_allowance]
            return " ".join([words["paid_refund"], *reasons]) if back else words["paid_phone"]
        sentences = [words[name]] if has_lines else []
        if kind is TokenKind.VOUCHER:
            sentences.append(words["voucher_rule"])
        return " ".join(sentences)


def _vat_given_back(connection: Connection, payment: Payment) -> int:
    """The VAT in refunds by decision, minor units. That of a corrected bill stands in the correction itself."""
    entries = (
        book.entry(connection, f"allowance/{payment.payment_id}/{n}") for n in range(1, len(payment.refunds) + 1)
    )
    legs = [leg for entry in entries if entry is not None for leg in entry.draft.legs]
    return sum(leg.amount for leg in legs if leg.account.kind is Kind.VAT_PAYABLE)


def _answered_at(story: list[tuple[int, str, str]], request: str) -> datetime | None:
    """When the provider last answered a request of that kind."""
    asked, found = "", None
    for at_ms, what, detail in story:
        if what == "asked":
            asked = detail
        elif what == "answered" and asked == request:
            found = from_ms(at_ms)
    return found
