"""What a running controller says of the devices it holds."""

from __future__ import annotations

from typing import Any

from kiosk.probe.findings import Finding, fail, from_driver, ok, warn


def all_of(snapshot: dict[str, Any], advice: dict[str, list[str]]) -> list[Finding]:
    """`advice`: likely cause and fix, by EVSE with a fault, by "part:NAME" and under "offline"."""
    says = f"runs since boot {snapshot['boot_id'][:8]}; it holds the devices, these are its words"
    findings = [ok("controller", snapshot["kiosk_id"], says)]
    for evse in snapshot["evses"]:
        findings.append(_evse(evse, advice))
    for what, parts in (("reader", snapshot["readers"]), ("device", snapshot["devices"])):
        for part in parts:
            if part["is_good"]:
                findings.append(ok(what, part["name"], part["message"] or "answers"))
            else:
                findings.append(_part(what, part, advice))
    if not snapshot["is_online"]:
        because = snapshot.get("offline_because", "").replace("_", " ")
        says = f"offline ({because})" if because else "offline"
        cause, fix = advice.get("offline", ["network, server or uplink", "see server below"])
        findings.append(warn("uplink", "", f"{says}, {snapshot['outbox_rows']} rows wait", cause, fix))
    return findings


def _part(what: str, part: dict[str, Any], advice: dict[str, list[str]]) -> Finding:
    """The driver's own sentence; the likely cause and more to do where a row of the fault table shows. A row about a
    reader says all that its driver advises, which is then not said twice."""
    cause, fix = advice.get(f"part:{part['name']}", ["supply, wiring or address", ""])
    message = part["message"].removeprefix(f"{part['name']}: ") or "does not answer"
    if what == "reader" and fix:
        message = message.partition(" Check ")[0]
    return from_driver(what, part["name"], message, cause, fix)


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
