"""Facts about the server as a whole: its epoch, and how often its directory of tokens and prices changed.

The epoch names one unbroken life of this database. After a restored backup it must be renewed (`renew_epoch`):
kiosks that see another epoch send again everything they still have, and the event key makes that harmless.
"""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, select, update

from billing.database import insert_if_absent
from billing.prepared import Prepared
from billing.tables import facts

EPOCH = select(facts.c.value).where(facts.c.name == "epoch")
_EPOCH = Prepared(EPOCH)


def epoch(connection: Connection) -> str:
    """The current epoch; the first call makes it."""
    known = _EPOCH.value(connection, {})
    if known is not None:
        return str(known)
    connection.execute(insert_if_absent(connection, facts), {"name": "epoch", "value": uuid.uuid4().hex})
    return epoch(connection)


def renew_epoch(connection: Connection) -> str:
    """To be called once after a backup was restored. Returns the new epoch."""
    epoch(connection)
    connection.execute(update(facts).where(facts.c.name == "epoch").values(value=uuid.uuid4().hex))
    return epoch(connection)


_REVISION = Prepared(select(facts.c.value).where(facts.c.name == "directory_revision"))


def directory_revision(connection: Connection) -> int:
    """Rises with every change of tokens, accounts, tariffs or offers."""
    known = _REVISION.value(connection, {})
    return 0 if known is None else int(known)


def raise_directory_revision(connection: Connection) -> int:
    revision = directory_revision(connection) + 1
    connection.execute(insert_if_absent(connection, facts), {"name": "directory_revision", "value": "0"})
    connection.execute(update(facts).where(facts.c.name == "directory_revision").values(value=str(revision)))
    return revision


_PHONES = Prepared(select(facts.c.value).where(facts.c.name == "phone_payments"))


def takes_phones(connection: Connection) -> bool:
    """Whether this server takes payments by phone, as its settings said when it was last started."""
    return bool(_PHONES.value(connection, {}) != "no")


def note_takes_phones(connection: Connection, takes: bool) -> None:
    """Called at the start; where it changed, every kiosk fetches a list that says so."""
    if takes_phones(connection) == takes:
        return
    connection.execute(insert_if_absent(connection, facts), {"name": "phone_payments", "value": "yes"})
    words = "yes" if takes else "no"
    connection.execute(update(facts).where(facts.c.name == "phone_payments").values(value=words))
    raise_directory_revision(connection)
