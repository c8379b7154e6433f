"""What every subcommand of kiosk-billing stands on: its result, its errors, an open database."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from billing import directory
from billing.checkout.refunds import NoSuchRefund
from billing.database import open_database
from billing.decisions.cases import NoSuchCase
from billing.migrations import newest_revision, revision_of
from billing.payments.store import NoSuchPayment
from billing.settings import BadSettings, default_database_url
from contract.codec import WireError


class NotSetUp(Exception):
    """No data directory, or a database that is older than this program."""


class MayNot(Exception):
    """Whoever `--by` names may not do that; the message says who may."""


class SetUpAlready(Exception):
    """What is to be made is there; it is not overwritten."""


NOT_SET_UP = (NotSetUp,)
REFUSED = (directory.NotKnown, NoSuchPayment, NoSuchRefund, NoSuchCase, MayNot, SetUpAlready, FileExistsError)
BAD_INPUT = (ValueError, WireError, BadSettings, OSError, OperationalError)


@dataclass(frozen=True, slots=True)
class Result:
    text: str
    data: Any = field(default_factory=dict)
    exit_code: int = 0


@contextmanager
def database_of(arguments: Namespace) -> Iterator[Connection]:
    engine = open_database(arguments.database or default_database_url(data_dir_of(arguments)))
    try:
        if revision_of(engine) != newest_revision():
            raise NotSetUp(
                f"the database is at revision {revision_of(engine)}, this program wants {newest_revision()}; "
                "run kiosk-billing migrate"
            )
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def data_dir_of(arguments: Namespace) -> Any:
    if not arguments.data_dir.is_dir():
        raise NotSetUp(f"no data directory {arguments.data_dir}; run kiosk-billing init first")
    return arguments.data_dir
