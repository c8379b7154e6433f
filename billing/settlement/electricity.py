"""What the host's own supplier charges for the energy of one use: the host's contract, priced by the same price()."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from contract.price import Price, Sample, price
from contract.tariff import Tariff, TariffElement, TariffOffer


def electricity_cost(electricity: Tariff, samples: Sequence[Sample], time_zone: str) -> Price:
    """The cost with its lines; what the host pays is its gross amount.

    `samples` are the readings as journaled; between two of them energy is linear, so a contract by time of use is cut
    at its own hours, local to `time_zone`. Raises ValueError as price() does.
    """
    return price(TariffOffer(electricity, 0, time_zone=time_zone), samples)


def dearest(electricity: Tariff) -> Tariff:
    """The contract at its highest price all day: what counts where a kiosk did not know the time.

    The host had the cost whatever the kiosk's clock said; the doubt is not theirs to bear.
    """
    components = (component for element in electricity.elements for component in element.price_components)
    highest = max(components, key=lambda component: component.gross)
    return replace(electricity, elements=(TariffElement((highest,)),))
