"""A sticker for a device: its address as a QR code to print, and as bytes for an NFC tag. Pure.

The address says which device it is and proves nothing: a start from it also needs the six digits on the screen.
"""

from __future__ import annotations

import struct
import zlib
from html import escape

import qrcode

QUIET = 4  # modules around the code
PNG_MODULE_PX = 24  # at 300 dots per inch a module is 2 mm
MOST_TAG_BYTES = 137  # of an NTAG213, what is left for the address


def matrix(address: str) -> list[list[bool]]:
    """The QR code with its quiet zone, row by row; True is dark. Level Q, as stickers get scratched."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_Q, border=QUIET)
    code.add_data(address)
    code.make(fit=True)
    return [[bool(module) for module in line] for line in code.get_matrix()]


def svg(address: str, kiosk: str, evse_id: int) -> str:
    """60 × 80 mm: the connector's number, the code, kiosk and address to read."""
    rows = matrix(address)
    size = len(rows)
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark)
    readable = escape(address.split("://", 1)[-1])
    smaller = min(2.6, 54 / max(1, len(readable)) * 1.75)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="60mm" height="80mm" viewBox="0 0 60 80">'
        '<path fill="#fff" d="M0 0h60v80H0z"/>'
        f'<text x="30" y="11" font-family="sans-serif" font-size="9" font-weight="bold" text-anchor="middle">'
        f"{escape(kiosk)} · {evse_id}</text>"
        f'<svg x="4" y="14" width="52" height="52" viewBox="0 0 {size} {size}">'
        f'<path fill="#000" shape-rendering="crispEdges" d="{path}"/></svg>'
        f'<text x="30" y="74" font-family="sans-serif" font-size="{smaller:.2f}" text-anchor="middle">{readable}</text>'
        "</svg>\n"
    )


def png(address: str) -> bytes:
    """The code alone, black on white, one bit a pixel."""
    rows = matrix(address)
    side = len(rows) * PNG_MODULE_PX
    lines = bytearray()
    for row in rows:
        bits = "".join(("0" if is_dark else "1") * PNG_MODULE_PX for is_dark in row)
        line = b"\x00" + int(bits.ljust(-(-side // 8) * 8, "0"), 2).to_bytes(-(-side // 8), "big")
        lines += line * PNG_MODULE_PX
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(lines), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
