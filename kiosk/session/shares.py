"""Shares: who is served and how much each may take, as arithmetic on whole amps per phase of the site. Pure.

Law:
- Nobody gets less than 6 A: it is 6 A or more, or a pause.
- Above that, equal shares: everyone's level rises by one amp at a time until a phase is full or it has what it takes;
  what nobody takes is handed out the same way.
- Where there is not enough for 6 A each, the order decides: whoever is charging keeps its turn, then whoever waits
  longest (a driver with a departure time is put forward by one turn), then those whose turn is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from contract.iec61851 import LEAST_OFFER_A
from contract.values import value

PHASES = 3
PerPhase = tuple[int, int, int]
NOTHING: PerPhase = (0, 0, 0)


@value
class Asker:
    """One EVSE that may be offered current. `phases` are those of the site it draws on; amps are per phase."""

    evse_id: int
    phases: tuple[int, ...]
    most_a: int  # what the EVSE may offer
    takes_a: int  # what its vehicle is known to take, 6 to most_a


@value
class Place:
    """Where an EVSE stands in the order. Times are kiosk monotonic seconds."""

    came_s: float
    is_served: bool
    since_s: float  # served or waiting since
    departs_s: float | None = None
    turn_is_over: bool = False

    def key(self, turn_s: float) -> tuple[int, float]:
        """Smaller comes first."""
        if not self.is_served:
            return 1, self.since_s - (turn_s if self.departs_s is not None else 0.0)
        return (2, self.since_s) if self.turn_is_over else (0, self.came_s)


def minus(budget: PerPhase, phases: Iterable[int], amps: int) -> PerPhase:
    left = list(budget)
    for phase in phases:
        left[phase] -= amps
    return left[0], left[1], left[2]


def room(budget: PerPhase, phases: Iterable[int]) -> int:
    """What is left on the fullest of these phases; negative where too much is taken."""
    return min(budget[phase] for phase in phases)


def served(askers: Sequence[Asker], holders: frozenset[int], keep: PerPhase, rise: PerPhase) -> tuple[Asker, ...]:
    """Those that get 6 A or more, first come first. `holders` have it already and need only the budget for keeping."""
    chosen: list[Asker] = []
    for asker in askers:
        phases, held = asker.phases, asker.evse_id in holders
        if room(keep if held else rise, phases) >= LEAST_OFFER_A:
            chosen.append(asker)
            keep, rise = minus(keep, phases, LEAST_OFFER_A), minus(rise, phases, LEAST_OFFER_A)
    return tuple(chosen)


def fill(chosen: Sequence[Asker], budget: PerPhase) -> dict[int, int]:
    """Everyone's level, by evse_id: 6 A each, then equal steps up to what each takes, then up to what each may."""
    levels = {asker.evse_id: LEAST_OFFER_A for asker in chosen}
    for asker in chosen:
        budget = minus(budget, asker.phases, LEAST_OFFER_A)
    budget = _raise(chosen, {a.evse_id: a.takes_a for a in chosen}, levels, budget)
    _raise(chosen, {a.evse_id: a.most_a for a in chosen}, levels, budget)
    return levels


def _raise(chosen: Sequence[Asker], upto: Mapping[int, int], levels: dict[int, int], budget: PerPhase) -> PerPhase:
    rising = [asker for asker in chosen if levels[asker.evse_id] < upto[asker.evse_id]]
    while rising:
        # The lowest first, so that what one leaves over makes the others equal again.
        least_a = min(levels[asker.evse_id] for asker in rising)
        still: list[Asker] = []
        for asker in rising:
            if levels[asker.evse_id] > least_a:
                still.append(asker)
            elif room(budget, asker.phases) >= 1:
                levels[asker.evse_id] += 1
                budget = minus(budget, asker.phases, 1)
                if levels[asker.evse_id] < upto[asker.evse_id]:
                    still.append(asker)
        rising = still
    return budget
