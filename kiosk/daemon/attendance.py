"""Whether the processes that should be here are, and whether they move: screen and uplink, by the roles on the panel's
socket and by what the screen says from the loop that paints.

A start of everything, an update of the screen or a crash takes some seconds; only a longer absence is told. One that
is told stays told until it is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from kiosk.session.snapshot import DeviceView
from kiosk.wire import Role

START_PATIENCE_S = 120.0  # real seconds after the start: a screen on a slow card
GONE_PATIENCE_S = 15.0
HANGS_PATIENCE_S = 5.0  # it says every second that it moves
NAMES = {Role.SCREEN: ("screen process", "kiosk-ui"), Role.UPLINK: ("uplink process", "kiosk-uplink")}


class Attendance:
    """One look after the other; `now_s` are real monotonic seconds."""

    def __init__(self) -> None:
        self._away_since_s: dict[Role, float] = {}
        self._was_here: set[Role] = set()
        self._told: set[Role] = set()

    def look(
        self, wanted: Set[Role], here: Set[Role], now_s: float, silent_s: Mapping[Role, float] | None = None
    ) -> tuple[DeviceView, ...]:
        """A view of each wanted process; none of one that may still come. `silent_s`: since when those who should say
        so have not said that they move."""
        views = []
        for role in sorted(wanted):
            name, unit = NAMES[role]
            quiet_s = (silent_s or {}).get(role, 0.0) if role in here else 0.0
            hangs = quiet_s >= HANGS_PATIENCE_S
            if role in here and not hangs:
                self._was_here.add(role)
                self._away_since_s.pop(role, None)
                self._told.discard(role)
                views.append(DeviceView(name, True, ""))
                continue
            away_s = now_s - self._away_since_s.setdefault(role, now_s - quiet_s)
            patience_s = 0.0 if hangs else GONE_PATIENCE_S if role in self._was_here else START_PATIENCE_S
            if role in self._told or away_s >= patience_s:
                self._told.add(role)
                how = "here, and hangs" if hangs else "not here"
                said = f"{name}: {how} for {away_s:.0f} s. Check systemctl status {unit}."
                views.append(DeviceView(name, False, said))
        return tuple(views)
