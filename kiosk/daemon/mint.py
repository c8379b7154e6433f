"""Where the core's random comes from."""

from __future__ import annotations

import secrets
import uuid

from kiosk.session.events import Ids


def mint() -> Ids:
    """A transaction, an order and a receipt (128 random bits each) and a stop code."""
    return Ids(uuid.uuid4().hex, uuid.uuid4().hex, secrets.token_hex(16), f"{secrets.randbelow(10_000):04d}")
