"""Why an EVSE is in its state, in words: one table of causes, one of states. Data, no code.

Keys are the codes of EvseView.why without `fault:` and `interlock:`, and some that this command finds in the snapshot
by itself. A code that is not here is shown as it is, so a newer controller never leaves the technician without a clue.
"""

from __future__ import annotations

NOTHING = "Nothing."

# code → (what is the case, what to do)
CAUSES: dict[str, tuple[str, str]] = {
    # faults (FaultCode)
    "emergency_stop": (
        "The emergency stop is pressed, or its line is broken.",
        "Look for people and damage first. Release the button, then: kiosk reset EVSE. "
        "Still there: check the normally closed loop of the emergency stop for a broken wire.",
    ),
    "rcd_tripped": (
        "The residual-current device has tripped: current leaked to earth.",
        "Do not just switch it on again. Unplug the vehicle, look at cable and plug, test the insulation. Then switch "
        "the RCD on and: kiosk reset EVSE. It trips again without a vehicle: the fault is in the kiosk.",
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
        "Its message names the GPIO, or the board, and the error: the chip is gone, another program holds the line "
        "(gpioinfo), or the board is silent. Clears by itself.",
    ),
    "meter_lost": (
        "No fresh reading from the meter: what cannot be measured is not sold.",
        "Check the meter's supply, the A/B wires and its address: kiosk doctor, kiosk meter scan. Clears by itself.",
    ),
    "journal_failed": (
        "The disk takes no writes: what cannot be written down is not begun, and a running charge was ended in time.",
        "kiosk doctor, line disk: full, read-only, or a dying card. Clears by itself with the first write that "
        "succeeds; what happened meanwhile is kept in memory until then, so do not cut the power first.",
    ),
    "relay_dropped": (
        "The contactor of another EVSE is welded, so the safety relay that all of them share is held open.",
        "Look after the welded one first: kiosk why. This one clears by itself once that one is reset.",
    ),
    "offer_ignored": (
        "The vehicle drew more than it was offered, for longer than 5 s: its contactor was opened.",
        "Unplug the vehicle; that clears it. It happens with every vehicle: check the board's current setting and "
        "which phases the meter's transformers are on.",
    ),
    "contactor_dropped": (
        "The contactor opened by itself while it was told to be closed, and energy flowed.",
        "Check the coil's supply and fuse, the safety relay and its heartbeat wire, and whether something else shares "
        "the supply and pulls it down. Then: kiosk reset EVSE.",
    ),
    "flows_though_open": (
        "The meter measured current though the contactor's feedback says open. The safety relay was dropped.",
        "Isolate the supply at the breaker before you touch anything. Measure across the contactor: closed, replace "
        "it; open, its contact is right and the meter's wiring is wrong (another load behind it). "
        "Then: kiosk reset EVSE.",
    ),
    "safety_line_lost": (
        "The line of the emergency stop or of the RCD cannot be read, so it counts as active.",
        "Its message names the GPIO and the error: the chip is gone, or another program holds the line (gpioinfo). "
        "Clears by itself.",
    ),
    "over_current": (
        "The vehicle drew more than its offer and the tolerance allow, for longer than over_current_s.",
        "Unplug the vehicle; that clears it. It happens with every vehicle: compare the meter's current with a clamp, "
        "and check the board's current setting; [protection] over_current_percent.",
    ),
    "over_temperature": (
        "The board is too hot: less current did not cool it, or it is past what its parts stand.",
        "Check the terminals for a loose screw (a thermal camera shows it), the fan, and the sun on the cabinet. "
        "Clears by itself once it has cooled.",
    ),
    "diode_fault": (
        "The board's check of the pilot failed: the vehicle's diode, or a short between pilot and earth.",
        "Unplug the vehicle. It clears: the vehicle or its cable. It stays: the pilot wire is shorted, or the board "
        "is ill. Clears by itself.",
    ),
    "board_fault": (
        "The board reports an error of its own; its message has the code.",
        "Switch the board's supply off for ten seconds; it comes again: look the code up in its manual. "
        "Clears by itself.",
    ),
    "meter_swapped": (
        "Another meter answers at this address: its serial number is not the one before. A running charge ended with "
        "the last good reading of the former meter.",
        "You exchanged it: kiosk reset EVSE, which says so in the journal. Nobody did: look whether two devices share "
        "the address.",
    ),
    "meter_implausible": (
        "The meter answers with a register that cannot be true: it ran backwards, or moved faster than this "
        "connection can carry. Such readings are set aside; the last good one stands.",
        "Its message says from where to where. Check whether the meter was reset, or whether two devices share "
        "the address: kiosk doctor, kiosk meter scan. Clears by itself with a register that can be true. It is right "
        "as it stands: kiosk reset EVSE, which says so in the journal.",
    ),
    "under_voltage": (
        "The meter measures too little voltage on a phase, for longer than under_voltage_s.",
        "Measure at the supply: a lost phase or neutral, a loose terminal, or a weak grid (tell its operator). "
        "Clears by itself; [protection] under_voltage_percent.",
    ),
    # less than it could, and no fault
    "heat:half": (
        "The board is warm: half of the current is offered until it has cooled.",
        "Nothing now. Often: check terminals, fan and the sun on the cabinet.",
    ),
    "heat:least": (
        "Half of the current did not cool the board: 6 A are offered, and nothing if that does not help either.",
        "Check the terminals for a loose screw, the fan and the sun on the cabinet.",
    ),
    "heat:board": (
        "The board lowers the current by itself (derating); charging goes on, slower.",
        "Nothing now. Often: clear its air, shade the cabinet.",
    ),
    # the same, while the input is healthy again
    "emergency_stop:gone": (
        "The emergency stop was pressed, or its line broken; it is released now.",
        "Look for people and damage first. Then: kiosk reset EVSE.",
    ),
    "rcd_tripped:gone": (
        "The residual-current device had tripped: current leaked to earth. It is switched on again.",
        "Do not just go on: unplug the vehicle, look at cable and plug, test the insulation. Then: kiosk reset EVSE.",
    ),
    "cause_gone": (
        "The cause is gone; the fault stays latched until somebody resets it.",
        "Now: kiosk reset EVSE. It is refused while another fault stands.",
    ),
    "needs_reset": (
        "The fault is latched: it does not clear by itself, even with a healthy input.",
        "When the cause is gone: kiosk reset EVSE.",
    ),
    # idle
    "free": ("Free, and waiting for somebody.", NOTHING),
    "plugged_in": (
        "A vehicle is plugged in; nobody has paid or shown a card yet.",
        "Hold a card or code to its reader; the vehicle has nothing to do with it.",
    ),
    "no_offer": (
        "No tariff is known for this EVSE, so nothing is sold.",
        "Check that the server offers one and that the kiosk is enrolled and online: kiosk doctor, kiosk outbox.",
    ),
    "held_until_unplugged": (
        "Kept for the former customer until the cable was out.",
        "Nothing, or unplug the cable.",
    ),
    "reserved": (
        "Reserved by the server's order; the screen says until when.",
        "Nothing, or cancel the reservation at the server: kiosk-billing reservation cancel.",
    ),
    "reserved_for_phone": (
        "Somebody pays by phone and the connector is kept for them meanwhile, two minutes at most.",
        "Nothing; it is free again by itself. Again and again without a charge: look at the payment provider, "
        "kiosk-billing payments check.",
    ),
    "blocked_by_operator": (
        "Taken out of service by the operator's order; nothing new begins here.",
        "Put it back at the server: kiosk-billing evse open.",
    ),
    "token_would_start": (
        "A card or code was read and waits for its connector to be chosen; it would start here.",
        "Choose connector EVSE on the screen.",
    ),
    # a charge that a power cut interrupted
    "continued": (
        "It goes on after a power cut, as a new transaction of the same order: one receipt, one cap.",
        NOTHING,
    ),
    "goes_on:wait_for_clock": (
        "A charge was interrupted by a power cut. It goes on by itself once the clock is set: until then nobody knows "
        "how long the cut was.",
        "Nothing. It takes long: check the network, as the clock is set from it (timedatectl).",
    ),
    "goes_on:wait_for_service": (
        "A charge was interrupted by a power cut. It goes on by itself once the EVSE is in order.",
        NOTHING,
    ),
    "ended:switched_off": ("A power cut ended the charge; going on by itself was not possible.", NOTHING),
    "ended:not_clean": (
        "A power cut ended the charge. It did not go on: the meter could not be read at its end.",
        "Check the meter: kiosk doctor. The driver may start again.",
    ),
    "ended:clock_unknown": (
        "A power cut ended the charge. It did not go on: the clock was not set before the cut.",
        "Check the network, as the clock is set from it (timedatectl). The driver may start again.",
    ),
    "ended:clock_set_back": (
        "A power cut ended the charge. It did not go on: the clock is earlier than the charge's last record.",
        "Check the clock (timedatectl) and its battery. The driver may start again.",
    ),
    "ended:too_late": (
        "A power cut ended the charge. It did not go on: more time passed than restart_within_s allows.",
        "The driver may start again.",
    ),
    "ended:unplugged": ("A power cut ended the charge. It did not go on: the cable was out.", NOTHING),
    "ended:latched_fault": (
        "A power cut ended the charge. It did not go on: a fault came that needs a reset.",
        "The driver may start again.",
    ),
    "ended:no_credit": ("A power cut ended the charge. It did not go on: the credit is used up.", NOTHING),
    "ended:limit_reached": ("A power cut ended the charge. It did not go on: the driver's limit is reached.", NOTHING),
    "ended:token_blocked": ("A power cut ended the charge. It did not go on: the card is blocked by now.", NOTHING),
    "ended:in_use": ("A power cut ended the charge. It did not go on: somebody else has begun.", NOTHING),
    # authorizing
    "waiting_for_payment": (
        "The server asks the payment provider about the code that was shown.",
        "Nothing; after a few seconds it is refused and what was held is released.",
    ),
    "waiting_for_answer": (
        "The token was read; neither the server nor the kiosk's own list has answered yet.",
        "A few seconds are normal. Always the whole patience: the server is away, kiosk doctor.",
    ),
    # preparing
    "waiting_for_disk": (
        "Started is not on disk yet, and nothing engages before it is.",
        "A second is normal. Longer: the card or disk is failing or full: kiosk doctor.",
    ),
    "waiting_for_plug": (
        "Authorised, but no vehicle is plugged in (pilot A).",
        "Plug in. It is plugged in and this stays: check the cable and the pilot wire.",
    ),
    "waiting_for_vehicle": (
        "The vehicle is connected and asks for no energy (pilot B).",
        "Nothing at the kiosk: look at the vehicle's own charging timer and charge limit.",
    ),
    "waiting_for_contactor": (
        "The vehicle asks for energy, and the contactor is not seen closed yet.",
        "Seconds are normal (an opened contactor rests first). Longer: safety relay, coil, auxiliary contact.",
    ),
    # delivering
    "charging_state:Charging": ("Energy flows.", NOTHING),
    "near_limit": (
        "A limit or the cap of the authorisation is near: less current is offered, so that the end lies close below.",
        "Ends by itself.",
    ),
    "charging_state:SuspendedEV": (
        "The vehicle pauses: it is connected and asks for no energy (pilot B).",
        "Nothing at the kiosk: the battery is full, or the vehicle's timer or charge limit holds it.",
    ),
    "charging_state:SuspendedEVSE": (
        "The kiosk offers no current, or the contactor is not closed.",
        "Look at the offer and at the lines below: kiosk status.",
    ),
    "charging_state:EVConnected": ("The vehicle is connected, and nothing flows yet.", "A few seconds are normal."),
    "charging_state:Idle": ("No vehicle is seen any more.", "Ends by itself."),
    # parked and closing
    "stopped:Local": ("Stopped here, by card or by code.", NOTHING),
    "stopped:Remote": ("Stopped by a command of the server or a technician; the journal says who.", NOTHING),
    "stopped:EVDisconnected": ("The cable was unplugged.", NOTHING),
    "stopped:EnergyLimitReached": ("The driver's energy limit was reached.", NOTHING),
    "stopped:TimeLimitReached": ("The driver's time limit was reached.", NOTHING),
    "stopped:CostLimitReached": ("The driver's money limit was reached.", NOTHING),
    "stopped:LocalOutOfCredit": ("What the order may cost was reached.", NOTHING),
    "stopped:DeAuthorized": ("The card was blocked while it charged.", "Nothing; what was delivered is billed."),
    "stopped:EmergencyStop": ("The emergency stop ended it.", "Look for people and damage first."),
    "stopped:GroundFault": ("The residual-current device ended it.", "See the RCD before anybody plugs in again."),
    "stopped:OvercurrentFault": ("The vehicle drew too much and was switched off.", "Let the vehicle be checked."),
    "stopped:PowerQuality": ("Too little voltage ended it.", "Measure at the supply."),
    "stopped:PowerLoss": ("A power cut ended it.", NOTHING),
    "stopped:Timeout": ("No vehicle came in time.", NOTHING),
    "stopped:Other": ("A fault ended it.", "kiosk journal list --kind transaction shows when."),
    "waiting_for_unplug": ("The cable is still in.", "Unplug it."),
    "ramping_down": (
        "The current is falling; the contactor is still closed and opens once it has fallen.",
        "Seconds are normal.",
    ),
    "waiting_for_open_feedback": (
        "The contactor is told to open; its feedback does not say open yet.",
        "A second is normal. Longer: it may be welded, the safety relay drops by itself. Keep away from the plug.",
    ),
    "waiting_for_last_reading": (
        "The contactor is open; the last meter reading is still missing.",
        "Seconds are normal. Longer: the meter is silent, kiosk doctor. The transaction ends all the same.",
    ),
    # the site's limit; {others} are EVSE numbers
    "site_limit:shared": ("The site's limit is shared equally with EVSE {others}.", NOTHING),
    "site_limit:reduced": ("Other load on the site leaves less than this EVSE could offer.", NOTHING),
    "site_limit:waits_for_turn": (
        "There is not enough current for 6 A for everybody; this EVSE waits for its turn.",
        "Nothing, turns change by themselves. Often: raise site.limit_a, if the connection allows it.",
    ),
    "site_limit:waits_for_fall": (
        "Nothing is offered before the lower current of EVSE {others} was measured.",
        "Seconds are normal. Longer: the other's meter is slow or silent, kiosk doctor.",
    ),
    "site_limit:no_room": (
        "Other load on the site leaves less than 6 A.",
        "Nothing, it goes on when there is room. Always: compare the site meter with its clamps and phases.",
    ),
    "site_limit:fallback": (
        "The site's meter has no fresh reading: the fixed fallback limit holds.",
        "Check the site meter's supply, bus wiring and address: kiosk doctor.",
    ),
    # what the interlock objects to
    "over_site_limit": (
        "The offers together would exceed the site's limit, so this one is not raised.",
        "Seconds are normal. It stays: a fault of this program; note the time and report it.",
    ),
    "not_on_disk": (
        "The last event is not on disk yet, and nothing engages before it is.",
        "A second is normal. Longer: the card or disk is failing or full: kiosk doctor.",
    ),
    "board_objects": (
        "The board reports an error, a failed diode check or too much heat, so nothing may engage.",
        "See the fault of this EVSE: kiosk why.",
    ),
    "no_vehicle": ("No vehicle is connected (pilot A), so nothing may engage.", "Plug in."),
    "feedback_unknown": (
        "The contactor's feedback cannot be read, so nothing may engage.",
        "Check the GPIO chip and the auxiliary contact's wiring: kiosk doctor.",
    ),
    "meter_unknown": (
        "The meter has no fresh reading, so nothing may engage.",
        "Check the meter's supply and bus wiring: kiosk doctor.",
    ),
    "vehicle_does_not_ask": ("The vehicle asks for no energy (pilot B), so the contactor stays open.", NOTHING),
    # what the snapshot shows besides
    "feedback_disagrees": (
        "The contactor's feedback is not what is wanted.",
        "A second is normal. Longer: see contactor, safety relay and auxiliary contact, kiosk doctor.",
    ),
    "meter_stale": ("The newest meter reading is old.", "Check the meter's supply and bus wiring: kiosk doctor."),
    "offline": (
        "The server does not answer; cards on the kiosk's own list and signed vouchers still work.",
        "Check the network: kiosk doctor.",
    ),
    # the kiosk besides its EVSEs; found by conditions.py
    "reader_lost": (
        "No reader works, so nobody can identify himself here; a start from the phone page still works online.",
        "Check the reader's cable and supply: kiosk doctor, kiosk nfc read.",
    ),
    "nfc_reader_dead": (
        "The card reader does not answer; it is opened again and again, and reset where it has a reset line.",
        "Check its supply, TX and RX crossed, switches on HSU, and that no other program holds its terminal. Without a "
        "reset line a reader that hangs needs its supply switched off: wire [[reader]] reset_pin.",
    ),
    "scanner_gone": (
        "The code scanner's port is not there, or does not open.",
        "Plug it in; set it to serial (USB-COM) mode with the code of its manual; no other program may hold its "
        "terminal: kiosk doctor.",
    ),
    "screen_gone": (
        "No screen process is here, or it hangs: the display shows nothing, or something old.",
        "systemctl status kiosk-ui; journalctl -u kiosk-ui says why it ends, and of a watchdog where it hung. "
        "Cards still work.",
    ),
    "uplink_gone": (
        "No uplink process is here, so the server cannot be asked and nothing is sent; rows wait in the journal.",
        "systemctl status kiosk-uplink; journalctl -u kiosk-uplink says why it ends.",
    ),
    "server_refuses": (
        "The server is there and answers with an error, or does not know this kiosk.",
        "kiosk doctor, line server; tell the operator. Not enrolled there any more: kiosk enrol --code CODE.",
    ),
    "row_refused": (
        "The server takes requests, but not this row; the others go on, and it stays in the journal.",
        "Tell the operator: the releases may not fit. It goes out again when the uplink starts: kiosk outbox, "
        "kiosk journal show NO.",
    ),
    "certificate_expired": (
        "The server's certificate has ended, so it is not believed.",
        "The operator renews it: kiosk-billing authority renew. If the date here is wrong: kiosk doctor, line clock.",
    ),
    "certificate_refused": (
        "The server's certificate is not believed: another authority, another name, or not valid yet.",
        "kiosk doctor, line server, says which. A new authority: kiosk enrol --ca FILE.",
    ),
    "clock_unknown": (
        "The clock was never synchronised since the start; after a power cut it may stand at 1970.",
        "Check the network and NTP (UDP 123): timedatectl timesync-status. A clock chip with a battery helps.",
    ),
    "clock_set": (
        "Somebody or something set the computer's clock within the last hour.",
        "Nothing, if it is right now. Again and again: a bad NTP server, or a flat battery of the clock chip.",
    ),
    "disk_full": (
        "The disk is full, so nothing can be written down.",
        "Make room before you cut the power: journalctl --vacuum-size=100M; du -xh / | sort -h | tail.",
    ),
    "disk_read_only": (
        "The disk takes no writes any more: the kernel has made it read-only, as the card fails.",
        "Stop the controller, copy its state_dir, put it on a new card: docs/technician.md, The disk.",
    ),
    "disk_stalled": (
        "The disk takes no write and says nothing: it hangs.",
        "kiosk doctor, line disk writes; dmesg tells of a card that does not answer. Often: replace the card.",
    ),
    "journal_damaged": (
        "The journal was damaged and begun anew; the damaged file is kept aside.",
        "kiosk doctor, line kept aside, says what it cost and where the file is. Twice: replace the card.",
    ),
    "port_gone": (
        "The port of a bus is not there: the RS-485 adapter is unplugged, or has another name.",
        "Plug it in again. Name it by /dev/serial/by-id/, or give its other names in [[bus]] other_devices.",
    ),
    "bus_babbles": (
        "Something talks on the bus without pause, so nobody else is heard.",
        "Unplug one device after the other until the bus is quiet; A and B may be swapped at the last one fitted.",
    ),
    "address_doubled": (
        "Likely two devices have the same address.",
        "Switch one of them off and look again; give each its own: kiosk meter scan --bus NAME.",
    ),
    "answers_late": (
        "A device answers after the patience was over; such answers are thrown away.",
        "Raise timeout_s of the bus, or look for a second master on it.",
    ),
    "wrong_device": (
        "Another device answers in place of the one that was asked.",
        "Check the address on the device; look for a gateway or a second master on the bus.",
    ),
    "gpio_gone": (
        "A GPIO line cannot be used: the chip is gone, or another program holds the line.",
        "The message names the line and the error: gpioinfo; the service's user must be in the group gpio.",
    ),
}

CONTACTOR: dict[bool | None, str] = {
    True: "the contactor still closed",
    False: "the contactor open",
    None: "the contactor unknown (no feedback)",
}

# how a session begins, and what of it is left without a reader
BEGINS = "a card, member code or voucher at the reader, a payment by phone, or a start command begins a session"
BEGINS_WITHOUT: dict[str, str] = {
    "reader_lost": "no reader works, so only a payment by phone or a start command begins a session",
    "nfc_reader_dead": "a code at the scanner, a payment by phone, or a start command begins a session; no card does",
    "scanner_gone": "a card at the reader, a payment by phone, or a start command begins a session; no code does",
}

# state → (what it means, what moves it on); {contactor} is CONTACTOR by the feedback
STATES: dict[str, tuple[str, str]] = {
    "idle": ("free", BEGINS),
    "authorizing": (
        "waiting for a word on the token",
        "the server's answer, or the kiosk's own list; without one it goes back to idle",
    ),
    "preparing": (
        "authorised, not yet delivering",
        "the vehicle asks for energy (pilot C) and the contactor is seen closed; else it ends without cost",
    ),
    "delivering": (
        "the vehicle may draw energy, or pauses",
        "the card, the code on the screen, a limit, unplugging, or kiosk stop EVSE ends it",
    ),
    "parked": (
        "stopped, {contactor}, and the cable still in; parking counts by the tariff",
        "unplugging ends it",
    ),
    "closing": (
        "ending, {contactor}; the last reading is taken",
        "feedback seen open and a last reading; without them its patience ends it",
    ),
    "out_of_service": ("it may not deliver", "it clears by itself once the fault's cause is gone"),
}

# the same for an idle EVSE that is not just free, by the deciding cause
IDLE: dict[str, tuple[str, str]] = {
    "plugged_in": ("a vehicle waits for a card or a payment", BEGINS),
    "no_offer": ("without a price", "a tariff from the server puts it on sale"),
    "blocked_by_operator": ("closed by the operator's order", "kiosk-billing evse open at the server puts it back"),
    "reserved": ("kept by a reservation", "the customer it is kept for begins, or the reservation ends"),
    "reserved_for_phone": (
        "kept for somebody who pays by phone",
        "their payment begins a session, or it is free again",
    ),
    "held_until_unplugged": (
        "kept for the former customer",
        "unplugging frees it, or the former customer's card or code begins again",
    ),
}
CHOOSING = "choosing connector EVSE on the screen begins a session with the card or code that waits"

# a latched fault, by whether its cause is gone
LATCHED: dict[bool, str] = {True: "kiosk reset EVSE", False: "the fault's cause must go, and then: kiosk reset EVSE"}
