"""The sections of kiosk.toml, each a frozen dataclass with its limits. config/README.md explains them to people."""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from kiosk.config.reader import limits
from kiosk.config.site import ROTATIONS, Site
from kiosk.session.settings import EvseSettings, KioskSettings, Patience, Protection

MOST_PIN = 27  # BCM numbers on the 40-pin header
BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)


def _is_url(text: str) -> str | None:
    return None if re.fullmatch(r"https?://[^\s/]+\S*", text) else f"want an http or https address, got {text!r}"


def url_problem(text: str) -> str | None:
    """What is wrong with a server's address, or None. The server's answers are believed for its certificate alone."""
    if (problem := _is_url(text)) is not None:
        return problem
    parts = urlsplit(text)
    is_here = parts.hostname in ("127.0.0.1", "::1", "localhost")
    return None if parts.scheme == "https" or is_here else f"want https://, got {text!r}; http only to this machine"


def _is_zone(text: str) -> str | None:
    known = text in zoneinfo.available_timezones()
    return None if known else f"want a time zone such as Europe/Berlin, got {text!r}"


def _is_language(text: str) -> str | None:
    # Which languages there are, the screen knows by its text files; kiosk-ui refuses one it has no words in.
    return None if re.fullmatch(r"[a-z]{2,3}", text) else f"want a language code such as en, got {text!r}"


def _is_filled(text: str) -> str | None:
    return None if text else "want a text, got none"


def _is_size(text: str) -> str | None:
    return None if re.fullmatch(r"[1-9]\d{2,3}x[1-9]\d{2,3}", text) else f"want width x height as 800x480, got {text!r}"


def _name(key: str | None = None) -> str:
    made: str = limits(key=key, length=60, check=_is_filled)
    return made


def _pin(default: int | None = None) -> int | None:
    made: int | None = limits(default, least=0, most=MOST_PIN)
    return made


@dataclass(frozen=True, slots=True)
class Place:
    """[kiosk]: where it stands and whom to call. `address` is the base of the public pages, for QR codes."""

    place: str = limits("")
    operator: str = limits("")
    helpline: str = limits("")
    time_zone: str = limits("UTC", check=_is_zone)
    address: str = limits("http://localhost:8000", check=_is_url)
    state_dir: str = limits("/var/lib/kiosk", check=_is_filled)
    socket: str = limits("/run/kiosk/controller.sock", check=_is_filled, length=100)
    stop_with_code: bool = True
    board_serial: str | None = limits(None, check=_is_filled)  # None: the board's own

    @property
    def journal(self) -> Path:
        return Path(self.state_dir) / "journal.db"

    @property
    def enrolment(self) -> Path:
        return Path(self.state_dir) / "enrolment.json"

    @property
    def uplink_dir(self) -> Path:
        return Path(self.state_dir) / "uplink"


@dataclass(frozen=True, slots=True)
class Clock:
    """[clock]. `rate` is for demos: kiosk time runs that many times as fast as real time. `trusted`: the system's
    clock is kept right by something else than systemd-timesyncd or the kernel's NTP discipline."""

    rate: float = limits(1.0, least=0.01, most=1000)
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """[server]. All times are real seconds."""

    url: str | None = limits(None, check=url_problem)
    ca_file: str | None = limits(None, check=_is_filled)  # None: what enrolment left, else the system's authorities
    timeout_s: float = limits(10.0, least=0.1, most=120)
    poll_s: float = limits(25.0, least=1, most=120)  # how long the server may hold a poll for commands
    list_every_s: float = limits(60.0, least=1, most=86_400)
    retry_least_s: float = limits(0.5, least=0.01, most=60)
    retry_most_s: float = limits(60.0, least=0.1, most=3600)


@dataclass(frozen=True, slots=True)
class Bus:
    """[[bus]]: one RS-485 line. `device` is a path or a pattern (/dev/serial/by-id/*FTDI*), `other_devices` where the
    adapter may be else, in this order; a pattern that fits two ports is refused when it is opened."""

    name: str = _name()
    device: str = limits(check=_is_filled)
    baud: int = limits(9600, choices=BAUDS)
    parity: str = limits("N", choices=("N", "E", "O"))
    stopbits: int = limits(1, choices=(1, 2))
    timeout_s: float = limits(0.5, least=0.02, most=10)
    other_devices: tuple[str, ...] = limits((), check=_is_filled)


@dataclass(frozen=True, slots=True)
class Meter:
    """[[meter]]: `map` is a file of config/meters/ without .toml; no `quantities` means all of them."""

    name: str = _name()
    bus: str = _name()
    address: int = limits(least=1, most=247)
    map: str = _name()
    quantities: tuple[str, ...] = limits((), length=60)
    poll_s: float = limits(1.0, least=0.05, most=60)


@dataclass(frozen=True, slots=True)
class Board:
    """[[board]]: an EVSE controller on a bus."""

    name: str = _name()
    kind: str = limits(choices=("evse_din", "heidelberg"))
    bus: str = _name()
    address: int = limits(1, least=1, most=247)
    poll_s: float = limits(0.5, least=0.05, most=10)

    @property
    def has_watchdog(self) -> bool:
        """Whether the board opens by itself when it is no longer written to."""
        return self.kind == "heidelberg"

    @property
    def is_contactor(self) -> bool:
        """Whether the board switches and tells whether it is closed."""
        return self.kind == "heidelberg"


@dataclass(frozen=True, slots=True)
class Gpio:
    """[gpio]: lines of the whole kiosk. Safety inputs are normally closed to ground: a cut wire reads as active."""

    heartbeat_pin: int | None = _pin()
    emergency_stop_pin: int | None = _pin()
    emergency_stop_active_high: bool = True


@dataclass(frozen=True, slots=True)
class ContactorPins:
    """A contactor's coil relay and its auxiliary contact."""

    pin: int = limits(least=0, most=MOST_PIN)
    feedback_pin: int = limits(least=0, most=MOST_PIN)
    active_high: bool = True
    feedback_active_high: bool = False


@dataclass(frozen=True, slots=True)
class Evse:
    """[[evse]]: one cable. `pilot` names a board; `contactor` names a board or gives the lines."""

    evse_id: int = limits(least=1, most=99)
    meter: str = _name()
    pilot: str = _name()
    contactor: str | ContactorPins = limits(check=_is_filled)  # noqa: RUF009
    connector_id: int = limits(1, least=1, most=9)
    connector_type: str = limits("Type 2", length=40)
    max_a: int = limits(32, least=6, most=80)
    phases: int = limits(3, choices=(1, 3))
    nominal_v: int = limits(230, least=100, most=400)
    rcd_pin: int | None = _pin()
    rcd_active_high: bool = True
    lock_pin: int | None = _pin()
    lock_active_high: bool = True
    phase_rotation: str = limits("RST", choices=ROTATIONS)
    parking_reserve_s: int = limits(600, least=0, most=86_400)

    @property
    def settings(self) -> EvseSettings:
        return EvseSettings(
            evse_id=self.evse_id,
            connector_id=self.connector_id,
            connector_type=self.connector_type,
            max_a=self.max_a,
            phases=self.phases,
            nominal_v=self.nominal_v,
            phase_rotation=self.phase_rotation,
            has_lock=self.lock_pin is not None,
            parking_reserve_s=self.parking_reserve_s,
        )


@dataclass(frozen=True, slots=True)
class Reader:
    """[[reader]]: what tokens are read with."""

    name: str = _name()
    kind: str = limits(choices=("pn532", "qr_scanner"))
    device: str = limits(check=_is_filled)
    baud: int = limits(115200, choices=BAUDS)
    reset_pin: int | None = _pin()  # RSTPDN of a PN532; low resets it


@dataclass(frozen=True, slots=True)
class Screen:
    """[screen]."""

    size: str = limits("800x480", check=_is_size)
    theme: str = limits("light", choices=("auto", "light", "dark"))
    language: str = limits("en", check=_is_language)

    @property
    def width_px(self) -> int:
        return int(self.size.split("x")[0])

    @property
    def height_px(self) -> int:
        return int(self.size.split("x")[1])


@dataclass(frozen=True, slots=True)
class Panel:
    """[panel]: who may take which role on the controller's socket, besides the controller's own user and root."""

    screen_user: str | None = limits(None, check=_is_filled)
    uplink_user: str | None = limits(None, check=_is_filled)
    technician_group: str | None = limits(None, check=_is_filled)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file."""

    kiosk: Place = field(default_factory=Place)
    clock: Clock = field(default_factory=Clock)
    server: Server = field(default_factory=Server)
    patience: Patience = field(default_factory=Patience)
    protection: Protection = field(default_factory=Protection)
    buses: tuple[Bus, ...] = limits((), key="bus")
    meters: tuple[Meter, ...] = limits((), key="meter")
    boards: tuple[Board, ...] = limits((), key="board")
    gpio: Gpio = field(default_factory=Gpio)
    evses: tuple[Evse, ...] = limits((), key="evse")
    site: Site | None = None
    readers: tuple[Reader, ...] = limits((), key="reader")
    screen: Screen = field(default_factory=Screen)
    panel: Panel = field(default_factory=Panel)

    @property
    def settings(self) -> KioskSettings:
        """For the session core."""
        evses = tuple(replace(evse.settings, protection=self.protection) for evse in self.evses)
        site = None if self.site is None else self.site.settings(self.protection.follow_s)
        return KioskSettings(evses, self.patience, self.kiosk.stop_with_code, site)
