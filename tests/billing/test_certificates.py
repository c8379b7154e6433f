"""The test authority: what it signs, what it never overwrites, and how the command is used."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from billing import certificates
from billing.certificates import make_authority, make_certificate, served
from billing.cli import main

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, at_database: list[str], capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str, code: int = 0) -> Any:
        assert main([*words, "--json", "--data-dir", str(tmp_path / "data"), *at_database]) == code
        return json.loads(capsys.readouterr().out)

    return call


def test_its_certificate_satisfies_the_rules_of_the_public_web(tmp_path: Path) -> None:
    authority = x509.load_pem_x509_certificate(make_authority(tmp_path, "Harbour Energy", NOON).read_bytes())
    made = make_certificate(tmp_path, ("billing.example.org", "10.1.2.3"), NOON)
    leaf = x509.load_pem_x509_certificate(made.certificate.read_bytes())

    for subject in (x509.DNSName("billing.example.org"), x509.IPAddress(IPv4Address("10.1.2.3"))):
        verifier = PolicyBuilder().store(Store([authority])).time(NOON).build_server_verifier(subject)
        assert verifier.verify(leaf, []) == [leaf, authority]
    assert served(tmp_path) == made
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=398)


def test_keys_are_their_owners_alone(tmp_path: Path) -> None:
    make_authority(tmp_path, "Harbour Energy", NOON)
    make_certificate(tmp_path, ("localhost",), NOON)

    folder = tmp_path / "tls"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("authority-key.pem", "key.pem"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_an_authority_that_kiosks_believe_is_never_overwritten(tmp_path: Path) -> None:
    before = make_authority(tmp_path, "Harbour Energy", NOON).read_bytes()

    with pytest.raises(FileExistsError, match="authority"):
        make_authority(tmp_path, "Harbour Energy", NOON)
    assert (tmp_path / "tls" / "authority.pem").read_bytes() == before


def test_a_renewal_is_due_a_month_before_the_end_and_keeps_the_authority(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, "Harbour Energy", NOON).read_bytes()
    first = make_certificate(tmp_path, ("localhost",), NOON)
    late = first.ends - timedelta(days=29)

    assert not first.is_due(first.ends - timedelta(days=31))
    assert first.is_due(late)
    again = make_certificate(tmp_path, ("localhost",), late)
    assert again.ends > first.ends and not again.is_due(late)
    assert (tmp_path / "tls" / "authority.pem").read_bytes() == authority


@pytest.mark.parametrize("host", ["", "a b", "-x", "http://x", "x..y", "ü.example"])
def test_what_is_no_host_gets_no_certificate(tmp_path: Path, host: str) -> None:
    make_authority(tmp_path, "Harbour Energy", NOON)

    with pytest.raises(ValueError, match="host"):
        make_certificate(tmp_path, (host,), NOON)


def test_a_certificate_never_outlives_its_authority(tmp_path: Path) -> None:
    make_authority(tmp_path, "Harbour Energy", NOON)

    with pytest.raises(ValueError, match="ends on"):
        make_certificate(tmp_path, ("localhost",), NOON + timedelta(days=certificates.AUTHORITY_DAYS - 10))


def test_an_operator_makes_shows_and_renews(run: Run) -> None:
    made = run("init", "--name", "billing.example.org", "--name", "10.1.2.3")
    shown = run("authority", "show")
    assert shown["authority"] == Path(made["authority"]).read_text()
    assert shown["hosts"] == "billing.example.org, 10.1.2.3"

    renewed = run("authority", "renew", "--days", "90")
    assert renewed["hosts"] == ["billing.example.org", "10.1.2.3"]
    assert renewed["ends"] < shown["ends"]
    assert run("authority", "renew", "--name", "other.example.org")["hosts"] == ["other.example.org"]
    assert "not overwritten" in run("authority", "make", code=1)["error"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--tls-certificate", "c.pem"], "both or neither"),
        (["--tls-certificate", "none.pem", "--tls-key", "none.pem"], "none.pem"),
        (["--plain", "--tls-certificate", "c.pem", "--tls-key", "k.pem"], "no certificate beside it"),
        (["--host", "0.0.0.0"], "authority make"),
    ],
)
def test_serve_says_what_is_wrong_with_its_certificate(run: Run, tmp_path: Path, words: list[str], part: str) -> None:
    run("init")
    for file in (tmp_path / "data" / "tls").iterdir():
        file.unlink()

    assert part in run("serve", *words, code=2)["error"]
