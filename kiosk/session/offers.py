"""What may be sold now: the published offers as far as their price is known here and still promised. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from contract.tariff import TariffOffer
from kiosk.session.events import Now


@dataclass(frozen=True, slots=True)
class Published:
    """The newest signed list's offers by evse_id, and until when their prices are promised (None: no end)."""

    offers: dict[int, TariffOffer] = field(default_factory=dict)
    valid_until: datetime | None = None

    def sold(self, now: Now) -> dict[int, TariffOffer]:
        """By evse_id. Without a clock the offline tariff stands for one that depends on it.

        The wall time is at least what it says, whatever its quality, so a price that ended by it has ended.
        """
        if self.valid_until is not None and now.wall >= self.valid_until:
            return {}
        sold = {evse_id: offer.sold(now.clock_is_known) for evse_id, offer in self.offers.items()}
        return {evse_id: offer for evse_id, offer in sold.items() if offer is not None}

    def ends_s(self, now: Now) -> float:
        """The kiosk's monotonic time at which they end by the clock as it goes now."""
        if self.valid_until is None:
            return float("inf")
        return now.s + (self.valid_until - now.wall).total_seconds()
