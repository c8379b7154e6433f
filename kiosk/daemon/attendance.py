"""Whether the processes that should be here are: screen and uplink, by the roles on the panel's socket.

A start of everything, an update of the screen or a crash takes some seconds; only a longer absence is told.
"""

from __future__ import annotations

from collections.abc import Set

from kiosk.session.snapshot import DeviceView
from kiosk.wire import Role

START_PATIENCE_S = 120.0  # real seconds after the start: a screen on a slow card
GONE_PATIENCE_S = 15.0
NAMES = {Role.SCREEN: ("screen process", "kiosk-ui"), Role.UPLINK: ("uplink process", "kiosk-uplink")}


class Attendance:
    """One look after the other; `now_s` are real monotonic seconds."""

    def __init__(self) -> None:
        self._absent_since_s: dict[Role, float] = {}
        self._was_here: set[Role] = set()

    def look(self, wanted: Set[Role], here: Set[Role], now_s: float) -> tuple[DeviceView, ...]:
        """A view of each wanted process; none of one that may still come."""
        views = []
        for role in sorted(wanted):
            name, unit = NAMES[role]
            if role in here:
                self._was_here.add(role)
                self._absent_since_s.pop(role, None)
            absent_s = now_s - self._absent_since_s.setdefault(role, now_s) if role not in here else 0.0
            patience_s = GONE_PATIENCE_S if role in self._was_here else START_PATIENCE_S
            if role in here:
                views.append(DeviceView(name, True, ""))
            elif absent_s >= patience_s:
                said = f"{name}: not here for {absent_s:.0f} s. Check systemctl status {unit}."
                views.append(DeviceView(name, False, said))
        return tuple(views)
