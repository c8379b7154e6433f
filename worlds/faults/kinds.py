"""Every kind of fault a world knows, by name. `DEFAULT` happens where nothing else is asked for."""

from __future__ import annotations

from worlds.faults import boards, cabinet, electric, manners, metering, network, orders, payments, storage, timekeeping
from worlds.faults.kind import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind
    for room in (electric, metering, boards, cabinet, storage, network, timekeeping, manners, orders, payments)
    for kind in room.KINDS
}
# The world draws these itself: they belong to its mains, its network, its people and its site.
OF_THE_WORLD = (
    "power_cut",
    "network_loss",
    "process_killed",
    "emergency_stop",
    "car_ignores_offer",
    "site_meter_silent",
)
DEFAULT = frozenset(OF_THE_WORLD)
ALL = DEFAULT | KINDS.keys()


def chosen(text: str) -> frozenset[str]:
    """`all`, `none`, or names with commas between them. Raises ValueError that names what there is."""
    if text in ("all", "none", "default"):
        return {"all": ALL, "none": frozenset[str](), "default": DEFAULT}[text]
    names = frozenset(text.split(","))
    if unknown := sorted(names - ALL):
        raise ValueError(f"{', '.join(unknown)}: want all, none or some of {', '.join(sorted(ALL))}")
    return names
