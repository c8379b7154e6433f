"""The bytes tier put together: server, street and kiosk as real processes, on the demo's configuration.

`Stage` is what the demo, `kiosk-sim kills` and the tests stand on. It starts everything, brings back what a test
wants to look at, and leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from contract.tariff import Tariff
from sim.control import ControlServer, Mistake, ask
from sim.lgpio_client import environment
from sim.street_plan import load_plan
from worlds.controls import LAUNCHER, STREET
from worlds.launcher import Launcher, Program
from worlds.till import TARIFF, Till

T = TypeVar("T")

HERE = Path(__file__).resolve().parents[1]
PLAN = HERE / "config" / "demo" / "street.toml"
CONFIG = HERE / "config" / "demo" / "kiosk.toml"
LIVE_CONFIG = HERE / "config" / "demo" / "kiosk-live.toml"  # in real time
RUN_IN_CONFIG, STATE_IN_CONFIG = "/run/kiosk-demo", "/var/lib/kiosk-demo"
URL_IN_CONFIG, ADDRESS_IN_CONFIG = "https://127.0.0.1:8000", "https://localhost:8000"
MERCHANT_SECRET, WEBHOOK_SECRET = "harbour-charging", "told-by-the-social-server"  # both processes are on loopback
KIOSK_PROCESSES = ("controller", "uplink", "ui")
SCREEN_WATCHDOG_S = 10.0  # as in systemd/kiosk-ui.service
LOOK_EVERY_S = 0.05
START_PATIENCE_S = 30.0
ENROL_PATIENCE_S = 30.0


class NotTrue(AssertionError):
    """Something that had to become true did not within its patience."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are. `run` is short, because a socket's path may have 108 bytes only."""

    root: Path
    run: Path

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def config(self) -> Path:
        return self.root / "kiosk.toml"

    @property
    def panel(self) -> str:
        return str(self.run / "controller.sock")


class Stage:
    """Use as a context manager; `start_server_and_street`, then `start_kiosk`, and `start_screen` if wanted."""

    def __init__(
        self,
        root: Path,
        rate: float | None = None,
        plan: Path | None = None,
        config: Path | None = None,
        tariff: Tariff = TARIFF,
    ) -> None:
        self._stack = ExitStack()
        root = root.resolve()
        if root.exists():
            shutil.rmtree(root)
        root.mkdir(parents=True)
        run = Path(tempfile.mkdtemp(prefix="kiosk-"))
        self._stack.callback(shutil.rmtree, run, ignore_errors=True)
        self.places = Places(root, run)
        (root / "run").symlink_to(run)
        self._stack.callback((root / "run").unlink, missing_ok=True)
        self._plan_file, self._config_file = plan or PLAN, config or CONFIG
        self.plan, self._tariff = load_plan(self._plan_file), tariff
        self.rate = rate or _rate_in(self._config_file)
        self.launcher = self._stack.enter_context(Launcher(self.places.logs))
        self.till = Till(root / "server")
        self._stack.callback(self.till.close)
        self.server_url = ""  # the server itself, past the cable
        self.gate_url = ""  # as the kiosk sees it
        self.at_the_screen: dict[str, Callable[..., dict[str, Any]]] = {}  # by the command's name
        self.social_url = ""  # the payment app's server, where there is one

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()

    @property
    def evse_ids(self) -> list[int]:
        return [evse.evse_id for evse in self.plan.evse]

    # ---- starting ----------------------------------------------------------------------------------------------------

    def start_social(self, people: Mapping[str, int]) -> None:
        """The payment app's server, before ours: who has an account there, and how much in minor units."""
        self.server_url, port = f"https://127.0.0.1:{_free_port()}", _free_port()
        self.social_url = f"http://127.0.0.1:{port}"
        self.till.take_payments(self.social_url, MERCHANT_SECRET, WEBHOOK_SECRET)
        argv = [program("kiosk-sim"), "social", "--port", str(port), "--merchant-secret", MERCHANT_SECRET]
        argv += ["--webhook-url", f"{self.server_url}/hooks/social", "--webhook-secret", WEBHOOK_SECRET]
        for name, money_minor in people.items():
            argv += ["--person", f"{name}:{money_minor}"]
        env = {**os.environ, "REQUESTS_CA_BUNDLE": str(self.till.authority)}
        self.launcher.start(Program("social", tuple(argv), env))
        self.wait_for("the payment app answers", lambda: _is_listening(port), START_PATIENCE_S, "social")

    def start_server_and_street(self) -> None:
        """Server with one kiosk, cards and tariff; street with its cable to the server."""
        cards = {card.name: card.uid for card in self.plan.card if card.name != "stranger"}
        self.till.furnish(self.evse_ids, cards, self._tariff)
        if not self.server_url:
            self.server_url = f"https://127.0.0.1:{_free_port()}"
        port = int(self.server_url.rpartition(":")[2])
        data = str(self.till.folder)
        argv = (program("kiosk-billing"), "serve", "--data-dir", data, "--host", "127.0.0.1", "--port", str(port))
        self.launcher.start(Program("server", argv))
        run = str(self.places.run)
        street = [program("kiosk-sim"), "street", "--plan", str(self._plan_file), "--run", run]
        street += ["--rate", str(self.rate), "--server", f"127.0.0.1:{port}"]
        self.launcher.start(Program("street", tuple(street), restarts=False))
        state = self.wait_for("the street answers", lambda: self._try_street("state"), START_PATIENCE_S, "street")
        self.gate_url = f"https://127.0.0.1:{state['server_port']}"
        self.wait_for("the server answers", lambda: _is_listening(port), START_PATIENCE_S, "server")
        self._write_config()

    def start_kiosk(self) -> None:
        """Enrol with a one-time code, then controller and uplink."""
        code = self.till.enrolment_code()
        self.places.state.mkdir(parents=True, exist_ok=True)
        enrol = [sys.executable, "-m", "kiosk.uplink.enrol", "--config", str(self.places.config), "--code", code]
        enrol += ["--ca", str(self.till.authority)]
        done = subprocess.run(enrol, capture_output=True, text=True, timeout=ENROL_PATIENCE_S, check=False)
        if done.returncode != 0:
            raise NotTrue(f"the kiosk was not enrolled: {done.stderr or done.stdout}")
        env = environment(str(self.places.run / "gpio.sock"))
        config = ("--config", str(self.places.config))
        self.launcher.start(Program("controller", (program("kiosk-controller"), *config), env))
        self.launcher.start(Program("uplink", (program("kiosk-uplink"), *config)))
        control = ControlServer(str(self.places.run / LAUNCHER), self._launch)
        self._stack.callback(control.close)

    def start_screen(self, words: tuple[str, ...], env: Mapping[str, str]) -> None:
        argv = (program("kiosk-ui"), *words)
        self.launcher.start(Program("ui", argv, {**os.environ, **env}, watchdog_s=SCREEN_WATCHDOG_S))

    # ---- acting ------------------------------------------------------------------------------------------------------

    def street(self, do: str, **fields: Any) -> dict[str, Any]:
        """One command to the street. Raises Mistake, OSError."""
        return ask(str(self.places.run / STREET), {"do": do, **fields})

    def cut(self) -> float:
        """The mains fail: every process of the kiosk dies and the cabinet loses its supply. Returns when."""
        at_s = self.launcher.cut(KIOSK_PROCESSES)
        self.street("mains", on=False)
        return at_s

    def restore(self) -> None:
        self.street("mains", on=True)
        self.launcher.restore(KIOSK_PROCESSES)

    # ---- looking -----------------------------------------------------------------------------------------------------

    def physics(self) -> dict[str, Any]:
        return self.street("physics")

    def delivered_wh(self, evse_id: int) -> float:
        """What the simulated physics delivered at an EVSE since the street was built."""
        found: float = self.physics()["evses"][str(evse_id)]["delivered_wh"]
        return found

    def wait_for(self, what: str, look: Callable[[], T | None], patience_s: float, *who: str) -> T:
        """Wait until `look` gives something. Raises NotTrue with the last words of `who`."""
        deadline_s = time.monotonic() + patience_s
        while True:
            found = look()
            if found is not None and found is not False:
                return found
            if (down := self.launcher.given_up()) or time.monotonic() >= deadline_s:
                why = f"{', '.join(down)} ended again and again" if down else f"not within {patience_s:g} s"
                raise NotTrue(f"{what}: {why}\n{self.last_words(*dict.fromkeys((*who, *down)))}")
            time.sleep(LOOK_EVERY_S)

    def last_words(self, *who: str) -> str:
        names = who or ("controller", "uplink")
        return "\n".join(f"---- {name} said last:\n{self.launcher.last_words(name)}" for name in names)

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _try_street(self, do: str) -> dict[str, Any] | None:
        try:
            return self.street(do)
        except OSError:
            return None

    def _launch(self, request: dict[str, Any]) -> dict[str, Any]:
        """The launcher's control socket: `cut`, `restore`, `kill`, and the screen's own where there is one."""
        if request["do"] == "cut":
            self.cut()
        elif request["do"] == "restore":
            self.restore()
        elif request["do"] == "kill":
            if request.get("process") not in KIOSK_PROCESSES:
                raise Mistake(f"kill: want one of {', '.join(KIOSK_PROCESSES)}")
            self.launcher.kill(request["process"])
        elif request["do"] in self.at_the_screen:
            return self.at_the_screen[request["do"]](**{key: value for key, value in request.items() if key != "do"})
        else:
            known = ", ".join(("cut", "restore", "kill", *self.at_the_screen))
            raise Mistake(f"unknown command {request['do']!r} here; known: {known}")
        return {}

    def _write_config(self) -> None:
        """The demo's configuration with this stage's directories, server and rate."""
        text = self._config_file.read_text(encoding="utf-8")
        rate = f"rate = {_rate_in(self._config_file):g}"
        for old, new in (
            (RUN_IN_CONFIG, str(self.places.run)),
            (STATE_IN_CONFIG, str(self.places.state)),
            (URL_IN_CONFIG, self.gate_url),
            (ADDRESS_IN_CONFIG, self.server_url),  # phones have a network of their own
            (rate, f"rate = {self.rate:g}"),
        ):
            if old not in text:
                raise ValueError(f"{self._config_file}: expected to find {old!r} in it")
            text = text.replace(old, new)
        self.places.config.write_text(text, encoding="utf-8")


def program(name: str) -> str:
    """A console script of the environment we run in."""
    return str(Path(sys.executable).parent / name)


def _rate_in(config: Path) -> float:
    rate: float = tomllib.loads(config.read_text(encoding="utf-8"))["clock"]["rate"]
    return rate


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True
