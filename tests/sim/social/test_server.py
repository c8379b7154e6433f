"""The social server over real HTTP: it acts once though its answers are lost, and its webhooks arrive signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest
import requests

from tests.social_server import MERCHANT_SECRET, WEBHOOK_SECRET, Running, running


@pytest.fixture
def social() -> Iterator[Running]:
    with running() as server:
        yield server


def post(social: Running, path: str, key: str = "", **words: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {MERCHANT_SECRET}", "Idempotency-Key": key}
    return requests.post(social.url + path, json=words, headers=headers, timeout=10)


def test_a_hold_whose_answer_was_lost_is_found_by_its_key_and_made_once(social: Running) -> None:
    token = post(social, "/app/people/mina/tokens").json()["token"]
    wish = {"token": token, "amount_minor": 500, "currency": "EUR", "reference": "o1"}
    post(social, "/sim/trouble", loses_answer=1.0)
    assert post(social, "/v1/holds", "k", **wish).status_code == 504
    post(social, "/sim/trouble", loses_answer=0.0)

    again = post(social, "/v1/holds", "k", **wish)

    assert again.status_code == 200 and len(social.bank.holds) == 1
    headers = {"Authorization": "Bearer shop"}
    found = requests.get(social.url + "/v1/holds", {"key": "k"}, headers=headers, timeout=10)
    assert found.json() == again.json()


def test_strangers_nonsense_and_refusals_have_their_own_status(social: Running) -> None:
    assert requests.post(social.url + "/v1/holds", json={}, timeout=10).status_code == 401
    assert post(social, "/v1/holds", "k", token="x").status_code == 422
    refused = post(social, "/v1/holds", "k", token="x", amount_minor=1, currency="EUR", reference="o")
    assert (refused.status_code, refused.json()["code"]) == (402, "unknown_token")
    post(social, "/sim/trouble", is_down=True)
    assert post(social, "/v1/holds/h1/release", "r").status_code == 503


def test_webhooks_arrive_signed_though_they_are_repeated(social: Running) -> None:
    post(social, "/sim/trouble", repeats_webhook=1.0)
    token = post(social, "/app/people/mina/tokens").json()["token"]
    hold = post(social, "/v1/holds", "k", token=token, amount_minor=500, currency="EUR", reference="o1").json()
    social.wait_for_webhooks(2)

    assert {json.loads(body)["hold"]["hold_id"] for _, body in social.got} == {hold["hold_id"]}
    for header, body in social.got:
        sent, _, mac = header.partition(",v1=")
        signed = sent.removeprefix("t=").encode() + b"." + body
        assert hmac.compare_digest(mac, hmac.new(WEBHOOK_SECRET, signed, hashlib.sha256).hexdigest())
