"""Worlds do no harm, notice when a rule is missing, and can be replayed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from worlds.faults.kinds import chosen
from worlds.fleet import HARMS, LEAST_PER_100, parse_seeds, summary, too_little

HARM = set(HARMS)


def fleet(*words: str) -> tuple[int, dict[str, object], str]:
    """`kiosk-sim worlds` as a person runs it: exit status, report, what stood on standard error."""
    command = [sys.executable, "-m", "worlds.cli", "worlds", "--json", "--jobs", "1", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


def test_worlds_with_power_cuts_and_network_loss_do_no_harm() -> None:
    code, report, said = fleet("--seeds", "1-6", "--hours", "24")

    assert code == 0, said
    assert report["harm"] == dict.fromkeys(sorted(HARM), 0) | dict.fromkeys(HARM, 0)
    activity = report["activity"]
    assert isinstance(activity, dict)
    assert activity["sessions"] > 60 and activity["kwh"] > 300 and activity["power_cuts"] > 18
    assert set(report) == {"seeds", "harm", "activity", "kiosk_hours_per_s"}
    assert set(activity) == {
        "sessions",
        "kwh",
        "power_cuts",
        "offline_h",
        "refusals",
        "paid_orders",
        "faults",
        "forgiven_wh",
    }


PROVIDER = "network_loss,power_cut,provider_misbehaves"


@pytest.mark.parametrize(
    ("rule", "finds", "faults"),
    [
        ("freshness", "unbilled_wh", "default"),
        ("release-first", "unsafe", "default"),
        ("idempotency-key", "doubled", "default"),
        ("release", "paid_not_supplied", PROVIDER),
    ],
)
def test_a_missing_rule_is_found(rule: str, finds: str, faults: str) -> None:
    words = ("--seeds", "1-60", "--hours", "24", "--first-harm", "--without", rule, "--faults", faults)
    code, report, said = fleet(*words)

    assert code == 1
    harm = report["harm"]
    assert isinstance(harm, dict) and harm[finds] > 0
    assert "seed " in said and "replay one" in said, "a failing seed tells its story"


def test_a_misbehaving_payment_provider_takes_nobodys_money_for_nothing() -> None:
    code, report, said = fleet("--seeds", "9-11", "--hours", "24", "--faults", f"{PROVIDER},provider_away")

    assert code == 0, said
    activity = report["activity"]
    assert isinstance(activity, dict)
    assert activity["paid_orders"] > 3 and activity["faults"]["provider_misbehaves"] > 3


def test_a_seed_replays_to_the_same_story() -> None:
    _, first, story = fleet("--seeds", "3", "--hours", "6", "--story")
    _, again, story_again = fleet("--seeds", "3", "--hours", "6", "--story")

    assert first["activity"] == again["activity"]
    assert story == story_again


def test_too_little_activity_is_a_failure() -> None:
    report = summary([], 24.0, 1.0) | {"seeds": 100}

    assert all(name in too_little(report, 24.0) for name in LEAST_PER_100)


def test_a_day_with_everything_on_may_deliver_less_than_a_quiet_one_and_two_days_must_deliver_twice_as_much() -> None:
    report = summary([], 24.0, 1.0) | {"seeds": 100}
    activity = report["activity"]
    assert isinstance(activity, dict)
    activity["kwh"] = 3_500.0

    assert "kwh 3500.0 < 5000" in too_little(report, 24.0)
    assert "kwh" not in too_little(report, 24.0, chosen("all"))
    assert "kwh 3500.0 < 6000" in too_little(report, 48.0, chosen("all"))


@pytest.mark.parametrize("text", ["", "5-1", "a-b", "-3", "1-999999"])
def test_a_wrong_range_of_seeds_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_seeds(text)
