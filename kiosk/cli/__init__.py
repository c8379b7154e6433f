"""The technician's command, a client of the controller's socket."""
