"""Whose request goes next on a shared bus. Pure: times come in as numbers.

Law:
- A request for "less" (0 A, open) takes the next gap, before every other request and through every quiet pause;
  it waits only for the pause its own device needs between two requests.
- All else goes round: a device is served again only after every other one that waits and may be asked.
- Nothing waits without limit: each device has at most `DEPTH` requests here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

DEPTH = 8


class QueueFull(RuntimeError):
    """A device asks faster than it is served: a mistake in its driver."""


@dataclass(slots=True)
class _Seat(Generic[T]):
    ready_s: float = 0.0
    quiet_until_s: float = 0.0
    waiting: deque[T] = field(default_factory=deque)
    less: deque[T] = field(default_factory=deque)


class FairQueue(Generic[T]):
    """Requests by seat (one per device). All times are seconds of one clock."""

    def __init__(self) -> None:
        self._seats: dict[int, _Seat[T]] = {}
        self._order: deque[int] = deque()

    def add_seat(self) -> int:
        seat = len(self._seats)
        self._seats[seat] = _Seat()
        self._order.append(seat)
        return seat

    def put(self, seat: int, request: T, less: bool = False) -> None:
        """Raises QueueFull beyond `DEPTH` of a kind."""
        row = self._seats[seat].less if less else self._seats[seat].waiting
        if len(row) >= DEPTH:
            raise QueueFull(f"more than {DEPTH} requests of one device wait")
        row.append(request)

    def rest(self, seat: int, until_s: float) -> None:
        """This device needs a pause: nothing may be asked of it before."""
        self._seats[seat].ready_s = max(self._seats[seat].ready_s, until_s)

    def keep_quiet(self, until_s: float, seat: int | None = None) -> None:
        """Nothing but less may go to this device (to any, where none is named) before."""
        for number, row in self._seats.items():
            if seat in (None, number):
                row.quiet_until_s = max(row.quiet_until_s, until_s)

    @property
    def less_waits(self) -> bool:
        return any(seat.less for seat in self._seats.values())

    def take(self, now_s: float) -> T | None:
        """The next request that may go now, or None."""
        for wants_less in (True, False):
            for number in self._order:
                seat = self._seats[number]
                row = seat.less if wants_less else seat.waiting
                if row and now_s >= (seat.ready_s if wants_less else max(seat.ready_s, seat.quiet_until_s)):
                    self._order.remove(number)
                    self._order.append(number)
                    return row.popleft()
        return None

    def take_all(self) -> list[T]:
        """Everything that waits, when the bus closes."""
        left = [request for seat in self._seats.values() for request in (*seat.less, *seat.waiting)]
        for seat in self._seats.values():
            seat.less.clear()
            seat.waiting.clear()
        return left

    def next_s(self) -> float | None:
        """When `take` may give something, as things stand; None while nobody waits."""
        times = [seat.ready_s for seat in self._seats.values() if seat.less]
        times += [max(seat.ready_s, seat.quiet_until_s) for seat in self._seats.values() if seat.waiting]
        return min(times, default=None)
