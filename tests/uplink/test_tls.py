"""TLS between the uplink and a real server: whose certificate is believed, and at what time."""

from __future__ import annotations

import logging
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from billing.certificates import Served, make_authority, make_certificate
from contract.api import Commands
from kiosk.config import ConfigError, load
from kiosk.tls import BadAuthority, CertificateRefused, Refusal, authority_file, read_known_time, trust
from kiosk.uplink import enrol as enrol_module
from kiosk.uplink.drain import PollRequest
from kiosk.uplink.enrol import EnrolmentFailed, enrol
from kiosk.uplink.exchange import Exchange, Session, Unreachable
from kiosk.uplink.identity import Identity, load_identity
from kiosk.uplink.known_time import KnownTime
from kiosk.wire import OfflineCause
from tests.uplink.conftest import Billing, serving

NOW = datetime.now(UTC).replace(microsecond=0)
CLOCK_WITHOUT_BATTERY = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
BOARD = "10000000abcdef01"
DAY = timedelta(days=1)


@contextmanager
def served_over_tls(folder: Path, begins: datetime = NOW, days: int = 30, host: str = "127.0.0.1") -> Iterator[Billing]:
    with serving(folder, certified(folder, begins, days, host)) as billing:
        yield billing


def certified(folder: Path, begins: datetime = NOW, days: int = 30, host: str = "127.0.0.1") -> Served:
    make_authority(folder, "Harbour", min(begins, NOW))
    return make_certificate(folder, (host,), begins, days)


def authority(folder: Path) -> Path:
    return folder / "tls" / "authority.pem"


def asked(
    billing: Billing,
    ca_file: Path | None,
    clock: datetime = NOW,
    known: KnownTime | None = None,
    is_synchronised: bool = True,
    host: str = "127.0.0.1",
) -> Commands:
    """One signed request of an enrolled kiosk, whose clock says `clock`."""
    folder = Path(billing.engine.url.database or "").parent
    if not (folder / "enrolment.json").exists():
        enrol_over(billing, folder)
    identity, _ = load_identity(folder, BOARD)
    known = known or KnownTime(folder / "none" / "known-time")
    session = Session(trust(ca_file, known.bound, lambda: clock, lambda: is_synchronised), known)
    exchange = Exchange(billing.url.replace("127.0.0.1", host), identity, 10, session)
    try:
        answer = exchange.carry(PollRequest(0))
    finally:
        session.close()
    assert isinstance(answer, Commands)
    return answer


def enrol_over(billing: Billing, folder: Path) -> None:
    """Enrolled at a moment when the certificate was good."""
    always = trust(authority(folder), lambda: None)
    always.judge = lambda chain: None  # type: ignore[method-assign]
    before: Callable[..., object] = enrol_module.trust
    try:
        enrol_module.trust = lambda *_: always
        enrol(billing.url, billing.code(), folder, BOARD)
    finally:
        enrol_module.trust = before  # type: ignore[assignment]


def test_the_authority_of_the_operator_is_believed(tmp_path: Path) -> None:
    with served_over_tls(tmp_path) as billing:
        assert asked(billing, authority(tmp_path)) == Commands(())


def test_another_authority_is_not_believed_even_if_it_bears_the_same_name(tmp_path: Path) -> None:
    stranger = make_authority(_folder(tmp_path / "stranger"), "Harbour", NOW)

    with served_over_tls(tmp_path) as billing:
        for ca_file in (stranger, None):  # None: the system's authorities
            with pytest.raises(Unreachable, match="not believed") as caught:
                asked(billing, ca_file)
            assert caught.value.because is OfflineCause.CERTIFICATE_REFUSED


def test_only_the_named_authority_counts_and_none_that_comes_with_a_library(tmp_path: Path) -> None:
    with served_over_tls(tmp_path) as billing:
        enrol_over(billing, tmp_path)
        known = KnownTime(tmp_path / "known-time")
        context = trust(authority(tmp_path), known.bound)
        Exchange(billing.url, load_identity(tmp_path, BOARD)[0], 10, Session(context, known)).carry(PollRequest(0))

        assert len(context.get_ca_certs()) == 1


def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    with (
        served_over_tls(tmp_path, host="billing.example.org") as billing,
        pytest.raises(Unreachable, match="not believed: IP address mismatch"),
    ):
        asked_without_enrolment(billing, authority(tmp_path))


def test_a_name_is_checked_as_an_address_is(tmp_path: Path) -> None:
    try:
        socket.getaddrinfo("localhost", None)
    except socket.gaierror:
        pytest.skip("this machine knows no localhost: its /etc/hosts is missing")
    with served_over_tls(tmp_path, host="localhost") as billing:
        named = Billing(billing.url.replace("127.0.0.1", "localhost"), billing.engine, billing.app)

        assert asked_without_enrolment(named, authority(tmp_path), expects="401")
        with pytest.raises(Unreachable, match="mismatch"):
            asked_without_enrolment(billing, authority(tmp_path))


def test_an_expired_certificate_is_refused_and_the_log_says_when_it_ended(tmp_path: Path) -> None:
    with (
        served_over_tls(tmp_path, NOW - 40 * DAY, 30) as billing,
        pytest.raises(Unreachable, match=rf"server's certificate ended on {NOW - 10 * DAY:%Y-%m-%d %H:%M} UTC"),
    ):
        asked(billing, authority(tmp_path))


def test_a_clock_at_1970_is_not_a_reason_to_be_locked_out(tmp_path: Path) -> None:
    known = KnownTime(tmp_path / "known-time")
    known.learn(format_datetime(NOW - DAY, usegmt=True), NOW + DAY)

    with served_over_tls(tmp_path, NOW - 20 * DAY) as billing:
        assert asked(billing, authority(tmp_path), CLOCK_WITHOUT_BATTERY, known) == Commands(())
        assert asked(billing, authority(tmp_path), CLOCK_WITHOUT_BATTERY, is_synchronised=False) == Commands(())


def test_a_system_clock_that_is_behind_everything_is_not_asked(tmp_path: Path) -> None:
    known = KnownTime(tmp_path / "known-time")
    known.learn(format_datetime(NOW + 45 * DAY, usegmt=True), NOW + 50 * DAY)

    with served_over_tls(tmp_path, NOW + 40 * DAY) as billing:
        assert asked(billing, authority(tmp_path), NOW, known) == Commands(())


def test_a_clock_at_1970_does_not_bring_an_expired_certificate_back(tmp_path: Path) -> None:
    known = KnownTime(tmp_path / "known-time")
    known.learn(format_datetime(NOW, usegmt=True), NOW + DAY)

    expects = pytest.raises(Unreachable, match="ended on")
    with served_over_tls(tmp_path, NOW - 40 * DAY, 30) as billing, expects as caught:
        asked(billing, authority(tmp_path), CLOCK_WITHOUT_BATTERY, known, is_synchronised=False)
    assert caught.value.because is OfflineCause.CERTIFICATE_EXPIRED


def test_a_certificate_renewed_while_the_kiosk_was_off_is_believed_by_an_old_clock(tmp_path: Path) -> None:
    known = KnownTime(tmp_path / "known-time")
    known.learn(format_datetime(NOW - 60 * DAY, usegmt=True), NOW)

    with served_over_tls(tmp_path, NOW) as billing:
        with pytest.raises(Unreachable, match="begins on"):
            asked(billing, authority(tmp_path), NOW - 50 * DAY, known, is_synchronised=True)
        assert asked(billing, authority(tmp_path), NOW - 50 * DAY, known, is_synchronised=False) == Commands(())


def test_an_expired_authority_is_refused_as_well(tmp_path: Path) -> None:
    old = make_authority(tmp_path, "Harbour", NOW - 3_660 * DAY)
    good = certified(_folder(tmp_path / "good"))
    chain = [x509.load_pem_x509_certificate(file.read_bytes()) for file in (good.certificate, old)]

    with pytest.raises(CertificateRefused, match=r"authority 'CN=Harbour .* ended on"):
        trust(old, lambda: None).judge(chain)


def test_the_chain_that_is_judged_holds_the_authority(tmp_path: Path) -> None:
    judged: list[list[x509.Certificate]] = []
    with served_over_tls(tmp_path) as billing:
        context = trust(authority(tmp_path), lambda: None)
        context.judge = judged.append  # type: ignore[method-assign]
        port = int(billing.url.rsplit(":", 1)[1])
        with (
            socket.create_connection(("127.0.0.1", port), 10) as sock,
            context.wrap_socket(sock, server_hostname="127.0.0.1"),
        ):
            pass

    ((own, above),) = judged
    assert own.issuer == above.subject == above.issuer


def test_verified_answers_teach_the_time_and_it_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "uplink" / "known-time"

    with served_over_tls(tmp_path) as billing:
        asked(billing, authority(tmp_path), known=KnownTime(path))

    bound = KnownTime(path).bound()
    assert bound is not None and NOW <= bound <= datetime.now(UTC)
    assert read_known_time(path) == bound


def test_a_refused_server_teaches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "none" / "known-time"
    known = KnownTime(path)
    with served_over_tls(tmp_path, NOW - 40 * DAY, 30) as billing, pytest.raises(Unreachable):
        asked(billing, authority(tmp_path), known=known)

    assert known.bound() is None and not path.exists()


def test_plain_http_teaches_nothing(tmp_path: Path) -> None:
    known = KnownTime(tmp_path / "known-time")
    with serving(tmp_path) as billing:
        enrol(billing.url, billing.code(), tmp_path, BOARD)
        session = Session(trust(None, known.bound), known)
        Exchange(billing.url, load_identity(tmp_path, BOARD)[0], 10, session).carry(PollRequest(0))

    assert known.bound() is None


@pytest.mark.parametrize(
    "date",
    [None, "", "tomorrow", format_datetime(NOW + 40 * DAY, usegmt=True)],
    ids=["none", "empty", "word", "future"],
)
def test_a_date_that_cannot_be_is_not_learned(tmp_path: Path, date: str | None) -> None:
    known = KnownTime(tmp_path / "known-time")
    known.learn(date, NOW + 30 * DAY)

    assert known.bound() is None


def test_the_known_time_never_goes_back_and_is_written_once_an_hour(tmp_path: Path) -> None:
    known = KnownTime(tmp_path / "uplink" / "known-time")
    for moment in (NOW, NOW - DAY, NOW + timedelta(minutes=59)):
        known.learn(format_datetime(moment, usegmt=True), NOW + DAY)
    assert known.bound() == NOW + timedelta(minutes=59)
    assert KnownTime(tmp_path / "uplink" / "known-time").bound() == NOW

    known.learn(format_datetime(NOW + timedelta(minutes=61), usegmt=True), NOW + DAY)
    assert KnownTime(tmp_path / "uplink" / "known-time").bound() == NOW + timedelta(minutes=61)


def test_a_known_time_that_cannot_be_written_costs_a_line_in_the_log_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "uplink").write_text("a file where a folder should be")
    known = KnownTime(tmp_path / "uplink" / "known-time")
    with caplog.at_level(logging.WARNING):
        for minutes in (0, 5):
            known.learn(format_datetime(NOW + timedelta(minutes=minutes), usegmt=True), NOW + DAY)

    assert known.bound() == NOW + timedelta(minutes=5)
    assert len(caplog.records) == 1


def test_enrolment_keeps_the_authority_it_believed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = _folder(tmp_path / "state")
    config = tmp_path / "kiosk.toml"
    with served_over_tls(tmp_path) as billing:
        config.write_text(
            f'[kiosk]\nstate_dir = "{state}"\nboard_serial = "{BOARD}"\n[server]\nurl = "{billing.url}"\n'
        )
        words = ["--config", str(config), "--code", billing.code()]
        assert _enrol(words) == 1
        assert "not believed" in capsys.readouterr().err
        assert authority_file(None, state) is None

        assert _enrol([*words, "--ca", str(authority(tmp_path))]) == 0
        assert "authority in" in capsys.readouterr().out
        kept = authority_file(None, state)
        assert kept is not None and kept.read_bytes() == authority(tmp_path).read_bytes()
        assert _enrol(words) == 0


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_an_authority_that_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(BadAuthority, match=r"ca\.pem"):
        trust(file, lambda: None)


def test_a_server_elsewhere_is_spoken_to_over_tls_only(tmp_path: Path) -> None:
    config = tmp_path / "kiosk.toml"
    config.write_text('[server]\nurl = "http://billing.example.org"\n')
    with pytest.raises(ConfigError, match=r"server\.url: want https://"):
        load(config)
    with pytest.raises(EnrolmentFailed, match="want https://"):
        enrol("http://billing.example.org", "CODE", tmp_path, BOARD)


def test_a_refusal_says_which_kind_it_is(tmp_path: Path) -> None:
    with served_over_tls(tmp_path) as billing:
        port = int(billing.url.rsplit(":", 1)[1])
        late = trust(authority(tmp_path), lambda: None, lambda: NOW + 31 * DAY)
        elsewhere = trust(authority(tmp_path), lambda: None)
        nobody = trust(None, lambda: None)
        assert [
            _refusal(late, "127.0.0.1", port),
            _refusal(elsewhere, "localhost", port),
            _refusal(nobody, "127.0.0.1", port),
        ] == [Refusal.EXPIRED, Refusal.HOST, Refusal.AUTHORITY]


def _refusal(context: ssl.SSLContext, host: str, port: int) -> Refusal:
    with (
        socket.create_connection(("127.0.0.1", port), 10) as sock,
        pytest.raises(CertificateRefused) as refused,
    ):
        context.wrap_socket(sock, server_hostname=host)
    return refused.value.refusal


def asked_without_enrolment(billing: Billing, ca_file: Path, expects: str = "") -> bool:
    """A request of nobody: with the certificate believed, the server's own refusal comes back."""
    known = KnownTime(ca_file.parent / "known-time")
    nobody = Identity("k", "b", "s", Ed25519PrivateKey.generate())
    session = Session(trust(ca_file, known.bound), known)
    try:
        Exchange(billing.url, nobody, 10, session).carry(PollRequest(0))
    except Unreachable as error:
        if expects and expects in str(error):
            return True
        raise
    finally:
        session.close()
    return False


def _enrol(words: list[str]) -> int:
    with patch.object(sys, "argv", ["kiosk enrol", *words]):
        return enrol_module.main()


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
