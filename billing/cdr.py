"""The charge detail record as JSON, in OCPI 2.2.1's words (mod_cdrs, object CDR).

Amounts in `total_*` have four decimals, as OCPI's Price asks; what is owed is `rounded`, in minor units, rounded
once. `lines` and `registers` are ours: OCPI has no place for the sum under the amount.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from billing.checkout.checkout import shown_payer
from contract.codec import to_wire, utc_text
from contract.identity import TokenKind
from contract.local_time import Exact
from contract.price import Line, Price, Sample, TimeUse, as_decimal, measure, spans_of
from contract.tariff import Dimension, TariffOffer
from contract.transaction import Began, ClockQuality, TransactionEvent, began
from contract.walk import rules_of

_TOTALS = {
    Dimension.ENERGY: "total_energy_cost",
    Dimension.TIME: "total_time_cost",
    Dimension.PARKING_TIME: "total_parking_cost",
    Dimension.FLAT: "total_fixed_cost",
}
_TIMES = {TimeUse.CHARGING: "TIME", TimeUse.PARKING: "PARKING_TIME"}
_TOKEN_TYPE = {  # OCPI TokenType
    TokenKind.ISO14443: "RFID",
    TokenKind.MEMBER_CODE: "APP_USER",
    TokenKind.VOUCHER: "AD_HOC_USER",
    TokenKind.DIRECT_PAYMENT: "AD_HOC_USER",
    TokenKind.CENTRAL: "APP_USER",
}


def cdr_json(
    cdr_id: str,
    kiosk_id: str,
    kiosk_name: str,
    place: str,
    time_zone: str,
    story: Sequence[TransactionEvent],
    samples: Sequence[Sample],
    amount: Price,
    now: datetime,
) -> str:
    """The CDR of a finished transaction, canonical JSON. `story` is its events 0..Ended, `samples` their readings."""
    started, ended = story[0], story[-1]
    assert started.authority is not None and started.offer is not None
    authority = started.authority
    used = measure(samples, started.offer.parking_grace_s)
    start = began(story)
    kept = timedelta(milliseconds=started.offer.reserved_ms or 0)
    cdr: dict[str, Any] = {
        "id": cdr_id,
        "session_id": started.transaction_id,
        "start_date_time": utc_text(start.wall - kept),  # OCPI: of the reservation, where there was one
        "end_date_time": utc_text(start.wall + timedelta(milliseconds=ended.elapsed_ms)),
        "clock": _clock(start, ended, now),
        "cdr_token": {
            "uid": authority.token_hash,  # a hash: the journal holds no card
            "type": _TOKEN_TYPE[authority.token_kind],
            "contract_id": shown_payer(authority.account_id),
        },
        "auth_method": _auth_method(started, authority.token_kind),
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
        "charging_periods": _periods(started.offer, samples, start.wall),
        "total_energy": _plain(Decimal(used.energy_wh) / 1000),
        "total_time": _plain(_hours(ended.elapsed_ms)),
        "total_parking_time": _plain(_hours(used.parking_ms)),
        "total_cost": {"excl_vat": _four(amount.excl_vat), "incl_vat": _four(amount.incl_vat)},
        "total_cost_rule": amount.rule,
        "vat": [to_wire(line) for line in amount.vat],
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
        priced = [line for line in amount.lines if line.dimension is dimension and not line.is_reservation]
        if priced:
            cdr[name] = _cost(priced)
    if reserved := [line for line in amount.lines if line.is_reservation]:
        cdr["total_reservation_cost"] = _cost(reserved)
    if started.meter.serial is not None:
        cdr["meter_id"] = started.meter.serial
    return json.dumps(cdr, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _auth_method(started: TransactionEvent, kind: TokenKind) -> str:
    """OCPI AuthMethod: who was asked. A kiosk that was alone asked its own signed list."""
    if kind is TokenKind.CENTRAL:
        return "COMMAND"
    return "WHITELIST" if started.offline else "AUTH_REQUEST"


def _clock(start: Began, ended: TransactionEvent, now: datetime) -> dict[str, str]:
    """How far the times of day may be trusted. Unknown ones are bounded by their neighbours, and price nothing."""
    if start.quality is not ClockQuality.UNKNOWN:
        return {"quality": start.quality.value, "source": "corrected" if start.is_corrected else "kiosk"}
    latest = max(start.wall, now - timedelta(milliseconds=ended.elapsed_ms))
    bounds = {"start_not_before": utc_text(start.wall), "start_not_after": utc_text(latest)}
    return {"quality": start.quality.value, "source": "bounds"} | bounds


def _periods(offer: TariffOffer, samples: Sequence[Sample], start: datetime) -> list[dict[str, Any]]:
    """One period per stretch of equal time use and price; times count from Started, so a clock step moves none."""
    rules, energy_wh, of_last = rules_of(offer), Fraction(0), None
    reserved = [] if offer.reserved_ms is None else [_reserved_period(offer.reserved_ms, start)]
    found: list[tuple[Exact, dict[str, Exact]]] = []  # beginning; Wh and ms
    for span in spans_of(rules, samples):
        for picks, piece in rules.pieces(energy_wh, span):
            if (picks, piece.time_use) != of_last:
                of_last = (picks, piece.time_use)
                found.append((piece.from_ms, {}))
            volumes = found[-1][1]
            volumes["ENERGY"] = volumes.get("ENERGY", 0) + piece.energy_wh
            if (name := _TIMES.get(piece.time_use)) is not None:
                volumes[name] = volumes.get(name, 0) + piece.to_ms - piece.from_ms
            energy_wh += piece.energy_wh
    return reserved + [
        {
            "start_date_time": utc_text(start + timedelta(milliseconds=int(from_ms))),
            "dimensions": [{"type": name, "volume": _volume(name, v)} for name, v in volumes.items() if v],
        }
        for from_ms, volumes in found
        if any(volumes.values())
    ]


def _reserved_period(reserved_ms: int, start: datetime) -> dict[str, Any]:
    return {
        "start_date_time": utc_text(start - timedelta(milliseconds=reserved_ms)),
        "dimensions": [{"type": "RESERVATION_TIME", "volume": _volume("RESERVATION_TIME", reserved_ms)}],
    }


def _volume(name: str, volume: Exact) -> str:
    """Energy as the register told it; what a cut made of it, and hours, to four decimals."""
    is_energy = name == "ENERGY"
    exact = as_decimal(Fraction(volume) / (1000 if is_energy else 3_600_000))
    is_whole = is_energy and Fraction(volume).denominator == 1
    return _plain(exact if is_whole else exact.quantize(Decimal("0.0001"), ROUND_HALF_UP))


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
