"""The clock of a world's kiosk: the system's, which can be wrong, read by the rules of kiosk.daemon.clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from contract.transaction import ClockQuality

DAY_ONE = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """`truth` is the world's own time of day."""

    def __init__(self, truth: Callable[[], datetime]) -> None:
        self._truth = truth
        self._off = timedelta()
        self._is_synchronised = True
        self._was_synchronised = False  # in this boot
        self._bound = DAY_ONE

    def boot(self, not_before: datetime | None) -> None:
        """`not_before`: the latest time the journal knows."""
        self._bound = not_before or DAY_ONE
        self._was_synchronised = False

    def wall(self) -> datetime:
        return max(self._truth() + self._off, self._bound)

    def quality(self) -> ClockQuality:
        if self._is_synchronised and self._truth() + self._off >= self._bound:
            self._was_synchronised = True
            return ClockQuality.SYNCHRONISED
        return ClockQuality.ESTIMATED if self._was_synchronised else ClockQuality.UNKNOWN

    def lose(self) -> None:
        self._off, self._is_synchronised = DAY_ONE - self._truth(), False

    def set_by(self, seconds: float, is_believed: bool) -> None:
        """`is_believed`: the system calls itself synchronised all the same."""
        self._off, self._is_synchronised = timedelta(seconds=seconds), is_believed

    def mend(self) -> None:
        self._off, self._is_synchronised = timedelta(), True
