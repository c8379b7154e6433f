"""`kiosk doctor`'s line about the server, asked of a real one over TLS."""

from __future__ import annotations

import shutil
import socket
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from kiosk.config import Config, load
from kiosk.probe.checks_server import server
from kiosk.probe.findings import Finding, Level
from tests.uplink.test_tls import DAY, NOW, authority, served_over_tls

SOON = timedelta(days=5)


def looked_at(folder: Path, url: str, ca_file: Path | None = None) -> Finding:
    state = folder / "state"
    state.mkdir(exist_ok=True)
    if ca_file is not None:
        shutil.copy(ca_file, state / "authority.pem")
    (finding,) = server(_config(folder, f'[kiosk]\nstate_dir = "{state}"\n[server]\nurl = "{url}"\ntimeout_s = 5\n'))
    return finding


def _config(folder: Path, text: str) -> Config:
    (folder / "kiosk.toml").write_text(text)
    return load(folder / "kiosk.toml")


def test_a_good_certificate_is_told_with_its_end(tmp_path: Path) -> None:
    with served_over_tls(tmp_path) as billing:
        found = looked_at(tmp_path, billing.url, authority(tmp_path))

    assert found.level is Level.OK
    assert found.says == f"answers; its certificate is good until {NOW + 30 * DAY:%Y-%m-%d}"


def test_a_certificate_that_nobody_renewed_is_a_warning_before_it_ends(tmp_path: Path) -> None:
    with served_over_tls(tmp_path, days=SOON.days) as billing:
        found = looked_at(tmp_path, billing.url, authority(tmp_path))

    assert found.level is Level.WARN and "authority renew" in found.fix


def test_each_refusal_has_its_own_cause_and_fix(tmp_path: Path) -> None:
    (expired := tmp_path / "expired").mkdir()
    with served_over_tls(expired, NOW - 40 * DAY, 30) as billing:
        late = looked_at(expired, billing.url, authority(expired))
        unknown = looked_at_alone(tmp_path, billing.url)
    with served_over_tls(tmp_path, host="billing.example.org") as billing:
        elsewhere = looked_at(tmp_path, billing.url, authority(tmp_path))

    assert [found.level for found in (late, unknown, elsewhere)] == [Level.FAIL] * 3
    assert "ended on" in late.says and "ran out" in late.cause
    assert "not believed" in unknown.says and "enrol --ca" in unknown.fix
    assert "mismatch" in elsewhere.says and "--name HOST" in elsewhere.fix


def test_an_authority_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")

    assert "ca.pem" not in looked_at(tmp_path, "http://127.0.0.1:9").says
    found = looked_at(tmp_path, "https://127.0.0.1:9", tmp_path / "ca.pem")
    assert found.level is Level.FAIL and "authority.pem" in found.says


def test_a_server_without_tls_is_told_as_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        port = listening.getsockname()[1]

        def answer() -> None:
            with listening.accept()[0] as peer:
                peer.recv(1000)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        found = looked_at(tmp_path, f"https://127.0.0.1:{port}")
        thread.join()

    assert found.level is Level.FAIL and found.cause.startswith("no TLS at that address")


def looked_at_alone(folder: Path, url: str) -> Finding:
    (folder / "alone").mkdir()
    return looked_at(folder / "alone", url)


@pytest.mark.parametrize("known_time", ["", "yesterday"])
def test_a_known_time_that_cannot_be_read_does_not_break_the_check(tmp_path: Path, known_time: str) -> None:
    (tmp_path / "state" / "uplink").mkdir(parents=True)
    (tmp_path / "state" / "uplink" / "known-time").write_text(known_time)
    with served_over_tls(tmp_path) as billing:
        assert looked_at(tmp_path, billing.url, authority(tmp_path)).level is Level.OK
