"""What goes wrong in a world: one table of kinds (kinds.py), and who draws them by the seed (trouble.py).

A kind breaks a part of the street, the cabinet, the link or the clock, as far as the kiosk can see it at the device
Protocols, and gives back what mends it. Kinds that look alike there share one; docs/simulation.md says which.
"""
