"""Photographs of web pages by a headless Chromium."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

PATIENCE_S = 60.0
TALLEST = 4_000  # pixels; what is below is cut off
MARGIN = 24
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--ignore-certificate-errors",  # the test authority stands in no browser
)  # fmt: skip


def photograph_page(url: str, path: Path, size: tuple[int, int] = (412, 915)) -> str | None:
    """Save a picture of a whole page, as wide as a phone and at least as tall by default.

    Returns why there is none, or None.
    """
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        return "no chromium found"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kiosk-pages-") as profile:
        window = f"--window-size={size[0]},{TALLEST}"
        argv = [browser, *FLAGS, f"--user-data-dir={profile}", window, f"--screenshot={path}", url]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        except subprocess.TimeoutExpired:
            return f"chromium took longer than {PATIENCE_S:g} s"
    if not path.exists():
        return f"chromium saved nothing: {done.stderr[-300:]}"
    _cut_empty_end(path, size[1])
    return None


def _cut_empty_end(path: Path, least: int) -> None:
    """Away with what is below the page's last word and has the page's ground alone."""
    with Image.open(path) as taken:
        picture = taken.convert("RGB")
    ground = Image.new("RGB", picture.size, picture.getpixel((0, picture.height - 1)))
    box = ImageChops.difference(picture, ground).getbbox()
    end = 0 if box is None else box[3] + MARGIN
    picture.crop((0, 0, picture.width, min(picture.height, max(least, end)))).save(path)
