"""OCPI files in, the oracle's amount out: random tariffs with every restriction, and sessions that run into them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from billing.ocpi.cost import cost_of
from billing.ocpi.write import tariff_json
from contract.price import Sample, TimeUse
from tests.contract import oracle
from tests.contract.sessions import Case, case

TIMES = {TimeUse.CHARGING: "TIME", TimeUse.PARKING: "PARKING_TIME"}


def as_files(drawn: Case, folder: Path) -> tuple[Path, Path, tuple[Sample, ...]]:
    """The case as a Tariff and a CDR, and the readings they tell of: no power and no current but while charging."""
    periods: list[dict[str, Any]] = []
    told: list[Sample] = []
    for now, later in pairwise(drawn.samples):
        if now.elapsed_ms == later.elapsed_ms:
            continue
        charges = now.time_use is TimeUse.CHARGING
        told.append(replace(now, power_w=now.power_w if charges else 0, current_ma=now.current_ma if charges else 0))
        volumes = {"ENERGY": (later.import_wh - now.import_wh) / 1000, "CURRENT": (told[-1].current_ma or 0) / 1000}
        if told[-1].power_w is not None:
            volumes["POWER"] = told[-1].power_w / 1000
        if (name := TIMES.get(now.time_use)) is not None:
            volumes[name] = round((later.elapsed_ms - now.elapsed_ms) / 3_600_000, 4)
        dimensions = [{"type": kind, "volume": volume} for kind, volume in volumes.items()]
        periods.append({"start_date_time": moment(drawn, now), "dimensions": dimensions})
    last = drawn.samples[-1]
    cdr = {"end_date_time": moment(drawn, last), "charging_periods": periods, "currency": drawn.offer.tariff.currency}
    cdr["start_date_time"] = periods[0]["start_date_time"] if periods else cdr["end_date_time"]
    tariff_file, cdr_file = folder / "t.json", folder / "c.json"
    tariff_file.write_text(tariff_json(drawn.offer.tariff, "DE", "HRB", drawn.started_at))
    cdr_file.write_text(json.dumps(cdr))
    return tariff_file, cdr_file, (*told, last)


def moment(drawn: Case, sample: Sample) -> str:
    return f"{drawn.started_at + timedelta(milliseconds=sample.elapsed_ms):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize("first", [0, 1000])
def test_files_cost_what_the_oracle_says(first: int, tmp_path: Path) -> None:
    owed = 0
    for seed in range(first, first + 100):
        drawn = case(seed, 3000)
        drawn = replace(drawn, offer=replace(drawn.offer, parking_grace_s=0))
        tariff_file, cdr_file, samples = as_files(drawn, tmp_path)
        if len(samples) < 2:
            continue
        excl, incl = oracle.total(drawn.offer, samples, drawn.started_at)
        found = cost_of(tariff_file, cdr_file, drawn.offer.time_zone)

        assert found["rounded"]["incl_vat"] == oracle.minor(incl, found["currency"]), f"seed {seed}"
        assert abs(Fraction(found["total_cost"]["excl_vat"]) - excl) <= Fraction(1, 20_000), f"seed {seed}"
        owed += found["rounded"]["incl_vat"] > 0
    assert owed > 60, "agreement on nothing would prove nothing"
