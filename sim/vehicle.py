"""A car with a battery, a charge curve and moods. A pure state machine advanced by time.

The curve is a staircase, so between two `deadline_s` the power is constant and a world may jump. All times are
seconds on one clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Share of the charger's power up to a share of the battery: full power, then two steps down, as AC cars do.
CURVE = ((0.80, 1.0), (0.92, 0.6), (1.0, 0.3))
NEVER_S = float("inf")
FULL_WITHIN_WH = 0.5  # a battery this close to its end is full


@dataclass(frozen=True, slots=True)
class Mood:
    """What a car does besides charging. Pauses are (from, to) in seconds after it was plugged in."""

    pauses: tuple[tuple[float, float], ...] = ()
    refuses: bool = False  # stays in B and never asks
    reaction_s: float = 1.0  # until it follows a changed offer; IEC 61851-1 allows 5 s


@dataclass(slots=True)
class Vehicle:
    """`advance` moves the charge; `pilot` and `power_w` are what it shows and draws until its next change."""

    name: str
    battery_wh: float = 60_000.0
    charged_wh: float = 20_000.0
    charger_w: float = 11_000.0
    phases: int = 3
    mood: Mood = field(default_factory=Mood)
    plugged_at_s: float = NEVER_S
    now_s: float = 0.0
    pilot: str = field(default="B", init=False)  # IEC 61851-1 states B and C; A is a socket without a car
    power_w: float = field(default=0.0, init=False)  # drawn behind a closed contactor
    is_told_to_pause: bool = field(default=False, init=False)  # by its driver's app
    is_deaf_to_less: bool = field(default=False, init=False)  # goes on drawing what it drew when it is offered less
    beyond_a: float = field(default=0.0, init=False)  # per phase, more than its offer and its own charger allow
    _offered_a: int = 0
    _follows_a: int = 0  # the offer it has reacted to
    _follows_at_s: float = NEVER_S
    _changes_at_s: float = field(default=NEVER_S, init=False)  # a pause or a reaction: the next change by time alone
    _changes_at_wh: float = field(default=0.0, init=False)  # charged so far the curve takes its next step

    def plug_in(self, at_s: float) -> None:
        self.now_s = self.plugged_at_s = at_s
        self._offered_a = self._follows_a = 0
        self._follows_at_s = NEVER_S
        self.is_told_to_pause = self.is_deaf_to_less = False
        self.beyond_a = 0.0
        self._settle()

    def pause(self, is_told_to: bool) -> None:
        """Its driver's app says so; from now on."""
        self.is_told_to_pause = is_told_to
        self._settle()

    def draw_beyond(self, amps: float) -> None:
        """So much more than it may, while it draws at all; from now on."""
        self.beyond_a = amps
        self._settle()

    def offer(self, amps: int, at_s: float) -> None:
        """The pilot's duty cycle, as amps. More is followed at once, less after the reaction time."""
        if amps != self._offered_a:
            self._offered_a = amps
            reacts_at_s = at_s + (self.mood.reaction_s if amps < self._follows_a else 0.0)
            self._follows_at_s = min(self._follows_at_s, reacts_at_s)  # a second change delays no reaction
            self.now_s = max(self.now_s, at_s)
            self._settle()

    def advance(self, now_s: float, drawn_wh: float) -> None:
        """Time went on and `drawn_wh` came through the contactor meanwhile."""
        self.charged_wh = min(self.battery_wh, self.charged_wh + drawn_wh)
        self.now_s = max(self.now_s, now_s)
        if self.now_s >= self._changes_at_s or self.charged_wh >= self._changes_at_wh:
            self._settle()

    @property
    def is_full(self) -> bool:
        return self.charged_wh >= self.battery_wh - FULL_WITHIN_WH

    @property
    def is_pausing(self) -> bool:
        begun_s = self.plugged_at_s
        return self.is_told_to_pause or any(
            begun_s + start <= self.now_s < begun_s + end for start, end in self.mood.pauses
        )

    def deadline_s(self, is_drawing: bool) -> float:
        """When it next changes by itself: a pause, a reaction, a step of the curve."""
        if not is_drawing or self.power_w <= 0:
            return self._changes_at_s
        missing_wh = self._changes_at_wh - self.charged_wh
        return min(self._changes_at_s, self.now_s + max(0.001, missing_wh * 3600.0 / self.power_w + 0.001))

    def _settle(self) -> None:
        """What it shows and draws from now on, and how long that holds."""
        if self.now_s >= self._follows_at_s:
            is_deaf = self.is_deaf_to_less and self._offered_a < self._follows_a
            self._follows_a, self._follows_at_s = self._follows_a if is_deaf else self._offered_a, NEVER_S
        asks = not (self.mood.refuses or self.is_full or self.is_pausing) and self._follows_a >= 6
        upto, share = next(step for step in CURVE if self.charged_wh < step[0] * self.battery_wh or step[0] == 1.0)
        self.pilot = "C" if asks else "B"
        power_w = min(self.charger_w, self._follows_a * 230.0 * self.phases) * share
        self.power_w = power_w + self.beyond_a * 230.0 * self.phases if asks else 0.0
        full_wh = self.battery_wh - FULL_WITHIN_WH
        self._changes_at_wh = NEVER_S if self.is_full else min(upto * self.battery_wh, full_wh)
        turns = (self.plugged_at_s + second for pause in self.mood.pauses for second in pause)
        self._changes_at_s = min((at_s for at_s in (*turns, self._follows_at_s) if at_s > self.now_s), default=NEVER_S)
