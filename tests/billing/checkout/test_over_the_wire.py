"""The same over real HTTP: the server as it serves, the social server with its webhooks, a kiosk that signs."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, select

from billing import enrolment
from billing.checkout import desk, reconcile
from billing.checkout.checkout import Checkout
from billing.checkout.view import CheckoutView, Step, view_of
from billing.database import open_database
from billing.payments.social import SocialAccess
from billing.payments.tables import payments
from billing.settings import Settings, server_time
from billing.settlement import proof
from contract.api import (
    AuthorizeAnswer,
    AuthorizeRequest,
    AuthorizeStatus,
    CommandAnswer,
    Commands,
    CommandStatus,
    EnrolRequest,
)
from contract.codec import from_bytes
from contract.commands import Command, CommandKind, read_command
from contract.identity import TokenKind
from contract.transaction import TransactionEvent, token_hash
from sim.social.postman import Webhook
from tests.billing.client import Kiosk, running
from tests.billing.conftest import SERVER_KEY
from tests.billing.stories import batch, charge, rows_of
from tests.social_server import MERCHANT_SECRET, WEBHOOK_SECRET
from tests.social_server import Running as Social
from tests.social_server import running as social_running

PATIENCE_S = 30.0


@dataclass
class Street:
    url: str
    engine: Engine
    social: Social
    kiosk: Kiosk
    access: SocialAccess

    def wait(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert what()

    def obey(self, kind: CommandKind) -> Command:
        answer = self.kiosk.send("GET", "/v1/commands?wait_s=20")
        found = None
        for text in from_bytes(Commands, answer.content).commands:
            command = read_command(text, [SERVER_KEY.public_key()], "hk-07")
            self.kiosk.send("POST", "/v1/commands/answer", CommandAnswer(command.command_id, CommandStatus.ACCEPTED))
            found = command if command.kind is kind else found
        return found or self.obey(kind)

    def view(self, checkout: Checkout) -> CheckoutView:
        with self.engine.begin() as connection:
            return view_of(connection, checkout.link_id, server_time())

    def charged(self, story: list[TransactionEvent]) -> None:
        assert self.kiosk.send("POST", "/v1/rows", batch(rows_of(story))).status_code == 200

    def differences(self) -> list[str]:
        with self.engine.begin() as connection:
            assert proof.faults_of(connection) == []
            return reconcile.differences(connection, "social", "harbour", reconcile.fetch(self.access))


@pytest.fixture
def street(database_url: str) -> Iterator[Street]:
    engine = open_database(database_url)
    with social_running() as social:
        access = SocialAccess(social.url, MERCHANT_SECRET, WEBHOOK_SECRET, "harbour")
        with running(Settings(database_url, SERVER_KEY, social=access)) as url:
            social.server.send_webhooks_to(Webhook(f"{url}/hooks/social", WEBHOOK_SECRET))
            kiosk = Kiosk(url, key=Ed25519PrivateKey.generate())
            with engine.begin() as connection:
                code = enrolment.new_code(connection, "hk-07", server_time())
            asked = EnrolRequest(code, kiosk.public_key, kiosk.serial)
            requests.post(f"{url}/v1/enrol", data=json.dumps(vars_of(asked)), timeout=30).raise_for_status()
            kiosk.send("GET", "/v1/commands?wait_s=0")
            yield Street(url, engine, social, kiosk, access)
    engine.dispose()


def vars_of(asked: EnrolRequest) -> dict[str, str]:
    return {"code": asked.code, "public_key": asked.public_key, "board_serial": asked.board_serial}


@pytest.mark.parametrize("mood", ["fair", "foul"])
def test_a_phone_pays_over_the_wire_and_both_books_agree_to_the_cent(street: Street, mood: str) -> None:
    if mood == "foul":
        trouble = street.social.server.mood.trouble
        trouble.loses_answer, trouble.refuses, trouble.repeats_webhook, trouble.shuffles_webhooks = 0.4, 0.3, 0.5, True
    with street.engine.begin() as connection:
        checkout = desk.begin(connection, "hk-07", 1, "en", server_time())
    street.obey(CommandKind.RESERVE)
    token = street.social.bank.issue_token("mina", time.time())
    with street.engine.begin() as connection:
        desk.pay(connection, checkout.link_id, "social", token, server_time())
    start = street.obey(CommandKind.START)
    assert start.offer is not None
    story = charge(offer=start.offer, account_id=checkout.payer, token_kind=TokenKind.CENTRAL, started_at=server_time())
    assert story[0].authority is not None
    name = token_hash(TokenKind.CENTRAL, start.command_id)
    story[0] = replace(story[0], authority=replace(story[0].authority, token_hash=name, command_id=start.command_id))
    street.charged(story)
    street.wait(lambda: street.view(checkout).step is Step.FINISHED and street.view(checkout).money.taken_minor > 0)

    done, bank = street.view(checkout), street.social.bank
    assert done.money.taken_minor == story[-1].total_incl_vat_minor
    assert 10_000 - bank.balance("mina") == done.money.taken_minor and len(bank.holds) == 1
    street.wait(lambda: street.differences() == [])


def test_a_payment_code_is_held_at_the_provider_before_the_kiosk_is_answered(street: Street) -> None:
    token = street.social.bank.issue_token("mina", time.time())
    asked = AuthorizeRequest("t-1", "o-1", "0123456789abcdef0123456789abcdef", 1, TokenKind.DIRECT_PAYMENT, token)
    answers = [from_bytes(AuthorizeAnswer, street.kiosk.send("POST", "/v1/authorize", asked).content) for _ in "ab"]

    assert answers[0].status is AuthorizeStatus.ACCEPTED and answers[0] == answers[1]
    assert answers[0].cap_minor == 4_000 and len(street.social.bank.holds) == 1


def test_a_webhook_that_is_not_signed_is_not_believed_and_one_that_is_changes_the_payment(street: Street) -> None:
    body = b'{"id":"e1"}'
    url = f"{street.url}/hooks/social"
    assert requests.post(url, body, timeout=30).status_code == 400
    sent = int(time.time()) - 400
    mac = hmac.new(WEBHOOK_SECRET, f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
    old = requests.post(url, body, headers={"Social-Signature": f"t={sent},v1={mac}"}, timeout=30)
    assert old.status_code == 400 and "outside" in old.json()["error"]
    token = street.social.bank.issue_token("mina", time.time())
    asked = AuthorizeRequest("t-1", "o-1", "0123456789abcdef0123456789abcdef", 1, TokenKind.DIRECT_PAYMENT, token)
    street.social.server.mood.trouble.loses_answer = 1.0  # acts, and only the webhook tells
    answer = from_bytes(AuthorizeAnswer, street.kiosk.send("POST", "/v1/authorize", asked).content)

    def stage() -> str:
        with street.engine.begin() as connection:
            return str(connection.execute(select(payments.c.stage)).scalar())

    assert answer.status in (AuthorizeStatus.UNKNOWN, AuthorizeStatus.ACCEPTED)
    if answer.status is AuthorizeStatus.UNKNOWN:  # refused, for want of an answer; the hold is found out and released
        street.social.server.mood.trouble.loses_answer = 0.0
        street.wait(lambda: stage() == "released")
        assert street.social.bank.available("mina", time.time()) == 10_000
