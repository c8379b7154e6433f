"""A host is mailed when their account was changed: whoever reads their page rarely would not see it within the wait."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from billing.hosts.bank import BankAccount
from billing.hosts.party import Host
from billing.mail.outbox import Mail, put
from billing.pages.host_words import Speech
from billing.people.persons import everybody

TRIED_FOR = timedelta(days=2)


def tell_of_account(
    connection: Connection, key: Ed25519PrivateKey, operator: str, host: Host, account: BankAccount, now: datetime
) -> int:
    """To everybody who signs in for that host by a mail address. How many were written to."""
    speech = Speech(host.language, host.currency, host.time_zone)
    told = {"operator": operator, "host": host.name, "ending": account.ending}
    until = speech.day_and_clock(account.waits_until)
    mails = [
        Mail(
            entry.login,
            speech.words["mail_account_subject"].format(operator=operator),
            speech.words["mail_account_text"].format(**told, until=until),
        )
        for entry in everybody(connection)
        if entry.person.host_id == host.host_id and not entry.is_disabled and "@" in entry.login
    ]
    for mail in mails:
        put(connection, key, mail, now, now + TRIED_FOR)
    return len(mails)
