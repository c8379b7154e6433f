"""[site] in the configuration, and the interlock's own sum of what is offered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from contract.iec61851 import PilotState
from contract.metering import MeterReading
from kiosk.config import ConfigError, load
from kiosk.interlock import exceeds_site
from kiosk.session.facts import Facts
from kiosk.session.settings import EvseSettings, KioskSettings, SiteSettings
from tests.test_config import WHOLE

SITE = WHOLE + '[[meter]]\nname = "grid"\nbus = "rs485"\naddress = 2\nmap = "sdm630"\n\n'
SITE += '[site]\nlimit_a = 63\nmeter = "grid"\nfallback_a = 16\n'


def read(tmp_path: Path, text: str) -> KioskSettings:
    path = tmp_path / "kiosk.toml"
    path.write_text(text)
    return load(path).settings


def test_a_site_is_read_and_reaches_the_core(tmp_path: Path) -> None:
    settings = read(tmp_path, SITE.replace("evse_id = 1", 'evse_id = 1\nphase_rotation = "STR"'))

    assert settings.site == SiteSettings(63, has_meter=True, fallback_a=16)
    assert settings.evses[0].site_phases == (1, 2, 0)


def test_a_vehicle_has_as_long_to_follow_for_the_site_as_for_its_own_protection(tmp_path: Path) -> None:
    settings = read(tmp_path, SITE.replace("[site]", "[protection]\nfollow_s = 8\n[site]"))

    assert settings.site is not None
    assert settings.site.follow_s == settings.evses[0].protection.follow_s == 8


def test_without_a_meter_the_limit_is_that_of_the_evses(tmp_path: Path) -> None:
    settings = read(tmp_path, WHOLE + "[site]\nlimit_a = 32\n")

    assert settings.site == SiteSettings(32, reserve_a=0)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("fallback_a = 16\n", ""), "site.fallback_a: missing"),
        (("fallback_a = 16", "fallback_a = 64"), "site.fallback_a: 64 A is more than limit_a, 63 A"),
        (('meter = "grid"\nfall', 'meter = "gird"\nfall'), "there is no [[meter]] named 'gird'; did you mean 'grid'?"),
        (('meter = "grid"\nfall', 'meter = "main"\nfall'), "site.meter: 'main' measures evse[0]"),
        (('meter = "grid"\nfall', "fall"), "site.fallback_a: is for a silent site meter"),
        (("limit_a = 63", "limit_a = 5"), "site.limit_a: want 6 to 2000, got 5"),
        (("limit_a = 63", "limit = 63"), "site.limit: unknown key; did you mean 'limit_a'?"),
        (("limit_a = 63", "limit_a = 63\nreserve_a = 63"), "site.reserve_a: 63 A leaves nothing of limit_a, 63 A"),
    ],
)
def test_what_is_wrong_with_a_site_is_named(tmp_path: Path, change: tuple[str, str], complaint: str) -> None:
    assert change[0] in SITE

    with pytest.raises(ConfigError) as error:
        read(tmp_path, SITE.replace(*change))

    assert complaint in str(error.value)


def drawing(*current_ma: int, fresh: bool = True) -> Facts:
    return Facts(PilotState.C, True, 10.0, MeterReading(10.0, 0, current_ma=current_ma), meter_is_fresh=fresh)


TWO = KioskSettings((EvseSettings(1), EvseSettings(2, phase_rotation="STR")), site=SiteSettings(32))


def test_the_second_opinion_sums_what_is_offered_per_phase() -> None:
    facts = {1: drawing(16_000, 16_000, 16_000), 2: drawing(0, 0, 0)}

    assert not exceeds_site({1: 16, 2: 16}, facts, TWO, True)
    assert exceeds_site({1: 16, 2: 17}, facts, TWO, True)
    assert not exceeds_site({1: 80, 2: 80}, facts, replace(TWO, site=None), True)


def test_a_phase_that_a_charging_vehicle_leaves_alone_does_not_count_and_doubt_does() -> None:
    on_one_phase = {1: drawing(32_000, 0, 0), 2: drawing(16_000, 0, 0)}  # the second is on phase S

    assert not exceeds_site({1: 32, 2: 32}, on_one_phase, TWO, True)
    assert exceeds_site({1: 32, 2: 32}, on_one_phase | {2: drawing(16_000, 0, 0, fresh=False)}, TWO, True)
    assert exceeds_site({1: 32, 2: 32}, on_one_phase | {2: drawing()}, TWO, True)


def test_with_a_silent_site_meter_the_second_opinion_counts_to_the_fallback() -> None:
    metered = replace(TWO, site=SiteSettings(63, has_meter=True, fallback_a=16))

    assert not exceeds_site({1: 32, 2: 31}, {}, metered, True)
    assert exceeds_site({1: 16, 2: 6}, {}, metered, False)
