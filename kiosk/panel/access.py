"""Who may take which role: the kernel's word about the peer (SO_PEERCRED, SO_PEERGROUPS; see unix(7))."""

from __future__ import annotations

import array
import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass

from kiosk.wire import Role

SO_PEERGROUPS = 59  # asm-generic/socket.h; Python has no name for it
MOST_GROUPS = 256


@dataclass(frozen=True, slots=True)
class Peer:
    """`groups` are all the peer's groups, its own and the supplementary ones."""

    pid: int
    uid: int
    groups: frozenset[int]


@dataclass(frozen=True, slots=True)
class Access:
    """Who may be what, besides root and the controller's own user, who may be anything."""

    screen_uid: int | None = None
    uplink_uid: int | None = None
    technician_gid: int | None = None

    def allows(self, role: Role, peer: Peer) -> bool:
        if peer.uid in (0, os.geteuid()):
            return True
        match role:
            case Role.SCREEN:
                return peer.uid == self.screen_uid
            case Role.UPLINK:
                return peer.uid == self.uplink_uid
            case Role.TECHNICIAN:
                return self.technician_gid in peer.groups


def access(screen_user: str | None, uplink_user: str | None, technician_group: str | None) -> Access:
    """From names. Raises LookupError, saying which name the system does not know."""
    try:
        return Access(
            None if screen_user is None else pwd.getpwnam(screen_user).pw_uid,
            None if uplink_user is None else pwd.getpwnam(uplink_user).pw_uid,
            None if technician_group is None else grp.getgrnam(technician_group).gr_gid,
        )
    except KeyError as error:
        raise LookupError(f"[panel]: {error.args[0]}") from error


def peer_of(connection: socket.socket) -> Peer:
    """Raises OSError."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, gid = struct.unpack("3i", credentials)
    groups = array.array("I")
    groups.frombytes(connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, MOST_GROUPS * groups.itemsize))
    return Peer(pid, uid, frozenset([gid, *groups]))
