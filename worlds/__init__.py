"""Kiosk, server and street put together, as processes for the demo or in one deterministic process."""
