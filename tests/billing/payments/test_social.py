"""The social server's words become sights and refusals; whatever is unsure stays unsure."""

from __future__ import annotations

import hashlib
import hmac
import time

import pytest

from billing.payments.payment import Payment, answered, billed, next_request, seen
from billing.payments.provider import Hold, HoldState, Look, LookByKey, Nothing, Refused, Sight, Unknown
from billing.payments.social import BadWebhook, SocialAccess, SocialProvider, read_webhook
from tests.social_server import MERCHANT_SECRET, WEBHOOK_SECRET, Running


def provider_of(social: Running, secret: str = MERCHANT_SECRET) -> SocialProvider:
    return SocialProvider(SocialAccess(social.url, secret, WEBHOOK_SECRET, "operator"))


def test_a_charge_is_held_captured_and_remitted_over_the_wire(social: Running) -> None:
    payment = Payment("p1", "o1", social.bank.issue_token("mina", time.time()), 5_000, "EUR")
    for bill in (None, 1_234):
        if bill is not None:
            payment = billed(payment, bill, {"cpo": 1_000, "operator": 234}, "12.34 EUR")
        request = next_request(payment)
        assert request is not None
        payment = answered(payment, request, provider_of(social).ask(request), 0.0)

    assert next_request(payment) is None and payment.owed_minor == 0
    assert social.bank.balance("cpo") == 1_000 and social.bank.balance("mina") == 10_000 - 1_234


def test_a_lost_answer_is_unknown_and_the_next_try_tells(social: Running) -> None:
    hold = Hold("k", social.bank.issue_token("mina", time.time()), 500, "EUR", "o")
    social.server.mood.trouble.loses_answer = 1.0
    assert isinstance(provider_of(social).ask(hold), Unknown)
    social.server.mood.trouble.loses_answer = 0.0

    found = provider_of(social).ask(LookByKey("k"))
    assert isinstance(found, Sight) and found == provider_of(social).ask(hold) == provider_of(social).ask(
        Look(found.hold_ref)
    )
    assert provider_of(social).ask(LookByKey("other")) == Nothing()


def test_a_refusal_is_told_from_an_outage_and_from_our_own_bad_password(social: Running) -> None:
    poor = Hold("k", social.bank.issue_token("mina", time.time()), 10_001, "EUR", "o")
    refused = provider_of(social).ask(poor)
    assert isinstance(refused, Refused) and refused.code == "insufficient_funds"

    social.server.mood.trouble.is_down = True
    assert isinstance(provider_of(social).ask(poor), Unknown)
    assert isinstance(provider_of(social, "wrong").ask(poor), Unknown)
    nobody = SocialProvider(SocialAccess("http://127.0.0.1:9", MERCHANT_SECRET, WEBHOOK_SECRET, "operator"))
    assert isinstance(nobody.ask(poor), Unknown)


def test_a_webhook_that_comes_before_the_answer_is_read_and_believed(social: Running) -> None:
    token = social.bank.issue_token("mina", time.time())
    payment = Payment("p1", "o1", token, 500, "EUR")
    provider_of(social).ask(Hold("p1/hold", token, 500, "EUR", "o1"))
    social.wait_for_webhooks(1)
    header, body = social.got[0]

    event_id, payment_id, sight = read_webhook(body, header, WEBHOOK_SECRET, time.time())

    assert (
        event_id and payment_id == "o1" and seen(payment, sight).is_authorised and sight.state is HoldState.AUTHORISED
    )


@pytest.mark.parametrize("fault", ["signature", "too old", "too early", "no event", "no header", "too long"])
def test_a_webhook_that_is_not_the_social_servers_is_not_believed(fault: str) -> None:
    now_s, body, secret = 1_800_000_000, b'{"id":"e1"}', WEBHOOK_SECRET
    sent = {"too old": now_s - 301, "too early": now_s + 301}.get(fault, now_s)
    body = b"x" * 70_000 if fault == "too long" else body
    if fault == "signature":
        secret = b"guess"
    mac = hmac.new(secret, f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
    header = "" if fault == "no header" else f"t={sent},v1={mac}"

    with pytest.raises(BadWebhook):
        read_webhook(body, header, WEBHOOK_SECRET, now_s)
