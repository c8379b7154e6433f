"""Webhooks on their way: each event goes out until the receiver takes it, in whatever order the mood of the day has.

A delivery is signed by HMAC-SHA256 over its time and its bytes, in one header `t=…,v1=…`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter
from dataclasses import dataclass

import requests

from sim.social.bank import Bank, Event
from sim.social.trouble import Mood

HEADER = "Social-Signature"
PAUSE_S, PATIENCE_S, MOST_TRIES = 0.2, 5.0, 200


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where events go, and the secret that proves whose they are. An empty address: nowhere."""

    url: str
    secret: bytes


class Postman:
    def __init__(self, bank: Bank, webhook: Webhook, mood: Mood) -> None:
        self._bank, self.webhook, self._mood = bank, webhook, mood
        self._seen = 0
        self._waiting: list[Event] = []
        self._tries: Counter[str] = Counter()

    async def go(self) -> None:
        """Deliver for ever; an event that was refused MOST_TRIES times is given up."""
        while True:
            self._waiting += self._bank.events[self._seen :]
            self._seen = len(self._bank.events)
            taken: set[str] = set()
            for event in self._mood.delivery(self._waiting):
                self._tries[event.event_id] += 1
                if not self._mood.loses_webhook() and await asyncio.to_thread(self._deliver, event):
                    taken.add(event.event_id)
            self._waiting = [
                event
                for event in self._waiting
                if event.event_id not in taken and self._tries[event.event_id] < MOST_TRIES
            ]
            await asyncio.sleep(PAUSE_S)

    def _deliver(self, event: Event) -> bool:
        if not self.webhook.url:
            return True
        body = body_of(event)
        signed = signature(self.webhook.secret, int(time.time()), body)
        headers = {"Content-Type": "application/json", HEADER: signed}
        try:
            return requests.post(self.webhook.url, body, headers=headers, timeout=PATIENCE_S).ok
        except requests.RequestException:
            return False


def body_of(event: Event) -> bytes:
    words = {"id": event.event_id, "type": event.kind, "created": int(event.at_s), "hold": event.body}
    return json.dumps(words, sort_keys=True, separators=(",", ":")).encode()


def signature(secret: bytes, sent_s: int, body: bytes) -> str:
    """The header's value. `sent_s` is Unix time in seconds: a receiver refuses one that is too old."""
    mac = hmac.new(secret, f"{sent_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={sent_s},v1={mac}"
