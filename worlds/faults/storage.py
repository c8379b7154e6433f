"""Faults of the disk: it takes nothing, it takes its time, or it gives back something else."""

from __future__ import annotations

from collections.abc import Callable

from worlds.faults.kind import Kind, Mend, NotNow, Where

FULL, READ_ONLY = "database or disk is full", "attempt to write a readonly database"  # as SQLite says it
SLOWEST_S = 150.0


def refuses(why: str) -> Callable[[Where], Mend]:
    def begin(at: Where) -> Mend:
        disk = at.world.disk
        disk.refusal = why

        def mend() -> None:
            disk.refusal = ""

        return mend

    return begin


def stall(at: Where) -> Mend:
    disk = at.world.disk
    disk.stalls_at_least_s = at.rng.choice([20.0, SLOWEST_S])

    def mend() -> None:
        disk.stalls_at_least_s = 0.0

    return mend


def damage(at: Where) -> Mend:
    """The mains fail, and at the next start a page of the journal is something else."""
    world = at.world
    if world.kiosk is None:
        raise NotNow
    world.cut_power()
    world.damaged.note()
    page = world.disk.damage(at.rng)
    world.tell(f"page {page} of the journal is damaged")
    return world.boot_again


KINDS = (
    Kind("disk_full", "disk", refuses(FULL), (5, 900), of_evse=False, while_charging=True),
    Kind("disk_read_only", "disk", refuses(READ_ONLY), (5, 900), of_evse=False, while_charging=True),
    Kind("disk_stalled", "disk", stall, (60, 900), of_evse=False, while_charging=True),
    Kind("journal_damaged", "disk", damage, (8, 300), every_h=40, of_evse=False, while_charging=True),
)
