"""Starts processes, keeps them running as systemd would, kills them as a power cut does, and always cleans up.

Law:
- A process that ends is started again after `RESTART_AFTER_S`, unless it ended too often by itself: then it stays
  down and its last words are told.
- A process with a watchdog that no longer says that it moves is killed, as by its unit.
- Whatever was started is gone when `close` returns: asked first, then killed. If we are killed ourselves, the kernel
  ends it (setpriv --pdeathsig). That signal comes when the thread ends that started a process, so one thread starts
  them all.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from worlds.watchdog import Watchdog

RESTART_AFTER_S = 1.0
MOST_ENDS, ENDS_WITHIN_S = 5, 20.0  # ends of its own accord, then it stays down
LOOK_EVERY_S = 0.02
START_PATIENCE_S = 10.0  # for the thread that starts processes
STOP_PATIENCE_S = 5.0
LAST_LINES = 20


_SETPRIV = shutil.which("setpriv")  # of util-linux; it becomes the program, so the process id is the program's
DIES_WITH_US = (_SETPRIV, "--pdeathsig", "KILL", "--") if _SETPRIV else ()


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `restarts`: start it again when it ends. `watchdog_s`: kill it when it has not moved for so long."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] | None = None
    restarts: bool = True
    watchdog_s: float | None = None


@dataclass(slots=True)
class _Running:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    is_wanted: bool = True
    start_at_s: float = 0.0
    starts: int = 0
    is_due: bool = False  # start it for the first time, or again by name
    was_killed: bool = False
    watchdog: Watchdog | None = None
    trouble: OSError | None = None  # why it could not be started
    ends: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_ENDS))


class Launcher:
    """Use as a context manager. `logs` gets one file per program."""

    def __init__(self, logs: Path, restart_after_s: float = RESTART_AFTER_S) -> None:
        self._logs = logs
        self._restart_after_s = restart_after_s
        logs.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._all: dict[str, _Running] = {}
        self._is_running = True
        self._thread = threading.Thread(target=self._watch, name="launcher", daemon=True)
        self._thread.start()

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, program: Program) -> None:
        """Start it now. Raises OSError where there is no such program."""
        with self._lock:
            running = self._all.setdefault(program.name, _Running(program))
            running.program, running.is_wanted, running.is_due = program, True, True
            running.ends.clear()
            before = running.starts
        deadline_s = time.monotonic() + START_PATIENCE_S
        while running.starts == before:
            if running.trouble is not None:
                raise running.trouble
            if time.monotonic() > deadline_s:
                raise OSError(f"{program.name} was not started within {START_PATIENCE_S:g} s")
            time.sleep(LOOK_EVERY_S / 4)

    def pid(self, name: str) -> int | None:
        """None while it is down."""
        with self._lock:
            running = self._all.get(name)
            process = running.process if running is not None else None
            return process.pid if process is not None and process.poll() is None else None

    def starts(self, name: str) -> int:
        with self._lock:
            return self._all[name].starts if name in self._all else 0

    def is_ready(self, name: str) -> bool:
        """Whether a program with a watchdog has said that it is ready since it was started last."""
        with self._lock:
            running = self._all.get(name)
            return running is not None and running.watchdog is not None and running.watchdog.is_ready

    def kill(self, name: str) -> float:
        """kill -9; it is started again by itself. Returns the monotonic second. Raises KeyError if it is not up."""
        with self._lock:
            running = self._all.get(name)
            if running is None or running.process is None or running.process.poll() is not None:
                raise KeyError(f"{name} does not run; running: {', '.join(self.names()) or 'nothing'}")
            running.was_killed = True
            running.process.kill()
            at_s = time.monotonic()
            running.process.wait()
            return at_s

    def cut(self, names: Sequence[str]) -> float:
        """kill -9 all of them at one moment, and leave them down. Returns the monotonic second."""
        with self._lock:
            doomed = [self._all[name] for name in names if name in self._all]
            for running in doomed:
                running.is_wanted = False
                if running.process is not None:
                    running.process.kill()
            at_s = time.monotonic()
            for running in doomed:
                if running.process is not None:
                    running.process.wait()
            return at_s

    def restore(self, names: Sequence[str]) -> None:
        """Start what `cut` put down."""
        with self._lock:
            down = [self._all[name].program for name in names if name in self._all and not self._all[name].is_wanted]
        for program in down:
            self.start(program)

    def stop(self, name: str) -> None:
        """SIGTERM, and SIGKILL after a patience."""
        with self._lock:
            running = self._all.get(name)
            if running is None:
                return
            running.is_wanted = False
            process = running.process
        if process is not None:
            _end(process)

    def names(self) -> list[str]:
        with self._lock:
            return [name for name, r in self._all.items() if r.process is not None and r.process.poll() is None]

    def given_up(self) -> list[str]:
        """Programs that ended too often."""
        with self._lock:
            return [
                name for name, r in self._all.items() if r.is_wanted and r.process is None and len(r.ends) >= MOST_ENDS
            ]

    def last_words(self, name: str, lines: int = LAST_LINES) -> str:
        path = self._logs / f"{name}.log"
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        with self._lock:
            left = [r.process for r in reversed(self._all.values()) if r.process is not None]
            for running in self._all.values():
                running.is_wanted = running.is_due = False
        for process in left:
            _ask(process)
        for process in left:
            _end(process)
        for running in self._all.values():
            if running.watchdog is not None:
                running.watchdog.close()
        self._is_running = False  # only now: the thread's end would kill what it started
        self._thread.join(timeout=STOP_PATIENCE_S)

    def _watch(self) -> None:
        pause = threading.Event()
        while self._is_running:
            with self._lock:
                for running in self._all.values():
                    self._look_at(running)
            pause.wait(LOOK_EVERY_S)

    def _look_at(self, running: _Running) -> None:
        now_s = time.monotonic()
        if running.process is not None and running.watchdog is not None and running.watchdog.hangs():
            self._bite(running, running.process, running.watchdog)
        if running.process is not None and running.process.poll() is not None:
            running.process = None
            running.start_at_s = now_s + self._restart_after_s
            if not running.was_killed:
                running.ends.append(now_s)
            running.was_killed = False
        ends = running.ends
        is_hopeless = len(ends) >= MOST_ENDS and ends[-1] - ends[0] < ENDS_WITHIN_S
        is_again = running.program.restarts and not is_hopeless and now_s >= running.start_at_s and running.starts > 0
        if running.process is None and running.is_wanted and (running.is_due or is_again):
            running.is_due = False
            try:
                self._spawn(running)
            except OSError as error:
                running.trouble, running.is_wanted = error, False

    def _bite(self, running: _Running, process: subprocess.Popen[bytes], watchdog: Watchdog) -> None:
        name = running.program.name
        with (self._logs / f"{name}.log").open("a", encoding="utf-8") as log:
            log.write(f"--- {name} has not moved for {watchdog.silent_s():.0f} s: killed by its watchdog\n")
        running.was_killed = True
        process.kill()
        process.wait()

    def _spawn(self, running: _Running) -> None:
        program = running.program
        env = dict(os.environ if program.env is None else program.env)
        env["PYTHONUNBUFFERED"] = "1"
        if running.watchdog is not None:
            running.watchdog.close()
        running.watchdog = Watchdog(program.watchdog_s) if program.watchdog_s is not None else None
        env |= running.watchdog.environment if running.watchdog is not None else {}
        with (self._logs / f"{program.name}.log").open("ab") as log:
            log.write(f"--- {program.name} start {running.starts + 1}\n".encode())
            log.flush()
            # A session of its own, so that Ctrl-C reaches only us and we end the others in order.
            running.process = subprocess.Popen(
                (*DIES_WITH_US, *program.argv),
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        running.starts += 1


def _ask(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    _ask(process)
    try:
        process.wait(STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
