"""What of a guest's cap is kept for the time plugged in after the charge: a guest never owes more than was held.

The kiosk ends the charge at the rest; phone and screen say so beforehand.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, Decimal

from contract.currency import MINOR_DIGITS
from contract.tariff import Dimension, TariffOffer

USUAL_RESERVE_S = 600  # where a kiosk's own settings say nothing else


def charge_cap_of_guest(cap_minor: int, offer: TariffOffer, reserve_s: int = USUAL_RESERVE_S) -> int:
    """Where a guest's charge ends: the cap less what so much parking costs, but at least half of the cap."""
    return cap_minor - min(cap_minor // 2, parking_reserve_minor(offer, reserve_s))


def parking_reserve_minor(offer: TariffOffer, reserve_s: int) -> int:
    """The most that so much parking costs with VAT, beyond its grace. 0 where parking is free or nothing is kept."""
    parts = [part for element in offer.tariff.elements for part in element.price_components]
    costs = [
        part.gross * math.ceil(reserve_s / part.step_size) * part.step_size / 3600
        for part in parts
        if part.type is Dimension.PARKING_TIME
    ]
    minor = max(costs, default=Decimal(0)).scaleb(MINOR_DIGITS[offer.tariff.currency])
    return int(minor.to_integral_value(ROUND_CEILING))
