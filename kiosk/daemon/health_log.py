"""A log line when a device fails, and one when it is well again."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from kiosk.session.snapshot import DeviceView, ReaderView

log = logging.getLogger("kiosk.health")


class HealthLog:
    """A failure is told at the second look that shows it: what mends itself at once is no news."""

    def __init__(self) -> None:
        self._looks: dict[str, int] = {}  # bad looks in a row, by name

    def look(self, views: Iterable[DeviceView | ReaderView]) -> None:
        for view in views:
            looks = self._looks.get(view.name, 0)
            if view.is_good:
                if looks >= 2:
                    log.info("%s: well again", view.name)
                self._looks.pop(view.name, None)
            else:
                self._looks[view.name] = looks + 1
                if looks == 1:
                    told = view.message if view.name in view.message else f"{view.name}: {view.message}"
                    log.warning("%s", told or "does not answer")
