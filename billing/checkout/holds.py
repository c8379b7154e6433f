"""How much is held before a charge: by EVSE, by kiosk, or the currency's usual amount."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Connection, bindparam, or_, select

from billing.checkout.tables import hold_rules
from billing.database import insert_if_absent
from billing.prepared import Prepared
from contract.currency import to_minor

USUAL = {"JPY": 5_000, "KRW": 40_000, "KWD": 12_000}  # in minor units; others: 40 in major units
LARGEST = 10**9
WHOLE_KIOSK = 0


_RULE = Prepared(
    select(hold_rules.c.hold_minor)
    .where(hold_rules.c.kiosk_id == bindparam("of_kiosk"))
    .where(or_(hold_rules.c.evse_id == bindparam("evse"), hold_rules.c.evse_id == WHOLE_KIOSK))
    .order_by(hold_rules.c.evse_id.desc())
    .limit(1)
)


def hold_minor_at(connection: Connection, kiosk_id: str, evse_id: int, currency: str) -> int:
    """The amount to hold, in minor units: the EVSE's rule, else the kiosk's, else the currency's."""
    found = _RULE.value(connection, {"of_kiosk": kiosk_id, "evse": evse_id})
    if found is not None:
        return int(found)
    return USUAL.get(currency) or to_minor(Decimal(40), currency)


def set_hold(connection: Connection, kiosk_id: str, evse_id: int, hold_minor: int) -> None:
    """`evse_id` 0 is the whole kiosk. What is held already stays. Raises ValueError."""
    if not 1 <= hold_minor <= LARGEST or not 0 <= evse_id <= 99:
        raise ValueError(f"hold {hold_minor} at EVSE {evse_id}: want 1 to {LARGEST} at 0 (all) to 99")
    key = {"kiosk_id": kiosk_id, "evse_id": evse_id}
    connection.execute(insert_if_absent(connection, hold_rules), key | {"hold_minor": hold_minor})
    h = hold_rules.c
    where = (h.kiosk_id == kiosk_id, h.evse_id == evse_id)
    connection.execute(hold_rules.update().where(*where).values(hold_minor=hold_minor))
