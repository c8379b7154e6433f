"""[site]: the limit that all EVSEs share, and what only the whole file can show of it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from kiosk.config.reader import Complaints, limits
from kiosk.session.settings import SiteSettings

ROTATIONS = ("RST", "RTS", "SRT", "STR", "TRS", "TSR")  # OCPP PhaseRotation


@dataclass(frozen=True, slots=True)
class Site:
    """Amps per phase. `meter` names a [[meter]] at the connection, which counts the EVSEs and everything else."""

    limit_a: int = limits(least=6, most=2000)
    meter: str | None = limits(None, length=60)
    fallback_a: int | None = limits(None, least=0, most=2000)
    reserve_a: int = limits(1, least=0, most=100)
    turn_s: float = limits(900.0, least=60, most=86_400)

    def settings(self, follow_s: float) -> SiteSettings:
        """For the session core. `follow_s` is [protection]'s, for every vehicle here."""
        return SiteSettings(
            limit_a=self.limit_a,
            has_meter=self.meter is not None,
            fallback_a=self.fallback_a or 0,
            reserve_a=self.reserve_a if self.meter is not None else 0,
            follow_s=follow_s,
            turn_s=self.turn_s,
        )


def check_site(site: Site | None, meters: Sequence[str], of_evses: Sequence[str], complaints: Complaints) -> None:
    """A site meter of its own, and a fixed limit for the time it is silent."""
    if site is None:
        return
    if site.fallback_a is not None and site.fallback_a > site.limit_a:
        complaints.add("site.fallback_a", f"{site.fallback_a} A is more than limit_a, {site.limit_a} A")
    if site.reserve_a >= site.limit_a:
        complaints.add("site.reserve_a", f"{site.reserve_a} A leaves nothing of limit_a, {site.limit_a} A")
    if site.meter is None:
        if site.fallback_a is not None:
            complaints.add("site.fallback_a", "is for a silent site meter, and there is no site.meter")
        return
    if site.meter not in meters:
        near = difflib.get_close_matches(site.meter, meters, 1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        complaints.add("site.meter", f"there is no [[meter]] named '{site.meter}'{hint}")
    if site.fallback_a is None:
        complaints.add("site.fallback_a", "missing: what the EVSEs may take together while the site meter is silent")
    for index, name in enumerate(of_evses):
        if name == site.meter:
            complaints.add("site.meter", f"'{name}' measures evse[{index}]; the site needs a meter of its own")
