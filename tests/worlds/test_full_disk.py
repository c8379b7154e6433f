"""Worlds whose disk is full now and then: a charge ends in time, nothing begins unwritten, and the money comes out."""

from __future__ import annotations

import sqlite3

import pytest

from kiosk.journal import Batch
from kiosk.session.faults import FaultCode
from kiosk.session.session import Session
from kiosk.session.states import State
from worlds.checker import check
from worlds.world import World

HOURS = 30.0


class FullDiskWorld(World):
    """The disk is full for seconds or for an hour."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, HOURS)
        self.full_since_s: float | None = None
        self.times_full = 0
        self.seen: set[tuple[State, FaultCode | None]] = set()
        self.longest_s = 0.0
        commit = self.disk.store.commit

        def full_or_not(batch: Batch) -> list[int]:
            if self.full_since_s is not None:
                raise sqlite3.OperationalError("database or disk is full")
            return commit(batch)

        self.disk.store.commit = full_or_not  # type: ignore[method-assign]

    def calm(self) -> None:
        self.full_since_s = None
        super().calm()

    def _plan_trouble(self) -> None:
        super()._plan_trouble()
        self._plan(0.6 * 3600, self._fill)

    def _fill(self) -> None:
        if self.full_since_s is None:
            self.full_since_s, self.times_full = self.agenda.now_s, self.times_full + 1
            lasts_s = self.rng.choice([self.rng.uniform(2, 100), self.rng.uniform(150, 3600)])
            self.agenda.after(lasts_s, self._make_room)

    def _make_room(self) -> None:
        self.full_since_s = None

    def look_at_kiosk(self) -> None:
        super().look_at_kiosk()
        for session in () if self.kiosk is None else self.kiosk.controller.kiosk.sessions:
            self.seen.add((session.state, session.fault))
            self._judge(session)

    def _judge(self, session: Session) -> None:
        if self.full_since_s is not None and session.state is State.DELIVERING:
            self.longest_s = max(self.longest_s, self.agenda.now_s - self.full_since_s)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_full_disk_costs_nobody_a_watt_hour(seed: int) -> None:
    world = FullDiskWorld(seed)
    world.run()

    assert not check(world).any(), f"seed {seed}: {check(world)}"
    assert world.times_full > 3
    assert (State.OUT_OF_SERVICE, FaultCode.JOURNAL_FAILED) in world.seen
    # Readings are due every minute, so the disk's refusal is noticed within one; then record_s counts.
    assert 60 < world.longest_s < 60 + world.settings.patience.record_s + 30
