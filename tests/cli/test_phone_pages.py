"""`kiosk doctor` looks where the codes on the screen lead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.config import load
from kiosk.probe.checks_server import phone_pages
from tests.cli.conftest import ROOT


@pytest.mark.parametrize(
    ("address", "level"),
    [
        ("https://charge.example.org", "ok"),
        ("http://charge.example.org", "warn"),
        ("https://localhost:8000", "warn"),
        ("https://kiosk.localhost", "warn"),
        ("https://127.0.0.1", "warn"),
        ("https://[::1]:8000", "warn"),
    ],
)
def test_an_address_that_no_phone_reaches_is_a_warning(address: str, level: str) -> None:
    config = load(str(ROOT / "config" / "kiosk.toml"))
    (finding,) = phone_pages(replace(config, kiosk=replace(config.kiosk, address=address)))

    assert (finding.what, finding.where, finding.level.value) == ("phone pages", address, level)
