"""What a laid-out screen gets wrong: words that do not fit, things that stick out, targets too small or overlapping."""

from __future__ import annotations

import qrcode

from kiosk.ui.layout import Measure, Rect, Scene
from kiosk.ui.nodes import Plug, Qr, Space, Text
from kiosk.ui.tokens import TARGET
from kiosk.ui.words import fit

LEAST_MODULE = 3  # real pixels at 800×480; below that a phone at arm's length gives up


def least_qr(payload: str) -> float:
    """Logical pixels for the code with its quiet zone."""
    code = qrcode.QRCode(border=4, error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(payload)
    code.make(fit=True)
    return float(LEAST_MODULE * len(code.get_matrix()))


def faults(scene: Scene, measure: Measure) -> list[str]:
    """One sentence each; empty for a screen that may be shipped."""
    found = []
    for item in (*scene.placed, *scene.frames):
        name = f"{type(item.node).__name__} {getattr(item.node, 'text', '')!r}"
        if item.rect.sticks_out_of(item.parent):
            found.append(f"{name} sticks out: {_words(item.rect)} of {_words(item.parent)}")
        if isinstance(item.node, Text) and item.node.text and not fit(item.node, item.rect, measure).fits:
            found.append(f"{name} does not fit into {_words(item.rect)}")
        if isinstance(item.node, Qr) and min(item.rect.w, item.rect.h) < least_qr(item.node.payload):
            found.append(f"QR code too small: {_words(item.rect)}")
        if isinstance(item.node, Plug) and min(item.rect.w, item.rect.h) < 40:
            found.append(f"plug too small: {_words(item.rect)}")
        if not isinstance(item.node, Space) and (item.rect.w < 0 or item.rect.h < 0):
            found.append(f"{name} has no room")
    for number, target in enumerate(scene.targets):
        if min(target.rect.w, target.rect.h) < TARGET["least"] - 0.5:
            found.append(f"{target.act}: too small to touch: {_words(target.rect)}")
        for other in scene.targets[number + 1 :]:
            if _overlap(target.rect, other.rect):
                found.append(f"{target.act} and {other.act} overlap")
    return found


def _overlap(one: Rect, other: Rect) -> bool:
    return (
        one.x < other.x + other.w - 1
        and other.x < one.x + one.w - 1
        and one.y < other.y + other.h - 1
        and other.y < one.y + one.h - 1
    )


def _words(rect: Rect) -> str:
    return f"{rect.w:.0f}×{rect.h:.0f} at {rect.x:.0f},{rect.y:.0f}"
