"""The charge detail record as JSON, in OCPI 2.2.1's words (mod_cdrs, object CDR).

Amounts in `total_*` have four decimals, as OCPI's Price asks; what is owed is `rounded`, in minor units, rounded
once. `lines` and `registers` are ours: OCPI has no place for the sum under the amount.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from contract.codec import to_wire, utc_text
from contract.identity import TokenKind
from contract.price import Line, Price, TimeUse, measure
from contract.tariff import Dimension
from contract.transaction import TransactionEvent

_TOTALS = {
    Dimension.ENERGY: "total_energy_cost",
    Dimension.TIME: "total_time_cost",
    Dimension.PARKING_TIME: "total_parking_cost",
    Dimension.FLAT: "total_fixed_cost",
}
_TOKEN_TYPE = {  # OCPI TokenType
    TokenKind.ISO14443: "RFID",
    TokenKind.MEMBER_CODE: "APP_USER",
    TokenKind.VOUCHER: "AD_HOC_USER",
    TokenKind.CENTRAL: "APP_USER",
}


def cdr_json(
    cdr_id: str,
    kiosk_id: str,
    kiosk_name: str,
    place: str,
    time_zone: str,
    story: Sequence[TransactionEvent],
    amount: Price,
    now: datetime,
) -> str:
    """The CDR of a finished transaction, canonical JSON. `story` is its events 0..Ended."""
    started, ended = story[0], story[-1]
    assert started.authority is not None and started.offer is not None
    authority = started.authority
    used = measure([event.sample for event in story], started.offer.parking_grace_s)
    cdr: dict[str, Any] = {
        "id": cdr_id,
        "session_id": started.transaction_id,
        "start_date_time": utc_text(started.at.wall),
        "end_date_time": utc_text(started.at.wall + timedelta(milliseconds=ended.elapsed_ms)),
        "cdr_token": {
            "uid": authority.token_hash,  # a hash: the journal holds no card
            "type": _TOKEN_TYPE[authority.token_kind],
            "contract_id": authority.account_id,
        },
        "auth_method": "COMMAND" if authority.token_kind is TokenKind.CENTRAL else "AUTH_REQUEST",
        "authorization_reference": started.order_id,
        "cdr_location": {
            "id": kiosk_id,
            "name": kiosk_name,
            "address": place,
            "time_zone": time_zone,
            "evse_id": str(started.evse_id),
            "connector_id": str(started.connector_id),
        },
        "currency": amount.currency,
        "tariffs": [to_wire(started.offer.tariff)],
        "charging_periods": _periods(story),
        "total_energy": _plain(Decimal(used.energy_wh) / 1000),
        "total_time": _plain(_hours(ended.elapsed_ms)),
        "total_parking_time": _plain(_hours(used.parking_ms)),
        "total_cost": _cost(amount.lines),
        "rounded": {
            "excl_vat_minor": amount.excl_vat_minor,
            "vat_minor": amount.vat_minor,
            "incl_vat_minor": amount.incl_vat_minor,
        },
        "lines": [to_wire(line) for line in amount.lines],
        "registers": {"start_wh": started.meter.import_wh, "end_wh": ended.meter.import_wh},
        "parking_grace_s": started.offer.parking_grace_s,
        "last_updated": utc_text(now),
    }
    for dimension, name in _TOTALS.items():
        priced = [line for line in amount.lines if line.dimension is dimension]
        if priced:
            cdr[name] = _cost(priced)
    if started.meter.serial is not None:
        cdr["meter_id"] = started.meter.serial
    return json.dumps(cdr, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _periods(story: Sequence[TransactionEvent]) -> list[dict[str, Any]]:
    """One period per stretch of equal time use; times count from Started, so a clock step moves none of them."""
    periods: list[dict[str, Any]] = []
    begin = story[0]
    for event in story[1:]:
        if event.time_use is begin.time_use and event is not story[-1]:
            continue
        dimensions = []
        energy_wh = event.meter.import_wh - begin.meter.import_wh
        if energy_wh:
            dimensions.append({"type": "ENERGY", "volume": _plain(Decimal(energy_wh) / 1000)})
        name = {TimeUse.CHARGING: "TIME", TimeUse.PARKING: "PARKING_TIME"}.get(begin.time_use)
        if name is not None and event.elapsed_ms > begin.elapsed_ms:
            dimensions.append({"type": name, "volume": _plain(_hours(event.elapsed_ms - begin.elapsed_ms))})
        if dimensions:
            at = story[0].at.wall + timedelta(milliseconds=begin.elapsed_ms)
            periods.append({"start_date_time": utc_text(at), "dimensions": dimensions})
        begin = event
    return periods


def _cost(lines: Iterable[Line]) -> dict[str, str]:
    lines = tuple(lines)
    excl = sum((line.excl_vat for line in lines), Decimal(0))
    incl = sum((line.incl_vat for line in lines), Decimal(0))
    return {"excl_vat": _four(excl), "incl_vat": _four(incl)}


def _hours(span_ms: int) -> Decimal:
    return (Decimal(span_ms) / 3_600_000).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _four(amount: Decimal) -> str:
    return format(amount.quantize(Decimal("0.0001"), ROUND_HALF_UP), "f")


def _plain(number: Decimal) -> str:
    return format(number, "f")
