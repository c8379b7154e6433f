"""kiosk-billing: the operator's command. One clear line per mistake; `--json` for machines.

Exit codes: 0 done, 1 refused or not found, 2 wrong use or bad input, 3 the server is not set up.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from billing.cli_hosts_parser import add_host_commands

DEFAULT_DATA_DIR = "billing-data"


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    # The work is imported late: --help and mistakes answer at once.
    from billing import (
        cli_base,
        cli_decisions,
        cli_hosts,
        cli_ledger,
        cli_orders,
        cli_payments,
        cli_payouts,
        cli_people,
        cli_price,
        cli_setup,
        cli_shows,
        cli_stickers,
        cli_tariffs,
        cli_work,
    )

    rooms = (
        cli_setup,
        cli_work,
        cli_orders,
        cli_shows,
        cli_price,
        cli_ledger,
        cli_tariffs,
        cli_people,
        cli_payments,
        cli_decisions,
        cli_hosts,
        cli_payouts,
        cli_stickers,
    )
    room = next(room for room in rooms if hasattr(room, arguments.work))
    try:
        result = getattr(room, arguments.work)(arguments)
    except cli_base.NOT_SET_UP as error:
        return _fail(arguments, 3, str(error))
    except cli_base.REFUSED as error:
        return _fail(arguments, 1, str(error))
    except FileNotFoundError as error:
        return _fail(arguments, 2, f"{error.filename}: no such file" if error.filename else str(error))
    except cli_base.BAD_INPUT as error:
        return _fail(arguments, 2, str(error))
    if arguments.json:
        _print(json.dumps(result.data, ensure_ascii=False) + "\n")
    else:
        _print(result.text if result.text.endswith("\n") or not result.text else f"{result.text}\n")
    return int(result.exit_code)


def _print(text: str) -> None:
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        # Whoever reads has seen enough, as in `| head`. What is still buffered must not fail once more at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(arguments: argparse.Namespace, code: int, message: str) -> int:
    line = " ".join(message.split())
    if arguments.json:
        _print(json.dumps({"error": line}, ensure_ascii=False) + "\n")
    print(f"kiosk-billing: {line}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON")
    shared.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("KIOSK_BILLING_DIR", DEFAULT_DATA_DIR)),
        help="keys, settings and the database (default: $KIOSK_BILLING_DIR or ./billing-data)",
    )
    shared.add_argument("--database", help="database URL (default: the SQLite file in the data directory)")
    parser = argparse.ArgumentParser(prog="kiosk-billing", description="The billing server and its operator's command.")
    parser.set_defaults(json=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(group: Any, name: str, work: str, help_text: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = group.add_parser(name, help=help_text, parents=[shared])
        command.set_defaults(work=work)
        return command

    def group(name: str, help_text: str) -> Any:
        return commands.add_parser(name, help=help_text).add_subparsers(required=True, metavar="COMMAND")

    init = add(
        commands, "init", "init", "make the data directory, the server's key, the database and a first administrator"
    )
    init.add_argument("--operator-name", default="Harbour Energy")
    init.add_argument("--help-contact", default="", help="telephone or mail address printed on receipts")
    init.add_argument("--admin", default="admin", metavar="LOGIN", help="who signs in first (%(default)s)")
    init.add_argument("--public-url", default="", metavar="URL", help="how browsers reach this server, https://…")
    host_help = "name or IP address by which kiosks reach this server; again for more (default: this machine's own)"
    init.add_argument("--name", action="append", metavar="HOST", help=host_help)
    add(commands, "migrate", "migrate_database", "bring the database to the newest revision")
    serve = add(commands, "serve", "serve", "run the server")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8080)
    serve.add_argument("--workers", type=int, default=1, metavar="N", help="processes; more than 1 want PostgreSQL")
    log_help = 'a line of JSON for every request, without addresses; "-" is standard output (default: none)'
    serve.add_argument("--access-log", default="", metavar="FILE", help=log_help)
    serve.add_argument("--tls-certificate", type=Path, metavar="FILE", help="a certificate of a public authority, PEM")
    serve.add_argument("--tls-key", type=Path, metavar="FILE", help="its key, PEM")
    serve.add_argument("--plain", action="store_true", help="plain HTTP, behind a proxy that does TLS")
    authority = group("authority", "the test authority and the server's certificate from it")
    for name, work, text in (
        ("make", "make_authority", "make a test authority and a certificate, where init did not"),
        ("renew", "renew_certificate", "make a new certificate for the server; kiosks notice nothing"),
    ):
        one = add(authority, name, work, text)
        one.add_argument("--name", action="append", metavar="HOST", help=host_help)
        one.add_argument("--days", type=int, default=397, help="how long it is valid (%(default)s)")
    add(authority, "show", "show_authority", "print the authority's certificate, for kiosk enrol --ca")
    epoch = add(commands, "epoch", "show_epoch", "show the database's epoch")
    epoch.add_argument("--renew", action="store_true", help="after restoring a backup: ask kiosks for everything again")

    kiosk = group("kiosk", "kiosks and their enrolment codes")
    kiosk_add = add(kiosk, "add", "add_kiosk", "add a kiosk and print its enrolment code")
    kiosk_add.add_argument("name")
    kiosk_add.add_argument("--place", default="")
    kiosk_add.add_argument("--time-zone", default="UTC", help="of the site, as Europe/Berlin")
    kiosk_add.add_argument("--max-power-w", type=int, default=22_080, help="of one EVSE")
    kiosk_code = add(kiosk, "code", "new_code", "print a new enrolment code (new board, lost key)")
    kiosk_code.add_argument("kiosk")
    add(kiosk, "list", "list_kiosks", "kiosks with contact and alarms")
    kiosk_place = add(kiosk, "place", "place_kiosk", "where it stands and what its connectors are, for OCPI CDRs")
    kiosk_place.add_argument("kiosk")
    for name, text in (
        ("address", "street and house number"),
        ("city", "city or town"),
        ("country", "three letters, as DEU"),
        ("latitude", "degrees with five to seven decimals, as 53.54512"),
        ("longitude", "the same, as 9.96680"),
    ):
        kiosk_place.add_argument(f"--{name}", required=True, help=text)
    kiosk_place.add_argument("--postal-code")
    kiosk_place.add_argument("--connector", default="IEC_62196_T2", help="OCPI ConnectorType (%(default)s)")
    kiosk_place.add_argument("--format", default="SOCKET", help="SOCKET or CABLE (%(default)s)")
    kiosk_place.add_argument("--power-type", default="AC_3_PHASE", help="OCPI PowerType (%(default)s)")
    glued = add(kiosk, "sticker", "sticker", "the address of a device, for its sticker and its NFC tag")
    glued.add_argument("kiosk")
    glued.add_argument("evse", type=int)
    glued.add_argument("--svg", type=Path, metavar="FILE", help="a sticker of 60 × 80 mm to print")
    glued.add_argument("--png", type=Path, metavar="FILE", help="the code alone")
    glued.add_argument("--base-url", default="", metavar="URL", help="default: public_url of billing.toml")

    tariff = group("tariff", "tariffs")
    tariff_load = add(tariff, "load", "load_tariff", "publish a tariff file; EVSEs on an older version follow")
    tariff_load.add_argument("file", type=Path)
    tariff_load.add_argument("--from", dest="from_", metavar="TIME", help="in force from then on, as 2026-12-24T06:00Z")
    add(tariff, "list", "list_tariffs", "published tariffs and from when they hold")
    tariff_import = add(tariff, "import", "import_tariff", "publish an OCPI Tariff object as the next version")
    tariff_import.add_argument("file", type=Path)
    tariff_import.add_argument("--as", dest="name", metavar="NAME", help="instead of the object's own id")
    tariff_import.add_argument("--from", dest="from_", metavar="TIME", help="in force from then on, as for load")
    tariff_import.add_argument("--dry-run", action="store_true", help="only say what it would be, in words")
    tariff_show = add(tariff, "show", "show_tariff", "a tariff in words in every language, and as an OCPI object")
    tariff_show.add_argument("tariff")
    tariff_show.add_argument("--version", type=int, help="default: the one in force")
    tariff_show.add_argument("--ocpi", metavar="2.2.1|2.3.0", help="print the OCPI object alone")
    tariff_try = add(tariff, "try", "try_tariff", "what a session would cost by a tariff, beside the version in force")
    tariff_try.add_argument("tariff", help="a published tariff, or a file: ours, or an OCPI object")
    tariff_try.add_argument("--version", type=int)
    tariff_try.add_argument("--session", metavar="ID", help="a past one: transaction, order, receipt or CDR")
    for name, text in (
        ("kwh", "of a made-up one"),
        ("charging-min", "how long it charged"),
        ("parking-min", "how long it stayed plugged in"),
        ("reserved-min", "how long the place was kept before"),
        ("begins", "local time, as 2026-12-24T18:30"),
        ("zone", "of the place, as Europe/Berlin"),
    ):
        tariff_try.add_argument(f"--{name}", default="", help=text)
    tariff_try.add_argument("--grace-min", type=int, default=0, help="free minutes after charging")

    by_help = "who decides: the login of a person of finance or admin"
    payments = group("payments", "payment providers")
    add(payments, "check", "check_providers", "ask every provider of the settings whether it answers; moves no money")
    add(payments, "list", "list_payments", "the newest payments and where they stand")
    hold = add(payments, "hold", "set_hold_amount", "how much is held before a charge at an EVSE, or a whole kiosk")
    hold.add_argument("kiosk")
    hold.add_argument("amount_minor", type=int, metavar="MINOR", help="in minor units of the tariff's currency")
    hold.add_argument("--evse", type=int)
    release = add(payments, "release", "release_payment", "give up a start that was never heard of again")
    release.add_argument("payment")
    written = add(payments, "write-off", "write_off_debt", "give up what a guest owes and nobody can take")
    written.add_argument("payment")
    written.add_argument("why", help="the auditor reads it")
    written.add_argument("--by", required=True, metavar="LOGIN", help=by_help)
    social = add(payments, "social", "set_social", "set up the social server; two secrets on standard input")
    social.add_argument("url")
    social.add_argument("--app-url", help="where its app's pages are (default: the same)")
    social.add_argument("--fee-account", default="operator", help="whose account there pays its fee (%(default)s)")
    refund = group("refund", "give part of a payment back")
    asked = add(refund, "ask", "ask_refund", "decide on a refund; large ones wait for a second person")
    asked.add_argument("payment")
    asked.add_argument("amount_minor", type=int, metavar="MINOR")
    asked.add_argument("why", help="the payer and the auditor read it")
    asked.add_argument("--by", required=True, metavar="LOGIN", help=by_help)
    asked.add_argument("--rule", choices=("shared", "operator"), default="shared", help="who gives (%(default)s)")
    asked.add_argument("--dry-run", action="store_true", help="say what it would do")
    for name, work, text in (
        ("approve", "approve_refund", "agree to another person's refund"),
        ("refuse", "refuse_refund", "do not agree"),
    ):
        one = add(refund, name, work, text)
        one.add_argument("refund")
        one.add_argument("--by", required=True, metavar="LOGIN", help=by_help)
    add(refund, "list", "list_refunds", "refunds that wait for a second person")

    price = add(commands, "price", "price_files", "what a session costs by a tariff: OCPI files in, OCPI's names out")
    price.add_argument("--tariff", type=Path, required=True, metavar="T.json", help="an OCPI Tariff object")
    price.add_argument("--cdr", type=Path, required=True, metavar="C.json", help="an OCPI CDR object")
    price.add_argument("--time-zone", metavar="ZONE", help="as Europe/Berlin (default: the CDR's, or UTC)")

    offer = group("offer", "what is offered at an EVSE")
    offer_set = add(offer, "set", "set_offer", "offer a tariff at an EVSE")
    offer_set.add_argument("kiosk")
    offer_set.add_argument("evse", type=int)
    offer_set.add_argument("tariff")
    offer_set.add_argument("--parking-grace", type=int, default=0, metavar="SECONDS")
    offline_help = "the price while the kiosk's clock is not known, for a tariff that depends on it"
    offer_set.add_argument("--offline-tariff", metavar="TARIFF", help=offline_help)

    add(offer, "list", "list_offers", "what is offered now").add_argument("kiosk", nargs="?")

    token = group("token", "cards and member codes")
    for name, work, text in (
        ("add", "add_token", "give a card or member code to an account"),
        ("block", "block_token", "block a lost card"),
        ("unblock", "unblock_token", "free a found card"),
    ):
        one = add(token, name, work, text)
        which = one.add_mutually_exclusive_group(required=True)
        which.add_argument("card", nargs="?", metavar="CARD-UID", help="UID in hex")
        which.add_argument("--member", metavar="CODE", help="the text after KM1. in a member's QR code")
        if name == "add":
            one.add_argument("--account", help="default: an account of its own")
            one.add_argument("--group", help="group of a new account")
            one.add_argument("--cap-minor", type=int, help="most one order of a new account may cost")
            one.add_argument("--offline-cap-minor", type=int, default=2_000, help="most a kiosk lends on its own")

    add(token, "list", "list_tokens", "cards and codes with their accounts, masked").add_argument("--account")

    account = group("account", "accounts of cards")
    account_code = (
        "print a code by which a driver links the account's cards to their sign-in; hand it over with the card"
    )
    add(account, "code", "account_code", account_code).add_argument("account")

    voucher = group("voucher", "prepaid vouchers")
    voucher_new = add(voucher, "new", "new_voucher", "issue a voucher for one kiosk; prints text and QR code")
    voucher_new.add_argument("--kiosk", required=True)
    voucher_new.add_argument("--value-minor", type=int, required=True)
    voucher_new.add_argument("--currency", default="EUR")
    voucher_new.add_argument("--valid-days", type=int, default=30)

    command = group("command", "commands to kiosks")
    start = add(command, "start", "command_start", "start a charge from here")
    start.add_argument("kiosk")
    start.add_argument("evse", type=int)
    start.add_argument("--account", required=True)
    start.add_argument("--cap-minor", type=int)
    start.add_argument("--ttl", type=int, default=60, metavar="SECONDS")
    stop = add(command, "stop", "command_stop", "stop a transaction from here")
    stop.add_argument("kiosk")
    stop.add_argument("transaction")
    stop.add_argument("--ttl", type=int, default=60, metavar="SECONDS")
    unlock = add(command, "unlock", "command_unlock", "free a cable that does not come out")
    change = add(command, "set", "command_set", "change settings of a kiosk, as patience.plug_in_s=120")
    evse = group("evse", "take an EVSE out of service, and put it back")
    close = add(evse, "close", "evse_close", "sell nothing new there; what runs is finished first")
    open_ = add(evse, "open", "evse_open", "sell there again")
    reservation = group("reservation", "connectors kept for somebody")
    reserve = add(reservation, "make", "reservation_make", "keep a connector for an account or a card")
    cancel = add(reservation, "cancel", "reservation_cancel", "give it free")
    add(reservation, "list", "reservation_list", "what is kept now")
    for one in (unlock, change, close, open_, reserve, cancel):
        one.add_argument("kiosk")
        one.add_argument("--ttl", type=int, default=60, metavar="SECONDS")
    for one in (unlock, close, open_, reserve):
        one.add_argument("evse", type=int)
    change.add_argument("setting", nargs="+", metavar="KEY=VALUE")
    cancel.add_argument("reservation")
    reserve.add_argument("--minutes", type=int, default=30)
    whom = reserve.add_mutually_exclusive_group(required=True)
    whom.add_argument("--account")
    whom.add_argument("--card", metavar="CARD-UID", help="UID in hex")
    command_list = add(command, "list", "list_commands", "the newest commands and their answers")
    command_list.add_argument("kiosk", nargs="?")

    sessions = add(commands, "sessions", "list_sessions", "the newest sessions")
    sessions.add_argument("--kiosk")
    receipt = add(commands, "receipt", "show_receipt", "a receipt as its driver sees it")
    receipt.add_argument("id")
    quarantine = group("quarantine", "what the server does not believe")
    add(quarantine, "list", "list_quarantine", "kept rows and sessions with their reasons")
    person = group("person", "who signs in: staff and hosts")
    person_add = add(person, "add", "person_add", "add somebody; prints the link by which they choose a password")
    person_add.add_argument("login", help="what they sign in with, best their mail address")
    person_add.add_argument("--name", help="as pages and the audit log call them (default: the login)")
    person_add.add_argument("--role", choices=("admin", "operator", "finance", "host"), default="operator")
    person_add.add_argument("--host", metavar="HOST-ID", help="whose devices a host sees")
    add(person, "list", "person_list", "everybody")
    for name, work, text in (
        ("disable", "person_disable", "let somebody in no more, and sign them out everywhere"),
        ("enable", "person_enable", "let them in again"),
        ("reset", "person_reset", "print a new link for a forgotten password"),
    ):
        one = add(person, name, work, text)
        one.add_argument("login")
        if name == "reset":
            lost = "a lost phone: remove code generator, recovery codes and passkeys, too"
            one.add_argument("--second-proof", action="store_true", help=lost)
    api_key = group("api-key", "keys for programs")
    key_add = add(api_key, "add", "api_key_add", "make a key; it is shown once")
    key_add.add_argument("name")
    key_add.add_argument("--role", choices=("admin", "operator", "finance"), default="operator")
    add(api_key, "list", "api_key_list", "all keys")
    add(api_key, "revoke", "api_key_revoke", "a key that opens nothing any more").add_argument("name")
    log = add(commands, "audit", "show_audit", "who did what; the newest first")
    log.add_argument("--subject", help="only what was done to this id")
    log.add_argument("--who", help="only what this person did")
    log.add_argument("--most", type=int, default=100)

    task = group("task", "charges no rule settles: a person decides")
    add(task, "list", "list_tasks", "what waits, why, and the amount at stake")
    shown = add(task, "show", "show_task", "what may be decided about one, and what each choice does")
    decided = add(task, "decide", "decide_task", "decide; above the limit a second person has to agree")
    for one in (shown, decided):
        one.add_argument("transaction")
        one.add_argument("--kiosk", help="where two kiosks have a session of that id")
    decided.add_argument(
        "choice", choices=("proved", "recorded", "nothing", "keep", "wait"), help="as task show names it"
    )
    decided.add_argument("why", help="the auditor reads it")
    decided.add_argument("--by", required=True, metavar="LOGIN", help=by_help)
    decided.add_argument("--days", type=int, help="of wait: 1 to 30")
    decided.add_argument("--dry-run", action="store_true", help="say what it would do")
    for name, work, text in (
        ("approve", "approve_task", "agree to another person's decision"),
        ("refuse", "refuse_task", "do not agree"),
    ):
        one = add(task, name, work, text)
        one.add_argument("decision")
        one.add_argument("--by", required=True, metavar="LOGIN", help=by_help)

    add_host_commands(add, group)

    ledger = group("ledger", "the books")
    add(ledger, "check", "check_ledger", "prove that every entry balances and every CDR has its entries")
    add(ledger, "reconcile", "reconcile", "hold our books against the payment app's own; exit code 1 where they differ")
    explain = add(ledger, "explain", "explain_ledger", "the story of one session's money")
    explain.add_argument("session", help="transaction, order, receipt or CDR id")
    return parser
