"""The Stripe adapter against two processes: localstripe for holds, captures, refunds and its signed webhooks, and our
own stand-in for what localstripe has not: transfers, idempotency keys, fees, search, disputes and lost answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from billing.cli import main
from billing.database import open_database
from billing.payments import store
from billing.payments.payment import Payment, RefundWish, answered, billed, given_up, next_request, refunded
from billing.payments.provider import (
    Capture,
    Hold,
    HoldState,
    Look,
    LookByKey,
    Nothing,
    Refund,
    Refused,
    Release,
    Sight,
    Unknown,
)
from billing.payments.stripe_access import StripeAccess
from billing.payments.stripe_provider import BadStripeWebhook, StripeProvider, read_event
from billing.settings import Settings, read_settings
from tests.billing.client import running
from tests.billing.conftest import SERVER_KEY
from tests.billing.stories import NOON
from tests.stripe_servers import NotInstalled, running_localstripe, running_stand_in

PATIENCE_S = 30.0
SECRET = "whsec_test"
PARTNER = {"cpo": "acct_cpo", "host": "acct_host"}


@pytest.fixture(scope="module")
def localstripe() -> Iterator[str]:
    try:
        with running_localstripe() as url:
            yield url
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def stand_in_url() -> Iterator[str]:
    with running_stand_in() as url:
        yield url


class StandIn:
    """The other side: its troubles and its books."""

    def __init__(self, url: str) -> None:
        self.url = url

    def trouble(self, **wish: Any) -> None:
        assert requests.post(f"{self.url}/sim/trouble", json=wish, timeout=10).json() == wish

    def books(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.url}/sim/books", timeout=10).json()
        return found

    def provider(self, **changes: Any) -> StripeProvider:
        access = StripeAccess("sk_test_12345", SECRET, "operator", PARTNER, self.url)
        return StripeProvider(replace(access, **changes))


@pytest.fixture
def stand_in(stand_in_url: str) -> Iterator[StandIn]:
    found = StandIn(stand_in_url)
    before = found.books()["balances"]
    yield found
    found.trouble(
        answers_first=0, loses_answers=0, is_down=False, hides_fee=False, refuses_transfers=False, forgets_keys=False
    )  # as it was for the next
    assert sum(found.books()["balances"].values()) == 0 == sum(before.values())


def on_localstripe(url: str) -> StripeProvider:
    return StripeProvider(StripeAccess("sk_test_12345", SECRET, url=url, has_search=False))


def moved(stand_in: StandIn, before: dict[str, int]) -> dict[str, int]:
    now = stand_in.books()["balances"]
    return {name: now[name] - before.get(name, 0) for name in now if now[name] != before.get(name, 0)}


def go_on(payment: Payment, provider: StripeProvider, most: int = 10) -> Payment:
    """As the cashier does, without its pauses."""
    for _ in range(most):
        request = next_request(payment)
        if request is None:
            return payment
        payment = answered(payment, request, provider.ask(request), 1e9)
    raise AssertionError(f"no rest: {payment.last_error}")


# ---- localstripe -----------------------------------------------------------------------------------------------------


def test_a_charge_is_held_captured_for_less_and_refunded_in_part(localstripe: str) -> None:
    provider = on_localstripe(localstripe)
    payment = go_on(Payment("p1", "p1", "pm_card_visa", 5_000, "EUR"), provider)
    assert payment.is_authorised and payment.sight is not None and payment.sight.held_minor == 5_000

    payment = go_on(billed(payment, 1_234, {"operator": 1_234}, "12.34 EUR"), provider)
    assert payment.sight is not None and payment.sight.state is HoldState.CAPTURED
    assert (payment.sight.captured_minor, payment.sight.refunded_minor, payment.owed_minor) == (1_234, 0, 0)

    payment = go_on(refunded(payment, RefundWish(200, {"operator": 200}, "too much")), provider)
    assert payment.sight is not None and payment.sight.refunded_minor == 200


def test_a_charge_that_never_began_is_released_also_when_the_holds_answer_was_lost(localstripe: str) -> None:
    provider = on_localstripe(localstripe)
    held = go_on(Payment("p2", "p2", "pm_card_visa", 700, "EUR"), provider)
    released = go_on(given_up(held), provider)
    assert released.sight is not None and released.sight.state is HoldState.RELEASED

    assert isinstance(provider.ask(Hold("p3/hold", "pm_card_visa", 800, "EUR", "p3")), Sight)
    lost = go_on(given_up(Payment("p3", "p3", "pm_card_visa", 800, "EUR", asked_s=0.0)), provider)
    assert lost.sight is not None and (lost.sight.state, lost.sight.held_minor) == (HoldState.RELEASED, 800)
    assert provider.ask(LookByKey("p4/hold")) == Nothing()


def test_refusals_are_told_apart_from_outages(localstripe: str) -> None:
    provider = on_localstripe(localstripe)
    declined = provider.ask(Hold("k1", "pm_card_chargeCustomerFail", 500, "EUR", "p5"))
    unknown = provider.ask(Hold("k2", "pm_no_such_card", 500, "EUR", "p6"))
    nobody = StripeProvider(StripeAccess("sk_test_12345", SECRET, url="http://127.0.0.1:9"))
    our_bad_key = StripeProvider(StripeAccess("pk_wrong", SECRET, url=localstripe))

    assert isinstance(declined, Refused) and declined.code == "blocked"
    assert isinstance(unknown, Refused) and unknown.code == "unknown_token"
    assert isinstance(nobody.ask(Hold("k3", "pm_card_visa", 500, "EUR", "p7")), Unknown)
    assert isinstance(our_bad_key.ask(Hold("k4", "pm_card_visa", 500, "EUR", "p8")), Unknown)


def test_what_is_captured_cannot_be_released_and_what_is_released_cannot_be_captured(localstripe: str) -> None:
    provider = on_localstripe(localstripe)
    refs = []
    for name in ("p9", "p10"):
        sight = provider.ask(Hold(f"{name}/hold", "pm_card_visa", 500, "EUR", name))
        assert isinstance(sight, Sight)
        refs.append(sight.hold_ref)
    provider.ask(Capture("p9/capture", refs[0], 500, {"operator": 500}, ""))
    provider.ask(Release("p10/release", refs[1]))

    late_release = provider.ask(Release("p9/release", refs[0]))
    late_capture = provider.ask(Capture("p10/capture", refs[1], 500, {"operator": 500}, ""))
    assert isinstance(late_release, Refused) and late_release.code == "hold_ended"
    assert isinstance(late_capture, Refused) and late_capture.code == "hold_ended"
    assert isinstance(provider.ask(Refund("p10/refund/1", refs[1], 5, {"operator": 5}, "")), Refused)


def test_a_webhook_of_stripe_is_believed_by_its_signature_and_looked_up(localstripe: str) -> None:
    got: list[tuple[bytes, str]] = []
    came = threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            if b'"p11"' in body:  # not a late one of another test's payment
                got.append((body, self.headers["Stripe-Signature"]))
                came.set()

        def log_message(self, *_: object) -> None:
            pass

    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    hook = {"url": f"http://127.0.0.1:{receiver.server_port}/", "secret": SECRET}
    requests.post(f"{localstripe}/_config/webhooks/ours", json=hook, timeout=10).raise_for_status()
    provider = on_localstripe(localstripe)
    payment = go_on(Payment("p11", "p11", "pm_card_visa", 900, "EUR"), provider)
    go_on(billed(payment, 900, {"operator": 900}, ""), provider)
    assert came.wait(PATIENCE_S)
    receiver.shutdown()
    receiver.server_close()
    body, header = got[0]

    told = provider.read_webhook(body, header)
    assert told is not None and told[1] == "p11"
    assert isinstance(told[2], Sight) and told[2].captured_minor == 900
    for bad_body, bad_header in ((body + b" ", header), (body, "t=1,v1=00"), (body, ""), (b"x" * 300_000, header)):
        with pytest.raises(BadStripeWebhook):
            read_event(bad_body, bad_header, SECRET)
    with pytest.raises(BadStripeWebhook):
        read_event(body, header, "whsec_other")


# ---- what localstripe has not ----------------------------------------------------------------------------------------


def test_a_capture_is_remitted_to_every_partner_and_a_refund_takes_their_parts_back(stand_in: StandIn) -> None:
    provider, before = stand_in.provider(), stand_in.books()["balances"]
    payment = go_on(Payment("s1", "s1", "pm_ok", 5_000, "EUR"), provider)
    payment = go_on(billed(payment, 2_000, {"cpo": 1_200, "host": 300, "operator": 500}, "20.00 EUR"), provider)

    assert payment.sight is not None and payment.sight.fee_minor == 53
    assert payment.sight.split == {"cpo": 1_200, "host": 300, "operator": 500}
    gone = {"cards": -2_000, "acct_cpo": 1_200, "acct_host": 300, "platform": 500 - 53, "stripe's fees": 53}
    assert moved(stand_in, before) == gone

    payment = go_on(refunded(payment, RefundWish(1_000, {"cpo": 700, "operator": 300}, "slow")), provider)
    assert payment.sight.refunded_minor == 1_000
    gone |= {"cards": -1_000, "acct_cpo": 500, "platform": 200 - 53}
    assert moved(stand_in, before) == gone


@pytest.mark.parametrize("first", range(5))
@pytest.mark.parametrize("forgets_keys", [False, True])
def test_whichever_answer_is_lost_money_moves_once(stand_in: StandIn, first: int, forgets_keys: bool) -> None:
    """The split's, the capture's, the transfer's, the refund's, the reversal's; also when Stripe has forgotten the keys
    meanwhile, as it does after a day."""
    provider, before = stand_in.provider(), stand_in.books()["balances"]
    name = f"s2/{first}/{forgets_keys}"
    payment = go_on(Payment(name, name, "pm_ok", 5_000, "EUR"), provider)
    stand_in.trouble(answers_first=first, loses_answers=2, forgets_keys=forgets_keys)

    payment = go_on(billed(payment, 2_000, {"cpo": 1_200, "operator": 800}, "20.00 EUR"), provider, 30)
    payment = go_on(refunded(payment, RefundWish(500, {"cpo": 300, "operator": 200}, "slow")), provider, 30)

    assert payment.sight is not None and payment.sight.refunded_minor == 500
    gone = {"cards": -1_500, "acct_cpo": 900, "platform": 600 - 53, "stripe's fees": 53}
    assert moved(stand_in, before) == gone


def test_a_hold_whose_answer_was_lost_is_one_hold_when_asked_again(stand_in: StandIn) -> None:
    provider, count = stand_in.provider(), stand_in.books()["intents"]
    hold = Hold("s3/hold", "pm_ok", 500, "EUR", "s3")
    stand_in.trouble(loses_answers=1)
    assert isinstance(provider.ask(hold), Unknown)
    again = provider.ask(hold)

    assert isinstance(again, Sight) and provider.ask(LookByKey("s3/hold")) == again == provider.ask(
        Look(again.hold_ref)
    )
    assert stand_in.books()["intents"] == count + 1
    assert provider.ask(LookByKey("it's/none\\of ours")) == Nothing()


def test_a_capture_without_its_fee_or_its_transfers_is_not_done_yet(stand_in: StandIn) -> None:
    provider = stand_in.provider()
    payment = go_on(Payment("s4", "s4", "pm_ok", 900, "EUR"), provider)
    capture = next_request(billed(payment, 900, {"cpo": 900}, ""))
    assert isinstance(capture, Capture)

    stand_in.trouble(refuses_transfers=True)
    assert isinstance(provider.ask(capture), Unknown)
    looked = provider.ask(Look(capture.hold_ref))
    assert isinstance(looked, Sight) and looked.state is HoldState.AUTHORISED  # so it is asked again
    stand_in.trouble(refuses_transfers=False, hides_fee=True)
    assert isinstance(provider.ask(capture), Unknown)
    stand_in.trouble(hides_fee=False)
    done = provider.ask(capture)
    assert isinstance(done, Sight) and done.state is HoldState.CAPTURED and done.split == {"cpo": 900}


def test_a_partner_nobody_entered_stops_the_capture_before_any_money_moves(stand_in: StandIn) -> None:
    provider, before = stand_in.provider(accounts={}), stand_in.books()["balances"]
    payment = go_on(Payment("s5", "s5", "pm_ok", 900, "EUR"), provider)
    request = next_request(billed(payment, 900, {"cpo": 900}, ""))
    assert request is not None
    outcome = provider.ask(request)

    assert isinstance(outcome, Unknown) and "'cpo'" in outcome.why
    assert moved(stand_in, before) == {}


def test_a_hold_that_stripe_let_go_is_expired_and_a_lost_dispute_is_the_operators(stand_in: StandIn) -> None:
    provider = stand_in.provider()
    held = go_on(Payment("s6", "s6", "pm_ok", 900, "EUR"), provider).sight
    paid = go_on(Payment("s7", "s7", "pm_ok", 900, "EUR"), provider)
    paid = go_on(billed(paid, 900, {"cpo": 500, "operator": 400}, ""), provider)
    assert held is not None and paid.sight is not None
    requests.post(f"{stand_in.url}/sim/expiries/{held.hold_ref}", timeout=10).raise_for_status()
    requests.post(f"{stand_in.url}/sim/disputes/{paid.sight.hold_ref}", timeout=10).raise_for_status()

    expired, disputed = provider.ask(Look(held.hold_ref)), provider.ask(Look(paid.sight.hold_ref))
    assert isinstance(expired, Sight) and expired.state is HoldState.EXPIRED
    assert isinstance(disputed, Sight) and disputed.charged_back_split == {"operator": 900}
    assert disputed.charged_back_minor == 900


@pytest.mark.parametrize(
    ("token", "code"), [("pm_poor", "insufficient_funds"), ("pm_lost", "blocked"), ("pm_asks", "blocked")]
)
def test_a_declined_card_is_refused_now_and_when_its_answer_was_lost(stand_in: StandIn, token: str, code: str) -> None:
    provider = stand_in.provider()
    refused = provider.ask(Hold(f"{token}/hold", token, 500, "EUR", token))
    assert isinstance(refused, Refused) and refused.code == code

    looked = provider.ask(LookByKey(f"{token}/hold"))
    if token != "pm_asks":  # there, the hold was given up
        assert isinstance(looked, Refused) and looked.code == code


def test_while_stripe_is_down_nothing_is_refused(stand_in: StandIn) -> None:
    provider = stand_in.provider()
    stand_in.trouble(is_down=True)
    for request in (Hold("k", "pm_ok", 1, "EUR", "x"), Look("pi_1"), LookByKey("k"), Release("r", "pi_1")):
        assert isinstance(provider.ask(request), Unknown)
    assert isinstance(provider.ask(Hold("k", "pm_ok", 1_001, "KWD", "x")), Refused)  # known without asking


# ---- in the server ---------------------------------------------------------------------------------------------------


def test_a_signed_webhook_at_the_server_changes_the_payment_and_an_unsigned_one_nothing(
    stand_in: StandIn, database_url: str
) -> None:
    """The hold was released in Stripe's dashboard; the server hears of it and asks Stripe itself."""
    access = StripeAccess("sk_test_12345", SECRET, "operator", PARTNER, stand_in.url)
    settings = Settings(database_url, SERVER_KEY, stripe=access)
    provider = StripeProvider(access)
    held = go_on(Payment("s8", "s8", "pm_ok", 900, "EUR"), provider)
    assert held.sight is not None
    with running(settings) as base:
        ours = open_database(database_url)
        with ours.begin() as connection:
            store.create(connection, held, "stripe", NOON)
        provider.ask(Release("by hand", held.sight.hold_ref))
        about = {"object": "payment_intent", "id": held.sight.hold_ref}
        body = json.dumps({"id": "evt_1", "object": "event", "type": "any", "data": {"object": about}})
        headers = {"Stripe-Signature": stripe.WebhookSignature.generate_signature_header(body, SECRET)}

        assert requests.post(f"{base}/hooks/stripe", data=body, timeout=30).status_code == 400
        with ours.begin() as connection:
            assert store.load(connection, "s8").sight == held.sight
        assert requests.post(f"{base}/hooks/stripe", data=body, headers=headers, timeout=30).status_code == 204
        with ours.begin() as connection:
            sight = store.load(connection, "s8").sight
        ours.dispose()

    assert sight is not None and sight.state is HoldState.RELEASED


def test_the_settings_name_what_is_wrong_and_the_command_says_whether_stripe_answers(
    stand_in: StandIn, tmp_path: Path, at_database: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--data-dir", str(tmp_path / "data"), *at_database]
    assert main(["init", *place]) == 0
    file = tmp_path / "data" / "billing.toml"
    before = file.read_text()
    for wrong, word in (
        ("[stripe]\nsecret_key = 'sk_1'", "stripe.webhook_secret: missing"),
        ("[stripe]\nsecret_keys = 'sk_1'", "did you mean 'secret_key'"),
        ("[stripe]\nsecret_key='a'\nwebhook_secret='b'\n[stripe.accounts]\ncpo = 'x'", "stripe.accounts.cpo: want"),
    ):
        file.write_text(f"{before}\n{wrong}\n")
        capsys.readouterr()
        assert main(["payments", "check", *place]) == 2
        assert word in capsys.readouterr().err

    good = f"{before}\n[stripe]\nsecret_key='sk_1'\nwebhook_secret='b'\nurl='{stand_in.url}/'\n"
    file.write_text(good + "[stripe.accounts]\ncpo = 'acct_cpo'\n")
    assert read_settings(tmp_path / "data").stripe == StripeAccess(
        "sk_1", "b", accounts={"cpo": "acct_cpo"}, url=stand_in.url
    )
    assert main(["payments", "check", *place]) == 0
    assert "stripe  answers" in capsys.readouterr().out
    stand_in.trouble(is_down=True)
    assert main(["payments", "check", *place]) == 1
