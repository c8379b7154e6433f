"""Energy that a decided rule gives up: which rule, in which case, and how much at most. Beyond that it is harm.

What is forgiven is never read from the kiosk: a bound is a time in which the physics had a chance to deliver
unmetered, times the most an EVSE can deliver, or what really flowed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worlds.faults.trouble import Episode
from worlds.visits import Counted

if TYPE_CHECKING:
    from worlds.world import World

CAR_S = 5.0  # a vehicle follows a lower offer within (IEC 61851-1); one that does not is opened under load
SLOWEST_DISK_S = 10.0
NEVER_S = float("-inf")


@dataclass(frozen=True, slots=True)
class Stay:
    """One visit to one EVSE, in world seconds, and what really flowed: in all, and without a current in the coil."""

    evse_id: int
    from_s: float
    to_s: float
    true_wh: float
    uncommanded_wh: float


def stays(world: World) -> list[Stay]:
    """So far; the last one at each EVSE goes on for ever."""
    found = []
    for evse_id, logs in world.visits.items():
        outlet = world.outlets[evse_id]
        for index, log in enumerate(logs):
            ends_s = logs[index + 1].began_s if index + 1 < len(logs) else float("inf")
            after = log.after or Counted.of(outlet)
            true_wh = after.import_wh - log.before.import_wh
            found.append(Stay(evse_id, log.began_s, ends_s, true_wh, after.uncommanded_wh - log.before.uncommanded_wh))
    return found


@dataclass(frozen=True, slots=True)
class Rule:
    """`kinds`: the faults in which it is invoked. `most_wh`: its bound for one of them."""

    name: str
    kinds: frozenset[str]
    reaches_back: bool  # to visits that were over when the fault came
    most_wh: Callable[[World, Stay, Episode], float]


def _power_wh(world: World, stay: Stay, seconds: float) -> float:
    evse = next(evse for evse in world.settings.evses if evse.evse_id == stay.evse_id)
    return evse.max_power_w * seconds / 3_600


def _opening_s(world: World, stay: Stay) -> float:
    """From the wish to open to open contacts."""
    return world.times[stay.evse_id].command_delay_s + CAR_S


def _last_good_reading(world: World, stay: Stay, episode: Episode) -> float:
    """The meter is dead at the end, exchanged, or says what cannot be: the last good reading stands.

    Max power × the time from that reading to the opening: it grows stale, then the contactor opens. After a restart
    meanwhile the last good reading is the last one on the disk, at most a reading's period and a slow write old.
    A register that stays where the fault led it is found by the first boot after it, however long it is mended by
    then: unless the kiosk went on long enough to have the end of the charge on the disk.
    """
    patience, times = world.settings.patience, world.times[stay.evse_id]
    stale_s = patience.meter_stale_s + 2 * times.meter_period_s
    told_s = episode.from_s + stale_s + patience.ramp_s + patience.end_s + SLOWEST_DISK_S
    off_the_disk_s = _off_the_disk_s(world, episode, told_s if episode.leaves_another_register else NEVER_S)
    return _power_wh(world, stay, stale_s + _opening_s(world, stay) + off_the_disk_s)


def _off_the_disk_s(world: World, episode: Episode, hidden_until_s: float) -> float:
    """How old the last reading on the disk can be, where the kiosk was restarted meanwhile; where it went down by
    `hidden_until_s`, also if it came back when all was mended."""
    patience = world.settings.patience
    for down_s, boot_s in zip(world.downs_s, world.boots_s[1:], strict=False):
        finds_it = boot_s <= episode.to_s or down_s <= hidden_until_s
        if episode.from_s - patience.record_s <= boot_s and finds_it:
            return patience.reading_every_s + SLOWEST_DISK_S + 1.0
    return 0.0


def _contact_that_lies(world: World, stay: Stay, episode: Episode) -> float:
    """The auxiliary contact says open before the main contacts are: the reading taken on its word is the last.

    Max power × the time the wiring takes to open, and the vehicle to follow.
    """
    return _power_wh(world, stay, _opening_s(world, stay))


def _nobodys(world: World, stay: Stay, episode: Episode) -> float:
    """Welded contacts: what flows after the session is nobody's bill. Exactly what flowed without a current in the
    coil, and one step of the register. Where enough of it flowed while the kiosk was off, the register has moved
    farther than the charge can have gone on: the last reading on the disk stands, also where the contactor was
    exchanged before the kiosk came back.
    """
    hidden_until_s = episode.to_s if stay.uncommanded_wh > 0 else NEVER_S
    unread_wh = _power_wh(world, stay, _off_the_disk_s(world, episode, hidden_until_s))
    return stay.uncommanded_wh + world.outlets[stay.evse_id].meter.step_wh + unread_wh


def _unsent(world: World, stay: Stay, episode: Episode) -> float:
    """A damaged journal loses what was not readable any more, which is nothing the server had acknowledged: at most
    what had flowed by then and was not on the server (or would be gone with a backup that is restored later)."""
    return world.damaged.unsent_wh(stay, episode)


RULES = (
    Rule(
        "last_good_reading",
        frozenset({"meter_silent", "meter_late", "bus_noise", "register_backwards", "register_jumps", "meter_swapped"}),
        False,
        _last_good_reading,
    ),
    Rule("contact_that_lies", frozenset({"feedback_contradicts"}), False, _contact_that_lies),
    Rule("welded_contactor", frozenset({"contactor_welded"}), False, _nobodys),
    Rule("damaged_journal", frozenset({"journal_damaged"}), True, _unsent),
)


def forgivable(world: World, stay: Stay) -> dict[str, float]:
    """By rule: Wh that may be missing from the bills of this stay."""
    found: dict[str, float] = {}
    for rule in RULES:
        for episode in world.trouble.episodes:
            ends_s = float("inf") if rule.reaches_back else stay.to_s
            if episode.kind.name in rule.kinds and episode.touches(stay.evse_id, stay.from_s, ends_s):
                found[rule.name] = found.get(rule.name, 0.0) + rule.most_wh(world, stay, episode)
    return {name: wh for name, wh in found.items() if wh > 0}


class Damaged:
    """What the server did not have yet, each time a journal was damaged."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._unsent: dict[tuple[int, float, float], float] = {}  # by EVSE, beginning of a visit, and damage

    def note(self) -> None:
        """Called at the moment of the damage, with nothing delivering any more."""
        world = self._world
        known = world.server.kept_wh()
        for stay in stays(world):
            known_wh = sum(
                wh
                for transaction_id, (evse_id, wh) in known.items()
                if evse_id == stay.evse_id and stay.from_s <= world.minted_s.get(transaction_id, -1.0) < stay.to_s
            )
            self._unsent[stay.evse_id, stay.from_s, world.agenda.now_s] = max(0.0, stay.true_wh - known_wh)

    def unsent_wh(self, stay: Stay, episode: Episode) -> float:
        return self._unsent.get((stay.evse_id, stay.from_s, episode.from_s), 0.0)
