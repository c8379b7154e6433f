"""A serial QR scanner through pyserial: bytes → lines → tokens.

Law:
- A line may arrive split, merged with others, or never end; none of it reaches the session but whole codes of ours.
- A code held in front of the scanner is one scan, however often the scanner reports it.
- A scanner that is pulled out is opened again, with growing pauses.
"""

from __future__ import annotations

import termios
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

import serial

from contract.identity import IdToken
from contract.tokens import classify
from kiosk.devices import Health

LONGEST_LINE_BYTES = 600  # as IdToken
SAME_CODE_S = 2.0
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
READ_PATIENCE_S = 0.2
MOST_TOKENS = 8
JOIN_S = 2.0

Classify = Callable[[str], IdToken | None]


class Lines:
    """Cuts a stream of bytes into lines at CR or LF. Pure. Empty lines are skipped, too long ones counted and lost."""

    def __init__(self) -> None:
        self.oversized = 0
        self._held = b""
        self._is_skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        *ended, rest = (self._held + data).replace(b"\r", b"\n").split(b"\n")
        lines = [line for line in ended if self._is_whole(line)]
        if len(rest) > LONGEST_LINE_BYTES:
            self.oversized += not self._is_skipping
            self._is_skipping, rest = True, b""
        self._held = rest
        return lines

    def _is_whole(self, line: bytes) -> bool:
        if self._is_skipping:  # the end of a line whose beginning was thrown away
            self._is_skipping = False
            return False
        self.oversized += len(line) > LONGEST_LINE_BYTES
        return 0 < len(line) <= LONGEST_LINE_BYTES


class ScanEdges:
    """Which sightings of codes count. Pure: the caller brings the time. Each sighting renews the two seconds."""

    def __init__(self) -> None:
        self._last_seen_s: OrderedDict[str, float] = OrderedDict()

    def is_new(self, text: str, now_s: float) -> bool:
        last_s = self._last_seen_s.pop(text, None)
        self._last_seen_s[text] = now_s
        if len(self._last_seen_s) > MOST_TOKENS:
            self._last_seen_s.popitem(last=False)
        return last_s is None or now_s - last_s >= SAME_CODE_S


class QrScanner:
    """An IdReader. `unreadable` counts what was seen and is none of our codes; the health's message tells of it."""

    def __init__(
        self,
        name: str,
        path: str,
        *,
        baud: int = 9600,
        clock: Callable[[], float] = time.monotonic,
        classify: Classify = classify,
    ) -> None:
        self.name = name
        self.unreadable = 0
        self._path, self._baud, self._clock, self._classify = path, baud, clock, classify
        self._tokens: deque[IdToken] = deque(maxlen=MOST_TOKENS)
        self._edges = ScanEdges()
        self._problem = "not opened yet."
        self._since_s = clock()  # of the problem
        self._last_good_s: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def take(self) -> list[IdToken]:
        return [self._tokens.popleft() for _ in range(len(self._tokens))]

    def health(self) -> Health:
        where = f"{self.name}: serial scanner at {self._path}"
        if self._problem:
            now_s = self._clock()
            last = "never open" if self._last_good_s is None else f"last open {now_s - self._last_good_s:.0f} s ago"
            lasted = f", for {now_s - self._since_s:.0f} s; {last}. Check"
            return Health(False, f"{where}: {self._problem.replace('. Check', lasted, 1)}")
        if self.unreadable:
            return Health(True, f"{where}: {self.unreadable} codes seen that are none of ours, or could not be read.")
        return Health(True)

    def close(self) -> None:
        """Stop reading and give the terminal back, within `JOIN_S`."""
        self._stop.set()
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        backoff_s = FIRST_BACKOFF_S
        while not self._stop.is_set():
            try:
                with serial.Serial(self._path, self._baud, timeout=READ_PATIENCE_S, exclusive=True) as port:
                    self._problem = ""
                    backoff_s = FIRST_BACKOFF_S
                    self._listen(port)
            except (OSError, termios.error, ValueError) as error:
                if not self._problem:
                    self._since_s = self._last_good_s = self._clock()
                self._problem = (
                    f"{error}. Check that the scanner is plugged in and in serial (USB-COM) mode, "
                    "and that no other program holds the terminal."
                )
            self._stop.wait(backoff_s)
            backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)

    def _listen(self, port: serial.Serial) -> None:
        lines = Lines()
        while not self._stop.is_set():
            data = port.read(1)  # waits; the rest is already there
            if not data:
                continue
            data += port.read(min(port.in_waiting, 4096))
            oversized = lines.oversized
            for line in lines.feed(data):
                self._hear(line)
            self.unreadable += lines.oversized - oversized

    def _hear(self, line: bytes) -> None:
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            self.unreadable += 1
            return
        if not text or not self._edges.is_new(text, self._clock()):
            return
        token = self._classify(text)
        if token is None:
            self.unreadable += 1
        else:
            self._tokens.append(token)
