"""An RS-485 line that ends in a pseudo-terminal, and everything that can go wrong on it.

Law:
- What is on the line are bytes. Devices hang on it as `answer(request) -> bytes | None`.
- The far end is a real terminal device under a path that stays the same while the line is unplugged and back.
- A client that talks at another speed than the devices is not understood, as on a real wire. A pseudo-terminal
  keeps baud, stop bits and odd parity; the kernel drops even parity (drivers/tty/pty.c, pty_set_termios), so
  even and none cannot be told apart here.
- One thread per line; late answers wait in a heap, so a device can be late without holding up the others.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import random
import select
import termios
import threading
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sim.modbus_slave import frame, request_length

BABBLE_EVERY_S, BABBLE_BYTES = 0.01, 12
FRAME_SILENCE_S = 0.02  # a torso is thrown away after this much silence
LONGEST_LATENESS_S = 60.0
BAUD = {
    termios.B1200: 1200,
    termios.B2400: 2400,
    termios.B4800: 4800,
    termios.B9600: 9600,
    termios.B19200: 19200,
    termios.B38400: 38400,
    termios.B57600: 57600,
    termios.B115200: 115200,
    termios.B230400: 230400,
}


class OnLine(Protocol):
    """A device on the line."""

    @property
    def delay_s(self) -> Callable[[], float]:
        """Seconds from a request to its answer, asked anew each time."""

    def answer(self, request: bytes) -> bytes | None:
        """The answer to a whole request, or silence."""


@dataclass(slots=True)
class Faults:
    """What the line does to answers. Chances are 0 to 1, drawn from the line's seed."""

    is_silent: bool = False  # nothing comes back
    babbles: bool = False  # a device that hangs in mid-sending holds the line
    lost: float = 0.0  # chance that an answer is lost
    garbled: float = 0.0  # chance that one bit of it flips
    truncated: float = 0.0  # chance that its end is missing
    garbage: float = 0.0  # chance of noise before it
    late: float = 0.0  # chance that it is late
    lateness_s: tuple[float, float] = (0.0, 0.0)  # how late, at least and at most


@dataclass(slots=True)
class PtyLine:
    """`link` is the stable path clients open. `baud` 0 understands every speed; `is_odd` asks for odd parity."""

    link: Path
    baud: int = 0
    is_odd: bool = False
    stopbits: int = 1
    is_paced: bool = False  # frames take the time they would on the wire at `baud`
    seed: int = 0
    faults: Faults = field(default_factory=Faults)
    devices: list[OnLine] = field(default_factory=list)
    heard: int = 0  # requests understood
    answered: int = 0
    _master: int = -1
    _slave: int = -1
    _buffer: bytes = b""
    _last_byte_s: float = 0.0
    _late: list[tuple[float, int, bytes]] = field(default_factory=list)
    _voices: dict[int, float] = field(default_factory=dict)  # when each device ends what it says
    _ticket: itertools.count[int] = field(default_factory=itertools.count)
    _random: random.Random = field(default_factory=random.Random)
    _thread: threading.Thread | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> PtyLine:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._random.seed(self.seed)
        self.plug()
        self._thread = threading.Thread(target=self._run, name=f"line {self.link.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)
        self.unplug()

    def attach(self, device: OnLine) -> None:
        self.devices.append(device)

    def plug(self) -> None:
        """The adapter is there: open a new terminal and point the link at it."""
        with self._lock:
            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            self._buffer = b""
            self.link.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.link.with_name(self.link.name + ".new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(os.ttyname(self._slave))
            fresh.replace(self.link)

    def unplug(self) -> None:
        """The adapter is pulled: the terminal hangs up and the path is gone."""
        with self._lock:
            for descriptor in (self._master, self._slave):
                if descriptor >= 0:
                    os.close(descriptor)
            self._master = self._slave = -1
            self._late.clear()
            self.link.unlink(missing_ok=True)

    @property
    def is_plugged(self) -> bool:
        return self._master >= 0

    @property
    def understands_client(self) -> bool:
        """Whether the client's speed, stop bits and parity, as far as the kernel keeps them, fit the devices."""
        _, _, cflag, _, _, speed, _ = termios.tcgetattr(self._master)
        fits = not self.baud or BAUD.get(speed) == self.baud
        is_odd = bool(cflag & termios.PARODD)
        return fits and is_odd == self.is_odd and bool(cflag & termios.CSTOPB) == (self.stopbits == 2)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                master = self._master
            wait_s = 0.05
            if self._late:
                wait_s = min(wait_s, max(0.0, self._late[0][0] - time.monotonic()))
            if self._buffer:
                wait_s = min(wait_s, FRAME_SILENCE_S)
            if self.faults.babbles:
                wait_s = min(wait_s, BABBLE_EVERY_S)
            if master < 0:
                self._stopping.wait(0.01)
                continue
            with contextlib.suppress(OSError, ValueError):  # unplugged in between: the next round sees it
                readable, _, _ = select.select([master], [], [], wait_s)
                with self._lock:
                    if self._master == master:
                        self._turn(bool(readable))

    def _turn(self, readable: bool) -> None:
        now_s = time.monotonic()
        if self.faults.babbles:
            with contextlib.suppress(BlockingIOError):  # nobody reads: the rest is lost
                os.write(self._master, self._random.randbytes(BABBLE_BYTES))
        while self._late and self._late[0][0] <= now_s:
            os.write(self._master, heapq.heappop(self._late)[2])
        if readable:
            data = os.read(self._master, 4096)
            self._last_byte_s = now_s
            if self.understands_client:
                self._buffer += data
        elif self._buffer and now_s - self._last_byte_s >= FRAME_SILENCE_S:
            self._buffer = b""
        while (length := request_length(self._buffer)) is not None and len(self._buffer) >= length:
            request, self._buffer = self._buffer[:length], self._buffer[length:]
            if frame(request[:-2]) != request:
                self._buffer = b""
                return
            self._hear(request, now_s)

    def _hear(self, request: bytes, now_s: float) -> None:
        self.heard += 1
        answers = [(device, answer) for device in self.devices if (answer := device.answer(request)) is not None]
        for device, answer in answers[:1]:  # who answers together is heard together
            answer = collided([other for _, other in answers])
            spoiled, delay_s = self._spoil(answer)
            delay_s = min(delay_s + device.delay_s() + self._wire_s(request, answer), LONGEST_LATENESS_S)
            if not spoiled:
                continue
            self.answered += 1
            # A device has one voice: what it says later comes later.
            delay_s = max(delay_s, self._voices.get(id(device), 0.0) - now_s)
            self._voices[id(device)] = now_s + delay_s
            if delay_s <= 0:
                os.write(self._master, spoiled)
            else:
                heapq.heappush(self._late, (now_s + delay_s, next(self._ticket), spoiled))

    def _wire_s(self, request: bytes, answer: bytes) -> float:
        bits = 1 + 8 + self.is_odd + self.stopbits
        return (len(request) + len(answer)) * bits / self.baud if self.is_paced and self.baud else 0.0

    def _spoil(self, answer: bytes) -> tuple[bytes, float]:
        """The answer as it comes out of the line, and how late."""
        faults, draw = self.faults, self._random
        if faults.is_silent or draw.random() < faults.lost:
            return b"", 0.0
        if draw.random() < faults.garbled:
            place = draw.randrange(len(answer))
            answer = answer[:place] + bytes([answer[place] ^ (1 << draw.randrange(8))]) + answer[place + 1 :]
        if draw.random() < faults.truncated:
            answer = answer[: draw.randrange(len(answer))]
        if draw.random() < faults.garbage:
            answer = draw.randbytes(draw.randint(1, 4)) + answer
        return answer, draw.uniform(*faults.lateness_s) if draw.random() < faults.late else 0.0


def collided(answers: list[bytes]) -> bytes:
    """What a line carries on which several devices talk at once: a dominant 0 wins over a 1."""
    longest = max(len(answer) for answer in answers)
    merged = bytearray(b"\xff" * longest)
    for answer in answers:
        for place, byte in enumerate(answer):
            merged[place] &= byte
    return bytes(merged)
