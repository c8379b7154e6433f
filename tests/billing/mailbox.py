"""A mail server of the tests: real SMTP on loopback, in a thread. It stands in for the operator's."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

PATIENCE_S = 30


@dataclass
class Mailbox:
    """Everything that was handed in. `refuses`: the answer to the next recipients, as a busy or strict server's."""

    url: str = ""
    taken: list[EmailMessage] = field(default_factory=list)
    refuses: list[str] = field(default_factory=list)
    _came: threading.Condition = field(default_factory=threading.Condition)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]) -> str:
        if self.refuses:
            return self.refuses.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        with self._came:
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
            self._came.notify_all()
        return "250 taken"

    def next_to(self, address: str) -> EmailMessage:
        """The oldest mail to that address that was not yet asked for; waits for it."""

        def there() -> list[EmailMessage]:
            return [one for one in self.taken if one["To"] == address]

        with self._came:
            assert self._came.wait_for(there, PATIENCE_S), f"no mail to {address}; {len(self.taken)} others"
            found = there()[0]
            self.taken.remove(found)
            return found


@contextmanager
def open_mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    box.url = f"smtp://127.0.0.1:{port}"
    controller = Controller(box, hostname="127.0.0.1", port=port)  # type: ignore[no-untyped-call]
    controller.start()  # type: ignore[no-untyped-call]
    try:
        yield box
    finally:
        controller.stop()  # type: ignore[no-untyped-call]
