"""Settings of the core: one value per number a site may choose, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations

from contract.iec61851 import LEAST_OFFER_A

MAY_BE_OFF = ("restart_within_s", "correct_within_s")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each wait lasts, in kiosk seconds. Every wait names its patience."""

    authorize_s: float = 15.0  # server and own lists together
    answer_s: float = 4.0  # the server alone, then the own lists decide
    payment_s: float = 12.0  # the server with a payment provider behind it; no own list can decide instead
    plug_in_s: float = 90.0  # an accepted token waits so long for its cable; docs/decisions/0065
    close_s: float = 3.0  # contactor commanded closed, feedback still open
    ramp_s: float = 5.0  # offered current to zero before a normal opening
    open_s: float = 2.0  # contactor commanded open, feedback still closed: the safety relay is dropped
    end_s: float = 20.0  # for the last meter reading
    off_s: float = 3.0  # an opened contactor stays open at least this long
    pilot_stale_s: float = 5.0
    feedback_stale_s: float = 2.0
    meter_stale_s: float = 5.0
    bounce_s: float = 5.0  # a start never turns into a stop within this time
    reading_every_s: float = 60.0
    notice_s: float = 8.0
    choose_s: float = 60.0  # a chosen connector waits for a token
    token_waits_s: float = 20.0  # a token that was read waits for a connector to be chosen
    plug_seen_s: float = 2.0  # a cable put in before the token was read is seen this much later at most
    keypad_s: float = 30.0  # unlocking, or a limit, waits for a token
    own_start_s: float = 180.0  # after a start whoever stands there may set a limit
    receipt_s: float = 60.0
    taper_s: float = 600.0  # a charge just below its limit ends when nothing has flowed for so long
    code_lock_s: float = 60.0  # after three wrong stop codes
    record_s: float = 120.0  # a running charge goes on this long while the disk takes nothing
    restart_within_s: float = 600.0  # a charge interrupted by a power cut goes on by itself; 0: never
    correct_within_s: float = 86_400.0  # a meter silent at the end may still tell its register; 0: never

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            least_ok = getattr(self, name) >= 0 if name in MAY_BE_OFF else getattr(self, name) > 0
            if not least_ok or getattr(self, name) > 86_400:
                least = "0" if name in MAY_BE_OFF else "more than 0"
                raise ValueError(f"{name}: want {least} and at most 86400 seconds")
        if self.feedback_stale_s >= self.end_s:  # a feedback that fell silent would pass for a weld at the end
            raise ValueError(f"feedback_stale_s {self.feedback_stale_s:g}: want less than end_s ({self.end_s:g})")


@dataclass(frozen=True, slots=True)
class Protection:
    """What is too much, too little or too hot, and for how long. It explains; the certified hardware protects.

    Over-current as EVerest has it by default (EvseManager: soft_over_current_*). Voltage: EN 50160 knows no supply
    below 85 % of nominal. Heat: boards of the usual industrial grade stand 85 °C, at which they stop at once.
    """

    over_current_percent: int = 10  # above what is offered
    over_current_noise_ma: int = 500  # and above that: of meter and vehicle
    over_current_s: float = 7.0
    under_voltage_percent: int = 85  # of nominal_v, on any phase; 0: not looked at
    under_voltage_s: float = 10.0
    warm_c: int = 70  # from here the offer is halved, then lowered to the least, then nothing
    cool_c: int = 60  # and from here all of it is back
    heat_step_s: float = 300.0  # a cabinet cools within minutes once the current falls
    follow_s: float = 5.0  # for a vehicle to follow a lower offer, the way to it included (IEC 61851-1)

    def __post_init__(self) -> None:
        for name, least, most in (
            ("over_current_percent", 0, 100),
            ("over_current_noise_ma", 0, 5_000),
            ("over_current_s", 1, 120),
            ("under_voltage_percent", 0, 95),
            ("under_voltage_s", 1, 600),
            ("warm_c", 30, 84),
            ("cool_c", 20, 83),
            ("heat_step_s", 10, 3_600),
            ("follow_s", 1, 30),
        ):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} {getattr(self, name)}: want {least} to {most}")
        if self.cool_c >= self.warm_c:
            raise ValueError(f"cool_c {self.cool_c}: want less than warm_c ({self.warm_c})")

    @property
    def warm_dc(self) -> int:
        return self.warm_c * 10

    @property
    def cool_dc(self) -> int:
        return self.cool_c * 10


SITE_PHASES = {"".join("RST"[n] for n in order): order for order in permutations(range(3))}


@dataclass(frozen=True, slots=True)
class EvseSettings:
    """One EVSE: how it is called and what it may offer."""

    evse_id: int
    connector_id: int = 1
    connector_type: str = "Type 2"
    max_a: int = 32
    phases: int = 3
    nominal_v: int = 230
    parking_reserve_s: int = 600  # of billed parking; a guest's charge leaves so much of the hold for it
    phase_rotation: str = "RST"  # OCPP PhaseRotation: which of the site's phases its conductors are on, L1 first
    protection: Protection = field(default_factory=Protection)
    has_lock: bool = False  # the cable is locked into the kiosk's socket

    def __post_init__(self) -> None:
        if not LEAST_OFFER_A <= self.max_a <= 80:
            raise ValueError(f"max_a {self.max_a}: want {LEAST_OFFER_A} to 80")
        if self.phases not in (1, 3):
            raise ValueError(f"phases {self.phases}: want 1 or 3")
        if not 0 <= self.parking_reserve_s <= 86_400:
            raise ValueError(f"parking_reserve_s {self.parking_reserve_s}: want 0 to 86400")

    @property
    def max_power_w(self) -> int:
        return self.max_a * self.phases * self.nominal_v

    @property
    def site_phases(self) -> tuple[int, ...]:
        """0, 1, 2 for the site's R, S, T; a single-phase EVSE is on the first of its rotation."""
        return SITE_PHASES[self.phase_rotation][: self.phases]


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """What all consumers behind one connection share. Amps are per phase."""

    limit_a: int  # with a site meter: of the whole connection; without: of the EVSEs together
    has_meter: bool = False
    fallback_a: int = 0  # of the EVSEs together while the site's meter is stale
    reserve_a: int = 1  # kept free beside a measured load when an offer is raised
    follow_s: float = 5.0  # as in Protection: one number for the whole kiosk
    raise_every_s: float = 10.0  # no EVSE's offer is raised more often
    rest_s: float = 60.0  # a pause lasts at least
    turn_s: float = 900.0  # where there is not enough for 6 A each
    doze_s: float = 60.0  # the turn of a vehicle that does not ask

    def __post_init__(self) -> None:
        if not LEAST_OFFER_A <= self.limit_a <= 2_000:
            raise ValueError(f"limit_a {self.limit_a}: want {LEAST_OFFER_A} to 2000")
        if not 0 <= self.fallback_a <= self.limit_a:
            raise ValueError(f"fallback_a {self.fallback_a}: want 0 to limit_a ({self.limit_a})")
        if not 0 <= self.reserve_a < self.limit_a:
            raise ValueError(f"reserve_a {self.reserve_a}: want 0 to less than limit_a ({self.limit_a})")


@dataclass(frozen=True, slots=True)
class KioskSettings:
    """The kiosk as a whole."""

    evses: tuple[EvseSettings, ...]
    patience: Patience = field(default_factory=Patience)
    stop_with_code: bool = True  # the four digits shown at the start also stop
    site: SiteSettings | None = None  # None: every EVSE has its own supply
