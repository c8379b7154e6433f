"""What may be sold now: the published offers as far as their price is known here and still promised. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from contract.tariff import TariffOffer
from contract.tokens import LaterOffer, in_force
from kiosk.session.events import Now


@dataclass(frozen=True, slots=True)
class Published:
    """The newest signed list's offers by evse_id, and until when their prices are promised (None: no end).

    `later`: what another price was published for, from a moment on.
    """

    offers: dict[int, TariffOffer] = field(default_factory=dict)
    valid_until: datetime | None = None
    later: tuple[LaterOffer, ...] = ()

    def sold(self, now: Now) -> dict[int, TariffOffer]:
        """By evse_id. Without a clock the offline tariff stands for one that depends on it.

        The wall time is at least what it says, whatever its quality, so a price that ended by it has ended, and one
        that began by it has begun.
        """
        if self.valid_until is not None and now.wall >= self.valid_until:
            return {}
        offers = in_force(self.offers, self.later, now.wall) if self.later else self.offers
        sold = {evse_id: offer.sold(now.clock_is_known) for evse_id, offer in offers.items()}
        return {evse_id: offer for evse_id, offer in sold.items() if offer is not None}

    def changes_s(self, now: Now) -> float:
        """The kiosk's monotonic time at which something of it changes next, by the clock as it goes now."""
        moments = [change.from_at for change in self.later if change.from_at > now.wall]
        if self.valid_until is not None:
            moments.append(self.valid_until)
        if not moments:
            return float("inf")
        return now.s + (min(moments) - now.wall).total_seconds()
