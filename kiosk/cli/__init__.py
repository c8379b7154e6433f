"""The technician's command: a client of the controller's socket, and the starter of the probe where none runs."""
