"""Bind this kiosk to its server with a one-time code: `kiosk enrol`, or this module as a program."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from contract.api import EnrolAnswer, EnrolRequest
from contract.codec import WireError, from_bytes, to_bytes
from kiosk.config import ConfigError, Enrolment, NotEnrolled, load, url_problem
from kiosk.tls import AUTHORITY_FILE, KNOWN_TIME_FILE, BadAuthority, authority_file, trust
from kiosk.uplink.exchange import Session, Unreachable
from kiosk.uplink.identity import key_for_enrolment, public_hex, read_board_serial, save_enrolment, write_whole
from kiosk.uplink.known_time import KnownTime

TIMEOUT_S = 20.0


class EnrolmentFailed(Exception):
    """Nothing was enrolled; the message is for the technician."""


def enrol(server_url: str, code: str, state_dir: Path, board_serial: str, ca_file: Path | None = None) -> Enrolment:
    """Make the kiosk's key if need be, enrol it, and write enrolment.json. Raises EnrolmentFailed.

    `ca_file`: the authority that is believed for this, else the system's.
    """
    try:
        if why := url_problem(server_url):
            raise EnrolmentFailed(f"{server_url}: {why}")
        key = key_for_enrolment(state_dir)
        known_time = KnownTime(state_dir / "uplink" / KNOWN_TIME_FILE)
        session = Session(trust(ca_file, known_time.bound), known_time)
        try:
            body = to_bytes(EnrolRequest(code.strip(), public_hex(key), board_serial))
            status, answer, _ = session.send("POST", server_url.rstrip("/") + "/v1/enrol", body, {}, TIMEOUT_S)
        finally:
            session.close()
        if status != 200:
            raise EnrolmentFailed(f"{server_url} refused the code ({status}): {answer[:300].decode(errors='replace')}")
        told = from_bytes(EnrolAnswer, answer)
        enrolment = Enrolment(told.kiosk_id, told.server_keys, server_url)
        save_enrolment(state_dir, enrolment)
    except Unreachable as error:
        raise EnrolmentFailed(f"{server_url}: {error}") from error
    except (WireError, OSError, ValueError) as error:
        raise EnrolmentFailed(str(error)) from error
    return enrolment


def main() -> int:
    parser = argparse.ArgumentParser(prog="kiosk enrol", description="Bind this kiosk to its server.")
    parser.add_argument("--config", default=os.environ.get("KIOSK_CONFIG", "/etc/kiosk/kiosk.toml"))
    parser.add_argument("--code", required=True, help="the one-time code from the operator's page")
    parser.add_argument("--server", help="the server's address (else [server] url)")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the server's authority, PEM; it is kept in state_dir")
    options = parser.parse_args()
    try:
        config = load(options.config)
        url = options.server or config.server.url
        if url is None:
            print(f"{options.config}: server.url: missing; or name the server with --server", file=sys.stderr)
            return 2
        serial = config.kiosk.board_serial or read_board_serial()
        state_dir = Path(config.kiosk.state_dir)
        if options.ca is not None and config.server.ca_file is not None:
            print(f"{options.config}: server.ca_file stands there already; leave out --ca", file=sys.stderr)
            return 2
        ca_file = options.ca or authority_file(config.server.ca_file, state_dir)
        enrolment = enrol(url, options.code, state_dir, serial, ca_file)
        if options.ca is not None:
            write_whole(state_dir / AUTHORITY_FILE, options.ca.read_bytes(), 0o644)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (EnrolmentFailed, NotEnrolled, BadAuthority, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    believed = "the system's authorities" if ca_file is None else f"the authority in {ca_file}"
    print(f"enrolled as {enrolment.kiosk_id} at {enrolment.server_url}, board {serial}; believes {believed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
