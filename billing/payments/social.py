"""The social server as a payment provider: its HTTP API, its words, and the proof that a webhook is its own.

Amounts are minor units on both sides. A 5xx, a time-out or an answer that cannot be read is Unknown, never Refused:
the request may have acted.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from billing.payments.provider import (
    REASONS,
    Capture,
    Hold,
    HoldState,
    Look,
    LookByKey,
    Nothing,
    Outcome,
    Refund,
    Refused,
    Release,
    Request,
    Sight,
    Unknown,
)

PATIENCE_S = (3.0, 10.0)  # to connect, to answer
REPLAY_WINDOW_S = 300  # a webhook signed longer ago, or ahead, is not believed
LONGEST_WEBHOOK = 64_000
OWN = "operator"  # our own part of a split, whatever our account there is called


class BadWebhook(ValueError):
    """Not signed by the social server, too old, or no event."""


@dataclass(frozen=True, slots=True)
class SocialAccess:
    """How this server is known to the social server. `fee_account` is our account there, which pays its fee;
    `app_url`: where its app's pages are, if it has any for a browser."""

    url: str
    merchant_secret: str
    webhook_secret: bytes
    fee_account: str
    app_url: str = ""


class SocialProvider:
    """Asks the social server over one kept-alive session. Used by one thread at a time."""

    name = "social"

    def __init__(self, access: SocialAccess, patience_s: tuple[float, float] = PATIENCE_S) -> None:
        self._access, self._patience_s = access, patience_s
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {access.merchant_secret}"

    def ask(self, request: Request) -> Outcome:
        try:
            return self._ask(request)
        except requests.ConnectionError:
            return Unknown(f"social server: no answer at {self._access.url}; is it running?")
        except requests.RequestException as error:
            return Unknown(f"social server: {error}")

    def _ask(self, request: Request) -> Outcome:
        match request:
            case Hold(key, token, amount_minor, currency, reference):
                words: dict[str, Any] = {"token": token, "amount_minor": amount_minor, "currency": currency}
                return self._post("/v1/holds", key, words | {"reference": reference})
            case Capture(key, hold_ref, amount_minor, split, text):
                words = {"amount_minor": amount_minor, "split": self._theirs(split), "text": text}
                path = f"/v1/holds/{hold_ref}/capture"
                return self._post(path, key, words | {"fee_account": self._access.fee_account})
            case Release(key, hold_ref):
                return self._post(f"/v1/holds/{hold_ref}/release", key, {})
            case Refund(key, hold_ref, amount_minor, split, why):
                words = {"amount_minor": amount_minor, "split": self._theirs(split), "why": why}
                return self._post(f"/v1/holds/{hold_ref}/refund", key, words)
            case Look(hold_ref):
                return self._get(f"/v1/holds/{hold_ref}", {})
            case LookByKey(key):
                return self._get("/v1/holds", {"key": key})

    def _post(self, path: str, key: str, words: dict[str, Any]) -> Outcome:
        headers = {"Idempotency-Key": key}
        sent = self._session.post(self._access.url + path, json=words, headers=headers, timeout=self._patience_s)
        return _outcome(sent, self._access.fee_account)

    def _theirs(self, split: Mapping[str, int]) -> dict[str, int]:
        """Our own part goes to the account we have there."""
        return {self._access.fee_account if name == OWN else name: part for name, part in split.items()}

    def _get(self, path: str, query: dict[str, str]) -> Outcome:
        answer = self._session.get(self._access.url + path, params=query, timeout=self._patience_s)
        if answer.status_code == 404 and query:
            return Nothing()
        return _outcome(answer, self._access.fee_account)


def read_webhook(
    body: bytes, header: str, secret: bytes, now_s: float, own_account: str = OWN
) -> tuple[str, str, Sight]:
    """Event id, our payment's id and the sight. Raises BadWebhook; the sender tries again, so nothing is lost."""
    if len(body) > LONGEST_WEBHOOK:
        raise BadWebhook(f"{len(body)} bytes: want at most {LONGEST_WEBHOOK}")
    fields = dict(part.partition("=")[::2] for part in header.split(","))
    sent, mac = fields.get("t", ""), fields.get("v1", "")
    wanted = hmac.new(secret, sent.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(mac.encode(), wanted.encode()):
        raise BadWebhook("the signature is not the social server's")
    if not sent.isascii() or not sent.isdigit() or abs(now_s - int(sent)) > REPLAY_WINDOW_S:
        raise BadWebhook(f"signed at {sent}: outside {REPLAY_WINDOW_S} s")
    try:
        words = json.loads(body)
        return str(words["id"]), str(words["hold"]["reference"]), sight_of(words["hold"], own_account)
    except (ValueError, KeyError, TypeError) as error:
        raise BadWebhook(f"no event of the social server: {error!r}") from error


def sight_of(words: Mapping[str, Any], own_account: str = OWN) -> Sight:
    """`own_account` is ours there. Raises KeyError, ValueError or TypeError for anything that is no hold."""
    return Sight(
        str(words["hold_id"]),
        HoldState(words["state"]),
        int(words["amount_minor"]),
        int(words["captured_minor"]),
        int(words["fee_minor"]),
        int(words["refunded_minor"]),
        int(words["charged_back_minor"]),
        _parts(words["split"], own_account),
        _parts(words["charged_back_split"], own_account),
    )


def _parts(words: Mapping[str, Any], own_account: str) -> dict[str, int]:
    return {OWN if account == own_account else str(account): int(part) for account, part in dict(words).items()}


def _outcome(answer: requests.Response, own_account: str) -> Outcome:
    try:
        words = answer.json()
        if answer.ok:
            return sight_of(words, own_account)
        code, why = str(words["code"]), str(words["why"])
    except (ValueError, KeyError, TypeError):
        return Unknown(f"social server: status {answer.status_code} without words")
    if answer.status_code >= 500 or answer.status_code in (401, 403, 408, 429):
        return Unknown(f"social server: {why}")  # an outage or our own mistake: nobody's card is bad for it
    return Refused(code if code in REASONS else "bad_request", why)
