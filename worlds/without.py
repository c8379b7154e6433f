"""Rules taken away, one at a time, to see that the worlds notice: a check that never fails proves nothing.

| rule            | without it                                                                   |
|-----------------|------------------------------------------------------------------------------|
| freshness       | feedback older than the wish is believed                                     |
| release-first   | what should go off waits until everything is written                         |
| idempotency-key | the server stores every upload as if it were new                             |
| release         | what was held for a charge that does not begin is never given back           |
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import billing.keys
from billing.checkout import acts
from kiosk.controller import Controller
from kiosk.session import energy
from kiosk.session.wants import Wants


def _without_freshness() -> None:
    energy.feedback_is_fresh = lambda session: True


def _without_release_first() -> None:
    release, record = Controller._release, Controller._record

    def wait_for_the_disk(self: Controller, wants: dict[int, Wants]) -> None:
        pass

    def record_then_release(self: Controller, now: object) -> None:
        record(self, now)  # type: ignore[arg-type]
        if self._in_flight is None and self._outgoing.is_empty():
            release(self, self.kiosk.wants(now.s))  # type: ignore[attr-defined]

    Controller._release = wait_for_the_disk  # type: ignore[method-assign]
    Controller._record = record_then_release  # type: ignore[method-assign]


def _without_idempotency_key() -> None:
    number = itertools.count()
    key = billing.keys.event_key

    def never_the_same(kiosk_id: str, transaction_id: str, seq_no: int) -> str:
        return f"{key(kiosk_id, transaction_id, seq_no)}#{next(number)}"

    billing.keys.event_key = never_the_same


def _without_release() -> None:
    acts.given_up = lambda payment: payment  # type: ignore[attr-defined]


RULES: dict[str, Callable[[], None]] = {
    "freshness": _without_freshness,
    "release-first": _without_release_first,
    "idempotency-key": _without_idempotency_key,
    "release": _without_release,
}


def remove(rule: str) -> None:
    """Take a rule away in this process, for good. Raises KeyError for an unknown one."""
    RULES[rule]()
