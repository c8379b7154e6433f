"""Where mails are handed in, as `mail_server` in billing.toml says it.

smtps://user:password@host (TLS from the start, port 465), smtp://user:password@host (STARTTLS, port 587), or
smtp://localhost:25, the only one without TLS.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in. Never printed: it knows a password."""

    host: str
    port: int
    is_tls: bool
    user: str
    password: str

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port})"


def mail_server_of(address: str) -> MailServer:
    """Raises ValueError, without the password in its words."""
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError("mail_server: the port is no number") from error
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("mail_server: want smtp://user:password@host:port or smtps://user:password@host:port")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError("mail_server: want a user and a password, or neither")
    return MailServer(parts.hostname, port or PORTS[parts.scheme], parts.scheme == "smtps", user, password)
