"""The configuration: what is wrong is named with file and key, all of it at once; what is right is read whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.config import Bus, Config, ConfigError, ContactorPins, Meter, load

HOUSE = Path(__file__).resolve().parent.parent

MINIMAL = """
[[bus]]
name = "rs485"
device = "/dev/ttyRS485"
baud = 9600
parity = "N"

[[meter]]
name = "main"
bus = "rs485"
address = 1
map = "sdm630"
"""

WHOLE = (
    MINIMAL
    + """
[[board]]
name = "left"
kind = "evse_din"
bus = "rs485"
address = 10

[gpio]
heartbeat_pin = 17
emergency_stop_pin = 27

[[evse]]
evse_id = 1
meter = "main"
pilot = "left"
contactor = { pin = 22, feedback_pin = 23 }
rcd_pin = 24

[[reader]]
name = "nfc"
kind = "pn532"
device = "/dev/ttyNFC"
"""
)


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def write(text: str) -> Path:
        path = tmp_path / "kiosk.toml"
        path.write_text(text)
        return path

    return write


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load(path)
    return [problem.replace(str(path), "kiosk.toml") for problem in error.value.problems]


def test_bus_and_meter_are_enough_for_the_technician(write) -> None:  # type: ignore[no-untyped-def]
    config = load(write(MINIMAL))

    assert config == Config(
        buses=(Bus("rs485", "/dev/ttyRS485", 9600, "N"),), meters=(Meter("main", "rs485", 1, "sdm630"),)
    )


def test_a_whole_file_is_read(write) -> None:  # type: ignore[no-untyped-def]
    config = load(write(WHOLE))

    assert config.evses[0].contactor == ContactorPins(22, 23)
    assert config.settings.evses[0].max_power_w == 32 * 3 * 230
    assert config.kiosk.journal == Path("/var/lib/kiosk/journal.db")


def test_the_file_that_ships_is_right() -> None:
    config = load(HOUSE / "config" / "kiosk.toml")

    assert [evse.evse_id for evse in config.evses] == [1, 2]
    assert config.clock.rate == 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("address = 1\n", "adress = 1\n"), "kiosk.toml: meter[0].adress: unknown key; did you mean 'address'?"),
        (("[[meter]]", "[[metre]]"), "kiosk.toml: metre: unknown key; did you mean 'meter'?"),
        (("baud = 9600", 'baud = "9600"'), "kiosk.toml: bus[0].baud: want a whole number, got '9600'"),
        (("address = 1\n", "address = true\n"), "kiosk.toml: meter[0].address: want a whole number, got True"),
        (("address = 1\n", "address = 248\n"), "kiosk.toml: meter[0].address: want 1 to 247, got 248"),
        (('parity = "N"', 'parity = "X"'), "kiosk.toml: bus[0].parity: want one of N, E, O, got 'X'"),
        (("baud = 9600", "baud = 9601"), "kiosk.toml: bus[0].baud: want one of 1200, 2400"),
        (('map = "sdm630"\n', ""), "kiosk.toml: meter[0].map: missing"),
        (('name = "main"', 'name = ""'), "kiosk.toml: meter[0].name: want a text, got none"),
        (('bus = "rs485"\naddress = 1\n', 'bus = "rs48"\naddress = 1\n'), "named 'rs48'; did you mean 'rs485'?"),
        (
            ("address = 10", "address = 1"),
            "kiosk.toml: board[0].address: 1 on bus 'rs485' is taken by meter[0] already",
        ),
        (
            ('meter = "main"', 'meter = "mian"'),
            "evse[0].meter: there is no [[meter]] named 'mian'; did you mean 'main'?",
        ),
        (("feedback_pin = 23", "feedback_pin = 22"), "evse[0].contactor.feedback_pin: GPIO 22 is used by"),
        (("rcd_pin = 24", "rcd_pin = 17"), "evse[0].rcd_pin: GPIO 17 is used by gpio.heartbeat_pin already"),
        (("rcd_pin = 24", "rcd_pin = 28"), "evse[0].rcd_pin: want 0 to 27, got 28"),
        (("feedback_pin = 23", "feedbackpin = 23"), "contactor.feedbackpin: unknown key; did you mean 'feedback_pin'?"),
        (("heartbeat_pin = 17", ""), "evse[0].contactor: nothing would open it if this program died"),
        (("[gpio]", "[patience]\nplug_in_s = -1\n[gpio]"), "kiosk.toml: patience: plug_in_s: want more than 0"),
        (("[gpio]", "[patience]\nend_s = 2\n[gpio]"), "patience: feedback_stale_s 2: want less than end_s (2)"),
        (("[gpio]", "[clock]\nrate = nan\n[gpio]"), "kiosk.toml: clock.rate: want 0.01 to 1000, got nan"),
        (("[gpio]", '[kiosk]\ntime_zone = "Mars"\n[gpio]'), "kiosk.time_zone: want a time zone such as Europe/Berlin"),
        (("[gpio]", '[server]\nurl = "ftp://x"\n[gpio]'), "server.url: want an http or https address"),
        (("[[reader]]", "[reader]"), "kiosk.toml: reader: want a list of at most 64, written [[reader]]"),
        (("[gpio]", "[gpio"), "kiosk.toml: not TOML"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(write, change: tuple[str, str], complaint: str) -> None:  # type: ignore[no-untyped-def]
    assert change[0] in WHOLE

    found = problems(write(WHOLE.replace(*change)))

    assert any(complaint in problem for problem in found), found


def test_all_errors_of_a_file_are_told_at_once(write) -> None:  # type: ignore[no-untyped-def]
    found = problems(write(WHOLE.replace("baud = 9600", "baud = 1").replace("address = 1\n", "adress = 1\n")))

    assert len(found) == 3  # the baud rate, the unknown key, and the address that is therefore missing


def test_a_second_evse_needs_its_own_meter_and_number(write) -> None:  # type: ignore[no-untyped-def]
    second = WHOLE[WHOLE.index("[[evse]]") : WHOLE.index("[[reader]]")].replace("= 22", "= 5").replace("= 23", "= 6")

    found = problems(write(WHOLE + second.replace("rcd_pin = 24", "")))

    assert [problem.split(": ")[1] for problem in found] == ["evse[1].evse_id", "evse[1].meter", "evse[1].pilot"]


def test_a_board_with_a_watchdog_needs_no_heartbeat_relay(write) -> None:  # type: ignore[no-untyped-def]
    text = WHOLE.replace("heartbeat_pin = 17", "").replace("evse_din", "heidelberg")
    text = text.replace("contactor = { pin = 22, feedback_pin = 23 }", 'contactor = "left"')

    assert load(write(text)).evses[0].contactor == "left"


def test_a_board_without_feedback_is_no_contactor(write) -> None:  # type: ignore[no-untyped-def]
    text = WHOLE.replace("contactor = { pin = 22, feedback_pin = 23 }", 'contactor = "left"')

    assert ["does not tell whether it is closed" in problem for problem in problems(write(text))] == [True]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: No such file"):
        load(tmp_path / "none.toml")
