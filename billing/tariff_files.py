"""Tariffs as files: TOML or JSON with exactly the keys of contract.tariff.Tariff."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from contract.codec import WireError, from_wire
from contract.tariff import Tariff


def read_tariff(path: Path) -> Tariff:
    """Raises WireError naming file and key, OSError."""
    text = path.read_text(encoding="utf-8")
    data: Any
    try:
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise WireError(f"{path}: {error}") from error
    try:
        return from_wire(Tariff, data, "tariff")
    except WireError as error:
        raise WireError(f"{path}: {error}") from error
