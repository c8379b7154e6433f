"""Faults between the uplink and the server: the process, the server's answers, its certificate, its data."""

from __future__ import annotations

from worlds.faults.kind import Kind, Mend, NotNow, Where


def kill_uplink(at: Where) -> Mend:
    kiosk = at.world.kiosk
    if kiosk is None:
        raise NotNow
    kiosk.link.die()
    return kiosk.link.revive


def refuse(at: Where) -> Mend:
    """The server answers with an error: mostly 503, which says nothing of the request, sometimes 400, which does."""
    network = at.world.network
    network.refuses_with = at.rng.choice([503, 503, 400])

    def mend() -> None:
        network.refuses_with = None
        if at.world.kiosk is not None:
            at.world.kiosk.link.die()  # rows that were set aside go out again once the uplink is started anew
            at.world.kiosk.link.revive()

    return mend


def distrust(at: Where) -> Mend:
    """The server's certificate has expired: no request is sent at all."""
    network = at.world.network
    network.is_trusted = False

    def mend() -> None:
        network.is_trusted = True

    return mend


def restore_backup(at: Where) -> Mend:
    """What the server learns from now on is forgotten at the end, when its backup is restored under a new epoch."""
    server = at.world.server
    if at.world.purse is not None:
        raise NotNow  # a backup knows no payment made since; ledger reconcile tells those, and a person mends it
    backup = server.backup()

    def mend() -> None:
        server.restore(backup)
        at.world.tell("the server's backup is restored")

    return mend


KINDS = (
    Kind("uplink_dead", "uplink", kill_uplink, (1, 300), of_evse=False),
    Kind("server_refuses", "server", refuse, (10, 1_800), of_evse=False),
    Kind("certificate_expired", "server", distrust, (60, 3_600), of_evse=False),
    Kind("server_restored", "server's data", restore_backup, (600, 4 * 3_600), every_h=36, of_evse=False),
)
