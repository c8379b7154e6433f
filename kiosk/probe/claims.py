"""Who holds the kiosk's lines: asked before the probe touches one.

RPi.GPIO knows no owner of a line, so two programs could drive one contactor. The controller is there where somebody
listens on its socket; two probes are kept apart by a lock on the configuration file.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from kiosk.config import Config
from kiosk.probe.ends import REFUSED, UNREACHABLE, Trouble
from kiosk.probe.request import Request

PATIENCE_S = 2.0


def controller_socket(request: Request, config: Config | None) -> str | None:
    """The path on which a controller listens, or None. A socket that may not be opened counts as listened on."""
    configured = [] if config is None else [config.kiosk.socket]
    for path in dict.fromkeys((request.socket, *configured)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE_S)
            try:
                client.connect(path)
            except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
                continue
            except OSError:
                return path  # no permission, or too busy to answer: somebody is there
            return path
    return None


def refuse_beside_controller(request: Request, config: Config, what: str) -> None:
    """Raises Trouble where a controller runs: it holds every device of its configuration. `what` names the device."""
    if path := controller_socket(request, config):
        raise Trouble(
            REFUSED,
            f"the controller holds {what} (it listens on {path}). kiosk status shows what it reads; to ask the device "
            "itself, stop it first: systemctl stop kiosk-controller",
        )


@contextmanager
def lines_claimed(request: Request, config: Config) -> Iterator[None]:
    """The GPIO belongs to this probe meanwhile. Raises Trouble where it belongs to somebody else."""
    if path := controller_socket(request, config):
        raise Trouble(
            REFUSED,
            f"the controller holds the lines (it listens on {path}). Stop it first: systemctl stop kiosk-controller",
        )
    try:
        descriptor = os.open(request.config, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Trouble(UNREACHABLE, f"{request.config}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Trouble(REFUSED, "another probe holds the lines: end it first") from error
        yield
    finally:
        os.close(descriptor)
