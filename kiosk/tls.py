"""Whose certificate the kiosk believes, and at what time.

Law:
- Chain and host name are OpenSSL's business and are always verified. Only the dates are judged here, because OpenSSL
  knows no other time than the system's clock, and a kiosk's clock may stand at 1970.
- The time is the later one of the system's clock and a lower bound: time was at least that, once. A certificate that
  ended before this time is refused.
- "Not valid yet" is held only against a clock that is synchronised. A clock that is merely old would otherwise lock
  out a server whose certificate was renewed in the meantime.
- The dates of the whole verified chain are judged from Python 3.13 on. Before, OpenSSL's chain cannot be asked for;
  there it is the server's certificate and its authority, where that stands in the kiosk's own file.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from cryptography import x509

from kiosk.system_clock import is_system_clock_synchronised

NO_CHECK_TIME = ssl.VerifyFlags(0x200000)  # X509_V_FLAG_NO_CHECK_TIME of openssl/x509_vfy.h
HOST_MISMATCH, IP_MISMATCH = 62, 64  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
AUTHORITY_FILE = "authority.pem"  # in state_dir, from `kiosk enrol --ca`
KNOWN_TIME_FILE = "known-time"  # in state_dir/uplink


class Refusal(StrEnum):
    """Why a certificate is not believed."""

    AUTHORITY = "authority"
    HOST = "host"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"


class CertificateRefused(ssl.SSLCertVerificationError):
    """str() is a sentence for the log."""

    def __init__(self, refusal: Refusal, text: str) -> None:
        super().__init__(text)
        self.refusal = refusal

    def __str__(self) -> str:
        return str(self.args[0])


class BadAuthority(ValueError):
    """A file of authorities that cannot be used; the message names it."""


def system_time() -> datetime:
    return datetime.now(UTC)


class ServerTrust(ssl.SSLContext):
    """A client's context, to be made by `trust`. `last_end`: when the certificate accepted last will end."""

    not_before: Callable[[], datetime | None]
    clock: Callable[[], datetime]
    is_synchronised: Callable[[], bool]
    authorities: tuple[x509.Certificate, ...]
    last_end: datetime | None

    def judge(self, chain: list[x509.Certificate]) -> None:
        """Raises CertificateRefused. The first of the chain is the server's own."""
        clock, bound = self.clock(), self.not_before()
        now = clock if bound is None else max(clock, bound)
        for number, certificate in enumerate(chain):
            whose = "the server's certificate" if number == 0 else f"the authority {_name(certificate)!r}"
            begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            if end < now:
                text = f"{whose} ended on {_moment(end)}; it is {_moment(now)} or later"
                raise CertificateRefused(Refusal.EXPIRED, text)
            if begin > now and self.is_synchronised():
                text = f"{whose} begins on {_moment(begin)}; it is {_moment(now)}"
                raise CertificateRefused(Refusal.NOT_YET_VALID, text)
        self.last_end = chain[0].not_valid_after_utc


class _CheckedSocket(ssl.SSLSocket):
    """Nothing is sent on it before the certificate's dates were judged."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except ssl.SSLCertVerificationError as error:
            is_host = error.verify_code in (HOST_MISMATCH, IP_MISMATCH)
            text = f"the server's certificate is not believed: {error.verify_message}"
            raise CertificateRefused(Refusal.HOST if is_host else Refusal.AUTHORITY, text) from error
        context = self.context
        assert isinstance(context, ServerTrust)
        context.judge(self._chain(context))

    def _chain(self, context: ServerTrust) -> list[x509.Certificate]:
        if sys.version_info >= (3, 13):
            return [x509.load_der_x509_certificate(der) for der in self.get_verified_chain()]
        der = self.getpeercert(binary_form=True)
        assert der is not None, "a client's handshake without a certificate does not succeed"
        own = x509.load_der_x509_certificate(der)
        return [own, *(each for each in context.authorities if each.subject == own.issuer)]


def trust(
    ca_file: Path | None,
    not_before: Callable[[], datetime | None],
    clock: Callable[[], datetime] = system_time,
    is_synchronised: Callable[[], bool] = is_system_clock_synchronised,
) -> ServerTrust:
    """A context that believes the authorities in `ca_file` and no others; without a file the system's own.

    `not_before` is the lower bound of time (None: none is known). Raises BadAuthority.
    """
    context = ServerTrust(ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= NO_CHECK_TIME
    context.sslsocket_class = _CheckedSocket
    context.not_before, context.clock, context.is_synchronised = not_before, clock, is_synchronised
    context.last_end = None
    context.authorities = () if ca_file is None else read_authorities(ca_file)
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cafile=ca_file)
    return context


def read_authorities(ca_file: Path) -> tuple[x509.Certificate, ...]:
    """Raises BadAuthority."""
    try:
        found = tuple(x509.load_pem_x509_certificates(ca_file.read_bytes()))
    except (OSError, ValueError) as error:
        raise BadAuthority(f"{ca_file}: no certificates of an authority: {error}") from error
    return found


def authority_file(configured: str | None, state_dir: Path) -> Path | None:
    """[server] ca_file, else the one enrolment left in state_dir, else None: the system's authorities."""
    if configured is not None:
        return Path(configured)
    enrolled = state_dir / AUTHORITY_FILE
    return enrolled if enrolled.exists() else None


def read_known_time(path: Path) -> datetime | None:
    """The lower bound as the uplink wrote it down; None where there is none or it cannot be read."""
    try:
        moment = datetime.fromisoformat(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
