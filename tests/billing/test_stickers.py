"""What is glued beside a connector: a phone reads the device's address off it, and no proof of standing there."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import zxingcpp
from PIL import Image

from billing import stickers
from billing.cli import main

ADDRESS = "https://charge.harbour.example/d/hk-07/1"
TARIFF = Path(__file__).parents[2] / "config" / "tariffs" / "harbour_ac.toml"


def read(image: Image.Image) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(image.convert("L"))]


def test_the_png_is_the_address() -> None:
    assert read(Image.open(io.BytesIO(stickers.png(ADDRESS)))) == [ADDRESS]


def test_the_svg_holds_the_same_code_with_its_quiet_zone_and_can_be_read_by_people() -> None:
    text = stickers.svg(ADDRESS, "HK-07 <north> & south", 1)
    root = ElementTree.fromstring(text)
    code = root.find("{http://www.w3.org/2000/svg}svg")
    assert code is not None
    size = int(code.attrib["viewBox"].split()[2])
    image = Image.new("1", (size, size), 1)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1", code[0].attrib["d"]):
        image.putpixel((int(x), int(y)), 0)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]

    assert read(image.resize((size * 6, size * 6))) == [ADDRESS]
    assert words == ["HK-07 <north> & south · 1", "charge.harbour.example/d/hk-07/1"]


def test_the_operator_prints_a_sticker(
    tmp_path: Path, at_database: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> int:
        return main([*words, "--data-dir", str(tmp_path / "data"), *at_database])

    assert run("init", "--public-url", "https://charge.harbour.example/") == 0
    assert run("kiosk", "add", "HK-07") == 0
    capsys.readouterr()
    assert (
        run("kiosk", "sticker", "HK-07", "1", "--png", str(tmp_path / "s.png"), "--svg", str(tmp_path / "s.svg")) == 0
    )
    shown = capsys.readouterr().out
    assert shown.startswith(f"{ADDRESS}\n") and "nothing is offered at HK-07 EVSE 1 yet" in shown and "█" in shown
    assert read(Image.open(tmp_path / "s.png")) == [ADDRESS] and (tmp_path / "s.svg").exists()

    assert run("tariff", "load", str(TARIFF)) == run("offer", "set", "HK-07", "1", "harbour-ac") == 0
    capsys.readouterr()
    assert run("kiosk", "sticker", "HK-07", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"address": ADDRESS, "kiosk_id": "hk-07", "evse_id": 1, "is_sold": True}
    assert run("kiosk", "sticker", "HK-99", "1") == 1


@pytest.mark.parametrize(("base", "why"), [("", "no public address"), ("https://" + "x" * 140 + ".org", "do not fit")])
def test_an_address_that_phones_cannot_use_is_refused(
    tmp_path: Path, at_database: list[str], capsys: pytest.CaptureFixture[str], base: str, why: str
) -> None:
    place = ["--data-dir", str(tmp_path / "data"), *at_database]
    assert main(["init", *place]) == main(["kiosk", "add", "HK-07", *place]) == 0
    capsys.readouterr()

    assert main(["kiosk", "sticker", "HK-07", "1", "--base-url", base, *place]) == 2
    assert why in capsys.readouterr().err
