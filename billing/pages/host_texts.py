"""The host pages' words: one file per language beside this one. A test checks that no language lacks one."""

from __future__ import annotations

import tomllib
from pathlib import Path

from billing.pages.render import LANGUAGES


def _read(language: str) -> dict[str, str]:
    return tomllib.loads((Path(__file__).parent / f"host_{language}.toml").read_text(encoding="utf-8"))


HOST: dict[str, dict[str, str]] = {language: _read(language) for language in LANGUAGES}
