"""Bind this kiosk to its server with a one-time code: `kiosk enrol`, or this module as a program."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from contract.api import EnrolAnswer, EnrolRequest
from contract.codec import WireError, from_bytes, to_bytes
from kiosk.config import ConfigError, Enrolment, NotEnrolled, load
from kiosk.uplink.exchange import Unreachable, fetch_plain
from kiosk.uplink.identity import key_for_enrolment, public_hex, read_board_serial, save_enrolment

TIMEOUT_S = 20.0


class EnrolmentFailed(Exception):
    """Nothing was enrolled; the message is for the technician."""


def enrol(server_url: str, code: str, state_dir: Path, board_serial: str) -> Enrolment:
    """Make the kiosk's key if need be, enrol it, and write enrolment.json. Raises EnrolmentFailed."""
    try:
        key = key_for_enrolment(state_dir)
        body = to_bytes(EnrolRequest(code.strip(), public_hex(key), board_serial))
        status, answer = fetch_plain(server_url, "/v1/enrol", body, TIMEOUT_S)
        if status != 200:
            raise EnrolmentFailed(f"{server_url} refused the code ({status}): {answer[:300].decode(errors='replace')}")
        told = from_bytes(EnrolAnswer, answer)
        enrolment = Enrolment(told.kiosk_id, told.server_keys, server_url)
        save_enrolment(state_dir, enrolment)
    except (Unreachable, WireError, OSError, ValueError) as error:
        raise EnrolmentFailed(str(error)) from error
    return enrolment


def main() -> int:
    parser = argparse.ArgumentParser(prog="kiosk enrol", description="Bind this kiosk to its server.")
    parser.add_argument("--config", default=os.environ.get("KIOSK_CONFIG", "/etc/kiosk/kiosk.toml"))
    parser.add_argument("--code", required=True, help="the one-time code from the operator's page")
    parser.add_argument("--server", help="the server's address (else [server] url)")
    options = parser.parse_args()
    try:
        config = load(options.config)
        url = options.server or config.server.url
        if url is None:
            print(f"{options.config}: server.url: missing; or name the server with --server", file=sys.stderr)
            return 2
        serial = config.kiosk.board_serial or read_board_serial()
        enrolment = enrol(url, options.code, Path(config.kiosk.state_dir), serial)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (EnrolmentFailed, NotEnrolled) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"enrolled as {enrolment.kiosk_id} at {enrolment.server_url}, board {serial}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
