"""From the outbox to a mail server (SMTP). Without TLS only to one on this machine."""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Iterable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from billing.database import reading
from billing.mail import outbox
from billing.mail.mail_server import MailServer, mail_server_of
from billing.mail.outbox import Mail

if TYPE_CHECKING:
    from billing.api.gate import Server

log = logging.getLogger("billing.mail")

PATIENCE_S = 20.0
LOCAL = ("localhost", "127.0.0.1", "::1")


def message_of(mail: Mail, sender: str, sender_name: str, now: datetime) -> EmailMessage:
    """Raises ValueError for an address or a subject with a line break."""
    message = EmailMessage()
    message["From"] = formataddr((sender_name, sender))
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def send_waiting(server: Server) -> None:
    """The chore: everything that is due, in one connection to the mail server."""
    settings, now = server.settings, server.now()
    if not settings.mail_server:
        return
    with reading(server.engine) as connection:
        is_idle = not outbox.is_waiting(connection, now)
    if is_idle:
        return
    waiting = server.store.run(lambda c: outbox.due(c, settings.server_key, now))
    if not waiting:
        return
    try:
        with _connected(mail_server_of(settings.mail_server)) as line:
            for number, mail in waiting:
                _send(server, line, number, mail)
    except (OSError, smtplib.SMTPException) as error:
        log.warning("mail server: %s", _words(error))
        _postpone(server, (number for number, _ in waiting), _words(error))


def _send(server: Server, line: smtplib.SMTP, number: int, mail: Mail) -> None:
    settings = server.settings
    try:
        line.send_message(message_of(mail, settings.mail_from, settings.operator_name, server.now()))
    except smtplib.SMTPRecipientsRefused as error:
        why = "; ".join(str(code) for code, _ in error.recipients.values())
        is_final = all(500 <= code < 600 for code, _ in error.recipients.values())
        server.store.run(lambda c: outbox.note_failed(c, number, why, server.now(), is_final=is_final))
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        why, is_final = str(error.smtp_code), 500 <= error.smtp_code < 600
        server.store.run(lambda c: outbox.note_failed(c, number, why, server.now(), is_final=is_final))
    else:
        server.store.run(lambda c: outbox.note_sent(c, number))


def _postpone(server: Server, numbers: Iterable[int], why: str) -> None:
    """Those of them that were not sent before the line broke."""

    def note(connection: Connection) -> None:
        for number in numbers:
            outbox.note_broken(connection, number, why, server.now())

    server.store.run(note)


def _connected(to: MailServer) -> smtplib.SMTP:
    if to.is_tls:
        line: smtplib.SMTP = smtplib.SMTP_SSL(
            to.host, to.port, timeout=PATIENCE_S, context=ssl.create_default_context()
        )
    else:
        line = smtplib.SMTP(to.host, to.port, timeout=PATIENCE_S)
        if to.host not in LOCAL:
            line.starttls(context=ssl.create_default_context())
    if to.user:
        line.login(to.user, to.password)
    return line


def _words(error: Exception) -> str:
    """A mail server's refusal may repeat what we sent; only its code and kind are kept."""
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__}{f' {code}' if code else ''}"
