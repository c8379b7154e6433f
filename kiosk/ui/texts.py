"""The screen's words: one TOML file per language in texts/, all with the same keys and the same placeholders.

A language is added by adding a file. Numbers, money and times are put in by Babel through `formats`.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

REFERENCE = "en"


class TextsWrong(ValueError):
    """A text file lacks a key, has one too many, or misnames a placeholder; the message names file and key."""


@dataclass(frozen=True, slots=True)
class Language:
    """`name` in its own words, `locale` for Babel, `face` of the fonts, texts by dotted key."""

    code: str
    name: str
    locale: str
    face: str
    texts: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """The text of a key with its placeholders filled. Raises KeyError for a key no file has."""
        return self.texts[key].format(**values)

    def has(self, key: str) -> bool:
        return key in self.texts


def parse(code: str, source: str) -> Language:
    """Read one language file. Raises TextsWrong."""
    data = tomllib.loads(source)
    about = data.pop("language", {})
    if set(about) != {"name", "locale", "face"}:
        raise TextsWrong(f"texts/{code}.toml: [language] wants name, locale and face, and nothing else")
    flat: dict[str, str] = {}
    _flatten(code, "", data, flat)
    return Language(code, about["name"], about["locale"], about["face"], flat)


def differences(language: Language, reference: Language) -> list[str]:
    """What is wrong with a language's texts beside the reference's, one sentence each."""
    found = [f"texts/{language.code}.toml: {key} is missing" for key in reference.texts if key not in language.texts]
    for key, text in language.texts.items():
        if key not in reference.texts:
            found.append(f"texts/{language.code}.toml: {key}: unknown key")
        elif placeholders(text) != placeholders(reference.texts[key]):
            wanted = ", ".join(sorted(placeholders(reference.texts[key]))) or "none"
            found.append(f"texts/{language.code}.toml: {key}: want the placeholders {wanted}")
    return found


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _flatten(code: str, prefix: str, data: dict[str, Any], into: dict[str, str]) -> None:
    for key, item in data.items():
        if isinstance(item, dict):
            _flatten(code, f"{prefix}{key}.", item, into)
        elif isinstance(item, str) and item:
            into[prefix + key] = item
        else:
            raise TextsWrong(f"texts/{code}.toml: {prefix}{key}: want a text")


def _load() -> dict[str, Language]:
    folder = files("kiosk.ui") / "texts"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    found = {name[:-5]: parse(name[:-5], (folder / name).read_text(encoding="utf-8")) for name in names}
    wrong = [line for language in found.values() for line in differences(language, found[REFERENCE])]
    if wrong:
        raise TextsWrong("\n".join(wrong))
    return found


LANGUAGES = _load()
