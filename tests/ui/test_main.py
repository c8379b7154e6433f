"""kiosk-ui's words: arguments before environment before config, and wrong ones refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.ui.main import main, parser, settings, size
from kiosk.ui.tokens import theme_at

CONFIG = """
[kiosk]
socket = "/run/elsewhere/controller.sock"

[screen]
size = "1280x800"
theme = "auto"
language = "ja"
"""


def test_arguments_come_before_environment_before_config(tmp_path: Path) -> None:
    config = tmp_path / "kiosk.toml"
    config.write_text(CONFIG)
    environment = {"KIOSK_CONFIG": str(config), "KIOSK_UI_LANGUAGE": "de"}
    plain = settings(parser().parse_args([]), environment)
    told = settings(parser().parse_args(["--language", "en", "--socket", "/x"]), environment)

    assert (plain.socket, plain.size) == (Path("/run/elsewhere/controller.sock"), (1280, 800))
    assert (plain.language, plain.theme) == ("de", "auto")
    assert (told.language, told.socket) == ("en", Path("/x"))


@pytest.mark.parametrize(
    "words", [["--size", "big"], ["--size", "99x99"], ["--language", "tlh"], ["--theme", "pink"], ["--config", "/none"]]
)
def test_a_wrong_word_is_refused_before_a_window_opens(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("kiosk-ui: ")


def test_sizes_are_read() -> None:
    assert size("1280x800") == (1280, 800)


def test_the_theme_follows_the_hour_only_when_asked_to() -> None:
    assert [theme_at(hour, "auto").name for hour in (6, 7, 19, 20)] == ["dark", "light", "light", "dark"]
    assert theme_at(23, "light").name == "light" and theme_at(12, "dark").name == "dark"
