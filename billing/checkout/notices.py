"""What the payer's app says about a payment: where, how much energy, how much money, where the receipt is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from billing.checkout import store
from billing.pages.render import kwh, money
from billing.tables import cdrs, kiosks, transactions

if TYPE_CHECKING:
    from billing.checkout.bills import Bill

PAID = {
    "en": "{place}: {energy}, {amount}. Receipt {receipt}",
    "de": "{place}: {energy}, {amount}. Beleg {receipt}",
    "ja": "{place}：{energy}、{amount}。領収書 {receipt}",
}
CORRECTED = {
    "en": "{place}: the meter told less, {amount} comes back. Receipt {receipt}",
    "de": "{place}: Der Zähler zeigte weniger, {amount} kommen zurück. Beleg {receipt}",
    "ja": "{place}：計量値の訂正により {amount} を返金します。領収書 {receipt}",
}


def paid_text(connection: Connection, bill: Bill, amount_minor: int) -> str:
    return _text(connection, PAID, bill, amount_minor)


def corrected_text(connection: Connection, bill: Bill, amount_minor: int) -> str:
    return _text(connection, CORRECTED, bill, amount_minor)


def _text(connection: Connection, texts: dict[str, str], bill: Bill, amount_minor: int) -> str:
    of_order = store.of_order(connection, bill.order_id)
    language = of_order[0].language if of_order and of_order[0].language in texts else "en"
    t = transactions.c
    joined = transactions.join(kiosks, kiosks.c.kiosk_id == t.kiosk_id)
    query = select(kiosks.c.name, t.receipt_key).select_from(joined).where(t.order_id == bill.order_id).limit(1)
    row = connection.execute(query).one()
    query_wh = select(cdrs.c.energy_wh).where(cdrs.c.cdr_id.in_(bill.cdr_ids))
    energy_wh = sum(connection.execute(query_wh).scalars())
    return texts[language].format(
        place=row.name,
        energy=kwh(energy_wh, language),
        amount=money(amount_minor, bill.currency, language),
        receipt=row.receipt_key,
    )
