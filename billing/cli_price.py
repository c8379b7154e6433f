"""kiosk-billing price: what a session would cost by a tariff, both given as OCPI files. Needs no data directory."""

from __future__ import annotations

import json
from argparse import Namespace

from billing.cli_base import Result
from billing.ocpi.cost import as_json, cost_of


def price_files(arguments: Namespace) -> Result:
    if arguments.tariff.suffix == ".toml" and arguments.tariff.is_file():
        raise ValueError(
            f"{arguments.tariff}: want an OCPI Tariff object in JSON; our own files go into kiosk-billing tariff try"
        )
    text = as_json(cost_of(arguments.tariff, arguments.cdr, arguments.time_zone))
    return Result(text, json.loads(text))
