"""Which room may import what: the law of the house as data. docs/architecture.md shows the same table to people.

A room is a module or a package, and owns everything below it that is not a room of its own. `may` names rooms of
ours (with all below them) and libraries; the standard library is open to all, except what `never` closes.
"""

from __future__ import annotations

from dataclasses import dataclass

# No clock, no chance, no waiting, no log and no way out: what is left is arithmetic.
IMPURE = (
    "asyncio", "concurrent", "logging", "multiprocessing", "os", "random", "secrets", "select", "selectors", "signal",
    "socket", "sqlite3", "subprocess", "threading", "time",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Door:
    """One row: these rooms may import that, and never the other."""

    rooms: tuple[str, ...]
    may: tuple[str, ...]
    never: tuple[str, ...] = ()


DOORS = (
    Door(("contract",), ("cryptography", "babel"), ("asyncio", "logging", "random", "socket", "threading", "time")),
    Door(("kiosk",), ()),
    Door(
        ("kiosk.session", "kiosk.interlock", "kiosk.authority", "kiosk.commands", "kiosk.doorman"),
        ("contract", "kiosk.session", "kiosk.interlock", "kiosk.authority", "kiosk.commands"),
        IMPURE,
    ),
    Door(("kiosk.devices",), ("contract",)),
    Door(("kiosk.drivers",), ("contract", "kiosk.devices", "RPi", "pymodbus", "serial", "nfc", "ndef")),
    Door(("kiosk.journal",), ("contract",)),
    Door(("kiosk.wire",), ("contract", "kiosk.session.events", "kiosk.session.snapshot")),
    Door(("kiosk.config",), ("contract", "kiosk.session.events", "kiosk.session.snapshot", "kiosk.session.settings")),
    Door(("kiosk.panel",), ("contract", "kiosk.wire")),
    Door(("kiosk.system_clock", "kiosk.notify"), ()),
    Door(("kiosk.tls",), ("kiosk.system_clock", "cryptography")),
    Door(("kiosk.sensing",), ("contract", "kiosk.session", "kiosk.devices"), IMPURE),
    Door(
        ("kiosk.controller",),
        (
            "contract",
            "kiosk.session",
            "kiosk.interlock",
            "kiosk.authority",
            "kiosk.commands",
            "kiosk.doorman",
            "kiosk.devices",
            "kiosk.sensing",
        ),
    ),
    Door(
        ("kiosk.daemon",),
        (
            "contract",
            "kiosk.authority",
            "kiosk.config",
            "kiosk.controller",
            "kiosk.devices",
            "kiosk.drivers",
            "kiosk.interlock",
            "kiosk.journal",
            "kiosk.notify",
            "kiosk.panel",
            "kiosk.sensing",
            "kiosk.session",
            "kiosk.system_clock",
            "kiosk.wire",
        ),
    ),
    Door(
        ("kiosk.probe",),
        ("contract", "kiosk.config", "kiosk.devices", "kiosk.drivers", "kiosk.journal", "kiosk.tls"),
    ),
    Door(("kiosk.uplink",), ("contract", "kiosk.config", "kiosk.tls", "kiosk.wire", "requests", "cryptography")),
    Door(
        ("kiosk.ui",),
        (
            "contract",
            "kiosk.config",
            "kiosk.notify",
            "kiosk.session.events",
            "kiosk.session.faults",
            "kiosk.session.snapshot",
            "kiosk.session.states",
            "kiosk.wire",
            "babel",
            "fontTools",
            "kivy",
            "PIL",
            "qrcode",
        ),
    ),
    Door(("kiosk.cli",), ("contract", "kiosk.config", "kiosk.wire")),
    Door(
        ("billing",),
        (
            "billing.checkout.checkout",
            "billing.checkout.step",
            "contract",
            "alembic",
            "argon2",
            "babel",
            "cryptography",
            "fastapi",
            "jinja2",
            "markupsafe",
            "orjson",
            "pydantic",
            "qrcode",
            "requests",
            "sepaxml",
            "sqlalchemy",
            "starlette",
            "stripe",
            "uvicorn",
            "weasyprint",
            "webauthn",
            "xmlschema",
        ),
    ),
    # What follows from a checkout and the facts is decided without looking anywhere.
    Door(
        ("billing.checkout.checkout", "billing.checkout.step"),
        ("contract", "billing.checkout.checkout", "billing.checkout.step"),
        IMPURE,
    ),
    Door(("sim",), ("contract", "pymodbus", "serial")),
    Door(("sim.social",), ("fastapi", "pydantic", "qrcode", "requests")),
    Door(("sim.stripe_stand_in",), ("fastapi", "uvicorn")),
    Door(
        ("worlds",),
        (
            "contract",
            "kiosk",
            "billing",
            "sim",
            "cryptography",
            "PIL",
            "playwright",
            "requests",
            "sqlalchemy",
            "uvicorn",
            "zxingcpp",
        ),
    ),
)

# A driver may not know another; what several of them share, the bus and how registers are read, stands here by name.
SHARED_BY_DRIVERS = (
    "kiosk.drivers.block_reads",
    "kiosk.drivers.board_report",
    "kiosk.drivers.bus_port",
    "kiosk.drivers.bus_request",
    "kiosk.drivers.bus_wire",
    "kiosk.drivers.fair_queue",
    "kiosk.drivers.kept_register",
    "kiosk.drivers.modbus_bus",
    "kiosk.drivers.modbus_errors",
    "kiosk.drivers.plausibility",
    "kiosk.drivers.quantity_reads",
    "kiosk.drivers.register_map",
    "kiosk.drivers.register_toml",
    "kiosk.drivers.register_types",
)


def as_markdown() -> str:
    """The table as docs/architecture.md holds it."""

    def names(words: tuple[str, ...]) -> str:
        return ", ".join(f"`{word}`" for word in words) or "–"

    rows = [f"| {names(door.rooms)} | {names(door.may)} | {names(door.never)} |" for door in DOORS]
    return "\n".join(["| room | may import | never |", "|---|---|---|", *rows])


if __name__ == "__main__":
    print(as_markdown())
