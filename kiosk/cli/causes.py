"""Why an EVSE is in its state, in words: one table of causes, one of states. Data, no code.

Codes are those of EvseView.why, of FaultCode and of the states; a code that is not here is shown as it is, so a newer
controller never leaves the technician without a clue.
"""

from __future__ import annotations

# code → (what is the case, what to do)
CAUSES: dict[str, tuple[str, str]] = {
    # faults
    "emergency_stop": (
        "The emergency stop is pressed, or its line is broken.",
        "Look for people and damage first. Release the mushroom, then: kiosk reset EVSE. "
        "Still there: check the normally closed loop of the emergency stop for a broken wire.",
    ),
    "rcd_tripped": (
        "The residual-current device has tripped: current leaked to earth.",
        "Do not just switch it on again. Unplug the vehicle, look at cable and plug, test insulation. Then switch the "
        "RCD on and: kiosk reset EVSE. It trips again without a vehicle: the fault is in the kiosk.",
    ),
    "contactor_welded": (
        "The contactor was told to open and its feedback says closed: it may be welded. The safety relay was dropped.",
        "Isolate the supply at the breaker before you touch anything. Measure across the contactor; replace it if "
        "it is closed, else check the auxiliary contact's wiring. Then: kiosk reset EVSE.",
    ),
    "contactor_stuck_open": (
        "The contactor was told to close and its feedback stayed open.",
        "Check that the safety relay is pulled in (heartbeat), the coil's fuse and supply, then the auxiliary contact. "
        "With the controller stopped: kiosk relay EVSE test. Then: kiosk reset EVSE.",
    ),
    "pilot_fault": (
        "The control pilot says E or F: it is shorted to earth, or the board calls itself out of order.",
        "Unplug the vehicle. State A without a cable: the cable or the vehicle. Still E or F: the board or its wiring.",
    ),
    "pilot_lost": (
        "No fresh answer from the pilot board.",
        "Check the board's supply and the A/B wires of its bus; kiosk doctor names bus and address. Clears by itself.",
    ),
    "feedback_lost": (
        "The contactor's feedback line cannot be read.",
        "Check the GPIO chip and the auxiliary contact's wiring: kiosk doctor. Clears by itself.",
    ),
    "meter_lost": (
        "No fresh reading from the meter: what cannot be measured is not sold.",
        "Check the meter's supply, the A/B wires and its address: kiosk doctor, kiosk meter scan. Clears by itself.",
    ),
    # what the snapshot shows besides
    "latched": (
        "The fault is latched: it does not clear by itself, even with a healthy input.",
        "When the cause is gone: kiosk reset EVSE.",
    ),
    "no_offer": (
        "No tariff is known for this EVSE, so nothing is sold.",
        "Check that the server offers one and that the kiosk is enrolled and online: kiosk doctor, kiosk outbox.",
    ),
    "held": (
        "Kept for the former customer until the cable was out.",
        "Nothing, or unplug the cable.",
    ),
    "off_time": (
        "The contactor rests a few seconds after it opened.",
        "Nothing: it clears by itself.",
    ),
    "feedback_disagrees": (
        "The contactor's feedback does not (yet) show what is wanted.",
        "A second is normal. Longer: see contactor and safety relay, kiosk doctor.",
    ),
    "meter_stale": (
        "The newest meter reading is old.",
        "Check the meter's supply and bus wiring: kiosk doctor.",
    ),
    "not_on_disk": (
        "The last event is not on disk yet, and nothing engages before it is.",
        "A second is normal. Longer: the card or disk is failing or full: kiosk doctor.",
    ),
    "vehicle_pauses": (
        "The vehicle is connected and asks for no energy (pilot B): it pauses, is full, or waits for its timer.",
        "Nothing at the kiosk: look at the vehicle's own charging timer and charge limit.",
    ),
    "no_vehicle": (
        "No vehicle is plugged in (pilot A).",
        "Plug in. The vehicle is plugged and this stays: check the cable and the pilot wire.",
    ),
    "offers_nothing": (
        "The current on offer is 0 A.",
        "Look at the site limit and the other EVSEs: kiosk status.",
    ),
    "offline": (
        "The server does not answer; cards on the kiosk's own list and signed vouchers still work.",
        "Check the network: kiosk doctor.",
    ),
    "reader_lost": (
        "No reader works, so nobody can identify himself here; a start from the phone page still works online.",
        "Check the reader's cable and supply: kiosk doctor, kiosk nfc read.",
    ),
    "nothing_wrong": (
        "Nothing is wrong.",
        "Nothing.",
    ),
}

# state → (what it means, what moves it on)
STATES: dict[str, tuple[str, str]] = {
    "idle": (
        "free",
        "a card, member code or voucher at the reader, or a start command, begins a session",
    ),
    "authorizing": (
        "waiting for a word on the token",
        "the server's answer, or the kiosk's own list; without one it goes back to idle",
    ),
    "preparing": (
        "authorised, not yet delivering",
        "the vehicle asks for energy (pilot C) and the contactor is seen closed; else it ends without cost",
    ),
    "delivering": (
        "the contactor is closed, or the vehicle pauses",
        "the card, the code on the screen, a limit, unplugging, or kiosk stop EVSE ends it",
    ),
    "parked": (
        "stopped; the contactor is open and the cable still in, parking counts by the tariff",
        "unplugging ends it",
    ),
    "closing": (
        "opening the contactor and taking the last reading",
        "feedback seen open and a last reading; without them its patience ends it",
    ),
    "out_of_service": (
        "may not deliver",
        "the fault's cause must go; a latched one also needs: kiosk reset EVSE",
    ),
}
