"""The words of the driver's phone pages: one TOML file per language beside this one, all with the same keys."""

from __future__ import annotations

from importlib.resources import files

from contract.words.texts import Texts, differences, parse

REFERENCE = "en"


def _load() -> dict[str, Texts]:
    folder = files("billing.pages.phone_texts")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    return {name[:-5]: parse_words(name[:-5], (folder / name).read_text(encoding="utf-8")) for name in names}


def parse_words(code: str, source: str) -> Texts:
    """The locale is billing.pages.render's matter, so these files name none."""
    return parse(code, '[language]\nlocale = ""\n' + source)


PHONE = _load()
_wrong = [line for texts in PHONE.values() for line in differences(texts, PHONE[REFERENCE])]
if _wrong:
    raise ValueError("\n".join(_wrong))
