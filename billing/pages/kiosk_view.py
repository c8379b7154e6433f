"""One kiosk at the operator's desk: its EVSEs, what runs, what is kept and closed by order, the newest orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from billing.checkout.checkout import shown_payer
from billing.directory import current_offers
from billing.moments import from_ms
from billing.orders import Reserved, closed_evses, reservations
from billing.pages.operator_view import SILENT_AFTER, local_time
from billing.pages.render import ago
from billing.tables import commands, kiosk_keys, kiosks, transactions

SHOWN_ORDERS = 12
_CHIPS = {"Accepted": "ok", "Rejected": "bad", "Expired": "off"}
_WORDS = {
    "RequestStartTransaction": "Start",
    "RequestStopTransaction": "Stop",
    "SendLocalList": "Fetch the card list",
    "UnlockConnector": "Unlock",
    "ReserveNow": "Reserve",
    "CancelReservation": "Cancel reservation",
    "ChangeAvailability": "Close or open",
    "SetVariables": "Settings",
}


@dataclass(frozen=True, slots=True)
class EvseLine:
    evse_id: int
    tariff: str
    chip: str
    state: str
    note: str
    transaction_id: str | None
    reservation_id: str | None
    is_closed: bool


def kiosk_detail(connection: Connection, kiosk_id: str, now: datetime) -> dict[str, Any] | None:
    site = connection.execute(select(kiosks).where(kiosks.c.kiosk_id == kiosk_id)).one_or_none()
    if site is None:
        return None
    t = transactions.c
    running = dict(
        connection.execute(
            select(t.evse_id, t.transaction_id).where(t.kiosk_id == kiosk_id, t.ended_seq.is_(None))
        ).all()
    )
    closed = closed_evses(connection, kiosk_id)
    kept = {one.evse_id: one for one in reservations(connection, now, kiosk_id)}
    query = select(kiosk_keys.c.kiosk_id).where(kiosk_keys.c.kiosk_id == kiosk_id, kiosk_keys.c.revoked_ms.is_(None))
    state = _unless_ordered(site, connection.execute(query).first() is not None, now)
    lines = [
        _line(row.evse_id, row.tariff_id, running.get(row.evse_id), row.evse_id in closed, kept, site.time_zone, state)
        for row in current_offers(connection, kiosk_id)
    ]
    heard = "never" if site.last_contact_ms is None else f"{ago(from_ms(site.last_contact_ms), now)} ago"
    return {
        "kiosk_id": kiosk_id,
        "name": site.name,
        "heard": heard,
        "evses": lines,
        "orders": _orders(connection, kiosk_id, now),
    }


def _unless_ordered(site: Row[Any], is_enrolled: bool, now: datetime) -> tuple[str, str, str]:
    """Chip, state and note of a connector with no order and no session: of a kiosk not heard, its state is unknown."""
    if not is_enrolled:
        return "off", "Not enrolled", ""
    if site.last_contact_ms is None:
        return "off", "Never heard", ""
    heard = from_ms(site.last_contact_ms)
    if heard < now - SILENT_AFTER:
        return "stale", "Not known", f"kiosk not heard since {local_time(site.last_contact_ms, site.time_zone)}"
    return "ok", "In service", ""


def _line(
    evse_id: int,
    tariff: str,
    transaction_id: str | None,
    is_closed: bool,
    kept: dict[int, Reserved],
    time_zone: str,
    otherwise: tuple[str, str, str],
) -> EvseLine:
    reserved = kept.get(evse_id)
    chip, state, note = otherwise
    if is_closed:
        chip, state, note = "off", "Closed by order", ""
    elif reserved is not None:
        until_ms = round(reserved.until.timestamp() * 1000)
        chip, state = "warn", "Reserved"
        note = f"for {shown_payer(reserved.account_id or 'a card')} until {local_time(until_ms, time_zone)}"
    if transaction_id is not None:
        chip, state, note = "flow", "Session open", "closed after it" if is_closed else ""
    return EvseLine(
        evse_id, tariff, chip, state, note, transaction_id, reserved.reservation_id if reserved else None, is_closed
    )


def _orders(connection: Connection, kiosk_id: str, now: datetime) -> list[dict[str, str]]:
    c = commands.c
    query = select(c.kind, c.status, c.reason, c.queued_ms, c.expires_ms).where(c.kiosk_id == kiosk_id)
    found = connection.execute(query.order_by(c.queued_ms.desc()).limit(SHOWN_ORDERS))
    return [
        {
            "what": _WORDS.get(row.kind, row.kind),
            "age": ago(from_ms(row.queued_ms), now),
            "chip": _CHIPS.get(row.status or "", "warn"),
            "status": row.status or ("waits for the kiosk" if from_ms(row.expires_ms) > now else "never answered"),
            "reason": row.reason or "",
        }
        for row in found
    ]
