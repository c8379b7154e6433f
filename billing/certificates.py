"""A small authority of the operator's own, and the server's certificate from it: for trials, closed networks, tests.

Law:
- Two certificates, EC P-256: the authority, whose key signs nothing but server certificates and whose own certificate
  is given to the kiosks; and the server's, renewed long before it ends. Kiosks notice no renewal.
- No file is overwritten but the server's own certificate and key, and these are replaced whole.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FOLDER = "tls"
AUTHORITY, AUTHORITY_KEY = "authority.pem", "authority-key.pem"
CERTIFICATE, KEY = "certificate.pem", "key.pem"
AUTHORITY_DAYS = 3_650
CERTIFICATE_DAYS = 397  # what browsers accept at most of a public one
RENEW_BELOW = timedelta(days=30)
BACKDATED = timedelta(hours=1)  # for kiosks whose clock is a little behind
DEFAULT_HOSTS = ("localhost", "127.0.0.1", "::1")
MOST_HOSTS = 50
_NAME = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Served:
    """The server's certificate as it lies there: files, whom it is for, when it ends."""

    certificate: Path
    key: Path
    hosts: tuple[str, ...]
    ends: datetime

    def is_due(self, now: datetime) -> bool:
        """Whether it should be renewed."""
        return self.ends - now < RENEW_BELOW


def make_authority(data_dir: Path, operator_name: str, now: datetime) -> Path:
    """A new authority under `data_dir`; its certificate's file. Raises FileExistsError: kiosks believe the old one."""
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{operator_name[:40]} kiosk authority {now.year}")])
    public = key.public_key()
    builder = (
        _builder(name, name, public, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    _write(folder / AUTHORITY_KEY, _key_pem(key), 0o600, is_new=True)
    _write(folder / AUTHORITY, builder.sign(key, SHA256()).public_bytes(Encoding.PEM), 0o644, is_new=True)
    return folder / AUTHORITY


def make_certificate(
    data_dir: Path, hosts: tuple[str, ...], now: datetime, lives_days: int = CERTIFICATE_DAYS
) -> Served:
    """A new key and certificate for the server, in place of the old ones.

    `hosts` are names and IP addresses by which kiosks reach it. Raises FileNotFoundError, ValueError.
    """
    if not 1 <= len(hosts) <= MOST_HOSTS:
        raise ValueError(f"hosts: want 1 to {MOST_HOSTS} names or IP addresses")
    if not 1 <= lives_days <= AUTHORITY_DAYS:
        raise ValueError(f"days {lives_days}: want 1 to {AUTHORITY_DAYS}")
    names = [_general_name(host) for host in hosts]
    folder = data_dir / FOLDER
    authority, authority_key = _read_authority(folder)
    if authority.not_valid_after_utc < now + timedelta(days=lives_days):
        ends = f"{authority.not_valid_after_utc:%Y-%m-%d}"
        raise ValueError(f"{folder / AUTHORITY}: it ends on {ends}, earlier than {lives_days} days from now")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
    certificate = (
        _builder(subject, authority.subject, key.public_key(), now, lives_days)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, SHA256())
    )
    # One file replaced before the other: a server that starts in between refuses the pair and says so.
    _write(folder / KEY, _key_pem(key), 0o600)
    _write(folder / CERTIFICATE, certificate.public_bytes(Encoding.PEM), 0o644)
    return Served(folder / CERTIFICATE, folder / KEY, hosts, certificate.not_valid_after_utc)


def served(data_dir: Path) -> Served | None:
    """What a server here would show; None where nothing was made. Raises ValueError."""
    folder = data_dir / FOLDER
    if not (folder / CERTIFICATE).exists():
        return None
    certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    hosts = tuple(str(name.value) for name in names)
    return Served(folder / CERTIFICATE, folder / KEY, hosts, certificate.not_valid_after_utc)


def authority_pem(data_dir: Path) -> str:
    """What to give to the kiosks. Raises FileNotFoundError."""
    return (data_dir / FOLDER / AUTHORITY).read_text(encoding="ascii")


def _read_authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    authority = x509.load_pem_x509_certificate((folder / AUTHORITY).read_bytes())
    key = load_pem_private_key((folder / AUTHORITY_KEY).read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{folder / AUTHORITY_KEY}: want an EC key")
    try:
        authority.verify_directly_issued_by(authority)
    except InvalidSignature as error:
        raise ValueError(f"{folder / AUTHORITY}: not signed by itself") from error
    if authority.public_key() != key.public_key():
        raise ValueError(f"{folder}: {AUTHORITY} and {AUTHORITY_KEY} do not belong together")
    return authority, key


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, lives_days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=lives_days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not _NAME.fullmatch(host) or len(host) > 253:
            raise ValueError(f"host {host!r}: want a name as billing.example.org, or an IP address") from None
        return x509.DNSName(host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, data: bytes, mode: int, *, is_new: bool = False) -> None:
    """Whole or not at all. `is_new`: raises FileExistsError rather than replace."""
    if is_new and path.exists():
        raise FileExistsError(f"{path} exists; it is not overwritten")
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
