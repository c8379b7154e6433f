"""What only the whole file can show: names that must be there, pins and addresses that must differ, a safe way out."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path

from kiosk.config.reader import Complaints, ConfigError, read
from kiosk.config.sections import Board, Config, ContactorPins, Evse, Meter
from kiosk.config.site import check_site

LARGEST_FILE = 1_000_000


def load(path: Path | str) -> Config:
    """Read and check the file. Raises ConfigError with every problem of it."""
    complaints = Complaints(str(path))
    try:
        data = Path(path).read_bytes()
        if len(data) > LARGEST_FILE:
            raise ConfigError([f"{path}: larger than {LARGEST_FILE} bytes"])
        table = tomllib.loads(data.decode())
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from error
    config = read(Config, table, "", complaints)
    if config is not None:
        _check_names(config, complaints)
        _check_pins(config, complaints)
        of_evses = [evse.meter for evse in config.evses]
        check_site(config.site, [meter.name for meter in config.meters], of_evses, complaints)
        for index, evse in enumerate(config.evses):
            _check_way_out(config, index, evse, complaints)
    if config is None or complaints.problems:
        raise ConfigError(complaints.problems)
    return config


def _check_names(config: Config, complaints: Complaints) -> None:
    buses = [bus.name for bus in config.buses]
    meters = [meter.name for meter in config.meters]
    boards = [board.name for board in config.boards]
    _unique("bus", "name", buses, complaints)
    _unique("bus", "device", [bus.device for bus in config.buses], complaints)
    _unique("meter", "name", meters, complaints)
    _unique("board", "name", boards, complaints)
    _unique("reader", "name", [reader.name for reader in config.readers], complaints)
    _unique("reader", "device", [reader.device for reader in config.readers], complaints)
    _unique("evse", "evse_id", [str(evse.evse_id) for evse in config.evses], complaints)
    _unique("evse", "meter", [evse.meter for evse in config.evses], complaints)
    _unique("evse", "pilot", [evse.pilot for evse in config.evses], complaints)
    taken: dict[tuple[str, int], str] = {}
    seats: list[tuple[str, Meter | Board]] = [(f"meter[{n}]", meter) for n, meter in enumerate(config.meters)]
    seats += [(f"board[{n}]", board) for n, board in enumerate(config.boards)]
    for path, device in seats:
        _exists(f"{path}.bus", device.bus, "bus", buses, complaints)
        former = taken.setdefault((device.bus, device.address), path)
        if former != path:
            complaints.add(f"{path}.address", f"{device.address} on bus '{device.bus}' is taken by {former} already")
    for index, evse in enumerate(config.evses):
        _exists(f"evse[{index}].meter", evse.meter, "meter", meters, complaints)
        _exists(f"evse[{index}].pilot", evse.pilot, "board", boards, complaints)
        if isinstance(evse.contactor, str):
            _exists(f"evse[{index}].contactor", evse.contactor, "board", boards, complaints)
            if any(board.name == evse.contactor and not board.is_contactor for board in config.boards):
                complaints.add(
                    f"evse[{index}].contactor",
                    f"board '{evse.contactor}' does not tell whether it is closed; give {{ pin, feedback_pin }}",
                )


def _check_pins(config: Config, complaints: Complaints) -> None:
    pins: list[tuple[str, int | None]] = [
        ("gpio.heartbeat_pin", config.gpio.heartbeat_pin),
        ("gpio.emergency_stop_pin", config.gpio.emergency_stop_pin),
    ]
    for index, evse in enumerate(config.evses):
        if isinstance(evse.contactor, ContactorPins):
            pins.append((f"evse[{index}].contactor.pin", evse.contactor.pin))
            pins.append((f"evse[{index}].contactor.feedback_pin", evse.contactor.feedback_pin))
        pins.append((f"evse[{index}].rcd_pin", evse.rcd_pin))
        pins.append((f"evse[{index}].lock_pin", evse.lock_pin))
    pins += [(f"reader[{index}].reset_pin", reader.reset_pin) for index, reader in enumerate(config.readers)]
    users: dict[int, str] = {}
    for key, pin in pins:
        if pin is not None and users.setdefault(pin, key) != key:
            complaints.add(key, f"GPIO {pin} is used by {users[pin]} already")


def _check_way_out(config: Config, index: int, evse: Evse, complaints: Complaints) -> None:
    """An EVSE must open by itself when this program dies: a heartbeat relay, or a board's watchdog kept fed."""
    if config.gpio.heartbeat_pin is not None:
        return
    boards: dict[str, Board] = {board.name: board for board in config.boards}
    board = boards.get(evse.contactor) if isinstance(evse.contactor, str) else None
    if board is None or not board.has_watchdog:
        complaints.add(
            f"evse[{index}].contactor",
            "nothing would open it if this program died; set gpio.heartbeat_pin (a safety relay in series), "
            "or let a board with a watchdog switch it",
        )


def _unique(section: str, key: str, names: Iterable[str], complaints: Complaints) -> None:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if first.setdefault(name, index) != index:
            complaints.add(f"{section}[{index}].{key}", f"'{name}' is used by {section}[{first[name]}] already")


def _exists(path: str, name: str, section: str, names: list[str], complaints: Complaints) -> None:
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        complaints.add(path, f"there is no [[{section}]] named '{name}'{hint}")
