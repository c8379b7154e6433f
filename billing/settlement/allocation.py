"""One table for everybody who has a part in a sale: the host (system A), two partners (system D), or all of them.

| part | how much | of what |
|---|---|---|
| VAT | as price() says, per rate | the driver's charge |
| host | electricity cost + installation fee (per use, per kWh, per hour) | of exactly one share: the bearer's |
| charging service provider | its share of the net | system D; all of the net less the operator's part |
| operator | fixed part and permille of the net | system D; else all of the net |

Law:
- The parts sum to the charge, to the minor unit. What the bearer keeps may be below zero: the host is paid.
- A use that delivered nothing has no installation fee and no electricity cost. A host at their own device is paid
  nothing for it: they would pay themselves. A free tariff changes nothing for the host: the bearer pays.
- A use that a power cut interrupted is one use: what is agreed per use counts once, with the first part that delivered.
- An installation fee per month belongs to no sale; it is an entry of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum


class Bearer(StrEnum):
    """Out of whose share the host is paid."""

    OPERATOR = "operator"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class HostTerms:
    """What was agreed with a host for one device, net, in minor units of `currency`."""

    host_id: str
    currency: str
    per_use_minor: int = 0
    per_kwh: Decimal = Decimal(0)
    per_hour: Decimal = Decimal(0)  # of the time from Started to the end of delivery or parking
    per_month_minor: int = 0
    paid_by: Bearer = Bearer.OPERATOR

    def __post_init__(self) -> None:
        if min(self.per_use_minor, self.per_month_minor) < 0 or min(self.per_kwh, self.per_hour) < 0:
            raise ValueError(f"host {self.host_id}: fees: want 0 or more")


@dataclass(frozen=True, slots=True)
class PartnerTerms:
    """System D: who runs the charger and who runs this server, and how they share the net."""

    provider_id: str
    operator_fixed_minor: int = 0
    operator_permille: int = 0

    def __post_init__(self) -> None:
        if self.operator_fixed_minor < 0 or not 0 <= self.operator_permille <= 1000:
            raise ValueError(f"partner {self.provider_id}: want a fixed part of 0 or more and 0 to 1000 permille")


@dataclass(frozen=True, slots=True)
class Sale:
    """A finished use as the CDR says it. Amounts in minor units; `vat_minor` by rate in per cent."""

    gross_minor: int
    vat_minor: dict[str, int]
    energy_wh: int
    connected_ms: int
    electricity_cost_minor: int  # by the host's own contract; see billing.settlement.electricity
    is_own_use: bool = False
    is_continued: bool = False  # a part before this one had delivered: what is paid per use was paid with it

    @property
    def net_minor(self) -> int:
        return self.gross_minor - sum(self.vat_minor.values())


@dataclass(frozen=True, slots=True)
class HostPayment:
    """The host's payment and the sum under it, for the host's own page."""

    electricity_minor: int = 0
    per_use_minor: int = 0
    per_kwh_minor: int = 0
    per_hour_minor: int = 0

    @property
    def total_minor(self) -> int:
        return self.electricity_minor + self.per_use_minor + self.per_kwh_minor + self.per_hour_minor


@dataclass(frozen=True, slots=True)
class Allocation:
    """Everybody's part of one sale; they sum to its gross amount."""

    vat_minor: dict[str, int] = field(default_factory=dict)
    host: HostPayment = HostPayment()
    provider_minor: int = 0
    operator_minor: int = 0

    @property
    def gross_minor(self) -> int:
        return sum(self.vat_minor.values()) + self.host.total_minor + self.provider_minor + self.operator_minor


def allocate(sale: Sale, host: HostTerms | None = None, partners: PartnerTerms | None = None) -> Allocation:
    """Everybody's part. Without partners the operator has the whole net, without a host nobody is paid for power."""
    payment = HostPayment() if host is None else host_payment(sale, host)
    operator_minor, provider_minor = sale.net_minor, 0
    if partners is not None:
        operator_minor = _operator_part(sale, partners)
        provider_minor = sale.net_minor - operator_minor
    if partners is not None and host is not None and host.paid_by is Bearer.PROVIDER:
        provider_minor -= payment.total_minor
    else:
        operator_minor -= payment.total_minor
    found = Allocation(dict(sale.vat_minor), payment, provider_minor, operator_minor)
    assert found.gross_minor == sale.gross_minor
    return found


def host_payment(sale: Sale, host: HostTerms) -> HostPayment:
    if sale.energy_wh <= 0 or sale.is_own_use:
        return HostPayment()
    return HostPayment(
        sale.electricity_cost_minor,
        0 if sale.is_continued else host.per_use_minor,
        _rounded(host.per_kwh * sale.energy_wh / 1000),
        _rounded(host.per_hour * sale.connected_ms / 3_600_000),
    )


def _operator_part(sale: Sale, partners: PartnerTerms) -> int:
    """Never more than the net, and nothing of a net of nothing."""
    fixed_minor = 0 if sale.is_continued else partners.operator_fixed_minor
    wanted = fixed_minor + _rounded(Decimal(sale.net_minor * partners.operator_permille) / 1000)
    return max(0, min(sale.net_minor, wanted))


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
