"""The link between a world's kiosk and its server: the uplink's own drain, over a network that comes and goes.

A request can be lost before the server saw it, and an answer after it acted: the second is what makes a kiosk send
twice.
"""

from __future__ import annotations

import random
import sqlite3
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from contract.api import AuthorizeAnswer, AuthorizeRequest, CommandAnswer, Commands, Disclaim, RowBatch
from contract.identity import TokenKind
from kiosk.journal.refused_rows import sendable
from kiosk.uplink.drain import (
    Answer,
    AskRequest,
    Drain,
    DrainSettings,
    FetchRequest,
    LetterRequest,
    ListRequest,
    PollRequest,
    RowsRequest,
    ServerRequest,
)
from kiosk.wire import Acknowledged, ListVersion, Online, RowsWaiting, SetAside, SignedCommand, SignedList, UplinkSays
from worlds.agenda import Agenda
from worlds.disk import Disk
from worlds.server import Server

if TYPE_CHECKING:
    from worlds.purse import Purse

LOST_REQUESTS = 0.02
LOST_ANSWERS = 0.04
NOTICES_AFTER_S = 8.0  # a request that got no answer has failed by then
MOST_LETTERS = 1_000  # kept for an uplink that is away
# As in the field, but rarer: what a world learns from a request does not depend on how many there are.
SETTINGS = DrainSettings(poll_s=1_200.0, list_every_s=1_800.0, gather_s=300.0, retry_most_s=300.0)


class Network:
    """Up or down, for everybody. `acted_unheard` counts what the server did without the kiosk hearing of it.

    `is_trusted`: the server's certificate is believed. `refuses_with`: an HTTP status instead of an answer.
    """

    def __init__(self) -> None:
        self.is_up = self.is_trusted = True
        self.refuses_with: int | None = None
        self.acted_unheard = 0


class Link:
    """The uplink process of one boot, as the controller sees it. `wall` gives the world's time of day."""

    def __init__(
        self,
        agenda: Agenda,
        rng: random.Random,
        network: Network,
        server: Server,
        disk: Disk,
        wall: Callable[[], datetime],
        purse: Purse | None = None,
    ) -> None:
        self._agenda, self._rng, self._network = agenda, rng, network
        self._server, self._disk, self._wall, self._purse = server, disk, wall, purse
        self._held: Callable[[random.Random | None], None] | None = None  # ends the long poll that waits
        self._is_alive = self._is_online = self._is_powered = False
        self._must_forget = False  # as at the kiosk's desk
        self._list_version = 0
        self._letters: deque[Disclaim | CommandAnswer] = deque(maxlen=MOST_LETTERS)
        self._drain = Drain(SETTINGS, rng.random)
        self._planned_s = float("inf")
        self.on_answer: Callable[[AuthorizeAnswer], None] = lambda answer: None
        self.on_list: Callable[[str], None] = lambda text: None
        self.on_command: Callable[[str], None] = lambda text: None
        self.on_acknowledged: Callable[[], None] = lambda: None

    # ---- as the controller's Uplink ------------------------------------------------------------------------------

    def is_online(self) -> bool:
        return self._is_online

    def ask(self, request: AuthorizeRequest) -> None:
        self._drain.heard(request, self._agenda.now_s)
        self._pump()

    def disclaim(self, transaction_ids: tuple[str, ...]) -> None:
        self._send_letter(Disclaim(transaction_ids))

    def answer(self, answer: CommandAnswer) -> None:
        self._send_letter(answer)

    def _send_letter(self, letter: Disclaim | CommandAnswer) -> None:
        if not self._is_alive:
            self._letters.append(letter)
            return
        self._drain.heard(letter, self._agenda.now_s)
        self._pump()

    def refresh_list(self, version: int) -> None:
        self._drain.heard(ListVersion(version, is_due=True), self._agenda.now_s)
        self._pump()

    # ---- as a process ----------------------------------------------------------------------------------------------

    def start(self, list_version: int) -> None:
        """With the kiosk."""
        self._is_powered, self._list_version = True, list_version
        self.revive()

    def cut(self) -> None:
        """With the kiosk."""
        self._is_powered = self._is_alive = self._is_online = False

    def die(self) -> None:
        """The process alone."""
        self._is_alive = self._is_online = False
        self._drain = Drain(SETTINGS, self._rng.random)
        self._planned_s = float("inf")

    def revive(self) -> None:
        if self._is_alive or not self._is_powered:
            return
        self._is_alive = True
        self._must_forget = True
        self._tell(self._drain.connected(self._agenda.now_s))
        self._drain.heard(ListVersion(self._list_version), self._agenda.now_s)
        while self._letters:
            self._drain.heard(self._letters.popleft(), self._agenda.now_s)
        self.rows_wait()

    def rows_wait(self, may_wait: bool = False) -> None:
        """The journal has grown."""
        self._drain.heard(RowsWaiting(self._disk.store.waiting(), may_wait), self._agenda.now_s)
        self._pump()

    def list_changed(self, version: int) -> None:
        self._list_version = version
        self._drain.heard(ListVersion(version), self._agenda.now_s)

    def _pump(self) -> None:
        """Send what may go now; come back when more may."""
        if not self._is_alive:
            return
        now_s = self._agenda.now_s
        while (request := self._drain.next_request(now_s)) is not None:
            if isinstance(request, FetchRequest):
                self._forget_set_aside()
                rows = tuple(sendable(self._disk.store, request.fetch.fetch))
                self._drain.heard(RowBatch(self._disk.store.epoch(), rows), now_s)
            else:
                self._send(request)
        due_s = self._drain.deadline_s
        if now_s < due_s < float("inf") and not now_s < self._planned_s <= due_s:
            self._planned_s = due_s
            self._agenda.at(due_s, self._pump)

    def _forget_set_aside(self) -> None:
        """Once for each time the uplink came; where the disk takes no writes then, when it does again."""
        if self._must_forget and not self._disk.refusal:
            self._disk.forget_set_aside()
            self._must_forget = False

    def _send(self, request: ServerRequest) -> None:
        """One request: there, acted on, and back; or lost on either way."""

        drain = self._drain

        def arrive() -> None:
            if not self._network.is_up or self._rng.random() < LOST_REQUESTS:
                self._agenda.after(NOTICES_AFTER_S, give_up)
                return
            if not self._network.is_trusted:
                give_up()
                return
            if (status := self._network.refuses_with) is not None:
                self._agenda.after(self._rng.uniform(0.02, 0.3), lambda: refused(status))
                return
            answer = self._act(request)
            back_s = self._rng.uniform(0.02, 0.3)
            if isinstance(request, PollRequest) and not _has_commands(answer):
                wait(request.wait_s + back_s)
            else:
                self._agenda.after(back_s, lambda: come_back(answer))

        def wait(for_s: float) -> None:
            """Held until there is a command, or the time is over."""

            def end(rng: random.Random | None) -> None:
                if self._held is not end:
                    return
                self._held = None
                if rng is None:
                    come_back(Commands(()))
                    return
                answer = self._act(request)
                self._agenda.after(rng.uniform(0.02, 0.3), lambda: come_back(answer))

            self._held = end
            self._agenda.after(for_s, lambda: end(None))

        def come_back(answer: Answer) -> None:
            if not self._network.is_up or self._rng.random() < LOST_ANSWERS:
                self._network.acted_unheard += 1
                self._agenda.after(NOTICES_AFTER_S, give_up)
            elif self._is_alive and drain is self._drain:
                self._tell(drain.succeeded(request, answer, self._agenda.now_s))
                self._pump()

        def give_up() -> None:
            if self._is_alive and drain is self._drain:
                self._tell(drain.failed(request, self._agenda.now_s))
                self._pump()

        def refused(status: int) -> None:
            if status >= 500:
                give_up()
            elif self._is_alive and drain is self._drain:
                self._tell(drain.refused(request, self._agenda.now_s, f"HTTP {status}"))
                self._pump()

        self._agenda.after(self._rng.uniform(0.02, 0.3), arrive)

    @property
    def is_listening(self) -> bool:
        """A long poll is under way, and nothing is known to be in its way."""
        network = self._network
        is_open = network.is_up and network.is_trusted and network.refuses_with is None
        return self._is_alive and self._held is not None and is_open

    def ring(self, rng: random.Random) -> None:
        """There may be a command: a poll that waits for one is answered. `rng` is of whoever rings."""
        if self._held is not None and self.is_listening and self._server.has_commands(self._wall()):
            self._held(rng)

    def _act(self, request: ServerRequest) -> Answer:
        answer = self._acted(request)
        if self._purse is not None and not isinstance(request, ListRequest | PollRequest):
            self._purse.stir()
        return answer

    def _acted(self, request: ServerRequest) -> Answer:
        wall = self._wall()
        match request:
            case AskRequest(ask):
                if ask.token_kind is TokenKind.DIRECT_PAYMENT and self._purse is not None:
                    self._purse.hold_first(ask)
                return self._server.authorize(ask, wall)
            case LetterRequest(Disclaim() as letter):
                self._server.disclaim(letter, wall)
                return None
            case LetterRequest(CommandAnswer() as letter):
                self._server.answer_command(letter, wall)
                return None
            case RowsRequest(batch):
                return self._server.take_rows(batch, wall)
            case ListRequest(after_version):
                return self._server.signed_list(after_version, wall)
            case PollRequest():
                return self._server.take_commands(wall)
        raise AssertionError(request)

    def _tell(self, says: tuple[UplinkSays, ...]) -> None:
        for word in says:
            match word:
                case Online(is_online):
                    self._is_online = is_online
                case AuthorizeAnswer():
                    self.on_answer(word)
                case Acknowledged(journal_nos, epoch):
                    try:
                        self._disk.acknowledge(journal_nos, epoch, self._wall())
                    except sqlite3.OperationalError:
                        pass  # the server gets these rows again
                    self.on_acknowledged()
                    self._drain.heard(RowsWaiting(self._disk.store.waiting(), may_wait=True), self._agenda.now_s)
                case SetAside(number, reason):
                    if not self._disk.refusal:
                        self._disk.set_aside(number, reason)
                case SignedList(text):
                    self.on_list(text)
                case SignedCommand(text):
                    self.on_command(text)


def _has_commands(answer: Answer) -> bool:
    return isinstance(answer, Commands) and bool(answer.commands)
