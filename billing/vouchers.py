"""Vouchers on the server: one is asked for and spent by one order, wherever the word came from.

An order may hold several transactions (a charge that starts again after a power cut), so spending goes by order.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, select, update

from billing.database import insert_if_absent
from billing.moments import to_ms
from billing.quarantine import Doubt
from billing.tables import vouchers
from contract.currency import MINOR_DIGITS
from contract.tokens import Voucher, sign_voucher


def new_voucher(
    connection: Connection,
    kiosk_id: str,
    value_minor: int,
    currency: str,
    valid_until: datetime,
    now: datetime,
    server_key: Ed25519PrivateKey,
) -> str:
    """Issue a voucher for ONE kiosk. Returns the signed text for the QR code.

    Raises ValueError for a bad value or currency.
    """
    if value_minor < 1:
        raise ValueError(f"voucher value {value_minor}: want at least 1 minor unit")
    if currency not in MINOR_DIGITS:
        raise ValueError(f"currency {currency[:20]!r}: not known; want three letters, as EUR")
    if valid_until <= now:
        raise ValueError("voucher would already be expired")
    voucher = Voucher(uuid.uuid4().hex, kiosk_id, value_minor, currency, valid_until)
    remember_voucher(connection, voucher, now)
    return sign_voucher(voucher, server_key)


def remember_voucher(connection: Connection, voucher: Voucher, now: datetime) -> None:
    """Our own signature is enough: a voucher issued before a restored backup is known again when it is shown."""
    values = {
        "voucher_id": voucher.voucher_id,
        "kiosk_id": voucher.kiosk_id,
        "value_minor": voucher.value_minor,
        "currency": voucher.currency,
        "valid_until_ms": to_ms(voucher.valid_until),
        "created_ms": to_ms(now),
    }
    connection.execute(insert_if_absent(connection, vouchers), values)


def claim_voucher(connection: Connection, voucher_id: str, order_id: str) -> bool:
    """Hold a voucher for an order. False where another order has it."""
    held_by = connection.execute(select(vouchers.c.order_id).where(vouchers.c.voucher_id == voucher_id)).scalar()
    if held_by is None:
        connection.execute(update(vouchers).where(vouchers.c.voucher_id == voucher_id).values(order_id=order_id))
        return True
    return bool(held_by == order_id)


def release_voucher(connection: Connection, order_id: str) -> None:
    """An Ask came to nothing: free the voucher unless it was spent."""
    unspent = (vouchers.c.order_id == order_id, vouchers.c.spent_ms.is_(None))
    connection.execute(update(vouchers).where(*unspent).values(order_id=None))


def spend_voucher(connection: Connection, voucher_id: str, order_id: str, now: datetime) -> Doubt | None:
    """A Started with this voucher arrived. Returns a doubt where another order had spent it before.

    A kiosk that was offline outranks a mere claim: it delivered.
    """
    v = vouchers.c
    if connection.execute(select(v.voucher_id).where(v.voucher_id == voucher_id)).first() is None:
        return None  # issued before a restored backup; the kiosk checked our signature
    spending = update(vouchers).where(v.voucher_id == voucher_id, v.spent_ms.is_(None))
    if connection.execute(spending.values(order_id=order_id, spent_ms=to_ms(now))).rowcount:
        return None
    # Spent before; perhaps only just, by a kiosk whose rows are taken at this moment.
    known = connection.execute(select(v.order_id).where(v.voucher_id == voucher_id)).one()
    if known.order_id == order_id:
        return None
    return Doubt("voucher_twice", f"voucher {voucher_id} was already spent by order {known.order_id}")
