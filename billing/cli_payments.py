"""Subcommands about payment providers."""

from __future__ import annotations

from argparse import Namespace

from billing.checkout.providers import providers_of
from billing.cli_base import Result, data_dir_of
from billing.payments.provider import LookByKey, Nothing
from billing.settings import read_settings

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
