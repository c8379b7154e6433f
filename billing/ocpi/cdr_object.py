"""A stored CDR as an OCPI 2.2.1 CDR object: every field of the class that is known, in its own type and length.

The stored text keeps exact amounts as text and is never changed. Here numbers are numbers, ids fit CiString(36), a
Credit CDR has negative amounts in total_cost alone, and what OCPI has no word for stands under `kiosk`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.ocpi.location import Location
from billing.ocpi.write import tariff_json
from contract.codec import from_wire
from contract.tariff import Tariff

LONGEST_ID = 36
COSTS = (
    "total_cost",
    "total_fixed_cost",
    "total_energy_cost",
    "total_time_cost",
    "total_parking_cost",
    "total_reservation_cost",
)
OURS = ("clock", "rounded", "lines", "vat", "registers", "parking_grace_s", "total_cost_rule")
SAME = ("id", "start_date_time", "end_date_time", "session_id", "auth_method", "authorization_reference", "meter_id",
        "currency", "credit", "credit_reference_id", "last_updated")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Owner:
    """The operator's names in OCPI; "" where it has none."""

    country_code: str = ""
    party_id: str = ""

    @property
    def fields(self) -> dict[str, str]:
        has_both = self.country_code and self.party_id
        return {"country_code": self.country_code, "party_id": self.party_id} if has_both else {}


NOBODY = Owner()


def cdr_object(body: str, owner: Owner, location: Location | None) -> dict[str, Any]:
    """`body` is billing.cdr's text."""
    stored = json.loads(body, parse_float=Decimal)
    is_credit = bool(stored.get("credit"))
    found: dict[str, Any] = owner.fields | {name: stored[name] for name in SAME if name in stored}
    token = stored["cdr_token"]
    found["cdr_token"] = owner.fields | {
        "uid": fitted(token["uid"]),
        "type": token["type"],
        "contract_id": fitted(token["contract_id"]),
    }
    found["cdr_location"] = _location(stored["cdr_location"], owner, location)
    found["tariffs"] = [_tariff(tariff, owner, stored["start_date_time"]) for tariff in stored["tariffs"]]
    tariff_id = found["tariffs"][0]["id"]
    found["charging_periods"] = [
        {
            "start_date_time": period["start_date_time"],
            "dimensions": [{"type": d["type"], "volume": _number(d["volume"])} for d in period["dimensions"]],
            "tariff_id": tariff_id,
        }
        for period in stored["charging_periods"]
    ] or [_nothing(stored["start_date_time"], tariff_id)]
    for name in COSTS:
        if name in stored:
            sign = -1 if is_credit and name != "total_cost" else 1
            found[name] = {tax: _number(sign * Decimal(amount)) for tax, amount in stored[name].items()}
    hours = sum((Decimal(str(d["volume"])) for p in stored["charging_periods"] for d in p["dimensions"]
                 if d["type"] == "TIME"), Decimal(0))  # fmt: skip
    total = Decimal(stored["total_time"])
    found["total_energy"], found["total_time"] = _number(stored["total_energy"]), _number(total)
    found["total_parking_time"] = _number(max(Decimal(0), total - hours))
    found["kiosk"] = {name: stored[name] for name in OURS if name in stored}
    return found


def as_json(objects: list[dict[str, Any]]) -> str:
    """One object, or a list where there are several."""
    return json.dumps(objects if len(objects) > 1 else objects[0], ensure_ascii=False, separators=(",", ":"))


def fitted(name: str) -> str:
    """An id as it is where it fits OCPI's 36 characters; else as many of its SHA-256, which say no more than it."""
    return name if len(name) <= LONGEST_ID else hashlib.sha256(name.encode()).hexdigest()[:LONGEST_ID]


def _nothing(begin: str, tariff_id: str) -> dict[str, Any]:
    """OCPI wants one period at least, also where nothing was used."""
    return {"start_date_time": begin, "dimensions": [{"type": "TIME", "volume": 0}], "tariff_id": tariff_id}


def _location(stored: Mapping[str, Any], owner: Owner, location: Location | None) -> dict[str, Any]:
    kiosk_id, evse_id, connector_id = stored["id"], stored["evse_id"], stored["connector_id"]
    emi3 = "".join(letter for letter in kiosk_id.upper() if letter.isalnum())[:20]
    prefix = f"{owner.country_code}*{owner.party_id}*" if owner.fields else ""
    found = {
        "id": fitted(kiosk_id),
        "name": stored["name"],
        "address": stored["address"][:45],
        "evse_uid": fitted(f"{kiosk_id}-{evse_id}"),
        "evse_id": f"{prefix}E{emi3}*{evse_id}",
        "connector_id": connector_id,
        "time_zone": stored["time_zone"],  # ours: OCPI keeps it with the Location alone
    }
    if location is None:
        return found
    postal = {} if location.postal_code is None else {"postal_code": location.postal_code}
    return (
        found
        | postal
        | {
            "address": location.address,
            "city": location.city,
            "country": location.country,
            "coordinates": {"latitude": location.latitude, "longitude": location.longitude},
            "connector_standard": location.connector_standard.value,
            "connector_format": location.connector_format.value,
            "connector_power_type": location.connector_power_type.value,
        }
    )


def _tariff(stored: Mapping[str, Any], owner: Owner, at: str) -> dict[str, Any]:
    tariff = from_wire(Tariff, stored)
    moment = datetime.fromisoformat(at.removesuffix("Z"))
    found: dict[str, Any] = json.loads(tariff_json(tariff, owner.country_code, owner.party_id, moment))
    return found


def _number(text: str | Decimal) -> float | int:
    value = Decimal(text)
    return int(value) if value == int(value) else float(value)
