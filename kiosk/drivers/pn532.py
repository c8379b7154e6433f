"""The NFC reader: a PN532 on a serial line (HSU), through nfcpy, in a thread of its own because nfcpy blocks.

Law:
- A card left on the reader is one tap. It counts again only after it was out of the field for `ABSENT_S`.
- A phone has no number of its own here: its random UID is never a token. What counts is what its app says as a Type 4
  tag, if that is a code of ours; the same code is one tap however often it is read.
- A card or phone gets `TYPE4_PATIENCE_S` and `MOST_TYPE4_BYTES` to say it, whatever it asks for. What is torn away in
  the middle is read again at the next look and is nothing until then.
- The chip is kept at 115200 baud. nfcpy would raise the rate; a chip whose host is killed then stays at the higher
  one and does not answer the next start ("a reader that cannot be reopened after a crash").
- A chip that stops answering is closed, reset where a reset line is wired, and opened again with growing pauses.

Sources: NXP UM0701-02, 7.2.10 and 7.2.11 (waking, SAMConfiguration); NFC Forum Type 4 Tag; ISO/IEC 14443-4, 7.5.2 (a
phone may ask for more time again and again, and nfcpy grants it each time).
"""

from __future__ import annotations

import logging
import re
import struct
import termios
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ndef
import nfc
import nfc.clf
import nfc.clf.pn53x
import nfc.clf.pn532
import nfc.clf.transport
import nfc.tag

from contract.identity import IdToken, TokenKind
from contract.tokens import classify
from kiosk.devices import Health

ABSENT_S = 0.5
SENSE_PAUSE_S = 0.1
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
MOST_TOKENS = 8
MOST_CARDS_REMEMBERED = 8
JOIN_S = 4.0  # nfcpy gives up on any one command after 1 s
TYPE4_PATIENCE_S = 2.0
MOST_TYPE4_BYTES = 2_048  # of all answers; a code of ours is below 700 with everything around it
MOST_TORN = 3  # looks in a row at a card that begins to talk and stops; then its UID has to do
ISO_DEP = 0x20  # of SAK: it talks by ISO/IEC 14443-4
WAKE = bytes(10)  # a chip in power-down wakes up on these; an awake one skips them as preamble

# What nfcpy lets through when a chip is silent, pulled out, or answers with torn frames.
_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    termios.error,
    nfc.clf.Error,
    nfc.clf.pn53x.Chipset.Error,
    struct.error,
    AssertionError,
    AttributeError,
    IndexError,
    TypeError,
    ValueError,
)
_LOG = logging.getLogger(__name__)
logging.getLogger("nfc.tag").setLevel(logging.CRITICAL)  # a phone that is taken away early is no trouble of the kiosk's


class ReaderError(OSError):
    """The reader cannot be used; the text says where, why and what to check."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a technician wants to know of a card or phone: its UID in upper-case hex, what kind it is, and what it says.

    `says` is "" of a card; of a phone or a card of that kind the code of ours, masked, or that there is none.
    """

    uid: str
    kind: str
    says: str = ""


class TapEdges:
    """Which sightings of cards are taps. Pure: the caller brings the time.

    Only a look at an empty field shows that a card is gone; a reader that was dead for a while shows nothing.
    Two cards in one wallet, seen in turn, are two taps.
    """

    def __init__(self, absent_s: float = ABSENT_S) -> None:
        self._absent_s = absent_s
        self._missing_since_s: dict[str, float | None] = {}  # per card on the reader; None: seen at the last look

    def knows(self, uid: str) -> bool:
        """It has tapped and has not been away."""
        return uid in self._missing_since_s

    def is_tap(self, uid: str | None, now_s: float) -> bool:
        """What one look at the field showed; None: no card."""
        for other, since_s in list(self._missing_since_s.items()):
            if other == uid:
                continue
            if since_s is None:
                self._missing_since_s[other] = now_s
            elif now_s - since_s >= self._absent_s:
                del self._missing_since_s[other]
        if uid is None:
            return False
        is_new = uid not in self._missing_since_s
        if is_new and len(self._missing_since_s) >= MOST_CARDS_REMEMBERED:
            return False
        self._missing_since_s[uid] = None
        return is_new


class Pn532Reader:
    """An IdReader. `reset` pulses the chip's RSTPDN line where one is wired; it must not raise and take < 1 s."""

    def __init__(
        self,
        name: str,
        path: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        reset: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._path = _checked(path)
        self._clock = clock
        self._reset = reset
        self._tokens: deque[IdToken] = deque(maxlen=MOST_TOKENS)
        self._edges = TapEdges()
        self._torn = 0
        self._problem = f"pn532 at {path} not opened yet."
        self._since_s = clock()  # of the problem
        self._last_good_s: float | None = None
        self._resets = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def take(self) -> list[IdToken]:
        return [self._tokens.popleft() for _ in range(len(self._tokens))]

    def health(self) -> Health:
        if not self._problem:
            return Health(True)
        now_s = self._clock()
        last = "never read" if self._last_good_s is None else f"last good {now_s - self._last_good_s:.0f} s ago"
        resets = "no reset line" if self._reset is None else f"reset {self._resets} times"
        lasted = f", for {now_s - self._since_s:.0f} s; {last}, {resets}. Check"
        return Health(False, f"{self.name}: {self._problem.replace('. Check', lasted, 1)}")

    def close(self) -> None:
        """Stop sensing and give the terminal back, within `JOIN_S`."""
        self._stop.set()
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        backoff_s = FIRST_BACKOFF_S
        while not self._stop.is_set():
            try:
                with _Chip(self._path) as chip:
                    self._problem, self._last_good_s = "", self._clock()
                    while not self._stop.wait(SENSE_PAUSE_S):
                        self._look(chip)
                        backoff_s, self._last_good_s, self._resets = FIRST_BACKOFF_S, self._clock(), 0
            except ReaderError as error:
                if not self._problem:
                    self._since_s = self._clock()
                self._problem = str(error)
            else:
                return
            if self._stop.wait(backoff_s):
                return
            backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)
            if self._reset is not None:
                self._resets += 1
                self._reset()

    def _look(self, chip: _Chip) -> None:
        target = chip.sense()
        uid = b"" if target is None else bytes(target.sdd_res)
        text = uid.hex().upper()
        is_phone = is_random(uid)
        token = None if is_phone or not uid else IdToken(TokenKind.ISO14443, text)
        if target is not None and target.sel_res[0] & ISO_DEP and (is_phone or not self._edges.knows(text)):
            said = chip.said(target)
            self._torn = self._torn + 1 if said is None else 0
            if said is None and (is_phone or self._torn < MOST_TORN):
                return
            token = next(filter(None, map(classify, said or ())), token)
        if token is None and uid:
            return  # somebody's phone without a code: neither an empty field nor a tap
        if self._edges.is_tap(token.value if token is not None else None, self._clock()) and token is not None:
            self._tokens.append(token)


def read_once(path: str, timeout_s: float) -> Card | None:
    """The first card seen within `timeout_s` (0 to 60 s), or None. Raises ReaderError if the reader does not work."""
    if not 0 <= timeout_s <= 60:
        raise ValueError(f"timeout_s {timeout_s}: want 0 to 60")
    deadline_s = time.monotonic() + timeout_s
    with _Chip(_checked(path)) as chip:
        while True:
            target = chip.sense()
            if target is not None:
                uid = bytes(target.sdd_res)
                if target.sel_res[0] & ISO_DEP:
                    return Card(uid.hex().upper(), *_told(is_random(uid), chip.said(target)))
                return Card(uid.hex().upper(), chip.kind_of(target))
            if time.monotonic() >= deadline_s:
                return None
            time.sleep(SENSE_PAUSE_S)


class _Chip:
    """An opened PN532. Every failure of nfcpy comes out as ReaderError, and the terminal is always given back."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._transport: Any = None
        self._frontend: Any = None

    def __enter__(self) -> _Chip:
        try:
            self._open()
        except _ERRORS as error:
            self._close()
            raise self._explained(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def sense(self) -> Any:
        """The ISO 14443-A target in the field (nfc.clf.RemoteTarget), or None."""
        try:
            return self._frontend.sense(nfc.clf.RemoteTarget("106A"))
        except _ERRORS as error:
            raise self._explained(error) from error

    def said(self, target: Any) -> tuple[str, ...] | None:
        """The texts of its NDEF message; none where it has no such message; None where it fell silent in the middle.

        Raises ReaderError where the reader itself fails.
        """
        bounded = _Bounded(self._frontend)
        try:
            tag = nfc.tag.activate(bounded, target)
            message = None if tag is None else tag.ndef
            texts = () if message is None else tuple(map(_text_of, message.records))
        except OSError as error:
            raise self._explained(error) from error
        except (nfc.tag.TagCommandError, nfc.clf.Error, ndef.DecodeError, *_ERRORS) as error:
            _LOG.debug("a card that does not talk as it should: %s", error)
            return None if bounded.was_cut else ()
        return None if tag is not None and message is None and bounded.was_cut else texts

    def kind_of(self, target: Any) -> str:
        if target.sel_res[0] & 0x08:  # NXP AN10833: bit 4 of SAK, a MIFARE Classic; activation would only mute it
            return "MIFARE Classic"
        try:
            tag = nfc.tag.activate(self._frontend, target)
        except _ERRORS as error:
            raise self._explained(error) from error
        return f"SAK {target.sel_res[0]:02X}" if tag is None else str(tag.product)

    def _open(self) -> None:
        self._transport = nfc.clf.transport.TTY(self._path)
        self._transport.tty.exclusive = True
        self._transport.write(WAKE)
        chipset = nfc.clf.pn532.Chipset(self._transport, logger=_LOG)
        try:
            chipset.sam_configuration("normal")
        except OSError:
            chipset.sam_configuration("normal")  # the first command may only have woken the chip
        self._frontend = nfc.ContactlessFrontend()
        self._frontend.device = nfc.clf.pn532.Device(chipset, logger=_LOG)
        self._frontend.device._path = self._path

    def _close(self) -> None:
        """nfcpy keeps the terminal open when the chip is dead at closing, so it is closed here a second time."""
        tty = self._transport.tty if self._transport is not None else None
        for close in (self._frontend.close if self._frontend is not None else None, tty.close if tty else None):
            try:
                if close is not None:
                    close()
            except _ERRORS as error:
                _LOG.debug("closing %s: %s", self._path, error)

    def _explained(self, error: Exception) -> ReaderError:
        cause = str(error) or type(error).__name__
        return ReaderError(
            f"pn532 at {self._path}: {cause}. Check that the reader has power, its switches are on HSU, TX and RX are "
            "crossed, and no other program holds the terminal; a reader that hangs needs a reset."
        )


def is_random(uid: bytes) -> bool:
    """ISO/IEC 14443-3, 6.5.4: new after each loss of the field, as phones have it; it identifies nobody."""
    return len(uid) == 4 and uid[0] == 0x08


def _told(is_phone: bool, said: tuple[str, ...] | None) -> tuple[str, str]:
    """Kind, and what it says, for the technician."""
    kind = "a phone: its UID is random" if is_phone else "ISO-DEP card"
    if said is None:
        return kind, "it fell silent while it was read"
    token = next(filter(None, map(classify, said)), None)
    return kind, f"{token.kind} {token.masked}" if token is not None else "no code of ours"


class _Bounded:
    """nfcpy's frontend as its Type 4 tag needs it, with an end to patience: for time and for what is listened to.

    nfcpy follows every wish for more time, and reads as much as the tag says it has.
    """

    def __init__(self, frontend: Any) -> None:
        self._frontend = frontend
        self._until_s = time.monotonic() + TYPE4_PATIENCE_S
        self._heard = 0
        self.was_cut = False  # the last exchange was not answered

    @property
    def max_send_data_size(self) -> int:
        return int(self._frontend.max_send_data_size)

    @property
    def max_recv_data_size(self) -> int:
        return int(self._frontend.max_recv_data_size)

    def exchange(self, data: Any, timeout: float) -> Any:
        self.was_cut = True
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise nfc.clf.TimeoutError("it takes too long")
        if self._heard > MOST_TYPE4_BYTES:
            raise nfc.clf.ProtocolError("it says too much")
        answer = self._frontend.exchange(data, min(timeout, left_s))
        self.was_cut = False
        self._heard += len(answer)
        return answer


def _text_of(record: Any) -> str:
    """Of a text or address record; "" of any other."""
    if isinstance(record, ndef.TextRecord):
        return str(record.text)
    return str(record.iri) if isinstance(record, ndef.UriRecord) else ""


def _checked(path: str) -> str:
    if not re.fullmatch(r"/[\w./:@+-]+", path):
        raise ValueError(f"reader path {path!r}: want an absolute path of a terminal")
    return path
