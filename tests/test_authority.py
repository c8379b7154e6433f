"""What a kiosk may decide alone, and what it must not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.api import AuthorizeAnswer, AuthorizeStatus, PaymentRefusal
from contract.identity import IdToken, TokenKind
from contract.tariff import Dimension
from contract.tokens import AuthorizationList, ForgedText, LaterOffer, ListEntry, Voucher, sign_list, sign_voucher
from contract.transaction import token_hash
from kiosk.authority import Knowledge, decide, precheck, read_answer
from kiosk.session.events import Ask, Authorized, Ids, Refused
from kiosk.session.snapshot import NoticeCode
from tests.session.bench import ENERGY_ONLY, offer_of

KEY = Ed25519PrivateKey.from_private_bytes(b"\x03" * 32)
THIEF = Ed25519PrivateKey.from_private_bytes(b"\x04" * 32)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOBODY: frozenset[str] = frozenset()


def card(value: str) -> IdToken:
    return IdToken(TokenKind.ISO14443, value)


def entry(value: str, account: str, cap_minor: int, **changes: object) -> ListEntry:
    made = ListEntry(token_hash(TokenKind.ISO14443, value), account, cap_minor)
    return replace(made, **changes)  # type: ignore[arg-type]


def a_list(version: int = 5, kiosk_id: str = "hk-07") -> AuthorizationList:
    return AuthorizationList(
        kiosk_id,
        version,
        NOON - timedelta(days=1),
        NOON + timedelta(days=1),
        {"1": ENERGY_ONLY},
        (
            entry("ANNA", "anna", 2000, group_id="fleet"),
            entry("BEN", "ben", 2000, is_blocked=True),
            entry("CLEO", "cleo", 0),
        ),
    )


def knowing(text: str = "", spent: tuple[str, ...] = ()) -> Knowledge:
    bare = Knowledge("hk-07", (KEY.public_key(),)).with_spent(spent)
    return bare.with_list(text or sign_list(a_list(), KEY))


def ask(token: IdToken, evse_id: int = 1) -> Ask:
    return Ask(Ids("tx-1", "order-1", "receipt-1", "4711"), evse_id, token)


def voucher(**changes: object) -> IdToken:
    made = replace(Voucher("v-1", "hk-07", 1500, "EUR", NOON + timedelta(days=1)), **changes)  # type: ignore[arg-type]
    return IdToken(TokenKind.VOUCHER, sign_voucher(made, KEY))


def test_a_known_card_gets_its_account_its_cap_and_the_offer_of_the_list() -> None:
    answer = decide(knowing(), ask(card("ANNA")), NOON, NOBODY)

    assert isinstance(answer, Authorized)
    assert answer.offline
    assert answer.offer == ENERGY_ONLY
    word = answer.authority
    assert (word.account_id, word.group_id, word.cap_minor, word.voucher_id) == ("anna", "fleet", 2000, None)
    assert word.token_hash == token_hash(TokenKind.ISO14443, "ANNA")


@pytest.mark.parametrize(
    ("token", "evse_id", "in_use", "when", "code"),
    [
        (card("NOBODY"), 1, NOBODY, NOON, NoticeCode.UNKNOWN_TOKEN),
        (IdToken(TokenKind.MEMBER_CODE, "ANNA"), 1, NOBODY, NOON, NoticeCode.UNKNOWN_TOKEN),
        (card("BEN"), 1, NOBODY, NOON, NoticeCode.BLOCKED_TOKEN),
        (card("CLEO"), 1, NOBODY, NOON, NoticeCode.NO_CREDIT),
        (card("ANNA"), 2, NOBODY, NOON, NoticeCode.NO_ANSWER),
        (card("ANNA"), 1, frozenset({"anna"}), NOON, NoticeCode.ALREADY_CHARGING),
        (card("ANNA"), 1, NOBODY, NOON + timedelta(days=1), NoticeCode.NO_ANSWER),
        (card("BEN"), 1, NOBODY, NOON + timedelta(days=2), NoticeCode.BLOCKED_TOKEN),
    ],
)
def test_what_the_list_does_not_allow_is_refused_with_the_reason(
    token: IdToken, evse_id: int, in_use: frozenset[str], when: datetime, code: NoticeCode
) -> None:
    assert decide(knowing(), ask(token, evse_id), when, in_use) == Refused("tx-1", code)


def test_a_price_that_was_published_for_later_holds_from_its_moment_on_with_no_server_to_ask() -> None:
    dearer = offer_of((Dimension.ENERGY, "0.80", 1))
    newer = replace(a_list(), later=(LaterOffer(NOON + timedelta(minutes=5), 1, dearer),))
    alone = knowing(sign_list(newer, KEY))

    sold = [decide(alone, ask(card("ANNA")), NOON + timedelta(minutes=m), NOBODY) for m in (0, 4, 5, 60)]
    assert [isinstance(one, Authorized) and one.offer for one in sold] == [ENERGY_ONLY, ENERGY_ONLY, dearer, dearer]


def test_without_a_list_nothing_is_sold() -> None:
    bare = Knowledge("hk-07", (KEY.public_key(),))

    assert decide(bare, ask(card("ANNA")), NOON, NOBODY) == Refused("tx-1", NoticeCode.NO_ANSWER)
    assert bare.offers() == {}


def test_a_voucher_is_worth_its_value_once() -> None:
    answer = decide(knowing(), ask(voucher()), NOON, NOBODY)

    assert isinstance(answer, Authorized)
    assert (answer.authority.voucher_id, answer.authority.cap_minor) == ("v-1", 1500)
    again = decide(knowing(spent=("v-1",)), ask(voucher()), NOON, NOBODY)
    assert again == Refused("tx-1", NoticeCode.SPENT_VOUCHER)


BAD_VOUCHERS = [
    (IdToken(TokenKind.VOUCHER, "KV1.AAAA.AAAA"), NoticeCode.FORGED_VOUCHER),
    (IdToken(TokenKind.VOUCHER, "KV1.É.A"), NoticeCode.FORGED_VOUCHER),
    (
        IdToken(TokenKind.VOUCHER, sign_voucher(Voucher("v", "hk-07", 1, "EUR", NOON + timedelta(days=1)), THIEF)),
        NoticeCode.FORGED_VOUCHER,
    ),
    (voucher(kiosk_id="hk-08"), NoticeCode.VOUCHER_FOR_OTHER_KIOSK),
    (voucher(valid_until=NOON), NoticeCode.EXPIRED_TOKEN),
]


@pytest.mark.parametrize(("token", "code"), BAD_VOUCHERS)
def test_a_bad_voucher_is_refused_here_whatever_the_server_says(token: IdToken, code: NoticeCode) -> None:
    assert precheck(knowing(), ask(token), NOON) == Refused("tx-1", code)
    assert decide(knowing(), ask(token), NOON, NOBODY) == Refused("tx-1", code)


def test_a_good_voucher_and_any_card_pass_the_precheck() -> None:
    for token in (voucher(), card("NOBODY")):
        assert precheck(knowing(), ask(token), NOON) is None


def test_a_voucher_of_another_currency_buys_nothing() -> None:
    assert decide(knowing(), ask(voucher(currency="CHF")), NOON, NOBODY) == Refused("tx-1", NoticeCode.FORGED_VOUCHER)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (sign_list(a_list(4), KEY), "version 4 is older than 5"),
        (sign_list(a_list(6, kiosk_id="hk-08"), KEY), "list for kiosk hk-08"),
        (sign_list(a_list(6), THIEF), "signature does not match"),
        ("KL1.AAAA.AAAA", "signature does not match"),
        ("", "not a authorization_list text"),
    ],
)
def test_a_list_of_others_or_an_older_one_is_refused_and_the_old_one_stands(text: str, message: str) -> None:
    known = knowing()

    with pytest.raises(ForgedText, match=message):
        known.with_list(text)
    assert known.entry(card("ANNA")) is not None


def test_a_newer_list_replaces_the_cards_and_keeps_what_was_spent() -> None:
    newer = replace(a_list(6), entries=(entry("DORA", "dora", 100),))

    known = knowing(spent=("v-1",)).with_list(sign_list(newer, KEY))

    assert known.entry(card("ANNA")) is None
    assert known.entry(card("DORA")) is not None
    assert known.spent_vouchers == {"v-1"}


def test_an_acceptance_of_the_server_is_taken_word_for_word() -> None:
    offer = offer_of()
    accepted = AuthorizeAnswer("tx-1", AuthorizeStatus.ACCEPTED, offer, "anna", "fleet", "v-9", 700)

    answer = read_answer(ask(card("ANNA")), accepted)

    assert isinstance(answer, Authorized)
    assert not answer.offline
    assert answer.offer == offer
    word = answer.authority
    assert (word.account_id, word.group_id, word.voucher_id, word.cap_minor) == ("anna", "fleet", "v-9", 700)


@pytest.mark.parametrize("changes", [{"offer": None}, {"account_id": None}])
def test_an_acceptance_that_lacks_what_is_sold_or_to_whom_is_none(changes: dict[str, None]) -> None:
    accepted = AuthorizeAnswer("tx-1", AuthorizeStatus.ACCEPTED, ENERGY_ONLY, "anna")

    assert read_answer(ask(card("ANNA")), replace(accepted, **changes)) == Refused("tx-1", NoticeCode.NO_ANSWER)


@pytest.mark.parametrize("status", [s for s in AuthorizeStatus if s is not AuthorizeStatus.ACCEPTED])
def test_every_refusal_of_the_server_has_words_on_the_screen(status: AuthorizeStatus) -> None:
    answer = read_answer(ask(card("ANNA")), AuthorizeAnswer("tx-1", status))

    assert isinstance(answer, Refused)


def test_no_credit_on_a_voucher_means_it_was_spent() -> None:
    refused = AuthorizeAnswer("tx-1", AuthorizeStatus.NO_CREDIT)

    assert read_answer(ask(voucher()), refused) == Refused("tx-1", NoticeCode.SPENT_VOUCHER)
    assert read_answer(ask(card("ANNA")), refused) == Refused("tx-1", NoticeCode.NO_CREDIT)


@pytest.mark.parametrize("lacking", [{"cap_minor": None}, {"voucher_id": None}])
def test_an_accepted_voucher_without_a_value_is_refused_for_it_would_be_worth_anything(lacking: Any) -> None:
    accepted = AuthorizeAnswer(
        "tx-1", AuthorizeStatus.ACCEPTED, ENERGY_ONLY, "voucher:v-1", voucher_id="v-1", cap_minor=900
    )

    assert isinstance(read_answer(ask(voucher()), accepted), Authorized)
    assert read_answer(ask(voucher()), replace(accepted, **lacking)) == Refused("tx-1", NoticeCode.NO_ANSWER)


def test_offline_credit_is_the_cap_in_all_however_often_the_card_is_used() -> None:
    once = decide(knowing().with_drawn("anna", 1500), ask(card("ANNA")), NOON, NOBODY)
    spent = decide(knowing().with_drawn("anna", 1500).with_drawn("anna", 500), ask(card("ANNA")), NOON, NOBODY)

    assert isinstance(once, Authorized) and once.authority.cap_minor == 500
    assert isinstance(spent, Refused) and spent.code is NoticeCode.NO_CREDIT


# ---- a payment app's code ---------------------------------------------------------------------------------------

PAYMENT = IdToken(TokenKind.DIRECT_PAYMENT, "spay:lena:1")


def test_a_payment_code_is_never_trusted_without_the_server() -> None:
    assert decide(knowing(), ask(PAYMENT), NOON, NOBODY) == Refused("tx-1", NoticeCode.PAYMENT_OFFLINE)
    asked = decide(knowing(), ask(PAYMENT), NOON, NOBODY, was_sent=True)
    assert asked == Refused("tx-1", NoticeCode.PAYMENT_NO_ANSWER)


@pytest.mark.parametrize("reason", PaymentRefusal)
def test_every_reason_of_a_refused_payment_code_has_words_of_its_own(reason: PaymentRefusal) -> None:
    answers = [
        read_answer(ask(PAYMENT), AuthorizeAnswer("tx-1", status, reason=reason))
        for status in AuthorizeStatus
        if status is not AuthorizeStatus.ACCEPTED
    ]

    assert len(set(answers)) == 1
    assert isinstance(answers[0], Refused) and answers[0].code.name.startswith("PAYMENT_")
    others = [
        read_answer(ask(PAYMENT), AuthorizeAnswer("tx-1", AuthorizeStatus.INVALID, reason=r)) for r in PaymentRefusal
    ]
    assert others.count(answers[0]) == 1


def test_a_payment_code_without_a_reason_or_without_a_held_amount_starts_nothing() -> None:
    bare = read_answer(ask(PAYMENT), AuthorizeAnswer("tx-1", AuthorizeStatus.UNKNOWN))
    assert bare == Refused("tx-1", NoticeCode.PAYMENT_DECLINED)
    accepted = AuthorizeAnswer("tx-1", AuthorizeStatus.ACCEPTED, ENERGY_ONLY, "payment:1")
    assert read_answer(ask(PAYMENT), accepted) == Refused("tx-1", NoticeCode.PAYMENT_NO_ANSWER)
    held = read_answer(ask(PAYMENT), replace(accepted, cap_minor=2_000))

    assert isinstance(held, Authorized) and held.authority.is_guest and held.authority.cap_minor == 2_000
