"""The controller's process: the only place that constructs devices, journal, controller and panel, and joins them."""

from kiosk.daemon.main import main

__all__ = ["main"]
