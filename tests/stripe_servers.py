"""What stands in for Stripe: localstripe and our own stand-in, each a process of its own on loopback.

localstripe is GPL: it is never imported, and lives in an environment of its own under build/, made once by pip.
"""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[1]
LOCALSTRIPE = "1.15.10"
START_PATIENCE_S = 60.0


class NotInstalled(Exception):
    """pip could not bring localstripe; the message says why."""


def localstripe_python() -> Path:
    """The interpreter that has localstripe. Raises NotInstalled."""
    home = ROOT / "build" / f"localstripe-{LOCALSTRIPE}"
    home.parent.mkdir(exist_ok=True)
    with (home.parent / f"{home.name}.lock").open("w") as lock:  # several test processes may ask at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        python, done = home / "bin" / "python", home / "installed"
        if not done.exists():
            shutil.rmtree(home, ignore_errors=True)
            words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"localstripe=={LOCALSTRIPE}"]
            for command in ([sys.executable, "-m", "venv", str(home)], [str(python), *words]):
                made = subprocess.run(command, capture_output=True, text=True, timeout=300)
                if made.returncode:
                    raise NotInstalled(f"localstripe {LOCALSTRIPE} cannot be installed: {made.stderr.strip()[-500:]}")
            done.touch()
        return python


@contextmanager
def running_localstripe() -> Iterator[str]:
    """Its address. Raises NotInstalled."""
    python = localstripe_python()
    with _running([str(python), "-m", "localstripe", "--from-scratch"], "/v1/payment_intents", python.parent) as url:
        yield url


@contextmanager
def running_stand_in() -> Iterator[str]:
    with _running([sys.executable, "-m", "sim.stripe_stand_in"], "/sim/books", ROOT) as url:
        yield url


@contextmanager
def _running(command: Sequence[str], path: str, folder: Path) -> Iterator[str]:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    process = subprocess.Popen(
        [*command, "--port", str(port)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_PATIENCE_S
    try:
        while True:
            try:
                requests.get(url + path, timeout=5)
                break
            except requests.ConnectionError:
                assert process.poll() is None and time.monotonic() < deadline, f"{command[-1]} does not start"
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)
