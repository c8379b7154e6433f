"""A QR code as inline SVG: black on white in any colour scheme, so that every phone reads it."""

from __future__ import annotations

import qrcode
from markupsafe import Markup

QUIET = 4  # modules around it


def qr_svg(text: str, label: str) -> Markup:
    """`label`: what it is, for who does not see it."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=QUIET)
    code.add_data(text)
    matrix = code.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(matrix) for x, is_dark in enumerate(row) if is_dark)
    size = len(matrix)
    return Markup(
        '<svg class="qr" role="img" aria-label="{}" viewBox="0 0 {} {}"><path fill="#fff" d="M0 0h{}v{}H0z"/>'
        '<path fill="#000" shape-rendering="crispEdges" d="{}"/></svg>'
    ).format(label, size, size, size, size, path)
