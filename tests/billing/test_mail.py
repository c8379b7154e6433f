"""The outbox over real SMTP: sent once it can be, tried later where not now, given up when its time is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from billing.api.gate import Server
from billing.database import Store, open_database
from billing.mail import outbox
from billing.mail.mail_server import mail_server_of
from billing.mail.outbox import Mail
from billing.mail.post import message_of, send_waiting
from billing.mail.tables import mails
from billing.nonces import NonceBook
from billing.settings import BadSettings, Settings, read_settings
from tests.billing.conftest import SERVER_KEY
from tests.billing.desk import Clock
from tests.billing.mailbox import Mailbox, open_mailbox
from tests.billing.stories import NOON


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with open_mailbox() as box:
        yield box


@pytest.fixture
def server(database_url: str, mailbox: Mailbox) -> Iterator[Server]:
    """The server's parts without HTTP; nothing is sent but by the test."""
    engine = open_database(database_url)
    mailbox.taken.clear()
    settings = Settings(
        database_url, SERVER_KEY, mail_server=mailbox.url, mail_from="kiosk@harbour.example", now=Clock()
    )
    server = Server(settings, engine, Store(engine), NonceBook(), {})
    yield server
    server.store.close()
    engine.dispose()


def put(server: Server, lives: timedelta = timedelta(hours=1)) -> None:
    now = server.now()
    mail = Mail("anna@example.org", "Grüße aus dem Hafen", "Der Link:\nhttps://charge.example.org/x\n")
    server.store.run(lambda c: outbox.put(c, SERVER_KEY, mail, now, now + lives))


def outcomes(server: Server) -> list[tuple[str, int, bool]]:
    """(outcome, tries, whether its text is still there) of every mail."""
    with server.engine.connect() as connection:
        return [(row.outcome, row.tries, bool(row.sealed)) for row in connection.execute(select(mails)).all()]


def after(server: Server, seconds: int) -> None:
    clock = server.settings.now
    assert isinstance(clock, Clock)
    clock.pass_by(timedelta(seconds=seconds))
    send_waiting(server)


def test_a_mail_is_sent_once_and_its_text_is_gone_then(server: Server, mailbox: Mailbox) -> None:
    put(server)
    assert "charge.example.org" not in str(outcomes(server))
    send_waiting(server)
    send_waiting(server)
    sent = mailbox.next_to("anna@example.org")

    assert sent["Subject"] == "Grüße aus dem Hafen" and "https://charge.example.org/x" in sent.get_content()
    assert sent["From"] == "Harbour Energy <kiosk@harbour.example>" and sent["Auto-Submitted"] == "auto-generated"
    assert mailbox.taken == [] and outcomes(server) == [("sent", 0, False)]


def test_one_refused_for_now_is_tried_later_each_time(server: Server, mailbox: Mailbox) -> None:
    put(server)
    mailbox.refuses = ["451 later", "450 still not"]
    send_waiting(server)
    after(server, 4)
    assert mailbox.refuses == ["450 still not"]
    after(server, 1)
    after(server, 9)
    assert mailbox.refuses == [] and mailbox.taken == []
    after(server, 1)

    assert mailbox.next_to("anna@example.org") and outcomes(server) == [("sent", 2, False)]
    assert [outbox.pause_s(tries) for tries in (1, 2, 3, 50)] == [5, 10, 20, 600]


def test_one_refused_for_good_is_not_tried_again(server: Server, mailbox: Mailbox) -> None:
    put(server)
    mailbox.refuses = ["550 no such mailbox"]
    send_waiting(server)
    after(server, 3_000)

    assert mailbox.taken == [] and outcomes(server) == [("refused: 550", 0, False)]


def test_a_mail_server_that_is_away_is_asked_again_until_the_mails_time_is_over(server: Server) -> None:
    server.settings = replace(server.settings, mail_server="smtp://127.0.0.1:1")
    put(server, timedelta(minutes=5))
    send_waiting(server)
    assert outcomes(server) == [("", 1, True)]
    after(server, 60)
    assert outcomes(server) == [("", 2, True)]
    after(server, 300)

    assert outcomes(server) == [("given up: its time was over", 2, False)]


def test_no_line_break_gets_into_a_mails_head() -> None:
    for mail in (Mail("a@x.org\nBcc: b@x.org", "s", ""), Mail("a@x.org", "s\r\nBcc: b@x.org", "")):
        with pytest.raises(ValueError):
            message_of(mail, "k@x.org", "K", NOON)


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://user@host", "smtp://u:p@h:x", "smtp://h/path"])
def test_a_mail_server_that_cannot_be_one_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="mail_server: ") as error:
        mail_server_of(url)
    assert "u:p" not in str(error.value)


def test_a_mail_servers_password_is_never_printed() -> None:
    assert "secret" not in repr(mail_server_of("smtps://ole:secret@mail.example")) + repr(
        Settings("sqlite://", SERVER_KEY, mail_server="smtps://ole:secret@mail.example")
    )


def test_a_mail_server_wants_a_sender(tmp_path: Path) -> None:
    (tmp_path / "billing.toml").write_text('mail_server = "smtp://localhost:25"\n')
    with pytest.raises(BadSettings, match="both or neither"):
        read_settings(tmp_path)
