"""The kiosk's configuration: one TOML file, read once, whole, and checked before anything starts.

Law: an unknown key, a wrong type, a value out of range or a name that is not there is an error that names file and
key; all errors of a file are told at once. A file with only [[bus]] and [[meter]] is enough for the technician.
"""

from kiosk.config.checks import load
from kiosk.config.enrolment import Enrolment, NotEnrolled, read_enrolment
from kiosk.config.reader import ConfigError
from kiosk.config.sections import (
    Board,
    Bus,
    Clock,
    Config,
    ContactorPins,
    Evse,
    Gpio,
    Meter,
    Panel,
    Place,
    Reader,
    Screen,
    Server,
    url_problem,
)

__all__ = [
    "Board",
    "Bus",
    "Clock",
    "Config",
    "ConfigError",
    "ContactorPins",
    "Enrolment",
    "Evse",
    "Gpio",
    "Meter",
    "NotEnrolled",
    "Panel",
    "Place",
    "Reader",
    "Screen",
    "Server",
    "load",
    "read_enrolment",
    "url_problem",
]
