"""The words of tariffs: one TOML file per language beside this one, all with the same keys and placeholders."""

from __future__ import annotations

import string
import tomllib
from dataclasses import dataclass
from importlib.resources import files

REFERENCE = "en"


@dataclass(frozen=True, slots=True)
class Texts:
    """One language: `locale` for Babel, texts by dotted key."""

    code: str
    locale: str
    texts: dict[str, str]

    def say(self, key: str, **values: object) -> str:
        return self.texts[key].format(**values)


def parse(code: str, source: str) -> Texts:
    """Raises KeyError without [language] locale, ValueError for what is no TOML."""
    data = tomllib.loads(source)
    locale = data.pop("language")["locale"]
    return Texts(code, locale, {f"{room}.{key}": text for room, texts in data.items() for key, text in texts.items()})


def differences(texts: Texts, reference: Texts) -> list[str]:
    """What is wrong with a language's texts beside the reference's, one sentence each."""
    found = [f"words/{texts.code}.toml: {key} is missing" for key in reference.texts if key not in texts.texts]
    found += [f"words/{texts.code}.toml: {key}: unknown key" for key in texts.texts if key not in reference.texts]
    both = (key for key in texts.texts if key in reference.texts)
    wrong = (key for key in both if _placeholders(texts.texts[key]) != _placeholders(reference.texts[key]))
    return found + [f"words/{texts.code}.toml: {key}: want the reference's placeholders" for key in wrong]


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _load() -> dict[str, Texts]:
    folder = files("contract.words")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    found = {name[:-5]: parse(name[:-5], (folder / name).read_text(encoding="utf-8")) for name in names}
    wrong = [line for texts in found.values() for line in differences(texts, found[REFERENCE])]
    if wrong:
        raise ValueError("\n".join(wrong))
    return found


LANGUAGES = _load()
