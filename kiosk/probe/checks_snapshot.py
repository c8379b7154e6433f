"""What a running controller says of the devices it holds."""

from __future__ import annotations

from typing import Any

from kiosk.probe.findings import Finding, fail, from_driver, ok, warn

_OFFLINE = {  # Snapshot.offline_because → likely cause, fix
    "uplink_gone": ("the uplink process ended, or was never started", "systemctl status kiosk-uplink"),
    "no_answer": ("network, or the server is down", "see server below"),
    "server_refuses": ("the server is ill, or does not know this kiosk", "see server and enrolment below"),
    "certificate_expired": ("nobody renewed the server's certificate, or this clock is ahead", "see server below"),
    "certificate_refused": ("another authority or name, or this clock is behind", "see server below"),
}


def all_of(snapshot: dict[str, Any], advice: dict[str, list[str]]) -> list[Finding]:
    """`advice` by EVSE with a fault: likely cause and fix."""
    says = f"runs since boot {snapshot['boot_id'][:8]}; it holds the devices, these are its words"
    findings = [ok("controller", snapshot["kiosk_id"], says)]
    for evse in snapshot["evses"]:
        findings.append(_evse(evse, advice))
    for what, parts in (("reader", snapshot["readers"]), ("device", snapshot["devices"])):
        for part in parts:
            if part["is_good"]:
                findings.append(ok(what, part["name"], part["message"] or "answers"))
            else:
                findings.append(
                    from_driver(what, part["name"], part["message"] or "does not answer", "supply, wiring or address")
                )
    if not snapshot["is_online"]:
        because = snapshot.get("offline_because", "")
        cause, fix = _OFFLINE.get(because, ("network, server or uplink", "see server below"))
        says = f"offline ({because.replace('_', ' ')})" if because else "offline"
        findings.append(warn("uplink", "", f"{says}, {snapshot['outbox_rows']} rows wait", cause, fix))
    return findings


def _evse(evse: dict[str, Any], advice: dict[str, list[str]]) -> Finding:
    where = f"EVSE {evse['evse_id']}"
    if fault := evse.get("fault"):
        latched = ", latched" if fault["is_latched"] else ""
        says = f"{fault['code']}{latched} since {fault['since']}"
        cause, fix = advice[str(evse["evse_id"])]
        return fail("relay and inputs", where, says, cause, fix)
    if evse.get("contactor_closed") is not evse["wants_contactor_closed"]:
        says = f"contactor feedback {evse.get('contactor_closed')}, wanted {evse['wants_contactor_closed']}"
        return warn("relay and inputs", where, says, "just switching, or a feedback wire", "look again in 5 s")
    closed = "closed" if evse.get("contactor_closed") else "open"
    return ok("relay and inputs", where, f"{evse['state']}, contactor {closed} as wanted, pilot {evse.get('pilot')}")
