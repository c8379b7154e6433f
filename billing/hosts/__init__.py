"""Hosts (system A): who they are, what was agreed with them, what their device's uses earn them, month by month.

Law:
- A host is paid what their own electricity contract costs for the metered kWh, plus the installation fee agreed.
- What was agreed or counted is never changed; what is found out later is booked when it is found out, with its sign.
- A host sees what is theirs and nothing else: every reading here asks for the host's id.

Energy given back at a host's device (system B) will have its place beside the electricity cost of a use: a line of its
own with its own sign, by the rule in the agreement. Nothing here counts it yet.
"""
