"""The only process on the kiosk with a network: carries questions, drains the journal, fetches lists."""
