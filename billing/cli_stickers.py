"""Subcommand `kiosk sticker`: what is glued beside a connector and written to its NFC tag."""

from __future__ import annotations

import io
from argparse import Namespace
from urllib.parse import urlsplit

import qrcode

from billing import directory, stickers
from billing.cli_base import Result, data_dir_of, database_of
from billing.settings import read_settings, server_time
from contract.device_code import device_address


def sticker(arguments: Namespace) -> Result:
    base = arguments.base_url or read_settings(data_dir_of(arguments)).public_url
    if urlsplit(base).scheme not in ("http", "https") or not urlsplit(base).hostname:
        raise ValueError("no public address: set public_url in billing.toml, or say --base-url https://…")
    with database_of(arguments) as connection:
        kiosk_id = directory.find_kiosk(connection, arguments.kiosk)
        offer = directory.current_offer(connection, kiosk_id, arguments.evse, server_time())
    address = device_address(base, kiosk_id, arguments.evse)
    if len(address) > stickers.MOST_TAG_BYTES:
        raise ValueError(f"{address}: more than {stickers.MOST_TAG_BYTES} letters do not fit an NFC tag")
    if arguments.svg is not None:
        arguments.svg.write_text(stickers.svg(address, arguments.kiosk, arguments.evse), encoding="utf-8")
    if arguments.png is not None:
        arguments.png.write_bytes(stickers.png(address))
    drawing = io.StringIO()
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_L, border=2)
    code.add_data(address)
    code.print_ascii(out=drawing, invert=True)
    lines = [address, "", "NFC tag: one record, an address (URI), with exactly this text; then lock the tag", ""]
    lines += [f"wrote {path}" for path in (arguments.svg, arguments.png) if path is not None]
    if offer is None:
        lines.append(f"nothing is offered at {arguments.kiosk} EVSE {arguments.evse} yet: kiosk-billing offer set")
    data = {"address": address, "kiosk_id": kiosk_id, "evse_id": arguments.evse, "is_sold": offer is not None}
    return Result("\n".join(lines) + "\n" + drawing.getvalue(), data)
