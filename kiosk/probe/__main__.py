"""`python -m kiosk.probe REQUEST`: one question to the bare devices. `-` reads the request from standard input."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module

from kiosk.probe.ends import OK, USAGE, Trouble
from kiosk.probe.request import read_request

# Imported when asked for: the journal needs no Modbus, a card no GPIO.
DO = {
    "meter read": "kiosk.probe.meter:read",
    "meter scan": "kiosk.probe.scan:scan",
    "nfc read": "kiosk.probe.card:read",
    "relay on": "kiosk.probe.relay:relay",
    "relay off": "kiosk.probe.relay:relay",
    "relay test": "kiosk.probe.relay:relay",
    "journal list": "kiosk.probe.rows:show_list",
    "journal show": "kiosk.probe.rows:show_one",
    "outbox": "kiosk.probe.rows:outbox",
    "doctor": "kiosk.probe.doctor:doctor",
}


def main() -> int:
    logging.getLogger("kiosk").addHandler(logging.NullHandler())  # what a device cannot do is a finding, said once
    try:
        if len(sys.argv) != 2:
            raise Trouble(USAGE, "probe: want one request. Use the command `kiosk` instead.")
        request = read_request(sys.stdin.buffer.read() if sys.argv[1] == "-" else sys.argv[1])
        place = DO.get(f"{request.command} {request.action}".strip())
        if place is None:
            raise Trouble(USAGE, f"probe: no such request: {request.command} {request.action}")
        module, function = place.split(":")
        code = int(getattr(import_module(module), function)(request))
        sys.stdout.flush()
        return code
    except Trouble as trouble:
        sys.stdout.flush()
        print("\n".join(f"kiosk: {line}" for line in str(trouble).splitlines()), file=sys.stderr)
        return trouble.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


if __name__ == "__main__":
    sys.exit(main())
