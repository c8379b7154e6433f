"""Who may charge, where, up to what amount; and what happens to an Ask that comes to nothing."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, select

from billing.authorization import authorize, disclaim
from billing.commands import queue_command
from billing.directory import add_account, add_kiosk, add_token, block_account, block_token, set_offer
from billing.intake import take_rows
from billing.tables import quarantine
from billing.vouchers import new_voucher
from contract.api import AuthorizeAnswer, AuthorizeRequest, AuthorizeStatus, Command, CommandKind, Disclaim
from contract.identity import IdToken, TokenKind
from contract.tokens import Voucher, sign_voucher
from tests.billing.conftest import SERVER_KEY
from tests.billing.stories import CARD, NOON, OFFER, TARIFF, batch, charge, rows_of

ANNAS_CARD = IdToken(TokenKind.ISO14443, CARD)


def ask(token: str = CARD, kind: TokenKind = TokenKind.ISO14443, order_id: str | None = None) -> AuthorizeRequest:
    return AuthorizeRequest(uuid.uuid4().hex, order_id or uuid.uuid4().hex, uuid.uuid4().hex, 1, kind, token)


def decide(connection: Connection, request: AuthorizeRequest, kiosk_id: str = "hk-07") -> AuthorizeAnswer:
    return authorize(connection, kiosk_id, request, NOON, SERVER_KEY)


def second_kiosk(connection: Connection) -> str:
    kiosk_id = add_kiosk(connection, "HK-11", NOON)
    set_offer(connection, kiosk_id, 1, TARIFF.id, NOON, parking_grace_s=600)
    return kiosk_id


def test_a_known_card_gets_the_offer_of_its_evse(connection: Connection) -> None:
    answer = decide(connection, ask())

    assert (answer.status, answer.offer, answer.account_id) == (AuthorizeStatus.ACCEPTED, OFFER, "anna")


def test_a_member_code_is_a_token_like_a_card(connection: Connection) -> None:
    add_account(connection, "bert", NOON, cap_minor=5_000, group_id="family")
    add_token(connection, IdToken(TokenKind.MEMBER_CODE, "KM1.BERT"), "bert", NOON)
    answer = decide(connection, ask("KM1.BERT", TokenKind.MEMBER_CODE))

    assert (answer.account_id, answer.group_id, answer.cap_minor) == ("bert", "family", 5_000)
    assert decide(connection, ask("KM1.BERT", TokenKind.ISO14443)).status is AuthorizeStatus.UNKNOWN


def test_the_same_ask_gets_the_same_answer_even_after_a_change(connection: Connection) -> None:
    request = ask()
    first = decide(connection, request)
    block_token(connection, ANNAS_CARD, NOON)

    assert decide(connection, request) == first
    assert decide(connection, replace(request, evse_id=2)).status is AuthorizeStatus.INVALID
    assert decide(connection, ask()).status is AuthorizeStatus.BLOCKED


def test_unknown_and_blocked_are_refused_without_an_offer(connection: Connection) -> None:
    stranger = ask("FFFFFFFF")
    assert decide(connection, stranger) == AuthorizeAnswer(stranger.transaction_id, AuthorizeStatus.UNKNOWN)
    block_account(connection, "anna", NOON)
    answer = decide(connection, ask())
    assert answer.status is AuthorizeStatus.BLOCKED and answer.offer is None


def test_an_evse_without_an_offer_charges_nobody(connection: Connection) -> None:
    assert decide(connection, replace(ask(), evse_id=9)).status is AuthorizeStatus.NOT_AT_THIS_LOCATION


def test_a_card_in_use_at_another_kiosk_in_contact_is_refused(connection: Connection) -> None:
    other = second_kiosk(connection)
    take_rows(connection, other, batch(rows_of(charge())[:2]), NOON)

    assert decide(connection, ask()).status is AuthorizeStatus.CONCURRENT_TX
    late = authorize(connection, "hk-07", ask(), NOON + timedelta(hours=1), SERVER_KEY)
    assert late.status is AuthorizeStatus.ACCEPTED  # a silent kiosk strands nobody


def test_two_asks_of_one_card_at_two_kiosks_are_not_both_accepted(connection: Connection) -> None:
    other = second_kiosk(connection)
    first = ask()
    assert decide(connection, first, other).status is AuthorizeStatus.ACCEPTED
    assert decide(connection, ask()).status is AuthorizeStatus.CONCURRENT_TX

    disclaim(connection, other, Disclaim((first.transaction_id,)), NOON)
    assert decide(connection, ask()).status is AuthorizeStatus.ACCEPTED


def voucher_text(connection: Connection, kiosk_id: str = "hk-07", currency: str = "EUR") -> str:
    return new_voucher(connection, kiosk_id, 1_500, currency, NOON + timedelta(days=1), NOON, SERVER_KEY)


def test_a_voucher_gives_its_value_as_cap_to_one_order(connection: Connection) -> None:
    text = voucher_text(connection)
    request = ask(text, TokenKind.VOUCHER)
    answer = decide(connection, request)

    assert answer.status is AuthorizeStatus.ACCEPTED and answer.cap_minor == 1_500 and answer.voucher_id
    assert decide(connection, ask(text, TokenKind.VOUCHER)).status is AuthorizeStatus.NO_CREDIT
    again = ask(text, TokenKind.VOUCHER, request.order_id)
    assert decide(connection, again).status is AuthorizeStatus.ACCEPTED


def test_a_disclaimed_voucher_is_free_again_and_a_spent_one_is_not(connection: Connection) -> None:
    text = voucher_text(connection)
    given_up = ask(text, TokenKind.VOUCHER)
    decide(connection, given_up)
    disclaim(connection, "hk-07", Disclaim((given_up.transaction_id,)), NOON)
    used = ask(text, TokenKind.VOUCHER)
    voucher_id = decide(connection, used).voucher_id
    assert voucher_id is not None

    story = charge(transaction_id=used.transaction_id, order_id=used.order_id, voucher_id=voucher_id)
    take_rows(connection, "hk-07", batch(rows_of(story)), NOON)
    disclaim(connection, "hk-07", Disclaim((used.transaction_id,)), NOON)
    assert decide(connection, ask(text, TokenKind.VOUCHER)).status is AuthorizeStatus.NO_CREDIT


def test_a_voucher_spent_offline_by_two_orders_is_written_down(connection: Connection) -> None:
    text = voucher_text(connection)
    voucher_id = decide(connection, ask(text, TokenKind.VOUCHER)).voucher_id
    for _ in range(2):
        take_rows(connection, "hk-07", batch(rows_of(charge(voucher_id=voucher_id))), NOON)

    assert connection.execute(select(quarantine.c.code)).scalars().all() == ["voucher_twice"]


def test_vouchers_that_do_not_hold_here_are_refused_by_reason(connection: Connection) -> None:
    def status(voucher: Voucher, key: Ed25519PrivateKey = SERVER_KEY) -> AuthorizeStatus:
        return decide(connection, ask(sign_voucher(voucher, key), TokenKind.VOUCHER)).status

    good = Voucher("v", "hk-07", 100, "EUR", NOON + timedelta(days=1))
    assert status(good, Ed25519PrivateKey.generate()) is AuthorizeStatus.INVALID
    assert status(replace(good, kiosk_id="hk-11")) is AuthorizeStatus.NOT_AT_THIS_LOCATION
    assert status(replace(good, valid_until=NOON)) is AuthorizeStatus.EXPIRED
    assert status(replace(good, currency="JPY")) is AuthorizeStatus.INVALID
    assert status(good) is AuthorizeStatus.ACCEPTED


def test_a_start_command_authorises_until_it_expires(connection: Connection) -> None:
    command = Command("", CommandKind.START, 60, evse_id=1, account_id="anna", offer=OFFER, cap_minor=900)
    command_id = queue_command(connection, "hk-07", command, NOON)
    answer = decide(connection, ask(command_id, TokenKind.CENTRAL))

    assert (answer.status, answer.account_id, answer.cap_minor) == (AuthorizeStatus.ACCEPTED, "anna", 900)
    late = authorize(connection, "hk-07", ask(command_id, TokenKind.CENTRAL), NOON + timedelta(seconds=61), SERVER_KEY)
    assert late.status is AuthorizeStatus.EXPIRED
