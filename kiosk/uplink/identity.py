"""Who this kiosk is to the server: its own key, the board it runs on, and what enrolment brought back.

The key pair is made here and the private half never leaves the kiosk: state_dir/uplink/key, mode 0600.
state_dir/enrolment.json holds nothing secret and is read by the controller too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from contract.api import request_bytes
from contract.codec import to_bytes
from kiosk.config import Enrolment, NotEnrolled, read_enrolment

KEY_FILE = "key.pem"
ENROLMENT_FILE = "enrolment.json"
DEVICE_TREE_SERIAL = Path("/proc/device-tree/serial-number")
CPU_INFO = Path("/proc/cpuinfo")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Identity:
    kiosk_id: str
    boot_id: str
    board_serial: str
    key: Ed25519PrivateKey

    def headers(self, method: str, target: str, nonce: str, body: bytes) -> dict[str, str]:
        """What a signed request carries, as contract.api says."""
        signed = request_bytes(method, target, self.kiosk_id, self.boot_id, self.board_serial, nonce, body)
        return {
            "Kiosk-Id": self.kiosk_id,
            "Kiosk-Boot": self.boot_id,
            "Kiosk-Serial": self.board_serial,
            "Kiosk-Nonce": nonce,
            "Kiosk-Signature": self.key.sign(signed).hex(),
        }


def load_identity(state_dir: Path, board_serial: str) -> tuple[Identity, Enrolment]:
    """Raises NotEnrolled."""
    enrolment = read_enrolment(state_dir / ENROLMENT_FILE)
    try:
        key = _read_key(state_dir / "uplink" / KEY_FILE)
    except (OSError, ValueError) as error:
        raise NotEnrolled(f"{state_dir}: {error}; enrol again with: kiosk enrol --code CODE") from error
    return Identity(enrolment.kiosk_id, read_boot_id(), board_serial, key), enrolment


def key_for_enrolment(state_dir: Path) -> Ed25519PrivateKey:
    """The kiosk's key, made now if there is none. Raises OSError, ValueError."""
    folder = state_dir / "uplink"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / KEY_FILE
    if path.exists():
        return _read_key(path)
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_whole(path, pem, 0o600)
    return key


def public_hex(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def save_enrolment(state_dir: Path, enrolment: Enrolment) -> None:
    write_whole(state_dir / ENROLMENT_FILE, to_bytes(enrolment), 0o644)


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """A file that is there whole or not at all, also after a power cut; owned by whoever owns its folder."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.fchmod(descriptor, mode)
        owner = path.parent.stat()
        if os.geteuid() == 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_board_serial() -> str:
    """The serial number in the Pi's silicon. Raises NotEnrolled where the board has none."""
    try:
        if serial := DEVICE_TREE_SERIAL.read_bytes().rstrip(b"\0").decode("ascii").strip():
            return serial
    except (OSError, UnicodeDecodeError):
        pass  # not every kernel shows it there
    for line in CPU_INFO.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Serial" and value.strip():
            return value.strip()
    raise NotEnrolled("this board shows no serial number; set board_serial in [kiosk]")


def read_boot_id() -> str:
    """The kernel's: a second kiosk with a copied key shows another one while the first still runs."""
    return BOOT_ID.read_text().strip()


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path}: want an Ed25519 key")
    return key
