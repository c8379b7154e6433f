"""Agreements: what was agreed for an EVSE with its host (system A) and its partners (system D), from when on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from billing.moments import to_ms
from billing.prepared import Prepared
from billing.settlement.allocation import HostTerms, PartnerTerms
from billing.settlement.tables import agreements
from contract.codec import from_bytes, to_bytes
from contract.tariff import Dimension, Tariff


@dataclass(frozen=True, slots=True)
class Agreement:
    """`electricity` is the host's own contract with their supplier, as a tariff of ENERGY alone; times are local.

    `host_account` is the driver account of the host: what it uses at this EVSE is own use. Raises ValueError where the
    contract has other dimensions or another currency than the fees.
    """

    host: HostTerms | None = None
    electricity: Tariff | None = None
    host_account: str | None = None
    partners: PartnerTerms | None = None

    def __post_init__(self) -> None:
        if self.electricity is None:
            return
        if self.host is None or self.electricity.currency != self.host.currency:
            raise ValueError("electricity: want a host whose fees are in the same currency")
        for element in self.electricity.elements:
            for component in element.price_components:
                if component.type is not Dimension.ENERGY:
                    raise ValueError(f"electricity {self.electricity.id}: {component.type} is no price of energy")


def agree(
    connection: Connection, kiosk_id: str, evse_id: int, agreement: Agreement, begins: datetime, now: datetime
) -> None:
    """Write down what is in force from `begins` on. Nothing that was agreed before is changed."""
    values = {
        "kiosk_id": kiosk_id,
        "evse_id": evse_id,
        "host_id": None if agreement.host is None else agreement.host.host_id,
        "body": to_bytes(agreement).decode(),
        "from_ms": to_ms(begins),
        "written_ms": to_ms(now),
    }
    connection.execute(agreements.insert(), values)


_IN_FORCE = Prepared(
    select(agreements.c.body)
    .where(agreements.c.kiosk_id == bindparam("of_kiosk"), agreements.c.evse_id == bindparam("evse"))
    .where(agreements.c.from_ms <= bindparam("at_ms"))
    .order_by(agreements.c.from_ms.desc(), agreements.c.agreement_no.desc())
    .limit(1)
)


def in_force(connection: Connection, kiosk_id: str, evse_id: int, at: datetime) -> Agreement:
    """The agreement of an EVSE at a moment; an empty one where nothing was agreed."""
    body = _IN_FORCE.value(connection, {"of_kiosk": kiosk_id, "evse": evse_id, "at_ms": to_ms(at)})
    return Agreement() if body is None else from_bytes(Agreement, body)
