"""A car with a battery, a charge curve and moods. A pure state machine advanced by time.

The curve is a staircase, so between two `deadline_s` the power is constant and a world may jump. All times are
seconds on one clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Share of the charger's power up to a share of the battery: full power, then two steps down, as AC cars do.
CURVE = ((0.80, 1.0), (0.92, 0.6), (1.0, 0.3))
NEVER_S = float("inf")


@dataclass(frozen=True, slots=True)
class Mood:
    """What a car does besides charging. Pauses are (from, to) in seconds after it was plugged in."""

    pauses: tuple[tuple[float, float], ...] = ()
    refuses: bool = False  # stays in B and never asks
    reaction_s: float = 1.0  # until it follows a changed offer; IEC 61851-1 allows 5 s


@dataclass(slots=True)
class Vehicle:
    """`advance` moves the charge; `power_w` is what it draws where the contactor lets it."""

    name: str
    battery_wh: float = 60_000.0
    charged_wh: float = 20_000.0
    charger_w: float = 11_000.0
    phases: int = 3
    mood: Mood = field(default_factory=Mood)
    plugged_at_s: float = NEVER_S
    now_s: float = 0.0
    _offered_a: int = 0
    _follows_a: int = 0  # the offer it has reacted to
    _follows_at_s: float = NEVER_S

    def plug_in(self, at_s: float) -> None:
        self.now_s = self.plugged_at_s = at_s
        self._offered_a = self._follows_a = 0
        self._follows_at_s = NEVER_S

    def offer(self, amps: int, at_s: float) -> None:
        """The pilot's duty cycle, as amps. More is followed at once, less after the reaction time."""
        if amps != self._offered_a:
            self._offered_a = amps
            reacts_at_s = at_s + (self.mood.reaction_s if amps < self._follows_a else 0.0)
            self._follows_at_s = min(self._follows_at_s, reacts_at_s)  # a second change delays no reaction
            self.advance(at_s, 0.0)

    def advance(self, now_s: float, drawn_wh: float) -> None:
        """Time went on and `drawn_wh` came through the contactor meanwhile."""
        self.charged_wh = min(self.battery_wh, self.charged_wh + drawn_wh)
        self.now_s = max(self.now_s, now_s)
        if self.now_s >= self._follows_at_s:
            self._follows_a, self._follows_at_s = self._offered_a, NEVER_S

    @property
    def is_full(self) -> bool:
        return self.charged_wh >= self.battery_wh - 0.5

    @property
    def is_pausing(self) -> bool:
        since_s = self.now_s - self.plugged_at_s
        return any(start <= since_s < end for start, end in self.mood.pauses)

    @property
    def pilot(self) -> str:
        """IEC 61851-1 states B and C; A is a socket without a car."""
        asks = not (self.mood.refuses or self.is_full or self.is_pausing) and self._follows_a >= 6
        return "C" if asks else "B"

    @property
    def power_w(self) -> float:
        """What it draws behind a closed contactor."""
        if self.pilot != "C":
            return 0.0
        share = next(part for upto, part in CURVE if self.charged_wh < upto * self.battery_wh or upto == 1.0)
        return min(self.charger_w, self._follows_a * 230.0 * self.phases) * share

    def deadline_s(self, is_drawing: bool) -> float:
        """When it next changes by itself: a pause, a reaction, a step of the curve."""
        due = [self._follows_at_s]
        for start, end in self.mood.pauses:
            due += [self.plugged_at_s + start, self.plugged_at_s + end]
        power_w = self.power_w
        if is_drawing and power_w > 0:
            for upto, _ in CURVE:
                missing_wh = upto * self.battery_wh - self.charged_wh
                if missing_wh > 0:
                    due.append(self.now_s + max(0.001, missing_wh * 3600.0 / power_w + 0.001))
        return min((at for at in due if at > self.now_s), default=NEVER_S)
