"""What the uplink says to the server next, and what it makes of the answer. Pure: times and chance come in.

Law:
- An ask goes first; it is tried once, because the controller decides alone when the server does not answer.
- Readings of a charge that goes on may wait `gather_s`, so that one request carries several; all other rows go at
  once, and take with them what waits.
- Rows go in journal order, at most ROWS_PER_BATCH at once, exactly as they were read; one batch is under way at a
  time, and the next is read only after the acknowledgement of the former was told to the controller.
- After a failure nothing is tried before a pause drawn from 0 to a bound that doubles up to `retry_most_s`.
- A batch the server refuses (4xx) is halved down to the row that it does not take. That row is tried
  TRIES_OF_A_REFUSED_ROW times with pauses, then set aside: it stays in the journal, and the queue goes on. No more
  than MOST_SET_ASIDE rows are: beyond that it is the server that is wrong.
- Rows that the server took and the controller gives again are sent again after a pause: the disk takes no
  acknowledgement, and will not for a while.
- Nothing here waits or sleeps: `next_request` says what may go now, `deadline_s` when to ask again.

Four lanes, so that neither a long poll nor a slow batch nor a payment provider ever delays a card's ask or an answer to
a command: one request of each lane may be under way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from contract.api import (
    ROWS_PER_BATCH,
    AuthorizeAnswer,
    AuthorizeRequest,
    CommandAnswer,
    Commands,
    Disclaim,
    RowAnswer,
    RowBatch,
)
from contract.identity import TokenKind
from kiosk.wire import (
    Acknowledged,
    Fetch,
    ListVersion,
    Online,
    RowsWaiting,
    SetAside,
    SignedCommand,
    SignedList,
    UplinkHears,
    UplinkSays,
)

NEVER_S = float("inf")
MOST_ASKS = 16
TRIES_OF_A_REFUSED_ROW = 4
MOST_SET_ASIDE = 100
LONGEST_REASON = 300
MOST_LETTERS = 1000  # disclaims and command answers that wait for the server


class Lane(StrEnum):
    URGENT = "urgent"
    PAYMENT = "payment"  # asks behind which a payment provider is asked: it holds nobody else up
    BULK = "bulk"
    POLL = "poll"


@dataclass(frozen=True, slots=True)
class AskRequest:
    request: AuthorizeRequest
    lane: Lane = Lane.URGENT


@dataclass(frozen=True, slots=True)
class LetterRequest:
    """A disclaim or a command's answer: nothing but 204 comes back."""

    letter: Disclaim | CommandAnswer
    lane: Lane = Lane.URGENT


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """To the controller, not to the server: `heard(RowBatch)` answers it."""

    fetch: Fetch
    lane: Lane = Lane.BULK


@dataclass(frozen=True, slots=True)
class RowsRequest:
    batch: RowBatch
    lane: Lane = Lane.BULK


@dataclass(frozen=True, slots=True)
class ListRequest:
    after_version: int
    lane: Lane = Lane.BULK


@dataclass(frozen=True, slots=True)
class PollRequest:
    wait_s: float
    lane: Lane = Lane.POLL


ServerRequest = AskRequest | LetterRequest | RowsRequest | ListRequest | PollRequest
Request = ServerRequest | FetchRequest
Answer = AuthorizeAnswer | RowAnswer | Commands | str | None  # str: a signed list


@dataclass(frozen=True, slots=True)
class DrainSettings:
    """Seconds. `poll_gap_s` is the least time between the starts of two polls."""

    poll_s: float = 25.0
    poll_gap_s: float = 0.2
    list_every_s: float = 60.0
    gather_s: float = 10.0  # how long a row may wait for others, where nobody waits for it
    epoch_every_s: float = 3600.0  # an empty batch asks for the server's epoch, where nothing else was to be sent
    retry_least_s: float = 0.5
    retry_most_s: float = 60.0
    ask_lives_s: float = 15.0  # an older ask has been given up by the controller


class Drain:
    """`draw` gives numbers from 0 up to 1. Starts unconnected and offline."""

    def __init__(self, settings: DrainSettings, draw: Callable[[], float]) -> None:
        self._settings, self._draw = settings, draw
        self.is_online = False
        self._is_connected = False
        self._under_way: set[Lane] = set()
        self._asks: deque[tuple[float, AuthorizeRequest]] = deque()
        self._payment_asks: deque[tuple[float, AuthorizeRequest]] = deque()
        self._letters: deque[Disclaim | CommandAnswer] = deque()
        self._rows_due_s = NEVER_S  # when rows that are not in a batch yet are to be fetched
        self._batch: RowBatch | None = None
        self._batch_limit = ROWS_PER_BATCH
        self._refusals = 0  # of the one row in the batch
        self._rows_at_s = 0.0  # not before this, after a refusal
        self._taken_no: int | None = None  # the first row of the batch that the server took last
        self._set_aside = 0
        self._list_version = 0
        self._list_due_s = 0.0
        self._epoch_due_s = NEVER_S
        self._poll_due_s = 0.0
        self._retry_at_s = 0.0
        self._failures = 0

    # ---- the controller -----------------------------------------------------------------------------------------

    def connected(self, now_s: float) -> tuple[UplinkSays, ...]:
        """The controller is there (again)."""
        self._is_connected = True
        self._list_due_s = now_s
        self._epoch_due_s = now_s + self._settings.epoch_every_s
        self._set_aside = 0  # the controller gives those rows again
        return (Online(self.is_online),)

    def lost(self) -> None:
        """The controller is gone, and with it what only it could use. Rows stay in its journal."""
        self._is_connected = False
        self._rows_due_s = NEVER_S
        self._asks.clear()
        self._payment_asks.clear()
        self._batch = None
        self._refusals = 0
        self._under_way.discard(Lane.BULK)

    def heard(self, heard: UplinkHears, now_s: float) -> None:
        match heard:
            case AuthorizeRequest():
                asks = self._payment_asks if heard.token_kind is TokenKind.DIRECT_PAYMENT else self._asks
                if len(asks) < MOST_ASKS:
                    asks.append((now_s, heard))
            case Disclaim() | CommandAnswer():
                if len(self._letters) >= MOST_LETTERS:
                    self._letters.popleft()
                self._letters.append(heard)
            case RowsWaiting(count, may_wait):
                due_s = now_s + (self._settings.gather_s if may_wait and count < ROWS_PER_BATCH else 0.0)
                self._rows_due_s = min(self._rows_due_s, due_s) if count else NEVER_S
            case ListVersion(version, is_due):
                self._list_version = version
                if is_due:
                    self._list_due_s = now_s
            case RowBatch():
                self._under_way.discard(Lane.BULK)
                if heard.rows or now_s >= self._epoch_due_s:
                    self._batch = heard
                if heard.rows and heard.rows[0].journal_no == self._taken_no:
                    self._rows_at_s = now_s + self._settings.retry_most_s

    # ---- the server ---------------------------------------------------------------------------------------------

    def next_request(self, now_s: float) -> Request | None:
        """What may go now; it counts as under way until succeeded, failed or refused (a fetch: until heard)."""
        if not self._is_connected or (not self.is_online and self._under_way - {Lane.POLL, Lane.PAYMENT}):
            return None  # while offline one request at a time finds out whether the server is back
        for choose in (self._urgent, self._payment, self._bulk, self._poll):
            request = choose(now_s)
            if request is not None:
                self._under_way.add(request.lane)
                return request
        return None

    @property
    def deadline_s(self) -> float:
        """When `next_request` may have something that it has not now, if nothing else happens before."""
        if not self._is_connected:
            return NEVER_S
        due = []
        if Lane.URGENT not in self._under_way and (self._asks or self._letters):
            due.append(self._retry_at_s)
        if Lane.PAYMENT not in self._under_way and self._payment_asks:
            due.append(self._retry_at_s)
        if Lane.BULK not in self._under_way:
            due += [self._list_due_s, max(self._epoch_due_s, self._rows_at_s)]
            due.append(self._rows_at_s if self._batch is not None else max(self._rows_at_s, self._rows_due_s))
        if Lane.POLL not in self._under_way:
            due.append(self._poll_due_s)
        return max(min(due, default=NEVER_S), self._retry_at_s)

    def succeeded(self, request: ServerRequest, answer: Answer, now_s: float) -> tuple[UplinkSays, ...]:
        """The server answered; what the controller is to be told, in order."""
        self._under_way.discard(request.lane)
        self._failures = 0
        says: list[UplinkSays] = []
        if not self.is_online:
            self.is_online = True
            says.append(Online(True))
        match request, answer:
            case AskRequest(), AuthorizeAnswer():
                says.append(answer)
            case RowsRequest(batch), RowAnswer(epoch, acknowledged):
                says.append(Acknowledged(acknowledged, epoch))
                self._batch, self._refusals = None, 0
                self._taken_no = batch.rows[0].journal_no if batch.rows else None
                self._epoch_due_s = now_s + self._settings.epoch_every_s
                if len(batch.rows) >= self._batch_limit:  # otherwise the controller says when
                    self._rows_due_s = now_s
                self._batch_limit = min(ROWS_PER_BATCH, self._batch_limit * 2)
            case ListRequest(), _:
                self._list_due_s = now_s + self._settings.list_every_s * (0.9 + 0.2 * self._draw())
                if isinstance(answer, str):
                    says.append(SignedList(answer))
            case PollRequest(), Commands(commands):
                says.extend(SignedCommand(text) for text in commands)
        return tuple(says)

    def failed(self, request: ServerRequest, now_s: float) -> tuple[UplinkSays, ...]:
        """No answer, or none that means anything: a pause, then again (an ask: never again)."""
        self._return(request)
        if now_s >= self._retry_at_s:  # what fails during a pause was sent before it
            bound_s = min(self._settings.retry_most_s, self._settings.retry_least_s * 2 ** min(self._failures, 30))
            self._failures += 1
            self._retry_at_s = now_s + bound_s * self._draw()
        was_online, self.is_online = self.is_online, False
        self._asks.clear()  # the controller decides alone now
        self._payment_asks.clear()
        return (Online(False),) if was_online else ()

    def refused(self, request: ServerRequest, now_s: float, reason: str = "") -> tuple[UplinkSays, ...]:
        """The server is there and will not take this request as it is (4xx). Sending it again would not help."""
        match request:
            case RowsRequest(batch) if len(batch.rows) > 1:
                self._under_way.discard(request.lane)
                self._batch_limit = max(1, len(batch.rows) // 2)
                self._batch, self._rows_due_s = None, now_s
                return ()
            case RowsRequest(batch) if not batch.rows:
                self._under_way.discard(request.lane)
                self._batch, self._epoch_due_s = None, now_s + self._settings.epoch_every_s
                return ()
            case RowsRequest(batch) if self._set_aside < MOST_SET_ASIDE:
                return self._row_refused(batch.rows[0].journal_no, now_s, reason)
            case LetterRequest():
                self._under_way.discard(request.lane)
                return ()
            case _:
                return self.failed(request, now_s)

    def _row_refused(self, journal_no: int, now_s: float, reason: str) -> tuple[UplinkSays, ...]:
        """The same row again after a pause, and in the end without it. Asks and polls go on meanwhile."""
        self._under_way.discard(Lane.BULK)
        self._refusals += 1
        if self._refusals < TRIES_OF_A_REFUSED_ROW:
            bound_s = min(self._settings.retry_most_s, self._settings.retry_least_s * 2**self._refusals)
            self._rows_at_s = now_s + bound_s * self._draw()
            return ()
        self._batch, self._rows_due_s, self._refusals = None, now_s, 0
        self._set_aside += 1
        return (SetAside(journal_no, reason[:LONGEST_REASON]),)

    # ---- inside -------------------------------------------------------------------------------------------------

    def _may_try(self, lane: Lane, now_s: float) -> bool:
        return lane not in self._under_way and now_s >= self._retry_at_s

    def _urgent(self, now_s: float) -> ServerRequest | None:
        self._drop_stale(self._asks, now_s)
        if not self._may_try(Lane.URGENT, now_s):
            return None
        if self._asks:
            return AskRequest(self._asks.popleft()[1])
        return LetterRequest(self._letters.popleft()) if self._letters else None

    def _payment(self, now_s: float) -> ServerRequest | None:
        self._drop_stale(self._payment_asks, now_s)
        if not self._payment_asks or not self._may_try(Lane.PAYMENT, now_s):
            return None
        return AskRequest(self._payment_asks.popleft()[1], Lane.PAYMENT)

    def _drop_stale(self, asks: deque[tuple[float, AuthorizeRequest]], now_s: float) -> None:
        while asks and now_s - asks[0][0] > self._settings.ask_lives_s:
            asks.popleft()

    def _bulk(self, now_s: float) -> Request | None:
        if not self._may_try(Lane.BULK, now_s):
            return None
        if now_s >= self._list_due_s:  # before the rows: an old queue must not keep a lost card alive
            return ListRequest(self._list_version)
        if now_s < self._rows_at_s:
            return None
        if self._batch is not None:
            return RowsRequest(self._batch)
        if now_s < min(self._rows_due_s, self._epoch_due_s):
            return None
        self._rows_due_s = NEVER_S
        return FetchRequest(Fetch(self._batch_limit))

    def _poll(self, now_s: float) -> ServerRequest | None:
        if now_s < self._poll_due_s or not self._may_try(Lane.POLL, now_s):
            return None
        self._poll_due_s = now_s + self._settings.poll_gap_s
        return PollRequest(self._settings.poll_s if self.is_online else 0.0)

    def _return(self, request: ServerRequest) -> None:
        self._under_way.discard(request.lane)
        if isinstance(request, LetterRequest):
            self._letters.appendleft(request.letter)
