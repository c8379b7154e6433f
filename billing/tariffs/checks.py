"""What somebody should know of a tariff before it is published, beyond that it can be read. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from contract.restrictions import ReservationRestriction
from contract.tariff import Dimension, Tariff, TariffOffer

WORDS = {
    Dimension.ENERGY: "Energy",
    Dimension.TIME: "Charging time",
    Dimension.PARKING_TIME: "Time after charging",
    Dimension.FLAT: "The fee once per charge",
}


def warnings_about(tariff: Tariff, offers: Sequence[tuple[str, TariffOffer]] = ()) -> list[str]:
    """Each a sentence; `offers` are the places where it is sold, by name."""
    return [
        *_gaps(tariff),
        *_unreachable(tariff),
        *_without_clock(tariff, offers),
        *_grace(tariff, offers),
        *_expired(tariff),
    ]


def _gaps(tariff: Tariff) -> list[str]:
    found = []
    for kind in Dimension:
        cases = [e for e in tariff.elements if e.reservation is None and e.component(kind) is not None]
        if kind is Dimension.ENERGY and not cases:
            found.append("Energy costs nothing: no case has a price per kWh.")
        elif cases and all(case.restrictions is not None for case in cases):
            found.append(f"{WORDS[kind]} is free whenever none of its cases holds: none of them holds always.")
    return found


def _unreachable(tariff: Tariff) -> list[str]:
    found = []
    for kind in Dimension:
        always: int | None = None
        for number, element in enumerate(tariff.elements):
            if element.component(kind) is None or element.reservation is not None:
                continue
            if always is not None:
                words = WORDS[kind].lower()
                found.append(
                    f"Case {number + 1} never sets the price of {words}: case {always + 1} always holds before."
                )
            elif element.restrictions is None:
                always = number
    return found


def _without_clock(tariff: Tariff, offers: Sequence[tuple[str, TariffOffer]]) -> list[str]:
    if not tariff.needs_clock:
        return []
    bare = [place for place, offer in offers if offer.offline_tariff is None]
    if not bare:
        return []
    return [f"Its price needs the clock, and no offline tariff stands in for it at {', '.join(bare)}: "
            "a kiosk there sells nothing while its clock is not known."]  # fmt: skip


def _grace(tariff: Tariff, offers: Sequence[tuple[str, TariffOffer]]) -> list[str]:
    bare = [place for place, offer in offers if offer.parking_grace_s == 0]
    if not tariff.bills_parking or not bare:
        return []
    return [f"Time after charging is billed from its first second at {', '.join(bare)}: no free minutes are set there."]


def _expired(tariff: Tariff) -> list[str]:
    if all(element.reservation is not ReservationRestriction.RESERVATION_EXPIRES for element in tariff.elements):
        return []
    return ["A reservation nobody used is never billed here: there is no order it could stand in. Its prices are kept "
            "for partners who read the tariff."]  # fmt: skip
