"""A whole shop in virtual time: the server's tables and till, a bank in-process, a kiosk that does as it is told.

The bank is the simulated one itself, asked without HTTP; the kiosk is a stand-in that only writes what a kiosk would.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from sqlalchemy import Connection, Engine, update

from billing.authorization import authorize, begin_payment, disclaim
from billing.checkout import desk, reconcile
from billing.checkout import proof as payment_proof
from billing.checkout.bills import Bill, bill_of, note
from billing.checkout.checkout import Checkout
from billing.checkout.till import Till
from billing.checkout.view import CheckoutView, view_of
from billing.commands import answer_command, take_commands
from billing.corrections import credit, is_current
from billing.intake import take_rows
from billing.ledger import book
from billing.ledger.chart import Account, Kind
from billing.moments import to_ms
from billing.orders import release_hold
from billing.payments import store as payments
from billing.payments.payment import Payment
from billing.payments.social import sight_of
from billing.rating import site_of, write_cdr
from billing.settlement import proof
from billing.settlement.agreement import Agreement, agree
from billing.settlement.allocation import HostTerms, PartnerTerms
from billing.tables import cdrs, kiosks
from contract.api import AuthorizeAnswer, AuthorizeRequest, CommandAnswer, CommandStatus, Disclaim
from contract.commands import Command, CommandKind, read_command
from contract.identity import TokenKind
from contract.order import Continuation, price_of_part
from contract.price import TimeUse
from contract.transaction import ChargingState, StoppedReason, TransactionEvent, samples_of, token_hash
from sim.social.bank import Bank
from sim.social.trouble import Mood, Trouble
from tests.billing.conftest import SERVER_KEY
from tests.billing.stories import NOON, batch, charge, rows_of
from worlds.bank_door import BankDoor

__all__ = ["Shop", "sight_of"]

T = TypeVar("T")

MINA_HAS = 10_000
AGREED = Agreement(
    HostTerms("rosa", "EUR", per_use_minor=20, per_kwh=Decimal("2.5")),
    partners=PartnerTerms("cpo", operator_permille=100),
)


@dataclass
class Shop:
    engine: Engine
    now: datetime = NOON
    bank: Bank = field(default_factory=Bank)
    journal_no: int = 0

    def __post_init__(self) -> None:
        self.bank.open_account("mina", MINA_HAS)
        self.trouble = Trouble()
        self.door = BankDoor(self.bank, lambda: self.now.timestamp(), Mood(self.trouble, 1))
        self.till = Till(self.run, {"social": self.door}, lambda: self.now)
        with self.engine.begin() as connection:
            agree(connection, "hk-07", 1, AGREED, NOON - timedelta(days=1), NOON)
        self.hear()

    def run(self, job: Callable[[Connection], T], /, of: str | None = None) -> T:
        with self.engine.begin() as connection:
            return job(connection)

    def pass_time(self, seconds: float = 0, *, hours: float = 0, days: float = 0) -> None:
        self.now += timedelta(seconds=seconds, hours=hours, days=days)

    def work(self) -> None:
        self.till.work()

    def work_until_rest(self, most: int = 60) -> None:
        """As long as a payment has something to ask, time passes to it."""
        for _ in range(most):
            self.work()
            due_ms = self.run(payments.next_due_ms)
            if due_ms is None:
                return
            self.now = max(self.now, NOON + timedelta(milliseconds=due_ms - to_ms(NOON)))
        raise AssertionError("the till does not come to rest")

    # ---- the phone -------------------------------------------------------------------------------------------------

    def begin(self) -> Checkout:
        return self.run(lambda c: desk.begin(c, "hk-07", 1, "en", self.now))

    def pay(self, checkout: Checkout, person: str = "mina") -> Checkout:
        token = self.bank.issue_token(person, self.now.timestamp())
        return self.run(lambda c: desk.pay(c, checkout.link_id, "social", token, self.now))

    def view(self, checkout: Checkout) -> CheckoutView:
        return self.run(lambda c: view_of(c, checkout.link_id, self.now))

    def payment(self, checkout: Checkout) -> Payment:
        return self.run(lambda c: payments.load(c, checkout.payment_id))

    # ---- the kiosk -------------------------------------------------------------------------------------------------

    def hear(self) -> None:
        """The kiosk polls, and brings rows if it has any."""
        at = to_ms(self.now)
        self.run(lambda c: c.execute(update(kiosks).values(last_contact_ms=at, last_rows_ms=at)))

    def commands(self) -> list[Command]:
        self.hear()
        texts = self.run(lambda c: take_commands(c, "hk-07", self.now, SERVER_KEY)).commands
        read = [read_command(text, [SERVER_KEY.public_key()], "hk-07") for text in texts]
        return [command for command in read if command.kind is not CommandKind.UPDATE_LIST]

    def answer(
        self, command: Command, status: CommandStatus = CommandStatus.ACCEPTED, reason: str = "", of: str | None = None
    ) -> None:
        given = CommandAnswer(command.command_id, status, reason, of)

        def job(connection: Connection) -> None:
            if answer_command(connection, "hk-07", given, self.now) and status is not CommandStatus.ACCEPTED:
                release_hold(connection, command.command_id, self.now)

        self.run(job)

    def obey(self, kind: CommandKind) -> Command:
        """Take what is there, accept it all, and give the one of that kind."""
        found = None
        for command in self.commands():
            name = uuid.uuid4().hex if command.kind is CommandKind.START else None
            self.answer(command, of=name)
            if command.kind is kind:
                found = command
        assert found is not None, kind
        return found

    def story_of(self, start: Command, **how: object) -> list[TransactionEvent]:
        """What the kiosk writes for a start it obeyed."""
        assert start.offer is not None and start.account_id is not None
        story = charge(
            offer=start.offer,
            account_id=start.account_id,
            cap_minor=start.cap_minor,
            started_at=self.now,
            token_kind=TokenKind.CENTRAL,
            **how,  # type: ignore[arg-type]
        )
        assert story[0].authority is not None
        name = token_hash(TokenKind.CENTRAL, start.command_id)
        word = replace(story[0].authority, token_hash=name, command_id=start.command_id)
        return [replace(story[0], authority=word), *story[1:]]

    def unplugged(self, start: Command) -> list[TransactionEvent]:
        """Nobody came with a cable: begun, and ended without a watt-hour."""
        begun, *_, ended = self.story_of(start, minutes=1, wh_per_minute=0, stopped_reason=StoppedReason.TIMEOUT)
        idle = {"time_use": TimeUse.NONE, "charging_state": ChargingState.IDLE}
        return [
            replace(begun, **idle),  # type: ignore[arg-type]
            replace(ended, seq_no=1, total_incl_vat_minor=0, **idle),  # type: ignore[arg-type]
        ]

    def upload(self, story: list[TransactionEvent]) -> None:
        rows = rows_of(story, self.journal_no + 1)
        self.journal_no += len(rows)
        self.run(lambda c: take_rows(c, "hk-07", batch(rows), self.now))

    def started(self) -> tuple[Checkout, Command]:
        """A phone that paid and a kiosk that was told to start."""
        checkout = self.begin()
        self.obey(CommandKind.RESERVE)
        self.pay(checkout)
        self.work()
        return checkout, self.obey(CommandKind.START)

    def charged(self, **how: object) -> tuple[Checkout, list[TransactionEvent]]:
        """The same, charged to its end and settled."""
        checkout, start = self.started()
        story = self.story_of(start, **how)
        self.upload(story)
        self.work()
        return checkout, story

    def asking(self, token: str, transaction_id: str, evse_id: int = 1) -> AuthorizeRequest:
        receipt_id = uuid.uuid5(uuid.NAMESPACE_OID, transaction_id).hex
        order_id = f"order-of-{transaction_id}"
        return AuthorizeRequest(transaction_id, order_id, receipt_id, evse_id, TokenKind.DIRECT_PAYMENT, token)

    def begin_ask(self, token: str, transaction_id: str, evse_id: int = 1) -> None:
        """The provider is asked, and nobody is answered yet."""
        asked = self.asking(token, transaction_id, evse_id)
        payment_id = self.run(lambda c: begin_payment(c, "hk-07", asked, "social", self.now))
        if payment_id is not None:
            self.till.ask_now(payment_id)

    def ask(self, token: str, transaction_id: str = "t-1", evse_id: int = 1) -> AuthorizeAnswer:
        """A payment code read by the kiosk."""
        self.begin_ask(token, transaction_id, evse_id)
        asked = self.asking(token, transaction_id, evse_id)
        return self.run(lambda c: authorize(c, "hk-07", asked, self.now, SERVER_KEY))

    def direct_story(self, answer: AuthorizeAnswer, transaction_id: str) -> list[TransactionEvent]:
        """What the kiosk writes for a payment code that was accepted."""
        assert answer.offer is not None and answer.account_id is not None
        return charge(
            transaction_id=transaction_id,
            order_id=f"order-of-{transaction_id}",
            offer=answer.offer,
            account_id=answer.account_id,
            cap_minor=answer.cap_minor,
            started_at=self.now,
            token_kind=TokenKind.DIRECT_PAYMENT,
        )

    def going_on(self, one: list[TransactionEvent]) -> list[TransactionEvent]:
        """The part that follows `one`, which a power cut ended: same order, same word."""
        begun = one[0]
        assert begun.offer is not None
        own = charge(
            order_id=begun.order_id,
            receipt_id=begun.receipt_id,
            start_wh=one[-1].meter.import_wh,
            offer=begun.offer,
            started_at=self.now,
        )
        before = tuple(event.sample for event in one)
        total_minor = price_of_part(begun.offer, before, [event.sample for event in own]).incl_vat_minor
        word = replace(own[0], continues=Continuation(begun.transaction_id, before), authority=begun.authority)
        return [word, *own[1:-1], replace(own[-1], total_incl_vat_minor=total_minor)]

    def correct_down(self, story: list[TransactionEvent], wh: int) -> int:
        """A person takes the bill back and writes it anew with `wh` less. The new total, gross, in minor units."""
        ended = story[-1]
        meter = replace(ended.meter, import_wh=ended.meter.import_wh - wh)
        before = [event for event in story[:-1] if event.meter.import_wh <= meter.import_wh]
        less = [*before, replace(ended, meter=meter)]
        assert less[0].offer is not None
        amount = price_of_part(less[0].offer, (), samples_of(less))

        def job(connection: Connection) -> None:
            t = cdrs.c.transaction_id == ended.transaction_id
            first = connection.execute(cdrs.select().where(t, is_current())).one()
            credit(connection, first, self.now)
            write_cdr(
                connection, "hk-07", "by hand", site_of(connection, "hk-07"), less, samples_of(less), amount, self.now
            )
            note(connection, "hk-07", [], [ended.order_id], self.now)

        self.run(job)
        return amount.incl_vat_minor

    def disclaim(self, *transaction_ids: str) -> None:
        self.run(lambda c: disclaim(c, "hk-07", Disclaim(transaction_ids), self.now))

    # ---- the books -------------------------------------------------------------------------------------------------

    def bill(self, order_id: str) -> Bill | None:
        return self.run(lambda c: bill_of(c, order_id))

    def balance(self, kind: Kind, owner: str) -> int:
        return self.run(lambda c: book.balance(c, Account(kind, owner, "EUR")))

    def owed_by(self, checkout: Checkout) -> int:
        return self.balance(Kind.RECEIVABLE, checkout.payer)

    @property
    def mina_paid(self) -> int:
        return MINA_HAS - self.bank.balance("mina")

    @property
    def mina_held(self) -> int:
        return self.bank.balance("mina") - self.bank.available("mina", self.now.timestamp())

    def check(self) -> None:
        """Every proof there is: the ledger's own, every payment's, and ours against the bank's book."""
        assert self.run(proof.faults_of) == []
        assert self.run(payment_proof.faults_of) == []
        statement = reconcile.read_statement(self.bank.statement(self.now.timestamp()))
        assert self.run(lambda c: reconcile.differences(c, "social", "operator", statement)) == []
