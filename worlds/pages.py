"""Photographs of web pages by a headless Chromium."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

PATIENCE_S = 60.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--ignore-certificate-errors",  # the test authority stands in no browser
)  # fmt: skip


def photograph_page(url: str, path: Path, size: tuple[int, int] = (412, 915)) -> str | None:
    """Save a picture of a page, as wide as a phone by default. Returns why there is none, or None."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        return "no chromium found"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kiosk-pages-") as profile:
        window = f"--window-size={size[0]},{size[1]}"
        argv = [browser, *FLAGS, f"--user-data-dir={profile}", window, f"--screenshot={path}", url]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        except subprocess.TimeoutExpired:
            return f"chromium took longer than {PATIENCE_S:g} s"
    if not path.exists():
        return f"chromium saved nothing: {done.stderr[-300:]}"
    return None
