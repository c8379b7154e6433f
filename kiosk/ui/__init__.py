"""The touchscreen: its own process, a function of one whole snapshot."""
