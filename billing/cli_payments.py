"""Subcommands about payments: providers, holds, refunds, and the provider's book against ours."""

from __future__ import annotations

import json
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from urllib.parse import urlsplit

from billing import directory
from billing.checkout import desk, refunds
from billing.checkout import reconcile as books
from billing.checkout.holds import WHOLE_KIOSK, set_hold
from billing.checkout.providers import providers_of
from billing.checkout.write_off import write_off
from billing.cli_base import NotSetUp, Result, data_dir_of, database_of
from billing.cli_by import decider, note_by
from billing.pages import payments_view
from billing.payments.provider import LookByKey, Nothing
from billing.payments.social import SocialProvider
from billing.payments.store import shown_of
from billing.people.audit import COMMAND_LINE, note
from billing.settings import SETTINGS_FILE, Settings, read_settings, server_time
from contract.codec import to_wire

MOST_LISTED = 50

ASKED = LookByKey("kiosk-billing payments check")  # nothing was ever done under it


def check_providers(arguments: Namespace) -> Result:
    """Ask each provider of the settings a question without consequences."""
    found = {}
    for name, provider in providers_of(read_settings(data_dir_of(arguments), arguments.database)).items():
        outcome = provider.ask(ASKED)
        found[name] = "answers" if isinstance(outcome, Nothing) else getattr(outcome, "why", str(outcome))
    text = "\n".join(f"{name}  {word}" for name, word in found.items())
    is_well = all(word == "answers" for word in found.values())
    return Result(text or "no payment provider is set up; see docs/stripe.md", found, 0 if is_well else 1)


def list_payments(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        lines = payments_view.payments(connection, server_time(), MOST_LISTED)
    text = "\n".join(f"{line.payment_id}  {line.state}  {line.amount}  {line.kiosk}  {line.age} ago" for line in lines)
    return Result(text or "no payments yet", [asdict(line) for line in lines])


def set_hold_amount(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        kiosk_id = directory.find_kiosk(connection, arguments.kiosk)
        evse_id = arguments.evse or WHOLE_KIOSK
        set_hold(connection, kiosk_id, evse_id, arguments.amount_minor)
        where = kiosk_id if evse_id == WHOLE_KIOSK else f"{kiosk_id} EVSE {evse_id}"
        note(connection, COMMAND_LINE, f"set the hold to {arguments.amount_minor} minor units", where, server_time())
    data = {"kiosk_id": kiosk_id, "evse_id": evse_id, "hold_minor": arguments.amount_minor}
    return Result(f"{where}: {arguments.amount_minor} minor units are held before a charge", data)


def release_payment(arguments: Namespace) -> Result:
    now = server_time()
    with database_of(arguments) as connection:
        desk.release_by_hand(connection, arguments.payment, now)
        note(connection, COMMAND_LINE, "released a hold by hand", arguments.payment, now)
    return Result(f"{arguments.payment}: given up; the hold is released with the next round", {"is_given_up": True})


def write_off_debt(arguments: Namespace) -> Result:
    now = server_time()
    with database_of(arguments) as connection:
        person = decider(connection, arguments.by)
        amount_minor = write_off(connection, arguments.payment, arguments.why, now)
        shown = shown_of(connection, arguments.payment, amount_minor)
        note_by(connection, person, f"wrote off {shown}: {arguments.why}", arguments.payment, now)
    return Result(f"{arguments.payment}: {shown} is written off", {"amount_minor": amount_minor})


def ask_refund(arguments: Namespace) -> Result:
    now, settings = server_time(), read_settings(data_dir_of(arguments), arguments.database)
    with database_of(arguments) as connection:
        person = decider(connection, arguments.by)
        rule, second = refunds.Rule(arguments.rule), settings.second_approval_above_minor
        planned = refunds.plan(connection, arguments.payment, arguments.amount_minor, rule, second)
        parts = ", ".join(f"{name} {part}" for name, part in planned.parts.items())
        if arguments.dry_run:
            return Result(f"would take {parts}; the host's payment goes down by {planned.host_minor}", asdict(planned))
        refund = refunds.ask(
            connection, arguments.payment, arguments.amount_minor, rule, arguments.why, person.name, now, second
        )
        shown = shown_of(connection, arguments.payment, refund.amount_minor)
        note_by(connection, person, f"asked for a refund of {shown}: {refund.why}", arguments.payment, now)
    return _refund(refund)


def approve_refund(arguments: Namespace) -> Result:
    return _second(arguments, refunds.approve, "approved")


def refuse_refund(arguments: Namespace) -> Result:
    return _second(arguments, refunds.refuse, "refused")


def list_refunds(arguments: Namespace) -> Result:
    with database_of(arguments) as connection:
        waiting = refunds.waiting(connection)
    text = "\n".join(
        f"{r.refund_id}  {r.amount_minor}  payment {r.payment_id}  asked by {r.asked_by}: {r.why}" for r in waiting
    )
    return Result(text or "no refund waits for a second person", [to_wire(refund) for refund in waiting])


def _second(arguments: Namespace, decide: Callable[..., refunds.Refund], word: str) -> Result:
    now = server_time()
    with database_of(arguments) as connection:
        person = decider(connection, arguments.by)
        refund = decide(connection, arguments.refund, person.name, now)
        shown = shown_of(connection, refund.payment_id, refund.amount_minor)
        note_by(connection, person, f"{word} a refund of {shown}", refund.payment_id, now)
    return _refund(refund)


def _refund(refund: refunds.Refund) -> Result:
    state = {None: "waits for a second person", True: "goes out with the next round", False: "is refused"}
    return Result(f"{refund.refund_id}: {refund.amount_minor} {state[refund.is_granted]}", to_wire(refund))


def set_social(arguments: Namespace) -> Result:
    """Write or replace the table [social] of billing.toml; secrets are read from standard input, a line each."""
    path = data_dir_of(arguments) / SETTINGS_FILE
    for name, url in (("URL", arguments.url), ("--app-url", arguments.app_url or arguments.url)):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{name} {url[:80]!r}: want an address, as https://social.example.org")
    merchant, webhook = (sys.stdin.readline().strip() for _ in range(2))
    values = {
        "url": arguments.url,
        "merchant_secret": merchant,
        "webhook_secret": webhook,
        "fee_account": arguments.fee_account,
        "app_url": arguments.app_url or arguments.url,
    }
    if not merchant or not webhook:
        raise ValueError("standard input: want two lines, the merchant's secret and the webhooks' secret")
    table = "[social]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
    with database_of(arguments) as connection:
        note(connection, COMMAND_LINE, "set up the social server", arguments.url, server_time())
    kept = re.sub(r"(?ms)^\[social\]\n.*?(?=^\[|\Z)", "", path.read_text(encoding="utf-8")).rstrip("\n")
    written = path.with_suffix(".new")
    written.write_text(f"{kept}\n\n{table}", encoding="utf-8")
    written.chmod(path.stat().st_mode & 0o777)
    written.replace(path)
    read_settings(arguments.data_dir, arguments.database)  # says by name what is wrong with it
    return Result(f"{path}: [social] is {arguments.url}; webhooks come to /hooks/social", {"url": arguments.url})


def reconcile(arguments: Namespace) -> Result:
    """Exit code 1 where our books and a provider's differ by anything."""
    settings = read_settings(data_dir_of(arguments), arguments.database)
    if settings.social is None and settings.stripe is None:
        raise NotSetUp("no payment provider is set up; see docs/payments.md and docs/stripe.md")
    found, seen = list[str](), list[str]()
    holds = 0
    try:
        for name, own_account, statements in _statements(arguments, settings):
            for statement in statements:
                with database_of(arguments) as connection:
                    told = books.differences(connection, name, own_account, statement)
                found += [f"{name}: {line}" for line in told]
                holds += len(statement.holds)
                of_it = f"{name}: {len(statement.holds)} holds and {len(statement.balances)} accounts"
                seen.append(f"{of_it} in {statement.currency}: no difference")
    except books.NoStatement as error:
        raise ValueError(str(error)) from error
    text = "\n".join(found or seen) or "nothing there, nothing here: no difference"
    return Result(text, {"differences": found, "holds": holds}, 1 if found else 0)


def _statements(arguments: Namespace, settings: Settings) -> Iterator[tuple[str, str, Sequence[books.Statement]]]:
    """By provider of the settings: its name, our account there, and its own book. Raises NoStatement."""
    if settings.social is not None:
        yield SocialProvider.name, settings.social.fee_account, [books.fetch(settings.social)]
    if settings.stripe is not None:
        # Its library is a fifth of a second to import.
        from billing.checkout import reconcile_stripe
        from billing.payments.stripe_provider import StripeProvider

        with database_of(arguments) as connection:
            currencies = books.currencies_of(connection, StripeProvider.name)
        stripe_book = reconcile_stripe.fetch(StripeProvider(settings.stripe), currencies)
        yield StripeProvider.name, settings.stripe.own_account, stripe_book
