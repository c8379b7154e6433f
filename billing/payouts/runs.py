"""Making a payout run, and saying what the bank made of it. Each function is one database transaction of its caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, true

from billing.directory import NotKnown
from billing.hosts.bank import BankAccount, accounts_of, paid_to
from billing.hosts.iban import bic_of, iban_of
from billing.hosts.months import first_month, last_closed
from billing.hosts.movements import PAYOUTS, Movement, movements_of, total
from billing.hosts.party import Host, all_hosts
from billing.hosts.tables import bank_accounts, hosts
from billing.ledger import book
from billing.moments import from_ms, to_ms
from billing.payouts.entries import batched_entry, paid_entry, paid_key, payout_key
from billing.payouts.pain001 import Payer, Transfer, pain001
from billing.payouts.pain002 import Report
from billing.payouts.plan import Due, Plan, planned
from billing.payouts.states import STANDS, State, is_new
from billing.payouts.tables import payout_postings, payout_runs, payout_sources, payout_steps, payouts


class NothingToPay(ValueError):
    """No host is to be paid now."""


class PlanChanged(ValueError):
    """What would be paid is no longer what was shown."""


@dataclass(frozen=True, slots=True)
class Source:
    """The operator's own account, and the least that is worth a transfer."""

    source_no: int
    payer: Payer
    minimum_minor: int
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class Step:
    state: State
    at: datetime
    by: str
    detail: str


@dataclass(frozen=True, slots=True)
class Payout:
    """One transfer to one host. `steps` oldest first; the last is where it is."""

    payout_id: str
    run: str
    host_id: str
    host_name: str
    holder: str
    iban: str
    currency: str
    amount_minor: int
    through_month: str
    entry_nos: tuple[int, ...]
    steps: tuple[Step, ...]

    @property
    def state(self) -> State:
        return self.steps[-1].state

    @property
    def stands(self) -> bool:
        return self.state in STANDS


@dataclass(frozen=True, slots=True)
class Said:
    """What a report said of a payout, and whether that was new."""

    payout_id: str
    state: State
    is_new: bool


@dataclass(frozen=True, slots=True)
class Run:
    run: str  # PR-0061
    run_no: int
    made_at: datetime
    made_by: str
    payouts: tuple[Payout, ...]

    @property
    def total_minor(self) -> int:
        return sum(payout.amount_minor for payout in self.payouts)


def set_source(
    connection: Connection, name: str, iban: str, bic: str, minimum_minor: int, by: str, now: datetime
) -> Source:
    """From now on payouts leave from this account. Raises BadIban, ValueError."""
    if not 1 <= len(name) <= 70 or not name.isprintable():
        raise ValueError("name: want 1 to 70 characters, as the bank knows the operator")
    if not 0 <= minimum_minor <= 10**9:
        raise ValueError(f"minimum {minimum_minor}: want 0 to 1000000000 minor units")
    values = {"name": name, "iban": iban_of(iban), "bic": bic_of(bic), "minimum_minor": minimum_minor}
    connection.execute(payout_sources.insert(), {**values, "set_ms": to_ms(now), "set_by": by})
    return source_of(connection)


def source_of(connection: Connection) -> Source:
    """Raises NotKnown where none was set."""
    row = connection.execute(select(payout_sources).order_by(payout_sources.c.source_no.desc()).limit(1)).one_or_none()
    if row is None:
        raise NotKnown("no account to pay from yet; kiosk-billing payout source sets it")
    payer = Payer(row.name, row.iban, row.bic)
    return Source(row.source_no, payer, row.minimum_minor, from_ms(row.set_ms), row.set_by)


def dues_of(connection: Connection) -> list[Due]:
    """What is open for every host with whom something was agreed, or for whom something is booked."""
    covered = set(connection.execute(_standing(select(payout_postings.c.entry_no))).scalars())
    begun = [host for host in all_hosts(connection) if first_month(connection, host) is not None]
    return [due_of(connection, host, covered) for host in begun]


def due_of(connection: Connection, host: Host, covered: set[int]) -> Due:
    through = last_closed(connection, host.host_id)
    uncovered = [one for one in movements_of(connection, host) if one.kind not in PAYOUTS]
    uncovered = [one for one in uncovered if one.entry_no not in covered and _is_closed(one, host, through)]
    entry_nos = tuple(one.entry_no for one in uncovered)
    return Due(host, total(uncovered), entry_nos, through, paid_to(accounts_of(connection, host.host_id)))


def plan_of(connection: Connection) -> Plan:
    """What a run made now would pay. Raises NotKnown where there is no account to pay from."""
    return planned(dues_of(connection), source_of(connection).minimum_minor)


def make_run(connection: Connection, by: str, now: datetime, seen: str | None = None) -> Run:
    """Pay what is open: the run, its payouts, their ledger entries and the bank's file.

    `seen` is the digest of the plan somebody agreed to. Raises NothingToPay, PlanChanged, NotKnown, BadFile.
    """
    source, plan = source_of(connection), plan_of(connection)
    if seen is not None and seen != plan.digest:
        raise PlanChanged("what would be paid has changed since it was shown; look again")
    if not plan.pays:
        raise NothingToPay("nothing to pay: no host has an open sum that may leave now")
    run_no = (connection.execute(select(func.max(payout_runs.c.run_no))).scalar() or 0) + 1
    run = run_name(run_no)
    named = [(f"{run}-{number:03}", due) for number, due in enumerate(plan.pays, 1)]
    transfers = [_transfer(payout_id, due) for payout_id, due in named]
    text = pain001(source.payer, run, transfers, bank_day(now), now)
    values = {"run_no": run_no, "source_no": source.source_no, "made_ms": to_ms(now), "made_by": by, "file": text}
    connection.execute(payout_runs.insert(), values)
    for payout_id, due in named:
        _write(connection, payout_id, run_no, due, by, now)
    return find_run(connection, run)


def step(connection: Connection, payout_id: str, state: State, by: str, now: datetime, detail: str = "") -> bool:
    """Say what the bank made of a payout; False where that was said before. Raises NotKnown, WrongState."""
    payout = find_payout(connection, payout_id)
    if not is_new(payout.state, state, payout_id):
        return False
    if state is State.PAID:
        bank = _source_of_run(connection, payout.run)
        entry = paid_entry(payout_id, payout.run, bank, payout.currency, payout.amount_minor)
        book.post(connection, entry, now)
    else:
        why = f"payout {payout_id} {state.value}" + (f": {detail}" if detail else "")
        if state is State.REVERSED:
            book.reverse(connection, paid_key(payout_id), why, now)
        book.reverse(connection, payout_key(payout_id), why, now)
    _say(connection, payout_id, state, by, now, detail)
    return True


def take_report(connection: Connection, report: Report, by: str, now: datetime) -> list[Said]:
    """Take the steps a report of the bank tells of, all or none. Raises NotKnown, WrongState."""
    ours = [payout.payout_id for payout in find_run(connection, report.run).payouts]
    unknown = sorted(set(report.said) - set(ours))
    if unknown:
        raise NotKnown(f"the report names {', '.join(unknown[:5])}, which is not of {report.run}")
    told = {payout_id: report.said.get(payout_id, report.all_said) for payout_id in ours}
    return [
        Said(payout_id, verdict.state, step(connection, payout_id, verdict.state, by, now, verdict.why))
        for payout_id, verdict in told.items()
        if verdict is not None
    ]


def run_name(run_no: int) -> str:
    return f"PR-{run_no:04}"


def find_run(connection: Connection, run: str) -> Run:
    """Raises NotKnown."""
    found = _runs(connection, select(payout_runs).where(payout_runs.c.run_no == _run_no(run)))
    if not found:
        raise NotKnown(f"no payout run {run!a}")
    return found[0]


def all_runs(connection: Connection, limit: int = 36) -> list[Run]:
    """Newest first."""
    return _runs(connection, select(payout_runs).order_by(payout_runs.c.run_no.desc()).limit(limit))


def file_of(connection: Connection, run: str) -> str:
    """The bank's file as it was made. Raises NotKnown."""
    text = connection.execute(select(payout_runs.c.file).where(payout_runs.c.run_no == _run_no(run))).scalar()
    if text is None:
        raise NotKnown(f"no payout run {run!a}")
    return str(text)


def find_payout(connection: Connection, payout_id: str) -> Payout:
    """Raises NotKnown."""
    found = _payouts(connection, payouts.c.payout_id == payout_id)
    if not found:
        raise NotKnown(f"no payout {payout_id!a}")
    return found[0]


def payouts_of(connection: Connection, host_id: str | None = None) -> list[Payout]:
    """Oldest first; of one host, or of all."""
    return _payouts(connection, true() if host_id is None else payouts.c.host_id == host_id)


def _runs(connection: Connection, query: Any) -> list[Run]:
    rows = connection.execute(query).all()
    found = _payouts(connection, payouts.c.run_no.in_([row.run_no for row in rows]))
    return [
        Run(
            run_name(row.run_no),
            row.run_no,
            from_ms(row.made_ms),
            row.made_by,
            tuple(payout for payout in found if payout.run == run_name(row.run_no)),
        )
        for row in rows
    ]


def _run_no(run: str) -> int:
    number = run.removeprefix("PR-")
    return int(number) if number.isascii() and number.isdecimal() and len(number) <= 9 else 0


def _payouts(connection: Connection, condition: ColumnElement[bool]) -> list[Payout]:
    p, b, h = payouts.c, bank_accounts.c, hosts.c
    query = (
        select(payouts, b.holder, b.iban, h.name.label("host_name"), h.currency)
        .join_from(payouts, bank_accounts, b.account_no == p.account_no)
        .join(hosts, h.host_id == p.host_id)
        .where(condition)
        .order_by(p.run_no, p.payout_id)
    )
    rows = connection.execute(query).all()
    ids = select(p.payout_id).where(condition)
    steps = _grouped(connection, select(payout_steps).where(payout_steps.c.payout_id.in_(ids)))
    postings = payout_postings.c
    covers = _grouped(
        connection, select(payout_postings).where(postings.payout_id.in_(ids)).order_by(postings.entry_no)
    )
    return [_payout(row, steps[row.payout_id], covers.get(row.payout_id, [])) for row in rows]


def bank_day(now: datetime) -> date:
    """The next day a bank works, its own holidays aside: it moves the payment itself where it does not."""
    day = now.date() + timedelta(days=1)
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() > 4 else 0)


def _is_closed(movement: Movement, host: Host, through: str | None) -> bool:
    return through is not None and movement.month(host.time_zone) <= through


def _transfer(payout_id: str, due: Due) -> Transfer:
    account = _account(due)
    purpose = f"{payout_id} {due.host.host_id} statement up to {due.through_month}"
    return Transfer(payout_id, account.holder, account.iban, account.bic, due.amount_minor, purpose)


def _account(due: Due) -> BankAccount:
    assert due.paid_to.account is not None  # the plan pays nobody without
    return due.paid_to.account


def _write(connection: Connection, payout_id: str, run_no: int, due: Due, by: str, now: datetime) -> None:
    account = _account(due)
    values = {
        "payout_id": payout_id,
        "run_no": run_no,
        "host_id": due.host.host_id,
        "account_no": account.account_no,
        "amount_minor": due.amount_minor,
        "through_month": due.through_month,
    }
    connection.execute(payouts.insert(), values)
    covers = [{"payout_id": payout_id, "entry_no": entry_no} for entry_no in due.entry_nos]
    connection.execute(payout_postings.insert(), covers)
    entry = batched_entry(payout_id, due.host.payable, run_name(run_no), account.ending, due.amount_minor)
    book.post(connection, entry, now)
    _say(connection, payout_id, State.BATCHED, by, now, "")


def _say(connection: Connection, payout_id: str, state: State, by: str, now: datetime, detail: str) -> None:
    values = {"payout_id": payout_id, "state": state.value, "at_ms": to_ms(now), "by_whom": by, "detail": detail[:500]}
    connection.execute(payout_steps.insert(), values)


def _standing(query: Any) -> Any:
    """Of a query over payout_postings: those of payouts that stand."""
    gone = select(payout_steps.c.payout_id).where(
        payout_steps.c.state.in_(sorted(state.value for state in State if state not in STANDS))
    )
    return query.where(payout_postings.c.payout_id.not_in(gone))


def _source_of_run(connection: Connection, run: str) -> str:
    query = select(payout_sources.c.iban).join(payout_runs, payout_runs.c.source_no == payout_sources.c.source_no)
    return str(connection.execute(query.where(payout_runs.c.run_no == _run_no(run))).scalar_one())


def _grouped(connection: Connection, query: Any) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.payout_id, []).append(row)
    return found


def _payout(row: Row[Any], steps: Sequence[Row[Any]], covers: Sequence[Row[Any]]) -> Payout:
    ways = list(State)  # two steps of one millisecond stand in the order they can only have happened in
    told = [Step(State(one.state), from_ms(one.at_ms), one.by_whom, one.detail) for one in steps]
    return Payout(
        row.payout_id,
        run_name(row.run_no),
        row.host_id,
        row.host_name,
        row.holder,
        row.iban,
        row.currency,
        row.amount_minor,
        row.through_month,
        tuple(one.entry_no for one in covers),
        tuple(sorted(told, key=lambda one: ways.index(one.state))),
    )
