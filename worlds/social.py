"""`kiosk-sim social`: the social server as a process, for the demo and for whoever wants to play with it."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from sim.social.bank import Bank
from sim.social.postman import Webhook
from sim.social.server import SocialServer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8461)
    parser.add_argument("--merchant-secret", required=True, help="what the operator's server shows to be let in")
    parser.add_argument("--webhook-url", default="", help="where events go; empty: nowhere")
    parser.add_argument("--webhook-secret", default="")
    parser.add_argument("--person", action="append", default=[], metavar="NAME:MINOR", help="an account with money")
    parser.add_argument("--seed", type=int, default=1)


def run(args: argparse.Namespace) -> int:
    bank = Bank()
    for word in args.person:
        name, _, money = word.partition(":")
        bank.open_account(name, int(money))
    webhook = Webhook(args.webhook_url, args.webhook_secret.encode())
    server = SocialServer(bank, args.merchant_secret, webhook, args.seed)
    print(f"kiosk-sim social: serving at http://127.0.0.1:{args.port}, app at /app", file=sys.stderr, flush=True)
    uvicorn.run(server.app(), host="127.0.0.1", port=args.port, log_level="warning")
    return 0
