"""The words of `kiosk-billing host`, `month` and `payout`; the work is in cli_hosts and cli_payouts."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

Add = Callable[[Any, str, str, str], argparse.ArgumentParser]
Group = Callable[[str, str], Any]


def add_host_commands(add: Add, group: Group) -> None:
    """`add` and `group` as billing.cli makes commands and groups of them."""
    host = group("host", "hosts, what is agreed with them, where they are paid")
    new = add(host, "add", "add_host", "a host, as statements and the bank name them")
    new.add_argument("host", metavar="ID", help="as H-12")
    new.add_argument("name")
    new.add_argument("--address", default="", help="lines parted by \\n")
    new.add_argument("--currency", default="EUR")
    new.add_argument("--time-zone", default="UTC", help="of their days and months, as Europe/Berlin")
    new.add_argument("--language", default="en", choices=("en", "de", "ja"))
    new.add_argument("--vat-id", default="")
    new.add_argument("--vat-rate", default="", metavar="PER-CENT", help="paid on top; none for a host without VAT")
    add(host, "list", "list_hosts", "hosts with what they are owed")
    agree = add(host, "agree", "agree_host", "what is in force at an EVSE from a day on; amounts in major units, net")
    for name in ("host", "kiosk"):
        agree.add_argument(name)
    agree.add_argument("evse", type=int)
    for name in ("use", "kwh", "hour", "month"):
        agree.add_argument(f"--per-{name}", default="", metavar="AMOUNT", help=f"installation fee per {name}")
    agree.add_argument("--electricity", metavar="PRICE", help="of a kWh in the host's own contract")
    agree.add_argument("--at", action="append", metavar="HH:MM-HH:MM=PRICE", help="another price at that time of day")
    agree.add_argument("--own-account", metavar="ACCOUNT", help="whose uses there are the host's own")
    agree.add_argument("--paid-by", default="operator", choices=("operator", "provider"), help="whose share bears it")
    agree.add_argument("--from", dest="from_day", metavar="YYYY-MM-DD", help="today or later (default: today)")
    agree.add_argument("--preview", action="store_true", help="say what would be written, and write nothing")
    end = add(host, "end", "end_host", "no host at an EVSE from a day on")
    for name in ("host", "kiosk"):
        end.add_argument(name)
    end.add_argument("evse", type=int)
    end.add_argument("--from", dest="from_day", metavar="YYYY-MM-DD", required=True)
    add(host, "agreements", "list_agreements", "everything agreed with a host").add_argument("host")
    account = add(host, "account", "enter_account", "where a host is paid; a changed account waits three days")
    account.add_argument("host")
    account.add_argument("iban")
    account.add_argument("--holder", required=True, help="as the bank knows them")
    account.add_argument("--bic", default="")
    for name, work, text in (
        ("approve-account", "approve_account", "agree to an account that waits"),
        ("withdraw-account", "withdraw_account", "take back an account that waits"),
    ):
        one = add(host, name, work, text)
        one.add_argument("host")
        one.add_argument("account", type=int, metavar="NUMBER", help="as host list shows it")

    month = group("month", "closing of months")
    add(month, "close", "close_month", "book the monthly fees and VAT; statements are final").add_argument(
        "month", metavar="YYYY-MM"
    )

    payout = group("payout", "what hosts are owed leaves by bank transfer")
    source = add(payout, "source", "set_source", "the operator's own account, and the least worth a transfer")
    source.add_argument("iban")
    source.add_argument("--name", required=True)
    source.add_argument("--bic", default="")
    source.add_argument("--minimum-minor", type=int, default=1_000)
    run = add(payout, "run", "run_payouts", "who would be paid what; with --yes the run is made")
    run.add_argument("--yes", action="store_true")
    add(payout, "list", "list_payouts", "runs and what became of their payouts").add_argument("run", nargs="?")
    add(payout, "file", "payout_file", "the bank's file of a run, pain.001").add_argument("run")
    read = add(payout, "read", "read_report", "a report of the bank, pain.002: paid and rejected as it says")
    read.add_argument("file", type=Path)
    confirm = add(payout, "confirm", "confirm_payout", "the bank paid: one payout, or all of a run that wait")
    reject = add(payout, "reject", "reject_payout", "the bank refused it: it is open again")
    back = add(payout, "return", "return_payout", "it was paid and came back: it is open again")
    for one in (confirm, reject, back):
        one.add_argument("payout", metavar="PAYOUT-OR-RUN")
    for one in (reject, back):
        one.add_argument("--why", required=True)
