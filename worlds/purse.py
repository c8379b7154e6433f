"""The money of a world: a payment app's bank, the way to it, and the server's own till stepped in virtual time.

A third of the worlds have one, drawn from a seed of its own, so that a world without stays what it was. The bank is
the simulated social server's own; what it counts is the truth that worlds/coins.py judges by.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select, union_all

from billing.authorization import begin_payment
from billing.checkout import desk, store
from billing.checkout.acts import advance
from billing.checkout.checkout import OPEN, Stage
from billing.checkout.holds import set_hold
from billing.checkout.tables import bills, checkouts
from billing.checkout.till import Till
from billing.commands import NotReachable
from billing.moments import from_ms
from billing.payments.social import sight_of
from billing.payments.tables import payments
from billing.prepared import Prepared
from billing.settlement.agreement import Agreement, agree
from billing.settlement.allocation import Bearer, HostTerms, PartnerTerms
from contract.api import AuthorizeRequest
from contract.identity import IdToken, TokenKind
from contract.tariff import Dimension, PriceComponent, Tariff, TariffElement
from sim.people import Visit, Way
from sim.social.bank import HOLD_LIVES_S, Bank, Event
from sim.social.trouble import Mood, Trouble
from worlds.bank_door import BankDoor

if TYPE_CHECKING:
    from worlds.world import World

SHARE = 1 / 3  # of the worlds
PAY_BY_PHONE, PAY_BY_CODE = 0.35, 0.2  # of the visits there
POOR = 0.06  # of the people: not enough for the hold
PARTNER = "volt-works"
HOLDS_MINOR = (600, 1_500, 4_000)
SHORT_LIVES_S = 8 * 3_600.0  # a provider whose holds end while a kiosk is offline
SOON_S = 1.0  # after something happened
ROUND_S = 15.0  # between rounds of the till for what is due by time alone: rarer than the real one's, as polls are
WEBHOOK_S = (0.2, 20.0)
WEBHOOK_AGAIN_S = 120.0


class Purse:
    """What people pay with in this world, and what the server does about it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = random.Random(f"purse-{world.seed}")
        self.trouble = Trouble()
        lives_s = self.rng.choice((HOLD_LIVES_S, SHORT_LIVES_S))
        self.bank = Bank(hold_lives_s=lives_s)
        self._mood = Mood(self.trouble, world.seed)
        door = BankDoor(self.bank, lambda: world.wall().timestamp(), self._mood)
        self._people = self._told = 0
        self._planned_s = float("inf")
        self.till = Till(world.server.transact, {BankDoor.name: door}, world.wall)
        world.server.transact(self._agree)

    @classmethod
    def of(cls, world: World) -> Purse | None:
        return cls(world) if random.Random(f"has-purse-{world.seed}").random() < SHARE else None

    def vary(self, visit: Visit) -> Visit:
        """Some of those who would have come with a card pay with their phone."""
        drawn = self.rng.random()
        if visit.way is not Way.CARD or drawn > PAY_BY_PHONE + PAY_BY_CODE:
            return visit
        return replace(visit, way=Way.PHONE if drawn < PAY_BY_PHONE else Way.PAYMENT_CODE)

    def new_person(self) -> str:
        """An account in the payment app, mostly with money enough."""
        self._people += 1
        name = f"person{self._people}"
        self.bank.open_account(name, 100 if self.rng.random() < POOR else 10_000)
        return name

    # ---- what phones and kiosks ask of the server --------------------------------------------------------------------

    def begin(self, evse_id: int) -> str:
        """A phone reserves; its order's link. Raises NotReachable."""
        now, kiosk_id = self.world.wall(), self.world.server.kiosk_id
        self._note_contact()
        begun = self.world.server.transact(lambda connection: desk.begin(connection, kiosk_id, evse_id, "en", now))
        self._ring()
        return begun.link_id

    def is_open(self, link_id: str) -> bool:
        checkout = self.world.server.transact(lambda connection: store.load(connection, link_id))
        return checkout.stage in OPEN

    def pay(self, link_id: str, person: str) -> None:
        """Confirmed in the payment app: the browser comes back with a token."""
        now = self.world.wall()
        token = self.bank.issue_token(person, now.timestamp())
        self._note_contact()
        try:
            checkout = self.world.server.transact(
                lambda connection: desk.pay(connection, link_id, BankDoor.name, token, now)
            )
        except (ValueError, NotReachable):
            return  # too late
        if checkout.stage is Stage.PAYING:
            self.till.ask_now(checkout.payment_id)
            self.world.server.transact(lambda connection: advance(connection, link_id, self.world.wall()))
        self._ring()

    def stop(self, link_id: str) -> bool:
        """From the phone; False where the kiosk cannot hear it."""
        now = self.world.wall()
        self._note_contact()
        try:
            self.world.server.transact(lambda connection: desk.cancel(connection, link_id, now))
        except NotReachable:
            return False
        self._ring()
        return True

    def code(self, person: str) -> IdToken:
        """A payment code for a reader."""
        return IdToken(TokenKind.DIRECT_PAYMENT, self.bank.issue_token(person, self.world.wall().timestamp()))

    def hold_first(self, asked: AuthorizeRequest) -> None:
        """As the server's API does with a payment code, before it answers."""
        server, now = self.world.server, self.world.wall()
        payment_id = server.transact(
            lambda connection: begin_payment(connection, server.kiosk_id, asked, BankDoor.name, now)
        )
        if payment_id is not None:
            self.till.ask_now(payment_id)

    # ---- the till and the post ---------------------------------------------------------------------------------------

    def stir(self) -> None:
        """Something happened that may make something due."""
        self._plan(self.world.agenda.now_s + SOON_S)

    def _note_contact(self) -> None:
        """A kiosk that listens has polled lately: a world's polls are longer than real ones."""
        if self.world.kiosk is not None and self.world.kiosk.link.is_listening:
            now = self.world.wall()
            self.world.server.transact(lambda connection: self.world.server.note_contact(connection, now))

    def _ring(self) -> None:
        """A command waits for the kiosk: its long poll ends now."""
        if self.world.kiosk is not None:
            self.world.kiosk.link.ring(self.rng)
        self._post()
        self.stir()

    def _plan(self, at_s: float) -> None:
        now_s = self.world.agenda.now_s
        if not now_s < self._planned_s <= at_s:
            self._planned_s = at_s
            self.world.agenda.at(at_s, lambda: self._round(at_s))

    def _round(self, planned_s: float) -> None:
        if planned_s != self._planned_s:
            return  # an earlier one took its place
        self._planned_s = float("inf")
        due = self.world.server.transact(_next_due)
        if due is not None and due <= self.world.wall():
            self._note_contact()
            self.till.work()
            if self.world.kiosk is not None:
                self.world.kiosk.link.ring(self.rng)
            due = self.world.server.transact(_next_due)
        self._post()
        if due is not None:
            wait_s = (due - self.world.wall()).total_seconds()
            self._plan(self.world.agenda.now_s + max(ROUND_S, wait_s))

    def _post(self) -> None:
        """Webhooks of what happened at the bank: late, twice, in any order."""
        new, self._told = self.bank.events[self._told :], len(self.bank.events)
        for event in self._mood.delivery(new):
            self._deliver_after(self.rng.uniform(*WEBHOOK_S), event)

    def _deliver_after(self, delay_s: float, event: Event) -> None:
        def deliver() -> None:
            if self._mood.loses_webhook():
                self._deliver_after(WEBHOOK_AGAIN_S, event)
                return
            self.till.tell(str(event.body["reference"]), sight_of(event.body))
            self.stir()

        self.world.agenda.after(delay_s, deliver)

    def _agree(self, connection: Connection) -> None:
        """A partner and a host have their parts; who bears the host differs from world to world."""
        now, server = self.world.wall(), self.world.server
        power = Tariff("power", 1, "EUR", (TariffElement((PriceComponent(Dimension.ENERGY, Decimal("0.27")),)),))
        host = HostTerms(
            "H-1",
            "EUR",
            per_use_minor=self.rng.choice((0, 20)),
            per_kwh=Decimal(self.rng.choice(("0", "1.5"))),
            paid_by=self.rng.choice(list(Bearer)),
        )
        partners = PartnerTerms(PARTNER, operator_permille=self.rng.choice((0, 200, 1000)))
        for evse_id in self.world.outlets:
            agree(connection, server.kiosk_id, evse_id, Agreement(host, power, None, partners), now, now)
            set_hold(connection, server.kiosk_id, evse_id, self.rng.choice(HOLDS_MINOR))


_NEXT_DUE = Prepared(union_all(*[select(func.min(table.c.due_ms)) for table in (checkouts, bills, payments)]))


def _next_due(connection: Connection) -> datetime | None:
    known = [int(at_ms) for (at_ms,) in _NEXT_DUE.rows(connection, {}) if at_ms is not None]
    return from_ms(min(known)) if known else None
