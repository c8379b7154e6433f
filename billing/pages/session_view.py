"""One session with all its events and its price, line by line, for the operator."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, select

from billing.checkout.checkout import shown_payer
from billing.corrections import in_order, is_current
from billing.decisions.cases import in_force
from billing.moments import to_ms
from billing.pages.decisions_view import decided_in_words
from billing.pages.operator_view import local_time
from billing.pages.render import clock_text, date_text, kwh, money, money_exact, number, zone_text
from billing.pages.tariff_view import line_name
from billing.quarantine import doubts_of
from billing.rating import read_story
from billing.tables import cdrs, kiosks, transactions
from contract.codec import from_wire
from contract.price import Line

_UNIT = {"ENERGY": "kWh", "TIME": "h", "PARKING_TIME": "h", "FLAT": "charge"}


def session_detail(connection: Connection, kiosk_id: str, transaction_id: str, now: datetime) -> dict[str, Any] | None:
    """None where there is no such session."""
    t = transactions.c
    query = (
        select(transactions, kiosks.c.name, kiosks.c.place, kiosks.c.time_zone)
        .join_from(transactions, kiosks)
        .where(t.kiosk_id == kiosk_id, t.transaction_id == transaction_id)
    )
    found = connection.execute(query).one_or_none()
    if found is None:
        return None
    story = read_story(connection, kiosk_id, transaction_id)
    of_session = (cdrs.c.kiosk_id == kiosk_id, cdrs.c.transaction_id == transaction_id)
    cdr = connection.execute(select(cdrs).where(*of_session, is_current())).one_or_none()
    history = in_order(connection.execute(select(cdrs).where(*of_session)))
    lines = () if cdr is None else tuple(from_wire(Line, line) for line in json.loads(cdr.body)["lines"])
    here = {event.seq_no for event in story}
    last = found.ended_seq if found.ended_seq is not None else max(here, default=0)
    return {
        "title": f"{found.name}, EVSE {found.evse_id}",
        "place": found.place,
        "kiosk_id": kiosk_id,
        "transaction_id": transaction_id,
        "order_id": found.order_id,
        "receipt_key": found.receipt_key,
        "account_id": shown_payer(found.account_id or "not yet known"),
        "started": "not yet received" if found.started_ms is None else local_time(found.started_ms, found.time_zone),
        "ended": "not yet received" if found.ended_ms is None else local_time(found.ended_ms, found.time_zone),
        "missing": ", ".join(str(n) for n in sorted(set(range(last + 1)) - here)[:20]),
        "amount": "" if cdr is None else money(cdr.incl_vat_minor, cdr.currency, "en"),
        "cdr_id": "" if cdr is None else cdr.cdr_id,
        "history": [_of_history(row) for row in history] if len(history) > 1 else [],
        "continues": story[0].continues.of_transaction_id if story and story[0].continues is not None else "",
        "energy": "" if cdr is None else kwh(cdr.energy_wh, "en"),
        "lines": [_line(line, cdr.currency) for line in lines] if cdr is not None else [],
        "is_decided": in_force(connection, kiosk_id, transaction_id) is not None,
        "decided": [
            (local_time(to_ms(at), found.time_zone), said)
            for at, said in decided_in_words(connection, kiosk_id, transaction_id)
        ],
        "doubts": doubts_of(connection, kiosk_id, transaction_id),
        "events": [
            {
                "seq": event.seq_no,
                "type": event.event_type.value,
                "trigger": event.trigger_reason.value,
                "clock_text": clock_text(event.at.wall, found.time_zone, "en", "HH:mm:ss"),
                "date": _date(event.at.wall, found.time_zone),
                "clock": "" if event.at.clock_quality.value == "synchronised" else event.at.clock_quality.value,
                "elapsed": number(Decimal(event.elapsed_ms) / 1000, 1, "en") + " s",
                "register": kwh(event.meter.import_wh, "en"),
                "power": number(Decimal(event.meter.power_w), 0, "en") + " W",
                "quality": "" if event.meter.quality.value == "good" else event.meter.quality.value,
                "use": event.time_use.value,
                "offline": event.offline,
                "stopped": "" if event.stopped_reason is None else event.stopped_reason.value,
            }
            for event in story
        ],
    }


def _date(moment: datetime, time_zone: str) -> str:
    return f"{date_text(moment, time_zone, 'en')} ({zone_text(moment, time_zone)})"


def _of_history(row: Row[Any]) -> dict[str, str]:
    """Bill, Credit CDR and new bill of a corrected session."""
    is_credit = row.credit_reference_id is not None
    return {
        "cdr_id": row.cdr_id,
        "what": f"credit of {row.credit_reference_id}" if is_credit else "bill",
        "energy": kwh(row.energy_wh, "en"),
        "amount": money(row.incl_vat_minor, row.currency, "en"),
    }


def _line(line: Line, currency: str) -> dict[str, str]:
    unit = _UNIT[line.dimension.value]
    return {
        "dimension": line_name(line),
        "quantity": f"{number(line.quantity, 0 if unit == 'charge' else 4, 'en')} {unit}",
        "unit_price": money_exact(line.unit_price, currency, "en", 4),
        "vat": f"{line.vat} %",
        "excl_vat": money_exact(line.excl_vat, currency, "en", 4),
        "incl_vat": money_exact(line.incl_vat, currency, "en", 4),
        "rule": line.rule,
    }
