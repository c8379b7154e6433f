"""People who pay with their phone: by a checkout on its pages, or by a payment code that the kiosk reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.commands import NotReachable
from contract.identity import IdToken, TokenKind
from kiosk.session.events import ConnectorChosen
from kiosk.session.states import State
from sim.people import Visit
from worlds.visits import Person, VisitLog

if TYPE_CHECKING:
    from worlds.purse import Purse
    from worlds.world import World

PAYS_AFTER_S = (4.0, 90.0)
NEVER_PAYS, PAYS_TWICE = 0.06, 0.08
BEGINS_TWICE = 0.02  # at each look
AGAIN_S = 8.0


class PhonePayer(Person):
    """System A: the phone reserves, pays, and the server starts; it stops from the phone, too."""

    def __init__(self, world: World, evse_id: int, visit: Visit, log: VisitLog, purse: Purse) -> None:
        super().__init__(world, evse_id, visit, log)
        self.purse, self.name = purse, purse.new_person()
        self.links: list[str] = []

    def _tap(self) -> None:
        """Scan the screen, reserve, pay."""
        session = self._session()
        if session is None or session.state is not State.IDLE:
            return
        if self.links and self.purse.is_open(self.links[-1]) and self.purse.rng.random() >= BEGINS_TWICE:
            return  # the phone says that it is under way
        self.taps += 1
        try:
            link_id = self.purse.begin(self.evse_id)
        except NotReachable:
            return  # the page says so; a look later tries again
        self.links.append(link_id)
        self.world.tell(f"evse {self.evse_id}: {self.name} reserves by phone")
        if self.purse.rng.random() >= NEVER_PAYS:
            self._after(self.purse.rng.uniform(*PAYS_AFTER_S), lambda: self._pay(link_id))

    def _pay(self, link_id: str) -> None:
        self.purse.pay(link_id, self.name)
        if self.purse.rng.random() < PAYS_TWICE:  # back and confirm again
            self._after(AGAIN_S, lambda: self.purse.pay(link_id, self.name))

    def _tap_to_stop(self) -> None:
        if not self.links or not self.purse.stop(self.links[-1]):
            self._stop_with_code()

    def leave(self) -> None:
        """Whoever goes away without a charge cancels on the phone; so does whoever has finished, without effect."""
        if not self.is_gone and self.delivering_since_s is None:
            for link_id in self.links:
                self.purse.stop(link_id)
        super().leave()

    def _draw_token(self) -> IdToken:
        return IdToken(TokenKind.ISO14443, "99PHONE")  # what somebody with no card may hold to a reader


class CodePayer(Person):
    """System D: a payment code, read by the kiosk. Each tap shows a new one, so none stops a charge."""

    def __init__(self, world: World, evse_id: int, visit: Visit, log: VisitLog, purse: Purse) -> None:
        self.purse, self.name = purse, purse.new_person()
        super().__init__(world, evse_id, visit, log)

    def _tap(self) -> None:
        session = self._session()
        if session is not None and session.state is not State.IDLE:
            return
        self.taps += 1
        if self.world.kiosk is None:
            return
        self.token = self.purse.code(self.name)
        self._post(ConnectorChosen(self.evse_id))
        self.present(self.token)

    def _tap_to_stop(self) -> None:
        self._stop_with_code()

    def _draw_token(self) -> IdToken:
        return self.purse.code(self.name)
