"""The probe: the second composition root, for the technician when no controller holds the devices.

Law: it takes nothing that somebody else holds. A serial port is locked by its driver (flock), so a bus has one master;
the lines of the GPIO are touched only while no controller listens on its socket, and by one probe at a time.
It knows no session. What it changes it writes into the journal first.
"""
