"""The link between a world's kiosk and its server: the uplink's own drain, over a network that comes and goes.

A request can be lost before the server saw it, and an answer after it acted: the second is what makes a kiosk send
twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

from contract.api import AuthorizeAnswer, AuthorizeRequest, CommandAnswer, Commands, Disclaim, RowBatch
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
from kiosk.wire import Acknowledged, ListVersion, Online, RowsWaiting, SignedCommand, SignedList, UplinkSays
from worlds.agenda import Agenda
from worlds.disk import Disk
from worlds.server import Server

LOST_REQUESTS = 0.02
LOST_ANSWERS = 0.04
NOTICES_AFTER_S = 8.0  # a request that got no answer has failed by then
SETTINGS = DrainSettings(poll_s=600.0, list_every_s=900.0)


class Network:
    """Up or down, for everybody. `acted_unheard` counts what the server did without the kiosk hearing of it."""

    def __init__(self) -> None:
        self.is_up = True
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
    ) -> None:
        self._agenda, self._rng, self._network = agenda, rng, network
        self._server, self._disk, self._wall = server, disk, wall
        self._is_alive = self._is_online = False
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
        self._drain.heard(Disclaim(transaction_ids), self._agenda.now_s)
        self._pump()

    def answer(self, answer: CommandAnswer) -> None:
        self._drain.heard(answer, self._agenda.now_s)
        self._pump()

    def refresh_list(self, version: int) -> None:
        self._drain.heard(ListVersion(version, is_due=True), self._agenda.now_s)
        self._pump()

    # ---- as a process ----------------------------------------------------------------------------------------------

    def start(self, list_version: int) -> None:
        self._is_alive = True
        self._tell(self._drain.connected(self._agenda.now_s))
        self._drain.heard(ListVersion(list_version), self._agenda.now_s)
        self.rows_wait()

    def cut(self) -> None:
        self._is_alive = False

    def rows_wait(self) -> None:
        """The journal has grown."""
        self._drain.heard(RowsWaiting(self._disk.store.waiting()), self._agenda.now_s)
        self._pump()

    def list_changed(self, version: int) -> None:
        self._drain.heard(ListVersion(version), self._agenda.now_s)

    def _pump(self) -> None:
        """Send what may go now; come back when more may."""
        if not self._is_alive:
            return
        now_s = self._agenda.now_s
        while (request := self._drain.next_request(now_s)) is not None:
            if isinstance(request, FetchRequest):
                rows = tuple(self._disk.store.unacknowledged(request.fetch.fetch))
                self._drain.heard(RowBatch(self._disk.store.epoch(), rows), now_s)
            else:
                self._send(request)
        due_s = self._drain.deadline_s
        if now_s < due_s < float("inf") and not now_s < self._planned_s <= due_s:
            self._planned_s = due_s
            self._agenda.at(due_s, self._pump)

    def _send(self, request: ServerRequest) -> None:
        """One request: there, acted on, and back; or lost on either way."""

        def arrive() -> None:
            if not self._network.is_up or self._rng.random() < LOST_REQUESTS:
                self._agenda.after(NOTICES_AFTER_S, give_up)
                return
            answer = self._act(request)
            waits_s = request.wait_s if isinstance(request, PollRequest) and not _has_commands(answer) else 0.0
            self._agenda.after(waits_s + self._rng.uniform(0.02, 0.3), lambda: come_back(answer))

        def come_back(answer: Answer) -> None:
            if not self._network.is_up or self._rng.random() < LOST_ANSWERS:
                self._network.acted_unheard += 1
                self._agenda.after(NOTICES_AFTER_S, give_up)
            elif self._is_alive:
                self._tell(self._drain.succeeded(request, answer, self._agenda.now_s))
                self._pump()

        def give_up() -> None:
            if self._is_alive:
                self._tell(self._drain.failed(request, self._agenda.now_s))
                self._pump()

        self._agenda.after(self._rng.uniform(0.02, 0.3), arrive)

    def _act(self, request: ServerRequest) -> Answer:
        wall = self._wall()
        match request:
            case AskRequest(ask):
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
                    self._disk.store.acknowledge(journal_nos, epoch, self._wall())
                    self.on_acknowledged()
                    self._drain.heard(RowsWaiting(self._disk.store.waiting()), self._agenda.now_s)
                case SignedList(text):
                    self.on_list(text)
                case SignedCommand(text):
                    self.on_command(text)


def _has_commands(answer: Answer) -> bool:
    return isinstance(answer, Commands) and bool(answer.commands)
